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

from billp.experiments.plans import EpisodePlan, evaluation_plan, training_plan
from billp.experiments.rivals import RunningRival
from billp.experiments.vectorised import play_many
from billp.graphs.methods import METHODS, Method
from billp.graphs.services import Services
from billp.graphs.state import EpisodeOutput
from billp.graphs.workshop import Workshop
from billp.settings import load_settings
from billp.simulators import users_of

_ROUNDS, _USERS, _TAUGHT, _BATCH = 3, 100, 100, 10


def played(services: Services, method: Method, plans: list[EpisodePlan]) -> list[EpisodeOutput]:
    """The finished episodes; what made an episode fail is raised."""
    outputs = []
    for ended in play_many(services, method, plans):
        for _, _, output in ended:
            if isinstance(output, Exception):
                raise output
            outputs.append(output)
    return outputs


def taught(services: Services, method: Method) -> RunningRival:
    """The rival `method`, after its training episodes where it learns."""
    rival = RunningRival(services, method.name, 0)
    keys, train = services.dataset.user_keys, services.worlds.train
    plans = training_plan([keys[user] for user in users_of(train, len(train.users), 0)], _TAUGHT, _BATCH, 0)
    for start in range(0, _TAUGHT if method.answers else 0, _BATCH):
        exploring = replace(services, recommender=rival.recommender(explore=True))
        rival.learn(played(exploring, method, plans[start : start + _BATCH]))
    return rival


def figures(services: Services, method: Method) -> dict[str, float]:
    """Steps a second, and seconds to make the rival."""
    begun = time.perf_counter()
    made = {}
    if method.chooser == "rival":
        services = replace(services, recommender=taught(services, method).recommender(explore=False))
        made = {"made_s": round(time.perf_counter() - begun, 1)}
    keys, world = services.dataset.user_keys, services.worlds.test
    users = [keys[user] for user in users_of(world, min(_USERS, len(world.users)), 0)]
    clock, processor = [], []
    for _ in range(_ROUNDS):
        begun, used = time.perf_counter(), time.process_time()
        steps = sum(output["length"] for output in played(services, method, evaluation_plan(users, [0, 1])))
        clock.append(steps / (time.perf_counter() - begun))
        processor.append(steps / (time.process_time() - used))
    rates = {"steps_per_s": clock, "steps_per_cpu_s": processor}
    return {name: round(statistics.median(rate)) for name, rate in rates.items()} | made


def main() -> None:
    """Prints one JSON object."""
    workshop = Workshop(load_settings({}))
    services = workshop.services(sys.argv[1] if len(sys.argv) > 1 else "ml-100k", memory=None, llm=False)
    methods = [method for method in METHODS.values() if method.together and not method.needs_policy]
    shown = {method.name: figures(services, method) for method in methods}
    sys.stdout.write(json.dumps(shown) + "\n")


if __name__ == "__main__":
    main()
