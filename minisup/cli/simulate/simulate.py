"""`minisup simulate`: the configuration in virtual time, and beside it supervisord's rules if they are asked for."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from minisup.cli import output
from minisup.cli.pages import must_be_free, write
from minisup.cli.simulate.scene import USUAL, Made, SceneOptions, chosen, made
from minisup.cli.simulate.simulate_options import clock_time, length, read
from minisup.errors import MinisupError
from minisup.sim import recorded
from minisup.sim.play import play
from minisup.sim.summary import medians, summary
from minisup.sim.supervisord_model import play_supervisord
from minisup.sim.world import StuckError

if TYPE_CHECKING:
    from collections.abc import Callable

    from minisup.config.schema import Config
    from minisup.sim.play import Played

SCHEMA: Final = 1
"""Version of the document: grows when a field changes its meaning or goes away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """Beside what happens: the chance, and what is compared."""

    asked: SceneOptions = field(default_factory=SceneOptions)
    lasts: str | None = None  # as given; None: what is usual, or what was recorded
    seed: int = 1
    seeds: int = 1
    from_history: bool = False
    versus: bool = False


def simulate(
    config: str | None,
    socket: str | None,
    options: SimulateOptions,
    *,
    html: str | None,
    force: bool = False,
    as_json: bool,
) -> int:
    """Simulate, and print the document in one of its forms. Raises MinisupError."""
    must_be_free(html, force=force)
    document = gather(config, socket, options)
    if html is not None:
        from minisup.cli.simulate.simulate_html import page  # noqa: PLC0415 -- of one form only

        write(html, page(document))
    elif as_json:
        output.show_json(document)
    else:
        from minisup.cli.simulate import simulate_text  # noqa: PLC0415 -- of one form only, with rich

        simulate_text.show(document)
    return 0


def gather(config: str | None, socket: str | None, options: SimulateOptions) -> dict[str, Any]:
    """The document of `simulate --json`."""
    from minisup.config.load import find_config, load  # noqa: PLC0415 -- as the other commands that read it

    loaded = load(find_config(config, os.environ), os.environ)
    scene = _from_history(config, socket, loaded, options) if options.from_history else _as_said(loaded, options)
    ways: dict[str, Callable[..., Played]] = {"minisup": play}
    if options.versus:
        ways["supervisord"] = play_supervisord
    try:
        found = {way: _each(scene, options, how) for way, how in ways.items()}
    except StuckError as error:
        raise MinisupError(
            f"cannot simulate: {error}; a run that takes no time with min_runtime = 0 is the usual cause, "
            "so say how long runs take with --job-duration"
        ) from None
    return {
        "schema": SCHEMA,
        "seconds": scene.scene.seconds,
        "begins": clock_time(scene.begins),
        "seed": options.seed,
        "seeds": options.seeds,
        "setting": list(scene.assumed),
        "happens": [{**event, "time": clock_time(scene.begins + event["at"])} for event in scene.happens],
        "programs": [
            {
                "name": policy.name,
                "kind": str(policy.kind),
                "slots": policy.numprocs,
                **{way: {"rules": way, **_facts(programs[policy.name])} for way, programs in found.items()},
            }
            for policy in scene.policies
            if policy.name in scene.shown
        ],
    }


def _as_said(config: Config, options: SimulateOptions) -> Made:
    return made(config, replace(options.asked, lasts=options.lasts or USUAL))


def _from_history(path: str | None, socket: str | None, config: Config, options: SimulateOptions) -> Made:
    from minisup.cli.simulate import simulate_history  # noqa: PLC0415 -- loads sqlite3

    policies, _ = chosen(config, options.asked.programs)
    past = simulate_history.read(path, socket, [policy.name for policy in policies], options.lasts)
    asked = replace(options.asked, lasts=options.lasts or f"{past.span:.3f}")
    seconds = read("--for", asked.lasts, length)
    loads = {
        policy.name: recorded.load(past.runs[policy.name], policy.numprocs, past.span, seconds)
        for policy in policies
        if past.runs[policy.name]
    }
    local = time.localtime(past.since)
    return made(config, asked, loads, local.tm_hour * 3600.0 + local.tm_min * 60.0 + local.tm_sec)


def _each(made: Made, options: SimulateOptions, how: Callable[..., Played]) -> dict[str, list[dict[str, Any]]]:
    """By program: the facts of each seed."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in made.shown}
    for seed in range(options.seed, options.seed + options.seeds):
        scene = made.scene if seed == options.seed else made.scene.varied(seed)
        played = how(made.policies, scene, seed)
        for policy in made.policies:
            if policy.name in found:
                found[policy.name].append(summary(policy, scene, played))
    return found


def _facts(each: list[dict[str, Any]]) -> dict[str, Any]:
    """Those of the first seed; with several, the medians of all."""
    return {**each[0], "of_seeds": medians(each) if len(each) > 1 else None}
