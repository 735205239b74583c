"""The episodes of a report as one compact JSON text, which the page's browser opens one at a time.

Texts, items and sources that come again are stored once and named by position; -1 is none. Episodes, steps and sources
are lists, whose fields `browser.js` names in the same order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billp.catalogue import Catalogue
from billp.experiments.numbers import signed
from billp.experiments.outcomes import outcome, outcome_reason
from billp.experiments.records import EpisodeLine
from billp.experiments.report.folders import RunData
from billp.experiments.report.provenance import Source, Sources, source_of
from billp.experiments.report.receipts import TrainingReceipts
from billp.experiments.report.rows import Row
from billp.graphs.plans import PlanState
from billp.graphs.state import EpisodeOutput, RecalledReflection, StepRecord

BUDGET = 40_000_000
"""Bytes that the episodes of one page may take; beyond, browsers get slow."""


@dataclass(frozen=True)
class EpisodesJson:
    """The text, how many episodes it holds, and how many there are."""

    text: str
    held: int
    of: int


def episodes_json(rows: Sequence[Row], catalogues: Mapping[str, Catalogue], budget: int = BUDGET) -> EpisodesJson:
    """The episodes of `rows`; `catalogues` are by dataset fingerprint.

    Where they would take more than `budget` bytes, each row in turn gives its next episode until that is reached.
    """
    queues = [[(run, line) for run in row.runs for line in run.lines] for row in rows]
    turns = sorted((turn, number) for number, queue in enumerate(queues) for turn in range(len(queue)))
    encoder = _Encoder([run for row in rows for run in row.runs], catalogues)
    held: dict[tuple[int, int], str] = {}
    for turn, number in turns:
        run, line = queues[number][turn]
        text = encoder.episode(number, run, line)
        if held and encoder.size > budget:
            break
        held[number, turn] = text
    order = sorted(held)
    places = {}
    for position, (number, turn) in enumerate(order):
        run, line = queues[number][turn]
        places[run.path, line.id] = position
    tables = {"rows": [row.label for row in rows], **encoder.tables(places)}
    episodes = ",".join(held[key] for key in order)
    return EpisodesJson(f'{_dumps(tables)[:-1]},"episodes":[{episodes}]}}', len(order), len(turns))


class _Encoder:
    """Turns episodes into JSON lists; `size` is the bytes of these and of all they name."""

    def __init__(self, runs: Sequence[RunData], catalogues: Mapping[str, Catalogue]) -> None:
        self.size = 0
        self._catalogues = catalogues
        self._titles = _recommended_titles(runs)
        self._sources = Sources(runs)
        self._receipts = TrainingReceipts(runs)
        self._texts: dict[str, int] = {}
        self._outcomes: dict[str, int] = {}
        self._items: dict[tuple[str, int], int] = {}
        self._item_words: list[tuple[str, str]] = []
        self._records: dict[tuple[str, Path], int] = {}
        self._read: list[tuple[str, Source | None, tuple[Path, str] | None, int]] = []

    def episode(self, row: int, run: RunData, line: EpisodeLine) -> str:
        """[row, run folder, id, user, seed, outcome, error, output]; output is 0 where there is none."""
        ended = self._outcomes.setdefault(outcome(line), len(self._outcomes))
        fields = [row, self._text(run.name), line.id, line.user, line.seed, ended, self._text(line.error)]
        text = _dumps([*fields, 0 if line.output is None else self._output(run, line.output)])
        self.size += len(text.encode())
        return text

    def tables(self, places: Mapping[tuple[Path, str], int]) -> dict[str, Any]:
        """What episodes name by position. `places` are the positions of the episodes that the page holds."""
        sources: list[list[Any]] = []
        for record_id, source, found, receipt in self._read:
            if source is None:
                sources.append([record_id])
                continue
            place = -1 if found is None else places.get(found, -1)
            sources.append([record_id, source.run, source.episode, source.step, source.seed, place, receipt])
        return {
            "texts": list(self._texts),
            "outcomes": [
                [reason.brief, reason.words, reason.left, reason.earlier]
                for reason in map(outcome_reason, self._outcomes)
            ],
            "items": self._item_words,
            "sources": sources,
        }

    def _output(self, run: RunData, done: EpisodeOutput) -> list[Any]:
        """[history, reflections recalled, steps, reflection written, R_traj, R_each, calls, tokens, values].

        Values are Critic experiences as [source, numbers of the steps whose states were valued with it].
        """
        data, usage = run.config.dataset.fingerprint, done["usage"]
        return [
            [self._item(data, item) for item in done["history"]],
            [self._recalled(run, reflection) for reflection in done["reflections"]],
            [self._step(run, data, step) for step in done["steps"]],
            self._text(done["reflection"]),
            round(done["reward_trajectory"], 3),
            round(done["reward_each"], 3),
            usage["calls"],
            usage["prompt_tokens"] + usage["completion_tokens"],
            [[self._record(run, record_id), numbers] for record_id, numbers in done.get("valued", {}).items()],
        ]

    def _recalled(self, run: RunData, reflection: RecalledReflection) -> list[Any]:
        """[source, text, distance, how many others say the same]."""
        return [
            self._record(run, reflection["id"]),
            self._text(reflection["text"]),
            _short(reflection["distance"]),
            len(reflection["alike"]),
        ]

    def _step(self, run: RunData, data: str, step: StepRecord) -> list[Any]:
        """[number, thought, proposal, item, shortlist, reward, earlier item left over, value, next value, advantage,
        sources, plan, weights]."""
        return [
            step["number"],
            self._text(step["thought"]),
            self._text(step["proposal"]),
            self._item(data, step["item"]),
            [self._item(data, item) for item in step["shortlist"]],
            _short(step["reward"]),
            self._item(data, step["too_close_to"]) if step["too_close_to"] >= 0 else -1,
            _short(step["value"]),
            _short(step["next_value"]),
            _short(step["advantage"]),
            [self._record(run, record_id) for record_id in step["experiences"]],
            self._plan(step["plan"]),
            _weights(step),
        ]

    def _plan(self, plan: PlanState) -> int:
        """The typed plan in words."""
        if not (plan["rest"] or plan["aim"] or plan["avoid"]):
            return -1
        parts = [f"for {ahead} steps"] if (ahead := plan.get("steps")) else []
        parts += [f"rest {plan['rest']} steps"] if plan["rest"] else []
        for name, worth in (("aim", plan["aim"]), ("avoid", plan["avoid"])):
            if worth:
                parts.append(f"{name}: {', '.join(f'{kind} {signed(stars, 2)}' for kind, stars in worth.items())}")
        return self._text(" · ".join(parts))

    def _text(self, text: str) -> int:
        if not text:
            return -1
        if text not in self._texts:
            self.size += len(text.encode()) + 3
            self._texts[text] = len(self._texts)
        return self._texts[text]

    def _item(self, data: str, index: int) -> int:
        if index < 0:
            return -1
        if (data, index) not in self._items:
            words = self._words(data, index)
            self.size += sum(len(word.encode()) for word in words) + 8
            self._items[data, index] = len(self._item_words)
            self._item_words.append(words)
        return self._items[data, index]

    def _words(self, data: str, index: int) -> tuple[str, str]:
        """Title, and year and categories."""
        catalogue = self._catalogues.get(data)
        if catalogue is None or index >= len(catalogue):
            return self._titles.get((data, index), f"item {index}"), ""
        item = catalogue[index]
        year = [] if item.year is None else [str(item.year)]
        return item.title, " · ".join([*year, ", ".join(item.categories)] if item.categories else year)

    def _record(self, run: RunData, record_id: str) -> int:
        key = (record_id, run.path)
        if key not in self._records:
            self.size += 2 * len(record_id.encode()) + 20
            self._records[key] = len(self._records)
            source = source_of(record_id)
            found = None if source is None else self._sources.find(source, run.path)
            receipt = -1 if found is None else self._text(self._receipts.words(found[0], record_id))
            self._read.append((record_id, source, found, receipt))
        return self._records[key]


def _recommended_titles(runs: Sequence[RunData]) -> dict[tuple[str, int], str]:
    """Titles by dataset fingerprint and catalogue index, as far as episodes name them."""
    return {
        (run.config.dataset.fingerprint, step["item"]): step["title"]
        for run in runs
        for line in run.lines
        if line.output is not None
        for step in line.output["steps"]
    }


def _weights(step: StepRecord) -> list[list[float | None]]:
    """What weighed for each candidate: [staying, liking, the LLM's preference times its trust], None: not asked.

    Empty where nothing did, as where memory was empty.
    """
    expected, likings, preferences = step["advantages"], step["likings"], step["preferences"]
    if not any(expected) and not preferences:
        return []
    staying = [advantage - liking for advantage, liking in zip(expected, likings, strict=True)]
    trusted = [step["trust"] * preference for preference in preferences] if expected else preferences
    nothing = [None] * len(step["shortlist"])
    columns = [column or nothing for column in (staying, likings, trusted)]
    return [[_short(value) for value in row] for row in zip(*columns, strict=True)]


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
