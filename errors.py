"""The errors that this application raises: one sentence each, saying what was wrong and what to do.

They are raised where the cause is known, and turned into exit codes only in `cli.py`.
"""

from __future__ import annotations


class BillpError(RuntimeError):
    """Base of every error that this application raises on purpose.

    It is a RuntimeError, since LangGraph's server passes on the messages of built-in exceptions only.
    """


class BadInputError(BillpError):
    """Something the user gave (a file, a flag, a setting) cannot be used as it is."""


class SettingsError(BadInputError):
    """A setting is unknown or has a value outside its range."""


class DataError(BadInputError):
    """A dataset file is missing or malformed; the message names file, line and remedy."""


class ArtifactError(BadInputError):
    """A stored artifact (simulator, vectors, run folder) is missing, damaged or of another version."""


class PromptError(BadInputError):
    """A prompt pack lacks a role, or a prompt has a missing, unknown or misspelt variable."""


class MemoryStoreError(BadInputError):
    """The memory cannot be opened or used: locked by another process, or written by another embedder."""


class MissingMemoryError(MemoryStoreError):
    """There is no memory of this name."""


class UnusableModelError(BadInputError):
    """The LLM does not answer a plain question with words."""


class TapeError(BadInputError):
    """A tape is missing, damaged, or was recorded with another model."""


class EpisodeError(BillpError):
    """One episode cannot go on; the run records it as failed and continues with the others."""


class ModelUnavailableError(EpisodeError):
    """The LLM server did not answer within the bounded retries."""


class ContextOverflowError(ModelUnavailableError):
    """A prompt is longer than the LLM server's context."""


class NotOnTapeError(EpisodeError):
    """A replayed run asked a question that was not recorded; something differs from the recorded run."""


class NotFiniteError(EpisodeError):
    """A number of an episode is NaN or infinite; the episode is neither counted nor learned from."""


class ReplyFormatError(EpisodeError):
    """The LLM did not answer in the form asked for, within the bounded retries."""


class ServerAwayError(BillpError):
    """The LLM server went away and did not come back; the run stops where it is and can be resumed."""


class ServingError(BillpError):
    """An LLM server could not be started, or died."""


class EngineError(BillpError):
    """The workers that play episodes cannot be started, or too many of them were lost."""


class StoreAwayError(BillpError):
    """The database that keeps a service's sessions does not answer, or refused a write."""


class BrokenOffError(BillpError):
    """The person at the terminal ended the program with Ctrl-C in the middle of a live episode."""


def unusable(error: OSError) -> str:
    """Returns the sentence about a file that the system refuses, as on a full or read-only disk."""
    return f"{error.filename or 'A file'} cannot be used ({error.strerror or error}); mend that and try again."
