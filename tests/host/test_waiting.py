"""`--wait` against a living minisup: what ends it besides what was asked for."""

import json
import threading

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, program, sh, wait_until
from raw import Raw

from minisup.errors import MinisupError

LASTS = "while ! test -e go; do sleep 0.02; done"


class Waiter(threading.Thread):
    """Asks and waits; what came of it."""

    def __init__(self, daemon: Daemon, method: str, *args: object) -> None:
        super().__init__(daemon=True)
        self._ask = lambda: daemon.ask(method, *args, wait=True)
        self.answer: object = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self._ask()
        except MinisupError as error:
            self.answer = str(error)

    def said(self) -> str:
        self.join(SOON)
        assert not self.is_alive(), "it waits for ever"
        return str(self.answer).partition(";")[0]


def lasting(name: str = "email", **keys: object) -> str:
    return program(name, sh(LASTS), **{"min_runtime": 0, "stop": {"drain": "60s"}, **keys})


def draining(daemon: Daemon, slot: str) -> None:
    wait_until(lambda: daemon.slot(slot)["phase"] == "draining", SOON, f"{slot} drains")


def test_a_stop_that_somebody_takes_back_is_no_longer_waited_for(stage: Stage) -> None:
    daemon = stage.up(lasting())
    daemon.running_pid("email:0")
    waiter = Waiter(daemon, "stop", "email")
    draining(daemon, "email:0")
    daemon.ask("start", "email")
    assert waiter.said() == "cannot wait for email:0 to stop: it has been started again meanwhile"


def test_a_restart_under_way_ends_with_the_shutdown_that_comes_between(stage: Stage) -> None:
    daemon = stage.up(lasting(stop=AT_ONCE))
    daemon.running_pid("email:0")
    waiter = Waiter(daemon, "restart", "email")
    draining(daemon, "email:0")
    daemon.term()
    assert waiter.said() == "cannot wait for email:0 to restart: minisup is shutting down"
    assert daemon.wait() == 0


def test_a_size_that_is_waited_for_while_a_reload_takes_the_program_away(stage: Stage) -> None:
    daemon = stage.up(lasting(numprocs=2), lasting("other"))
    daemon.running_pid("email:1")
    waiter = Waiter(daemon, "scale", "email", 1)
    draining(daemon, "email:1")
    stage.config(lasting("other"))
    daemon.ask("reload")
    assert waiter.said() == "cannot wait for email=1: the configuration does not have it any more"
    assert "internal" not in daemon.stderr


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "old client"])
def test_only_who_asks_for_it_is_told_how_far_it_is(stage: Stage, asked: bool) -> None:
    daemon = stage.up(lasting())
    daemon.running_pid("email:0")
    params = {"targets": "email", "wait": True, "timeout": 1.2, **({"progress": True} if asked else {})}
    with Raw(daemon.socket) as operator:
        operator.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "stop", "params": params}).encode() + b"\n")
        lines = [json.loads(operator.line())]
        while "id" not in lines[-1]:
            lines.append(json.loads(operator.line()))
    assert lines[-1]["error"]["message"].startswith("cannot wait longer: stop is not done after 1.2 s")
    assert bool(lines[:-1]) is asked
    for line in lines[:-1]:
        (missing,) = line["params"]["progress"]["missing"]
        assert (line["method"], missing["phase"], missing["slots"]) == ("stop", "draining", 1)
