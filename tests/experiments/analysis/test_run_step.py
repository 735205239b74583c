"""A step of a run: what of the run it could not have known, and whether it was there to be learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from billp.experiments.analysis.run_step import find_step
from tests.reports.examples import episode, put_run


@pytest.mark.parametrize(
    ("plan", "learning", "unseen"),
    [
        ({"command": "train"}, True, frozenset({"train-0-1", "train-0-2"})),
        ({"command": "evaluate"}, False, frozenset()),
        ({"command": "play", "learn": True}, True, frozenset({"train-0-1", "train-0-2"})),
        ({"command": "play", "learn": False}, False, frozenset()),
    ],
)
def test_only_where_something_is_learned_later_lessons_were_not_there(
    tmp_path: Path, plan: dict[str, Any], learning: bool, unseen: frozenset[str]
):
    batches = range(3) if plan["command"] == "train" else (0, 0, 0)
    lines = [
        episode(f"train-0-{n}", 3.0, split="train").model_copy(update={"batch": batch})
        for n, batch in enumerate(batches)
    ]
    folder = put_run(tmp_path / "run", lines, **plan)
    found = find_step(folder, "train-0-1", 1)
    assert (found.learning, found.unseen, found.record["reward"]) == (learning, unseen, 3.0)
