"""`billp memory`: what has been learned."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from billp.commands import attribution
from billp.commands.console import complain
from billp.commands.output import AsJson, settings_from, show_json, show_names, show_pairs, show_table, stdout
from billp.commands.shell_completion import memory_names
from billp.commands.typed_path import typed_path
from billp.commands.waiting import spinner
from billp.words import counted

if TYPE_CHECKING:
    from billp.memory import AgentMemory, Principle, Record

Kind = Literal["reflections", "actor", "critic", "uses"]  # memory.Kind; importing it would slow `billp --help`
app = typer.Typer(help="Look into memories, see what they did, move, prune or clear them.", no_args_is_help=True)
app.command()(attribution.attribution)
app.command(hidden=True)(attribution.blame)

Dataset = Annotated[str, typer.Option(help="dataset the memory belongs to")]
Name = Annotated[str, typer.Option("--memory", help="name of the memory")]


@app.command()
def stats(dataset: Dataset = "ml-100k", memory: Name = "billp", as_json: AsJson = False) -> None:
    """Count what a memory holds."""
    with known_memory(dataset, memory) as agent_memory:
        found = agent_memory.stats()
    if as_json:
        show_json(found)
    else:
        show_pairs(found.counts | {"embedder": found.embedder, "where": found.where}, f"{dataset}, {memory}")


@app.command("list")
def list_(
    kind: Annotated[
        Kind | None, typer.Argument(help="collection to list", show_default="the memories there are")
    ] = None,
    dataset: Dataset = "ml-100k",
    memory: Name = "billp",
    limit: Annotated[int, typer.Option(min=1, help="most records to list")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="records to pass over")] = 0,
    as_json: AsJson = False,
) -> None:
    """List a memory's records, or the memories there are."""
    if kind is None:
        from billp.memory import readable_inventory

        names, damaged = readable_inventory(settings_from())
        if as_json:
            show_json({"memories": {name: list(memories) for name, memories in names.items()}})
        elif not any(names.values()):
            show_names([], "No memories yet; `billp train`, `billp compare` and `billp play --learn` fill them.")
        else:
            show_table(
                ["dataset", "memory", "records"],
                [
                    (of, name, f"{sum(counts.values()):,}")
                    for of, memories in names.items()
                    for name, counts in memories.items()
                ],
            )
        for error in damaged:
            complain(f"billp: {error}")
        return
    with known_memory(dataset, memory) as agent_memory:
        records = agent_memory.records(kind, limit, offset)
    if as_json:
        show_json({"kind": kind, "records": [_plain(record) for record in records]})
    elif not records:
        show_names([], _nothing(kind, dataset, memory))
    else:
        show_table(["id", "text"], [(record.id, record.text) for record in records])


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="words to look for")],
    kind: Annotated[Kind, typer.Option(help="collection to search")] = "reflections",
    dataset: Dataset = "ml-100k",
    memory: Name = "billp",
    k: Annotated[int, typer.Option("-k", min=1, help="most records to show")] = 5,
    as_json: AsJson = False,
) -> None:
    """Find the records nearest to some words."""
    with known_memory(dataset, memory) as agent_memory, spinner("searching"):
        found = agent_memory.search(kind, text, k)
    if as_json:
        matches = [{**_plain(match.record), "distance": match.distance} for match in found]
        show_json({"kind": kind, "matches": matches})
    elif not found:
        show_names([], _nothing(kind, dataset, memory))
    else:
        show_table(["distance", "id", "text"], [(f"{m.distance:.3f}", m.record.id, m.record.text) for m in found])


@app.command()
def show(
    record: Annotated[str, typer.Argument(metavar="ID", help="id of a record, as `billp memory list` shows it")],
    dataset: Dataset = "ml-100k",
    memory: Name = "billp",
    as_json: AsJson = False,
) -> None:
    """Show one record: its words and numbers, where it came from, how often it was used and what followed."""
    with known_memory(dataset, memory) as agent_memory:
        kind, found = agent_memory.find(record)
        usage = None if kind == "uses" else agent_memory.usage.table().of(found.id)
    if as_json:
        show_json(
            {"id": found.id, "kind": kind, "text": found.text, "fields": dict(found.fields),
             "origin": asdict(found.origin), "usage": None if usage is None else usage.model_dump()}
        )  # fmt: skip
        return
    stdout.print(found.text, markup=False)
    show_pairs(found.fields, "Numbers")
    show_pairs(asdict(found.origin), "Learned from")
    if usage is not None:
        show_pairs({"usage": usage.words()})


