"""User-steps a second of every method that asks no LLM, played many users at once as `billp evaluate` plays them.

    python -m benchmarks.rivals [DATASET]

Needs a registered dataset with a built simulator (ml-100k unless said). Rivals that learn have learned from 100
training episodes. Figures are medians of three evaluations of 100 users with two seeds, in which episodes are made into
the records that runs store: steps a second by the clock, and by the processor's time where others use it too. For
rivals there are also the seconds that making them takes: tuning and training episodes, where there are any.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from dataclasses import replace

from billp.experiments.runs.episode_plans import EpisodePlan, evaluation_plan, training_plan
from billp.experiments.runs.recommenders import RunningRival
from billp.experiments.runs.vectorised import play_many
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import METHODS, Method
from billp.graphs.resources import Resources
from billp.graphs.state import Trajectory
from billp.settings import load_settings
from billp.simulators import users_of

_ROUNDS, _USERS, _TAUGHT, _BATCH = 3, 100, 100, 10


def played(deps: Dependencies, method: Method, plans: list[EpisodePlan]) -> list[Trajectory]:
    """The finished episodes; what made an episode fail is raised."""
    outputs = []
    for ended in play_many(deps, method, plans):
        for _, _, output in ended:
            if isinstance(output, Exception):
                raise output
            outputs.append(output)
    return outputs


def taught(deps: Dependencies, method: Method) -> RunningRival:
    """The rival `method`, after its training episodes where it learns."""
    rival = RunningRival(deps, method.name, 0)
    keys, train = deps.dataset.user_keys, deps.worlds.train
    plans = training_plan([keys[user] for user in users_of(train, len(train.users), 0)], _TAUGHT, _BATCH, 0)
    for start in range(0, _TAUGHT if method.answers else 0, _BATCH):
        exploring = replace(deps, recommender=rival.recommender(explore=True))
        rival.learn(played(exploring, method, plans[start : start + _BATCH]))
    return rival


def figures(deps: Dependencies, method: Method) -> dict[str, float]:
    """Steps a second, and seconds to make the rival."""
    begun = time.perf_counter()
    made = {}
    if method.chooser == "rival":
        deps = replace(deps, recommender=taught(deps, method).recommender(explore=False))
        made = {"made_s": round(time.perf_counter() - begun, 1)}
    keys, world = deps.dataset.user_keys, deps.worlds.test
    users = [keys[user] for user in users_of(world, min(_USERS, len(world.users)), 0)]
    clock, processor = [], []
    for _ in range(_ROUNDS):
        begun, used = time.perf_counter(), time.process_time()
        steps = sum(output["length"] for output in played(deps, method, evaluation_plan(users, [0, 1])))
        clock.append(steps / (time.perf_counter() - begun))
        processor.append(steps / (time.process_time() - used))
    rates = {"steps_per_s": clock, "steps_per_cpu_s": processor}
    return {name: round(statistics.median(rate)) for name, rate in rates.items()} | made


def main() -> None:
    """Prints one JSON object."""
    resources = Resources(load_settings({}))
    deps = resources.deps(sys.argv[1] if len(sys.argv) > 1 else "ml-100k", memory=None, llm=False)
    methods = [method for method in METHODS.values() if method.together and not method.needs_policy]
    shown = {method.name: figures(deps, method) for method in methods}
    sys.stdout.write(json.dumps(shown) + "\n")


if __name__ == "__main__":
    main()
