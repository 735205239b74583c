"""`billp memory show`, `blame` and `prune`: what single memories are, did, and whether they should go."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from commands.banks import known_bank
from commands.output import AsJson, settings_from, show_json, show_pairs, show_table, spinner, stdout
from errors import ArtifactError
from experiments.numbers import fixed, signed

if TYPE_CHECKING:
    from experiments.blame import Blame, RecordBehind, RelationBehind

Dataset = Annotated[str, typer.Option(help="dataset the memory belongs to")]
Name = Annotated[str, typer.Option("--memory", help="name of the memory")]


def show(
    record: Annotated[str, typer.Argument(metavar="ID", help="id of a record, as `billp memory list` shows it")],
    dataset: Dataset = "ml-100k",
    memory: Name = "billp",
    as_json: AsJson = False,
) -> None:
    """Show one memory: its words and numbers, where it came from, how often it was used and what followed."""
    from memory.receipts import item_key, relation_key

    with known_bank(dataset, memory) as bank:
        kind, found = bank.find(record)
        receipts = bank.uses.receipts()
    parts = {"record": found.id}
    if kind == "actor":
        parts |= {
            "its relation": relation_key(found.field("relation", str)),
            "its item": item_key(found.field("item", int)),
        }
    receipt = {name: receipts.of(key) for name, key in parts.items() if kind != "uses"}  # which are no memories
    if as_json:
        plain = {name: each.model_dump() for name, each in receipt.items()}
        show_json(
            {"id": found.id, "kind": kind, "text": found.text, "fields": dict(found.fields),
             "origin": asdict(found.origin), "receipts": plain}
        )  # fmt: skip
        return
    stdout.print(found.text, markup=False)
    show_pairs(found.fields, "Numbers")
    show_pairs(asdict(found.origin), "Learned from")
    if receipt:
        show_pairs({name: each.words() for name, each in receipt.items()}, "Receipt")


def blame(
    run: Annotated[str, typer.Argument(metavar="RUN", help="name in the runs folder, or a path")],
    episode: Annotated[str, typer.Argument(metavar="EPISODE", help="id of an episode of the run")],
    step: Annotated[int, typer.Argument(metavar="STEP", min=1, help="number of the step, from 1")],
    memory: Annotated[str | None, typer.Option(help="memory to ask; none is the run's own")] = None,
    examples: Annotated[int, typer.Option(min=0, help="most experiences, items and unread reflections")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show which memories moved one recommendation, and by how much."""
    from experiments.run_names import run_named
    from experiments.run_step import find_step

    settings = settings_from()
    found = find_step(run_named(settings.runs_dir, run), episode, step)
    name = memory or found.memory
    if not name:
        raise ArtifactError(f"Run {run} does not say which memory it read; name it with --memory.")

    from experiments.blame import blame as blame_step
    from memory import SentenceEmbedder, catalogue_vectors, counts_of, open_bank
    from simulators import load_dataset

    counts_of(settings, found.dataset, name)  # refuses one that is not there
    with spinner("asking memory"):
        catalogue, embedder = load_dataset(settings.data, found.dataset).catalogue, SentenceEmbedder()
        vectors = catalogue_vectors(catalogue, embedder, settings.data / "vectors")
        with open_bank(settings, found.dataset, name, embedder, reading=True) as bank:
            told = blame_step(found, bank, catalogue, vectors, examples=examples)
    if as_json:
        show_json(told)
    else:
        _show_blame(told)


