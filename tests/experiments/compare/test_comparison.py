"""Whole comparisons on a tiny world with a model that answers by rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import billp.experiments.compare.design
from billp.agents.prompt_pack import DEFAULT_PACK, TERSE_PACK, load_pack
from billp.errors import ArtifactError
from billp.experiments.compare.comparison_tables import conduct_table, curve_table, pairs_table, tables_of
from billp.experiments.compare.results import Comparison
from billp.experiments.runs.configured_folder import read_config
from billp.experiments.runs.run_folder import read_lines
from billp.graphs.methods import METHODS
from billp.graphs.resources import Resources
from billp.memory.store.chroma import ChromaStore
from billp.settings import load_settings
from tests.experiments.compare.running import design, run
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the comparison that `whole` is."""
    return tmp_path_factory.mktemp("whole") / "c"


@pytest.fixture(scope="module")
def kept() -> list[Comparison]:
    """Holds that comparison once it was run."""
    return []


@pytest.fixture
async def whole(data: Path, played: Path, kept: list[Comparison]) -> Comparison:
    """A whole comparison, run for the first test that asks for it; the others only read it."""
    if not kept:
        kept.append(await run(data, played, design()))
    return kept[0]


async def test_every_arm_meets_the_same_users_with_the_same_seeds(whole: Comparison, played: Path):
    met = {
        arm: {
            (line.user, line.seed)
            for seed in (0, 1)
            for line in read_lines(played / f"{arm}/seed-{seed}/evaluation")
        }
        for arm in whole.methods
    }  # fmt: skip
    assert len(met["random"]) == 10
    assert met["random"] == met["reflexion"] == met["billp"]
    assert {name: summary.episodes for name, summary in whole.methods.items()} == {
        "random": 10, "reflexion": 10, "billp": 10,
    }  # fmt: skip
    assert {pair.pairs for pair in whole.pairs} == {10}
    assert set(whole.training) == {"reflexion", "billp"}


async def test_the_curve_starts_before_training_and_ends_with_the_evaluation(whole: Comparison, played: Path):
    points = [(point.arm, point.trained, point.users) for point in whole.curve]
    assert points == [(arm, trained, 2) for arm in ("reflexion", "billp") for trained in (0, 3, 6)]
    probes = [json.loads(path.read_text())["plan"] for path in sorted((played / "billp").glob("*/probe-*/config.json"))]
    assert [(plan["trained"], plan["probe"]) for plan in probes] == [(0, True), (3, True)] * 2


async def test_a_memory_is_the_arms_own_starts_empty_and_is_not_written_by_evaluation(
    whole: Comparison, data: Path, played: Path
):
    settings = load_settings({"data_dir": data})
    async with Resources(settings, model=RuleModel(), embedder=HashEmbedder()) as resources:
        for seed in (0, 1):
            trained = read_lines(played / f"billp/seed-{seed}/training")
            steps = sum(line.output["length"] for line in trained if line.output is not None)
            counts = resources.memory("tiny", memory_of(played, f"billp/{seed}")).stats().counts
            assert counts == {"reflections": 6, "actor": steps, "critic": steps, "uses": 6}


def memory_of(folder: Path, part: str) -> str:
    """The name of a comparison's own memory."""
    own = json.loads((folder / "config.json").read_text())["surroundings"]["comparison_id"]
    return f"{folder.name}-{own}/{part}"


async def test_a_comparison_that_was_cut_off_goes_on_and_ends_like_an_unbroken_one(
    whole: Comparison, data: Path, tmp_path: Path
):
    class Cut(Exception):
        pass

    def cut_after(count: int) -> Callable[[object], None]:
        left = iter(range(count))

        def on_episode(_: object) -> None:
            if next(left, None) is None:
                raise Cut

        return on_episode

    asked = RuleModel()
    for count in (5, 38):  # in training, and in evaluation
        with pytest.raises((Cut, ExceptionGroup)):
            await run(data, tmp_path / "c", design(), asked, resume=True, on_episode=cut_after(count))
    resumed = await run(data, tmp_path / "c", design(), asked, resume=True)

    assert numbers(resumed) == numbers(whole)
    before = len(asked.requests)
    assert numbers(await run(data, tmp_path / "c", design(), asked, resume=True)) == numbers(whole)
    assert len(asked.requests) == before, "a finished part was run again"


def numbers(found: Comparison) -> dict[str, Any]:
    """What a comparison found, without how long it took."""
    plain = found.model_dump(mode="json", exclude={"serving", "settings"})
    for summary in (*plain["methods"].values(), *plain["training"].values()):
        del summary["seconds_per_step"]
    return plain


