"""`key=value` words of a scenario, read into the records that they name: policies, jobs."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_type_hints

from minisup.config.text.calendar import Cron
from minisup.config.text.units import parse_duration
from minisup.core.model import ExitCodes, Kind, MessageSource, Outcome, Policy, Restart, Scale, Schedule, Scope, Stop
from minisup.sim.jobs import Job, Queue

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Made = TypeVar("Made", bound="DataclassInstance")

_OF_KIND: Final[Mapping[Kind, Policy]] = {
    Kind.JOB: Policy(name=""),
    Kind.TASK: Policy(name="", kind=Kind.TASK, restart=Restart.ON_FAILURE),
    Kind.SERVICE: Policy(
        name="",
        kind=Kind.SERVICE,
        exit=ExitCodes(ok=frozenset()),
        stop=Stop(drain=0.0, scope=Scope.LEADER),
    ),
}
"""What is not said follows from the kind, as in a configuration file."""

_JOB_WORDS: Final = {
    "exit": "code",
    "on_term": "reaction",
    "takes": "reacts_in",
    "leftovers_on_term": "leftovers_reaction",
}
"""Words of a `job` line that read better than the field's name."""


def seconds(text: str) -> float:
    """The seconds in a duration as configurations have it, or `ever`. Raises ValueError for anything else."""
    if text == "ever":
        return inf
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"expected a duration, but {text!r} {error}") from None


def policy(name: str, words: Iterable[str]) -> Policy:
    """The policy in the words of a `program` line: `numprocs=2 retry.budget=3 after=migrate,db`."""
    said = pairs(words)
    made: Policy = replace(_OF_KIND[Kind(said.pop("kind", "job"))], name=name)
    planned = {key.partition(".")[2]: said.pop(key) for key in list(said) if key.startswith("schedule.")}
    if planned:
        made = replace(made, schedule=schedule(planned))
    if any(key.startswith("source.") for key in said):
        made = replace(made, source=MessageSource(), min_runtime=0.0, exit=ExitCodes(reject=frozenset({65})))
    for key, text in said.items():
        if key.startswith("scale.") and made.scale is None:
            made = replace(made, scale=Scale())
        made = _changed(made, key.split("."), text)
    return made if made.scale is None else replace(made, numprocs=made.scale.min)


def schedule(said: Mapping[str, str]) -> Schedule:
    """The schedule in the words `schedule.every=10s`, or `schedule.cron="*/5 * * * *" schedule.timezone=Asia/Tokyo`."""
    rest = {key: text for key, text in said.items() if key not in {"cron", "timezone"}}
    made = Schedule(calendar=Cron(said["cron"], said.get("timezone", "UTC")) if "cron" in said else None)
    for key, text in rest.items():
        made = _changed(made, [key], text)
    return made


def job(words: Iterable[str], job: Job | None = None) -> Job:
    """A job as the words of a `job` line say: `lasts=200ms exit=7 on_term=ignores`; the rest as `job` has it."""
    made = job or Job()
    for key, text in pairs(words).items():
        name = _JOB_WORDS.get(key, key)
        if name == "queue":
            made = replace(made, queue=Queue(float(text)))
        elif name == "lasts" and "-" in text:
            low, _, high = text.partition("-")
            made = replace(made, lasts=(seconds(low), seconds(high)))
        elif name == "code" and text.startswith("SIG"):
            made = replace(made, signal=text)
        elif name == "code":
            made = replace(made, code=int(text), signal=None)
        else:
            made = _changed(made, [name], text)
    return made


def pairs(words: Iterable[str]) -> dict[str, str]:
    """The keys and values of `key=value` words. Raises ValueError for any other word."""
    made = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise ValueError(f"expected key=value, got {word!r}")
        made[key] = text
    return made


def _changed(record: Made, path: list[str], text: str) -> Made:
    key, *rest = path
    if key not in {field.name for field in fields(record)}:
        raise ValueError(f"unknown key {key!r}")
    value: Any = _changed(getattr(record, key), rest, text) if rest else _value(get_type_hints(type(record))[key], text)
    return replace(record, **{key: value})


def _value(kind: object, text: str) -> object:
    """The value of a field of this type: its annotation names one of few types."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(text)
    wanted = str(kind)
    if "Outcome" in wanted:
        return Outcome(text)
    items = [item for item in text.split(",") if item]
    if "frozenset" in wanted:
        return frozenset(int(item) for item in items)
    if "float" in wanted:
        return seconds(text)
    if "tuple" in wanted:
        return tuple(items)
    if "bool" in wanted:
        return {"true": True, "false": False}[text]
    return int(text) if "int" in wanted else text
