"""`billp knowledge`: what the LLM knows of a catalogue's items."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from billp.commands.options import RunOptions, run_command
from billp.commands.output import show_json, show_pairs, stdout
from billp.commands.waiting import count_bar, spinner
from billp.errors import BrokenOffError

if TYPE_CHECKING:
    from billp.experiments.analysis.knowledge import Known

app = typer.Typer(
    help="Ask the LLM what it knows of a dataset's items, and see what that is worth.", no_args_is_help=True
)


@app.command()
@run_command("knowledge")
def build(options: RunOptions) -> None:
    """Ask about every item that was not asked about yet, the most rated first.

    Each answer is kept as it comes, in the data folder, for all runs: what is interrupted goes on where it stopped.
    """
    from billp.experiments.analysis.knowledge import build_knowledge, known_by
    from billp.graphs.resources import Resources

    settings = options.settings(run__tape="off")

    async def work() -> Known:
        async with Resources(settings) as resources:
            with spinner("getting ready"):
                deps = await asyncio.to_thread(resources.deps, options.dataset, memory=None, llm=True)
                await resources.check_model(deps)
            await build_knowledge(resources, deps, bar=count_bar)
            return known_by(resources, resources.knowledge.told(deps))

    try:
        found = asyncio.run(work())
    except KeyboardInterrupt:
        raise BrokenOffError("Interrupted; what was answered is kept, and the same command goes on.") from None
    _show(found, options.as_json)


@app.command()
@run_command("knowledge")
def show(options: RunOptions) -> None:
    """Compare what the LLM said of items with what train users rated: how well the two agree, and its favourites."""
    from billp.experiments.analysis.knowledge import known_by
    from billp.graphs.resources import Resources

    settings = options.settings(run__tape="off")

    async def work() -> Known:
        async with Resources(settings) as resources:
            with spinner("getting ready"):
                deps = await asyncio.to_thread(resources.deps, options.dataset, memory=None, llm=True)
            return known_by(resources, deps)

    _show(asyncio.run(work()), options.as_json)


def _show(found: Known, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    show_pairs(found.pairs())
    if found.favourites:
        stdout.print(f"Its favourites: {'; '.join(found.favourites)}", markup=False)
