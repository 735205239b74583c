"""Rivals in runs: taught batch by batch by what is recorded, whatever kill came between, and kept under a name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from billp.baselines.rivals.rival import Material
from billp.errors import ArtifactError
from billp.experiments.plans import EpisodePlan, evaluation_plan, training_plan
from billp.experiments.records import EpisodeLine
from billp.experiments.rivals import FILE, RunningRival, keep_lessons
from billp.experiments.run_folder import EPISODES, RunFolder
from billp.experiments.runner import Runner
from billp.graphs.methods import METHODS
from billp.graphs.services import Services
from billp.graphs.state import EpisodeOutput
from tests.fakes.services import fake_services
from tests.fakes.worlds import tiny_dataset, tiny_worlds

ANSWERS = [name for name, method in METHODS.items() if method.answers]
Played = dict[str, EpisodeOutput | None]


def keys(split: str) -> list[str]:
    world = tiny_worlds().train if split == "train" else tiny_worlds().test
    return [tiny_dataset().user_keys[int(user)] for user in world.users]


PLANS = training_plan(keys("train"), 12, 3, 0)


async def play(
    path: Path, services: Services, name: str, plans: list[EpisodePlan], rival: RunningRival, *, resume: bool = False
) -> tuple[EpisodeLine, ...]:
    with RunFolder(path, {"method": name}, {}, resume=resume) as folder:
        runner = Runner(services, METHODS[name], folder, horizon=services.worlds.train.horizon, learner=rival)
        await runner.run(plans)
        return tuple(folder.lines())


def outputs(lines: tuple[EpisodeLine, ...]) -> Played:
    return {line.id: line.output for line in lines}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_run_cut_off_anywhere_goes_on_as_if_nothing_had_happened(tmp_path: Path, name: str):
    services = fake_services()
    whole = outputs(await play(tmp_path / "whole", services, name, PLANS, RunningRival(services, name, 0)))
    assert len(whole) == 12
    recorded = (tmp_path / "whole" / EPISODES).read_bytes().splitlines(keepends=True)
    for kept in (1, 5, 9):
        cut = tmp_path / f"cut-{kept}"
        await play(cut, services, name, [], RunningRival(services, name, 0))
        (cut / EPISODES).write_bytes(b"".join(recorded[:kept]) + recorded[kept][:40])
        again = await play(cut, services, name, PLANS, RunningRival(services, name, 0), resume=True)
        assert len(again) == 12
        assert outputs(again) == whole


@pytest.mark.parametrize("name", ANSWERS)
async def test_later_batches_know_what_earlier_ones_taught_and_evaluation_does_not_explore(tmp_path: Path, name: str):
    services = fake_services()
    rival = RunningRival(services, name, 0)
    await play(tmp_path / "taught", services, name, PLANS, rival)
    fresh = RunningRival(services, name, 0)
    met = evaluation_plan(keys("test"), [0])
    knowing = outputs(await play(tmp_path / "a", services, name, met, rival))
    again = outputs(await play(tmp_path / "b", services, name, met, rival))
    unknowing = outputs(await play(tmp_path / "c", services, name, met, fresh))
    assert knowing == again, "nothing is learned from test users"
    assert knowing != unknowing
    last = outputs(await play(tmp_path / "d", services, name, PLANS[-3:], fresh))
    taught = outputs(tuple(line for line in await play(tmp_path / "taught", services, name, [], rival, resume=True)))
    assert {id_: taught[id_] for id_ in last} != last


@pytest.mark.parametrize("name", ANSWERS)
async def test_what_is_kept_is_all_that_was_learned(tmp_path: Path, name: str):
    services = fake_services(data_dir=tmp_path)
    rival = RunningRival(services, name, 0)
    lines = await play(tmp_path / "run", services, name, PLANS, rival)
    kept = keep_lessons(lines, services, name, "mine")
    assert kept == tmp_path / "policies/tiny/mine"
    opened = RunningRival(services, name, 0)
    digest = opened.learn_kept(services, name, "mine")
    assert len(digest) == 64
    met = evaluation_plan(keys("test"), [0])
    before = await play(tmp_path / "before", services, name, met, rival)
    after = await play(tmp_path / "after", services, name, met, opened)
    assert outputs(before) == outputs(after)


def test_what_is_not_there_or_is_something_else_is_refused_with_the_remedy(tmp_path: Path):
    services = fake_services(data_dir=tmp_path)
    rival = RunningRival(services, "linucb", 0)
    with pytest.raises(ArtifactError, match="train it with `billp train --method linucb --dataset tiny`"):
        rival.learn_kept(services, "linucb", "linucb")
    kept = keep_lessons([], services, "diverse-learned", "linucb")
    with pytest.raises(ArtifactError, match="is of diverse-learned on tiny"):
        rival.learn_kept(services, "linucb", "linucb")
    (kept / FILE).write_text("{}")
    with pytest.raises(ArtifactError, match="damaged or of another version"):
        rival.learn_kept(services, "linucb", "linucb")


def test_a_rival_is_handed_no_row_of_a_test_user(monkeypatch: pytest.MonkeyPatch):
    import billp.experiments.rivals

    seen: list[Material] = []
    monkeypatch.setattr(billp.experiments.rivals, "RIVALS", {"mmr": seen.append})
    RunningRival(fake_services(), "mmr", 0)
    [given] = seen
    assert set(np.unique(given.dataset.users)) == set(tiny_worlds().train.users.tolist())
    assert given.world is tiny_worlds().train
