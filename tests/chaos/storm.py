"""The storm: threads that each do one kind of mischief, again and again, as their own seeded chance says.

The same seed makes the same decisions; how they fall together is up to the machine. To add an action, write a function
of a `Storm` and a `Random` and put it into `CREWS`; one whose method minisup does not know is left out.
"""

import json
import os
import random
import shutil
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

from kit import Daemon, Stage, Stopwatch, wait_until
from listener import Listener
from lookup import environ_of, pids, resident_of
from raw import Raw
from redis_kit import Redis
from zoo import Animal

from minisup import Client
from minisup.errors import MinisupError, NotReachableError
from minisup.host.requests.verbs import VERBS

HEALTH_LIMIT = 2.0
PATIENCE = 60.0
USUAL = {"start", "stop", "restart", "status", "logs"}
"""What a storm has done at least."""
OFTEN, SOMETIMES, RARELY = 20, 5, 1


class Storm:
    """What the actions need to know, and what they found."""

    def __init__(
        self, stage: Stage, daemon: Daemon, animals: list[Animal], seed: int, agent: Listener, redis: Redis | None
    ) -> None:
        self.agent = agent
        self.redis = redis
        self.first = stage.path("minisup.toml").read_text()
        self.stage = stage
        self.daemon = daemon
        self.animals = animals
        self.seed = seed
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.slowest_health = 0.0
        self.memory: list[int] = []  # bytes that minisup held, at each look of the nurse
        self.over = threading.Event()

    def chance(self, name: str) -> random.Random:
        """A chance of its own for each thread."""
        return random.Random(f"{self.seed}/{name}")

    def rage(self, seconds: float) -> None:
        """Let all threads do their worst for this long."""
        names = [name for name, crew in CREWS.items() for _ in range(crew.size)]
        threads = [
            threading.Thread(target=self._work, args=(f"{name}.{number}", CREWS[name]), daemon=True)
            for number, name in enumerate(names)
        ]
        for thread in threads:
            thread.start()
        self.over.wait(seconds)
        with suppress(AssertionError):  # what was not done is the test's to judge
            wait_until(
                lambda: self.done.keys() >= USUAL, PATIENCE
            )  # on a busy machine it takes longer until all was done
        self.over.set()
        for thread in threads:
            wake_all(self, self.chance("the end"))  # who waits for a run that somebody has stopped waits no longer
            thread.join(30)
            if thread.is_alive():
                self.wrong.append(f"{thread.name} hangs")

    def _work(self, name: str, crew: "Crew") -> None:
        chance = self.chance(name)
        actions = [action for action in crew.actions if action.needs in {"", *VERBS}]
        weights = [action.weight for action in actions]
        while not self.over.is_set():
            action = chance.choices(actions, weights)[0]
            try:
                action.do(self, chance)
            except NotReachableError as error:
                self.wrong.append(f"{action.do.__name__}: {error}")
            except MinisupError as error:
                self.refused[type(error).__name__] += 1
            except Exception as error:  # noqa: BLE001 -- a finding, not the end of the storm
                self.wrong.append(f"{action.do.__name__}: {error!r}")
            self.done[action.do.__name__] += 1
            self.over.wait(chance.uniform(0.0, 2 * crew.pause))

    # --- what actions have in common ---

    def client(self) -> Client:
        """A connection of one's own."""
        return Client(str(self.daemon.socket))

    def target(self, chance: random.Random) -> str:
        """Something to name: mostly a program or a slot."""
        animal = chance.choice(self.animals)
        slot = f"{animal.name}:{chance.randrange(animal.numprocs)}"
        some = [animal.name, slot, f"{animal.kind}*", f"@herd{chance.randint(1, 3)}", "all", "nobody"]
        return chance.choices(some, [10, 10, 4, 2, 1, 1])[0]

    def is_job(self, pid: int) -> bool:
        """Whether the process is one of a run of this minisup."""
        block = environ_of(pid)
        return self.stage.mark.encode() in block and b"MINISUP_RUN_ID=" in block

    def jobs(self) -> list[int]:
        """The processes of runs, and who is asked how much work waits."""
        return [pid for pid in pids() if self.is_job(pid)]

    def left(self) -> list[int]:
        """The processes of runs."""
        return [pid for pid in self.jobs() if b"MINISUP_RUN_ID=0" not in environ_of(pid).split(b"\0")]


class Action(NamedTuple):
    """Something that is done to minisup. `needs`: the method without which it makes no sense."""

    do: Callable[[Storm, random.Random], None]
    weight: int
    needs: str = ""


class Crew(NamedTuple):
    """So many threads that choose among these actions, with a mean pause between two (seconds)."""

    size: int
    pause: float
    actions: list[Action]


