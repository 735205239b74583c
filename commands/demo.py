"""`billp demo`: everything once, small, with a table at the end."""

from __future__ import annotations

from typing import Annotated

import typer

from billp.commands.console import echo
from billp.commands.options import RunOptions, run_command
from billp.commands.output import show_commands, show_json, show_results, stdout
from billp.commands.running import run_to_end, with_resources, with_tape_in
from billp.commands.waiting import count_bar, fraction_bar, spinner
from billp.experiments.runs.run_names import run_name


@run_command("demo")
def demo(
    options: RunOptions,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="show what a larger model did: needs no LLM, no data and no network")
    ] = False,
) -> None:
    """Fetch MovieLens-100k, build its simulator, learn from episodes and compare on held-out users.

    To fit a laptop's ten minutes it cuts episodes off at --horizon and uses the short prompts of prompts/terse.
    With --recorded an episode and a small comparison on a few well-known films are shown as a larger model played them.
    """
    if recorded:
        _show_recorded(options)
        return

    from billp.agents.llm.abilities import STAND_IN
    from billp.agents.prompt_pack import TERSE_PACK
    from billp.experiments.checks import check_users
    from billp.experiments.demo import DATASET, MEMORY, prepare, run_demo
    from billp.experiments.doctor import better_models
    from billp.experiments.stats.numbers import signed_interval
    from billp.experiments.stats.tables import summary_table
    from billp.graphs.resources import Resources

    settings = options.settings(prompts=options.prompts or TERSE_PACK, planner__max_tokens=12)
    episodes, users, seed = options.training_episodes, options.users, options.seed()
    with fraction_bar("data and simulator") as progress:
        prepare(settings, progress)
    check_users(settings, DATASET, users)
    folder = settings.runs_dir / run_name("demo")
    settings = with_tape_in(folder, settings)

    result = with_resources(
        settings,
        lambda resources: run_demo(resources, folder=folder, episodes=episodes, users=users, seed=seed, bar=count_bar),
    )
    failed = sum(summary.failed for summary in result.rows.values())
    if options.as_json:
        methods = {name: summary.model_dump(mode="json") for name, summary in result.rows.items()}
        show_json({"run": str(folder), "memory": MEMORY, "gain": result.gain.model_dump(), "methods": methods})
    else:
        show_results(summary_table(result.rows))
        stdout.print(
            f"Learning from {episodes} episodes changed R_traj by {signed_interval(result.gain, 1)} stars a user."
        )
        if Resources(settings).stands_in:
            stdout.print(f"{STAND_IN}; the numbers come from memory. {better_models()}")
        stdout.print(f"The memory is called {MEMORY}; the run's files are in {folder}. What next?")
        show_commands(
            {
                "every episode": f"billp report {folder.name}",
                "in the browser": "billp ui",
            }
            | (
                {}
                if result.step is None
                else {"why that item?": "billp memory attribution {} {} {}".format(*result.step)}
            )
        )
    if failed:
        raise typer.Exit(1)


def _show_recorded(options: RunOptions) -> None:
    """Plays the recording into a new folder, and shows the episode, the table and where the page is."""
    from billp.pages.page_file import write_page
    from billp.reports.episode_text import trace
    from billp.reports.recording import METHOD, replayed
    from billp.reports.rendering import Telling

    folder = options.settings().runs_dir / run_name("demo-recorded")

    with spinner("playing the recording"):
        done = run_to_end(lambda: replayed(folder))
        page = folder / "report.html"
        write_page(done.report, page, done.catalogues)
    if options.as_json:
        show_json({"model": done.model, "episode": done.episode, "report": str(page), **done.report.plain()})
        return
    echo(trace(Telling().finished(done.episode, METHOD)))
    for table in done.report.tables():
        show_results(table)
    stdout.print(f"Recorded with {done.model}, films with invented ratings.")
    stdout.print("Each episode step by step, what memory learned and why users left:")
    stdout.print(str(page), soft_wrap=True)
