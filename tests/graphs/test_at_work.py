"""Episodes under way are told apart."""

from __future__ import annotations

from billp.graphs.at_work import UnderWay, at_work, counted, under_way


def test_two_episodes_of_one_user_at_the_same_node_are_two():
    run = UnderWay()
    with counted(run), under_way("7"):
        with under_way("7"):
            assert len(run.episodes) == 2
        at_work("plan", 3)
        assert [(working.user, working.node, working.step) for working in run.episodes] == [("7", "plan", 3)]
    assert run.episodes == []
