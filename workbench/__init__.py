"""The Python interface, `import billp`: the same runs as the commands, with results to compute with."""

from billp.agents.recommender import Observations
from billp.baselines.rivals.rival import Material, RatedEpisode
from billp.workbench.memory import Memory
from billp.workbench.methods import add_method
from billp.workbench.results import Result
from billp.workbench.runs import compare, evaluate, train
from billp.workbench.simulator import Simulator

__all__ = [
    "Material", "Memory", "Observations", "RatedEpisode", "Result", "Simulator", "add_method", "compare", "evaluate",
    "train",
]  # fmt: skip
