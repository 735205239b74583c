"""`billp` alone: what to do next, told from what is there."""

from __future__ import annotations

from billp.commands.console import complain
from billp.commands.output import settings_from, show_commands, stdout
from billp.errors import ArtifactError
from billp.experiments.checks import USERS_COMPARED
from billp.settings import Settings
from billp.words import counted


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
        steps[f"go on with {open_runs[0].name}, which was interrupted; this says how"] = (
            f"billp runs show {open_runs[0].name}"
        )
    if not datasets:
        steps["see it learn, in two minutes"] = "billp demo"
        steps["get a public data set"] = "billp data fetch ml-100k"
        steps["use your own logs"] = "billp data add RATINGS --items ITEMS --name NAME"
    for name in [each for each in datasets if each not in simulators][:2]:
        steps[f"make simulated users of {name}"] = f"billp simulator build {name}"
    if simulators and not memories:
        steps["learn"] = f"billp train --dataset {simulators[0]}"
    if memories:
        dataset, name = memories[0]
        steps["see what was learned"] = f"billp memory list reflections --dataset {dataset} --memory {name}"
    if simulators:
        steps["compare methods"] = comparison_of(simulators[0], settings)
    if runs:
        steps["look at the last run"] = f"billp report {runs[0].name}"
    if simulators:
        steps["be the user"] = f"billp play --user YOU --dataset {simulators[0]}"
    counts = {"data set": len(datasets), "simulator": len(simulators), "memory": len(memories), "run": len(runs)}
    stdout.print(", ".join(counted(count, noun) for noun, count in counts.items()))
    stdout.print("What you can do next", style="bold")
    show_commands(steps)
    stdout.print("All commands: billp --help")
    for error in damaged:
        complain(f"billp: {error}")


def comparison_of(simulator: str, settings: Settings) -> str:
    """Returns the command that compares methods in this simulator."""
    users = fewer_users(simulator, settings, than=USERS_COMPARED)
    return f"billp compare --methods random,mmr,billp-memory-only --dataset {simulator}{users}"


def fewer_users(simulator: str, settings: Settings, *, than: int) -> str:
    """Returns the option that names the number of held-out users; empty if there are no fewer `than` this default."""
    from billp.simulators import simulator_folder
    from billp.simulators.env.artifacts import held_out

    try:
        users = held_out(simulator_folder(settings.data, simulator))
    except ArtifactError:  # the command itself says what is wrong with it
        return ""
    return f" --users {users}" if users < than else ""