# --- operators --------------------------------------------------------------------------------------------------------


def on_slots(verb: str) -> Callable[[Storm, random.Random], None]:
    """A request about slots, with and without waiting."""

    def ask(storm: Storm, chance: random.Random) -> None:
        wait = chance.random() < 0.3
        params = {"now": chance.random() < 0.4, "wait": wait, "timeout": chance.uniform(0.0, 0.8) if wait else None}
        with storm.client() as client:
            getattr(client, verb)([storm.target(chance) for _ in range(chance.choice([1, 1, 1, 3]))], **params)

    ask.__name__ = verb
    return ask


def call(method: str, make: Callable[[Storm, random.Random], dict[str, Any]]) -> Callable[[Storm, random.Random], None]:
    """Any method, with parameters made by `make`."""

    def ask(storm: Storm, chance: random.Random) -> None:
        with Raw(storm.daemon.socket) as connection:
            answer = connection.ask(method, **make(storm, chance))
            if "error" in answer:
                storm.refused[method] += 1
                if answer["error"]["code"] == -32603:
                    storm.wrong.append(f"{method}: {answer['error']['message']}")

    ask.__name__ = method
    return ask


def one_target(storm: Storm, chance: random.Random) -> dict[str, Any]:
    return {"targets": [storm.target(chance)]}


def one_program(storm: Storm, chance: random.Random) -> dict[str, Any]:
    return {"target": chance.choice(storm.animals).name}


def nothing(_storm: Storm, _chance: random.Random) -> dict[str, Any]:
    return {}


def follow(
    method: str, make: Callable[[Storm, random.Random], dict[str, Any]] = nothing
) -> Callable[[Storm, random.Random], None]:
    """A stream of notifications, read for a while, or not at all."""

    def ask(storm: Storm, chance: random.Random) -> None:
        reads = chance.random() < 0.7
        with Raw(storm.daemon.socket) as connection:
            answer = connection.ask(method, **make(storm, chance))
            if not answer.get("result", {}).get("following"):
                storm.refused[method] += 1
                return
            watch, lasts = Stopwatch(), chance.uniform(0, 1)
            with suppress(TimeoutError):  # nobody has printed anything
                while reads and watch.seconds < lasts and (line := connection.line()):
                    json.loads(line)
            storm.over.wait(max(0.0, lasts - watch.seconds))

    ask.__name__ = method
    return ask


def some_lines(storm: Storm, chance: random.Random) -> dict[str, Any]:
    return {"targets": [storm.target(chance)], "lines": chance.choice([0, 1, 50, 10_000])}


def some_signal(storm: Storm, chance: random.Random) -> dict[str, Any]:
    return {"targets": [storm.target(chance)], "signal": chance.choice(["TERM", "USR1", "INT", "CONT", "KILL", "NONE"])}


def some_numprocs(storm: Storm, chance: random.Random) -> dict[str, Any]:
    animal = chance.choice(storm.animals)
    return {"target": animal.name, "numprocs": max(0, animal.numprocs + chance.randint(-2, 3))}


def status(storm: Storm, chance: random.Random) -> None:
    with storm.client() as client:
        document = client.status(storm.target(chance) if chance.random() < 0.5 else ())
    for program in document["programs"]:
        for slot in program["slots"]:
            if slot["phase"] == "waiting" and not slot["reason"]:
                storm.wrong.append(f"{slot['name']} waits without a reason")
        if program["runs"]["total"] != sum(count for name, count in program["runs"].items() if name != "total"):
            storm.wrong.append(f"{program['name']}: the total is not the sum: {program['runs']}")


# --- killers ----------------------------------------------------------------------------------------------------------


def strike(*numbers: signal.Signals) -> Callable[[Storm, random.Random], None]:
    """A signal to a random process of a job: by pidfd, so that nobody else's process with that pid can get it."""

    def send(storm: Storm, chance: random.Random) -> None:
        alive = storm.jobs()
        if not alive:
            return
        pid = chance.choice(alive)
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            if storm.is_job(pid):
                signal.pidfd_send_signal(handle, chance.choice(numbers))
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)

    send.__name__ = "send " + "/".join(number.name for number in numbers)
    return send


def wake_all(storm: Storm, _chance: random.Random) -> None:
    for pid in storm.jobs():
        try:
            handle = os.pidfd_open(pid)
            signal.pidfd_send_signal(handle, signal.SIGCONT)
            os.close(handle)
        except ProcessLookupError:
            pass


# --- vandals ----------------------------------------------------------------------------------------------------------


