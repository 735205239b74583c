"""`billp tune`: a short search for the hyperparameters of a reinforcement-learning method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.options import RunOptions, run_command
from billp.commands.output import show_json, show_table, stdout
from billp.commands.running import given_run, new_run, train_with_bar
from billp.experiments.stats.numbers import fixed

if TYPE_CHECKING:
    from billp.baselines.rl.thread import OnProgress
    from billp.experiments.policies.policy_tuning import Trial
    from billp.graphs.dependencies import Dependencies
    from billp.graphs.resources import Resources


@run_command("tune")
def tune(
    options: RunOptions,
    method: Annotated[str, typer.Option(help="dqn, sqn, bcq, cql, crr, a2c, dorl or ppo")],
    trials: Annotated[int, typer.Option(min=1, help="candidates; the first is the method's file as it is")] = 6,
) -> None:
    """Try hyperparameters of a policy on train users alone: learn in the world of one half, meet the other half.

    What is tried stands in the table search of baselines/rl/hyperparameters/METHOD.toml. Nothing is changed
    there: put the values that you like best into the file, and their best epoch as its epochs. The stars shown are the
    best of many and there to choose by, not what to expect: that is what an evaluation with held-out users says.
    """
    from billp.experiments.checks import check_dataset
    from billp.graphs.methods import method_named

    if not method_named(method).needs_policy:
        raise typer.BadParameter(f"{method} has no policy whose training could be tuned", param_hint="--method")
    settings, dataset, seed = options.settings(), options.dataset, options.seed()
    given = given_run(settings, options)
    check_dataset(settings, dataset)

    from billp.experiments.policies.policy_training import check_trainable
    from billp.experiments.policies.policy_tuning import tune as run_search

    check_trainable(method)
    folder = given or new_run(settings, "tune", method)

    def work(resources: Resources, deps: Dependencies, on_progress: OnProgress) -> list[Trial]:
        return run_search(
            resources, deps, method=method, trials=trials, epochs=options.epochs, seed=seed, run=folder,
            resume=options.resume, on_progress=on_progress,
        )  # fmt: skip

    found = train_with_bar(settings, dataset, work, f"tuning {method}")
    ranked = sorted(found, key=lambda trial: trial.held_out.r_traj, reverse=True)
    if options.as_json:
        show_json({"run": str(folder), "method": method, "trials": [trial.model_dump(mode="json") for trial in ranked]})
        return
    columns = ("changed", "best epoch", "steps", "seconds", "learned with", "held out", "Len", "R_each", "last epoch")
    show_table(columns, [_row(trial) for trial in ranked], f"{dataset}, {method}: R_traj of train users")
    stdout.print(f"Run: {folder}")


def _row(trial: Trial) -> tuple[object, ...]:
    changed = ", ".join(f"{name}={value}" for name, value in trial.changes.items())
    return (
        changed or "nothing",
        f"{trial.epoch} of {trial.epochs}",
        trial.steps,
        fixed(trial.seconds, 0),
        fixed(trial.learned_with.r_traj, 1),
        fixed(trial.held_out.r_traj, 1),
        fixed(trial.held_out.len, 1),
        fixed(trial.held_out.r_each, 2),
        fixed(trial.last.r_traj, 1),
    )
