"""The diagram in the documentation is drawn from the table of transitions:
`python tests/surface/test_diagram.py` draws it anew.
"""

from pathlib import Path

from minisup.core.model import TRANSITIONS, Phase

DOCUMENT = Path(__file__).parents[2] / "docs" / "explanation" / "policy.md"
BEGIN, END = "<!-- diagram: begin -->", "<!-- diagram: end -->"


def draw():
    moves = [f"    {old} --> {new}: {_label(why)}" for old, ways in TRANSITIONS.items() for new, why in ways.items()]
    ends = [f"    [*] --> {Phase.OFF}", f"    {Phase.OFF} --> [*]: scale-in"]
    return "\n".join(["```mermaid", "stateDiagram-v2", *ends, *moves, "```"])


def with_diagram(text):
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"{DOCUMENT} has no lines {BEGIN} and {END}"
    return f"{before}{BEGIN}\n\n{draw()}\n\n{END}{after}"


def _label(why):
    return why.replace(": ", " - ").replace(";", ",")  # both end a label in Mermaid


def test_the_diagram_shows_the_table_of_transitions():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_diagram(text) == text


def test_every_phase_can_be_reached_and_left():
    targets = {new for ways in TRANSITIONS.values() for new in ways}
    assert targets == set(Phase)
    assert set(TRANSITIONS) == set(Phase)
    assert all(TRANSITIONS.values())


if __name__ == "__main__":
    DOCUMENT.write_text(with_diagram(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
