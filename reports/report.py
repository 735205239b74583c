"""The content of a report about one run or several, before it is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from billp.agents.llm.abilities import STAND_IN
from billp.errors import BadInputError
from billp.experiments.compare.surface.surface_results import Surface, read_surface, surface_table
from billp.experiments.stats.tables import TextTable, summary_table
from billp.reports.charts import BarChart, Chart, bar_charts, line_charts
from billp.reports.compared import Compared, read_compared, read_coverage
from billp.reports.report_rows import Row, group_rows
from billp.reports.run_data import RunData, find_runs
from billp.reports.study_charts import Study, policies_chart, read_studies, reliability_chart
from billp.whole_files import write_whole


@dataclass(frozen=True)
class Report:
    """The content of a report, before it is drawn."""

    title: str
    runs: tuple[RunData, ...]
    rows: tuple[Row, ...]
    comparisons: tuple[Compared, ...] = ()
    studies: tuple[Study, ...] = ()
    surfaces: tuple[Surface, ...] = ()

    @property
    def stands_in(self) -> str:
        """A remark on the words that it shows; empty unless the stand-in model wrote them."""
        return STAND_IN if any(run.config.stands_in for run in self.runs) else ""

    @property
    def speakers(self) -> list[str]:
        """The language models whose words it shows."""
        return sorted({run.config.speaker for run in self.runs} - {""})

    def coverage(self, row: Row) -> float | None:
        """Returns the share of the catalogue that the users of `row` saw, if recorded."""
        if not row.runs[0].config.plan.arm:
            return read_coverage(row.runs[0].path) if len(row.runs) == 1 else None
        if row.training or row.probe:
            return None
        found = {compared.root: compared.conducts for compared in self.comparisons}.get(row.root, {})
        conduct = found.get(row.runs[0].config.plan.arm)
        return None if conduct is None else conduct.coverage

    def tables(self) -> list[TextTable]:
        """Returns the tables to export: those of comparisons, and one of all runs by themselves."""
        together = {compared.root for compared in self.comparisons}
        alone = {row.label: row.summary for row in self.rows if not row.probe and row.root not in together}
        tables = [surface_table(surface) for surface in self.surfaces]
        tables += [table for compared in self.comparisons for table in compared.tables()]
        return tables + ([summary_table(alone)] if alone else [])

    def line_charts(self) -> list[Chart]:
        """Returns every chart of curves that it has data for."""
        found = line_charts(self.rows)
        trained = [(compared.run, policy) for compared in self.comparisons for policy in compared.found.policies]
        found += [policies_chart(trained)] if trained else []
        return found + ([reliability_chart(self.studies)] if self.studies else [])

    def bar_charts(self) -> list[BarChart]:
        """Returns every chart of bars that it has data for."""
        return bar_charts(self.rows)

    def text(self, form: Literal["markdown", "latex"]) -> str:
        """Returns its tables as Markdown or LaTeX."""
        return "\n".join(table.markdown() if form == "markdown" else table.latex() for table in self.tables())

    def plain(self) -> dict[str, Any]:
        """Returns the numbers of the tables as plain values."""
        shown = [row for row in self.rows if not row.probe]
        compared = [comparison.plain() for comparison in self.comparisons]
        return {
            "rows": [
                {
                    "label": row.label,
                    "run": row.root.name,
                    "training": row.training,
                    "pack": row.runs[0].config.prompts.pack,
                    "trained": row.trained,
                    "coverage": self.coverage(row),
                    **row.summary.model_dump(mode="json"),
                }
                for row in shown
            ],
            "surfaces": [surface.model_dump(mode="json") for surface in self.surfaces],
            "captions": [caption for each in self.comparisons if (caption := each.found.caption)],
            **{part: [row for each in compared for row in each[part]] for part in ("pairs", "conduct", "policies")},
            "critic": [{"run": study.name, **study.found.model_dump(mode="json")} for study in self.studies],
        }


def make_report(runs: Sequence[RunData], surfaces: Mapping[Path, Surface] | None = None) -> Report:
    """Returns the report of `runs`, which may be in several folders, and of `surfaces` by their folder."""
    surfaces = surfaces or {}
    roots = list(dict.fromkeys([*surfaces, *(run.root for run in runs)]))
    return Report(
        title=", ".join(root.name for root in roots),
        runs=tuple(runs),
        rows=tuple(group_rows(runs)),
        comparisons=tuple(compared for root in roots if (compared := read_compared(root)) is not None),
        surfaces=tuple(surfaces.values()),
        studies=tuple(study for root in roots for study in read_studies(root)),
    )


def read_report(roots: Sequence[Path]) -> Report:
    """Returns the report of the runs in the folders `roots`.

    Raises ArtifactError if one is damaged or has no episode.
    """
    surfaces = {root: surface for root in roots if (surface := read_surface(root)) is not None}
    return make_report([run for root in roots if root not in surfaces for run in find_runs(root)], surfaces)


def write_tables(report: Report, target: Path, form: Literal["markdown", "latex"]) -> list[Path]:
    """Writes the tables of results into the file `target` (in a folder: tables.md or tables.tex) and returns it.

    Raises BadInputError if it cannot be written.
    """
    file = target / ("tables.md" if form == "markdown" else "tables.tex") if target.is_dir() else target
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, report.text(form))
    except OSError as error:
        raise BadInputError(f"The tables cannot be written to {file} ({error.strerror}); name another file.") from error
    return [file]
