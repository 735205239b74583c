"""A chat model whose calls are recorded on a tape, or answered from one."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from billp.agents.llm.abilities import Abilities, abilities_of
from billp.agents.llm.asking import asking
from billp.agents.llm.reading import Reply, message_of, reply_of
from billp.agents.llm.schema import choices_of, schema_of
from billp.agents.llm.tape import Entry, Tape
from billp.agents.llm.wrapping import AsyncChat, Manager, in_one_piece
from billp.errors import ContextOverflowError, ModelUnavailableError, NotOnTapeError


class TapedChat(AsyncChat):
    """Any chat model whose calls are recorded on a tape; without a model, the tape alone answers."""

    tape: Tape
    inner: Any = None
    """The chat model behind the tape; None if the tape alone answers."""
    model: str
    """The model's name."""
    sha256: str = ""
    """Digest of the model's file, empty if not known."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Fields sent with every call in addition to its parameters (`llm.extra_body`)."""

    def model_post_init(self, context: object, /) -> None:
        """Records on the tape which model answers; raises TapeError if the name had another file."""
        super().model_post_init(context)
        if self.inner is not None:
            self.tape.add_model(self.model, self.sha256)

    @property
    def abilities(self) -> Abilities:
        """What the model can do, or could when it was recorded."""
        return self.tape.abilities_of(self.model) if self.inner is None else abilities_of(self.inner)

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> ChatResult:
        """Returns the recorded reply, or asks the model and records its reply or failure; a failure is asked again.

        Raises ModelUnavailableError as the model does or did, NotOnTapeError if nothing is recorded and there is no
        model behind the tape.
        """
        role = asking.get()
        key = call_key(self.model, self.sha256, messages, {**kwargs, "extra_body": self.extra})
        recorded = self.tape.find(key)
        if recorded is not None and (self.inner is None or not recorded.error):
            return self._result(recorded)
        if self.inner is None:
            raise NotOnTapeError(
                f"This {role} call is not on the tape {self.tape.path}: prompts, settings, data or memory are "
                f"not those it was recorded with; restore them, or record again with --tape record."
            )
        started = time.perf_counter()
        try:
            result = await self.inner._agenerate(messages, stop, run_manager, **kwargs)
        except ModelUnavailableError as error:
            entry = Entry(error=str(error), overflow=isinstance(error, ContextOverflowError))
        else:
            entry = entry_of(reply_of(result.generations[0].message, time.perf_counter() - started))
        return self._result(self.tape.put(key, role, entry))

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Yields the reply in one piece: two equal questions at once both get what the tape holds then."""
        yield in_one_piece(await self._agenerate(messages, stop, run_manager, **kwargs))

    def _result(self, entry: Entry) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=message_of(entry.reply(), self.model))])

    @property
    def _llm_type(self) -> str:
        return "tape"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "tape": str(self.tape.path)}


def entry_of(reply: Reply) -> Entry:
    """Returns the parts of a reply that go onto the tape."""
    return Entry(text=reply.text, first_token=dict(reply.first_token), usage=reply.usage, problem=reply.problem)


def call_key(model: str, sha256: str, messages: list[BaseMessage], parameters: dict[str, Any]) -> str:
    """Returns the SHA-256 of everything that shapes the reply: model, prompt, parameters and seed, as canonical JSON.

    A call with a system and a user message and no parameters but those of roles has the key that it had on tapes of
    earlier versions.
    """
    known = ("temperature", "max_tokens", "seed", "response_format", "logprobs", "top_logprobs", "stream")
    asked: dict[str, Any] = {
        "model": model,
        "model_sha256": sha256,
        "temperature": parameters.get("temperature"),
        "max_tokens": parameters.get("max_tokens"),
        "seed": parameters.get("seed"),
        "choices": choices_of(parameters.get("response_format")),
        "scores": bool(parameters.get("logprobs")),
        **{name: value for name, value in parameters.items() if name not in known and value},
    }
    if (schema := schema_of(parameters.get("response_format"))) is not None:
        asked["schema"] = schema
    if [message.type for message in messages] == ["system", "human"]:
        asked |= {"system": messages[0].content, "user": messages[1].content}
    else:
        asked["messages"] = [[message.type, message.content] for message in messages]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