@app.command()
def principles(dataset: Dataset = "ml-100k", memory: Name = "billp", as_json: AsJson = False) -> None:
    """Show what makes users leave: what the Reflector claimed, counted over all steps, confirmed or retired.

    Only claims that held of their own episode count; the stand-in model makes none.
    """
    from billp.graphs.methods import method_named
    from billp.graphs.principles import all_principles
    from billp.graphs.resources import Resources
    from billp.memory import counts_of

    settings = settings_from()

    async def ask() -> list[Principle]:
        async with Resources(settings) as resources:
            deps = resources.deps(dataset, memory=memory, llm=False, reading=True)
            return all_principles(deps, method_named("billp"))

    counts_of(settings, dataset, memory)  # refuses one that is not there
    with spinner("counting"):
        found = asyncio.run(ask())
    if as_json:
        show_json({"principles": [{**asdict(each), "state": each.state, "words": each.words()} for each in found]})
    elif found:
        show_table(["", "claims", "principle"], [(each.state, str(each.claims), each.words()) for each in found])
    else:
        stdout.print(f"No claim in memory {memory} of {dataset} held; a model that knows something has to make them.")


@app.command()
def prune(
    dataset: Dataset = "ml-100k",
    memory: Name = "billp",
    least: Annotated[int, typer.Option("--least", min=2, help="episodes in which it was used, at least")] = 10,
    yes: Annotated[bool, typer.Option("--yes", help="forget them; without it they are only shown")] = False,
    as_json: AsJson = False,
) -> None:
    """Retire reflections and experiences after which it went worse, by more than chance among as many.

    What the Critic remembers of states is kept: each visit to a state leaves another value, which corrects the first.
    An experience that is retired no longer counts in what is believed either.
    """
    from billp.memory.erasing import erase_records

    with known_memory(dataset, memory, writing=yes) as agent_memory:
        harmful = agent_memory.usage.table().harmful(("reflections", "actor"), least)
        texts = {id_: text for id_ in harmful if (text := agent_memory.text_of(id_)) is not None}
        if yes:
            erase_records(settings_from(), agent_memory, list(texts))
    if as_json:
        records = [{"id": id_, "text": text, "usage": harmful[id_].model_dump()} for id_, text in texts.items()]
        show_json({"forgotten": yes, "records": records})
        return
    if texts:
        show_table(["id", "usage", "text"], [(id_, harmful[id_].words(), text) for id_, text in texts.items()])
    said = "forgotten" if yes else "would be forgotten; add --yes to do so"
    stdout.print(f"{counted(len(texts), 'record')} of memory {memory} {said}")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(parser=typed_path, metavar="FILE", help="JSON lines to write")],
    dataset: Dataset = "ml-100k",
    memory: Name = "billp",
) -> None:
    """Write a memory to a file of JSON lines, lossless."""
    with known_memory(dataset, memory) as agent_memory:
        count = agent_memory.export(file)
    stdout.print(f"{counted(count, 'record')} written to {file}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(parser=typed_path, metavar="FILE", help="JSON lines that an export wrote")],
    dataset: Dataset = "ml-100k",
    memory: Name = "billp",
) -> None:
    """Read an export into a memory; records with the same id are replaced."""
    from billp.memory import SentenceEmbedder, open_memory

    with open_memory(settings_from(), dataset, memory, SentenceEmbedder()) as agent_memory:
        count = agent_memory.import_(file)
    stdout.print(f"{counted(count, 'record')} read from {file}")


@app.command()
def rm(
    memory: Annotated[str, typer.Argument(help="name of the memory", autocompletion=memory_names)],
    dataset: Dataset = "ml-100k",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Remove a memory."""
    clear(dataset=dataset, memory=memory, yes=yes)


@app.command()
def clear(
    dataset: Dataset = "ml-100k",
    memory: Name = "billp",
    kind: Annotated[Kind | None, typer.Option(help="one collection only", show_default="all of them")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Forget a memory, or one of its collections."""
    from billp.memory.erasing import erase_kind, erase_memory
    from billp.memory.inventory import check_memory

    settings = settings_from()
    check_memory(settings, dataset, memory)
    if not yes:
        typer.confirm(f"Forget {kind or 'everything'} in memory {memory} of {dataset}?", abort=True)
    if kind is None:
        erase_memory(settings, dataset, memory)  # whichever embedder wrote it
    else:
        with known_memory(dataset, memory, writing=True) as agent_memory:
            erase_kind(settings, agent_memory, kind)
    stdout.print(f"memory {memory} of {dataset}: {kind or 'everything'} forgotten")


def _nothing(kind: Kind, dataset: str, memory: str) -> str:
    return f"No {kind} here; `billp memory stats --dataset {dataset} --memory {memory}` counts what there is."


def known_memory(dataset: str, name: str, *, writing: bool = False) -> AgentMemory:
    """The memory `name` of `dataset`, to be read while others write, or for `writing`.

    Raises MemoryStoreError, naming those like it, where there is none.
    """
    from billp.memory import SentenceEmbedder, counts_of, open_memory

    settings = settings_from()
    counts_of(settings, dataset, name)
    return open_memory(settings, dataset, name, SentenceEmbedder(), reading=not writing)


def _plain(record: Record) -> dict[str, object]:
    return {"id": record.id, "text": record.text, **record.fields, "origin": asdict(record.origin)}
