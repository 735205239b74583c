"""The page: one HTML file that holds everything it shows and needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jinja2
from markupsafe import Markup

from billp.agents.llm.abilities import STAND_IN
from billp.catalogue import Catalogue
from billp.errors import BadInputError
from billp.experiments.compare.surface.surface_results import Surface, surface_table
from billp.experiments.stats.endings import ended_words
from billp.experiments.stats.episode_metrics import METRICS
from billp.experiments.stats.intervals import excludes
from billp.experiments.stats.numbers import fixed, share, signed_interval, with_interval
from billp.experiments.stats.tables import TextTable, summary_table
from billp.reports.compared import Compared, read_compared, read_coverage
from billp.reports.figures import figures
from billp.reports.page_episodes import BUDGET, EpisodesJson, episodes_json
from billp.reports.plotting import Figure
from billp.reports.report_rows import Row, group_rows
from billp.reports.run_data import RunData
from billp.reports.study_figures import Study, policies_figure, read_studies, reliability_figure, surface_figure
from billp.whole_files import write_whole

_FOLDER = Path(__file__).parent


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

    def figures(self) -> list[Figure]:
        """Returns every figure that it has data for."""
        found = [surface_figure(surface, number) for number, surface in enumerate(self.surfaces)]
        found += figures(self.rows)
        trained = [(compared.run, policy) for compared in self.comparisons for policy in compared.found.policies]
        found += [policies_figure(trained)] if trained else []
        return found + ([reliability_figure(self.studies)] if self.studies else [])

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


def write_page(report: Report, target: Path, catalogues: Mapping[str, Catalogue], budget: int = BUDGET) -> EpisodesJson:
    """Writes `target` atomically; returns the episodes that it contains.

    `catalogues` gives titles by dataset fingerprint; `budget` is the most bytes that episodes may take. Raises
    BadInputError if `target` cannot be written.
    """
    if target.is_dir():
        raise BadInputError(f"The report cannot be written to {target}, a folder; give --out the name of a file.")
    episodes = episodes_json(report.rows, catalogues, budget)
    text = _render(report, report.figures(), episodes)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, text)
    except OSError as error:
        raise BadInputError(
            f"The report cannot be written to {target} ({error.strerror}); give another --out."
        ) from error
    return episodes


def write_tables(report: Report, target: Path, form: Literal["markdown", "latex"]) -> list[Path]:
    """Writes the tables of results into the file `target` (in a folder: tables.md or tables.tex) and returns it.

    Raises BadInputError if it cannot be written.
    """
    tables = report.tables()
    text = "\n".join(table.markdown() if form == "markdown" else table.latex() for table in tables)
    file = target / ("tables.md" if form == "markdown" else "tables.tex") if target.is_dir() else target
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text)
    except OSError as error:
        raise BadInputError(f"The tables cannot be written to {file} ({error.strerror}); name another file.") from error
    return [file]


def _render(report: Report, drawn: Sequence[Figure], episodes: EpisodesJson) -> str:
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 -- loads for a second, and only reports draw

    scripts = [_read(name) for name in ("elements.js", "episode.js", "browser.js")] if report.runs else []
    if drawn:  # last, since Plotly takes seconds: episodes can be read meanwhile
        scripts += [get_plotlyjs(), _read("charts.js")]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "interval": with_interval, "signed": signed_interval, "share": share, "fixed": fixed,
        "excludes_zero": lambda estimate: excludes(estimate, 0.0), "ended": ended_words,
    }  # fmt: skip
    return environment.get_template("page.html").render(
        report=report,
        shown=[row for row in report.rows if not row.probe],
        surfaces=[surface_table(surface) for surface in report.surfaces],
        figures=drawn,
        metrics=list(METRICS.values()),
        labels={name: metric.label for name, metric in METRICS.items()},
        episodes=episodes,
        style=Markup(_read("report.css")),  # noqa: S704 -- ours
        scripts=[Markup(script) for script in scripts],  # noqa: S704 -- ours and Plotly's
        policy=_policy(scripts),
        plots=_data(json.dumps({figure.id: figure.plot for figure in drawn})),
        data=_data(episodes.text),
    )


def _data(text: str) -> Markup:
    """Returns JSON as the text of a script element: nothing in it can end that element or begin another."""
    escaped = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(escaped)  # noqa: S704 -- just made safe


def _policy(scripts: Sequence[str]) -> str:
    """Returns a content security policy that runs these scripts and no others, and forbids network requests."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    # Plotly sets styles from its script, and draws the picture to download from a data: address.
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'"


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
