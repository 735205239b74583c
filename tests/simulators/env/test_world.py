"""Splitting users into worlds, and storing the worlds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.errors import ArtifactError, BadInputError, DataError
from billp.settings import ModelKind
from billp.simulators.data.dataset import file_digest
from billp.simulators.env.artifacts import RECORD, load_worlds, made_and_saved, save_worlds, simulator_folder
from billp.simulators.env.building import build_halves, build_worlds
from billp.simulators.env.step import respond
from billp.simulators.env.world import World, Worlds, users_of
from billp.simulators.quit.category_window import CategoryWindowRule
from billp.simulators.quit.registry import RULES as RULES_BY_NAME
from billp.simulators.rating.deepfm import DeepFM
from billp.simulators.rating.factorisation import BiasedFactorisation
from billp.simulators.rating.fitting import Fits
from billp.simulators.rating.model_choice import chosen_model
from billp.simulators.summary import dataset_info, world_info
from tests.fakes.worlds import TINY, tiny_dataset, tiny_worlds
from tests.simulators.changed_worlds import RULES


def same(left: World, right: World) -> bool:
    arrays: list[dict[str, np.ndarray]] = [
        {**w.model.parameters(), "users": w.users, "categories": w.categories} for w in (left, right)
    ]
    plain = [
        (w.name, w.split, w.n_users, w.n_items, w.interactions, w.beta, w.settings, w.accuracy) for w in (left, right)
    ]
    return plain[0] == plain[1] and all(np.array_equal(arrays[0][name], arrays[1][name]) for name in arrays[0])


def test_every_user_lives_in_one_world():
    worlds = tiny_worlds()
    assert (len(worlds.train.users), len(worlds.test.users)) == (30, 10)
    assert sorted([*worlds.train.users, *worlds.test.users]) == list(range(40))
    assert worlds.train.interactions == 30 * 30
    assert worlds.train.vectors.shape == worlds.test.vectors.shape == (60, 4)


def test_the_same_seed_gives_the_same_worlds_and_another_seed_others():
    shares: list[float] = []
    again = build_worlds(tiny_dataset(), TINY, shares.append)
    assert same(again.train, tiny_worlds().train)
    assert same(again.test, tiny_worlds().test)
    assert again.train.users.tolist() != tiny_worlds(seed=1).train.users.tolist()
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


@pytest.mark.parametrize("kind", ["deepfm", "factorisation"])
def test_without_categories_nothing_of_the_model_depends_on_them(kind):
    dataset = tiny_dataset()
    shuffled = np.random.default_rng(0).permutation(len(dataset.catalogue))
    items = tuple(
        replace(item, categories=dataset.catalogue[int(n)].categories)
        for item, n in zip(dataset.catalogue, shuffled, strict=True)
    )
    others = replace(dataset, catalogue=replace(dataset.catalogue, items=items))
    for known in (False, True):
        settings = TINY.model_copy(update={"model": kind, "item_categories": known})
        one, two = (build_worlds(data, settings).train for data in (dataset, others))
        assert np.array_equal(one.vectors, two.vectors) is not known
        assert not np.array_equal(one.categories, two.categories), "quit rules know them all the same"


def test_halves_part_the_users_given_and_see_nothing_of_the_others():
    dataset, train = tiny_dataset(), tiny_worlds().train
    halves = build_halves(dataset, train.users, TINY)
    assert (len(halves.train.users), len(halves.test.users)) == (15, 15)
    assert sorted([*halves.train.users, *halves.test.users]) == sorted(train.users)
    others = ~np.isin(dataset.users, train.users)
    ratings = np.where(others, 6 - dataset.ratings, dataset.ratings).astype(np.float32)
    again = build_halves(replace(dataset, ratings=ratings), train.users, TINY)
    assert same(halves.train, again.train)
    assert same(halves.test, again.test)

    with pytest.raises(BadInputError, match="1 train users, too few to part"):
        build_halves(dataset, train.users[:1], TINY)


@pytest.mark.parametrize(("changed", "kept"), [("train", "test"), ("test", "train")])
def test_the_worlds_know_nothing_of_each_others_ratings(changed, kept):
    dataset, worlds = tiny_dataset(), tiny_worlds()
    theirs = np.isin(dataset.users, getattr(worlds, changed).users)
    ratings = np.where(theirs, 6 - dataset.ratings, dataset.ratings).astype(np.float32)
    after = build_worlds(replace(dataset, ratings=ratings), TINY)
    assert same(getattr(after, kept), getattr(worlds, kept))
    assert not same(getattr(after, changed), getattr(worlds, changed))


def test_rewards_are_predictions_in_whole_stars():
    world = tiny_worlds().test
    row = 3
    user = int(world.users[row])
    predicted = world.model.predict(np.full(60, row), np.arange(60))
    expected = [min(5, max(1, int(np.floor(value + 0.5)))) for value in predicted.tolist()]
    assert world.reward(user, range(60)).tolist() == expected
    assert len(set(expected)) > 1
    assert world.reward(user, []).tolist() == []


def test_beta_is_the_quantile_of_the_worlds_own_distances():
    for world in (tiny_worlds().train, tiny_worlds().test):
        vectors = world.vectors
        apart = [float(np.linalg.norm(vectors[i] - vectors[j])) for i in range(60) for j in range(i)]
        assert world.beta == pytest.approx(np.quantile(apart, TINY.beta_quantile), rel=0.05)


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_refuses_a_split_without_users_on_one_side(share):
    with pytest.raises(BadInputError, match="leaves no users on one side of tiny"):
        build_worlds(tiny_dataset(), TINY.model_copy(update={"test_share": share}))


def test_refuses_a_world_with_too_few_ratings():
    with pytest.raises(DataError, match="too few"):
        build_worlds(tiny_dataset(users=4, items=10), TINY)


@given(st.integers(0, 10), st.integers(0, 10), st.integers(0, 10**6))
def test_a_larger_selection_of_users_continues_the_smaller(few, many, seed):
    world = tiny_worlds().test
    few, many = sorted((few, many))
    larger = users_of(world, many, seed)
    assert larger[:few] == users_of(world, few, seed)
    assert len(set(larger)) == many
    assert set(larger) <= set(world.users.tolist())


def test_refuses_more_users_than_there_are():
    with pytest.raises(BadInputError, match="has 10 users and 11 were asked for"):
        users_of(tiny_worlds().test, 11, 0)


@pytest.fixture
def stored(tmp_path) -> Path:
    folder = simulator_folder(tmp_path, "tiny")
    save_worlds(folder, tiny_worlds())
    return folder


def test_what_was_saved_is_loaded(stored):
    worlds = load_worlds(stored, tiny_dataset())
    assert same(worlds.train, tiny_worlds().train)
    assert same(worlds.test, tiny_worlds().test)
    assert worlds.fingerprint == tiny_worlds().fingerprint
    assert worlds.train.reward(int(worlds.train.users[0]), [1, 2, 3]).shape == (3,)
    assert sorted(path.name for path in stored.iterdir()) == ["test.npz", "train.npz", RECORD]


def test_both_worlds_use_the_model_that_is_better_in_the_train_world(tmp_path):
    worlds = build_worlds(tiny_dataset(), TINY.model_copy(update={"model": "auto"}))
    choice = worlds.choice
    assert choice is not None
    assert choice.train[choice.kind] == min(choice.train.values())
    assert worlds.train.model.kind == worlds.test.model.kind == choice.kind
    assert (choice.train_rows, choice.test_rows) == (45, 15)
    assert choice.why.startswith(f"{choice.kind} was off by {choice.train[choice.kind]:.4f} stars and ")
    save_worlds(simulator_folder(tmp_path, "tiny"), worlds)
    assert load_worlds(simulator_folder(tmp_path, "tiny")).choice == choice
    asked = tiny_worlds().choice
    assert asked is not None
    assert asked.why == "simulator.model asked for deepfm"


KINDS: tuple[ModelKind, ModelKind] = ("deepfm", "factorisation")


@pytest.mark.parametrize(("better", "other"), [KINDS, KINDS[::-1]])
def test_the_test_world_has_no_say_in_the_choice(better: ModelKind, other: ModelKind):
    train = Fits({}, {}, {better: 0.8, other: 0.9}, 200)
    test = Fits({}, {}, {better: 0.9, other: 0.8}, 50)
    choice = chosen_model("auto", train, test)
    assert choice.kind == better
    said = f"{better} was off by 0.8000 stars and {other} by 0.9000 on 200 ratings of train users"
    assert choice.why == f"{said} that neither learned from"
    assert chosen_model(other, train, test).kind == other


def test_a_simulator_that_recorded_no_choice_is_loaded(stored):
    record = json.loads((stored / RECORD).read_text())
    del record["choice"]
    (stored / RECORD).write_text(json.dumps(record))
    assert load_worlds(stored).choice is None


def test_saving_again_replaces(stored):
    save_worlds(stored, tiny_worlds(seed=1))
    assert same(load_worlds(stored).train, tiny_worlds(seed=1).train)
    assert [path.name for path in stored.parent.iterdir()] == ["tiny"]


def test_a_full_disk_is_refused_before_anything_is_fitted(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(BadInputError, match="No space left"):
        made_and_saved(tmp_path / "x", lambda: pytest.fail("it was fitted"))


def test_a_world_of_either_kind_is_loaded_as_it_was(tmp_path):
    plain = build_worlds(tiny_dataset(), TINY.model_copy(update={"model": "factorisation"}))
    for worlds, kind, model in ((plain, "factorisation", BiasedFactorisation), (tiny_worlds(), "deepfm", DeepFM)):
        folder = simulator_folder(tmp_path, kind)
        save_worlds(folder, worlds)
        assert json.loads((folder / RECORD).read_text())["test"]["model"] == kind
        loaded = load_worlds(folder)
        assert isinstance(loaded.test.model, model)
        assert same(loaded.train, worlds.train)
        assert same(loaded.test, worlds.test)
        user = int(worlds.test.users[0])
        assert loaded.test.reward(user, range(60)).tolist() == worlds.test.reward(user, range(60)).tolist()


def edit_world(folder: Path, **changes: object) -> None:
    record = json.loads((folder / RECORD).read_text())
    edit(folder / RECORD, train=record["train"] | changes)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda folder: (folder / RECORD).unlink(), "There is no simulator in"),
        (lambda folder: (folder / RECORD).write_text("{"), "damaged or of another version"),
        (lambda folder: edit(folder / RECORD, format=1), "damaged or of another version"),
        (lambda folder: edit(folder / RECORD, format=3), "damaged or of another version"),
        (lambda folder: edit_world(folder, model="transformer"), "damaged or of another version"),
        (lambda folder: edit_world(folder, model="factorisation"), "missing or damaged"),
        (lambda folder: edit_world(folder, accuracy=0.9), "damaged or of another version"),
        (lambda folder: edit(folder / RECORD, surprise=1), "damaged or of another version"),
        (lambda folder: edit_world(folder, beta=float("nan")), "damaged or of another version"),
        (lambda folder: edit_world(folder, beta=-1.0), "damaged or of another version"),
        (lambda folder: edit(folder / RECORD, n_items=61), "missing or damaged"),
        (lambda folder: (folder / "train.npz").unlink(), "missing or damaged"),
        (lambda folder: (folder / "test.npz").write_bytes((folder / "test.npz").read_bytes()[:-9]), "missing or dam"),
        (lambda folder: (folder / "test.npz").write_bytes((folder / "train.npz").read_bytes()), "missing or damaged"),
    ],
)
def test_refuses_a_damaged_artifact_and_says_what_to_do(stored, harm, says):
    harm(stored)
    with pytest.raises(ArtifactError, match=says) as caught:
        load_worlds(stored, tiny_dataset())
    assert str(caught.value).endswith("; build it with `billp simulator build tiny`.")


def test_refuses_an_artifact_of_other_data(stored):
    with pytest.raises(ArtifactError, match="was built from other data than tiny; build it with"):
        load_worlds(stored, tiny_dataset(seed=9))


def stored_arrays() -> dict[str, np.ndarray]:
    """What the train world's file holds."""
    world = tiny_worlds().train
    return {"users": world.users, "categories": world.categories, **dict(world.model.parameters())}


