"""What is wrong with a command line is said in one sentence, of the form of all other errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from billp.cli import app
from tests.cli.conftest import Billp


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("evalute", "There is no command 'evalute' (did you mean evaluate?); see `billp --help`."),
        ("memory lst", "There is no command 'lst' (did you mean list?); see `billp memory --help`."),
        ("train --engine rya", "There is no --engine 'rya' (did you mean ray?); choose one of local, ray."),
        ("train --log-to mlfow", "There is no --log-to 'mlfow' (did you mean mlflow?); choose one of mlflow, wandb."),
        ("train --epsodes 3", "There is no option --epsodes (did you mean --episodes?); see `billp train --help`."),
        ("evaluate --users 0", "--users must be at least 1, not '0'."),
        ("evaluate --users x", "--users must be a whole number, not 'x'."),
        ("ui --port 70000", "--port must be from 0 to 65535, not 70000."),
        ("report run --csv", "--csv needs a value."),
        ("report", "RUN is missing; see `billp report --help`."),
        ("runs show a b", "That is too much: b; see `billp runs show --help`."),
        ("evaluate --seeds 0,0", "--seeds: '0,0' names a seed twice."),
        ("evaluate --set gamma", "Setting 'gamma' has no '='; write NAME=VALUE."),
    ],
)
def test_it_says_what_and_what_may_be_meant(billp: Billp, command: str, said: str):
    told = billp(*command.split())
    assert (told.code, told.out, told.err) == (2, "", f"billp: {said}\n")


def test_a_group_without_a_command_shows_its_help_alone(billp: Billp):
    told = billp("memory")
    assert told.code == 2
    assert "Usage: billp memory" in told.out
    assert told.err == ""


def test_no_text_of_pydantic_or_typer_is_left(billp: Billp):
    for command in (
        "evaluate --users 1.5",
        "train --episodes=",
        "ui --port -1",
        "play",
        "tune --trials 0",
        "prompts x",
    ):
        told = billp(*command.split())
        assert re.fullmatch(r"billp: [^\n]+\.\n", told.err), command
        assert not re.search(r"Input should|Value error|Invalid value|Missing|No such", told.err), command


OPTIONAL = {
    "--set",
    "--items",
    "--csv",
    "--parquet",
    "--markdown",
    "--latex",
    "--probe-at",
    "--recorded",
    "--columns",
    "--item-columns",
    "--hours-col",
}
"""Options that do nothing unless they are given."""


def commands(group: TyperGroup, *names: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, *names, name)
        else:
            yield " ".join((*names, name)), command


def test_every_option_shows_its_default_in_the_same_way():
    program = get_command(app)
    assert isinstance(program, TyperGroup)
    for name, command in commands(program):
        for each in command.params:
            silent = each.required or getattr(each, "hidden", False) or getattr(each, "is_flag", False)
            if not silent and not OPTIONAL & set(each.opts):
                assert each.default is not None or isinstance(each.show_default, str), (name, each.opts)
            assert "none is" not in (each.help or ""), (name, each.opts)


def test_the_help_lists_commands_in_the_order_of_their_use(billp: Billp):
    panels = re.findall(r"─ ([A-Z][a-z ]+) ─", billp("--help").out)
    assert panels == ["Options", "Start here", "Run", "Look", "Data and memory", "Serve"]
