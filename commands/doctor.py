"""`billp doctor`: is everything an episode needs in order?"""

from __future__ import annotations

import asyncio

import typer

from billp.commands.output import AsJson, Assignments, settings_from, show_json, show_pairs
from billp.commands.waiting import spinner


def doctor(as_json: AsJson = False, assign: Assignments = None) -> None:
    """Check versions, model, data, memory, constrained replies, and that nothing leaves the machine."""
    from billp.experiments.doctor import CheckUp, check_up
    from billp.graphs.resources import Resources

    settings = settings_from(
        assign, run__tape="off", llm__patience_s=0
    )  # it is the LLM itself that is checked, as it is now

    async def work() -> CheckUp:
        async with Resources(settings) as resources:
            return await check_up(resources)

    with spinner("looking"):
        result = asyncio.run(work())
    if as_json:
        show_json({**result.model_dump(mode="json"), "ok": result.ok})
    else:
        show_pairs({check.name: f"{'ok' if check.ok else 'not ok'}: {check.seen}" for check in result.checks}, "checks")
        show_pairs(result.versions, "versions")
    if not result.ok:
        raise typer.Exit(1)
