"""The episodes in the page: whole, compact, with titles, and never too many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from billp.catalogue import Catalogue, Item
from billp.experiments.outcomes import OUTCOMES
from billp.experiments.report import find_runs
from billp.experiments.report.episodes import episodes_json
from billp.experiments.report.rows import group_rows
from billp.memory import Origin
from billp.simulators.quit.reasons import Reason
from tests.experiments.examples import failed
from tests.experiments.report.examples import comparison, episode, put_run


def read(root: Path, catalogues: dict[str, Catalogue] | None = None, budget: int = 10**9) -> tuple[dict[str, Any], int]:
    made = episodes_json(group_rows(find_runs(root)), catalogues or {}, budget)
    data = json.loads(made.text)
    assert len(data["episodes"]) == made.held <= made.of
    return data, made.of


def test_an_episode_keeps_all_that_was_recorded(tmp_path: Path):
    line = episode("test-3-u1", 4, 2, user="u1", seed=3, ended="too_close", judged=True)
    put_run(tmp_path / "one", [line, failed("test-3-u2", user="u2", seed=3)])
    data, _ = read(tmp_path)
    (row, run, id_, user, seed, ended, error, output), other = data["episodes"]
    assert (data["rows"][row], data["texts"][run], id_, user, seed) == ("billp", "one", "test-3-u1", "u1", 3)
    assert data["outcomes"][ended][0] == "too close"
    assert error == -1
    history, recalled, steps, reflection, reward, each, calls, tokens, values = output
    assert values == []
    # Without the dataset, titles are known where something was recommended.
    assert [data["items"][item][0] for item in history] == ["Film 1", "Film 2"]
    assert (recalled, reflection, reward, each, calls, tokens) == ([], -1, 6, 3, 4, 100)
    number, thought, proposal, item, shortlist, stars, close_to, value, following, advantage, sources, *more = steps[1]
    assert more == [-1, []], "neither plan nor weights"
    assert (number, stars, value, following, advantage, sources) == (2, 2, 3, 2, -1.25, [])
    assert (data["texts"][thought], data["texts"][proposal]) == ("a thought ", "Film ")
    assert [data["items"][each][0] for each in shortlist] == ["Film 2", "item 12"]
    assert (data["items"][item][0], data["items"][close_to][0]) == ("Film 2", "Film 1")
    assert steps[0][6] == -1
    assert (data["outcomes"][other[5]][0], data["texts"][other[6]], other[7]) == ("failed", "no answer", 0)


@pytest.mark.parametrize("reason", [reason for reason in OUTCOMES.values() if reason.earlier], ids=lambda r: r.name)
def test_whatever_the_reason_the_earlier_item_is_shown(tmp_path: Path, reason: Reason):
    put_run(tmp_path / "one", [episode("a", 4, 2, ended=reason.name)])
    data, _ = read(tmp_path)
    assert data["outcomes"][data["episodes"][0][5]] == [reason.brief, reason.words, True, reason.earlier]
    assert [step[6] >= 0 for step in data["episodes"][0][7][2]] == [False, True]


def test_titles_come_from_the_dataset_where_it_is_known(tmp_path: Path):
    put_run(tmp_path / "one", [episode("a", 3)])
    titles = Catalogue("tiny", tuple(Item(n, str(n), f"Title {n}", ("Drama",), 1990) for n in range(20)))
    data, _ = read(tmp_path, {"tiny-0": titles})
    assert data["items"][data["episodes"][0][7][2][0][4][1]] == ["Title 11", "1990 · Drama"]
    assert read(tmp_path, {"another": titles})[0]["items"][0] == ["Film 1", ""]


def test_what_was_recalled_leads_to_its_episode(tmp_path: Path):
    data, _ = read(comparison(tmp_path / "all"))
    reader = next(e for e in data["episodes"] if data["texts"][e[1]] == "billp/seed-1")
    (source, text, distance, alike), *_ = reader[7][1]
    assert (data["texts"][text], distance, alike) == ("a lesson ", 0.25, 0)
    record_id, run, name, step, seed, place, receipt = data["sources"][source]
    assert (record_id, run, name, step, seed) == ("reflections/training/train-0-2/-001", "training", "train-0-2", -1, 0)
    assert data["episodes"][place][2] == "train-0-2"
    # What followed in training: 12, 3 and 6 stars after 3, 6 and 9, each less the mean of those before.
    assert data["texts"][receipt] == "used 3 times in 3 episodes; then +0.30 ± 3.06 stars"
    retrieved = data["sources"][reader[7][2][0][10][0]]
    assert retrieved[3:6] == [1, 0, place]
    ((value, numbers),) = reader[7][8]
    assert (data["sources"][value][0], numbers) == ("critic/training/train-0-2/0001", [1])


def test_a_source_outside_the_report_leads_nowhere(tmp_path: Path):
    put_run(tmp_path / "one", [episode("a", 3, source=Origin("gone", "train-0-0", "u", -1, 0))])
    data, _ = read(tmp_path)
    assert {(source[5], source[6]) for source in data["sources"]} == {(-1, -1)}


def test_beyond_the_budget_each_row_gives_as_many(tmp_path: Path):
    for name, count in (("billp", 30), ("react", 5)):
        lines = [episode(f"test-0-u{n}", *[3.0] * 5, method=name, user=f"u{n}") for n in range(count)]
        put_run(tmp_path / name, lines, method=name)
    whole, count = read(tmp_path)
    assert (len(whole["episodes"]), count) == (35, 35)
    budget = len(json.dumps(whole)) // 4
    some, count = read(tmp_path, budget=budget)
    assert count == 35
    rows = [e[0] for e in some["episodes"]]
    assert 2 <= len(rows) < 12
    assert abs(rows.count(0) - rows.count(1)) <= 1
    assert len(json.dumps(some)) < 2 * budget
    # The order within a row is that of the run.
    assert [e[3] for e in some["episodes"] if e[0] == 1] == [f"u{n}" for n in range(rows.count(1))]
    assert len(read(tmp_path, budget=0)[0]["episodes"]) == 1, "one is always there to look at"


def test_a_step_keeps_its_plan_and_what_weighed_for_each_candidate(tmp_path: Path):
    line = episode("a", 3, 4)
    assert line.output is not None
    first, second = line.output["steps"]
    weighed: dict[str, Any] = {"advantages": [1.5, -3.0], "likings": [0.5, 0.25], "trust": 0.5}
    first.update(weighed | {"preferences": [], "plan": {"aim": {"War": 0.3}, "avoid": {"Sci-Fi": -0.2}, "rest": 4}})  # type: ignore[typeddict-item]
    second.update(weighed | {"preferences": [2.0, -2.0]})  # type: ignore[typeddict-item]
    put_run(tmp_path / "one", [line])
    data, _ = read(tmp_path)
    one, two = data["episodes"][0][7][2]
    assert data["texts"][one[11]] == "rest 4 steps · aim: War +0.30 · avoid: Sci-Fi -0.20"
    assert one[12] == [[1.0, 0.5, None], [-3.25, 0.25, None]]
    assert two[12] == [[1.0, 0.5, 1.0], [-3.25, 0.25, -1.0]]


def test_nothing_weighs_where_memory_was_empty_and_nobody_asked(tmp_path: Path):
    line = episode("a", 3)
    assert line.output is not None
    line.output["steps"][0].update({"advantages": [0.0, 0.0], "likings": [0.0, 0.0]})
    put_run(tmp_path / "one", [line])
    assert read(tmp_path)[0]["episodes"][0][7][2][0][12] == []
