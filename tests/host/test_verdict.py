"""What the output of a clean exit says, and that no pattern can keep the loop waiting."""

import os
import re
import time
from pathlib import Path

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, pause, program, sh, wait_until

from minisup.core.model import Outcome
from minisup.host.output.output_rules import Rule, SlowMatchError, Stopwatch, judge
from minisup.host.output.tails import CONSIDERED, RECENT, Tail

CLEAN = frozenset({0})


def rule(idle=None, unless=None, worked=None):
    return Rule(CLEAN, *(None if text is None else re.compile(text) for text in (idle, unless, worked)))


@pytest.mark.parametrize(
    ("patterns", "lines", "whole", "settled", "outcome"),
    [
        ({"idle": "^empty$"}, ["so", "empty"], True, True, Outcome.IDLE),
        ({"idle": "^empty$"}, ["not empty"], True, True, None),
        ({"idle": "^empty$"}, [], True, True, None),
        ({"unless": "sent"}, [], True, True, Outcome.IDLE),
        ({"unless": "sent"}, ["hello"], True, True, Outcome.IDLE),
        ({"unless": "sent"}, ["sent 1"], True, True, Outcome.WORKED),
        ({"unless": "sent"}, ["hello"], False, True, None),  # it may have said so before
        ({"unless": "sent"}, ["hello"], True, False, None),  # it may say so yet
        ({"worked": "sent"}, ["sent"], True, True, Outcome.WORKED),
        ({"worked": "sent"}, ["no"], True, True, Outcome.FAILED),
        ({"worked": "sent"}, ["no"], False, True, Outcome.FAILED),
        ({"worked": "sent"}, ["no"], True, False, None),
        ({"idle": "empty", "worked": "sent"}, ["sent", "empty"], True, True, Outcome.IDLE),
        ({"unless": "took", "worked": "sent"}, [], True, True, Outcome.IDLE),
        ({"unless": "took", "worked": "sent"}, ["took"], True, True, Outcome.FAILED),
        ({"unless": "took", "worked": "sent"}, ["took", "sent"], True, True, Outcome.WORKED),
        ({"unless": "took", "worked": "sent"}, ["trace"] * 64, False, True, Outcome.FAILED),
    ],
)
def test_what_lines_say(patterns, lines, whole, settled, outcome):
    assert judge(rule(**patterns), lines, whole=whole, settled=settled) is outcome


# --- what is looked at ------------------------------------------------------------------------------------------------


def tail_of(*blocks):
    tail = Tail()
    for run, text in blocks:
        tail.keep(run, "stdout", 0.0, text)
    return tail


def test_only_the_lines_of_the_run_are_looked_at():
    tail = tail_of((1, b"sent\n"), (2, b"a\nb\n"), (1, b"late\n"), (2, b"c"))
    assert tail.recent(2) == (["c", "b", "a"], True)
    assert tail.recent(3) == ([], True)


def test_more_lines_than_are_looked_at_are_known_to_be_more():
    assert tail_of((1, b"x\n" * 199)).recent(1) == (["x"] * 199, True)
    assert tail_of((1, b"x\n" * 201)).recent(1) == (["x"] * 200, False)
    assert tail_of(*[(1, b"x\n")] * 201).recent(1) == (["x"] * 200, False)
    lines, whole = tail_of((1, (b"x" * 999 + b"\n") * 30)).recent(1)
    assert (len(lines), whole) == (RECENT // 1000, False)
    assert tail_of((1, b"x\n" * 20_000)).recent(1)[1] is False


def test_what_an_earlier_run_printed_does_not_make_a_short_one_long():
    assert tail_of((1, b"x\n" * 20_000), (2, b"sent\n")).recent(2) == (["sent"], True)
    assert tail_of(*[(1, b"x\n")] * 300, (2, b"sent\n")).recent(2) == (["sent"], True)


def test_a_long_line_is_looked_at_from_its_beginning():
    lines, whole = tail_of((1, b"begin" + b"x" * 2 * CONSIDERED + b"\n")).recent(1)
    assert [len(line) for line in lines] == [CONSIDERED]
    assert lines[0].startswith("begin")
    assert not whole


def test_colours_and_bytes_that_are_no_text_do_not_hide_a_line():
    tail = tail_of((1, b"\x1b[32mProcessed:\x1b[0m mail \xff\n"))
    assert tail.recent(1) == (["Processed: mail \ufffd"], True)


# --- patterns that take for ever --------------------------------------------------------------------------------------


def test_a_match_without_an_end_is_ended():
    watch = Stopwatch()
    watch.install()
    began = time.process_time()
    with pytest.raises(SlowMatchError), watch:
        re.search("^(a+)+$", "a" * 60 + "!")  # for ever and three days
    assert time.process_time() - began < 1.0
    with watch:
        assert re.search("^a+$", "a" * 60)


def test_a_hostile_pattern_costs_the_loop_little_and_no_job(stage: Stage) -> None:
    slow = program("slow", sh(f"echo {'a' * 60}!"), min_runtime=0, idle={"output": "^(a+)+$"}, stop=AT_ONCE)
    good = program("good", ["true"], min_runtime=0, stop=AT_ONCE)
    daemon = stage.up(slow, good)
    wait_until(lambda: daemon.program("slow")["runs"]["worked"] > 20, SOON, "runs go on, by their exit code")
    wait_until(lambda: daemon.program("good")["runs"]["worked"] > 100, SOON, "and so do those of others")
    daemon.says("patterns for output took too long")
    assert daemon.stderr.count("patterns for output took too long") == 1
    assert daemon.program("slow")["runs"]["idle"] == 0


# --- all the way ------------------------------------------------------------------------------------------------------


def runs_of(stage: Stage, script: str, **keys: object) -> dict[str, int]:
    keys = {"restart": "never", "stop": AT_ONCE, **keys}
    daemon = stage.up(program("job", sh(script), **keys))
    wait_until(lambda: daemon.program("job")["runs"]["total"], SOON, "the run has ended")
    runs = daemon.program("job")["runs"]
    return {outcome: count for outcome, count in runs.items() if count and outcome != "total"}


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("echo queue empty", "idle"),
        ("echo queue empty >&2", "idle"),
        ("printf 'queue empty'", "idle"),
        ("echo queue full", "failed"),
        ("echo sent", "worked"),
        ("echo sent; exit 3", "failed"),  # not a clean exit: the output is not asked
        ("echo queue empty; kill -9 $$", "crashed"),
    ],
)
@pytest.mark.parametrize("to", ["console", "none"])
def test_the_outcome_of_a_real_run(stage: Stage, script: str, outcome: str, to: str) -> None:
    keys = {"idle": {"output": "^queue empty$"}, "worked": {"output": "^sent$"}, "log": {"to": to}}
    assert runs_of(stage, script, **keys) == {outcome: 1}