def garbage(storm: Storm, chance: random.Random) -> None:
    with Raw(storm.daemon.socket) as connection:
        connection.send(chance.randbytes(chance.choice([1, 100, 5000])) + chance.choice([b"", b"\n"]))


def half_a_line(storm: Storm, chance: random.Random) -> None:
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "restart", "params": {"targets": "all"}}).encode()
    with Raw(storm.daemon.socket) as connection:
        connection.send(line[: chance.randrange(len(line))])
        storm.over.wait(chance.uniform(0, 0.2))


def hang_up_on_a_wait(storm: Storm, chance: random.Random) -> None:
    params = {"targets": [storm.target(chance)], "wait": True}
    with Raw(storm.daemon.socket) as connection:
        request = {"jsonrpc": "2.0", "id": 1, "method": chance.choice(["stop", "restart"]), "params": params}
        connection.send(json.dumps(request).encode() + b"\n")


def ask_and_never_read(storm: Storm, chance: random.Random) -> None:
    with Raw(storm.daemon.socket) as connection:
        connection.send(b'{"jsonrpc": "2.0", "id": 1, "method": "status"}\n' * chance.choice([1, 10, 100]))
        storm.over.wait(chance.uniform(0, 0.5))


def crowd(storm: Storm, chance: random.Random) -> None:
    with ExitStack() as members:
        try:
            for _ in range(chance.choice([5, 20, 40])):
                members.enter_context(Raw(storm.daemon.socket, limit=0.5))
        except OSError:
            pass  # there is no more room, which is an answer
        storm.over.wait(chance.uniform(0, 0.1))


def a_line_without_end(storm: Storm, _chance: random.Random) -> None:
    with Raw(storm.daemon.socket, limit=30) as connection:  # a turn takes 64 KiB of it
        connection.send(b"x" * 1_200_000)


# --- neighbours -------------------------------------------------------------------------------------------------------


def second_up(storm: Storm, _chance: random.Random) -> None:
    expect(storm, 73, "up", "-c", storm.stage.path("first.toml"))


def second_up_with_a_broken_config(storm: Storm, _chance: random.Random) -> None:
    expect(storm, 78, "up", "-c", storm.stage.path("broken.toml"))


def health_command(storm: Storm, _chance: random.Random) -> None:
    expect(storm, 0, "-s", storm.daemon.socket, "health")


def status_command(storm: Storm, _chance: random.Random) -> None:
    expect(storm, 0, "-s", storm.daemon.socket, "status", "--once", "--slots")


def expect(storm: Storm, code: int, *words: object) -> None:
    done = storm.stage.run(*words)
    if done.returncode != code or "Traceback" in done.stderr:
        storm.wrong.append(f"{words}: exit {done.returncode} instead of {code}: {done.stderr[-300:]}")


def signal_to_minisup(storm: Storm, chance: random.Random) -> None:
    storm.daemon.signal(chance.choice([signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT]))


def freeze_minisup(storm: Storm, chance: random.Random) -> None:
    storm.daemon.signal(signal.SIGSTOP)
    storm.over.wait(chance.uniform(0.0, 0.3))
    storm.daemon.signal(signal.SIGCONT)


# --- the landlord -----------------------------------------------------------------------------------------------------


def rooms(storm: Storm) -> list[Path]:
    """The commands of the programs whose command comes and goes."""
    return [storm.stage.path("rooms") / animal.name for animal in storm.animals if animal.kind == "missing"]


def take_a_command_away(storm: Storm, chance: random.Random) -> None:
    if paths := [path for path in rooms(storm) if path.exists()]:
        path = chance.choice(paths)
        path.rename(path.with_suffix(".away"))


def forbid_a_command(storm: Storm, chance: random.Random) -> None:
    if paths := [path for path in rooms(storm) if path.exists()]:
        chance.choice(paths).chmod(0o644)


def bring_the_commands_back(storm: Storm, _chance: random.Random) -> None:
    for path in rooms(storm):
        fresh = path.with_suffix(".fresh")
        shutil.copy(storm.stage.path("animal"), fresh)
        fresh.rename(path)


def touch_what_is_watched(storm: Storm, chance: random.Random) -> None:
    name = f"watched/{chance.randrange(5)}.php"
    storm.stage.path(name).unlink(missing_ok=True) if chance.random() < 0.3 else storm.stage.write(name, "x")


def another_configuration(storm: Storm, chance: random.Random) -> None:
    """Some programs with another variable; sometimes it is broken, sometimes somebody asks, always it is watched."""
    _, *tables = storm.first.split("\n[program.")
    text = storm.first
    for table in chance.sample(tables, 3):
        name, *_ = table.partition("]\n")
        text = text.replace(f"[program.{name}]\n", f"[program.{name}]\nenvironment.CHAOS = '{chance.random()}'\n")
    storm.stage.write("minisup.toml", text + ("[program" if chance.random() < 0.2 else ""))


