"""`[supervisor]`: minisup itself, and the platform that ends it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from minisup.config.keys.hook_table import Hook
from minisup.config.keys.key_info import NEW_MINISUP, NOW, Environment, FilePath, Ignore, Key, Mode, declared, says
from minisup.config.keys.log_tables import SupervisorLog
from minisup.config.keys.tables import History, TaskProtection
from minisup.core.model import Seconds


class Platform(StrEnum):
    """Who ends the container or the machine, and so how long a shutdown may take."""

    DOCKER = "docker"
    ECS = "ecs"
    KUBERNETES = "kubernetes"
    HOST = "host"


SHUTDOWN_TIMEOUT: Final[Mapping[Platform, Seconds]] = {
    Platform.DOCKER: 10.0,
    Platform.ECS: 30.0,
    Platform.KUBERNETES: 30.0,
    Platform.HOST: 90.0,
}
"""How long each platform waits between TERM and KILL unless it is told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorTable:
    """`[supervisor]`: minisup itself."""

    socket: FilePath | None = field(
        default=None,
        metadata=says(
            Key(
                "The control socket.",
                default="the first that can be made of `/run/minisup.sock`, `$XDG_RUNTIME_DIR/minisup.sock`, "
                "`/tmp/minisup-UID/minisup.sock`",
            ),
            NEW_MINISUP,
        ),
    )
    socket_mode: Mode = field(
        default=0o600,
        metadata=says(Key('Who may connect; `"0660"` with `socket_group` for a team.', low=0, high=0o777), NEW_MINISUP),
    )
    socket_group: str | None = field(
        default=None, metadata=says(Key("The group of the socket.", default="minisup's own"), NEW_MINISUP)
    )
    state_dir: FilePath | None = field(
        default=None,
        metadata=says(
            Key(
                "Where run ids, running jobs and the history are remembered.",
                default="root: `/var/lib/minisup`; else `$XDG_STATE_HOME/minisup`; a second configuration has "
                "a directory in it",
            ),
            NEW_MINISUP,
        ),
    )
    platform: Platform = field(
        default=Platform.DOCKER, metadata=says(Key("Who ends minisup: decides the default of `shutdown_timeout`."), NOW)
    )
    shutdown_timeout: Seconds = field(
        default=SHUTDOWN_TIMEOUT[Platform.DOCKER],
        metadata=says(
            Key(
                "How long after the stop request the platform sends SIGKILL; all is over before.",
                low=1,
                default="docker 10 s, ecs 30 s, kubernetes 30 s, host 90 s",
            ),
            NOW,
        ),
    )
    log: SupervisorLog = field(
        default_factory=SupervisorLog, metadata=says(Key("minisup's own lines, on stderr."), NOW)
    )
    history: History = field(default_factory=History, metadata=says(Key("What is remembered about runs."), NEW_MINISUP))
    include: tuple[str, ...] = field(
        default=(), metadata=says(Key("More files with programs; `*`, `?`, `[]` and `**` are expanded."), NOW)
    )
    environment: Environment = field(
        default_factory=dict, metadata=says(Key("For every run, and for variables in this file."), NOW)
    )
    task_protection: TaskProtection = field(
        default_factory=TaskProtection,
        metadata=says(
            Key(
                'On ECS (`platform = "ecs"` and `ECS_AGENT_URI` set): no scale-in while jobs or tasks are in progress.'
            ),
            NOW,
        ),
    )
    on_drain: Hook | None = field(default=None, metadata=says(Key("Called when minisup begins to shut down."), NOW))
    on_failing: Hook | None = field(
        default=None, metadata=says(Key("Called when a program begins to fail; once a minute a program at most."), NOW)
    )
    on_give_up: Hook | None = field(default=None, metadata=says(Key("Called when a program is given up."), NOW))
    on_recovered: Hook | None = field(
        default=None, metadata=says(Key("Called when a program is well again for which `on_failing` was due."), NOW)
    )
    ignore: tuple[Ignore, ...] = field(
        default=(),
        metadata=says(
            Key('Warnings of `check` that are not wanted anywhere, with the reason: `["MS104 jobs may be cut"]`.'), NOW
        ),
    )
    socket_gid: int | None = None  # of socket_group


SUPERVISOR_KEYS: Final = declared(SupervisorTable)
"""The keys of `[supervisor]`, and what a reload does with each."""
