import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisup.config.text.toml_lines import find_lines, key_text, line_of

TEXT = '''\
# a comment with [brackets] and = signs
top = 1

[supervisor]
environment = { A = "x # y", B = '[z]' }   # inline
"quoted key" = 2

[program.email]
command = """
[not.a.table]
key = "value"
"""
list = [
  "a", # ]
  """b
]""",
  { c = 1 },
]
stop.drain = "5m"
after = []

  [program."em.ail".stop]  # indented, quoted
  "dr\\u0061in" = \'\'\'
x = 1\'\'\'
'last' = """a"""""
next = 2
[[things]]
name = 1
[[things]]
name = 2
[things.inner]
deep = 3
[[ things . inner2 ]]
x.y.z = 4
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("supervisor",), 4),
        (("supervisor", "environment"), 5),
        (("supervisor", "environment", "B"), 5),
        (("supervisor", "quoted key"), 6),
        (("program", "email"), 8),
        (("program", "email", "command"), 9),
        (("program", "email", "list"), 13),
        (("program", "email", "list", 2, "c"), 13),
        (("program", "email", "stop"), 19),
        (("program", "email", "stop", "drain"), 19),
        (("program", "email", "after"), 20),
        (("program", "em.ail", "stop"), 22),
        (("program", "em.ail", "stop", "drain"), 23),
        (("program", "em.ail", "stop", "last"), 25),
        (("program", "em.ail", "stop", "next"), 26),
        (("things", 0, "name"), 28),
        (("things", 1), 29),
        (("things", 1, "name"), 30),
        (("things", 1, "inner", "deep"), 32),
        (("things", 1, "inner2", 0, "x", "y", "z"), 34),
        (("program",), 8),
        (("program", "email", "missing"), 8),
        (("nowhere",), 0),
    ],
)
def test_lines_of_keys(path, line):
    assert tomllib.loads(TEXT)
    assert line_of(find_lines(TEXT), path) == line


def test_a_table_that_comes_after_its_inner_table_has_its_own_line():
    lines = find_lines("[a.b]\nx = 1\n[a]\ny = 2\n")
    assert (line_of(lines, ("a", "b")), line_of(lines, ("a",))) == (1, 3)


def test_key_paths_are_written_as_in_the_file():
    assert key_text(("program", "em.ail", "stop", "drain")) == 'program."em.ail".stop.drain'
    assert key_text(("a", 1, "")) == 'a[1].""'


@given(st.text(alphabet="[]{}=.,\"'#\n\\ ab1"))
def test_scanning_any_text_ends(text):
    lines = find_lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@given(
    st.lists(
        st.sampled_from(['a = """\n[x]\n"""', "b = [\n1,\n2]", "c = 'x'", "d.e = {f = 1}", "# g = 1", ""]), unique=True
    )
)
def test_each_key_of_a_file_is_found_where_it_stands(parts):
    text = "\n".join(parts)
    tomllib.loads(text)
    lines = find_lines(text)
    for name in "abcd":
        starts = [
            number for number, line in enumerate(text.split("\n"), 1) if line.startswith((f"{name} =", f"{name}."))
        ]
        assert line_of(lines, (name,)) == (starts[0] if starts else 0)
