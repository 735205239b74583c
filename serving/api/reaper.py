"""Ends idle sessions: without an answer for `api.idle_h` hours, a session ends as if the person had left."""

from __future__ import annotations

import asyncio
import logging
import time

from billp.errors import BillpError
from billp.serving.api.service_records import ServiceRecords
from billp.serving.api.sessions import Sessions

log = logging.getLogger(__name__)
_KEY = "no answer"  # cannot be a person's key, which has no space


class Reaper:
    """Ends sessions that are not answered."""

    def __init__(self, records: ServiceRecords, sessions: Sessions, idle_s: float) -> None:
        self._records, self._sessions, self._idle_s = records, sessions, idle_s

    async def work(self) -> None:
        """Looks every minute, or a dozen times within the time that a session may be idle."""
        while True:
            await asyncio.sleep(min(60.0, self._idle_s / 12))
            await self.end_idle()

    async def end_idle(self) -> int:
        """Ends idle sessions and returns how many they were. A failure is tried again."""
        ended = 0
        for id_ in await self._records.idle_since(time.time() - self._idle_s):
            try:
                await self._sessions.leave(id_, _KEY)
                ended += 1
            except BillpError as error:
                log.warning("an idle session waits", extra={"told": {"session": id_, "error": type(error).__name__}})
        return ended
