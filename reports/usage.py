"""How often each record of memory was used in the training that taught it, and what followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from billp.graphs.learning import used_in
from billp.graphs.methods import METHODS
from billp.memory import UsageTable
from billp.memory.usage import Row
from billp.reports.run_data import RunData


class TrainingUsage:
    """The usage statistics of what training runs taught; added up run by run, when first asked for.

    They are those of `billp memory show`, as far as this one run goes: a memory that several runs taught has more uses.
    """

    def __init__(self, runs: Sequence[RunData]) -> None:
        self._runs = {run.path: run for run in runs if run.training and run.method in METHODS}
        self._tables: dict[Path, UsageTable] = {}

    def words(self, folder: Path, record: str) -> str:
        """Says the usage of the record of this id, which the run in `folder` taught; empty if it was never used."""
        if folder not in self._runs:
            return ""
        if folder not in self._tables:
            self._tables[folder] = UsageTable(_entries(self._runs[folder]))
        usage = self._tables[folder].of(record)
        return usage.words() if usage.uses else ""


def _entries(run: RunData) -> Iterator[Row]:
    """Makes the usage log of the training `run` again from its episodes."""
    for line in run.lines:
        if (done := line.output) is not None:
            number = int(line.id.rpartition("-")[2])  # train-SEED-NUMBER
            used = used_in(done).to_json()
            yield f"uses/run/{line.id}/-001", {"ordinal": number, "reward": done["reward_trajectory"], "used": used}
