"""One episode on fakes, as several tests of the graph run it."""

from __future__ import annotations

from billp.graphs.dependencies import Dependencies, fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.recording import output_of
from billp.graphs.state import EpisodeContext, Trajectory
from tests.fakes.worlds import tiny_dataset, tiny_worlds


def user_of(split: str) -> str:
    """The first user of that world."""
    world = tiny_worlds().train if split == "train" else tiny_worlds().test
    return tiny_dataset().user_keys[int(world.users[0])]


async def run(
    deps: Dependencies, method: str = "billp", *, split: str = "train", learn: bool = True, seed: int = 0
) -> Trajectory:
    """The episode `e0` of that user."""
    context = EpisodeContext(method=method, split=split, learn=learn, seed=seed, run="r")  # type: ignore[arg-type]
    graph = build_episode_graph(fixed_dependencies(deps), deps.worlds.train.horizon)
    return output_of(await graph.ainvoke({"user": user_of(split), "episode": "e0"}, context=context))
