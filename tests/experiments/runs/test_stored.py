"""Files of a run's folder, whatever became of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from billp.errors import ArtifactError
from billp.experiments.runs.configured_folder import completed
from billp.experiments.runs.stored import read_stored
from tests.test_house import MODULES, ROOT


class Two(BaseModel):
    one: int


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10_000_000_000)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "loop": lambda path: path.symlink_to(path),
    "sparse": sparse,
    "deep": lambda path: path.write_text("[" * 100_000),
    "half": lambda path: path.write_text('{"one": 1'),
    "binary": lambda path: path.write_bytes(b"\xff\x00"),
    "other": lambda path: path.write_text('{"two": 1}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path: Path, damage: str):
    path = tmp_path / "stored.json"
    DAMAGES[damage](path)
    with pytest.raises(ArtifactError, match=r"stored\.json cannot be read \(.*\); do this\.$"):
        read_stored(path, Two, "do this")


def test_what_was_stored_is_read(tmp_path: Path):
    (tmp_path / "stored.json").write_text('{"one": 1}')
    assert read_stored(tmp_path / "stored.json", Two, "do this") == Two(one=1)


def test_no_module_reads_what_a_run_left_in_another_way():
    experiments = [path for path in MODULES if (ROOT / "experiments") in path.parents]
    assert experiments
    other = [path.relative_to(ROOT) for path in experiments if "read_bytes(" in path.read_text(encoding="utf-8")]
    assert other == [], "read_stored knows damaged files"


def test_a_run_from_before_a_setting_is_read_as_it_went():
    assert completed({"actor": {"tau": 1.0}})["actor"]["mask_history"] is False
    assert completed({"actor": {"mask_history": True}})["actor"]["mask_history"] is True
