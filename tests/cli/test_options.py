"""The options of the commands that run episodes: the same name means the same everywhere, and old names still work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup, TyperOption
from typer.main import get_command

from billp.cli import app
from tests.cli.conftest import Billp

RUNNING = ("train", "evaluate", "compare", "episode", "critic", "play")


def options_of(command: str) -> dict[str, TyperOption]:
    whole = get_command(app)
    assert isinstance(whole, TyperGroup)
    found = whole.commands[command].params
    return {flag: each for each in found if isinstance(each, TyperOption) for flag in each.opts}


def numbers(told: dict[str, Any]) -> dict[str, Any]:
    """What was found, without what the clock and the name of the run say."""
    methods = told.get("methods", {"": told})
    return {name: (found["len"], found["r_traj"], found["episodes"]) for name, found in methods.items()}


def test_an_option_has_one_type_and_one_explanation_wherever_it_stands():
    everywhere = [options_of(name) for name in (*RUNNING, "surface", "demo", "tune")]
    named = "--seeds --episodes --users --horizon --dataset --memory --prompts --run --resume --set"
    for flag in named.split():
        kinds = {(each[flag].help, str(each[flag].type_descriptor.annotation)) for each in everywhere if flag in each}
        assert len(kinds) == 1, flag
    for command in (options_of(name) for name in RUNNING):
        assert {"--dataset", "--seeds", "--horizon", "--prompts", "--set", "--json"} <= command.keys()


@pytest.mark.parametrize(
    ("command", "old", "new"),
    [
        (("train", "--method", "linucb", "--episodes", "2"), ("--seed", "3"), ("--seeds", "3")),
        (("compare", "--methods", "random,linucb", "--users", "2"), ("--train-episodes", "4"), ("--episodes", "4")),
    ],
)
def test_a_flag_of_an_earlier_version_does_what_the_new_one_does_and_names_it(
    *, billp: Billp, tiny: Path, hashed: None, command: tuple[str, ...], old: tuple[str, ...], new: tuple[str, ...]
):
    now, then = (
        billp(*command, "--dataset", "tiny", "--json", *flags, "--run", name)
        for name, flags in (("a", new), ("b", old))
    )
    assert (now.code, then.code) == (0, 0), then.words
    assert f"{old[0]} is called {new[0]} now" in then.err
    assert "is called" not in now.err
    assert numbers(then.json) == numbers(now.json)
    assert old[0] not in options_of(command[0])[new[0]].opts


def test_the_horizon_cuts_off_the_episodes_of_every_command(billp: Billp, tiny: Path, hashed: None):
    at = ("--dataset", "tiny", "--method", "random", "--horizon", "2", "--json")
    evaluated = billp("evaluate", *at, "--users", "3").json
    assert evaluated["len"]["mean"] <= 2
    alone = billp("episode", *at, "--user", "u1").json
    assert alone["length"] <= 2
