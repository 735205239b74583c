"""Curves in the terminal: they fit it, rise where the numbers rise, and are left out where nobody looks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.commands import terminal_plot
from billp.commands.terminal_plot import Line, drawn, show_training
from tests.reports.examples import episode, put_run


@given(st.integers(40, 200), st.lists(st.floats(0, 1e6), min_size=2, max_size=60), st.integers(1, 3))
def test_a_plot_fits_its_terminal_and_acts_on_it_in_no_way(width: int, values: list[float], count: int):
    lines = [Line(f"method-{number}", range(1, len(values) + 1), values) for number in range(count)]
    text = drawn("R_traj", lines, "training episode", width)
    assert max(map(len, text.splitlines())) <= width
    assert text.replace("\n", "").isprintable()
    assert ("method-0" in text) == (count > 1), "one alone needs no name"


def test_a_rising_curve_rises():
    text = drawn("", [Line("a", [0, 10, 20], [0.0, 5.0, 10.0]), Line("b", [0, 20], [0.0, 0.0])], "", 60)
    rows = [row.partition("┤")[2] or row.partition("│")[2] for row in text.splitlines()]
    places = [row.rfind("ooo") for row in rows if "ooo" in row]
    assert len(places) > 4
    assert places == sorted(places, reverse=True), "the higher, the further to the right"


@pytest.mark.parametrize("lines", [[], [Line("a", [1], [2.0])]])
def test_without_a_curve_there_is_no_plot(lines: list[Line]):
    assert drawn("R_traj", lines, "", 80) == ""


def test_a_training_is_drawn_for_a_terminal_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    lines = [episode(f"train-0-{n}", *[3.0] * (n + 1), split="train") for n in range(4)]
    run = put_run(tmp_path / "one", lines, command="train")
    show_training(run)
    assert capsys.readouterr().out == ""
    said: list[str] = []

    class Terminal:
        is_terminal, width = True, 72

        def print(self, text: str) -> None:
            said.append(text)

    monkeypatch.setattr(terminal_plot, "stdout", Terminal())
    show_training(run)
    assert "mean of the last 5 training episodes" in said[0]
