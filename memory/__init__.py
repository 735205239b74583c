"""What was learned, stored in Chroma and found by similarity. Nothing heavy is imported before a memory is opened."""

from billp.memory.agent_memory import AgentMemory, MemoryStats
from billp.memory.embedding import Embedder, SentenceEmbedder
from billp.memory.experiences import ActorExperience, ActorMemory, CriticExperience, CriticMemory, Outcome
from billp.memory.frozen import Freezer, FrozenMemory
from billp.memory.inventory import counts_of, inventory, readable_inventory
from billp.memory.knowledge import Answers, Knowledge, KnowledgeFile
from billp.memory.principles import Principle
from billp.memory.records import KINDS, Kind, Origin, Record, Vector, as_vector
from billp.memory.reflections import Reflection, ReflectionMemory
from billp.memory.store.protocol import Match, VectorStore
from billp.memory.store.registry import drop_memory, list_memories, open_memory
from billp.memory.usage import EpisodeUsage, UsageEntry, UsageLog, UsageStatistics, UsageTable
from billp.memory.vectors import catalogue_vectors

__all__ = [
    "KINDS",
    "ActorExperience",
    "ActorMemory",
    "AgentMemory",
    "Answers",
    "CriticExperience",
    "CriticMemory",
    "Embedder",
    "EpisodeUsage",
    "Freezer",
    "FrozenMemory",
    "Kind",
    "Knowledge",
    "KnowledgeFile",
    "Match",
    "MemoryStats",
    "Origin",
    "Outcome",
    "Principle",
    "Record",
    "Reflection",
    "ReflectionMemory",
    "SentenceEmbedder",
    "UsageEntry",
    "UsageLog",
    "UsageStatistics",
    "UsageTable",
    "Vector",
    "VectorStore",
    "as_vector",
    "catalogue_vectors",
    "counts_of",
    "drop_memory",
    "inventory",
    "list_memories",
    "open_memory",
    "readable_inventory",
]
