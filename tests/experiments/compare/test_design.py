"""The design of a comparison: what is run how often, and which designs make no sense."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from billp.agents.prompt_pack import DEFAULT_PACK, TERSE_PACK, load_pack
from billp.errors import SettingsError
from billp.experiments.compare.design import Design, arms_of, checked

DEFAULT, TERSE = load_pack(DEFAULT_PACK), load_pack(TERSE_PACK)


def design(*methods: str, **given: Any) -> Design:
    arms = arms_of(methods or ("random", "billp"), [DEFAULT])
    plain = Design(
        dataset="tiny",
        arms=arms,
        base=arms[0].name if arms else "",
        train_episodes=100,
        users=50,
        seeds=(0, 1),
        probes=(),
        probe_users=10,
        stop_early=False,
    )
    return replace(plain, **given)


def test_arms_are_methods_and_with_several_packs_methods_at_packs():
    assert [arm.name for arm in arms_of(["random", "billp"], [DEFAULT])] == ["random", "billp"]
    both = arms_of(["random", "billp"], [DEFAULT, TERSE])
    assert [arm.name for arm in both] == ["random", "billp@default", "billp@terse"]
    assert both[2].pack is TERSE


@pytest.mark.parametrize(
    ("methods", "packs", "words"),
    [
        (["billp", "billp"], [DEFAULT], "named twice"),
        (["bilp"], [DEFAULT], "no method 'bilp'"),
        (["billp"], [DEFAULT, DEFAULT], "same folder name"),
    ],
)
def test_arms_that_cannot_be_told_apart_are_refused(methods: list[str], packs: list[Any], words: str):
    with pytest.raises(SettingsError, match=words):
        arms_of(methods, packs)


def test_looks_grow_to_all_users():
    assert design().looks == [50]
    assert design(stop_early=True, users=100).looks == [20, 40, 60, 80, 100]
    assert design(stop_early=True).looks == [20, 30, 40, 50], "ten users are too few to decide anything"
    assert design(stop_early=True, users=2).looks == [2]


def test_the_count_of_episodes_adds_up_training_probes_and_evaluation():
    # random: 50 users; billp: 100 in training, 4 probes of 10, 50 users; all with each of two seeds
    assert design(probes=(0, 30, 60, 90)).episodes == 2 * (50 + 100 + 40 + 50)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"arms": arms_of(["billp"], [DEFAULT])}, "only billp to compare"),
        ({"base": "react"}, "base 'react' is not compared"),
        ({"probes": (0, 15)}, "multiple of 10"),
        ({"probes": (0, 120)}, "after 120 episodes is none"),
        ({"probe_users": 51}, "51 probe users are more"),
    ],
)
def test_a_design_that_makes_no_sense_is_refused(given: dict[str, Any], words: str):
    with pytest.raises(SettingsError, match=words):
        checked(design(**given), batch=10)
