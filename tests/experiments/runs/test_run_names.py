"""A run is named, or is where a path says."""

from __future__ import annotations

from pathlib import Path

import pytest

from billp.errors import ArtifactError
from billp.experiments.runs.run_names import run_named


def test_a_run_is_a_name_or_a_path(tmp_path: Path):
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    assert run_named(tmp_path / "runs", "mine") == folder
    assert run_named(tmp_path / "elsewhere", str(folder)) == folder


def test_a_run_that_is_not_there_is_answered_with_names_like_it(tmp_path: Path):
    for name in ("train-1", "train-2", "demo"):
        (tmp_path / name).mkdir()
    with pytest.raises(
        ArtifactError, match=r"'train-3' in .* \(did you mean train-\d or train-\d\?\); choose one of demo,"
    ):
        run_named(tmp_path, "train-3")
    with pytest.raises(ArtifactError, match="none yet"):
        run_named(tmp_path / "nowhere", "train-3")
    with pytest.raises(ArtifactError, match="There is no run"):
        run_named(tmp_path, "a\0b")
    with pytest.raises(ArtifactError, match="cannot be looked up"):
        run_named(tmp_path, "x" * 5000)
