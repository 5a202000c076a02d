"""Any command line: an exit code that is documented, and a sentence; never a traceback."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from minisup.cli.argv import GLOBAL_OPTIONS, LATER_COMMANDS, command_of
from minisup.cli.commands import ENTRIES, EXIT_CODES, command, reader_of

FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
CODES = {code for code, _ in EXIT_CODES}
OPTIONS = {name for entry in ENTRIES for one in reader_of(command(entry)).known for name in (*one.yes, *one.no)}
INSTALLS = {"--install-completion", "--show-completion"}
"""What would change the shell of whoever runs the tests."""

WORDS = (
    st.sampled_from(sorted(ENTRIES))
    | st.sampled_from(
        sorted(word for word in {*OPTIONS, *GLOBAL_OPTIONS, "--help", "-h", "--"} if word.startswith("-"))
    )
    | st.sampled_from(LATER_COMMANDS)
    | st.sampled_from(["email", "email:1", "em*", "@mail", "all", "-", "", "-x", "--x=", "-n", "-1", "5", "5m", "1e9"])
    | st.sampled_from(sorted(OPTIONS)).map(lambda option: f"{option}=1")
    | st.text(max_size=6).filter(lambda text: "\0" not in text)
)
LINES = st.lists(WORDS, max_size=6)
STARTING = ["up", "up --exit-when-done", "up email sms", "-c broken.toml up", "up -c", "up --watch", "up --x", "up -h"]


def harmless(line):
    """Whether a line starts nothing, ends nothing that other examples need, and installs nothing."""
    return command_of(line) != "up" and "shutdown" not in line and not INSTALLS & set(line)


def assert_civil(process):
    assert process.returncode in CODES, process
    assert "Traceback" not in process.stderr, process.stderr
    assert process.returncode == 0 or process.stderr or process.stdout, "not a word"


@FUZZ
@given(line=LINES.filter(harmless))
@example(line=["status", "\udc80"])
@example(line=["-c", "", "status"])
@example(line=["health", "--max-age", "1" * 5000])
@example(line=["logs", "-n", "9" * 5000])
@example(line=["status", "x" * 100_000])
def test_any_command_line_ends_with_a_code_that_is_documented(minisup, fake, line):
    assert_civil(minisup(*line, environ={"MINISUP_SOCKET": fake}))


@FUZZ
@given(line=LINES.filter(lambda line: command_of(line) != "up" and not INSTALLS & set(line)))
def test_without_a_minisup_too(minisup, tmp_path, line):
    process = minisup(*line, environ={"MINISUP_SOCKET": str(tmp_path / "nobody")})
    assert_civil(process)


def test_up_ends_with_a_code_when_it_cannot_start(minisup, tmp_path):
    (tmp_path / "minisup.toml").write_text("[program.email]\ncomand = 1\n", encoding="utf-8")
    for line in STARTING:
        process = minisup(*line.split())
        assert_civil(process)
        assert process.returncode in {0, 2, 78}, process


def test_a_duration_of_thousands_of_digits_is_a_usage_error_and_no_traceback(minisup, fake):
    process = minisup("health", "--max-age", "1" * 5000, environ={"MINISUP_SOCKET": fake})
    assert process.returncode == 2
    assert process.stderr.startswith("cannot read --max-age: ")
