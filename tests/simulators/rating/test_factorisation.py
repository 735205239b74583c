"""The biased factorisation."""

from __future__ import annotations

import numpy as np
import pytest

from billp.simulators.rating.factorisation import BiasedFactorisation
from tests.simulators.rating.test_base import made_up


def test_predicts_mean_biases_and_product():
    p = made_up(BiasedFactorisation)
    users, items = np.array([2, 0]), np.array([4, 1])
    expected = [
        p["mean"] + p["user_bias"][u] + p["item_bias"][i] + p["user_factors"][u] @ p["item_vectors"][i]
        for u, i in zip(users, items, strict=True)
    ]
    assert BiasedFactorisation.from_parameters(p).predict(users, items) == pytest.approx(expected, rel=1e-5)
