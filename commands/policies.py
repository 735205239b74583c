"""The part of `billp train` that trains a policy by reinforcement learning."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from billp.commands.options import RunOptions
from billp.commands.output import show_json, show_table, stdout
from billp.commands.running import run_to_end, train_with_bar
from billp.experiments.stats.numbers import fixed
from billp.names import checked_name

if TYPE_CHECKING:
    from billp.baselines.rl.policy import TrainedPolicy
    from billp.baselines.rl.thread import OnProgress
    from billp.graphs.dependencies import Dependencies
    from billp.graphs.resources import Resources
    from billp.settings import Settings


def train_policy(settings: Settings, options: RunOptions, *, run: Path) -> None:
    """Trains the policy into the folder `run` and keeps it under the name of its memory."""
    from billp.experiments.policies.policy_training import (
        check_trainable,
        keep_policy,
        log_training,
        train_method,
        training_row,
    )

    check_trainable(options.method)
    checked_name("policy", options.named_memory)  # before the training

    def work(resources: Resources, deps: Dependencies, on_progress: OnProgress) -> TrainedPolicy:
        return train_method(
            resources, deps, method=options.method, epochs=options.epochs, seed=options.seed(), run=run,
            resume=options.resume, on_progress=on_progress,
        )  # fmt: skip

    record = train_with_bar(settings, options.dataset, work, f"training {options.method}").record
    if settings.run.log_to != "none":
        run_to_end(lambda: log_training(settings, run, record))
    kept = keep_policy(run, settings.data, options.dataset, options.named_memory)
    row = training_row(record)
    if options.as_json:
        show_json({"run": str(run), "policy": str(kept), **row})
        return
    _show(row)
    stdout.print(f"Run: {run}   Policy: {options.named_memory}")


def _show(row: dict[str, Any]) -> None:
    users = row["train_users"]
    show_table(
        ("method", "epochs", "steps", "minutes", "steps/s", "Len", "R_each", "R_traj"),
        [
            (
                row["method"],
                row["epochs"],
                row["steps"],
                fixed(row["seconds"] / 60, 1),
                fixed(row["steps_per_second"], 0),
                fixed(users["len"], 1),
                fixed(users["r_each"], 2),
                fixed(users["r_traj"], 1),
            )
        ],
        title=f"{row['dataset']}, measured on train users",
    )
