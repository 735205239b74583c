"""The results of a run, to compute with and to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from billp.errors import BadInputError
from billp.experiments.compare.comparison_tables import tables_of
from billp.experiments.compare.results import Comparison
from billp.experiments.stats.episode_metrics import METRICS
from billp.experiments.stats.intervals import Estimate
from billp.experiments.stats.metrics import Summary
from billp.experiments.stats.tables import summary_table
from billp.pages.page_file import write_page
from billp.reports import find_runs, read_report
from billp.reports.charts import Curve, point
from billp.reports.exports import Row, episode_rows, step_rows
from billp.reports.run_data import catalogues
from billp.settings import load_settings

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects

Picture = Literal["r_traj", "len", "learning"]


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
        found = read_report([self.run])
        if picture == "learning":
            curves = [curve for chart in found.line_charts() if chart.name == "learning" for curve in chart.curves]
            axes = {"x": "training episodes", "y": "R_traj"}
        else:
            named = [(row.label, point(0, getattr(row.summary, picture))) for row in found.rows if not row.probe]
            curves = [Curve(label, [at]) for label, at in named if at is not None]
            axes = {"x": METRICS[picture].label, "y": ""}
        if not curves:
            raise BadInputError(f"The run has nothing to draw {picture!r} from; a learning curve needs probes.")
        return _drawn(curves, axes, across=picture != "learning")

    def report(self, path: Path | str | None = None) -> Path:
        """Writes the page with every episode, step by step, and returns its path; None: report.html in the run."""
        report = read_report([self.run])
        target = self.run / "report.html" if path is None else Path(path)
        write_page(report, target, catalogues(load_settings().data, report.runs))
        return target

    def __str__(self) -> str:
        tables = [summary_table(self.methods)] if self.comparison is None else tables_of(self.comparison)
        return "\n\n".join(table.markdown() for table in tables)


def _drawn(curves: Sequence[Curve], axes: Mapping[str, str], *, across: bool) -> plotly.graph_objects.Figure:
    """Draws curves with their intervals; `across` draws each as one point on a line of its own."""
    import plotly.graph_objects as go  # noqa: PLC0415 -- loads for a second

    traces = []
    for curve in curves:
        low = [0 if each.low is None else each.y - each.low for each in curve.points]
        high = [0 if each.high is None else each.high - each.y for each in curve.points]
        interval = {"arrayminus": low, "array": high, "symmetric": False}
        y = [each.y for each in curve.points]
        x = [each.x for each in curve.points]
        traces.append(
            go.Scatter(x=y, y=[curve.label], error_x=interval, mode="markers", name=curve.label)
            if across
            else go.Scatter(x=x, y=y, error_y=interval, mode="lines+markers", name=curve.label)
        )
    return go.Figure(traces, {"xaxis": {"title": axes["x"]}, "yaxis": {"title": axes["y"]}, "showlegend": not across})


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
