"""`billp data`: datasets in and out of the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from billp.commands.intake import category_pairs, intake_pairs
from billp.commands.output import AsJson, settings_from, show_json, show_names, show_pairs, show_table, stdout
from billp.commands.shell_completion import dataset_names
from billp.commands.typed_path import typed_path
from billp.commands.waiting import fraction_bar

app = typer.Typer(help="Fetch, add and describe datasets.", no_args_is_help=True)


DatasetName = Annotated[str, typer.Argument(help="a registered dataset", autocompletion=dataset_names)]


class _FetchCommand(TyperCommand):
    """The help of `billp data fetch` ends with the known data sets, read only when help is asked for."""

    def get_help(self, ctx: Any) -> str:  # noqa: ANN401 -- of a class that Typer does not export
        from billp.simulators import KNOWN

        self.help = "\n\n".join([self.help or "", *(f"{name}: {known.about}." for name, known in KNOWN.items())])
        return super().get_help(ctx)


def _known_names(incomplete: str) -> list[tuple[str, str]]:
    from billp.simulators import KNOWN

    return [(name, known.about) for name, known in KNOWN.items() if name.startswith(incomplete)]


@app.command(cls=_FetchCommand)
def fetch(
    name: Annotated[str, typer.Argument(help="name of a known data set", autocompletion=_known_names)] = "ml-100k",
) -> None:
    """Fetch a public data set and check it."""
    from billp.simulators import fetch_known

    settings = settings_from()
    with fraction_bar(f"fetching {name}") as progress:
        fetch_known(settings.data, name, progress)
    stdout.print(f"{name} is in {settings.data / 'datasets' / name}")
    stdout.print(f"Next, its simulated users: billp simulator build {name}", soft_wrap=True)


@app.command()
def add(
    path: Annotated[
        Path,
        typer.Argument(
            parser=typed_path,
            metavar="PATH",
            help="a log: CSV or other text, .jsonl, .parquet, .gz; or a folder with NAME.inter, NAME.item",
        ),
    ],
    items: Annotated[
        Path | None, typer.Option(parser=typed_path, metavar="FILE", help="item table, in any of these forms")
    ] = None,
    name: Annotated[str | None, typer.Option(help="name of the dataset", show_default="the file's own")] = None,
    user: Annotated[
        str | None, typer.Option("--user-col", "--user", help="column of user ids", show_default="guessed")
    ] = None,
    item: Annotated[
        str | None, typer.Option("--item-col", "--item", help="column of item ids", show_default="guessed")
    ] = None,
    rating: Annotated[
        str | None, typer.Option("--rating-col", "--rating", help="column of ratings", show_default="guessed")
    ] = None,
    hours: Annotated[
        str | None, typer.Option("--hours-col", help="column of hours played, in place of ratings")
    ] = None,
    timestamp: Annotated[
        str | None, typer.Option("--time-col", "--timestamp", help="column of times", show_default="guessed")
    ] = None,
    item_key: Annotated[
        str | None, typer.Option("--item-key-col", help="column of item ids in the item table", show_default="guessed")
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title-col", "--title", help="column of titles", show_default="guessed")
    ] = None,
    categories: Annotated[
        str | None,
        typer.Option("--categories-col", "--categories", help="column of categories", show_default="guessed"),
    ] = None,
    year: Annotated[
        str | None, typer.Option("--year-col", "--year", help="column of years or dates", show_default="guessed")
    ] = None,
    category_separator: Annotated[
        str | None,
        typer.Option(
            help="between categories: space, comma, | or other characters; lists; none splits nothing",
            show_default="guessed",
        ),
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(help="between cells of text: comma, semicolon, tab, bar, :: or others", show_default="guessed"),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="encoding of text files, e.g. cp1252", show_default="guessed")
    ] = None,
    log_columns: Annotated[
        str | None, typer.Option("--columns", help="a log without a header: its columns, e.g. user,item,rating,time")
    ] = None,
    item_columns: Annotated[
        str | None,
        typer.Option("--item-columns", help="an item table without a header, e.g. item,title,-,categories; - is none"),
    ] = None,
    rating_min: Annotated[float | None, typer.Option(help="lowest rating of the scale", show_default="1")] = None,
    rating_max: Annotated[float | None, typer.Option(help="highest rating of the scale", show_default="5")] = None,
    min_user: Annotated[
        int | None, typer.Option(min=0, help="drop users with fewer interactions", show_default="3; 0 for a folder")
    ] = None,
    min_item: Annotated[
        int | None, typer.Option(min=0, help="drop items with fewer interactions", show_default="3; 0 for a folder")
    ] = None,
    skip_unknown_items: Annotated[
        bool, typer.Option("--skip-unknown-items", help="pass over rows whose item the item table lacks")
    ] = False,
    skip_bad_rows: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="leave out and count rows that cannot be used, up to this share, e.g. 0.01",
            show_default="none may be",
        ),
    ] = None,
    negatives: Annotated[
        float, typer.Option(min=0, help="logs without ratings: sampled dislikes for every interaction")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="draws the sampled dislikes")] = 0,
    as_json: AsJson = False,
) -> None:
    """Check a log with its items and register it: tables, or a folder of RecBole atomic files.

    Says how the files were understood, which categories were found, and what was left out.
    """
    from billp.errors import BadInputError
    from billp.simulators import ColumnSpec, Rules, TextForm, add_folder, add_tables, dataset_info, read_intake

    columns = ColumnSpec(
        user=user,
        item=item,
        rating=rating,
        hours=hours,
        timestamp=timestamp,
        item_key=item_key,
        title=title,
        categories=categories,
        year=year,
        category_separator=category_separator,
        rating_min=rating_min,
        rating_max=rating_max,
    )
    rules = Rules(min_user, min_item, skip_unknown_items, skip_bad_rows, negatives, seed)
    settings = settings_from()
    if not path.exists():
        raise BadInputError(f"{path} does not exist; check the folder and the name.")
    if path.is_file() and items is None:
        raise BadInputError(f"{path.name} says nothing of the items' titles; give their table with --items FILE.")
    if path.is_dir() and items is not None:
        raise BadInputError(f"{path} is a folder, which holds its items itself; leave out --items.")
    with fraction_bar(f"reading {path.name}") as progress:
        if items is not None:
            forms = (
                TextForm(separator, encoding, _named(log_columns)),
                TextForm(separator, encoding, _named(item_columns)),
            )
            dataset = add_tables(
                settings.data, path, items, name, progress=progress, columns=columns, rules=rules, forms=forms
            )
        else:
            dataset = add_folder(settings.data, path, name, progress, columns=columns, rules=rules)
    intake = read_intake(settings.data, dataset.name)
    described = dataset_info(dataset, intake)
    if as_json:
        show_json(described)
        return
    stdout.print(f"{dataset.name} is in {settings.data / 'datasets' / dataset.name}")
    show_pairs((intake_pairs(intake) if intake is not None else {}) | category_pairs(described))
    stdout.print(f"Next, its simulated users: billp simulator build {dataset.name}", soft_wrap=True)


def _named(columns: str | None) -> tuple[str, ...] | None:
    return None if columns is None else tuple(name.strip() for name in columns.split(","))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List registered datasets."""
    from billp.simulators import list_datasets

    names = list_datasets(settings_from().data)
    if as_json:
        show_json({"datasets": names})
    else:
        show_names(names, "No data sets yet; `billp data fetch ml-100k` and `billp data add` bring one.")


@app.command("show")
@app.command("info", hidden=True)
def show(name: DatasetName, as_json: AsJson = False) -> None:
    """Describe a dataset: users, items, interactions, ratings, categories."""
    from billp.simulators import dataset_info, load_dataset, read_intake

    data = settings_from().data
    with fraction_bar(f"reading {name}") as progress:
        dataset = load_dataset(data, name, progress)
    described = dataset_info(dataset, read_intake(data, name))
    if as_json:
        show_json(described)
        return
    show_pairs(
        {"users": described.users, "items": described.items, "interactions": described.interactions}, described.name
    )
    show_pairs((intake_pairs(described.intake) if described.intake is not None else {}) | category_pairs(described))
    show_table(["rating", "count"], list(described.rating_histogram.items()))
    show_table(["category", "items"], list(described.categories.items()))


@app.command()
def rm(name: DatasetName, yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False) -> None:
    """Remove a dataset and its simulators; memories and runs made with it stay."""
    from billp.simulators import remove_dataset

    data = settings_from().data
    if not yes:
        typer.confirm(f"Remove dataset {name} and its simulators?", abort=True)
    for folder in remove_dataset(data, name):
        stdout.print(f"{folder} is removed")
