"""Positions of the graph's nodes in the drawing, and the lines between them."""

from __future__ import annotations

from billp.graphs.drawing import Edge, episode_edges, episode_nodes
from billp.pages.answers import DrawingView, EdgeView, NodeView

# Column (0 to 2) and row of each node; a test holds this against the graph.
PLACES: dict[str, tuple[float, float]] = {
    "recall": (1, 0),
    "plan": (1, 1),
    "act:analyse": (1, 2.5),
    "act:retrieve": (1, 3.5),
    "act:shortlist": (1, 4.5),
    "act:propose": (0, 4.5),
    "act:weigh": (2, 2.5),
    "act:choose": (1, 6.5),
    "act:ground": (0, 6.5),
    "act:pick": (2, 5.5),
    "respond": (1, 8),
    "criticise": (1, 9),
    "reflect": (1, 10),
    "conclude": (1, 11),
}
_NODE = (92.0, 30.0)
_COLUMN, _ROW, _LEFT, _TOP = 106.0, 50.0, 100.0, 24.0
_WIDTH, _HEIGHT = 412.0, 600.0


def drawing() -> DrawingView:
    """Returns the graph as boxes and lines, the Actor's subgraph in a box of its own."""
    width, height = _NODE
    nodes = [
        NodeView(id=name, label=name.rpartition(":")[2], x=x, y=y, width=width, height=height)
        for name in episode_nodes()
        for x, y in [_centre(name)]
    ]
    inner = [node for node in nodes if node.id.startswith("act:")]
    lowest, highest = min(node.y for node in inner), max(node.y for node in inner)
    left, right = min(node.x for node in inner), max(node.x for node in inner)
    group = NodeView(
        id="act",
        label="act",
        x=(left + right) / 2,
        y=(lowest + highest) / 2,
        width=right - left + width + 20,
        height=highest - lowest + height + 36,
    )
    edges = [
        EdgeView(source=edge.source, target=edge.target, conditional=edge.conditional, path=_path(edge))
        for edge in episode_edges()
    ]
    return DrawingView(width=_WIDTH, height=_HEIGHT, nodes=nodes, groups=[group], edges=edges)


def _centre(name: str) -> tuple[float, float]:
    column, row = PLACES[name]
    return _LEFT + _COLUMN * column, _TOP + _ROW * row


def _path(edge: Edge) -> str:
    """Returns a straight line to a node below; a curve on the left if it leads back, on the right if it skips nodes."""
    (x1, y1), (x2, y2) = _centre(edge.source), _centre(edge.target)
    half_width, half_height = _NODE[0] / 2, _NODE[1] / 2
    rows = PLACES[edge.target][1] - PLACES[edge.source][1]
    if 0 < rows <= 1.5:
        top, bottom = y1 + half_height, y2 - half_height
        middle = (top + bottom) / 2
        return f"M{x1:g},{top:g} C{x1:g},{middle:g} {x2:g},{middle:g} {x2:g},{bottom:g}"
    if rows > 0 and x1 != x2:  # past a neighbour: down its own column first
        top, bottom = y1 + half_height, y2 - half_height
        return f"M{x1:g},{top:g} C{x1:g},{y1 + _ROW:g} {x2:g},{y2 - _ROW:g} {x2:g},{bottom:g}"
    side = -1 if rows < 0 else 1
    away = x1 + side * (half_width + 22 * abs(rows) ** 0.75 + (96 if rows < 0 else 0))
    start, end = x1 + side * half_width, x2 + side * half_width
    return f"M{start:g},{y1:g} C{away:g},{y1:g} {away:g},{y2:g} {end:g},{y2:g}"