async def test_it_does_not_go_on_with_another_design(data: Path, tmp_path: Path):
    await run(data, tmp_path / "c", design(("random", "popular")))

    with pytest.raises(ArtifactError, match=r"was made with plan\.train_episodes"):
        await run(data, tmp_path / "c", design(("random", "popular"), train_episodes=7), resume=True)
    with pytest.raises(ArtifactError, match="exists"):
        await run(data, tmp_path / "c", design(("random", "popular")))


async def test_it_goes_on_with_more_arms_seeds_and_users_and_ends_as_if_it_had_been_planned_so(
    whole: Comparison, data: Path, tmp_path: Path
):
    asked, folder = RuleModel(), tmp_path / "c"
    await run(data, folder, design(("random", "billp"), users=3, seeds=(1,)), asked)
    before = len(asked.requests)
    first = json.loads((folder / "config.json").read_text())
    widened = await run(data, folder, design(), asked, resume=True)
    assert numbers(widened) == numbers(whole)
    stored = json.loads((folder / "config.json").read_text())
    plan = stored["plan"]
    assert (plan["users"], plan["seeds"], list(plan["arms"])) == (5, [0, 1], [arm.name for arm in design().arms])
    assert stored["surroundings"] == first["surroundings"], "what the first episodes were made with is still known"
    assert len(stored["later_surroundings"]) == 1
    assert len(asked.requests) > before

    after = len(asked.requests)
    assert numbers(await run(data, folder, design(), asked, resume=True)) == numbers(whole)
    assert len(asked.requests) == after, "a finished part was run again"
    assert json.loads((folder / "config.json").read_text()) == stored


async def test_it_does_not_go_on_with_less(data: Path, tmp_path: Path):
    folder = tmp_path / "c"
    await run(data, folder, design(("random", "popular")))
    before = {name: (folder / name).read_bytes() for name in ("config.json", "comparison.json")}
    for less, words in (
        (design(("random", "oracle")), "has popular; it goes on"),
        (design(("random", "popular"), seeds=(0, 2)), "has seed 1; it goes on"),
        (design(("random", "popular"), users=4), "has 5 users; it goes on"),
    ):
        with pytest.raises(ArtifactError, match=words):
            await run(data, folder, less, resume=True)
    assert {name: (folder / name).read_bytes() for name in before} == before


async def test_methods_keep_their_prompts_when_a_comparison_is_widened(data: Path, tmp_path: Path):
    folder, terse = tmp_path / "c", [load_pack(TERSE_PACK)]
    await run(data, folder, design(("random", "popular"), probes=()))
    await run(data, folder, design(("random", "popular", "act-only"), terse, probes=()), resume=True)
    before = (folder / "config.json").read_bytes()

    with pytest.raises((ArtifactError, ExceptionGroup)) as caught:
        await run(data, folder, design(("random", "popular", "act-only"), probes=()), resume=True)
    said = repr(caught.value)
    assert "act-only/seed-0/evaluation was made with prompts." in said
    assert "random/seed-0" not in said, "a method that reads no prompts has none to keep"
    assert (folder / "config.json").read_bytes() == before


async def test_prompt_packs_are_compared_like_methods(data: Path, tmp_path: Path):
    packs = [load_pack(DEFAULT_PACK), load_pack(TERSE_PACK)]
    model = RuleModel()
    found = await run(data, tmp_path / "c", design(("act-only",), packs, probes=()), model)

    assert list(found.methods) == ["act-only@default", "act-only@terse"]
    assert {request.system for request in model.requests} == {pack["actor-shortlist"].fixed for pack in packs}


