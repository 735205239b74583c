"""An episode as the page replays it: where what was read back came from, and titles of the run's own dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from billp.agents.llm.abilities import STAND_IN
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.memory import Origin
from billp.pages.episodes import Episodes
from billp.pages.runs import Runs
from billp.reports.episode_view import Place
from billp.simulators import load_dataset
from tests.cli.tiny import put_tiny
from tests.reports.examples import episode, put_run

TAUGHT = Origin("training", "train-0-0", "u1", -1, 0)


def reading(root: Path, *lines: EpisodeLine, data: Path | None = None, **given: Any) -> Episodes:
    put_run(root / "training", [episode("train-0-0", 5.0, judged=True, split="train")], command="train")
    put_run(root / "test", lines, **given)
    return Episodes(Runs(root), data or root / "no data")


def test_what_was_remembered_leads_to_its_episode_and_says_what_happened_there(tmp_path: Path):
    episodes = reading(tmp_path, episode("e", 4.0, 2.0, ended="too_close", judged=True, source=TAUGHT))
    answer = episodes.episode("test", 1)
    assert (answer.number, answer.of, answer.run.name, answer.told.head.id) == (1, 1, "test", "e")
    (lesson,) = answer.told.recalled
    assert lesson.record.origin is not None
    assert (lesson.record.origin.at, lesson.record.origin.step) == (Place("training", 1), -1)
    first, last = answer.told.steps
    (known,) = first.experiences
    assert (known.title, known.reward, known.advantage, known.worth) == ("Film 1", 5.0, 1.5, None)
    ((valued,), nothing) = first.valued, last.valued
    assert (valued.worth, nothing) == (4.5, [])


def test_words_of_the_stand_in_model_are_marked(tmp_path: Path):
    told = [
        reading(tmp_path / name, episode("e", 4.0), llm={"words": words}).episode("test", 1).told
        for name, words in (("a", False), ("b", True))
    ]
    assert [each.note for each in told] == [f"{STAND_IN}.", ""]


def test_titles_come_from_the_dataset_the_run_was_made_with(tmp_path: Path):
    put_tiny(tmp_path / "data", tmp_path / "source")
    dataset = load_dataset(tmp_path / "data", "tiny")
    episodes = reading(tmp_path / "runs", episode("e", 4.0), data=tmp_path / "data")
    (step,) = episodes.episode("test", 1).told.steps
    assert [each.item.title for each in step.candidates] == ["Film 1", "item 11"], "another fingerprint: by number"
    config = tmp_path / "runs" / "test" / "config.json"
    config.write_text(config.read_text().replace('"tiny-0"', f'"{dataset.fingerprint}"'))
    (step,) = episodes.episode("test", 1).told.steps
    assert step.candidates[1].item.title == dataset.catalogue[11].title
