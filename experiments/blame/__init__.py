"""Which memories moved one recommendation, and by how much."""

from experiments.blame.blaming import blame
from experiments.blame.parts import Blame, LessonBehind, RecordBehind, RelationBehind

__all__ = ["Blame", "LessonBehind", "RecordBehind", "RelationBehind", "blame"]
