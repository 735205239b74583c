"""An agent of your own on the Gymnasium environment: best by mean reward so far, and never two of a category in a row.

python examples/own_agent.py ml-100k
"""

from __future__ import annotations

import sys

import numpy as np

import billp

simulator = billp.Simulator(sys.argv[1] if len(sys.argv) > 1 else "ml-100k")
catalogue = simulator.dataset.catalogue
train = simulator.environment(split="train")
test = simulator.environment(split="test")

total = np.full(len(catalogue), 3.0)  # one imagined rating of 3 stars for each item
count = np.ones(len(catalogue))


def choose(shown: list[int], allowed: np.ndarray, value: np.ndarray) -> int:
    """The item of the highest value that shares no category with the last one, if there is one."""
    last = set(catalogue[shown[-1]].categories) if shown else set()
    fresh = np.array([not last & set(item.categories) for item in catalogue])
    candidates = allowed & fresh if (allowed & fresh).any() else allowed
    return int(np.argmax(np.where(candidates, value, -np.inf)))


def episode(env: billp.simulators.UserEnv, seed: int, *, explore: bool) -> float:
    """One episode; returns its sum of rewards (R_traj)."""
    draw = np.random.default_rng(seed)
    env.reset(seed=seed)
    shown: list[int] = []
    gained, over = 0.0, False
    while not over:
        noise = draw.normal(size=len(count)) / np.sqrt(count) if explore else 0.0
        item = choose(shown, env.action_masks().astype(bool), total / count + noise)
        _, reward, left, cut_off, _ = env.step(item)
        shown.append(item)
        gained, over = gained + float(reward), left or cut_off
        if explore:
            total[item] += float(reward)
            count[item] += 1
    return gained


for number in range(100):
    episode(train, number, explore=True)
gains = [episode(test, number, explore=False) for number in range(20)]
print(f"R_traj with 20 held-out users: {np.mean(gains):.1f} (standard error {np.std(gains) / len(gains) ** 0.5:.1f})")
