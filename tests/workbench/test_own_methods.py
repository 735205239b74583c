"""Methods from outside the package: run like the others, and refused where they do not do what methods do."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import billp
from billp.baselines.rivals.registry import RIVALS
from billp.errors import ArtifactError, BadInputError, SettingsError
from billp.graphs.methods import METHODS
from tests.fakes.progress import HiddenProgress

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "own-method.md"
FEW: Mapping[str, Any] = {"dataset": "tiny", "users": 3, "settings": {"run.horizon": 4}, "progress": False}


@pytest.fixture(autouse=True)
def tables(tiny: Path) -> Iterator[None]:
    built_in = set(METHODS)
    yield
    for name in set(METHODS) - built_in:
        del METHODS[name], RIVALS[name]


Choice = Callable[[billp.Observations], NDArray[Any]]


class First:
    """The first item that is free."""

    chosen: Mapping[str, Any]

    def __init__(self, _: billp.Material) -> None:
        self.chosen = {"version": 1}

    def choose(self, seen: billp.Observations) -> NDArray[np.int64]:
        return np.asarray(np.argmin(seen.masked, axis=1))


class Counts:
    """Learns which item was answered best."""

    def __init__(self, material: billp.Material) -> None:
        self.stars = np.zeros(material.world.n_items)
        self.explored: list[bool] = []

    def recommender(self, *, explore: bool) -> Counts:
        self.explored.append(explore)
        return self

    def choose(self, seen: billp.Observations) -> NDArray[np.int64]:
        return np.asarray(np.where(seen.masked, -np.inf, self.stars).argmax(axis=1))

    def learn(self, episodes: Sequence[billp.RatedEpisode]) -> None:
        for episode in episodes:
            np.add.at(self.stars, list(episode.items), list(episode.rewards))


def test_the_page_runs(monkeypatch: pytest.MonkeyPatch):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    monkeypatch.setattr("billp.workbench.runs.Progress", HiddenProgress)
    names: dict[str, Any] = {}
    exec(code.replace("ml-100k", "tiny").replace("users=20", "users=2"), names)  # noqa: S102 -- our own page
    assert names["found"].to_pandas().uses_logs.to_dict() == {"random": False, "round-robin": True, "loved": True}


def test_its_runs_are_read_where_it_is_not_known(tmp_path: Path):
    billp.add_method("first", First)
    found = billp.compare(["random", "first"], run="own", **FEW)
    assert found.methods["first"].episodes == 3
    del METHODS["first"], RIVALS["first"]  # as another process sees it
    assert "first" in found.report(tmp_path / "own.html").read_text(encoding="utf-8")


def test_one_that_learns_is_trained_kept_and_evaluated():
    made: list[Counts] = []

    def make(material: billp.Material) -> Counts:
        made.append(Counts(material))
        return made[-1]

    billp.add_method("counts", make, learns=True)
    billp.train("counts", dataset="tiny", episodes=4, settings=FEW["settings"], progress=False)
    assert made[0].stars.sum() > 0
    assert set(made[0].explored) == {True}
    found = billp.evaluate("counts", **FEW)
    assert found.methods["counts"].episodes == 3
    assert made[1].stars.tolist() == made[0].stars.tolist()
    assert made[1].explored == [False]


def test_a_run_goes_on_with_the_same_parameters_only():
    billp.add_method("first", First)
    billp.evaluate("first", run="own", **FEW)

    class Second(First):
        def __init__(self, _: billp.Material) -> None:
            self.chosen = {"version": 2}

    billp.add_method("first", Second)
    with pytest.raises(ArtifactError, match=r"rival\.version"):
        billp.evaluate("first", run="own", resume=True, **FEW)


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (lambda seen: np.argmax(seen.masked, axis=1), "which may not be recommended"),
        (lambda seen: np.full(len(seen), 10**6), "item 1000000"),
        (lambda seen: np.full(len(seen), -1), "item -1"),
        (lambda seen: np.zeros(len(seen)), "float64"),
        (lambda seen: np.zeros((len(seen), 2), int), r"\(3, 2\)"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_and_ends_the_run(choice: Choice, reason: str):
    billp.add_method("wrong", lambda _: type("Wrong", (), {"choose": staticmethod(choice)})())
    with pytest.raises(BadInputError, match=reason):
        billp.evaluate("wrong", **FEW)


def _divides(_: object) -> NDArray[Any]:
    return np.array([1 // 0])


def _writes(seen: billp.Observations) -> NDArray[Any]:
    seen.masked[:] = False
    return np.asarray(np.argmax(seen.masked, axis=1))


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (_divides, r"failed in choose\(\) \(test_own_methods.py line \d+: ZeroDivisionError: .*resume=True"),
        (_writes, r"test_own_methods.py line \d+: ValueError: assignment destination is read-only"),
        (lambda seen: seen.histories[0].append(1), "line .*: AttributeError: 'tuple' object has no attribute 'append'"),
        (lambda _: sys.exit(3), r"test_own_methods.py line \d+: SystemExit: 3"),
        (lambda _: [[1], [1, 2]], r"failed in choose\(\) \(ValueError: .*inhomogeneous"),
        (lambda _: None, r"chose object of shape \(\)"),
        (lambda seen: np.full(len(seen), np.nan), "float64"),
        (lambda seen: np.full(len(seen), 2**64 - 1, dtype=np.uint64), "item 18446744073709551615"),
        (lambda seen: [True] * len(seen), "bool"),
    ],
)
def test_code_from_outside_that_fails_is_told_with_its_line(choice: Choice, reason: str):
    billp.add_method("wrong", lambda _: type("Wrong", (), {"choose": staticmethod(choice)})())
    with pytest.raises(BadInputError, match=reason):
        billp.evaluate("wrong", **FEW)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"__init__": lambda *_: 1 // 0}, r"failed in Wrong \(test_own_methods.py line \d+: ZeroDivisionError"),
        ({"recommender": lambda *_, **__: 1 // 0}, r"failed in recommender\(\) \(test_own_methods.py line"),
        ({"recommender": lambda *_, **__: None}, r"returned None from recommender\(\); it needs choose"),
        ({"learn": lambda *_: 1 // 0}, r"failed in learn\(\) \(test_own_methods.py line"),
        ({"learn": lambda *_: {"y": 0}["x"]}, r"KeyError: 'x'"),
        ({"chosen": 5}, r"failed in chosen \(TypeError"),
        ({"chosen": {"width": np.nan}}, r"has 'width': nan in `chosen`; put finite numbers there"),
        ({"chosen": {"width": [1]}}, r"has 'width': \[1\] in `chosen`"),
        ({"chosen": {5: 1}}, r"has 5: 1 in `chosen`"),
        ({"chosen": property(lambda _: 1 // 0)}, r"failed in chosen \(test_own_methods.py line"),
    ],
)
def test_every_part_of_a_method_that_learns_is_told_with_its_line(part: dict[str, Any], reason: str):
    billp.add_method("wrong", type("Wrong", (Counts,), part), learns=True)
    with pytest.raises(BadInputError, match=reason):
        billp.train("wrong", dataset="tiny", episodes=4, settings=FEW["settings"], progress=False)


def test_a_run_goes_on_where_the_code_failed_and_becomes_what_it_would_have_been():
    asked: Mapping[str, Any] = {
        "dataset": "tiny", "episodes": 6, "settings": {**FEW["settings"], "run.batch": 2}, "progress": False,
    }  # fmt: skip

    class Fails(Counts):
        def learn(self, episodes: Sequence[billp.RatedEpisode]) -> None:
            super().learn(episodes)
            if self.stars.sum() > 3 * 5 * 4:
                raise OSError("no space")

    billp.add_method("counts", Counts, learns=True)
    whole = billp.train("counts", run="whole", **asked)
    billp.add_method("counts", Fails, learns=True)
    with pytest.raises(BadInputError, match="no space"):
        billp.train("counts", run="broken", **asked)
    billp.add_method("counts", Counts, learns=True)
    mended = billp.train("counts", run="broken", resume=True, **asked)
    assert mended.episodes().drop(columns=["run"], errors="ignore").reward_trajectory.tolist() == (
        whole.episodes().reward_trajectory.tolist()
    )


def test_numbers_of_numpy_are_parameters_like_others():
    billp.add_method("first", type("Numbers", (First,), {"__init__": _numbers}))
    assert billp.evaluate("first", run="own", **FEW).methods["first"].episodes == 3


def _numbers(self: First, _: billp.Material) -> None:
    self.chosen = {"width": np.int64(3), "weight": np.float32(0.5)}


def test_what_is_no_method_is_refused():
    for name, make in ((5, First), ("none", None)):
        with pytest.raises(BadInputError, match="has a name and something that makes it"):
            billp.add_method(name, make)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="built in"):
        billp.add_method("random", First)
    billp.add_method("half", First, learns=True)
    with pytest.raises(BadInputError, match=r"no recommender\(\)"):
        billp.train("half", dataset="tiny", episodes=2, progress=False)
    with pytest.raises(SettingsError, match="billp train --method dqn"):
        billp.train("dqn", dataset="tiny", progress=False)
