"""From a configuration to the exit code of `minisup up`."""

import os

from minisup.config.schema import Config
from minisup.host.clock import Clock
from minisup.host.process import processes
from minisup.host.requests.reload import Reread
from minisup.host.requests.targets import resolve_programs
from minisup.host.signals import Signals
from minisup.host.supervisor import Supervisor


def run(
    config: Config,
    targets: tuple[str, ...],
    exit_when_done: bool,
    signals: Signals,
    clock: Clock | None = None,
    reread: Reread | None = None,
    *,
    watch: bool = False,
) -> int:
    """Supervise until all is over; returns the exit code. `signals` have been installed by `prepare`.

    `reread` reads the configuration again for a reload; without it there is never another one.
    `watch`: a change of its files is a reload.

    Raises TakenError when the socket belongs to another minisup, NoSuchTargetError for an unknown target.
    """
    if os.getpid() != 1:
        processes.set_child_subreaper()
    supervisor = Supervisor(config, signals, clock or Clock(), exit_when_done, reread or (lambda _: config), watch)
    programs = tuple(resolve_programs(supervisor.fleet, targets)) if targets else ()
    supervisor.open()
    return supervisor.run(programs)
