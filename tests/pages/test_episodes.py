"""An episode as it is replayed: titles for numbers, and where what was read back came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from billp.agents.llm.abilities import STAND_IN
from billp.experiments.outcomes import OUTCOMES
from billp.experiments.records import EpisodeLine
from billp.memory import Origin
from billp.pages.answers import Place
from billp.pages.episodes import Episodes
from billp.pages.runs import Runs
from billp.simulators import load_dataset
from billp.simulators.quit.reasons import Reason
from tests.cli.tiny import put_tiny
from tests.experiments.examples import failed
from tests.experiments.report.examples import HOSTILE, episode, put_run

TAUGHT = Origin("training", "train-0-0", "u1", -1, 0)


def reading(root: Path, *lines: EpisodeLine, data: Path | None = None, **given: Any) -> Episodes:
    put_run(root / "training", [episode("train-0-0", 5.0, judged=True, split="train")], command="train")
    put_run(root / "test", lines, **given)
    return Episodes(Runs(root), data or root / "no data")


def test_an_episode_tells_each_step_its_nodes_and_what_was_remembered(tmp_path: Path):
    episodes = reading(tmp_path, episode("e", 4.0, 2.0, ended="too_close", judged=True, source=TAUGHT))
    told = episodes.episode("test", 1)
    first, last = told.steps
    act = ["act:analyse", "act:retrieve", "act:weigh", "act:pick"]
    assert first.nodes == ["recall", "plan", *act, "respond", "criticise"]
    assert last.nodes == [*act, "respond", "criticise", "conclude"]
    assert (told.row.length, told.r_each, told.ended) == (2, 3, "left: the last item was too close to a recent one")
    assert last.too_close_to is not None
    assert (last.too_close_to.title, first.too_close_to) == ("Film 1", None)
    (lesson,) = told.recalled
    assert lesson.origin is not None
    assert (lesson.origin.at, lesson.origin.step) == (Place(run="training", number=1), -1)
    (known,) = first.experiences
    assert (known.title, known.reward, known.advantage) == ("Film 1", 5.0, 1.5)
    assert (told.calls, told.tokens) == (4, 100)


def test_words_of_the_stand_in_model_are_marked(tmp_path: Path):
    assert reading(tmp_path / "a", episode("e", 4.0), llm={"words": False}).episode("test", 1).note == f"{STAND_IN}."
    assert reading(tmp_path / "b", episode("e", 4.0), llm={"words": True}).episode("test", 1).note == ""


@pytest.mark.parametrize("reason", [reason for reason in OUTCOMES.values() if reason.earlier], ids=lambda r: r.name)
def test_whatever_the_reason_the_earlier_item_is_shown(tmp_path: Path, reason: Reason):
    *_, last = reading(tmp_path, episode("e", 4.0, 2.0, ended=reason.name)).episode("test", 1).steps
    assert last.too_close_to is not None
    assert last.too_close_to.title == "Film 1"


def test_a_step_tells_what_memory_expected_and_what_the_llm_preferred(tmp_path: Path):
    line = episode("e", 4.0, 4.0)
    assert line.output is not None
    first, second = line.output["steps"]
    weighed = {
        "advantages": [0.5, -1.0], "likings": [0.2, 0.1], "support": [3.0, 1.0], "preferences": [0.3, -0.3],
        "trust": 0.1,
    }  # fmt: skip
    known = {**first, "shortlist": [1, 2], **weighed}
    unknown = {**second, "shortlist": [1], "advantages": [], "likings": [], "support": [], "preferences": []}
    line = line.model_copy(update={"output": {**line.output, "steps": [known, unknown]}})
    told, quiet = reading(tmp_path, line).episode("test", 1).steps
    assert [(w.item.index, w.advantage, w.liking, w.support, w.preference) for w in told.weights] == [
        (1, 0.5, 0.2, 3.0, 0.3), (2, -1.0, 0.1, 1.0, -0.3)
    ]  # fmt: skip
    assert told.trust == 0.1
    assert [(w.advantage, w.preference) for w in quiet.weights] == [(None, None)]


def test_titles_come_from_the_dataset_the_run_was_made_with(tmp_path: Path):
    put_tiny(tmp_path / "data", tmp_path / "source")
    dataset = load_dataset(tmp_path / "data", "tiny")
    episodes = reading(tmp_path / "runs", episode("e", 4.0), data=tmp_path / "data")
    (step,) = episodes.episode("test", 1).steps
    assert [item.title for item in step.shortlist] == ["Film 1", "item 11"], "another fingerprint: items go by number"
    config = tmp_path / "runs" / "test" / "config.json"
    config.write_text(config.read_text().replace('"tiny-0"', f'"{dataset.fingerprint}"'))
    (step,) = episodes.episode("test", 1).steps
    known = dataset.catalogue[11]
    assert step.shortlist[1].title == known.title
    assert step.shortlist[1].about == f"{known.year} · {', '.join(known.categories)}"


def test_a_failed_episode_has_its_error_and_no_step(tmp_path: Path):
    told = reading(tmp_path, failed("x")).episode("test", 1)
    assert told.error
    assert (told.steps, told.row.length, told.r_each, told.calls) == ([], None, None, 0)


def test_thoughts_cover_as_many_steps_as_the_run_was_made_with(tmp_path: Path):
    settings = {"planner": {"steps": 2}}
    told = reading(tmp_path, episode("e", 4.0, 4.0, 4.0, 1.0), settings=settings).episode("test", 1)
    assert ["plan" in step.nodes for step in told.steps] == [True, False, True, False]


def test_an_unknown_method_lights_nothing(tmp_path: Path):
    told = reading(tmp_path, episode("e", 4.0, method="of another version")).episode("test", 1)
    assert [step.nodes for step in told.steps] == [[]]


def test_words_from_outside_arrive_as_they_are(tmp_path: Path):
    told = reading(tmp_path, episode("e", 4.0, title=HOSTILE, user=HOSTILE, source=TAUGHT)).episode("test", 1)
    assert told.row.user == HOSTILE
    assert told.steps[0].thought.endswith(HOSTILE)
    assert told.recalled[0].text.endswith(HOSTILE)
