"""What an LLM knows, judged by ratings: a number with an interval, or the reason why there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import pearsonr

from billp.errors import ArtifactError
from billp.experiments.analysis.knowledge import correlation_of, known
from billp.experiments.analysis.recorded_knowledge import as_begun, as_recorded, knowledge_noted
from billp.experiments.doctor import better_models
from billp.experiments.runs.config import surroundings
from billp.graphs.dependencies import Dependencies
from billp.memory import Answers, Knowledge, KnowledgeFile
from billp.memory.item_values import Observed
from billp.settings import load_settings
from tests.fakes.dependencies import fake_dependencies

ITEMS = 60


def rated(seed: int, count: float = 25.0) -> Observed:
    counts = np.full(ITEMS, count)
    return Observed(counts, counts * np.random.default_rng(seed).uniform(2, 5, ITEMS), counts)


def judged(said: np.ndarray, logs: Observed) -> tuple[float | None, tuple[float, float] | None]:
    knowledge = Knowledge("model", ITEMS, "", said)
    found = known(knowledge, logs, fake_dependencies().catalogue, "model")
    return found.correlation.mean, found.correlation.ci95


class TestKnown:
    def test_who_knows_is_told_from_who_guesses(self):
        logs = rated(0)
        mean, interval = judged(logs.means**3, logs)
        assert mean is not None
        assert interval is not None
        assert mean > 0.9
        assert interval[0] > 0.8
        _, guess = judged(np.random.default_rng(7).standard_normal(ITEMS), logs)
        assert guess is not None
        assert guess[0] < 0 < guess[1]

    def test_items_that_hardly_anybody_rated_say_nothing(self):
        logs = rated(0, count=19.0)
        found = known(Knowledge("model", ITEMS, "", logs.means), logs, fake_dependencies().catalogue, "model")
        assert (found.compared, found.correlation.mean, found.gain.mean) == (0, None, None)
        assert "fewer than 12 items" in found.pairs()["correlation with ratings"]
        assert found.sentence() == "asked about 60 of 60 items"

    def test_favourites_are_named_and_judged(self):
        logs = rated(0)
        found = known(Knowledge("model", ITEMS, "", logs.means), logs, fake_dependencies().catalogue, "model")
        best = fake_dependencies().catalogue[int(logs.means.argmax())].title
        assert found.favourites[0] == best
        assert found.gain.ci95 is not None
        assert found.gain.ci95[0] > 0.5

    def test_the_interval_is_fishers(self):
        one, other = np.random.default_rng(1).standard_normal((2, 40))
        expected = pearsonr(one, other).confidence_interval()
        found = correlation_of(one, other)
        assert found.ci95 == pytest.approx((expected.low, expected.high), abs=1e-3)


class TestResuming:
    def answers(self, folder: Path) -> KnowledgeFile:
        file = KnowledgeFile(folder / "model-1.jsonl")
        for item in fake_dependencies().catalogue.items[:4]:
            file.add(item.text, float(item.index))
        return file

    def begun(self, file: KnowledgeFile) -> tuple[Dependencies, dict[str, object]]:
        deps = fake_dependencies()
        knowledge = file.read().of(deps.catalogue)
        return deps, surroundings(load_settings({}), None, knowledge)

    def test_a_run_goes_on_with_the_answers_it_began_with(self, tmp_path: Path):
        file = self.answers(tmp_path)
        deps, beside = self.begun(file)
        file.add(deps.catalogue[9].text, 9.0)
        again = as_begun(deps, file.read(), beside)
        assert again.belief_model.knowledge.asked == 4
        assert file.read().of(deps.catalogue).asked == 5

    def test_a_run_that_began_without_goes_on_without(self, tmp_path: Path):
        file = self.answers(tmp_path)
        deps, _ = self.begun(file)
        told = replace(deps, belief_model=deps.belief_model.knowing(file.read().of(deps.catalogue)))
        assert as_begun(told, file.read(), surroundings(load_settings({}))).belief_model.knowledge.asked == 0
        assert knowledge_noted(Knowledge.nothing(3)) == {}

    def test_a_run_is_explained_by_the_answers_it_began_with(self):
        deps = fake_dependencies()
        file = self.answers(deps.settings.data / "knowledge")
        _, beside = self.begun(file)
        assert as_recorded(deps, beside).belief_model.knowledge.asked == 4
        file.path.unlink()
        with pytest.raises(ArtifactError, match="holds 0 answers, the run began with 4"):
            as_recorded(deps, beside)

    def test_other_answers_are_refused(self, tmp_path: Path):
        file = self.answers(tmp_path)
        deps, beside = self.begun(file)
        other = Answers(file.path.stem, ('{"item":"x","log_odds":0.0}', *file.read().lines[1:]))
        with pytest.raises(ArtifactError, match="not those that the run began with"):
            as_begun(deps, other, beside)
        with pytest.raises(ArtifactError, match="ask the same model"):
            as_begun(deps, Answers("another", file.read().lines), beside)


def test_models_are_named_by_what_the_machine_holds():
    assert "BILLP_LLM_GGUF" not in better_models(1.0)
    assert "1.5 billion" in better_models(4.0)
    assert "8 billion" not in better_models(4.0).split("On a GPU")[0]
    assert "7 to 8 billion" in better_models(16.0)
