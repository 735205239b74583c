"""Which rating model the two worlds of a simulator use, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from billp.settings import ModelKind, ModelSetting
from billp.simulators.rating.fitting import Fits


@dataclass(frozen=True)
class ModelChoice:
    """The rating model that both worlds use, and why.

    `train` and `test` are each model's RMSE, in stars, on the `train_rows` and `test_rows` ratings of either world that
    no model learned from and no accuracy is measured on.
    """

    kind: ModelKind
    why: str
    train: Mapping[ModelKind, float]
    test: Mapping[ModelKind, float]
    train_rows: int
    test_rows: int


def chosen_model(asked: ModelSetting, train: Fits, test: Fits) -> ModelChoice:
    """Returns the model that is asked for; for "auto", the one that is better in the train world.

    The test world has no say, so that no answer of the train world depends on a rating of a test user.
    """
    kind: ModelKind = train.better if asked == "auto" else asked
    if asked == "auto":
        others = [f"{name} by {error:.4f}" for name, error in train.stopping.items() if name != kind]
        why = (
            f"{kind} was off by {train.stopping[kind]:.4f} stars and {' and '.join(others)} on "
            f"{train.rows:,} ratings of train users that neither learned from"
        )
    else:
        why = f"simulator.model asked for {kind}"
    return ModelChoice(kind, why, dict(train.stopping), dict(test.stopping), train.rows, test.rows)