def first_configuration(storm: Storm, _chance: random.Random) -> None:
    storm.stage.write("minisup.toml", storm.first)


def fill_or_freeze_redis(storm: Storm, chance: random.Random) -> None:
    if storm.redis is None:
        return
    if chance.random() < 0.7:
        words = ["RPUSH mail" + " x" * chance.randrange(1, 60), "DEL mail"]
        with socket.create_connection(("127.0.0.1", storm.redis.port), timeout=5) as server:
            server.sendall(chance.choice(words).encode() + b"\r\n")
            server.recv(100)
        return
    storm.redis.process.send_signal(signal.SIGSTOP)
    storm.over.wait(chance.uniform(0.0, 3.0))
    storm.redis.process.send_signal(signal.SIGCONT)


def silence_the_agent(storm: Storm, chance: random.Random) -> None:
    storm.agent.hang()
    storm.over.wait(chance.uniform(0.0, 6.0))
    storm.agent.go_on.set()


# --- the nurse --------------------------------------------------------------------------------------------------------


def take_the_pulse(storm: Storm, _chance: random.Random) -> None:
    watch = Stopwatch()
    with storm.client() as client:
        answer = client.health()
    storm.slowest_health = max(storm.slowest_health, watch.seconds)
    storm.memory.append(resident_of(storm.daemon.pid))
    if not answer["healthy"]:
        storm.wrong.append(f"unhealthy: {answer['reason']}")
    if watch.seconds > HEALTH_LIMIT:
        storm.wrong.append(f"health took {watch.seconds:.1f} s")


CREWS = {
    "operator": Crew(
        4,
        0.05,
        [
            Action(on_slots("start"), OFTEN),
            Action(on_slots("stop"), OFTEN),
            Action(on_slots("restart"), OFTEN),
            Action(status, SOMETIMES),
            Action(call("logs", some_lines), SOMETIMES),
            Action(call("pause", one_target), SOMETIMES, "pause"),
            Action(call("resume", one_target), OFTEN, "resume"),
            Action(call("signal", some_signal), SOMETIMES, "signal"),
            Action(call("scale", some_numprocs), SOMETIMES, "scale"),
            Action(call("run", one_program), SOMETIMES, "run"),
            Action(follow("run.follow", one_program), SOMETIMES, "run.follow"),
            Action(call("reload", lambda _storm, chance: {"dry_run": chance.random() < 0.5}), RARELY, "reload"),
            Action(call("reopen", nothing), RARELY, "reopen"),
            Action(call("why", one_target), SOMETIMES, "why"),
            Action(follow("logs.follow"), SOMETIMES, "logs.follow"),
            Action(follow("events.follow"), SOMETIMES, "events.follow"),
        ],
    ),
    "killer": Crew(
        1,
        0.05,
        [
            Action(strike(signal.SIGKILL), OFTEN),
            Action(strike(signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT), SOMETIMES),
            Action(strike(signal.SIGSTOP), SOMETIMES),
            Action(wake_all, SOMETIMES),
        ],
    ),
    "vandal": Crew(
        2,
        0.1,
        [
            Action(garbage, OFTEN),
            Action(half_a_line, SOMETIMES),
            Action(hang_up_on_a_wait, SOMETIMES),
            Action(ask_and_never_read, SOMETIMES),
            Action(crowd, RARELY),
            Action(a_line_without_end, RARELY),
        ],
    ),
    "neighbour": Crew(
        1,
        0.7,
        [
            Action(second_up, SOMETIMES),
            Action(second_up_with_a_broken_config, SOMETIMES),
            Action(health_command, SOMETIMES),
            Action(status_command, SOMETIMES),
            Action(signal_to_minisup, OFTEN),
            Action(freeze_minisup, SOMETIMES),
        ],
    ),
    "landlord": Crew(
        1,
        0.4,
        [
            Action(take_a_command_away, SOMETIMES),
            Action(forbid_a_command, SOMETIMES),
            Action(bring_the_commands_back, SOMETIMES),
        ],
    ),
    "tenant": Crew(
        2,
        0.5,
        [
            Action(touch_what_is_watched, OFTEN),
            Action(another_configuration, SOMETIMES, "reload"),
            Action(first_configuration, SOMETIMES),
            Action(fill_or_freeze_redis, OFTEN),
            Action(silence_the_agent, RARELY),
        ],
    ),
    "nurse": Crew(1, 0.05, [Action(take_the_pulse, OFTEN)]),
}
"""Who does what."""
