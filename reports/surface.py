"""The heat map of a surface: worlds by methods, the share of the oracle's reward as colour and number."""

from __future__ import annotations

import html

from billp.experiments.compare.surface.results import Surface, methods_of
from billp.experiments.stats.numbers import share, share_with_interval
from billp.reports.drawing import Figure, plot


def surface_figure(surface: Surface, number: int = 0) -> Figure:
    """`number` tells several surfaces of one page apart."""
    methods, worlds = methods_of(surface), surface.worlds
    cells = [[world.methods.get(method) for method in methods] for world in worlds]
    trace = {
        "type": "heatmap",
        "x": [html.escape(method, quote=False) for method in methods],
        "y": [html.escape(world.name, quote=False) for world in worlds],
        "z": [[None if cell is None else cell.share.mean for cell in row] for row in cells],
        "text": [[share(None if cell is None else cell.share.mean) for cell in row] for row in cells],
        "customdata": [["-" if cell is None else share_with_interval(cell.share) for cell in row] for row in cells],
        "texttemplate": "%{text}",
        "zmin": 0,
        "zmax": 1,
        "colorscale": "Cividis",
        "xgap": 1,
        "ygap": 1,
        "colorbar": {"tickformat": ".0%", "thickness": 12},
        "hovertemplate": "%{x} in %{y}: %{customdata}<extra></extra>",
    }
    drawn = plot([trace], rows=len(worlds), x="")
    drawn["layout"]["xaxis"] |= {"side": "top", "type": "category"}
    drawn["layout"] |= {"height": 140 + 26 * len(worlds), "margin": {"l": 10, "r": 10, "t": 60, "b": 10}}
    return Figure(
        f"surface-{number}" if number else "surface",
        f"{surface.dataset}: share of the oracle's R_traj",
        "Means over users, seeds and splits; the table above has their intervals.",
        drawn,
    )
