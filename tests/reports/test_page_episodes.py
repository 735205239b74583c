"""The episodes in the page: whole, compact, with where memories came from, and never too many."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billp.catalogue import Catalogue
from billp.memory import Origin
from billp.pages.episodes import Episodes
from billp.pages.runs import Runs
from billp.reports import find_runs, write_csv
from billp.reports.compact_json import Packing, dumps
from billp.reports.episode_text import trace
from billp.reports.episode_view import ItemView, OriginView, Place, RecordView
from billp.reports.page_episodes import episodes_json
from billp.reports.rendering import Telling
from billp.reports.report_rows import group_rows
from billp.reports.run_data import addresses
from tests.experiments.examples import failed
from tests.reports.examples import comparison, episode, put_run


def unpack(data: dict[str, Any], kind: object, packed: Any):  # noqa: ANN401 -- JSON
    """What `elements.js` makes of it."""
    if packed is None or kind == "":
        return packed
    if isinstance(kind, list):
        return [unpack(data, kind[0], each) for each in packed]
    if kind == "text":
        return data["texts"][packed] if packed >= 0 else ""
    values = data["shared"][kind][packed] if kind in data["shared"] else packed
    return {name: unpack(data, its, value) for (name, its), value in zip(data["layouts"][kind], values, strict=True)}


def read(root: Path, catalogues: dict[str, Catalogue] | None = None, budget: int = 10**9) -> tuple[list[Any], int]:
    """[row, run, number, episode] for each, and how many there are."""
    rows = group_rows(find_runs(root))
    made = episodes_json(rows, catalogues or {}, budget)
    called = addresses([run for row in rows for run in row.runs])
    labels = {called[run.path]: row.label for row in rows for run in row.runs}
    data = json.loads(made.text)
    assert len(data["episodes"]) == made.held <= made.of
    found = [
        (labels[data["texts"][run]], data["texts"][run], number, unpack(data, "EpisodeView", packed))
        for run, number, packed in data["episodes"]
    ]
    return found, made.of


def test_one_episode_is_the_same_in_every_renderer(tmp_path: Path):
    source = Origin("training", "train-0-0", "u1", -1, 0)
    put_run(tmp_path / "training", [episode("train-0-0", 5.0, judged=True, split="train")], command="train")
    line = episode("e", 4.125, 2.0, user="u1", ended="too_close", judged=True, source=source)
    assert line.output is not None
    counted = "open: users leave over War (1 of 9 left; else 2 of 80)"
    line = line.model_copy(update={"output": {**line.output, "principles": [counted]}})
    put_run(tmp_path / "one", [line, failed("test-3-u2", user="u2", seed=3)])
    (row, _, number, reported), *others = (each for each in read(tmp_path)[0] if each[1].endswith("/one"))
    assert (row, number, others[0][3]["error"]) == ("billp", 1, "no answer")

    page = json.loads(Episodes(Runs(tmp_path), tmp_path / "none").episode("one", 1).model_dump_json())["told"]
    for told in (reported, page):  # each counts the episodes that it can open
        read_back = [each for step in told["steps"] for each in (*step["experiences"], *step["valued"])]
        for record in (told["recalled"][0]["record"], *read_back):
            record["usage"], record["origin"]["at"] = "", None
    assert page == reported

    assert line.output is not None
    view = Telling().finished(line.output, line.method)
    text = trace(view)
    (tmp_path / "tables").mkdir()
    _, steps = write_csv(find_runs(tmp_path / "one"), tmp_path / "tables")
    table = steps.read_text(encoding="utf-8")
    for step in reported["steps"]:
        for number, shown in ((step["reward"], f"{step['reward']:.3g}"), (step["value"], f"{step['value']:.2f}")):
            assert shown in text
            assert str(number) in table
        assert step["item"]["title"] in text
        assert step["item"]["title"] in table
    assert reported["principles"] == [counted]
    assert counted in text
    assert reported["ended"] in text
    assert reported["head"]["outcome"] in table


def test_what_was_recalled_leads_to_its_episode(tmp_path: Path):
    found, _ = read(comparison(tmp_path / "all"))
    reader = next(told for _, run, _, told in found if run == "all/billp/seed-1")
    (lesson,) = reader["recalled"]
    origin = lesson["record"]["origin"]
    assert (lesson["record"]["id"], origin["run"]) == ("reflections/training/train-0-2/-001", "training")
    assert (lesson["text"], lesson["distance"], lesson["alike"]) == ("a lesson ", 0.25, 0)
    at = (origin["at"]["run"], origin["at"]["number"])
    (taught,) = (told for _, run, number, told in found if (run, number) == at)
    assert taught["head"]["id"] == "train-0-2"
    # What followed in training: 12, 3 and 6 stars after 3, 6 and 9, each less the mean of those before.
    assert lesson["record"]["usage"] == "used 3 times in 3 episodes; then +0.30 ± 3.06 stars"
    (retrieved,) = reader["steps"][0]["experiences"]
    assert (retrieved["origin"]["step"], retrieved["origin"]["at"]) == (1, origin["at"])
    (valued,) = reader["steps"][0]["valued"]
    assert valued["id"] == "critic/training/train-0-2/0001"


def test_a_source_outside_the_report_leads_nowhere(tmp_path: Path):
    put_run(tmp_path / "one", [episode("a", 3, source=Origin("gone", "train-0-0", "u", -1, 0))])
    ((_, _, _, told),), _ = read(tmp_path)
    record = told["recalled"][0]["record"]
    assert (record["origin"]["at"], record["usage"], record["title"]) == (None, "", None)


def test_beyond_the_budget_each_row_gives_as_many(tmp_path: Path):
    for name, count in (("billp", 30), ("react", 5)):
        lines = [episode(f"test-0-u{n}", *[3.0] * 5, method=name, user=f"u{n}") for n in range(count)]
        put_run(tmp_path / name, lines, method=name)
    rows = group_rows(find_runs(tmp_path))
    whole = episodes_json(rows, {})
    assert (whole.held, whole.of) == (35, 35)
    budget = len(whole.text) // 4
    some = episodes_json(rows, {}, budget)
    assert some.of == 35
    held = [run for run, _, _ in json.loads(some.text)["episodes"]]
    assert 2 <= len(held) < 12
    assert abs(held.count(held[0]) - held.count(held[-1])) <= 1
    assert held[0] != held[-1]
    assert len(some.text) < 2 * budget
    # The order within a row is that of the run.
    found, _ = read(tmp_path, budget=budget)
    users = [told["head"]["user"] for row, _, _, told in found if row.startswith("react")]
    assert users == [f"u{n}" for n in range(len(users))]
    assert episodes_json(rows, {}, 0).held == 1, "one is always there to look at"


items = st.builds(ItemView, st.integers(0, 3), st.sampled_from(["", "Alien", "</script>", "-1"]), st.just(""))
origins = st.builds(
    OriginView, st.text(max_size=3), st.text(max_size=3), st.integers(-1, 2), st.none() | st.integers(0, 2), st.none(),
    st.none() | st.builds(Place, st.text(max_size=2), st.integers(1, 3)),
)  # fmt: skip
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
records = st.builds(
    RecordView, st.text(max_size=3), st.text(max_size=2), st.none() | origins, st.none() | st.text(max_size=2), numbers
)


@given(st.lists(records | items, max_size=8))
def test_whatever_is_packed_is_read_back(views: list[RecordView | ItemView]):
    packing = Packing(ItemView, OriginView, RecordView)
    packed = [packing.pack(view) for view in views]
    data = json.loads(dumps(packing.tables()))
    assert [unpack(data, type(view).__name__, each) for view, each in zip(views, packed, strict=True)] == [
        asdict(view) for view in views
    ]
    assert len(data["texts"]) == len(set(data["texts"]))
