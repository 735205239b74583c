"""Runs a surface: a comparison in every world and every split, each in its own folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billp.agents.prompt_pack import load_pack
from billp.errors import ArtifactError, SettingsError
from billp.experiments.compare.comparison import COMPARISON, compare
from billp.experiments.compare.design import Design, arms_of
from billp.experiments.compare.results import Comparison
from billp.experiments.compare.surface.places import Place
from billp.experiments.compare.surface.surface_results import ORACLE, SURFACE, Cell, Surface, SurfaceWorld, cell
from billp.experiments.runs.config import run_config, surroundings
from billp.experiments.runs.configured_folder import ConfiguredFolder, read_config
from billp.experiments.runs.engine import Engine, engine_of
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.run_folder import read_lines
from billp.experiments.runs.runner import OnEpisode
from billp.experiments.runs.stored import read_stored
from billp.experiments.stats.intervals import FEWEST_SPLITS
from billp.graphs.methods import METHODS
from billp.graphs.resources import Resources
from billp.simulators.env.variants import Variant
from billp.whole_files import write_whole
from billp.words import counted

# A surface may go on with more.
_MAY_CHANGE = (
    "plan.methods", "plan.worlds", "plan.splits", "plan.seeds", "plan.users", "prompts", "model_sha256",
)  # fmt: skip
OnWorld = Callable[[str], None]
"""Called with the name of a world and its split when its comparison begins."""


@dataclass(frozen=True)
class Survey:
    """A surface, fixed before its first episode. `splits` counts splits of the users, the dataset's own first."""

    dataset: str
    methods: tuple[str, ...]
    places: tuple[Place, ...]
    splits: int
    seeds: tuple[int, ...]
    users: int
    train_episodes: int

    @property
    def stops(self) -> list[tuple[Place, int]]:
        """Every world with every split, in the order in which they are run: one whole split after another."""
        return [(place, split) for split in range(self.splits) for place in self.places]

    @property
    def arms(self) -> tuple[str, ...]:
        """The methods, and the oracle that they are measured by."""
        return self.methods if ORACLE in self.methods else (*self.methods, ORACLE)

    def variant(self, place: Place, split: int) -> Variant:
        """Returns the simulator that `place` is run in."""
        return Variant(self.dataset, split, place.categories)

    def plan(self) -> dict[str, Any]:
        """Returns the survey in plain values, as stored with its results."""
        return {
            "command": "surface",
            "methods": list(self.methods),
            "worlds": [place.name for place in self.places],
            "splits": self.splits,
            "seeds": list(self.seeds),
            "users": self.users,
            "train_episodes": self.train_episodes,
        }


def checked(survey: Survey) -> Survey:
    """Returns the survey itself; raises SettingsError if there is nothing to survey."""
    if not survey.places:
        raise SettingsError("No world is named; name some with --worlds, or `all`.")
    if survey.methods == (ORACLE,):
        raise SettingsError("The oracle is what methods are measured by; name another method.")
    arms_of(survey.arms, [load_pack(None)])  # says which method there is not
    return survey


async def run_surface(
    resources: Resources,
    survey: Survey,
    *,
    run: Path,
    resume: bool,
    on_world: OnWorld | None = None,
    on_episode: OnEpisode | None = None,
) -> Surface:
    """Compares the methods in every world and split; also writes the results to `run/surface.json`.

    The simulators must exist (see `simulators.env.variants.ready`). Each comparison is in `run/WORLD@splitN`. With
    `resume`, finished comparisons are only read, and `survey` may have more of everything than before. Raises
    ArtifactError if `run` was made with other settings.
    """
    survey = checked(survey)
    base = resources.deps(survey.dataset, memory=None, llm=False)
    config = run_config(resources, base, survey.plan())
    beside = surroundings(resources.settings, resources.abilities)
    engine = await engine_of(resources)
    with ConfiguredFolder(run, config, beside, resume=resume, may_change=_MAY_CHANGE) as folder:
        found: dict[tuple[Place, int], Comparison] = {}
        for place, split in survey.stops:
            if on_world is not None:
                on_world(f"{place.name}, split {split}")
            found[place, split] = await _compared(
                resources, survey, place, split, run=run, engine=engine, on_episode=on_episode
            )
        surface = _surface(survey, found, run)
        folder.widen()
        write_whole(run / SURFACE, surface.model_dump_json(indent=2) + "\n")
    return surface


