"""What a report's runs were made with, in words: what is in its header."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from billp.experiments.runs.configured_folder import completed
from billp.experiments.runs.stored import Config
from billp.reports.report import Report
from billp.words import counted


def facts_of(report: Report) -> dict[str, str]:
    """Returns data, language model, prompts, quit rule, horizon, seeds, episodes and dates, as far as known."""
    configs = [run.config for run in report.runs]
    lines = sorted((line for run in report.runs for line in run.lines), key=lambda line: line.ended)
    facts = {
        "data": _all(config.dataset.name for config in configs),
        "language model": ", ".join(report.speakers),
        "prompts": _all(config.prompts.pack for config in configs),
        "quit rule": _all((config.rule.removeprefix("quit rule ") for config in configs), "; "),
        "horizon": _all(_horizon(config) for config in configs),
        "seeds": _all(str(seed) for seed in sorted({line.seed for line in lines})),
        "episodes": f"{len(lines):,} in {counted(len(report.runs), 'run folder')}",
        "recorded": _all(
            [_day(line.started) for line in lines[:1]] + [_day(line.ended) for line in lines[-1:]], " to "
        ),
    }
    return {name: words for name, words in facts.items() if words}


def _all(words: Iterable[str], between: str = ", ") -> str:
    return between.join(dict.fromkeys(each for each in words if each))


def _horizon(config: Config) -> str:
    if not {"run", "simulator"} & set(config.settings):
        return ""
    settings = completed(config.settings)
    steps = settings["run"].get("horizon") or settings["simulator"].get("horizon")
    return f"{steps} steps" if steps else ""


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
