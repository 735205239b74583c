"""The policies of a comparison: their curves over training steps, and where these reach what memory reaches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from billp.baselines.rl.policy import PolicyRecord
from billp.baselines.rl.probe import CurvePoint


class PolicyPoint(BaseModel):
    """R_traj after `steps` steps of training: means over users, then over seeds."""

    model_config = ConfigDict(frozen=True)

    steps: int
    train_users: float
    held_out: float | None


class Passing(BaseModel):
    """The first point of a curve that is as high as an arm's R_traj with held-out users; None if there is none."""

    model_config = ConfigDict(frozen=True)

    arm: str
    r_traj: float
    train_users: int | None
    """Steps after which train users, in the world that the policy learned in, reach as much."""
    held_out: int | None
    """Steps after which held-out users do."""


class PolicyTraining(BaseModel):
    """The trainings of one arm's policy, one per seed."""

    model_config = ConfigDict(frozen=True)

    arm: str
    seeds: int
    steps: int
    """Of one training: steps of simulated users, or gradient steps for a method that meets no users."""
    seconds: float
    """Of one training, mean over the seeds."""
    curve: list[PolicyPoint]
    passes: list[Passing]


def policy_training(arm: str, records: Sequence[PolicyRecord], reached: Mapping[str, float]) -> PolicyTraining:
    """Returns the trainings in `records`, one per seed; `reached` is R_traj by arm that learns by memory."""
    curve = [_point(points) for points in zip(*(record.curve for record in records), strict=True)]
    return PolicyTraining(
        arm=arm,
        seeds=len(records),
        steps=curve[-1].steps,
        seconds=fmean(record.seconds for record in records),
        curve=curve,
        passes=[
            Passing(
                arm=other,
                r_traj=stars,
                train_users=_first(((point.steps, point.train_users) for point in curve), stars),
                held_out=_first(((point.steps, point.held_out) for point in curve), stars),
            )
            for other, stars in reached.items()
        ],
    )


def _point(points: Sequence[CurvePoint]) -> PolicyPoint:
    held_out = [point.held_out.r_traj for point in points if point.held_out is not None]
    return PolicyPoint(
        steps=points[0].steps,
        train_users=fmean(point.train_users.r_traj for point in points),
        held_out=fmean(held_out) if held_out else None,
    )


def _first(points: Iterable[tuple[int, float | None]], least: float) -> int | None:
    """Returns the steps of the first of `points` (steps, R_traj) that is as high as `least`."""
    return next((steps for steps, found in points if found is not None and found >= least), None)