def folder_of(run: Path, place: Place, split: int) -> Path:
    """Returns the folder of the comparison of one world and split."""
    return run / f"{place.name}@split{split}"


async def _compared(
    resources: Resources,
    survey: Survey,
    place: Place,
    split: int,
    *,
    run: Path,
    engine: Engine,
    on_episode: OnEpisode | None,
) -> Comparison:
    folder = folder_of(run, place, split)
    arms = arms_of(survey.arms, [load_pack(resources.settings.prompts)])
    design = Design(
        dataset=survey.variant(place, split).name,
        arms=arms,
        base=arms[0].name,
        train_episodes=survey.train_episodes,
        users=survey.users,
        seeds=survey.seeds,
        probes=(),
        probe_users=0,
        stop_early=False,
    )
    finished = folder / COMPARISON
    if finished.is_file() and {**read_config(folder)["plan"], "test_users": []} == {**design.plan(), "test_users": []}:
        return read_stored(finished, Comparison, f"remove {folder} and go on with --resume")
    settings = resources.settings
    there = settings.run.model_copy(update={"quit_rule": place.rule, "window": place.window})
    async with resources.sharing(settings.model_copy(update={"run": there})) as inside:
        return await compare(inside, design, run=folder, resume=True, engine=engine, on_episode=on_episode)


def _surface(survey: Survey, found: dict[tuple[Place, int], Comparison], run: Path) -> Surface:
    worlds = []
    for place in survey.places:
        lines = {
            arm: [_lines(folder_of(run, place, split), arm, survey.seeds) for split in range(survey.splits)]
            for arm in survey.arms
        }
        conducts = {
            arm: [found[place, split].methods[arm].conduct for split in range(survey.splits)] for arm in survey.arms
        }
        cells: dict[str, Cell] = {
            arm: cell(
                lines[arm],
                lines[ORACLE],
                [None if conduct is None else conduct.coverage for conduct in conducts[arm]],
                trained=METHODS[arm].trains,
            )
            for arm in survey.arms
        }
        worlds.append(
            SurfaceWorld(
                name=place.name, rule=place.rule, window=place.window, categories=place.categories, methods=cells
            )
        )
    return Surface(
        dataset=survey.dataset, splits=survey.splits, seeds=list(survey.seeds), users=survey.users,
        caption=_caption(survey), worlds=worlds,
    )  # fmt: skip


def _lines(folder: Path, arm: str, seeds: Sequence[int]) -> list[EpisodeLine]:
    found = []
    for seed in seeds:
        path = folder / arm / f"seed-{seed}" / "evaluation"
        lines = read_lines(path)
        if not lines:
            raise ArtifactError(f"{path} holds no episode; run the surface again with --resume.")
        found += lines
    return found


def _caption(survey: Survey) -> str:
    logs = [arm for arm in survey.methods if METHODS[arm].uses_logs]
    tuned = [arm for arm in survey.methods if METHODS[arm].tuned]
    learning = [arm for arm in survey.methods if METHODS[arm].learns]
    splits = (
        "and splits"
        if survey.splits >= FEWEST_SPLITS
        else "for this split"
        if survey.splits == 1
        else ("for these splits")
    )
    said = [
        f"{counted(survey.users, 'test user')} in each of {counted(survey.splits, 'split')} of {survey.dataset}, met "
        f"once with each of {counted(len(survey.seeds), 'seed')}; each world is fitted to its own users' logs alone. "
        "A world is named by its quit rule and window; without categories, the rating model does not know them. "
        "The oracle knows what test users would answer.",
        *(
            [f"Learned from {counted(survey.train_episodes, 'episode')} with train users: {', '.join(learning)}."]
            if learning
            else []
        ),
        *([f"Window and weights chosen with train users in the train world: {', '.join(tuned)}."] if tuned else []),
        f"Reads the train users' logs: {', '.join(logs) or 'none'}.",
        f"Intervals are 95%, over users and, where a method trains, trainings, {splits}.",
    ]
    return " ".join(said)
