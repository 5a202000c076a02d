"""What the documentation says is so: its links lead somewhere, its configurations load, its commands exist."""

import os
import pwd
import re
from pathlib import Path

import pytest

from minisup.check.lint import lint
from minisup.cli.check.log_places import open_logs
from minisup.cli.commands import ENTRIES
from minisup.config.load import load

TOP = Path(__file__).parents[2]
PAGES = sorted([*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md"), *(TOP / "examples").rglob("*.md")])
CONFIGS = sorted((TOP / "examples").rglob("*.toml"))

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
WARNED = {
    # The page compares what a program without an idle code asks of an empty queue with one that has it.
    ("docs/how-to/simulate.md", 0): ["MS124"],
    # What an import writes is shown as it is: the Procfile's worker is one of those without an end.
    ("docs/how-to/from-procfile-or-cron.md", 0): ["MS116"],
    # What an import writes is shown as it is: an idle code is not in a file of supervisord.
    ("docs/how-to/from-supervisord.md", 0): ["MS124"],
    # The page shows what these two warnings say of it.
    ("docs/how-to/check.md", 0): ["MS101", "MS108"],
}
"""By page and number of its block: the warnings that are meant to come, and why."""
COMMAND = re.compile(r"\bminisup ((?:-\S+ \S+ )*)([a-z]+)")


def name(path):
    return str(path.relative_to(TOP))


def blocks(path, *languages):
    return [text for language, text in FENCE.findall(path.read_text(encoding="utf-8")) if language in languages]


def commands():
    return set(ENTRIES)


def asked_for(path):
    text = path.read_text(encoding="utf-8")
    inline = "\n".join(re.findall(r"`(minisup [^`]+)`", FENCE.sub("", text)))
    shell = "\n".join(blocks(path, "sh", "dockerfile"))
    quoted = re.findall(r'"minisup", "([a-z]+)"', shell)
    return {command for _, command in COMMAND.findall(f"{inline}\n{shell}")} | set(quoted)


def test_there_are_pages():
    assert {"README.md", "CHANGELOG.md", "docs/index.md", "docs/explanation/policy.md"} <= {
        name(page) for page in PAGES
    }


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files_that_exist(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    inside = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link]
    assert [link for link in inside if link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_exist(page):
    assert asked_for(page) - commands() == set()


def test_the_readme_names_commands_at_all():
    assert {"up", "status", "check", "health"} <= asked_for(TOP / "README.md")


@pytest.mark.parametrize(
    ("page", "number", "text"),
    [
        pytest.param(page, number, text, id=f"{name(page)}-{number}")
        for page in PAGES
        if page.parent.name != "reference"
        for number, text in enumerate(blocks(page, "toml"))
    ],
)
def test_configurations_load(page, number, text, tmp_path):
    file = tmp_path / "minisup.toml"
    file.write_text(text, encoding="utf-8")
    config = load(file)
    assert config.programs, page
    found = [finding.id for finding in lint(config)]
    assert found == WARNED.get((name(page), number), [])


def test_the_checks_look_at_every_example():
    looked_at = {*(TOP / "examples").glob("*.toml"), *(TOP / "examples").glob("*/minisup.toml")}  # as .ci/run does
    assert set(CONFIGS) == looked_at
    assert "examples/*.toml examples/*/minisup.toml" in (TOP / ".ci" / "run").read_text(encoding="utf-8")
    assert {path.parent for path in CONFIGS} == {path.parent for path in PAGES if "examples" in path.parts} | {
        TOP / "examples"
    }


@pytest.mark.parametrize("config", CONFIGS, ids=name)
def test_examples_keep_their_logs_where_nobody_else_may_write(config):
    """Where the home directory is the user's own, as it is anywhere."""
    assert open_logs(load(config, {**os.environ, "HOME": pwd.getpwuid(os.geteuid()).pw_dir})) == {}


@pytest.mark.parametrize("config", CONFIGS, ids=name)
def test_examples_load(config):
    loaded = load(config)
    assert loaded.programs
    assert lint(loaded) == []


def test_the_index_of_the_documentation_is_complete():
    linked = {(TOP / "docs" / link).resolve() for link in LINK.findall((TOP / "docs" / "index.md").read_text())}
    pages = {page for page in PAGES if page.is_relative_to(TOP / "docs") and page.parent.name != "decisions"}
    assert pages - linked == {TOP / "docs" / "index.md"}


def test_the_index_of_decisions_is_complete():
    directory = TOP / "docs" / "decisions"
    linked = {(directory / link).resolve() for link in LINK.findall((directory / "index.md").read_text())}
    assert {page for page in directory.glob("*.md") if page.name != "index.md"} == linked


def test_the_tutorial_shows_the_dockerfile_of_the_example():
    lines = (TOP / "examples" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    shown = blocks(TOP / "docs" / "tutorial" / "container.md", "dockerfile")[0].splitlines()
    assert shown == [line for line in lines if not line.startswith("#")]


def test_the_commands_of_the_readme_are_marked_for_the_checks():
    text = (TOP / "README.md").read_text(encoding="utf-8")
    for mark in ("run", "test"):
        marked = re.search(rf"<!-- command: {mark} -->\n```sh\n(.+)\n```", text)
        assert marked, mark
        assert marked[1].startswith("python3 -m venv .venv && ")
