"""The A/B test of a service: the served method against the control, with intervals over users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from billp.experiments.stats.intervals import Estimate, Table, difference_between, mean_of
from billp.serving.api.arms import ArmName
from billp.serving.api.service_records import ServiceRecords

Field = Literal["length", "reward_each", "reward_trajectory"]
FIELDS: tuple[Field, ...] = ("length", "reward_each", "reward_trajectory")
ARMS: tuple[ArmName, ...] = ("served", "control")


class ArmOutcome(BaseModel):
    """One arm's users and the results of their sessions; a user with several sessions counts with their mean."""

    model_config = ConfigDict(frozen=True)

    arm: ArmName
    methods: list[str]
    users: int
    sessions: int
    left: int
    """Sessions that the person left before the horizon."""
    length: Estimate
    reward_each: Estimate
    reward_trajectory: Estimate


class Trial(BaseModel):
    """Both arms, and the served method minus the control."""

    model_config = ConfigDict(frozen=True)

    arms: list[ArmOutcome]
    differences: dict[Field, Estimate]
    """Empty if only one arm has finished sessions."""


async def trial_of(records: ServiceRecords) -> Trial:
    """Returns the trial so far: every session that has ended."""
    outcomes = await records.outcomes()
    by_arm = {arm: [row for row in outcomes if row[1] == arm] for arm in ARMS}
    tables = {arm: {field: _table(rows, field) for field in FIELDS} for arm, rows in by_arm.items() if rows}
    arms = [
        ArmOutcome(
            arm=arm,
            methods=sorted({method for *_, method, _ in by_arm[arm]}),
            users=len({person for person, *_ in by_arm[arm]}),
            sessions=len(by_arm[arm]),
            left=sum(output["ended"] == "left" for *_, output in by_arm[arm]),
            **{field: mean_of([table], trained=False) for field, table in of_fields.items()},
        )
        for arm, of_fields in tables.items()
    ]
    both = len(tables) == len(ARMS)
    return Trial(
        arms=arms,
        differences={f: difference_between(tables["served"][f], tables["control"][f]) for f in FIELDS if both},
    )


def _table(rows: Sequence[tuple[str, str, str, dict[str, Any]]], field: Field) -> Table:
    """Returns (1, users): each user's mean over sessions."""
    of_user: dict[str, list[float]] = {}
    for person, _, _, output in rows:
        of_user.setdefault(person, []).append(float(output[field]))
    return np.array([[np.mean(numbers) for numbers in of_user.values()]])
