"""Errors worked out by hand."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from billp.simulators.rating.accuracy import measure
from billp.simulators.rating.base import Logs
from billp.simulators.rating.factorisation import BiasedFactorisation
from tests.simulators.rating.test_base import made_up


def constant(stars: float) -> BiasedFactorisation:
    zeros = {name: np.zeros_like(values) for name, values in made_up(BiasedFactorisation).items()}
    return BiasedFactorisation.from_parameters(zeros | {"mean": np.array(stars)})


def test_accuracy_by_hand():
    training = Logs(np.array([0, 1, 2]), np.array([0, 0, 1]), np.array([1, 3, 5], dtype=np.float32))
    test = Logs(np.array([0, 1, 2]), np.array([0, 4, 1]), np.array([2, 5, 5], dtype=np.float32))
    accuracy = measure(constant(7), constant(4), training, test)
    assert accuracy.rows == 3
    assert asdict(accuracy.rmse) == pytest.approx(
        {
            "model": np.sqrt(9 / 3),  # 7 is clipped to 5: errors 3, 0 and 0
            "biased_factorisation": np.sqrt((4 + 1 + 1) / 3),
            "item_mean": np.sqrt((0 + 4 + 0) / 3),  # the means are 2 and 5; item 4 has that of all, 3
            "global_mean": np.sqrt((1 + 4 + 4) / 3),
        }
    )
    assert asdict(accuracy.mae) == pytest.approx(
        {"model": 1, "biased_factorisation": 4 / 3, "item_mean": 2 / 3, "global_mean": 5 / 3}
    )