@pytest.mark.parametrize(
    "log",
    [
        {"format": "raw"},
        {"format": "json"},
        {"time": True},
        {"stderr": "join"},
        {"to": "file", "path": "job.log"},
    ],
    ids=str,
)
def test_the_form_in_which_output_is_written_does_not_matter(stage: Stage, log: dict[str, object]) -> None:
    keys = {"idle": {"output": "^queue empty$"}, "worked": {"output": "^sent$"}, "log": log}
    assert runs_of(stage, "echo hello; echo queue empty >&2", **keys) == {"idle": 1}


def test_output_that_nobody_takes_is_not_taken_for_silence(stage: Stage) -> None:
    """The console is full: what the run printed is still in its pipe, so its exit code alone decides."""
    reader, writer = os.pipe()
    clog = program("clog", sh("exec yes"), stop=AT_ONCE)
    job = program(
        "job", sh("echo sent"), restart="never", idle={"unless_output": "sent"}, stop=AT_ONCE, autostart=False
    )
    daemon = stage.up(clog, job, stdout=writer)
    os.close(writer)
    try:
        wait_until(lambda: is_clogged(daemon), SOON, "nothing is taken any more")
        daemon.ask("start", "job")
        wait_until(lambda: daemon.program("job")["runs"]["total"], SOON, "the run has ended")
        assert daemon.program("job")["runs"]["worked"] == 1
    finally:
        daemon.end()
        os.close(reader)


def is_clogged(daemon: Daemon) -> bool:
    """Whether the job that prints for ever waits for somebody to read it."""
    pid = daemon.slot("clog:0")["pid"]
    before = Path(f"/proc/{pid}/io").read_text()
    pause(0.3)
    return Path(f"/proc/{pid}/io").read_text() == before and "wchar: 0\n" not in before


def test_a_quick_exit_is_idle_only_if_that_is_asked_for(stage: Stage) -> None:
    assert runs_of(stage, "true", idle={"faster_than": "5s"}) == {"idle": 1}


def test_another_rule_counts_from_the_reload_on(stage: Stage) -> None:
    words, keys = sh("echo nothing"), {"min_runtime": "50ms", "stop": AT_ONCE}
    daemon = stage.up(program("job", words, **keys))
    wait_until(lambda: daemon.program("job")["runs"]["worked"], SOON, "it works")
    stage.config(program("job", words, idle={"output": "nothing"}, **keys))
    daemon.ask("reload")
    wait_until(lambda: daemon.program("job")["runs"]["idle"], SOON, "it is idle")


def test_why_a_clean_exit_failed_is_told(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo took one; echo no luck"), worked={"output": "sent"}, stop=AT_ONCE))
    wait_until(lambda: "first failure" in daemon.stderr, SOON, "the failure is told")
    daemon.says("exit 0 without its worked.output after")
    daemon.says('"no luck"')
    assert daemon.slot("job:0")["last"]["outcome"] == "failed"
