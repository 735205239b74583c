"""The Python interface, `import billp`: the same runs as the commands, with results to compute with."""

from billp.workbench.memory import Memory
from billp.workbench.results import Result
from billp.workbench.runs import compare, evaluate, train
from billp.workbench.simulator import Simulator

__all__ = ["Memory", "Result", "Simulator", "compare", "evaluate", "train"]
