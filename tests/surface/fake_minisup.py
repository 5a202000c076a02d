"""Something that answers at a control socket as minisup would, without running anything: `fake_minisup.py PATH`."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager

from minisup.control.handler import Deferred, Following
from minisup.control.server import Server
from minisup.errors import MinisupError, NoSuchTargetError
from minisup.host.clock import Clock
from minisup.host.loop import Loop
from minisup.host.requests.verbs import VERBS

RUNS = {
    "total": 41,
    "worked": 38,
    "idle": 2,
    "failed": 1,
    "crashed": 0,
    "timeout": 0,
    "oom": 0,
    "unstartable": 0,
    "recycled": 0,
    "stopped": 0,
    "lost": 0,
    "fatal": 0,
}
LAST = {
    "run": 811,
    "outcome": "worked",
    "code": 0,
    "signal": None,
    "duration": 0.143,
    "ended": "2026-11-22T10:00:00.123Z",
}


EVENT = {
    "timestamp": "2026-11-22T10:00:00.123Z",
    "level": "info",
    "message": "email: recovered after 9 m; 58 tries were spent",
    "fact": "recovered",
    "fields": {"program": "email", "lasted": 540.0, "tries": 58},
}


def end(outcome, code=None, signal=None, cause=""):
    """How an extra run ended."""
    return {"outcome": outcome, "code": code, "signal": signal, "duration": 1.5, "cause": cause}


ENDS = {
    "email": end("failed", 3, cause="no luck"),
    "fine": end("worked", 0),
    "crash": end("crashed", signal="SIGSEGV"),
    "long": end("timeout", signal="SIGTERM"),
    "big": end("oom", signal="SIGKILL", cause="300 MiB of 200 MiB"),
    "gone": end("unstartable", cause="cannot start /x: no such file"),
    "lost": end("lost"),
}
"""By the program that is run once."""


def run_ended(run, outcome="worked", output=None, **facts):
    """A run as `history` shows it."""
    base = {"run": run, "program": "email", "slot": "email:0", "started": f"2026-11-22T10:00:{run % 60:02}.000Z"}
    base |= {"duration": 0.143, "outcome": outcome, "code": 0 if outcome == "worked" else 1, "signal": None}
    return {**base, "cpu": 0.01, "max_rss": None, "failures": 0, "output": output, **facts}


FAR = {"done": 0, "of": 2, "missing": [{"phase": "running", "slots": 2, "longest": 0.08}]}
"""How far a request is that never ends."""

RUNS_ENDED = [run_ended(810), run_ended(811, "failed", output="first\nconnection refused\n")]


def slot(program="email", number=0, phase="running", **facts):
    """A slot as `status` shows it."""
    running = phase in {"running", "draining", "stopping", "killing"}
    base = {"pid": 4711 if running else None, "run": 812 if running else None, "since": 0.08, "reason": None}
    base |= {"age": facts.get("since", 0.08) if running else None, "leftovers": 0}
    base |= {"cause": None, "next_in": None, "failures": 0, "last": LAST}
    return {"name": f"{program}:{number}", "slot": number, "phase": phase, **base, **facts}


def program(name="email", state="running", slots=None, **facts):
    """A program as `status` shows it."""
    slots = [slot(name, 0), slot(name, 1)] if slots is None else slots
    phases = [entry["phase"] for entry in slots]
    base = {
        "name": name,
        "kind": "job",
        "state": state,
        "wanted": len(slots),
        "running": sum(entry["run"] is not None for entry in slots),
        "phases": {phase: phases.count(phase) for phase in phases},
        "groups": [],
        "leftovers": 0,
        "failing_for": None,
        "budget": {"tokens": 12.0, "size": 12, "label": "ok"},
        "runs": RUNS,
        "per_minute": 58.0,
        "busy": 0.31,
        "duration": {"p50": 0.142, "p95": 0.201, "p99": 0.230},
    }
    return {**base, "slots": slots, **facts}


def snapshot(*programs, **facts):
    """The document of `status --json`."""
    base = {"schema": 1, "version": "0.1.0", "pid": 1, "instance": "7f3a", "uptime": 12.3, "state": "running"}
    return {**base, "programs": list(programs), **facts}


class Handler:
    """Knows one program, `email` with two slots; `boom` raises, `slow` never ends, `deaf` keeps the loop busy."""

    methods = VERBS

    def __init__(self, loop, text=""):
        self.loop = loop
        self.text = text  # what its jobs print
        self.over = False

    def handle(self, method, params, peer):
        targets = params.get("targets", ()) or [params.get("target")]
        if "nope" in targets:
            raise NoSuchTargetError("cannot find nope: no program or slot has that name", ["nope"], "programs: email")
        if "boom" in targets:
            raise MinisupError("cannot do that: it is broken")
        if "deaf" in targets:
            time.sleep(4)
        return getattr(self, method.replace(".", "_"))(params, peer)

    def status(self, _params, _peer):
        if self.text:
            held = slot("email", 0, "waiting", reason="hold", cause=self.text)
            return snapshot(program("email", "waiting", [held]))
        return snapshot(program())

    def reload(self, params, _peer):
        return {"applied": not params["dry_run"], "changes": []}

    def why(self, _params, _peer):
        return {"schema": 1, "state": "running", "programs": []}

    def start(self, params, peer):
        slots = ["email:0", "email:1"]
        if "slow" in params["targets"]:
            deferred = Deferred(peer)
            if params["progress"]:
                self.loop.after(0.1, lambda: deferred.tell(FAR))
            return deferred
        if not params["wait"]:
            return {"accepted": True, "slots": slots}
        deferred = Deferred(peer)
        self.loop.post(lambda: deferred.resolve({"done": True, "slots": slots}))
        return deferred

    stop = restart = pause = resume = start

    def signal(self, params, _peer):
        return {"done": True, "slots": ["email:0", "email:1"], "got": params["signal"]}

    def scale(self, params, peer):
        slots = [f"email:{number}" for number in range(params["numprocs"])]
        if params["target"] == "slow" and params["wait"]:
            return Deferred(peer)
        if params["wait"]:
            return {"done": True, "programs": ["email"], "slots": slots}
        return {"accepted": True, "programs": ["email"], "slots": slots, "leaving": ["email:5", "email:6"]}

    def run(self, params, peer):
        run = {"slot": "email:2", "run": 813}
        if not params["wait"]:
            return {"accepted": True, **run, "output": "console", "not_ready": []}
        deferred = Deferred(peer)
        self.loop.post(lambda: deferred.resolve({"done": True, **run, **ENDS["email"]}))
        return deferred

    def run_follow(self, params, _peer):
        target, run = params["target"], {"slot": "email:2", "run": 813}
        following = Following("run.follow", lambda _: None)
        output, needed = "inherit" if target == "inherit" else "console", ["migrate"] if target == "early" else []
        following.tell({"began": {**run, "output": output, "not_ready": needed}})
        for stream in ("stdout", "stderr"):
            block = {**run, "stream": stream, "timestamp": "2026-11-22T10:00:00.123Z"}
            following.tell({**block, "lines": [f"first to {stream}", "\u2714 two"]})
        if target in {"slow", "over"}:
            self.loop.post(lambda: following.end("slow" if target == "slow" else "shutdown"))
        elif target != "ever":
            following.tell({"result": {**run, **ENDS.get(target, ENDS["email"])}})
            following.end("done")
        return following

    def logs(self, params, _peer):
        text = self.text or json.dumps(params)
        return {"lines": [{"slot": "email:0", "run": 812, "stream": "stdout", "text": text}] * min(2, params["lines"])}

    def logs_follow(self, params, _peer):
        following = Following("logs.follow", lambda _: None)
        block = {"slot": "email:0", "run": 812, "stream": "stdout", "timestamp": "2026-11-22T10:00:00.123Z"}
        following.tell({**block, "lines": [json.dumps(params), "two"]})
        self.loop.post(lambda: following.end("slow" if "slow" in params["targets"] else "shutdown"))
        return following

    def history(self, _params, _peer):
        return {"file": None, "runs": [run_ended(811, output=self.text)] if self.text else RUNS_ENDED}

    def events(self, params, _peer):
        first = {**EVENT, "message": self.text or EVENT["message"]}
        return {"events": [first, {**EVENT, "level": "warning", "message": "two"}][: params["lines"]]}

    def events_follow(self, params, _peer):
        following = Following("events.follow", lambda _: None)
        following.tell({"event": {**EVENT, "message": json.dumps(params)}})
        self.loop.post(lambda: following.end("shutdown"))
        return following

    def reopen(self, _params, peer):
        deferred = Deferred(peer)
        self.loop.post(lambda: deferred.resolve({"done": True, "files": ["/var/log/a.log"], "failed": {}}))
        return deferred

    def health(self, params, _peer):
        if params["max_age"] is not None:
            return {"healthy": False, "reason": f"email has not worked for {params['max_age']:g} s"}
        return {"healthy": True, "reason": None}

    def shutdown(self, params, peer):
        self.over = True
        if not params["wait"]:
            return {"accepted": True}
        deferred = Deferred(peer)
        self.loop.post(lambda: deferred.resolve({"done": True}))
        return deferred

    def version(self, _params, _peer):
        return {"version": "0.1.0", "pid": os.getpid(), "instance": "7f3a"}


@contextmanager
def answering(path, text=""):
    """A fake minisup at `path`, in its own process; `text` is what its jobs have printed."""
    command = [sys.executable, __file__, str(path), json.dumps(text)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as fake:
        try:
            assert fake.stdout.readline() == "ready\n"
            yield fake
        finally:
            fake.stdin.close()
            try:
                fake.wait(10)
            except subprocess.TimeoutExpired:
                fake.kill()


def main(path, text):
    """Serve until `shutdown`, or until whoever started this closes its stdin."""
    loop = Loop(Clock())
    handler = Handler(loop, text)
    server = Server(loop, path, 0o600, None, handler)
    loop.on_readable(0, lambda: setattr(handler, "over", True))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not handler.over:
        loop.serve(loop.wait(None), loop.clock.monotonic())
    loop.serve(loop.wait(loop.clock.monotonic()), loop.clock.monotonic())
    server.close()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
