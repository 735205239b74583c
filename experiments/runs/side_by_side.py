"""Work that runs side by side and stops together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from billp.errors import BillpError

Result = TypeVar("Result")


async def together(work: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """What each of `work` returns, in that order.

    What stops one for good stops them all, and where that is an error of ours it is raised once, as itself.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in work]
    except ExceptionGroup as group_error:
        first = group_error.exceptions[0]
        if isinstance(first, BillpError):
            raise first from group_error
        raise
    return [task.result() for task in tasks]
