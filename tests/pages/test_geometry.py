"""The drawing: every node has its place, none lies on another, and lines begin and end at nodes."""

from __future__ import annotations

import itertools
import re

import pytest

from billp.graphs.drawing import episode_edges, episode_nodes
from billp.pages.geometry import PLACES, drawing


def test_every_node_of_the_graph_has_a_place():
    assert PLACES.keys() == set(episode_nodes())


def test_boxes_lie_in_the_drawing_and_apart():
    drawn = drawing()
    for box in [*drawn.nodes, *drawn.groups]:
        assert box.width / 2 <= box.x <= drawn.width - box.width / 2
        assert box.height / 2 <= box.y <= drawn.height - box.height / 2
    for one, other in itertools.combinations(drawn.nodes, 2):
        apart = abs(one.x - other.x) >= one.width or abs(one.y - other.y) >= one.height
        assert apart, f"{one.id} lies on {other.id}"
    (act,) = drawn.groups
    for node in drawn.nodes:
        inside = abs(node.x - act.x) < act.width / 2 and abs(node.y - act.y) < act.height / 2
        assert inside == node.id.startswith("act:")


def test_lines_join_the_borders_of_their_nodes_and_stay_in_the_drawing():
    drawn = drawing()
    nodes = {node.id: node for node in drawn.nodes}
    assert [(edge.source, edge.target) for edge in drawn.edges] == [(e.source, e.target) for e in episode_edges()]
    for edge in drawn.edges:
        points = [tuple(map(float, pair)) for pair in re.findall(r"(-?[\d.]+),(-?[\d.]+)", edge.path)]
        assert len(points) == 4
        for (x, y), node in ((points[0], nodes[edge.source]), (points[-1], nodes[edge.target])):
            off_x, off_y = abs(x - node.x) / (node.width / 2), abs(y - node.y) / (node.height / 2)
            assert max(off_x, off_y) == pytest.approx(1)
            assert min(off_x, off_y) == pytest.approx(0)
        # A cubic curve reaches three quarters of the way to where both its handles are.
        far = [(points[0][0] + 3 * points[1][0] + 3 * points[2][0] + points[3][0]) / 8]
        assert all(0 <= x <= drawn.width for x in far)