@pytest.mark.parametrize(
    "arrays",
    [
        {"users": np.arange(30, dtype=np.int32)},
        {"users": np.arange(30, dtype=np.int32), **dict(tiny_worlds().test.model.parameters())},
        {"users": np.arange(30)[::-1].astype(np.int32), **dict(tiny_worlds().train.model.parameters())},
        {**stored_arrays(), "users": np.arange(-1, 29, dtype=np.int32)},
        {**stored_arrays(), "users": np.arange(11, 41, dtype=np.int32)},
        {**stored_arrays(), "mean": np.zeros(0, dtype=np.float32)},
        {**stored_arrays(), "user_bias": np.full(30, np.nan, dtype=np.float32)},
        {
            "users": np.arange(30, dtype=np.int32),
            **dict(tiny_worlds().train.model.parameters()),
            "output": np.zeros(3, dtype=np.float32),
        },
        {
            "users": np.arange(30, dtype=np.int32),
            **dict(tiny_worlds().train.model.parameters()),
            "item_hidden": np.full((60, 32), np.inf, dtype=np.float32),
        },
    ],
)
def test_refuses_arrays_that_are_not_a_world_even_with_the_right_checksum(stored, arrays):
    np.savez(stored / "train.npz", **arrays)
    part = json.loads((stored / RECORD).read_text())["train"]
    edit(stored / RECORD, train=part | {"sha256": file_digest(stored / "train.npz")})
    with pytest.raises(ArtifactError, match="missing or damaged"):
        load_worlds(stored)


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_nothing_is_unpickled(stored, tmp_path):
    np.savez(stored / "train.npz", users=np.array([Bomb(tmp_path / "went off")], dtype=object))
    part = json.loads((stored / RECORD).read_text())["train"]
    edit(stored / RECORD, train=part | {"sha256": file_digest(stored / "train.npz")})
    with pytest.raises(ArtifactError, match="missing or damaged"):
        load_worlds(stored)
    assert not (tmp_path / "went off").exists()


