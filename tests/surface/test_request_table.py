"""The table of requests in the documentation is drawn from the code:
`python tests/surface/test_request_table.py` draws it anew.
"""

from pathlib import Path

from minisup.core.request_table import TABLE, Request

DOCUMENT = Path(__file__).parents[2] / "docs" / "explanation" / "policy.md"
BEGIN, END = "<!-- requests: begin -->", "<!-- requests: end -->"
PARTS = tuple(tuple(Request)[first : first + 3] for first in range(0, len(Request), 3))


def draw():
    return "\n\n".join(part(requests) for requests in PARTS)


def part(requests):
    head = ["slot", *(f"`{request}`" if request.isalpha() else str(request) for request in requests)]
    rows = [[str(where), *(cells[request].words for request in requests)] for where, cells in TABLE.items()]
    return "\n".join(map(line, [head, ["---"] * len(head), *rows]))


def line(cells):
    return f"| {' | '.join(cells)} |"


def with_table(text):
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"{DOCUMENT} has no lines {BEGIN} and {END}"
    return f"{before}{BEGIN}\n\n{draw()}\n\n{END}{after}"


def test_the_page_shows_the_table_of_requests():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_table(text) == text


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
