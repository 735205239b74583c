"""Opens a memory that a command looks into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billp.commands.output import settings_from

if TYPE_CHECKING:
    from billp.memory import AgentMemory


def known_memory(dataset: str, name: str, *, writing: bool = False) -> AgentMemory:
    """Returns the memory `name` of `dataset`, to be read while others write, or for `writing`.

    Raises MemoryStoreError, naming those like it, where there is none.
    """
    from billp.memory import SentenceEmbedder, counts_of, open_memory

    settings = settings_from()
    counts_of(settings, dataset, name)
    return open_memory(settings, dataset, name, SentenceEmbedder(), reading=not writing)
