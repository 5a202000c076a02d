"""The page about `simulate` shows what it really prints. `python tests/surface/test_simulate_docs.py` rewrites it."""

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "simulate.md"
EXAMPLE = re.compile(r"^```sh\n(minisup simulate [^\n]*)\n```\n\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
CONFIG = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def page():
    return PAGE.read_text(encoding="utf-8")


def test_there_are_examples():
    assert len(EXAMPLE.findall(page())) >= 4


@pytest.mark.parametrize(("command", "shown"), EXAMPLE.findall(page()), ids=lambda text: text[17:60])
def test_the_page_shows_what_is_printed(command, shown, minisup, tmp_path):
    (tmp_path / "minisup.toml").write_text(CONFIG.findall(page())[0], encoding="utf-8")
    process = minisup(*shlex.split(command)[1:])
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == shown, f"run: python {__file__}"


def rewrite():
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "minisup.toml").write_text(CONFIG.findall(page())[0], encoding="utf-8")

        def printed(found):
            words = [sys.executable, "-m", *shlex.split(found[1])]
            done = subprocess.run(words, cwd=directory, capture_output=True, text=True, check=True)
            return f"```sh\n{found[1]}\n```\n\n```text\n{done.stdout}```"

        PAGE.write_text(EXAMPLE.sub(printed, page()), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
