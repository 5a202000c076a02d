"""Commands that run another one: `nice -n 5 COMMAND`, `ddtrace-run COMMAND`, `bundle exec COMMAND`."""

import os
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple


class Front(NamedTuple):
    """What stands between it and the command: options with a value of their own, a subcommand, other words."""

    valued: frozenset[str] = frozenset()
    subcommand: str = ""
    others: int = 0


_PLAIN: Final = (
    "exec env tini dumb-init catatonit nohup stdbuf unbuffer time authbind numactl ddtrace-run elasticapm-run npx "
    "with-contenv docker-php-entrypoint docker-entrypoint.sh docker-entrypoint chronic xvfb-run bunx"
)
_ONE_WORD: Final = "gosu su-exec setuser s6-setuidgid envdir taskset chroot setarch"

FRONTS: Final[Mapping[str, Front]] = MappingProxyType(
    {
        **{name: Front() for name in _PLAIN.split()},
        **{name: Front(others=1) for name in _ONE_WORD.split()},
        "env": Front(frozenset({"-u", "-C", "--unset", "--chdir"})),
        "nice": Front(frozenset({"-n", "--adjustment"})),
        "ionice": Front(frozenset({"-c", "-n", "--class", "--classdata"})),
        "sudo": Front(frozenset({"-u", "-g", "--user", "--group"})),
        "runuser": Front(frozenset({"-u", "-g", "--user", "--group"})),
        "setpriv": Front(frozenset({"--reuid", "--regid", "--groups"})),
        "chpst": Front(frozenset({"-u", "-U", "-e", "-n", "-l", "-L", "-m", "-o"})),
        "flock": Front(frozenset({"-w", "-E", "--wait", "--conflict-exit-code"}), others=1),
        "timeout": Front(frozenset({"-s", "-k", "--signal", "--kill-after"}), others=1),
        "newrelic-admin": Front(others=1),
        "opentelemetry-instrument": Front(
            frozenset({"--traces_exporter", "--metrics_exporter", "--logs_exporter", "--service_name"})
        ),
        "dotenv": Front(frozenset({"-f", "-e", "--file"}), "run"),
        "doppler": Front(frozenset({"-p", "-c", "--project", "--config"}), "run"),
        "infisical": Front(frozenset({"--env", "--projectId"}), "run"),
        "op": Front(subcommand="run"),
        "docker": Front(frozenset({"-u", "-w", "-e", "--user", "--workdir", "--env"}), "exec", 1),
        "chamber": Front(subcommand="exec", others=1),
        "aws-vault": Front(subcommand="exec", others=1),
        "pipenv": Front(subcommand="run"),
        "poetry": Front(subcommand="run"),
        "uv": Front(subcommand="run"),
        "pdm": Front(subcommand="run"),
        "hatch": Front(subcommand="run"),
        "rye": Front(subcommand="run"),
        "conda": Front(frozenset({"-n", "-p", "--name", "--prefix"}), "run"),
        "micromamba": Front(frozenset({"-n", "-p", "--name", "--prefix"}), "run"),
        "bundle": Front(subcommand="exec"),
        "rbenv": Front(subcommand="exec"),
        "mise": Front(subcommand="exec"),
        "asdf": Front(subcommand="exec"),
        "direnv": Front(subcommand="exec", others=1),
        "dockerize": Front(frozenset({"-wait", "-timeout", "-template", "-stdout", "-stderr"})),
    }
)
_UP_TO_DASHES: Final = frozenset({"wait-for-it", "wait-for-it.sh", "wait-for", "wait-for.sh", "chamber", "aws-vault"})
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh", "busybox"})
_INTERPRETER: Final = re.compile(r"(python|pypy|php|ruby|perl)[0-9.]*")
_VALUED: Final = frozenset({"-W", "-X", "-d", "-I", "-r", "-c"})
"""Options of interpreters with a value behind them."""


def without_fronts(words: Sequence[str]) -> list[str]:
    """The words from the command itself on: without `exec`, `env A=b`, `nice -n 5`, `gosu user`, `python -m`."""
    rest = list(words)
    while rest:
        name = os.path.basename(rest[0])
        shorter = _without(name, rest)
        if shorter is None:
            break
        rest = shorter
    return rest


def is_interpreter(name: str) -> bool:
    """Whether the command `name` runs a script."""
    return _INTERPRETER.fullmatch(name) is not None


def _without(name: str, words: list[str]) -> list[str] | None:
    """The words behind the front that they begin with; None: there is none."""
    if name in _UP_TO_DASHES and "--" in words:
        return words[words.index("--") + 1 :]
    if name in FRONTS:
        return _behind(FRONTS[name], words)
    if "=" in name and not words[0].startswith(("-", "/")):
        return words[1:]
    if name in _SHELLS and len(words) > 1 and not words[1].startswith("-"):
        return words[1:]
    return _script(words) if is_interpreter(name) else None


def _behind(front: Front, words: list[str]) -> list[str] | None:
    rest = _without_options(words[1:], front.valued)
    if front.subcommand:
        if rest[:1] != [front.subcommand]:
            return None
        rest = _without_options(rest[1:], front.valued)
    return _without_options(rest[front.others :], frozenset())


def _without_options(words: list[str], valued: frozenset[str]) -> list[str]:
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in valued else 1
    return words[at:]


def _script(words: list[str]) -> list[str] | None:
    """The script or module that an interpreter runs, with its words; None: it runs none."""
    at = 1
    while at < len(words) and words[at].startswith("-"):
        if words[at] == "-m":
            return words[at + 1 :] or None
        if words[at] in {"-S", "-c", "-r", "-e"}:  # a server of php; code on the command line
            return None
        at += 2 if words[at] in _VALUED else 1
    return words[at:] or None
