"""`billp demo`: everything once, small, with a table at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.output import (
    AsJson,
    Assignments,
    PromptsFolder,
    count_bar,
    fraction_bar,
    settings_from,
    show_json,
    stdout,
)
from billp.commands.running import (
    run_name,
    run_to_end,
    with_tape_in,
)

if TYPE_CHECKING:
    from billp.experiments.metrics import Summary


def demo(
    episodes: Annotated[int, typer.Option(min=1, help="training episodes")] = 30,
    users: Annotated[int, typer.Option(min=1, help="held-out users")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="fixes users and sampling")] = 0,
    horizon: Annotated[int, typer.Option(min=1, help="steps after which an episode is cut off")] = 10,
    prompts: PromptsFolder = None,
    as_json: AsJson = False,
    assign: Assignments = None,
) -> None:
    """Fetch MovieLens-100k, build its simulator, learn from episodes and compare on held-out users.

    To fit a laptop's ten minutes it cuts episodes off at --horizon and uses the short prompts of prompts/terse.
    """
    from billp.agents.llm.abilities import STAND_IN
    from billp.agents.prompt_pack import TERSE_PACK
    from billp.experiments.demo import prepare, run_demo
    from billp.experiments.models import better_models
    from billp.experiments.tables import summary_table
    from billp.graphs.workshop import Workshop

    settings = settings_from(assign, prompts=prompts or TERSE_PACK, run__horizon=horizon, planner__max_tokens=12)
    with fraction_bar("data and simulator") as progress:
        prepare(settings, progress)
    folder = settings.runs_dir / run_name("demo")
    settings = with_tape_in(folder, settings)

    async def work() -> dict[str, Summary]:
        async with Workshop(settings) as workshop:
            return await run_demo(workshop, folder=folder, episodes=episodes, users=users, seed=seed, bar=count_bar)

    result = run_to_end(work)
    failed = sum(summary.failed for summary in result.values())
    if as_json:
        show_json({"run": str(folder), "methods": {name: s.model_dump(mode="json") for name, s in result.items()}})
    else:
        stdout.print(summary_table(result).rich())
        stdout.print(f"The run's files are in {folder}")
        if Workshop(settings).stands_in:
            stdout.print(f"{STAND_IN}. {better_models()}")
    if failed:
        raise typer.Exit(1)
