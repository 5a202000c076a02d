"""What is to be simulated, made of a configuration, the options and perhaps the history; and what had to be assumed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from minisup.cli.report.report_words import percent
from minisup.cli.simulate import simulate_options as options
from minisup.config.text.units import format_duration, format_rate
from minisup.config.text.wording import named, near_names
from minisup.core.model import GiveUp, Kind
from minisup.errors import NoSuchTargetError, UsageError
from minisup.sim.arrivals import Burst
from minisup.sim.jobs import Span
from minisup.sim.load_plan import Load, Scene, capacity, most_runs, usual_lasts
from minisup.sim.play import PLATFORM
from minisup.sim.run_times import Exponential, Fixed, Lognormal, Samples, Uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from minisup.config.schema import Config
    from minisup.core.model import Policy, Seconds
    from minisup.sim.run_times import Durations

USUAL: Final = "1h"
MOST_RUNS: Final = 3_000_000
"""Of one seed."""

HALF: Final = 0.5
"""Of what a program can do arrives if only bursts are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneOptions:
    """The options as they were given."""

    programs: Sequence[str] = ()
    lasts: str = USUAL
    outages: Sequence[str] = ()
    bursts: Sequence[str] = ()
    deploys: Sequence[str] = ()
    failure_rate: Sequence[str] = ()
    job_duration: Sequence[str] = ()
    failure_duration: Sequence[str] = ()
    arrivals: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A scene, its programs, the time of day at which it begins, what was assumed, and what happens when."""

    scene: Scene
    policies: tuple[Policy, ...]  # with those that the others are after
    shown: tuple[str, ...]  # those that were asked for
    begins: Seconds
    assumed: tuple[str, ...]
    happens: tuple[dict[str, Any], ...]


def made(
    config: Config, asked: SceneOptions, recorded: Mapping[str, Load] | None = None, begins: Seconds | None = None
) -> Made:
    """The scene. Raises UsageError, NoSuchTargetError."""
    seconds = options.read("--for", asked.lasts, options.length)
    policies, shown = chosen(config, asked.programs)
    maker = _Maker(asked, policies, shown, seconds, recorded or {}, begins)
    scene = Scene(
        seconds=seconds,
        loads={policy.name: maker.load(policy) for policy in policies},
        deploys=maker.deploys,
        shutdown_timeout=config.supervisor.shutdown_timeout,
        targets=tuple(asked.programs),
    )
    _look_at_size(policies, scene)
    return Made(
        scene=scene,
        policies=policies,
        shown=shown,
        begins=maker.begins,
        assumed=(*maker.assumed, *_of_deploys(scene), *_of_exits(policies)),
        happens=tuple(_happens(scene, shown)),
    )


def chosen(config: Config, names: Sequence[str]) -> tuple[tuple[Policy, ...], tuple[str, ...]]:
    """The policies of the named programs (else of all that start by themselves) and of what they are `after`."""
    for name in names:
        if name not in config.programs:
            known = near_names(name, config.programs) or f"programs in the configuration: {named(config.programs)}"
            raise NoSuchTargetError(f"cannot find {name}: {known}", [name])
    shown = list(dict.fromkeys(names)) or [name for name, program in config.programs.items() if program.autostart]
    if not shown:
        raise UsageError("cannot simulate: no program starts by itself (autostart = false); name one with --program")
    needed, queue = set(shown), list(shown)
    while queue:
        more = [name for name in config.programs[queue.pop()].after if name not in needed]
        needed.update(more)
        queue += more
    policies = tuple(program.policy() for name, program in config.programs.items() if name in needed)
    return policies, tuple(shown)


class _Maker:
    """Reads the options program by program, and notes what it assumes."""

    def __init__(
        self,
        asked: SceneOptions,
        policies: Sequence[Policy],
        shown: Sequence[str],
        seconds: Seconds,
        recorded: Mapping[str, Load],
        begins: Seconds | None,
    ) -> None:
        self.assumed: list[str] = []
        self._seconds = seconds
        self._recorded = recorded
        self._shown = shown
        names = [policy.name for policy in policies]
        jobs = [policy.name for policy in policies if policy.kind is Kind.JOB]
        ending = [policy.name for policy in policies if policy.kind is not Kind.SERVICE]

        def named(
            option: str, texts: Sequence[str], what: Callable[[str], Any], meant: Sequence[str] = names
        ) -> dict[str, list[Any]]:
            return options.named(option, texts, what, names, meant)

        self._outages = named("--outage", asked.outages, options.during)
        self._bursts = named("--burst", asked.bursts, options.many, jobs)
        self._rates = named("--failure-rate", asked.failure_rate, options.share)
        self._lasts = named("--job-duration", asked.job_duration, options.durations, ending)
        self._fails_after = named("--failure-duration", asked.failure_duration, options.durations)
        self._arrivals = named("--arrivals", asked.arrivals, options.arrivals, jobs)
        deploys = [options.read("--deploy", text, options.moment_of) for text in asked.deploys]
        moments = [value.moment for found in (*self._outages.values(), *self._bursts.values()) for value in found]
        self.begins = options.begin([*moments, *deploys], seconds) if begins is None else begins
        whens = sorted(when for moment in deploys for when in self._instants("--deploy", moment))
        self.deploys = tuple(dict.fromkeys(whens))

    def load(self, policy: Policy) -> Load:
        """What the runs of a program meet."""
        name = policy.name
        base = self._recorded.get(name)
        load = base or Load(lasts=usual_lasts(policy))
        lasts, fails_after = self._lasts[name], self._fails_after[name]
        load = replace(
            load,
            lasts=lasts[-1] if lasts else load.lasts,
            fails=self._rates[name][-1] if self._rates[name] else load.fails,
            fails_after=fails_after[-1] if fails_after else load.fails_after,
            outages=tuple(sorted((*load.outages, *self._spans(name)))),
            bursts=self._messages(name),
        )
        load = self._with_arrivals(policy, load)
        if name in self._shown:
            self.assumed.append(f"{name}: {'; '.join(self._words(policy, load, base))}")
        return load

    def _with_arrivals(self, policy: Policy, load: Load) -> Load:
        given = self._arrivals[policy.name]
        if given:
            rate = given[-1]
            if isinstance(rate, options.Share):
                rate = rate.part * self._most(policy, load)
            return replace(load, queued=True, rate=rate, known=())
        if load.bursts and not load.queued:
            return replace(load, queued=True, rate=HALF * self._most(policy, load))
        return load

    def _most(self, policy: Policy, load: Load) -> float:
        most = capacity(policy, load.lasts)
        if most <= 0 or most == float("inf"):
            raise UsageError(
                f"cannot say how much {policy.name} can do (its runs take no time or for ever); "
                'write --arrivals as a rate, "2/s"'
            )
        return most

    def _spans(self, name: str) -> list[Span]:
        return [
            Span(when, when + during.seconds)
            for during in self._outages[name]
            for when in self._instants("--outage", during.moment)
        ]

    def _messages(self, name: str) -> tuple[Burst, ...]:
        return tuple(
            Burst(when, many.messages) for many in self._bursts[name] for when in self._instants("--burst", many.moment)
        )

    def _instants(self, option: str, moment: options.Moment) -> list[float]:
        return options.instants(option, moment, self.begins, self._seconds)

    def _words(self, policy: Policy, load: Load, recorded: Load | None) -> list[str]:
        """What the load is, with a mark at what nobody said."""
        name = policy.name
        words = [f"a run takes {described(load.lasts)}{_mark(self._lasts[name], load.lasts)}"]
        if load.fails:
            known = " (as recorded)" if recorded and not self._rates[name] else ""
            words.append(f"{percent(load.fails)} of them fail{known}")
        if load.fails or load.outages:
            mark = _mark(self._fails_after[name], load.fails_after)
            words.append(f"a failing one ends after {described(load.fails_after)}{mark}")
        words.append(self._work(policy, load, recorded))
        return words

    def _work(self, policy: Policy, load: Load, recorded: Load | None) -> str:
        if not load.queued:
            if policy.kind is not Kind.JOB:
                return f"it is a {policy.kind}"
            why = "no idle run is recorded" if recorded else "assumed"
            return f"work is always waiting ({why})"
        if load.known:
            came = f"{len(load.known):,} messages come when they were taken (as recorded)"
        elif load.rate:
            mark = "" if self._arrivals[policy.name] else " (assumed)"
            came = f"{format_rate(load.rate)} messages come by chance{self._share(policy, load)}{mark}"
        else:
            came = "messages come in bursts alone"
        if policy.exit.idle or load.idle_lasts < (policy.idle.faster_than or 0.0):
            return came
        return f"{came}; a run that finds none exits 0, which is `worked`: it has no exit.idle"

    def _share(self, policy: Policy, load: Load) -> str:
        most = capacity(policy, load.lasts)
        return f", {percent(load.rate / most)} of what it can do" if 0 < most < float("inf") else ""


def _look_at_size(policies: Sequence[Policy], scene: Scene) -> None:
    """Raises UsageError for what would take minutes and gigabytes."""
    runs = {policy.name: most_runs(policy, scene.loads[policy.name], scene.seconds) for policy in policies}
    name = max(runs, key=lambda name: runs[name])
    if sum(runs.values()) > MOST_RUNS:
        raise UsageError(
            f"cannot simulate so much at once: {name} alone may have {runs[name]:,.0f} runs, and {MOST_RUNS:,} take a "
            "minute and a gigabyte; make --for shorter, runs longer with --job-duration, or name one with --program"
        )


def described(lasts: Durations) -> str:
    """A distribution in words."""
    match lasts:
        case Fixed(seconds):
            return "for ever" if seconds == float("inf") else format_duration(seconds)
        case Uniform(low, high):
            return f"{format_duration(low)} to {format_duration(high)}"
        case Exponential(seconds):
            return f"{format_duration(seconds)} on average (exponential)"
        case Lognormal(median, sigma):
            return f"{format_duration(median)} in the median (lognormal, sigma {sigma:g})"
        case Samples(seen):
            return f"{format_duration(lasts.mean)} on average of {len(seen):,}"
        case _:
            return f"{format_duration(lasts.mean)} on average"


def _mark(given: Sequence[object], used: Durations) -> str:
    if given:
        return ""
    return " (as recorded)" if isinstance(used, Samples) else " (assumed)"


def _of_deploys(scene: Scene) -> list[str]:
    if not scene.deploys:
        return []
    limit = format_duration(scene.shutdown_timeout)
    return [
        f"deploys: shutdown_timeout is {limit}; a run that gets a stop signal dies of it; the new start comes at once"
    ]


def _of_exits(policies: Sequence[Policy]) -> list[str]:
    if all(policy.retry.give_up is not GiveUp.EXIT for policy in policies):
        return []
    return [f'give_up = "exit": {format_duration(PLATFORM)} later the platform starts minisup again (assumed)']


def _happens(scene: Scene, shown: Sequence[str]) -> list[dict[str, Any]]:
    """What happens when, in order; what happens to all programs that are shown is said once."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for name in shown:
        load = scene.loads[name]
        for span in load.outages:
            found.setdefault((span.start, "outage", span.end - span.start), []).append(name)
        for burst in load.bursts:
            found.setdefault((burst.when, "burst", burst.messages), []).append(name)
    for when in scene.deploys:
        found[when, "deploy", 0] = list(shown)
    return [
        {"at": round(when, 3), "what": what, "size": round(size, 3), "programs": names}
        for (when, what, size), names in sorted(found.items())
        if when < scene.seconds
    ]
