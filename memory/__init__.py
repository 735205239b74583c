"""What was learned, kept in Chroma and found again by similarity. Nothing heavy is imported before it is opened."""

from memory.bank import MemoryBank, MemoryStats
from memory.embedding import Embedder, SentenceEmbedder
from memory.experiences import ActorMemory, CriticMemory
from memory.inventory import counts_of, inventory
from memory.lessons import ActorExperience, CriticExperience, Reflection, Uses
from memory.outcomes import Outcome
from memory.receipts import Receipt, Receipts
from memory.records import KINDS, Kind, Origin, Record, Vector, as_vector
from memory.reflections import ReflectionMemory
from memory.shelf import drop_bank, list_banks, open_bank
from memory.store import Match, VectorStore
from memory.uses import UseMemory
from memory.vectors import catalogue_vectors

__all__ = [
    "KINDS",
    "ActorExperience",
    "ActorMemory",
    "CriticExperience",
    "CriticMemory",
    "Embedder",
    "Kind",
    "Match",
    "MemoryBank",
    "MemoryStats",
    "Origin",
    "Outcome",
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
    "drop_bank",
    "inventory",
    "list_banks",
    "open_bank",
]
