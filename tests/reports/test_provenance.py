"""Sources: an id says where its record came from, and the page finds that episode."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.memory import Origin
from billp.reports import find_runs
from billp.reports.provenance import Source, Sources, source_of
from tests.reports.examples import episode, put_run

names = st.text(st.characters(codec="utf-8"), min_size=1)


@given(names, names, st.integers(-1, 20_000), st.sampled_from(["reflections", "actor", "critic"]))
def test_an_id_is_read_as_it_was_made(run: str, name: str, step: int, kind: str):
    source = source_of(Origin(run, name, "u", step, 3).id(kind))
    assert source is not None
    assert (source.run, source.episode, source.step) == (run, name, step)


def test_a_planned_episode_names_its_seed():
    assert source_of("actor/demo/train-7-12/0003") == Source("demo", "train-7-12", 3, 7)
    assert source_of("reflections/studio/e1/-001") == Source("studio", "e1", -1, None)


@pytest.mark.parametrize("record_id", ["", "actor", "actor/run/episode", "actor/run/episode/last", "a/b/c/1/2"])
def test_an_id_of_another_form_has_no_source(record_id: str):
    assert source_of(record_id) is None


def test_of_runs_of_one_name_the_nearest_is_meant(tmp_path: Path):
    for seed in ("a", "b"):
        put_run(tmp_path / seed / "training", [episode("train-0-0", 3, split="train")], command="train")
        put_run(tmp_path / seed / "test", [episode("test-0-u0", 3)])
    put_run(tmp_path / "other", [episode("test-0-u0", 3)])
    sources = Sources(find_runs(tmp_path))
    source = Source("training", "train-0-0", 1, 0)
    assert sources.find(source, tmp_path / "b" / "test") == (tmp_path / "b" / "training", "train-0-0")
    assert sources.find(source, tmp_path / "other") is None  # both are as near
    assert sources.find(Source("training", "train-0-1", 1, 0), tmp_path / "b" / "test") is None


def test_a_run_of_a_comparison_is_known_by_the_end_of_its_path(tmp_path: Path):
    for method in ("billp", "reflexion"):
        put_run(tmp_path / "first" / method / "training", [episode("train-0-0", 3, split="train")], command="train")
    sources = Sources(find_runs(tmp_path))
    source = Source("first/billp/training", "train-0-0", 1, 0)
    assert sources.find(source, tmp_path / "elsewhere") == (tmp_path / "first" / "billp" / "training", "train-0-0")
    assert sources.find(Source("irst/billp/training", "train-0-0", 1, 0), tmp_path) is None


@pytest.mark.parametrize("name", ["ada", "live-ada-20261123"])
def test_what_a_person_taught_comes_from_the_live_run(tmp_path: Path, name: str):
    put_run(tmp_path / name, [episode("live-0-Ada-0", 3, user="Ada", split="train")], command="play", complete=False)
    sources = Sources(find_runs(tmp_path))
    run = name if name.startswith("live-") else f"live-{name}"
    assert sources.find(Source(run, "live-0-Ada-0", 1, None), tmp_path) == (tmp_path / name, "live-0-Ada-0")
