"""The clock by which LangGraph names checkpoints. Of a session's checkpoints the one with the highest name counts."""

from __future__ import annotations

from langgraph.checkpoint.base import id as ids

from billp.serving.api.database import Database

_LAST = "_last_v6_timestamp"  # its name for the time of the latest one, which the next one exceeds


async def go_on_from(database: Database) -> None:
    """Makes names of new checkpoints higher than those stored, though the machine's clock may have been set back."""
    ((latest,),) = await database.rows("SELECT MAX(checkpoint_id) FROM checkpoints")
    if latest:
        last = max(getattr(ids, _LAST) or 0, ids.UUID(latest).time)
        setattr(ids, _LAST, last)
