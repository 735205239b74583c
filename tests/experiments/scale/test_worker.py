"""What a worker logs is handed on once, in order, from whichever thread it comes."""

from __future__ import annotations

import asyncio
import logging

from billp.experiments.scale.worker import LogKeeper, Said


async def test_log_records_are_handed_on_once():
    keeper, logger = LogKeeper(asyncio.get_running_loop()), logging.Logger("billp.somewhere")
    logger.addHandler(keeper)
    waiting = asyncio.create_task(keeper.news())
    await asyncio.sleep(0)
    assert not waiting.done()
    logger.warning("the server %s is slow", "a")
    assert await waiting == [Said("billp.somewhere", logging.WARNING, "the server a is slow")]
    await asyncio.to_thread(logger.info, "one")
    logger.error("two")
    await asyncio.sleep(0)
    assert [said.words for said in await keeper.news()] == ["one", "two"]