def test_refuses_to_store_a_model_it_could_not_restore(tmp_path):
    class Constant:
        kind: ClassVar[ModelKind] = "deepfm"
        item_vectors = tiny_worlds().train.vectors
        n_users = 30

        def predict(self, users, items):
            return np.full(len(users), 3, dtype=np.float32)

        def parameters(self):
            return {}

    worlds = tiny_worlds()
    constant = Worlds(replace(worlds.train, model=Constant()), worlds.test, worlds.fingerprint)
    with pytest.raises(ArtifactError, match="store only worlds that build_worlds made"):
        save_worlds(tmp_path / "x", constant)
    assert list(tmp_path.iterdir()) == []


def test_another_quit_rule_needs_no_other_fit():
    worlds = tiny_worlds()
    assert same(worlds.quitting_by().train, worlds.train)
    other = worlds.quitting_by("category-window", repeats=False)
    assert other.test.model is worlds.test.model
    assert isinstance(other.test.rule, CategoryWindowRule)
    assert not other.train.settings.repeats
    for name, rule in RULES_BY_NAME.items():
        wider = worlds.quitting_by(name, window=7)
        assert wider.test.model is worlds.test.model
        assert wider.train.settings == worlds.train.settings.model_copy(update={"quit_rule": name, rule.window: 7})
    assert worlds.quitting_by(window=2).train.rule.window == 2
    assert same(other.quitting_by("distance", repeats=True).test, worlds.test)