def prune(
    dataset: Dataset = "ml-100k",
    memory: Name = "billp",
    least: Annotated[int, typer.Option("--least", min=2, help="episodes in which it was used, at least")] = 10,
    yes: Annotated[bool, typer.Option("--yes", help="forget them; without it they are only shown")] = False,
    as_json: AsJson = False,
) -> None:
    """Retire reflections and experiences after which it went worse, by more than chance among as many.

    Relations and items have receipts, too, but are sums that correct themselves with every step; so do the values that
    the Critic remembers, as each visit to a state leaves another. So only what was read back to choose is retired; an
    experience so retired no longer counts in the sums either.
    """
    with known_bank(dataset, memory, writing=yes) as bank:
        harmful = bank.uses.receipts().harmful(("reflections", "actor"), least)
        texts = {id_: text for id_ in harmful if (text := bank.text_of(id_)) is not None}
        if yes:
            bank.forget(list(texts))
    if as_json:
        records = [{"id": id_, "text": text, "receipt": harmful[id_].model_dump()} for id_, text in texts.items()]
        show_json({"forgotten": yes, "records": records})
        return
    if texts:
        show_table(["id", "receipt", "text"], [(id_, harmful[id_].words(), text) for id_, text in texts.items()])
    said = "forgotten" if yes else "would be forgotten; add --yes to do so"
    stdout.print(f"{len(texts)} record{'' if len(texts) == 1 else 's'} of memory {memory} {said}")


def _show_blame(told: Blame) -> None:
    stdout.print(f"Step {told.step} of {told.episode}, user {told.user}: {told.title}", style="bold", markup=False)
    advantage = "" if told.advantage is None else f", advantage {signed(told.advantage, 2)}"
    stdout.print(f"reward {told.reward:g}{advantage}", markup=False)
    plan = told.plan
    if plan["rest"] or plan["aim"] or plan["avoid"]:
        ahead = {"covers": f"{plan['steps']} steps"} if plan.get("steps") else {}
        named = {**ahead, "rest": f"{plan['rest']} steps", "aim": _kinds(plan["aim"]), "avoid": _kinds(plan["avoid"])}
        show_pairs(named, f"Plan, from the evidence of {told.pooled} reflections")
    rows = [
        ("→" if c.chosen else "", c.title, c.relation, *map(_signed, (c.fit, c.staying, c.liking, c.trusted, c.total)))
        for c in told.candidates
    ]
    show_table(["", "shortlist", "relation", "plan", "staying", "liking", "LLM", "total"], rows, "Candidates, in stars")
    if not told.as_it_was:
        stdout.print("What follows is memory as it is now; it differs from what the step knew.", style="yellow")
    if told.relation is not None:
        _show_relation(told.relation)
    if told.items:
        shown = [(_signed(i.stars), i.title, i.experiences, fixed(i.reward, 2), i.receipt.words()) for i in told.items]
        show_table(["stars", "item", "ratings", "mean", "receipt"], shown, "Items like it")
    if told.reflections:
        lessons = [
            (_signed(each.stars), "read" if each.recalled else "", each.text, each.receipt.words(), each.id)
            for each in told.reflections
        ]
        show_table(["plan", "", "reflection", "receipt", "id"], lessons, "Reflections, and what they moved in the plan")
    for title, records in (
        ("Experiences retrieved", told.retrieved),
        ("Similar states by which the Critic valued this one, and what they were worth", told.valued),
    ):
        if records:
            show_table(["text", "receipt", "id"], [_record_row(record) for record in records], title)


def _show_relation(behind: RelationBehind) -> None:
    doubt = f"; {fixed(behind.caution, 2)} stars taken off for doubt" if behind.caution else ""
    stdout.print(
        f"Relation {behind.relation}: {behind.experiences} experiences, after {behind.left} of which the user left"
        f"{doubt}; {behind.receipt.words()}",
        markup=False,
    )
    if behind.examples:
        rows = [(_signed(e.stars), e.title, f"{e.reward:g}", "left" if e.left else "", e.id) for e in behind.examples]
        show_table(["stars", "experience", "reward", "", "id"], rows, "Those that weighed most")


def _record_row(record: RecordBehind) -> tuple[str, str, str]:
    return record.text, record.receipt.words(), record.id


def _kinds(worth: dict[str, float]) -> str:
    return ", ".join(f"{kind} {signed(stars, 2)}" for kind, stars in worth.items()) or "nothing"


def _signed(stars: float | None) -> str:
    return "-" if stars is None else signed(stars, 2)
