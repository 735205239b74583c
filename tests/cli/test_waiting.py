"""A wait says what is going on, how much is done and how long the rest will take."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pytest
from rich import progress

from billp.commands import console, waiting
from billp.commands.console import Console
from billp.experiments.stats.numbers import fixed
from tests.cli.conftest import Billp

log = logging.getLogger("billp.somewhere")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal of 80 columns is told."""
    stream = io.StringIO()
    monkeypatch.setattr(console, "stderr", Console(file=stream, force_terminal=True, width=80))
    return stream


def lines_of(bar: progress.Progress) -> list[str]:
    shown = Console(file=io.StringIO(), width=80)
    with shown.capture() as captured:
        shown.print(bar.make_tasks_table(bar.tasks))
    return captured.get().splitlines()


def test_a_bar_names_the_stage_counts_and_says_how_long_the_rest_takes(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    now = 0.0
    bars: list[progress.Progress] = []

    class Watched(progress.Progress):
        def __init__(self, *columns: progress.ProgressColumn, **options: Any) -> None:
            super().__init__(*columns, **options, get_time=lambda: now)
            bars.append(self)

    monkeypatch.setattr(waiting, "Progress", Watched)
    with waiting.count_bar("training billp-memory-only", 10) as advance:
        log.info("loading the embedder")
        log.debug("a detail")
        first, stage = lines_of(bars[0])
        assert "0/10" in first
        assert stage.startswith("  loading the embedder")
        log.info("running episodes")
        assert lines_of(bars[0])[1].startswith("  running episodes")
        advance()
        now = 100.0  # an episode that takes minutes tells the pace as well
        advance()
        (line,) = lines_of(bars[0])
        assert line.split()[-4:] == ["2/10", "0:01:40", "0:13:20", "left"]
    log.info("afterwards")
    assert "afterwards" not in terminal.getvalue()


def test_a_spinner_names_the_stage(terminal: io.StringIO, capsys: pytest.CaptureFixture[str]):
    with waiting.spinner("running the episode") as say:
        log.info("loading the embedder")
        say("a piece")
    assert capsys.readouterr().out == "a piece\n"
    assert "running the episode: loading the embedder" in terminal.getvalue()


def test_an_episode_is_printed_step_by_step_while_it_runs(
    billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch
):
    pieces: list[str] = []
    monkeypatch.setattr(waiting, "echo", pieces.append)
    at = ["episode", "--dataset", "tiny", "--user", "u0", "--untrained"]
    rest = billp(*at).out
    steps = billp(*at, "--json").json["steps"]
    assert len(pieces) == len(steps)
    for piece, step in zip(pieces, steps, strict=True):
        assert f"Step {step['number']}\n" in piece
        assert f"  value      {fixed(step['value'], 2)}" in piece, "all that there is to say of the step"
    assert "Step" not in rest
    assert "Ended after" in rest
