"""`billp simulator`: the simulated users of a dataset."""

from __future__ import annotations

import typer

from commands.output import AsJson, Assignments, fraction_bar, settings_from, show_json, show_table, stdout

app = typer.Typer(help="Build and describe the simulated users.", no_args_is_help=True)


@app.command()
def build(name: str, assign: Assignments = None) -> None:
    """Fit the train world and the test world on a dataset's logs."""
    from simulators import build_worlds, load_dataset, save_worlds, simulator_folder

    settings = settings_from(assign)
    dataset = load_dataset(settings.data, name)
    with fraction_bar(f"fitting {name}") as progress:
        worlds = build_worlds(dataset, settings.simulator, progress)
    folder = simulator_folder(settings.data, name)
    save_worlds(folder, worlds)
    stdout.print(f"The simulator is in {folder}")


@app.command()
def info(name: str, as_json: AsJson = False) -> None:
    """Describe the train world and the test world."""
    from simulators import load_dataset, load_worlds, simulator_folder, world_info

    settings = settings_from()
    described = world_info(load_worlds(simulator_folder(settings.data, name), load_dataset(settings.data, name)))
    if as_json:
        show_json(described)
        return
    train, test = described.train.model_dump(), described.test.model_dump()
    show_table(["", "train", "test"], [(field, train[field], test[field]) for field in train], name)
