"""What `simulate` takes. Its work is in `simulate.py`."""

from enum import StrEnum
from typing import Annotated, Final

from minisup.cli.line.declare import Option
from minisup.cli.numbers import whole_number
from minisup.cli.options import Command, Config, Force, Globals, Html, Json, Socket, chosen
from minisup.errors import UsageError

MOST_SEEDS: Final = 1000


class Comparison(StrEnum):
    """What minisup can be put beside."""

    SUPERVISORD = "supervisord"


One = str | None
Many = list[str] | None

ARRIVALS: Final = (
    "Messages in a queue, by chance: 2/s, 90/m, or 50% of what the program can do; else work always waits. *"
)
JOB_DURATION: Final = "How long a run takes, 2s unless told: 300ms, 1s-5s, lognormal(2s, 0.5), exponential(2s). *"


def _option(name: str, value: str, meaning: str) -> Option:
    return Option(name, metavar=value, help=meaning)


def simulate(
    before: Globals,
    program: Annotated[
        list[str] | None,
        Option(
            "--program",
            "-p",
            metavar="NAME",
            help="Only this one; else all with autostart. *",
            complete="program",
        ),
    ] = None,
    lasts: Annotated[One, _option("--for", "DURATION", "How long; 1h unless told: 30m, 7d.")] = None,
    outage: Annotated[
        Many, _option("--outage", "WHEN+DURATION", "Every run that starts then fails: 10:00+45s. *")
    ] = None,
    burst: Annotated[Many, _option("--burst", "WHEN+N", "N messages at once: 12:00+500. *")] = None,
    deploy: Annotated[Many, _option("--deploy", "WHEN", "A shutdown and a new start: 15:00. *")] = None,
    arrivals: Annotated[Many, _option("--arrivals", "RATE", ARRIVALS)] = None,
    job_duration: Annotated[Many, _option("--job-duration", "DURATION", JOB_DURATION)] = None,
    failure_rate: Annotated[Many, _option("--failure-rate", "SHARE", "So many runs fail: 0.2, 20%. *")] = None,
    failure_duration: Annotated[
        Many, _option("--failure-duration", "DURATION", "How long a failing run takes; 200ms. *")
    ] = None,
    from_history: Annotated[
        bool,
        Option("--from-history", help="Durations, failures, outages and messages as the history has them."),
    ] = False,
    versus: Annotated[
        Comparison | None, _option("--versus", "supervisord", "The same under its rules, beside.")
    ] = None,
    seed: Annotated[
        int,
        Option(
            "--seed",
            metavar="N",
            parser=whole_number("--seed"),
            show_default=True,
            help="The same seed, the same result.",
        ),
    ] = 1,
    seeds: Annotated[
        int,
        Option(
            "--seeds",
            metavar="N",
            parser=whole_number("--seeds", 1, MOST_SEEDS),
            show_default=True,
            help="So many seeds, and the medians of them all.",
        ),
    ] = 1,
    html: Html = None,
    force: Force = False,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Run the configuration in virtual time: outages, bursts, failures and deploys, without starting a process.

    WHEN is a time of day (10:00, "daily 10:00") or the time since the start (90m). It begins at midnight; if it is
    shorter than a day, some time before the first time of day that is named.

    Options with * may repeat, and their values may begin with NAME= for one program alone: --arrivals sms=2/s.
    """
    from minisup.cli.simulate import simulate as simulated  # noqa: PLC0415 -- the simulator is of this command only
    from minisup.cli.simulate.scene import SceneOptions  # noqa: PLC0415 -- as above

    if html is not None and as_json:
        raise UsageError("cannot print --json and write --html at once; choose one")
    asked = SceneOptions(
        programs=program or (),
        outages=outage or (),
        bursts=burst or (),
        deploys=deploy or (),
        failure_rate=failure_rate or (),
        job_duration=job_duration or (),
        failure_duration=failure_duration or (),
        arrivals=arrivals or (),
    )
    options = simulated.SimulateOptions(
        asked=asked,
        lasts=lasts,
        seed=seed,
        seeds=seeds,
        from_history=from_history,
        versus=versus is not None,
    )
    named = chosen(before, config, socket)
    return simulated.simulate(named.config, named.socket, options, html=html, force=force, as_json=as_json)


COMMANDS: Final = (
    Command(
        simulate,
        (
            "minisup simulate --for 30m --outage 10:00+10m --program email",
            "minisup simulate --for 30m --outage 10:00+10m --program email --versus supervisord",
            "minisup simulate --for 1d --outage 10:00+45s --failure-rate 0.2 --job-duration 'lognormal(2s, 0.5)'",
            "minisup simulate --for 1d --arrivals sms=2/s --burst 'daily 12:00+500' --deploy 15:00 --html day.html",
            "minisup simulate --from-history --outage 10:00+5m",
        ),
    ),
)
