"""Tables as data, which are shown in the terminal (see `terminal_tables`), or written as Markdown or LaTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billp.experiments.stats.episode_metrics import METRICS
from billp.experiments.stats.metrics import Summary
from billp.experiments.stats.numbers import fixed, share, with_interval
from billp.words import counted

_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip
_LEGEND = "Len: steps of an episode; R_each: stars of a step; R_traj: stars of an episode."
_SHORT_S = 0.1  # below it, two digits after the point say nothing


@dataclass(frozen=True)
class TextTable:
    """Cells of text under `columns`, the first of which names the row. `caption` applies to the whole table."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    def markdown(self) -> str:
        """Returns a pipe table under its title, the caption below."""
        lines = [self.columns, ("---", *("---:" for _ in self.columns[1:])), *self.rows]
        table = "\n".join(f"| {' | '.join(_pipe(cell) for cell in line)} |" for line in lines)
        return "\n\n".join(part for part in (f"**{_pipe(self.title)}**", table, _pipe(self.caption)) if part) + "\n"

    def latex(self) -> str:
        """Returns a `table` float in the style of the package booktabs."""
        lines = [" & ".join(map(_tex, line)) + r" \\" for line in (self.columns, *self.rows)]
        caption = f"{_sentence(self.title)} {self.caption}".strip()
        return "\n".join([
            r"\begin{table}", r"  \centering", rf"  \caption{{{_tex(caption)}}}",
            rf"  \begin{{tabular}}{{l{'r' * (len(self.columns) - 1)}}}", r"    \toprule", f"    {lines[0]}",
            r"    \midrule", *(f"    {line}" for line in lines[1:]), r"    \bottomrule", r"  \end{tabular}",
            r"\end{table}", "",
        ])  # fmt: skip


def summary_table(summaries: Mapping[str, Summary]) -> TextTable:
    """Returns one row per method: Len, R_each and R_traj with 95% intervals, tokens and seconds per step, failures."""
    rows = {
        name: (*_rewards(summary), fixed(summary.tokens_per_step, 0), _seconds(summary.seconds_per_step))
        for name, summary in summaries.items()
    }
    return _results(summaries, ("tokens/step", "s/step"), rows, _LEGEND)


def results_table(summaries: Mapping[str, Summary], caption: str) -> TextTable:
    """Returns one row per method: Len, R_each and R_traj with 95% intervals, coverage, use of logs, failures."""
    rows = {
        name: (
            *_rewards(summary), share(None if summary.conduct is None else summary.conduct.coverage),
            "yes" if summary.uses_logs else "no",
        )
        for name, summary in summaries.items()
    }  # fmt: skip
    return _results(summaries, ("coverage", "logs"), rows, f"{_LEGEND} {caption}".strip())


def cost_table(summaries: Mapping[str, Summary]) -> TextTable:
    """Returns one row per method: the cost of a step."""
    return TextTable(
        title="cost",
        columns=("method", "tokens/step", "LLM calls/step", "cached", "s/step"),
        rows=tuple(
            (
                name, fixed(summary.tokens_per_step, 0), fixed(summary.llm_calls_per_step, 2),
                share(summary.cached_share) if summary.tokens_per_step else "-", _seconds(summary.seconds_per_step),
            )
            for name, summary in summaries.items()
        ),
        caption="Of finished episodes. Cached: share of the prompt tokens that the prefix cache served.",
    )  # fmt: skip


def _results(
    summaries: Mapping[str, Summary], columns: Sequence[str], rows: Mapping[str, Sequence[str]], caption: str
) -> TextTable:
    """Returns the table; failures have a column only where an episode failed."""
    failed = any(summary.failed for summary in summaries.values())
    return TextTable(
        title=_title(summaries),
        columns=("method", *_labels(), *columns, *(["failed"] if failed else [])),
        rows=tuple(
            (name, *rows[name], *([f"{summary.failed} of {summary.episodes}"] if failed else []))
            for name, summary in summaries.items()
        ),
        caption=caption,
    )


def _title(summaries: Mapping[str, Summary]) -> str:
    first = next(iter(summaries.values()))
    return f"{first.dataset}, {counted(first.users, 'user')}"


def _labels() -> Sequence[str]:
    return [metric.label for metric in METRICS.values()]


def _rewards(summary: Summary) -> Sequence[str]:
    return [with_interval(summary.estimate(metric.name), metric.digits) for metric in METRICS.values()]


def _seconds(seconds: float) -> str:
    return fixed(seconds, 2 if seconds >= _SHORT_S else 4)


def _pipe(text: str) -> str:
    """Returns `text` for a cell, in which it begins neither a column nor HTML, a link or an image."""
    return re.sub(r"[\\|<]|(?<=\])[(\[]", r"\\\g<0>", text).replace("\n", " ").strip()


def _tex(text: str) -> str:
    return re.sub(r"[\\&%$#_{}~^<>]", lambda found: _TEX[found.group()], text).replace("\n", " ").strip()


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
