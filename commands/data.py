"""`billp data`: datasets in and out of the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.output import AsJson, fraction_bar, settings_from, show_json, show_pairs, show_table, stdout

app = typer.Typer(help="Fetch, add and describe datasets.", no_args_is_help=True)


@app.command()
def fetch(name: Annotated[str, typer.Argument(help="ml-100k")] = "ml-100k") -> None:
    """Fetch a public dataset and check it."""
    from errors import BadInputError
    from simulators import fetch_ml_100k

    if name != "ml-100k":
        raise BadInputError(f"Dataset {name!r} cannot be fetched, only ml-100k; use `billp data add DIR` for your own.")
    settings = settings_from()
    with fraction_bar(f"fetching {name}") as progress:
        fetch_ml_100k(settings.data, progress)
    stdout.print(f"{name} is in {settings.data / 'datasets' / name}")


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(help="folder with NAME.inter, NAME.item and optionally NAME.user")],
    name: Annotated[str | None, typer.Option(help="name of the dataset; none is the files' own")] = None,
    title: Annotated[str | None, typer.Option(help="field of .item that holds titles")] = None,
    categories: Annotated[str | None, typer.Option(help="field of .item that holds categories")] = None,
    year: Annotated[str | None, typer.Option(help="field of .item that holds the year")] = None,
    user: Annotated[str | None, typer.Option(help="field that holds user ids")] = None,
    item: Annotated[str | None, typer.Option(help="field that holds item ids")] = None,
    rating: Annotated[str | None, typer.Option(help="field of .inter that holds ratings")] = None,
    timestamp: Annotated[str | None, typer.Option(help="field of .inter that holds times")] = None,
) -> None:
    """Check a folder of RecBole atomic files and register it."""
    from simulators import add_folder

    columns = {
        "title": title,
        "categories": categories,
        "year": year,
        "user": user,
        "item": item,
        "rating": rating,
        "timestamp": timestamp,
    }
    given = {column: field for column, field in columns.items() if field is not None}
    settings = settings_from()
    with fraction_bar(f"reading {folder.name}") as progress:
        dataset = add_folder(settings.data, folder, name, progress, **given)
    stdout.print(f"{dataset.name} is in {settings.data / 'datasets' / dataset.name}")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List registered datasets."""
    from simulators import list_datasets

    names = list_datasets(settings_from().data)
    if as_json:
        show_json({"datasets": names})
    else:
        for name in names:
            stdout.print(name)


@app.command()
def info(name: str, as_json: AsJson = False) -> None:
    """Describe a dataset: users, items, interactions, ratings, categories."""
    from simulators import dataset_info, load_dataset

    described = dataset_info(load_dataset(settings_from().data, name))
    if as_json:
        show_json(described)
        return
    show_pairs(
        {"users": described.users, "items": described.items, "interactions": described.interactions}, described.name
    )
    show_table(["rating", "count"], list(described.rating_histogram.items()))
    show_table(["category", "items"], list(described.categories.items()))
