"""`billp play`: the person at the terminal is the user."""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer
from rich.panel import Panel
from rich.text import Text

from billp.commands.options import RunOptions, run_command
from billp.commands.output import show_json, stderr, stdout
from billp.commands.running import with_tape_in
from billp.commands.waiting import spinner
from billp.errors import BadInputError, BrokenOffError
from billp.experiments.runs.run_names import run_name
from billp.experiments.stats.numbers import fixed
from billp.platforms import fast_loop

if TYPE_CHECKING:
    from billp.experiments.runs.live_session import Play
    from billp.graphs.live import Question
    from billp.graphs.resources import Resources

_LEAVES = re.compile(r"(\d+[\s,;]*)?q", re.IGNORECASE)
_LONGEST = 40  # characters of a person's name that the name of a folder takes


@run_command("play")
def play(
    options: RunOptions,
    user: Annotated[str, typer.Option(help="your name, or the id of a user in the logs")],
    likes: Annotated[
        str, typer.Option(metavar="TITLES", help='titles you like, oldest first: "Fargo; Toy Story"')
    ] = "",
) -> None:
    """Be the user: rate what is recommended, say what you wish for, or leave.

    Answers are a rating from 1 to 5, a wish ("something lighter"), both ("4, no more war films"), or q to leave, also
    with a rating and a reason ("2 q: too slow"). With --json they are read from stdin, one a line.
    """
    from billp.experiments.checks import check_play, check_run

    settings = options.settings()
    method, dataset, memory, seed, learn = (
        options.method, options.dataset, options.memory, options.seed(), options.learn,
    )  # fmt: skip
    check_play(settings, method, dataset, memory, learn=learn)
    folder = check_run(settings, options.run or run_name("live", _as_name(user)), resume=True)

    from billp.experiments.runs.live_session import Play
    from billp.graphs.resources import Resources

    settings = with_tape_in(folder, settings)
    titles = [title.strip() for title in likes.split(";") if title.strip()]
    # The event loop waits while the person thinks, so that Ctrl-C reaches the prompt at once.
    with asyncio.Runner(loop_factory=fast_loop()) as loop:
        resources = loop.run(_entered(Resources(settings)))
        try:
            with spinner("getting ready"):
                opened = Play(
                    resources, dataset=dataset, method=method, user=user, likes=titles, seed=seed, memory=memory,
                    learn=learn, run=folder,
                )  # fmt: skip
            with opened as live:
                _play(loop, live, options.as_json)
                done = live.done
                taught = live.memory if learn else ""
        except KeyboardInterrupt:
            raise BrokenOffError("The episode was broken off; nothing of it was recorded or learned.") from None
        finally:
            loop.run(resources.__aexit__())
    if options.as_json:
        show_json(done)
        return
    stdout.print(
        f"\nLen {done['length']}   R_each {fixed(done['reward_each'], 2)}   "
        f"R_traj {fixed(done['reward_trajectory'], 1)}",
        style="bold",
    )
    if done["reflection"]:
        stdout.print(f"Reflection: {_whole(done['reflection'])}")
    stdout.print(f"Recorded in {folder}" + (f"   Memory: {taught}" if taught else ""))


async def _entered(resources: Resources) -> Resources:
    return await resources.__aenter__()


def _play(loop: asyncio.Runner, live: Play, as_json: bool) -> None:
    with spinner("choosing"):
        question = loop.run(live.begin())
    while question is not None:
        given = _read(question) if as_json else _ask(question, live.liked)
        with spinner("choosing"):
            question = loop.run(live.answer(given))


def _ask(question: Question, liked: list[str]) -> str:
    """Shows a screen with the item and why it was chosen; returns the person's words."""
    stdout.clear()  # does nothing where there is no screen
    if question["step"] == 1 and liked:
        stdout.print(f"You like: {'; '.join(liked)}", style="dim")
    year = f" ({question['year']})" if question["year"] and f"({question['year']})" not in question["title"] else ""
    lines = [question["title"] + year]
    if question["categories"]:
        lines.append(", ".join(question["categories"]))
    if question["thought"]:
        lines += ["", f"Why: {_whole(question['thought'])}"]
    if question["words"] and question["words"] != question["title"]:
        lines += ["", f"In the Actor's words: {question['words']}"]
    title = f"Step {question['step']} of at most {question['horizon']}"
    words = Text("\n".join(lines))
    words.stylize("bold", 0, len(lines[0]))
    note = question["stand_in"] or None
    stdout.print(Panel(words, title=title, title_align="left", subtitle=note, subtitle_align="left", padding=(1, 2)))
    if question["problem"]:
        wrong = question["problem"].partition("; give")[0]  # what follows is for answers in JSON
        stdout.print(f"{wrong.removesuffix('.')}; a rating from 1 to 5, a wish, or q to leave.", style="yellow")
    ask = "Your rating, 1 to 5, or a wish (q leaves, which without a rating counts as 1): "
    try:
        given = stdout.input(ask, markup=False)
    except EOFError:
        raise _no_more_answers(question) from None
    if _LEAVES.fullmatch(given.strip()):
        with suppress(EOFError):  # an empty reply gives no reason
            given = f"{given}: {stdout.input('Why? (Enter gives no reason): ', markup=False)}"
    return given


def _whole(words: str) -> str:
    """Returns the words with an ellipsis if a token budget may have cut them off."""
    return words if words.endswith((".", "!", "?", '"')) else f"{words} …"


def _read(question: Question) -> str:
    """Returns the next line of stdin; prints what was wrong with the last one on stderr."""
    if question["problem"]:
        stderr.print(question["problem"])
    line = sys.stdin.readline()
    if not line:
        raise _no_more_answers(question)
    return line.strip()


def _no_more_answers(question: Question) -> BadInputError:
    return BadInputError(
        f"The answers ended at step {question['step']}, before the episode did; end them with q to leave."
    )


def _as_name(user: str) -> str:
    """Returns the person's name as part of a folder's name."""
    return "".join(char if char.isalnum() or char in "-_" else "-" for char in user[:_LONGEST])
