"""Names of runs that nobody named."""

from __future__ import annotations

import time

from commands.running import run_name


def test_two_runs_in_one_second_have_two_names():
    first = run_name("evaluate", "random")
    time.sleep(0.002)
    second = run_name("evaluate", "random")
    assert first.startswith("evaluate-random-")
    assert first != second
    assert first < second, "names sort by time"
