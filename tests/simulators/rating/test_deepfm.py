"""DeepFM, folded and while it is fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from billp.simulators.data.features import Features, features_of
from billp.simulators.data.user_fields import UserField
from billp.simulators.rating.deepfm import DeepFM
from billp.simulators.rating.networks import DeepFMNetwork
from tests.fakes.worlds import tiny_dataset
from tests.simulators.rating.test_base import made_up


def test_predicts_mean_biases_product_and_deep_part():
    p = made_up(DeepFM)
    users, items = np.array([2, 0, 6]), np.array([4, 1, 49])
    expected = []
    for u, i in zip(users, items, strict=True):
        hidden = np.maximum(p["user_hidden"][u] + p["item_hidden"][i], 0)
        deep = p["output"] @ np.maximum(p["inner_weights"] @ hidden + p["inner_bias"], 0)
        machine = p["user_vectors"][u] @ p["item_vectors"][i]
        expected.append(p["mean"] + p["user_bias"][u] + p["item_bias"][i] + machine + deep)
    assert DeepFM.from_parameters(p).predict(users, items) == pytest.approx(expected, rel=1e-4)


def by_the_book(network: DeepFMNetwork, user: int, item: int) -> float:
    """The prediction as the paper writes it: all pairs of fields one by one, and the deep part over all embeddings."""
    fields = torch.cat([network._user_fields(torch.tensor([user])), network._item_fields(torch.tensor([item]))], 1)[0]
    weights, vectors = fields[:, 0], fields[:, 1:]
    machine = weights.sum() + sum(vectors[a] @ vectors[b] for a in range(len(fields)) for b in range(a))
    first = torch.cat([network._from_user, network._from_item])
    hidden = (vectors.flatten() @ first + network._hidden_bias).relu()
    deep = (hidden @ network._inner + network._inner_bias).relu() @ network._output
    return float((network._mean + machine + deep).detach())


def trained(features: Features) -> DeepFMNetwork:
    """A network whose parameters are all far from zero."""
    rng = np.random.default_rng(0)
    network = DeepFMNetwork(features, 4, 3.5, rng)
    with torch.no_grad():
        for group in network.groups:
            for parameter in group["params"]:
                parameter.add_(torch.from_numpy(rng.normal(0, 0.3, parameter.shape).astype(np.float32)))
    return network


def test_the_folded_model_predicts_what_the_unfolded_one_does():
    sex = UserField("sex", np.arange(40) % 3, 3)
    dataset = replace(tiny_dataset(), user_fields=(sex, replace(sex, name="half", codes=np.arange(40) // 20)))
    network = trained(features_of(dataset, np.arange(40, dtype=np.int32)))
    users, items = np.arange(40), np.arange(40) + 20
    expected = [by_the_book(network, int(user), int(item)) for user, item in zip(users, items, strict=True)]
    assert network.model().predict(users, items) == pytest.approx(expected, rel=1e-4, abs=1e-4)
