"""Waits that can be seen: bars, counts and spinners on stderr, and beside them the stage that the log tells of."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.status import Status
from rich.text import Text

from billp.commands import console
from billp.commands.console import echo
from billp.errors import BillpError

_LONG_S = 30 * 86_400.0


@contextmanager
def fraction_bar(text: str) -> Iterator[Callable[[float], None]]:
    """Shows a progress bar; call what it yields with the fraction done."""
    with _bar(counts=False) as bar:
        task = bar.add_task(text, total=1.0)
        try:
            with _stages_in(bar):
                yield lambda fraction: bar.update(task, completed=fraction)
        except BillpError:
            bar.remove_task(task)  # what went wrong is said in one sentence, not under a bar that stands still
            raise
        bar.update(task, completed=1.0)


@contextmanager
def count_bar(text: str, total: int) -> Iterator[Callable[[], None]]:
    """Shows a progress bar that counts; call what it yields after each one."""
    with _bar(counts=True) as bar:
        task = bar.add_task(text, total=total)
        with _stages_in(bar) as over:

            def advance() -> None:
                bar.advance(task)
                over()

            yield advance


@contextmanager
def named_bars(text: str, total: int) -> Iterator[tuple[Callable[[], None], Callable[[str, float], None]]]:
    """Shows a bar that counts, as `count_bar` does, and under it one for everything named with the fraction done."""
    with _bar(counts=True) as bar:
        task = bar.add_task(text, total=total)
        named: dict[str, TaskID] = {}

        def show(name: str, fraction: float) -> None:
            if name not in named:
                named[name] = bar.add_task(f"  {name} (%)", total=100)
            bar.update(named[name], completed=int(100 * fraction))

        yield lambda: bar.advance(task), show


@contextmanager
def spinner(text: str) -> Iterator[Callable[[str], None]]:
    """Says what is going on while it cannot be counted; what it yields prints a text on stdout meanwhile."""
    status = Status(Text(text), console=console.stderr)

    def say(shown: str) -> None:
        status.stop()  # it would take what is printed for itself
        echo(shown)
        status.update(Text(text))
        status.start()

    with status, _heard(lambda stage: status.update(Text(f"{text}: {stage}"))):
        yield say


class _Done(ProgressColumn):
    """How much is done; nothing for a stage, since it has no known length."""

    def __init__(self, *, counts: bool) -> None:
        super().__init__()
        self._counts = counts

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text("")
        if self._counts:
            return Text(f"{int(task.completed)}/{int(task.total)}", style="progress.download")
        return Text(f"{task.percentage:>3.0f}%", style="progress.percentage")


class _Left(ProgressColumn):
    """The time that the rest will take, told from the pace so far."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        left = None if task.finished else task.time_remaining
        return Text("" if left is None else f"{timedelta(seconds=int(left))} left", style="progress.remaining")


def _bar(*, counts: bool) -> Progress:
    return Progress(
        TextColumn("{task.description:<34}", markup=False), BarColumn(bar_width=None), _Done(counts=counts),
        TimeElapsedColumn(), _Left(), console=console.stderr,
        speed_estimate_period=_LONG_S,  # episodes may take minutes each
    )  # fmt: skip


@contextmanager
def _stages_in(bar: Progress) -> Iterator[Callable[[], None]]:
    """Shows the stage at hand as a line of its own; what it yields takes that away."""
    shown: list[TaskID] = []

    def over() -> None:
        while shown:
            bar.remove_task(shown.pop())

    def show(stage: str) -> None:
        over()
        shown.append(bar.add_task(f"  {stage}", total=None))

    with _heard(show):
        try:
            yield over
        finally:
            over()


class _Listener(logging.Handler):
    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.INFO:
            self._show(record.getMessage())


@contextmanager
def _heard(show: Callable[[str], None]) -> Iterator[None]:
    """Calls `show` with every stage that this program logs meanwhile."""
    log, listener = logging.getLogger("billp"), _Listener(show)
    before = log.level
    log.addHandler(listener)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(before)
        log.removeHandler(listener)
