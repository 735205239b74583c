"""Scores of all items: masked where shown, learned from histories and rewards, cheap for ten thousand items."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from billp.baselines.rl.item_space import ItemSpace, item_space
from billp.baselines.rl.networks.choosing import choose_items, noise_of
from billp.baselines.rl.networks.scores import NEVER, acting_network, acting_scores
from billp.baselines.rl.observations import Layout
from tests.baselines.rl.classroom import small
from tests.fakes.toy import EACH, GROUPS, ITEMS, toy_catalogue

METHODS = ["dqn", "bcq", "cql", "sqn"]
LAYOUT = Layout(4, 6)


@pytest.mark.parametrize("tracker", ["average", "gru"])
@pytest.mark.parametrize("method", METHODS)
def test_shown_items_are_masked_and_history_order_and_rewards_are_seen(method: str, tracker: str):
    torch.manual_seed(0)
    network = acting_network(method, item_space(toy_catalogue()), small(method, tracker=tracker, recent=3), mask=True)
    seen = np.concatenate(
        [
            LAYOUT.of([1, 2], [7, 9], [5.0, 1.0]),
            LAYOUT.of([1, 2], [7, 9], [1.0, 5.0]),
            LAYOUT.of([1, 3], [7, 9], [5.0, 1.0]),
        ]
    )
    scores = acting_scores(network, seen)

    assert scores.shape == (3, ITEMS)
    assert (scores[:, [7, 9]] == NEVER).all()
    free = [item for item in range(ITEMS) if item not in (7, 9)]
    if method != "bcq":  # which leaves out what is unlikely as well
        assert (scores[:, free] > NEVER).all()
    if tracker == "gru":
        assert not torch.equal(scores[0], scores[1])
    assert not torch.equal(scores[0], scores[2])


def test_without_a_mask_an_item_may_come_again():
    network = acting_network("dqn", item_space(toy_catalogue()), small("dqn"), mask=False)
    assert (acting_scores(network, LAYOUT.of([], [7], [5.0])) > NEVER).all()


@pytest.mark.parametrize(("items", "alike"), [("own", False), ("categories", True)])
@pytest.mark.parametrize("method", METHODS)
def test_by_categories_alone_all_items_of_a_kind_are_alike(method: str, items: str, *, alike: bool):
    torch.manual_seed(0)
    network = acting_network(method, item_space(toy_catalogue()), small(method, items=items), mask=False)
    [scores] = acting_scores(network, LAYOUT.of([1, 2], [7, 9], [5.0, 1.0]))
    kinds = scores.reshape(GROUPS, EACH)
    assert bool(torch.isclose(kinds, kinds[:, :1]).all()) is alike
    assert kinds[:, 0].unique().numel() > 1


def test_items_without_categories_and_catalogues_without_any_have_scores():
    none = np.zeros(3, dtype=np.int64)
    network = acting_network("dqn", ItemSpace(3, 0, none[:0], none), small("dqn"), mask=True)
    assert torch.isfinite(acting_scores(network, LAYOUT.of([], [1], [5.0]))[0]).all()


def test_a_draw_follows_the_softmax_and_a_seed_repeats_it():
    network = acting_network("a2c", item_space(toy_catalogue()), small("a2c"), mask=True)
    seen = np.repeat(LAYOUT.of([1], [2], [5.0]), 4000, axis=0)
    with torch.no_grad():
        wanted = acting_scores(network, seen[:1])[0].softmax(0).numpy()

    masked = np.zeros((5, ITEMS), dtype=bool)
    masked[:, 3] = True
    drawn = choose_items(network, seen, noise_of(range(len(seen))))

    assert np.bincount(drawn, minlength=ITEMS) / 4000 == pytest.approx(wanted, abs=0.03)
    assert (drawn == choose_items(network, seen, noise_of(range(len(seen))))).all()
    assert not set(drawn.tolist()) & {2}
    assert set(choose_items(network, seen[:5], None, masked).tolist()) != {3}


def test_ten_thousand_items_are_scored_in_milliseconds():
    starts = np.arange(10_000, dtype=np.int64)
    network = acting_network("dqn", ItemSpace(10_000, 50, starts % 50, starts), small("dqn", size=32), mask=True)
    seen = np.repeat(LAYOUT.of([1, 2], [3], [5.0]), 64, axis=0)
    acting_scores(network, seen)
    started = time.process_time()
    acting_scores(network, seen)
    assert time.process_time() - started < 1
