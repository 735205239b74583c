"""The results of a run, to compute with and to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from billp.errors import BadInputError
from billp.experiments.compare.comparison_tables import tables_of
from billp.experiments.compare.results import Comparison
from billp.experiments.stats.intervals import Estimate
from billp.experiments.stats.metrics import Summary
from billp.experiments.stats.tables import summary_table
from billp.reports import find_runs, make_report, write_page
from billp.reports.exports import Row, episode_rows, step_rows
from billp.reports.figures import figures
from billp.reports.run_data import catalogues
from billp.settings import load_settings

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects

Picture = Literal["r_traj", "len", "learning"]
_DRAWN: Mapping[Picture, str] = {"r_traj": "interval-r_traj", "len": "interval-len", "learning": "learning"}


@dataclass(frozen=True)
class Result:
    """The numbers of every method of a run, and the folder that holds its episodes.

    `methods` has a summary by name; `comparison`, only after `compare`, the paired differences and learning curves.
    """

    run: Path
    methods: Mapping[str, Summary]
    comparison: Comparison | None = None

    def to_pandas(self) -> pandas.DataFrame:
        """Returns one row per method: means, bounds of their 95% intervals (NaN if there is none), and costs."""
        rows = []
        for name, summary in self.methods.items():
            row: dict[str, object] = {"method": name, "users": summary.users, "failed": summary.failed}
            for metric in ("len", "r_each", "r_traj"):
                estimate = getattr(summary, metric)
                row |= {metric: estimate.mean} | _bounds(estimate, f"{metric}_")
            coverage = None if summary.conduct is None else summary.conduct.coverage
            row |= {"coverage": coverage, "tokens_per_step": summary.tokens_per_step, "uses_logs": summary.uses_logs}
            rows.append(row)
        return frame(rows).set_index("method")

    def differences(self) -> pandas.DataFrame:
        """Returns one row per pair of methods and metric, compared user by user; only after `compare`."""
        if self.comparison is None:
            raise BadInputError("One method alone has no differences; use compare().")
        rows = [
            {
                "method": pair.a,
                "against": pair.b,
                "metric": pair.metric,
                "difference": pair.difference.mean,
                **_bounds(pair.difference),
                "pairs": pair.pairs,
            }
            for pair in self.comparison.pairs
        ]
        return frame(rows)

    def episodes(self) -> pandas.DataFrame:
        """Returns one row per episode, as in the CSV export."""
        return frame(list(episode_rows(find_runs(self.run))))

    def steps(self) -> pandas.DataFrame:
        """Returns one row per step, as in the CSV export."""
        return frame(list(step_rows(find_runs(self.run))))

    def plot(self, picture: Picture = "r_traj") -> plotly.graph_objects.Figure:
        """Returns a figure of the report: means with intervals, or R_traj over training episodes (`learning`).

        Raises BadInputError if the run has no data for it.
        """
        import plotly.graph_objects as go  # noqa: PLC0415 -- loads for a second

        drawn = {figure.id: figure for figure in figures(make_report(find_runs(self.run)).rows)}
        if _DRAWN[picture] not in drawn:
            raise BadInputError(f"The run has nothing to draw {picture!r} from; a learning curve needs probes.")
        return go.Figure(drawn[_DRAWN[picture]].plot)

    def report(self, path: Path | str | None = None) -> Path:
        """Writes the page with every episode, step by step, and returns its path; None: report.html in the run."""
        runs = find_runs(self.run)
        target = self.run / "report.html" if path is None else Path(path)
        write_page(make_report(runs), target, catalogues(load_settings().data, runs))
        return target

    def __str__(self) -> str:
        tables = [summary_table(self.methods)] if self.comparison is None else tables_of(self.comparison)
        return "\n\n".join(table.markdown() for table in tables)


def _bounds(estimate: Estimate, prefix: str = "") -> dict[str, float | None]:
    low, high = estimate.ci95 or (None, None)
    return {f"{prefix}low": low, f"{prefix}high": high}


def frame(rows: list[Row] | list[dict[str, object]]) -> pandas.DataFrame:
    """Returns `rows` as a table; raises BadInputError if pandas is not installed."""
    try:
        import pandas as pd  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise BadInputError("Tables need pandas; install it with `pip install pandas`.") from error
    return pd.DataFrame(rows)
