"""What stands in one cell of the live table: text with a style, as wide as it needs to be."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from minisup.cli.status.status_words import Program, Slot, amount, left_behind, run_age, slot_cause, state_words
from minisup.cli.status.table import ASCII_GLYPHS, GLYPHS, MOST_GLYPHS, share_ok, sign_of
from minisup.core.status import LastRun

STYLES: Final[Mapping[str, str]] = {
    "running": "green",
    "ready": "cyan",
    "waiting": "bright_black",
    "trouble": "yellow",
    "hold": "red",
    "paused": "blue",
    "draining": "blue",
    "done": "bright_black",
    "off": "bright_black",
    "backoff": "yellow",
    "holding": "red",
    "stopping": "blue",
}
"""Colour carries the state and is never alone: the word or the sign says the same."""

BARS: Final = "▁▂▃▄▅▆▇█"
ASCII_BARS: Final = "_.-=+*%#"
BUDGET_CELLS: Final = 6


def state(program: Program, *, unicode: bool) -> Text:
    """The state with its countdown and its cause."""
    words = state_words(program, "·" if unicode else "-")
    ill = program["state"] == "running" and program["failing_for"] is not None
    return Text(words, STYLES["backoff"] if ill else STYLES.get(program["state"], ""))


def slots(shown: Sequence[Slot], *, unicode: bool) -> Text:
    """A sign a slot, or counts by sign when there are many."""
    names = GLYPHS if unicode else ASCII_GLYPHS
    if not shown:
        return Text("-", STYLES["off"])
    if len(shown) <= MOST_GLYPHS:
        return Text.assemble(*((names[sign_of(slot)], slot_style(slot)) for slot in shown))
    signs = [sign_of(slot) for slot in shown]
    parts = [(f"{names[sign]}{signs.count(sign)}", STYLES[sign]) for sign in names if sign in signs]
    return Text(" ").join(Text(text, style) for text, style in parts)


def slot_style(slot: Slot) -> str:
    """The colour of a slot's sign."""
    return STYLES["hold"] if slot["reason"] == "hold" else STYLES[sign_of(slot)]


def slot_words(slot: Slot) -> Text:
    """One slot in columns: what it does, until when, how its last run ended, and what that printed last."""
    left = slot["next_in"]
    doing = f"{slot['reason'] or slot['phase']:9}"
    until = f"{'' if left is None else amount(left):8}"
    parts = [Text.assemble((doing, slot_style(slot)), until)]
    if slot["run"] is not None:
        parts.append(Text(f"run {slot['run']} for {amount(run_age(slot))}, pid {slot['pid']}"))
    elif slot["last"] is not None:
        parts.append(Text(_last_words(slot["last"])))
    if slot.get("leftovers"):
        parts.append(Text(left_behind(slot["leftovers"]), "yellow"))
    if words := slot_cause(slot):
        parts.append(Text(words, "bright_black"))
    return Text("  ").join(parts)


def _last_words(last: LastRun) -> str:
    took = "" if last["duration"] is None else f" after {amount(last['duration'])}"
    return f"run {last['run']} {last['outcome']}{took}"


def ok(program: Program) -> Text:
    """Percent of the runs that ended well."""
    share = share_ok(program)
    poor = share != "-" and float(share) < 95.0  # noqa: PLR2004 - one run in twenty
    return Text(share, "yellow" if poor else "")


def budget(program: Program, *, unicode: bool) -> Text:
    """A bar and the tokens, in the colour of how many are left: what else is wrong is said by the state."""
    tokens, size = int(program["budget"]["tokens"]), int(program["budget"]["size"])
    style = "red" if tokens < 1 else "green" if 2 * tokens > size else "yellow"
    full = round(BUDGET_CELLS * program["budget"]["tokens"] / size) if size else 0
    solid, empty = ("█", "·") if unicode else ("#", ".")
    number = f"{tokens}" if tokens == size else f"{tokens}/{size}"
    return Text.assemble((solid * full, style), (empty * (BUDGET_CELLS - full), "bright_black"), f" {number}")


def busy(program: Program) -> Text:
    """Share of the last minute in which the slots had a run; that of a service is always full, as it should be."""
    share = program["busy"]
    full = program["kind"] != "service" and share is not None and share >= 0.95  # noqa: PLR2004 - no slot was ever free
    return Text("-" if share is None else f"{100 * share:.0f}%", "yellow" if full else "")


def spark(rates: Sequence[float], *, unicode: bool) -> Text:
    """Runs a minute over the last hour, the newest last, each as high as its share of the highest."""
    bars = BARS if unicode else ASCII_BARS
    top = max(rates, default=0.0)
    if top <= 0:
        return Text(bars[0] * len(rates), "bright_black")
    return Text("".join(bars[min(len(bars) - 1, round((len(bars) - 1) * rate / top))] for rate in rates), "cyan")


def usage(measured: Any | None) -> tuple[Text, Text]:  # noqa: ANN401 - two numbers, or nothing
    """CPU and memory of a program's runs; `-` where they are not known."""
    if measured is None:
        return Text("-"), Text("-")
    cpu, memory = measured
    return Text(f"{100 * cpu:.0f}%"), Text(_mebibytes(memory))


def _mebibytes(count: int) -> str:
    size = count / (1 << 20)
    return f"{size:.0f}M" if size < 1000 else f"{size / 1024:.1f}G"  # noqa: PLR2004 - four digits are too wide
