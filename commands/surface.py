"""`billp surface`: methods over many worlds, as a share of what the oracle earns there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.options import RunOptions, run_command
from billp.commands.output import show_json, show_results, stdout
from billp.commands.running import given_run, new_run, with_resources
from billp.commands.waiting import count_bar, fraction_bar

if TYPE_CHECKING:
    from billp.experiments.compare.surface.places import Place
    from billp.experiments.compare.surface.surveying import Survey
    from billp.settings import Settings


@run_command("surface")
def surface(
    options: RunOptions,
    worlds: Annotated[
        str,
        typer.Option(
            help="comma-separated: all, a quit rule, or RULE-WINDOW such as distance-4 or distance-4-no-categories"
        ),
    ] = "all",
    splits: Annotated[int, typer.Option(min=1, help="splits of the users, each with simulators of its own")] = 1,
) -> None:
    """Compare methods in many worlds: quit rules, windows, rating models with and without categories, splits of users.

    Simulators that are missing are built and kept, as DATASET@split1 or DATASET@no-categories. Each world is a
    comparison in the run's folder; `runs/NAME/surface.json` holds the share of the oracle's R_traj everywhere.
    `billp report NAME` draws it, `--markdown` and `--latex` write its table.
    """
    from billp.experiments.checks import check_dataset, check_users
    from billp.experiments.compare.surface.surveying import Survey, checked

    settings, dataset = options.settings(), options.dataset
    given = given_run(settings, options)
    check_dataset(settings, dataset)
    survey = checked(
        Survey(
            dataset=dataset,
            methods=tuple(method.strip() for method in options.methods.split(",")),
            places=_places(settings, dataset, worlds),
            splits=splits,
            seeds=tuple(options.seed_list()),
            users=options.users,
            train_episodes=options.training_episodes,
        )
    )
    check_users(settings, dataset, options.users)
    folder = given or new_run(settings, "surface")

    from billp.experiments.compare.surface.surface_results import surface_table
    from billp.experiments.compare.surface.surveying import run_surface

    _build(settings, survey)

    with count_bar(f"{len(survey.stops)} worlds", len(survey.stops)) as advance:
        found = with_resources(
            settings,
            lambda resources: run_surface(
                resources, survey, run=folder, resume=options.resume, on_world=lambda _: advance()
            ),
        )
    if options.as_json:
        show_json({"run": str(folder), **found.model_dump(mode="json")})
    else:
        show_results(surface_table(found))
        stdout.print(f"Run: {folder}")
    if any(cell.failed for world in found.worlds for cell in world.methods.values()):
        raise typer.Exit(1)


def _places(settings: Settings, dataset: str, worlds: str) -> tuple[Place, ...]:
    from billp.experiments.compare.surface.places import places_named
    from billp.simulators import load_dataset, load_worlds, simulator_folder

    own = load_worlds(simulator_folder(settings.data, dataset), load_dataset(settings.data, dataset))
    return places_named(worlds, own.test.settings.category_limit)


def _build(settings: Settings, survey: Survey) -> None:
    """Builds the simulators that do not exist yet."""
    from billp.simulators.env.variants import ready

    for variant in dict.fromkeys(survey.variant(place, split) for place, split in survey.stops):
        with fraction_bar(f"simulator {variant.name}") as progress:
            ready(settings.data, variant, progress)
