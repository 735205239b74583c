"""`billp` alone: what to do next, told from what is there."""

from __future__ import annotations

from billp.commands.console import complain
from billp.commands.output import settings_from, show_pairs, stdout


def show() -> None:
    """Prints the commands that lead on from what data, simulators, memories and runs there are."""
    from billp.experiments.runs.listing import list_runs
    from billp.memory.inventory import readable_inventory
    from billp.simulators import list_datasets, list_simulators

    settings = settings_from()
    datasets, simulators = list_datasets(settings.data), list_simulators(settings.data)
    runs = list_runs(settings.runs_dir)
    found, damaged = readable_inventory(settings)
    memories = [(dataset, name) for dataset, names in found.items() for name in names]
    steps: dict[str, str] = {}
    if open_runs := [
        run for run in runs if run.state == "interrupted" and run.command in ("train", "evaluate", "compare")
    ]:
        steps["go on with a run"] = f"billp runs show {open_runs[0].name}; its command again with --run NAME --resume"
    if not datasets:
        steps["see it learn"] = "billp demo"
        steps["get data"] = "billp data fetch ml-100k, or your own: billp data add FILE --items FILE"
    for name in [each for each in datasets if each not in simulators][:2]:
        steps[f"make users of {name}"] = f"billp simulator build {name}"
    if simulators and not memories:
        steps["learn"] = f"billp train --dataset {simulators[0]}"
    if memories:
        dataset, name = memories[0]
        steps["see what was learned"] = f"billp memory list reflections --dataset {dataset} --memory {name}"
    if simulators:
        steps["compare methods"] = f"billp compare --methods random,mmr,billp-memory-only --dataset {simulators[0]}"
    if runs:
        steps["look at the last run"] = f"billp report {runs[0].name}"
    if simulators:
        steps["be the user"] = f"billp play --user YOU --dataset {simulators[0]}"
    stdout.print(f"{len(datasets)} datasets, {len(simulators)} simulators, {len(memories)} memories, {len(runs)} runs")
    show_pairs(steps, "What you can do next")
    stdout.print("All commands: billp --help")
    for error in damaged:
        complain(f"billp: {error}")