async def test_it_stops_early_once_the_interval_excludes_no_difference(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(billp.experiments.compare.design, "FEWEST", 4)
    packs = [load_pack(DEFAULT_PACK), load_pack(TERSE_PACK)]
    given: dict[str, Any] = {"users": 10, "seeds": (0,), "probes": (), "stop_early": True}

    # The oracle is far better than chance; the model answers by seed, so that two packs come out the same.
    stopped = await run(data, tmp_path / "a", design(("random", "oracle"), **given))
    went_on = await run(data, tmp_path / "b", design(("act-only",), packs, **given))

    assert stopped.stopped_early
    assert stopped.methods["oracle"].users == stopped.methods["random"].users == stopped.users < 10
    assert not went_on.stopped_early
    assert went_on.users == 10


def test_episodes_of_all_arms_are_in_flight_together_but_never_more_than_allowed(whole: Comparison, played: Path):
    lines = [line for file in played.glob("*/*/*/episodes.jsonl") for line in read_lines(file.parent)]
    lines = [line for line in lines if not METHODS[line.method].together]  # many users as arrays are one piece of work
    events = sorted([(line.started, 1) for line in lines] + [(line.ended, -1) for line in lines])
    running = most = 0
    for _, change in events:
        running += change
        most = max(most, running)
    assert 1 < most <= 8
    assert whole.serving.calls_at_once >= 0


async def test_the_tables_name_every_arm(whole: Comparison, played: Path):
    assert len(pairs_table(whole).rows) == 2
    assert len(conduct_table(whole).rows) == 3
    curve = curve_table(whole)
    assert curve.columns == ("after episodes", "reflexion", "billp")
    assert [row[0] for row in curve.rows] == ["0", "3", "6"]
    assert [table.title for table in tables_of(whole)] == [
        "tiny, 5 users", "against random, paired by user and seed", "beyond accuracy", "cost",
        "R_traj of 2 probe users",
    ]  # fmt: skip
    assert whole == Comparison.model_validate_json((played / "comparison.json").read_text())


async def test_the_caption_says_where_users_come_from_who_learned_and_who_read_logs(whole: Comparison):
    for words in (
        "Test users: 5 of the ", "held out of tiny (split by seed 0), met once with each of 2 seeds",
        "users leave by the rule distance (window 4)",
        "Learned from 6 episodes with train users, separately for each seed: reflexion, billp.",
        "Reads the train users' logs: billp.",
    ):  # fmt: skip
        assert words in whole.caption


async def test_a_method_keeps_the_settings_that_are_part_of_it_beside_others(data: Path, tmp_path: Path):
    model = RuleModel()
    what = design(("billp-llm-only", "billp-paper"), seeds=(0,), probes=(), probe_users=0)
    await run(data, tmp_path / "c", what, model)

    said = {name: read_config(tmp_path / "c" / name / "seed-0" / "evaluation")["settings"] for name in
            ("billp-llm-only", "billp-paper")}  # fmt: skip
    assert [said[name]["critic"]["gamma"] for name in said] == [0.95, 0.5]
    steps = {
        name: [step for line in read_lines(tmp_path / "c" / name / "seed-0" / "evaluation") if line.output
               for step in line.output["steps"]]
        for name in said
    }  # fmt: skip
    assert all(step["shortlist"] for step in steps["billp-llm-only"])
    assert all(step["proposal"] and not step["shortlist"] for step in steps["billp-paper"])


async def test_two_comparisons_of_one_name_leave_each_others_memory_alone(data: Path, tmp_path: Path):
    what = design(("random", "billp-memory-only"), seeds=(0,), probes=())
    here, there = tmp_path / "here" / "e", tmp_path / "there" / "e"
    await run(data, here, what)
    await run(data, there, replace(what, train_episodes=9))
    async with Resources(load_settings({"data_dir": data}), model=RuleModel(), embedder=HashEmbedder()) as resources:
        names = [memory_of(folder, "billp-memory-only/0") for folder in (here, there)]
        assert [resources.memory("tiny", name).stats().counts["uses"] for name in names] == [6, 9]


async def test_a_finished_comparison_that_goes_on_writes_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    what = design(("random", "billp"), seeds=(0,))
    found = await run(data, tmp_path / "c", what)
    before = written(tmp_path)

    def refuse(*_: object) -> None:
        raise AssertionError("memory is written")

    monkeypatch.setattr(ChromaStore, "upsert", refuse)
    monkeypatch.setattr(ChromaStore, "clear", refuse)
    assert await run(data, tmp_path / "c", what, resume=True) == found
    assert written(tmp_path) == before


def written(folder: Path) -> dict[Path, int]:
    """When each file was written last."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


async def test_a_memory_that_was_changed_is_learned_again_when_its_comparison_goes_on(data: Path, tmp_path: Path):
    what = design(("random", "billp-memory-only"), seeds=(0,), probes=())
    found = await run(data, tmp_path / "c", what)
    async with Resources(load_settings({"data_dir": data}), model=RuleModel(), embedder=HashEmbedder()) as resources:
        agent_memory = resources.memory("tiny", memory_of(tmp_path / "c", "billp-memory-only/0"))
        agent_memory.clear("uses")
        assert numbers(await run(data, tmp_path / "c", what, resume=True)) == numbers(found)
        assert agent_memory.stats().counts["uses"] == 6
