"""One end for all commands: a stdout that is full, closed or read no further, and any text in any locale."""

import json
import os
import subprocess
import sys

import pytest
from fake_minisup import answering

from minisup.cli.stdout import Stdout, bearable

LOOKING = ["status", "status --json", "logs", "events", "history", "history --csv", "history --json"]
LOOKING += ["report", "report --json", "version", "stop email", "scale email=2", "reopen", "check", "simulate --for 1m"]
LOOKING += ["init -", "--help", "status --help", "--version"]
ODD = "接続 \u2714 \udcff caf\u00e9"


@pytest.fixture
def command(fake, tmp_path):
    (tmp_path / "minisup.toml").write_text('[program.email]\ncommand = "true"\n')

    def start(line, **streams):
        environ = {**os.environ, "MINISUP_SOCKET": fake}
        words = [sys.executable, "-m", "minisup", *line.split()]
        return subprocess.Popen(words, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True, **streams)

    return start


def ended(process):
    _, said = process.communicate(timeout=30)
    return process.returncode, said


@pytest.mark.parametrize("line", LOOKING)
def test_a_full_disk_is_one_sentence_about_standard_output(command, line):
    with open("/dev/full", "w", encoding="utf-8") as full:
        code, said = ended(command(line, stdout=full))
    assert said == "cannot write to standard output: No space left on device; send it to another place\n"
    assert code == 1


@pytest.mark.parametrize("line", ["status", "report", "logs -f", "events -f", "events -f --json", "--help"])
def test_a_reader_who_has_left_ends_every_command_with_zero(command, line):
    reading, writing = os.pipe()
    os.close(reading)
    process = command(line, stdout=writing)
    os.close(writing)
    code, said = ended(process)
    assert (code, said) in {(0, ""), (0, "minisup has ended\n")}


@pytest.mark.parametrize("line", ["status", "report", "history", "--help", "simulate --for 1m"])
def test_a_closed_stdout_is_as_good_as_dev_null(command, line):
    process = command(line, preexec_fn=lambda: os.close(1))
    assert ended(process) == (0, "")


def test_the_exit_code_of_a_run_is_told_also_when_nobody_reads_what_it_prints(command):
    reading, writing = os.pipe()
    os.close(reading)
    process = command("run email", stdout=writing)
    os.close(writing)
    code, _ = ended(process)
    assert code == 3


def test_who_follows_ends_with_the_reader_although_no_further_line_comes():
    script = """
        import sys, threading
        from minisup.cli import output, stdout

        def coming():
            yield "one"
            threading.Event().wait()

        def follow():
            for line in stdout.while_read(coming()):
                output.show(line)
                sys.stdout.flush()
            return 5

        sys.exit(output.guarded(follow))
    """
    source = "\n".join(line[8:] for line in script.splitlines())
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "one\n"
    process.stdout.close()
    assert process.wait(30) == 0


# --- any text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "utf-8", "shift_jis"])
def test_any_text_can_be_printed_in_any_encoding(encoding, tmp_path):
    file = tmp_path / "out"
    with open(file, "w", encoding=encoding) as stream:
        out = Stdout(stream)
        assert out.write(f"{ODD}\n")
        out.flush()
    text = file.read_text(encoding=encoding)
    assert text.endswith("\n")
    assert "?" in text
    assert ("接続" in text) == (encoding in {"utf-8", "shift_jis"})


def test_a_letter_that_is_lacking_keeps_its_place_in_a_column():
    assert bearable("接続 é", "ascii") == "???? ?"


@pytest.fixture
def odd(tmp_path):
    """A minisup whose jobs print what few encodings have."""
    path = tmp_path / "odd.sock"
    with answering(path, ODD):
        yield str(path)


ANY_TEXT = ["logs", "logs --json", "events", "events --json", "status", "status --slots", "history", "history --csv"]


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "utf-8"])
@pytest.mark.parametrize("line", ANY_TEXT)
def test_commands_print_what_jobs_have_printed_in_any_locale(odd, encoding, line):
    environ = {**os.environ, "MINISUP_SOCKET": odd, "PYTHONIOENCODING": encoding}
    words = [sys.executable, "-m", "minisup", *line.split()]
    done = subprocess.run(words, env=environ, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout
    if "--json" in line and "events" in line:
        first = json.loads(done.stdout.decode(encoding).splitlines()[0])
        assert first["message"] == ODD


def test_what_says_that_it_is_utf_8_is_utf_8_in_every_locale(tmp_path):
    (tmp_path / "crontab").write_text("* * * * * echo 接続\n", encoding="utf-8")
    words = [sys.executable, "-m", "minisup", "import", "crontab", "crontab"]
    environ = {**os.environ, "PYTHONIOENCODING": "iso-8859-1"}
    done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0
    assert "echo 接続" in done.stdout.decode("utf-8")
