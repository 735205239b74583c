"""Shared parts of a report's figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Okabe and Ito (2008): colour-blind readers can tell them apart too, on light and on dark paper.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")


@dataclass(frozen=True)
class Figure:
    """One figure: `plot` is Plotly's JSON object with data and layout."""

    id: str
    title: str
    caption: str
    plot: dict[str, Any]


def plot(
    traces: Sequence[dict[str, Any]], *, x: str, y: str = "", rows: int = 0, legend: bool = True
) -> dict[str, Any]:
    """Returns a plot checked by Plotly; `rows` > 0 lays out one horizontal line per row, the first on top."""
    import plotly.graph_objects as go  # noqa: PLC0415 -- loads for a second, and only reports draw

    layout: dict[str, Any] = {
        "template": "none",
        "height": 110 + 38 * rows if rows else 320,
        "margin": {"l": 10, "r": 24, "t": 8, "b": 40},
        "xaxis": {"title": {"text": x}, "automargin": True},
        "yaxis": {"title": {"text": y, "standoff": 12}, "automargin": True, "rangemode": "tozero"},
        "showlegend": legend and len(traces) > 1,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal"},
    }
    if rows:
        layout["yaxis"] = {"autorange": "reversed", "automargin": True, "type": "category"}
    drawn: dict[str, Any] = json.loads(go.Figure(data=list(traces), layout=layout).to_json())
    return drawn


def colour(position: int) -> str:
    """Returns the colour of the row at `position`; colours repeat."""
    return _COLOURS[position % len(_COLOURS)]
