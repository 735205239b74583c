"""The form fields that `langgraph dev` shows for each graph: what goes in, and how to run it."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo

from billp.agents.prompt_pack import PromptPack, load_pack
from billp.graphs.methods import SERVED
from billp.graphs.state import EpisodeContext, EpisodeInput
from billp.settings import load_settings

_CONFIG = ConfigDict(extra="forbid")
_FIXED = "The method of this graph"
_PROMPTS = {
    "planner_prompt": "planner",
    "actor_prompt": "actor-shortlist",
    "actor_free_prompt": "actor-free",
    "critic_prompt": "critic",
    "reflector_prompt": "reflector",
    "wish_prompt": "wish",
}
_MEMORY = "Name of the memory to read, and to write when learning"


@cache
def shown_pack() -> PromptPack:
    """Returns the prompts that forms show, those of the settings; raises PromptError and SettingsError."""
    return load_pack(load_settings().prompts)


def _prompt(role: str, node: str) -> FieldInfo:
    """Returns a field for the prompt of a role, which Studio lets people edit at the node that asks it."""

    def marked(schema: JsonDict) -> None:
        schema |= {"default": shown_pack()[role].text, "langgraph_nodes": [node], "langgraph_type": "prompt"}

    field: FieldInfo = Field(
        description=f"The {role} prompt: instructions, =====, the part that changes (Jinja2); empty: as in `prompts`",
        json_schema_extra=marked,
    )
    return field


@dataclass(frozen=True, config=_CONFIG)
class ServedContext(EpisodeContext):
    """How to run an episode, with which LLM, and with which words; empty prompts are those of the pack."""

    model: Annotated[
        str,
        Field(
            description="LLM: provider:model, or a name that the server of the settings knows; empty: as set",
            # LangGraph Studio offers its choice of models for fields marked so.
            json_schema_extra={"__template_metadata__": {"kind": "llm"}},
        ),
    ] = ""
    temperature: Annotated[
        float, Field(ge=-1, le=2, description="Sampling temperature of every role; below 0: as set for each")
    ] = -1.0
    top_p: Annotated[
        float, Field(ge=0, le=1, description="Every role draws words from the likeliest of this share; 0: as set")
    ] = 0.0
    max_tokens: Annotated[
        int, Field(ge=0, description="Most tokens of a thought and of a reflection; 0: as set for each")
    ] = 0
    planner_prompt: Annotated[str, _prompt("planner", "plan")] = ""
    actor_prompt: Annotated[str, _prompt("actor-shortlist", "act")] = ""
    actor_free_prompt: Annotated[str, _prompt("actor-free", "act")] = ""
    critic_prompt: Annotated[str, _prompt("critic", "criticise")] = ""
    reflector_prompt: Annotated[str, _prompt("reflector", "reflect")] = ""

    @property
    def edited(self) -> dict[str, str]:
        """The prompts that are others than the form shows, by role."""
        given = {role: getattr(self, name, "") for name, role in _PROMPTS.items()}
        return {role: text for role, text in given.items() if text.strip() not in ("", shown_pack()[role].text.strip())}


@dataclass(frozen=True, config=_CONFIG)
class ReflexionContext(ServedContext):
    """How to run an episode of Reflexion."""

    method: Annotated[Literal["reflexion"], Field(description=_FIXED)] = "reflexion"
    memory: Annotated[str, Field(description=_MEMORY)] = "reflexion"


@dataclass(frozen=True, config=_CONFIG)
class ReactContext(ServedContext):
    """How to run an episode of ReAct, which has no memory."""

    method: Annotated[Literal["react"], Field(description=_FIXED)] = "react"


@dataclass(frozen=True, config=_CONFIG)
class ActOnlyContext(ServedContext):
    """How to run an episode that acts without thoughts and without memory."""

    method: Annotated[Literal["act-only"], Field(description=_FIXED)] = "act-only"


@dataclass(frozen=True, config=_CONFIG)
class LiveContext(ServedContext):
    """How to run an episode with a person; what it teaches is kept in a memory of that person's own."""

    method: Annotated[
        str,
        Field(
            description="How recommendations are made",
            json_schema_extra={"enum": [name for name in SERVED if name != "oracle"]},
        ),
    ] = "billp"
    run: Annotated[str, Field(min_length=1, description="Name under which memory remembers where it came from")] = (
        "live-studio"
    )
    memory: Annotated[
        str,
        Field(description=f"{_MEMORY}; empty is one of your own, apart from simulated users and from other people"),
    ] = ""

    wish_prompt: Annotated[str, _prompt("wish", "heed")] = ""


class LiveInput(EpisodeInput):
    """Who is there."""

    user: Annotated[
        str, Field(description="Your name, or the id of a user in the logs", json_schema_extra={"default": "me"})
    ]
    episode: Annotated[
        str,
        Field(description="Name of the episode; empty is a new one each time", json_schema_extra={"default": ""}),
    ]
    likes: Annotated[
        list[str],
        Field(
            description="Titles you like, oldest first; none takes the user's history from the logs, if there is one",
            json_schema_extra={"default": []},
        ),
    ]
