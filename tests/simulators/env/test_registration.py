"""Built simulators by their Gymnasium ids."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from billp.errors import ArtifactError, BadInputError
from billp.simulators import (
    UserEnv,
    VectorUserEnv,
    World,
    environment_id,
    register_environments,
    save_worlds,
    simulator_folder,
)
from tests.fakes.worlds import tiny_worlds
from tests.simulators.changed_worlds import RULES


@pytest.fixture
def registered(tmp_path: Path) -> Iterator[Path]:
    before = dict(gymnasium.registry)
    save_worlds(simulator_folder(tmp_path, "tiny"), tiny_worlds())
    (tmp_path / "simulators" / "not-built").mkdir()
    assert register_environments(tmp_path) == ["billp/tiny-v0"]
    yield tmp_path
    gymnasium.registry.clear()
    gymnasium.registry.update(before)


def made_world() -> World:
    env = gymnasium.make("billp/tiny-v0").unwrapped
    assert isinstance(env, UserEnv)
    return env.world


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("repeats", [True, False])
def test_what_gymnasium_makes_passes_its_own_check(registered, split, rule, repeats):
    env = gymnasium.make("billp/tiny-v0", split=split, quit_rule=rule, repeats=repeats)
    check_env(env.unwrapped)
    assert env.spec is not None
    assert gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json())).reset(seed=1)


def test_an_episode_through_gymnasiums_wrappers(registered):
    env = gymnasium.make("billp/tiny-v0", horizon=3)
    observation, info = env.reset(seed=4)
    assert observation["user"] in tiny_worlds().train.users
    ended, steps = False, 0
    while not ended:
        _, _, terminated, truncated, info = env.step(env.action_space.sample(info["action_mask"]))
        ended, steps = terminated or truncated, steps + 1
    assert steps <= 3
    user = env.unwrapped
    assert isinstance(user, UserEnv)
    assert user.clone(back=1).spec == user.spec


def test_many_users_at_once_through_make_vec(registered):
    vector = gymnasium.make_vec("billp/tiny-v0", num_envs=5, split="test")
    assert isinstance(vector, VectorUserEnv)
    plain = gymnasium.make_vec("billp/tiny-v0", num_envs=5, split="test", vectorization_mode="sync")
    assert vector.reset(seed=0)[0]["user"].tolist() == plain.reset(seed=0)[0]["user"].tolist()
    actions = np.arange(5)
    assert vector.step(actions)[1].tolist() == plain.step(actions)[1].tolist()


def test_registering_again_is_silent_and_a_simulator_built_anew_is_the_one_that_is_made(registered):
    first = made_world()
    assert made_world().model is first.model
    save_worlds(simulator_folder(registered, "tiny"), tiny_worlds(seed=1))
    assert register_environments(registered) == [environment_id("tiny")]
    again = made_world()
    assert np.array_equal(again.vectors, tiny_worlds(seed=1).train.vectors)
    assert not np.array_equal(again.vectors, first.vectors)


def test_the_default_is_the_data_folder_of_the_settings(own_folders):
    assert register_environments() == []
    save_worlds(simulator_folder(own_folders / "data", "mine"), tiny_worlds())
    assert register_environments() == ["billp/mine-v0"]
    del gymnasium.registry["billp/mine-v0"]


def test_a_fresh_process_finds_a_known_data_set_by_its_id_and_importing_reads_nothing(tmp_path: Path):
    save_worlds(simulator_folder(tmp_path / "data", "ml-100k"), tiny_worlds())
    program = """
import sys
import numpy, gymnasium, pydantic_settings
opened = []
def watch(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and "data" in str(arguments[0]):
        opened.append(str(arguments))
sys.addaudithook(watch)
import billp.simulators
assert not [name for name in opened if "worlds.json" in name or name.endswith("/data'")], opened
env = gymnasium.make("billp.simulators:billp/ml-100k-v0", split="test")
assert env.reset(seed=0)[0]["user"] in env.unwrapped.world.users
assert env.unwrapped.action_masks().all()
many = gymnasium.make_vec("billp.simulators:billp/ml-100k-v0", num_envs=3, split="test")
assert many.reset(seed=0)[0]["user"].tolist()[0] == env.reset(seed=0)[0]["user"]
print("found")
"""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False,
        env={"HOME": str(tmp_path), "BILLP_DATA_DIR": str(tmp_path / "data"), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.stdout.strip() == "found", done.stderr


def test_a_known_data_set_that_was_not_built_says_how(own_folders):
    with pytest.raises(ArtifactError, match="billp simulator build ml-100k"):
        gymnasium.make("billp/ml-100k-v0")


def test_misuse_is_refused(registered):
    with pytest.raises(BadInputError, match="There is no 'validation' world"):
        gymnasium.make("billp/tiny-v0", split="validation")
    (simulator_folder(registered, "tiny") / "worlds.json").unlink()
    with pytest.raises(ArtifactError, match="There is no simulator in"):
        gymnasium.make("billp/tiny-v0")
