"""What `check` says about watched files."""

from config_kit import program

from minisup.check.watch_text import watch_lines, watched_by
from minisup.config.files import globs

WATCH = "watch = ['app/**/*.php', 'composer.lock', 'app', 'src/*.php', 'app/*.txt']"


def made(tmp_path):
    place = tmp_path / "o[d]d"
    (place / "app").mkdir(parents=True)
    for name in ("app/Job.php", "app/Mail.php", "composer.lock"):
        (place / name).write_text("")
    return place


def test_what_is_watched_today_and_what_is_odd_about_it(tmp_path):
    place = made(tmp_path)
    assert (
        watch_lines(program(place, WATCH))
        == f"""\
{place}/app/**/*.php: 2 files
{place}/composer.lock: 1 file
{place}/app: is a directory, and only files are watched: write /** behind it
{place}/src/*.php: no file today, there is no directory {place}/src
{place}/app/*.txt: no file today
a change lets each run finish and starts the next one at once"""
    )


def test_what_a_change_leads_to(tmp_path):
    lines = {kind: watch_lines(program(tmp_path, f"kind = '{kind}'\n{WATCH}")) for kind in ("service", "task")}
    assert lines["service"].endswith("a change restarts one slot after another")
    assert lines["task"].endswith("a change lets each run finish; what is done runs again")


def test_too_much_to_be_meant(tmp_path, monkeypatch):
    place = made(tmp_path)
    monkeypatch.setattr(globs, "MOST_DIRECTORIES", len(place.parts))
    [watched] = watched_by(program(place, "watch = ['**/*.lock']"))
    assert watched.remark == "1 and more: there are over 20,000 directories; name narrower patterns"
