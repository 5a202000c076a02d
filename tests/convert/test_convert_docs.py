"""The pages about moving show what the imports really make."""

import re
from pathlib import Path

import pytest

from minisup.__main__ import run

DOCS = Path(__file__).parents[2] / "docs" / "how-to"
SUPERVISORD, OTHERS = "from-supervisord.md", "from-procfile-or-cron.md"


def blocks(page, language):
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("page", "before", "which", "words"),
    [
        (SUPERVISORD, "ini", 0, "supervisord supervisord.conf"),
        (OTHERS, "procfile", 0, "procfile Procfile --scale web=2,worker=3"),
        (OTHERS, "crontab", 1, "crontab crontab"),
    ],
)
def test_the_file_becomes_what_the_page_shows(page, before, which, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / words.split()[1]).write_text(blocks(page, before)[0], encoding="utf-8")
    assert run(["import", *words.split(), "-o", "minisup.toml"]) == 0
    assert (tmp_path / "minisup.toml").read_text(encoding="utf-8") == blocks(page, "toml")[which]
    if page == SUPERVISORD:
        assert capsys.readouterr().out == blocks(page, "text")[0]
