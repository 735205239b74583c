"""Attribution: the parts behind one recommendation, and how much each of them weighed."""

from billp.experiments.analysis.attribution.blaming import blame
from billp.experiments.analysis.attribution.parts import BeliefBehind, Blame, LessonBehind, RecordBehind

__all__ = ["BeliefBehind", "Blame", "LessonBehind", "RecordBehind", "blame"]
