import pytest

from minisup.core.messages import Exited
from minisup.core.model import ExitCodes, Kind, Outcome
from minisup.core.policy.clean_exit import MUST_NOT_END, NOT_OK
from minisup.core.policy.outcome import (
    BY_THE_KERNEL,
    KillReason,
    classify,
    code_table,
    described,
    explain,
    refine,
)

CODES = ExitCodes(ok=frozenset({0, 3}), idle=frozenset({7}), recycle=frozenset({12}), fatal=frozenset({78}))


def ended(code=None, signal=None, ours=None, *, oom=False, codes=CODES):
    return classify(Exited("email:0", 1, code, signal, oom=oom), code_table(codes), ours)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (0, Outcome.WORKED),
        (3, Outcome.WORKED),
        (7, Outcome.IDLE),
        (12, Outcome.RECYCLED),
        (78, Outcome.FATAL),
        (1, Outcome.FAILED),
        (255, Outcome.FAILED),
    ],
)
def test_the_exit_code_decides(code, outcome):
    assert ended(code) is outcome


def test_a_code_in_several_sets_is_taken_by_the_first_rule():
    everything = frozenset({5})
    assert ended(5, codes=ExitCodes(ok=everything)) is Outcome.WORKED
    assert ended(5, codes=ExitCodes(ok=everything, idle=everything)) is Outcome.IDLE
    assert ended(5, codes=ExitCodes(ok=everything, idle=everything, recycle=everything)) is Outcome.RECYCLED
    all_four = ExitCodes(ok=everything, idle=everything, recycle=everything, fatal=everything)
    assert ended(5, codes=all_four) is Outcome.FATAL


def test_a_service_without_ok_codes_fails_by_exit_0():
    assert ended(0, codes=ExitCodes(ok=frozenset())) is Outcome.FAILED


def test_death_by_a_signal_that_is_not_ours_is_a_crash():
    assert ended(signal="SIGSEGV") is Outcome.CRASHED
    assert ended(signal="SIGKILL") is Outcome.CRASHED


def test_the_out_of_memory_killer_is_told_from_a_crash():
    assert ended(signal="SIGKILL", oom=True) is Outcome.OOM


@pytest.mark.parametrize(
    ("ours", "outcome"),
    [(KillReason.STOP, Outcome.STOPPED), (KillReason.MAX_RUNTIME, Outcome.TIMEOUT), (KillReason.MEMORY, Outcome.OOM)],
)
def test_our_signal_decides_however_the_run_then_ended(ours, outcome):
    assert ended(0, ours=ours) is outcome
    assert ended(78, ours=ours) is outcome
    assert ended(signal="SIGKILL", ours=ours) is outcome


def test_a_run_whose_status_nobody_could_read_is_lost():
    assert ended() is Outcome.LOST


@pytest.mark.parametrize(
    ("said", "faster_than", "outcome"),
    [
        (None, None, Outcome.WORKED),
        (Outcome.IDLE, None, Outcome.IDLE),
        (Outcome.WORKED, None, Outcome.WORKED),
        (Outcome.FAILED, None, Outcome.FAILED),
        (None, 0.3, Outcome.IDLE),
        (None, 0.2, Outcome.WORKED),  # not in less than that
        (Outcome.IDLE, 0.2, Outcome.IDLE),
        (Outcome.WORKED, 0.3, Outcome.WORKED),
        (Outcome.FAILED, 0.3, Outcome.IDLE),
        (Outcome.FAILED, 0.2, Outcome.FAILED),
    ],
)
def test_what_a_clean_exit_said_comes_before_how_long_it_took(said, faster_than, outcome):
    assert refine(Outcome.WORKED, said, 0.2, faster_than) is outcome


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.WORKED}))
def test_neither_output_nor_length_changes_any_other_end(outcome):
    assert refine(outcome, Outcome.WORKED, 0.1, 1.0) is outcome
    assert refine(outcome, Outcome.IDLE, 0.1, 1.0) is outcome


def test_what_explains_an_end():
    ending = Exited("email:0", 1, None, "SIGKILL", last_line="out of luck")
    assert explain(ending, Outcome.CRASHED, "", Kind.JOB) == "out of luck"
    assert explain(ending, Outcome.OOM, "512 MiB of 256 MiB", Kind.JOB) == "512 MiB of 256 MiB"
    assert explain(ending, Outcome.OOM, "", Kind.JOB) == BY_THE_KERNEL


@pytest.mark.parametrize(
    ("kind", "said", "cause"),
    [
        (Kind.SERVICE, None, MUST_NOT_END),
        (Kind.JOB, None, NOT_OK),
        (Kind.TASK, None, NOT_OK),
        (Kind.SERVICE, Outcome.FAILED, "out of luck"),
        (Kind.JOB, Outcome.FAILED, "out of luck"),
    ],
)
def test_a_clean_exit_that_failed_is_explained_by_its_code_or_by_its_output(kind, said, cause):
    ending = Exited("email:0", 1, 0, last_line="out of luck", said=said)
    assert explain(ending, Outcome.FAILED, "", kind) == cause


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ((Outcome.FAILED, 1, None, ""), "exit 1"),
        ((Outcome.FAILED, 1, None, "no luck"), 'exit 1 "no luck"'),
        ((Outcome.FAILED, 0, None, "no luck"), 'exit 0 without its worked.output "no luck"'),
        ((Outcome.FAILED, 0, None, "", " after 2 s"), "exit 0 without its worked.output after 2 s"),
        ((Outcome.FAILED, 0, None, MUST_NOT_END), "exit 0, but a service must not end"),
        ((Outcome.FAILED, 0, None, NOT_OK, " after 2 s"), "exit 0 after 2 s, but 0 is not in exit.ok"),
        ((Outcome.CRASHED, None, "SIGSEGV", ""), "SIGSEGV"),
        ((Outcome.OOM, None, "SIGKILL", "512 MiB of 256 MiB"), "oom: 512 MiB of 256 MiB"),
        ((Outcome.OOM, None, "SIGKILL", BY_THE_KERNEL), "oom: killed by the kernel, which had no memory left"),
    ],
)
def test_how_an_end_is_described(end, words):
    assert described(*end) == words
