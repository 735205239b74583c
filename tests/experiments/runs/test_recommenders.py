"""Rivals in runs: taught batch by batch by what is recorded, whatever kill came between, and kept under a name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from billp.baselines.rivals.rival import Material
from billp.errors import ArtifactError
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.episode_plans import EpisodePlan, evaluation_plan, training_plan
from billp.experiments.runs.recommenders import FILE, RunningRival, keep_lessons
from billp.experiments.runs.run_folder import RunFolder
from billp.experiments.runs.run_names import EPISODES
from billp.experiments.runs.runner import Runner
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import METHODS
from billp.graphs.state import Trajectory
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.worlds import tiny_dataset, tiny_worlds

ANSWERS = [name for name, method in METHODS.items() if method.answers]
Played = dict[str, Trajectory | None]


def keys(split: str) -> list[str]:
    world = tiny_worlds().train if split == "train" else tiny_worlds().test
    return [tiny_dataset().user_keys[int(user)] for user in world.users]


PLANS = training_plan(keys("train"), 12, 3, 0)


async def play(
    path: Path, deps: Dependencies, name: str, plans: list[EpisodePlan], rival: RunningRival, *, resume: bool = False
) -> tuple[EpisodeLine, ...]:
    with RunFolder(path, {"method": name}, {}, resume=resume) as folder:
        runner = Runner(deps, METHODS[name], folder, horizon=deps.worlds.train.horizon, learner=rival)
        await runner.run(plans)
        return tuple(folder.lines())


def outputs(lines: tuple[EpisodeLine, ...]) -> Played:
    return {line.id: line.output for line in lines}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_run_cut_off_anywhere_goes_on_as_if_nothing_had_happened(tmp_path: Path, name: str):
    deps = fake_dependencies()
    whole = outputs(await play(tmp_path / "whole", deps, name, PLANS, RunningRival(deps, name, 0)))
    assert len(whole) == 12
    recorded = (tmp_path / "whole" / EPISODES).read_bytes().splitlines(keepends=True)
    for kept in (1, 5, 9):
        cut = tmp_path / f"cut-{kept}"
        await play(cut, deps, name, [], RunningRival(deps, name, 0))
        (cut / EPISODES).write_bytes(b"".join(recorded[:kept]) + recorded[kept][:40])
        again = await play(cut, deps, name, PLANS, RunningRival(deps, name, 0), resume=True)
        assert len(again) == 12
        assert outputs(again) == whole


@pytest.mark.parametrize("name", ANSWERS)
async def test_later_batches_know_what_earlier_ones_taught_and_evaluation_does_not_explore(tmp_path: Path, name: str):
    deps = fake_dependencies()
    rival = RunningRival(deps, name, 0)
    await play(tmp_path / "taught", deps, name, PLANS, rival)
    fresh = RunningRival(deps, name, 0)
    met = evaluation_plan(keys("test"), [0])
    knowing = outputs(await play(tmp_path / "a", deps, name, met, rival))
    again = outputs(await play(tmp_path / "b", deps, name, met, rival))
    unknowing = outputs(await play(tmp_path / "c", deps, name, met, fresh))
    assert knowing == again, "nothing is learned from test users"
    assert knowing != unknowing
    last = outputs(await play(tmp_path / "d", deps, name, PLANS[-3:], fresh))
    taught = outputs(tuple(line for line in await play(tmp_path / "taught", deps, name, [], rival, resume=True)))
    assert {id_: taught[id_] for id_ in last} != last


@pytest.mark.parametrize("name", ANSWERS)
async def test_what_is_kept_is_all_that_was_learned(tmp_path: Path, name: str):
    deps = fake_dependencies(data_dir=tmp_path)
    rival = RunningRival(deps, name, 0)
    lines = await play(tmp_path / "run", deps, name, PLANS, rival)
    kept = keep_lessons(lines, deps, name, "mine")
    assert kept == tmp_path / "policies/tiny/mine"
    opened = RunningRival(deps, name, 0)
    digest = opened.learn_kept(deps, name, "mine")
    assert len(digest) == 64
    met = evaluation_plan(keys("test"), [0])
    before = await play(tmp_path / "before", deps, name, met, rival)
    after = await play(tmp_path / "after", deps, name, met, opened)
    assert outputs(before) == outputs(after)


def test_what_is_not_there_or_is_something_else_is_refused_with_the_remedy(tmp_path: Path):
    deps = fake_dependencies(data_dir=tmp_path)
    rival = RunningRival(deps, "linucb", 0)
    with pytest.raises(ArtifactError, match="train it with `billp train --method linucb --dataset tiny`"):
        rival.learn_kept(deps, "linucb", "linucb")
    kept = keep_lessons([], deps, "diverse-learned", "linucb")
    with pytest.raises(ArtifactError, match="is of diverse-learned on tiny"):
        rival.learn_kept(deps, "linucb", "linucb")
    (kept / FILE).write_text("{}")
    with pytest.raises(ArtifactError, match="damaged or of another version"):
        rival.learn_kept(deps, "linucb", "linucb")


def test_a_rival_is_handed_no_row_of_a_test_user(monkeypatch: pytest.MonkeyPatch):
    import billp.experiments.runs.recommenders

    seen: list[Material] = []
    monkeypatch.setattr(billp.experiments.runs.recommenders, "RIVALS", {"mmr": seen.append})
    RunningRival(fake_dependencies(), "mmr", 0)
    [given] = seen
    assert set(np.unique(given.dataset.users)) == set(tiny_worlds().train.users.tolist())
    assert given.world is tiny_worlds().train
