"""The keys of a supervisord.conf, section by section, as far as one sentence says what becomes of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from minisup.convert.report_builder import KeyResult


class KeyAnswer(NamedTuple):
    """What becomes of a key, whatever its value."""

    fate: KeyResult
    said: str


def _unneeded(said: str) -> KeyAnswer:
    return KeyAnswer(KeyResult.UNNEEDED, said)


def _unsupported(said: str) -> KeyAnswer:
    return KeyAnswer(KeyResult.UNSUPPORTED, said)


PROGRAM: Final = (
    *("command", "process_name", "numprocs", "numprocs_start", "priority", "autostart", "startsecs", "startretries"),
    *("autorestart", "exitcodes", "stopsignal", "stopwaitsecs", "stopasgroup", "killasgroup", "user"),
    *("redirect_stderr", "stdout_logfile", "stdout_logfile_maxbytes", "stdout_logfile_backups"),
    *("stdout_capture_maxbytes", "stdout_events_enabled", "stdout_syslog", "stderr_logfile"),
    *("stderr_logfile_maxbytes", "stderr_logfile_backups", "stderr_capture_maxbytes", "stderr_events_enabled"),
    *("stderr_syslog", "environment", "directory", "umask", "serverurl"),
)
"""The keys of [program:x]."""

LISTENER: Final = (*PROGRAM, "buffer_size", "events", "result_handler")
FCGI: Final = (*PROGRAM, "socket", "socket_backlog", "socket_owner", "socket_mode")
GROUP: Final = ("programs", "priority")

_OWN_LINES: Final = _unneeded("minisup's own lines go to stderr, where the platform keeps them")
_NO_CHILD_LOGS: Final = _unneeded("minisup keeps no temporary log files; the last lines are in `minisup logs`")

DAEMON: Final[Mapping[str, KeyAnswer]] = MappingProxyType(
    {
        "nodaemon": _unneeded("minisup runs in the foreground"),
        "logfile": _OWN_LINES,
        "logfile_maxbytes": _OWN_LINES,
        "logfile_backups": _OWN_LINES,
        "pidfile": _unneeded("there is no pid file; `minisup status --json` has the pid"),
        "minfds": _unneeded(
            "runs have the limit under which minisup starts (docker run --ulimit nofile=N, LimitNOFILE=N), or "
            "limits = { nofile = N } of the program"
        ),
        "minprocs": _unneeded(
            "runs have the limit under which minisup starts: docker run --ulimit nproc=N, LimitNPROC=N"
        ),
        "nocleanup": _NO_CHILD_LOGS,
        "childlogdir": _NO_CHILD_LOGS,
        "identifier": _unneeded("each minisup has its own socket, which names it"),
        "profile_options": _unneeded("it is for work on supervisord itself"),
    }
)
"""Keys of [supervisord] whose value does not matter."""

DAEMON_READ: Final = ("user", "umask", "directory", "environment", "loglevel", "silent", "strip_ansi")
"""Keys of [supervisord] whose value matters."""

_SOCKET: Final = (
    "minisup has a control socket of its own, for its own user alone; "
    "socket, socket_mode and socket_group in [supervisor] change it"
)
_NO_TCP: Final = "minisup listens on no port; `minisup status` goes through the control socket (docker exec, ssh)"
_NO_CLIENT: Final = (
    "`minisup status`, `start`, `stop` ... find the socket by themselves; -s or MINISUP_SOCKET names another"
)
_NO_RPC: Final = (
    "there is no XML-RPC; the control socket speaks JSON-RPC, and `from minisup import Client` speaks to it"
)

SERVERS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = MappingProxyType(
    {
        "unix_http_server": (("file", "chmod", "chown", "username", "password"), _SOCKET),
        "inet_http_server": (("port", "username", "password"), _NO_TCP),
        "supervisorctl": (("serverurl", "username", "password", "prompt", "history_file"), _NO_CLIENT),
        "rpcinterface": ((), _NO_RPC),
        "ctlplugin": ((), "the command line has no plugins; `from minisup import Client` is there for scripts"),
    }
)
"""Sections around the control of supervisord: their keys (none: any), and what to do instead."""

GO_PORT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "depends_on": "after",
        "restartpause": "min_runtime",
        "envfiles": "env_file",
        "cron": "schedule",
        "restart_when_binary_changed": "watch",
        "restart_directory_monitor": "watch",
    }
)
"""Keys that only other implementations and plugins know, with the key of minisup that comes nearest."""

PLUGIN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dependent_startup": "a plugin starts it then; here autostart = true does, with after = [...]",
        "dependent_startup_wait_for": "a plugin waits for them; here: after = [...], which names tasks and services",
        "dependent_startup_inherit_priority": "it is for a plugin; here `after` alone orders starts",
    }
)
"""Keys that a plugin of supervisord knows, and what to write instead."""

LISTENER_INSTEAD: Final = (
    (("dependent_startup",), "after = [...] in the programs, and no autostart = false"),
    (("memmon",), "limits = { memory = ... } of the program ends a run that grows too large"),
    (("httpok",), "a health check of the platform; `minisup health` is for HEALTHCHECK"),
    (("supervisor_stdout", "supervisor-stdout"), "lines on the console begin with their slot's name anyway"),
    (("crashmail", "fatalmailbatch", "crashsms"), "on_failing and on_give_up of [supervisor] call a command or a URL"),
    (
        ("process_state", "kill", "stop-supervisor", "watchdog"),
        'retry = { give_up = "exit" } of the program ends minisup (exit code 75) when it has failed for too long',
    ),
    (("tick",), "a program that runs by the clock: schedule"),
    (("",), "hooks of [supervisor] (on_failing, on_drain ...), or `minisup events -f --json`"),
)
"""What an event listener is replaced by, by words in its command and events; the first that fits."""

FCGI_INSTEAD: Final = (
    "minisup opens no sockets for programs; let it open its own: php-fpm does, others by "
    "`spawn-fcgi -n -s SOCKET -- COMMAND` "
    'as a [program.NAME] with kind = "service"'
)
