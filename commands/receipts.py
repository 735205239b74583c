"""`billp memory show`, `principles`, `blame` and `prune`: what memories are, did, and whether they should go."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.banks import known_memory
from billp.commands.output import AsJson, settings_from, show_json, show_pairs, show_table, spinner, stdout
from billp.errors import ArtifactError
from billp.experiments.stats.numbers import fixed, signed

if TYPE_CHECKING:
    from billp.experiments.analysis.attribution import BeliefBehind, Blame

Dataset = Annotated[str, typer.Option(help="dataset the memory belongs to")]
Name = Annotated[str, typer.Option("--memory", help="name of the memory")]


def show(
    record: Annotated[str, typer.Argument(metavar="ID", help="id of a record, as `billp memory list` shows it")],
    dataset: Dataset = "ml-100k",
    memory: Name = "billp",
    as_json: AsJson = False,
) -> None:
    """Show one memory: its words and numbers, where it came from, how often it was used and what followed."""
    with known_memory(dataset, memory) as agent_memory:
        kind, found = agent_memory.find(record)
        receipt = None if kind == "uses" else agent_memory.usage.table().of(found.id)  # which are no memories
    if as_json:
        show_json(
            {"id": found.id, "kind": kind, "text": found.text, "fields": dict(found.fields),
             "origin": asdict(found.origin), "receipt": None if receipt is None else receipt.model_dump()}
        )  # fmt: skip
        return
    stdout.print(found.text, markup=False)
    show_pairs(found.fields, "Numbers")
    show_pairs(asdict(found.origin), "Learned from")
    if receipt is not None:
        show_pairs({"receipt": receipt.words()})


def principles(dataset: Dataset = "ml-100k", memory: Name = "billp", as_json: AsJson = False) -> None:
    """Show what makes users leave: what the Reflector claimed, counted over all steps, confirmed or retired.

    Only claims that held of their own episode count; the stand-in model makes none.
    """
    from billp.graphs.methods import method_named
    from billp.graphs.principles import all_principles
    from billp.graphs.resources import Resources
    from billp.memory import Principle, counts_of

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


def blame(
    run: Annotated[str, typer.Argument(metavar="RUN", help="name in the runs folder, or a path")],
    episode: Annotated[str, typer.Argument(metavar="EPISODE", help="id of an episode of the run")],
    step: Annotated[int, typer.Argument(metavar="STEP", min=1, help="number of the step, from 1")],
    memory: Annotated[str | None, typer.Option(help="memory to ask; none is the run's own")] = None,
    examples: Annotated[int, typer.Option(min=0, help="most principles, experiences and unread reflections")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show what memory believed of one recommendation, and what that rests on."""
    from billp.experiments.runs.run_names import run_named

    settings = settings_from()
    folder = run_named(settings.runs_dir, run)  # before anything heavy is loaded

    from billp.experiments.analysis.run_step import find_step

    found = find_step(folder, episode, step)
    name = memory or found.memory
    if not name:
        raise ArtifactError(f"Run {run} does not say which memory it read; name it with --memory.")

    from billp.experiments.analysis.attribution import blame as blame_step
    from billp.experiments.analysis.knowing import as_recorded
    from billp.graphs.resources import Resources
    from billp.memory import counts_of

    async def ask() -> Blame:
        async with Resources(found.settings_in(settings)) as resources:
            deps = resources.deps(found.dataset, memory=name, llm=False)
            return blame_step(found, as_recorded(deps, found.surroundings), examples=examples)

    counts_of(settings, found.dataset, name)  # refuses one that is not there
    with spinner("asking memory"):
        told = asyncio.run(ask())
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

    The values that the Critic remembers have receipts, too, but correct themselves, as each visit to a state leaves
    another. So only what was read back to choose is retired; an experience so retired no longer counts in what is
    believed either.
    """
    with known_memory(dataset, memory, writing=yes) as agent_memory:
        harmful = agent_memory.usage.table().harmful(("reflections", "actor"), least)
        texts = {id_: text for id_ in harmful if (text := agent_memory.text_of(id_)) is not None}
        if yes:
            agent_memory.forget(list(texts))
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
        named = {
            **ahead,
            "cooldown": f"{plan['rest']} steps",
            "aim": _categories(plan["aim"]),
            "avoid": _categories(plan["avoid"]),
        }
        show_pairs(named, f"Plan, from the evidence of {told.pooled} reflections")
    rows = [
        ("→" if c.chosen else "", c.title, *(_signed(part) for part in (c.score, c.stars, c.chance, c.preference)),
         "-" if c.risk is None else f"{c.risk:.2%}")
        for c in told.candidates
    ]  # fmt: skip
    show_table(["", "candidate", "score", "stars", "chance", "LLM (nats)", "leaves"], rows)
    if not told.as_it_was:
        stdout.print("What follows is memory as it is now; it differs from what the step knew.", style="yellow")
    if told.belief is not None:
        _show_belief(told.belief)
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
            read = [(record.text, record.receipt.words(), record.id) for record in records]
            show_table(["text", "receipt", "id"], read, title)


def _show_belief(belief: BeliefBehind) -> None:
    value = belief.value
    ratings, answers = _mean(value.ratings, value.rating), _mean(value.answers, value.answer)
    known = {
        "category, year": fixed(value.known, 2),
        "its own": f"{signed(value.own, 2)}, from ratings: {ratings}; answers: {answers}",
        "answers": f"{signed(value.bias, 2)} above ratings",
        "deviation": fixed(value.deviation, 2),
    }
    show_pairs(known, "What it is worth, in stars")
    if belief.stake:
        rows = [
            (_signed(p.stars), f"{p.measure} {p.level} of {p.levels} within {p.span}", "; ".join(p.after),
             f"{p.rate:.2%}", f"{p.departures:.1f} of {p.exposures:.1f}")
            for p in belief.principles
        ]  # fmt: skip
        rows.append((_signed(belief.dislike), "a low rating", "", "", ""))
        title = f"Principles at work, where a user's leaving costs {belief.stake:.0f} stars"
        show_table(["stars", "close by", "to", "rate", "left"], rows, title)
    if belief.experiences:
        seen = [(each.id, f"{each.reward:g}", "left" if each.left else "") for each in belief.experiences]
        show_table(["id", "reward", ""], seen, "Experiences with it")


def _mean(count: int, mean: float | None) -> str:
    return str(count) if mean is None else f"{count} with a mean of {mean:.2f}"


def _categories(worth: dict[str, float]) -> str:
    return ", ".join(f"{category} {signed(stars, 2)}" for category, stars in worth.items()) or "nothing"


def _signed(stars: float | None) -> str:
    return "-" if stars is None else signed(stars, 2)