@given(st.sampled_from(RULES), st.booleans(), st.lists(st.integers(0, 59), max_size=8), st.integers(0, 9))
def test_would_keep_says_what_recommending_would_show(rule, repeats, shown, number):
    world = tiny_worlds().quitting_by(rule, repeats).test
    user = int(world.users[number])
    asked = list(range(60))
    answers = [respond(world, user, shown, item) for item in asked]
    assert world.would_keep(user, shown, asked).tolist() == [not answer.left for answer in answers]
    assert world.would_keep(user, shown, []).tolist() == []


def test_would_keep_judges_in_blocks_what_it_would_judge_at_once(monkeypatch):
    world = tiny_worlds().quitting_by(repeats=False).train
    user, shown = int(world.users[0]), [3, 50, 17]
    whole = world.would_keep(user, shown, range(60))
    monkeypatch.setattr("billp.simulators.env.world._BLOCK", 7)
    assert world.would_keep(user, shown, range(60)).tolist() == whole.tolist()
    assert 0 < whole.sum() < 60


def test_summaries_add_up():
    dataset, worlds = tiny_dataset(), tiny_worlds()
    about = dataset_info(dataset)
    assert (about.users, about.items, about.interactions) == (40, 60, 1200)
    assert sum(about.rating_histogram.values()) == 1200
    assert about.rating_histogram["5"] == int((dataset.ratings == 5).sum())
    halves = replace(dataset, ratings=np.full(1200, 3.5, dtype=np.float32))
    assert dataset_info(halves).rating_histogram["4"] == 1200
    assert about.categories["Drama"] == sum("Drama" in item.categories for item in dataset.catalogue)
    info = world_info(worlds, dataset)
    assert (info.train.users, info.test.users, info.name) == (30, 10, "tiny")
    assert sum(info.test.reward_histogram.values()) == pytest.approx(1)
    assert (info.train.quit_rule, info.train.window, info.train.beta) == ("distance", 4, worlds.train.beta)
    assert info.train.parameters == {}
    assert info.train.min_reward == 2
    assert set(info.test.policies) == {"random", "popular", "greedy", "oracle"}
    assert info.test.policy_users == 10
    other = world_info(worlds.quitting_by("category-window"), dataset).test
    assert (other.quit_rule, other.window, other.beta) == ("category-window", 5, None)
    assert other.parameters == {"category_limit": 2}
    sated = world_info(worlds.quitting_by("satiation", window=3), dataset).test
    assert (sated.window, sated.min_reward, sated.too_low) == (3, None, None)
    for about_world, world in ((info.train, worlds.train), (info.test, worlds.test)):
        assert about_world.model == "deepfm"
        assert list(about_world.rmse) == ["model", "biased_factorisation", "item_mean", "global_mean"]
        assert list(about_world.mae) == list(about_world.rmse)
        assert about_world.rmse["model"] == world.accuracy.rmse.model
        assert about_world.mae["global_mean"] == world.accuracy.mae.global_mean
    exact = np.bincount(
        np.concatenate([worlds.test.reward(int(user), range(60)) for user in worlds.test.users]).astype(int),
        minlength=6,
    )
    for star in range(1, 6):
        assert info.test.reward_histogram[str(star)] == pytest.approx(exact[star] / 600, abs=0.01)


def test_loading_and_stepping_need_no_torch(stored):
    program = (
        "import sys; from pathlib import Path; from billp.simulators import UserEnv, load_worlds\n"
        f"env = UserEnv(load_worlds(Path({str(stored)!r})).test); env.reset(seed=0); env.step(1)\n"
        "assert 'torch' not in sys.modules"
    )
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 -- our own words
    assert done.returncode == 0, done.stderr
