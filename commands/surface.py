"""`billp surface`: methods over many worlds, as a share of what the oracle earns there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.output import AsJson, Assignments, count_bar, fraction_bar, settings_from, show_json, stdout
from billp.commands.running import Dataset, Resume, RunName, SideBySide, given_run, new_run, run_to_end, seed_list

if TYPE_CHECKING:
    from billp.experiments.surface.places import Place
    from billp.experiments.surface.results import Surface
    from billp.experiments.surface.surveying import Survey
    from billp.settings import Settings

_METHODS = "random,diverse-random,diverse-learned,round-robin,mmr,dpp,billp-memory-only-no-logs,billp-memory-only"


def surface(
    methods: Annotated[str, typer.Option(help="comma-separated methods; the oracle is added")] = _METHODS,
    worlds: Annotated[
        str,
        typer.Option(
            help="comma-separated: all, a quit rule, or RULE-WINDOW such as distance-4 or distance-4-no-categories"
        ),
    ] = "all",
    seeds: Annotated[str, typer.Option(help="comma-separated; each trains and evaluates every method once")] = "0",
    users: Annotated[int, typer.Option(min=1, help="held-out users of each split")] = 100,
    train_episodes: Annotated[int, typer.Option(min=1, help="training episodes of each learning method")] = 100,
    splits: Annotated[int, typer.Option(min=1, help="splits of the users, each with simulators of its own")] = 1,
    dataset: Dataset = "ml-100k",
    run: RunName = None,
    resume: Resume = False,
    side_by_side: SideBySide = None,
    assign: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Compare methods in many worlds: quit rules, windows, rating models with and without categories, splits of users.

    Simulators that are missing are built and kept, as DATASET@split1 or DATASET@no-categories. Each world is a
    comparison in the run's folder; `runs/NAME/surface.json` holds the share of the oracle's R_traj everywhere.
    `billp report NAME` draws it, `--markdown` and `--latex` write its table.
    """
    from billp.experiments.checks import check_dataset
    from billp.experiments.surface.surveying import Survey, checked

    settings = settings_from(assign, run__side_by_side=side_by_side)
    given = given_run(settings, run, resume=resume)
    check_dataset(settings, dataset)
    survey = checked(
        Survey(
            dataset=dataset,
            methods=tuple(method.strip() for method in methods.split(",")),
            places=_places(settings, dataset, worlds),
            splits=splits,
            seeds=tuple(seed_list(seeds)),
            users=users,
            train_episodes=train_episodes,
        )
    )
    folder = given or new_run(settings, "surface")

    from billp.experiments.surface.results import surface_table
    from billp.experiments.surface.surveying import run_surface
    from billp.graphs.workshop import Workshop

    _build(settings, survey)

    async def work() -> Surface:
        async with Workshop(settings) as workshop:
            return await run_surface(workshop, survey, run=folder, resume=resume, on_world=lambda _: advance())

    with count_bar(f"{len(survey.stops)} worlds", len(survey.stops)) as advance:
        found = run_to_end(work)
    if as_json:
        show_json({"run": str(folder), **found.model_dump(mode="json")})
    else:
        stdout.print(surface_table(found).rich())
        stdout.print(f"Run: {folder}")
    if any(cell.failed for world in found.worlds for cell in world.methods.values()):
        raise typer.Exit(1)


def _places(settings: Settings, dataset: str, worlds: str) -> tuple[Place, ...]:
    from billp.experiments.surface.places import places_named
    from billp.simulators import load_dataset, load_worlds, simulator_folder

    own = load_worlds(simulator_folder(settings.data, dataset), load_dataset(settings.data, dataset))
    return places_named(worlds, own.test.settings.category_limit)


def _build(settings: Settings, survey: Survey) -> None:
    """The simulators that are not there yet."""
    from billp.simulators.variants import ready

    for variant in dict.fromkeys(survey.variant(place, split) for place, split in survey.stops):
        with fraction_bar(f"simulator {variant.name}") as progress:
            ready(settings.data, variant, progress)
