"""What was learned, kept in Chroma and found again by similarity. Nothing heavy is imported before it is opened."""

from billp.memory.agent_memory import AgentMemory, MemoryStats
from billp.memory.embedding import Embedder, SentenceEmbedder
from billp.memory.experience_records import ActorExperience, CriticExperience, Reflection, Uses
from billp.memory.experiences import ActorMemory, CriticMemory
from billp.memory.frozen import Freezer, FrozenMemory
from billp.memory.inventory import counts_of, inventory
from billp.memory.knowledge import Answers, Knowledge, KnowledgeFile
from billp.memory.outcomes import Outcome
from billp.memory.principles import Principle
from billp.memory.receipts import Receipt, Receipts
from billp.memory.records import KINDS, Kind, Origin, Record, Vector, as_vector
from billp.memory.reflections import ReflectionMemory
from billp.memory.store.protocol import Match, VectorStore
from billp.memory.store.registry import drop_memory, list_memories, open_memory
from billp.memory.uses import UseMemory
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
    "Receipt",
    "Receipts",
    "Record",
    "Reflection",
    "ReflectionMemory",
    "SentenceEmbedder",
    "UseMemory",
    "Uses",
    "Vector",
    "VectorStore",
    "as_vector",
    "catalogue_vectors",
    "counts_of",
    "drop_memory",
    "inventory",
    "list_memories",
    "open_memory",
]
