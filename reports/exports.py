"""Episodes and steps as tables: CSV and Parquet, one row per episode or step."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from billp.errors import BadInputError
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.stats.endings import outcome, outcome_words
from billp.experiments.stats.episode_metrics import CORE, METRICS
from billp.reports.report_rows import name_of
from billp.reports.run_data import RunData
from billp.whole_files import replacing

if TYPE_CHECKING:
    import pyarrow

_Type = Literal["text", "whole", "number", "yes", "wholes", "numbers", "texts"]

_RUN: dict[str, _Type] = {
    "run": "text",
    "command": "text",
    "method": "text",
    "name": "text",
    "pack": "text",
    "dataset": "text",
    "trained": "whole",
    "probe": "yes",
    "episode": "text",
    "user": "text",
    "seed": "whole",
    "split": "text",
}
EPISODES: dict[str, _Type] = _RUN | {
    "batch": "whole",
    "status": "text",
    "error": "text",
    "started": "number",
    "ended": "number",
    "outcome": "text",
    "length": "whole",
    "reward_each": "number",
    "reward_trajectory": "number",
    "history": "wholes",
    "reflections": "texts",
    "reflection": "text",
    "calls": "whole",
    "prompt_tokens": "whole",
    "cached_tokens": "whole",
    "completion_tokens": "whole",
    "llm_seconds": "number",
    "format_failures": "whole",
}
"""Columns of the table of episodes. `name` is what the report calls the row; `history` holds catalogue indices,
`reflections` the ids of those recalled."""
STEPS: dict[str, _Type] = _RUN | {
    "number": "whole",
    "thought": "text",
    "proposal": "text",
    "item": "whole",
    "title": "text",
    "reward": "number",
    "reason": "text",
    "too_close_to": "whole",
    "value": "number",
    "next_value": "number",
    "target": "number",
    "advantage": "number",
    "relation": "text",
    "plan": "text",
    "shortlist": "wholes",
    "advantages": "numbers",
    "likings": "numbers",
    "support": "numbers",
    "preferences": "numbers",
    "experiences": "texts",
    "said": "text",
    "nodes": "texts",
}
"""Columns of the table of steps. `shortlist` holds catalogue indices, the numbers after it go with its candidates;
`experiences` holds the ids of those retrieved, `plan` is JSON, `said` what a live person wrote beside the rating,
`nodes` the nodes that the step passed, empty for runs that did not record them."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Beginnings of cells that a spreadsheet calculates; in CSV, such texts get an apostrophe in front."""

Row = dict[str, Any]
"""A row of a table by its columns."""


def write_csv(runs: Sequence[RunData], target: Path) -> list[Path]:
    """Writes both tables and returns their files: see `_files`. Lists are JSON in their cell; None is an empty cell."""
    files = _files(target, ".csv")
    with _whole(files) as partials:
        for file, columns, rows in zip(partials, *_tables(runs), strict=True):
            with file.open("w", newline="", encoding="utf-8") as stream:
                writer = csv.writer(stream)
                writer.writerow(columns)
                writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return files


def write_parquet(runs: Sequence[RunData], target: Path) -> list[Path]:
    """Writes both tables and returns their files: see `_files`. Lists stay lists, None is null."""
    from pyarrow import Table, parquet  # noqa: PLC0415 -- large, and only exports need it

    files = _files(target, ".parquet")
    with _whole(files) as partials:
        for file, columns, rows in zip(partials, *_tables(runs), strict=True):
            with file.open("wb") as stream:  # Arrow itself opens no file whose name is not UTF-8
                parquet.write_table(Table.from_pylist(list(rows), schema=_schema(columns)), stream)
    return files


def episode_columns() -> dict[str, _Type]:
    """Returns the columns of the table of episodes: EPISODES, and every metric that is not among them."""
    return EPISODES | dict.fromkeys((name for name in METRICS if name not in CORE), "number")


def _tables(runs: Sequence[RunData]) -> tuple[tuple[dict[str, _Type], ...], tuple[Iterator[Row], ...]]:
    return (episode_columns(), STEPS), (episode_rows(runs), step_rows(runs))


def _files(target: Path, suffix: str) -> list[Path]:
    """Returns the two files: in the folder `target`, or the file `target` of episodes and NAME-steps beside it."""
    single = target.suffix == suffix and not target.is_dir()
    try:
        (target.parent if single else target).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(
            f"The export cannot be written to {target} ({error.strerror}); give a folder or a file named *{suffix}."
        ) from error
    if single:
        return [target, target.with_name(f"{target.stem}-steps{suffix}")]
    return [target / f"episodes{suffix}", target / f"steps{suffix}"]


@contextmanager
def _whole(files: Sequence[Path]) -> Iterator[list[Path]]:
    """Yields files to write, which replace `files` when all of them are complete."""
    try:
        with replacing(*files) as partials:
            yield partials
    except OSError as error:
        raise BadInputError(
            f"The export cannot be written to {files[0].parent} ({error.strerror or error}); free space or choose "
            "another place."
        ) from error


def _schema(columns: dict[str, _Type]) -> pyarrow.Schema:
    import pyarrow as pa  # noqa: PLC0415 -- large, and only exports need it

    types = {
        "text": pa.string(),
        "whole": pa.int64(),
        "number": pa.float64(),
        "yes": pa.bool_(),
        "wholes": pa.list_(pa.int64()),
        "numbers": pa.list_(pa.float64()),
        "texts": pa.list_(pa.string()),
    }
    return pa.schema([(name, types[kind]) for name, kind in columns.items()])


def _cell(value: object) -> object:
    """Returns lists as JSON, and a text that a spreadsheet would take for a formula with an apostrophe in front."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def episode_rows(runs: Sequence[RunData]) -> Iterator[Row]:
    """Yields the table of episodes, row by row, with the columns of `episode_columns`."""
    nothing = dict.fromkeys(episode_columns())
    for run in runs:
        for line in run.lines:
            row: Row = nothing | _about(run, line)
            row |= {
                "batch": line.batch,
                "status": line.status,
                "error": line.error,
                "outcome": outcome_words(outcome(line))[0],
            }
            row |= {"started": line.started, "ended": line.ended}
            done = line.output
            if done is not None:
                row |= {name: done[name] for name in ("length", "reward_each", "reward_trajectory", "history")}
                row |= {"reflection": done["reflection"], "reflections": [r["id"] for r in done["reflections"]]}
                row |= {name: value for name, value in done["usage"].items() if name != "seconds"}
                row["llm_seconds"] = done["usage"]["seconds"]
                row |= {name: line.number(name) for name in METRICS if name not in CORE}
            yield row


def step_rows(runs: Sequence[RunData]) -> Iterator[Row]:
    """Yields the table of steps, row by row, with the columns STEPS."""
    for run in runs:
        for line in run.lines:
            if line.output is not None:
                about = _about(run, line)
                for step in line.output["steps"]:
                    row = {"said": "", "nodes": [], **about, **step}
                    row["plan"] = json.dumps(step["plan"], ensure_ascii=False)
                    row["reason"] = outcome_words(step["reason"])[0] if step["reason"] else ""
                    yield {name: row[name] for name in STEPS}


def _about(run: RunData, line: EpisodeLine) -> Row:
    plan = run.config.plan
    return {
        "run": run.name,
        "command": plan.command,
        "method": line.method,
        "name": name_of(run),
        "pack": run.config.prompts.pack,
        "dataset": run.config.dataset.name,
        "trained": plan.trained,
        "probe": plan.probe,
        "episode": line.id,
        "user": line.user,
        "seed": line.seed,
        "split": line.split,
    }
