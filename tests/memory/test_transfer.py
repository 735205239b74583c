"""Memory leaves and returns as one file: nothing is lost, and what is malformed is refused as a whole."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from billp.errors import MemoryStoreError
from billp.memory import (
    ActorExperience,
    CriticExperience,
    Reflection,
    as_vector,
    open_memory,
)
from billp.settings import Settings
from tests.fakes.embedder import HashEmbedder
from tests.fakes.store import fake_memory
from tests.memory import examples
from tests.memory.examples import NOTHING, everything, fill

_Learned = tuple[list[Reflection], list[ActorExperience], list[CriticExperience]]


@hypothesis_settings(deadline=None, max_examples=50)
@given(
    st.tuples(
        st.lists(examples.reflections, max_size=3),
        st.lists(examples.actors, max_size=3),
        st.lists(examples.critics, max_size=3),
    )
)
def test_an_export_loses_nothing_and_importing_twice_is_importing_once(learned: _Learned) -> None:
    here, there = fake_memory(), fake_memory()
    here.reflections.write(learned[0])
    here.actor.write(learned[1])
    here.critic.write(learned[2])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.jsonl"
        count = here.export(path)
        assert count == sum(here.stats().counts.values())
        for _ in range(2):
            assert there.import_(path) == count
            assert everything(there) == everything(here)
        for mine, theirs in zip(everything(here), everything(there), strict=True):
            assert [r.vector.tobytes() for r in mine] == [r.vector.tobytes() for r in theirs]
        stream = io.StringIO()
        here.export(stream)
        assert stream.getvalue().encode() == path.read_bytes()


def test_chroma_exports_what_it_was_given(settings: Settings, embedder: HashEmbedder, tmp_path: Path) -> None:
    exact = fake_memory(embedder)
    fill(exact)
    exact.export(tmp_path / "exact.jsonl")
    with open_memory(settings, "tiny", "fake", embedder) as agent_memory:
        assert agent_memory.import_(tmp_path / "exact.jsonl") == 15
        agent_memory.export(tmp_path / "chroma.jsonl")
    assert (tmp_path / "chroma.jsonl").read_text() == (tmp_path / "exact.jsonl").read_text()


@pytest.fixture
def exported() -> list[str]:
    agent_memory = fake_memory()
    fill(agent_memory)
    stream = io.StringIO()
    agent_memory.export(stream)
    return stream.getvalue().splitlines()


def changed(line: str, **values: object) -> str:
    return json.dumps(json.loads(line) | values)


def without(line: str, name: str) -> str:
    return json.dumps({key: value for key, value in json.loads(line).items() if key != name})


@pytest.mark.parametrize(
    ("number", "replace", "message"),
    [
        (1, lambda line: "", "Line 1 is no header"),
        (1, lambda line: "[]", "Line 1 is no header"),
        (1, lambda line: changed(line, format="x"), "Line 1 is no header"),
        (1, lambda line: changed(line, version=3), "format version 3"),
        (1, lambda line: changed(line, embedder="x"), "embedder x"),
        (1, lambda line: changed(line, dimension=16), "16 numbers"),
        (1, lambda line: changed(line, records=16), "15 of 16 records"),
        (1, lambda line: without(line, "records"), "Line 1 .*records"),
        (5, lambda line: line[:-9], "Line 5"),
        (5, lambda line: "", "Line 5"),
        (5, lambda line: without(line, "text"), "Line 5 .*text"),
        (5, lambda line: changed(line, more=1), "Line 5 .*more"),
        (5, lambda line: changed(line, vector="AAAA"), "Line 5"),
        (5, lambda line: changed(line, vector="AACAPw=="), "Line 5 .*1 numbers in the vector instead of 32"),
        (5, lambda line: changed(line, vector="!" * 172), "Line 5"),
        (5, lambda line: changed(line, vector="//////" * 28 + "/////w=="), "Line 5"),
        (5, lambda line: changed(line, kind="critic"), "Line 5 .*not of kind 'critic'"),
        (5, lambda line: changed(line, kind="x"), "Line 5 .*kind"),
        (5, lambda line: changed(line, id="x"), "Line 5"),
        (5, lambda line: changed(line, fields=json.loads(line)["fields"] | {"more": 1}), "Line 5 .*has fields"),
        (5, lambda line: changed(line, fields={}), "Line 5"),
        (5, lambda line: line.replace("-0.25", "NaN"), "Line 5"),
        (5, lambda line: changed(line, origin={"run": "a"}), "Line 5 .*origin"),
    ],
)
def test_a_malformed_export_is_refused_before_anything_is_written(
    tmp_path: Path, exported: list[str], number: int, replace: Callable[[str], str], message: str
) -> None:
    exported[number - 1] = replace(exported[number - 1])
    path = tmp_path / "export.jsonl"
    path.write_text("\n".join(exported) + "\n")
    agent_memory = fake_memory()
    with pytest.raises(MemoryStoreError, match=message):
        agent_memory.import_(path)
    assert agent_memory.stats().counts == NOTHING


def test_an_export_that_was_cut_off_is_refused(tmp_path: Path, exported: list[str]) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text("\n".join(exported[:-2]) + "\n")
    with pytest.raises(MemoryStoreError, match="13 of 15 records"):
        fake_memory().import_(path)


def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    agent_memory = fake_memory()
    with pytest.raises(MemoryStoreError, match="missing"):
        agent_memory.import_(tmp_path / "missing.jsonl")
    (tmp_path / "latin").write_bytes(b"\xff\xfe")
    with pytest.raises(MemoryStoreError, match="latin"):
        agent_memory.import_(tmp_path / "latin")
    with pytest.raises(MemoryStoreError, match="name another file"):
        agent_memory.export(tmp_path / "no" / "folder.jsonl")


@pytest.mark.parametrize(
    ("learned", "words"),
    [
        (replace(examples.actor(1), item=-1), "item -1"),
        (replace(examples.actor(1), relation="nan-nan-nan"), "relation 'nan-nan-nan'"),
        (replace(examples.actor(1), relation="9-9-9"), "relation '9-9-9'"),
        (replace(examples.actor(1), advantage=1e308), "advantage 1e+308"),
        (replace(examples.actor(1), before=(3, -7)), "item before -7"),
        (replace(examples.actor(1), vector=as_vector(np.full(32, 1e30))), "a vector of length"),
        (replace(examples.critic(1), value=-1e300), "value -1e+300"),
        (replace(examples.reflection(1), reward=-1e300), "reward -1e+300"),
        (replace(examples.reflection(1), length=-5), "length -5"),
        (replace(examples.reflection(1), ordinal=2**63 - 1), "ordinal 9223372036854775807"),
        (replace(examples.reflection(1), evidence="no JSON"), "evidence 'no JSON'"),
        (replace(examples.reflection(1), evidence="[" * 100_000), "evidence '["),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_records_that_cannot_be_are_refused_by_name(
    tmp_path: Path, learned: Reflection | ActorExperience | CriticExperience, words: str
):
    here, there = fake_memory(), fake_memory()
    memory: Any = {"reflections": here.reflections, "actor": here.actor, "critic": here.critic}[learned.kind]
    memory.write([learned])
    here.export(tmp_path / "e")
    with pytest.raises(MemoryStoreError, match=rf"Line 2 of the export is malformed .*{re.escape(words)}.*cannot be"):
        there.import_(tmp_path / "e")
    assert there.stats().counts == NOTHING


def test_a_header_nested_deep_is_refused(tmp_path: Path):
    (tmp_path / "e").write_text("[" * 100_000 + "\n")
    with pytest.raises(MemoryStoreError, match="Line 1 is no header"):
        fake_memory().import_(tmp_path / "e")


def test_what_is_no_file_and_what_has_no_end_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**12)
    for path in (tmp_path / "pipe", tmp_path / "sparse", tmp_path, Path("/dev/zero")):
        with pytest.raises(MemoryStoreError, match="cannot be read"):
            fake_memory().import_(path)
