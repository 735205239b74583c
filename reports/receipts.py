"""How often each record of memory was used in the training that taught it, and what followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from billp.graphs.learning import used_in
from billp.graphs.methods import METHODS
from billp.memory import UsageTable
from billp.memory.records import FieldValue
from billp.reports.run_data import RunData
from billp.settings import CriticSettings


class TrainingUsage:
    """The receipts of what training runs taught; added up run by run, when first asked for.

    They are those of `billp memory show`, as far as this one run goes: a memory that several runs taught has more uses.
    """

    def __init__(self, runs: Sequence[RunData]) -> None:
        self._runs = {run.path: run for run in runs if run.training and run.method in METHODS}
        self._receipts: dict[Path, UsageTable] = {}

    def words(self, folder: Path, record: str) -> str:
        """The receipt of the record of this id, which the run in `folder` taught; empty where it was never used."""
        if folder not in self._runs:
            return ""
        if folder not in self._receipts:
            self._receipts[folder] = UsageTable(_uses(self._runs[folder]))
        receipt = self._receipts[folder].of(record)
        return receipt.words() if receipt.uses else ""


def _uses(run: RunData) -> list[tuple[str, Mapping[str, FieldValue]]]:
    kept = {name: run.config.settings.get("critic", {}).get(name) for name in ("gamma", "eligibility")}
    critic = CriticSettings(**{name: value for name, value in kept.items() if value is not None})
    found: list[tuple[str, Mapping[str, FieldValue]]] = []
    for line in run.lines:
        if line.output is None:
            continue
        done = line.output
        fields: dict[str, FieldValue] = {
            "ordinal": int(line.id.rpartition("-")[2]),  # train-SEED-NUMBER
            "length": done["length"],
            "ended": done["ended"],
            "reward": done["reward_trajectory"],
            "used": used_in(critic, done).to_json(),
        }
        found.append((f"uses/run/{line.id}/-001", fields))
    return found
