"""What stood behind one recommendation, and how much each part weighed."""

from billp.experiments.blame.blaming import blame
from billp.experiments.blame.parts import BeliefBehind, Blame, LessonBehind, RecordBehind

__all__ = ["BeliefBehind", "Blame", "LessonBehind", "RecordBehind", "blame"]
