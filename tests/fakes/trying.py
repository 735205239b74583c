"""Malformed replies put to every role through a real server on loopback, and what each role made of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult

from billp.agents.actor_input import ActorInput
from billp.agents.closeness import Closeness
from billp.agents.llm.abilities import Abilities
from billp.agents.llm.server_chat import ServerChat
from billp.agents.llm.usage import Usage
from billp.agents.measures import ByYear
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import load_pack
from billp.agents.roles.actor import Actor
from billp.agents.roles.appraiser import Appraiser
from billp.agents.roles.critic import Critic
from billp.agents.roles.planner import Known, Planner
from billp.agents.roles.reflector import Reflector
from billp.agents.roles.wishes import WishReader
from billp.agents.tools import CategoryAnalysis
from billp.catalogue import Catalogue, Item
from billp.errors import EpisodeError, ReplyFormatError, ServerAwayError
from billp.setting_groups import LLMSettings
from billp.settings import ActorSettings, CriticSettings, PlannerSettings, ReflectorSettings
from tests.fakes.malformed import WORDS, Case, Streamed, as_sent, whole

PATIENCE_S = 30.0  # a case that takes longer hangs
_ITEMS = tuple(Item(n, f"k{n}", f"Film {n}", ("Drama",), 1990 + n) for n in range(12))
_SITUATION = AgentObservation(history=_ITEMS[:3], recommended=_ITEMS[3:5], rewards=(4, 2))
_BRIEFING = ActorInput(_SITUATION, "calm", CategoryAnalysis(("War",), ("Drama",)))
_CLOSENESS = Closeness(len(_ITEMS), [ByYear(Catalogue("tiny", _ITEMS))])
_PACK = load_pack()


@dataclass(frozen=True)
class Outcome:
    """What a role made of a case: a value, or the name of the error it raised."""

    case: Case
    value: object = None
    error: str = ""
    counted: int = 0

    @property
    def fault(self) -> str:
        """What is wrong with the outcome; empty where nothing is."""
        if self.error:
            known = {"ReplyFormatError", "ModelUnavailableError", "ContextOverflowError", "ServerAwayError"}
            if self.error not in known:
                return f"it ended with {self.error}"
            return "a right reply was refused" if self.case.right else ""
        if not self.case.right:
            return f"a wrong reply became {self.value!r}"
        if self.value != right_value(self.case.role):
            return f"the reply became {self.value!r}"
        return "a failure was not counted" if self.case.counted and not self.counted else ""


def right_value(role: str) -> object:
    """What the whole reply says."""
    if role in ("plan", "propose", "reflect", "claim"):
        return WORDS
    if role == "wish":
        return ("Drama",)
    if role in ("appraisal", "answer"):
        return 2.9 if role == "appraisal" else 1.0
    return 1 if role in ("letters", "letter") else round(7 / 9 * 5 / (1 - CriticSettings().gamma), 9)


async def tried(some: Sequence[Case], *, at_once: int = 32, first: Sequence[Case] = ()) -> list[Outcome]:
    """What the roles make of the cases, each asked once; with `first`, a case each comes before it at the first try."""
    calls: Counter[int] = Counter()

    async def handle(request: web.Request) -> web.StreamResponse:
        number = int((await request.json())["model"])
        calls[number] += 1
        sent = first[number] if first and calls[number] == 1 else some[number]
        if isinstance(sent, Streamed):
            return await _stream(request, sent) if calls[number] == 1 else web.Response(body=as_sent(whole(sent.role)))
        return web.Response(body=sent.body, status=sent.status, headers=sent.headers, content_type="application/json")

    places = asyncio.Semaphore(at_once)

    async def one(number: int, each: Case) -> Outcome:
        kind = _Watched if isinstance(each, Streamed) else ServerChat
        async with places, _chat(kind, url, str(number), each.role) as model:
            try:
                value, usage = await asyncio.wait_for(_asked(model, each.role, int(bool(first))), PATIENCE_S)
            except (EpisodeError, ServerAwayError) as error:
                return Outcome(each, error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 -- whatever else comes is what is looked for
                return Outcome(each, error=f"{type(error).__name__}: {error}"[:200])
            return Outcome(each, value, counted=usage.format_failures)

    app = web.Application(client_max_size=2**24)
    app.router.add_post("/v1/chat/completions", handle)
    async with TestServer(app, host="127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        return await asyncio.gather(*(one(number, each) for number, each in enumerate(some)))


@asynccontextmanager
async def _chat(kind: type[ServerChat], url: str, name: str, role: str) -> AsyncIterator[ServerChat]:
    settings = LLMSettings(model=name, retries=0, backoff_s=0.001, patience_s=0, timeout_s=PATIENCE_S / 2)
    able = Abilities(logprobs=role != "answer")
    async with kind(base_url=url, settings=settings, abilities=able) as model:
        yield model


async def _stream(request: web.Request, sent: Streamed) -> web.StreamResponse:
    response = web.StreamResponse(headers=dict(sent.headers))
    await response.prepare(request)
    with suppress(ConnectionError):  # a model that has read enough hangs up
        await response.write(sent.body)
        if sent.breaks and request.transport is not None:
            request.transport.abort()
    return response


class _Watched(ServerChat):
    """A model whose replies somebody watches coming."""

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))


async def _asked(model: ServerChat, role: str, retries: int) -> tuple[object, Usage]:
    if role == "plan":
        thought = await Planner(model, _PACK["planner"], PlannerSettings(retries=retries)).think(
            _SITUATION, Known(), [], 0
        )
        return thought.text, thought.usage
    if role == "reflect":
        reflector = Reflector(model, _PACK["reflector"], ReflectorSettings(retries=retries))
        lesson = await reflector.reflect(_SITUATION, left=True, seed=0)
        return lesson.text, lesson.usage
    if role in ("expected", "sampled"):
        judging = CriticSettings(retries=retries, value="logprobs" if role == "expected" else "sample")
        judged = await Critic(model, _PACK["critic"], judging, 6).judge(_SITUATION, [], 0)
        return round(judged.value, 9), judged.usage
    if role in ("claim", "wish", "appraisal", "answer"):
        return await _given(model, role, retries)
    settings = ActorSettings(retries=retries, choice="schema" if role == "letter" else "scores", orders=1)
    actor = Actor(model, _PACK, settings, 6)
    if role == "propose":
        proposal = await actor.propose(_BRIEFING, 0)
        return proposal.text, proposal.usage
    chosen = await actor.choose(_BRIEFING, _ITEMS[6:], 0, greedy=False)
    return chosen.position, chosen.usage


async def _given(model: ServerChat, role: str, retries: int) -> tuple[object, Usage]:
    """What the roles make of a case that go on without a value; that is an error here."""
    value: object
    if role == "claim":
        claiming = Reflector(model, _PACK["reflector"], ReflectorSettings(retries=retries), _PACK["claim"])
        explained = await claiming.explain(_SITUATION, _CLOSENESS, seed=0)
        value, usage = explained.text, explained.usage
    elif role == "wish":
        reader = WishReader(model, _PACK["wish"], PlannerSettings(retries=retries))
        heard = await reader.read("something sad", Catalogue("tiny", _ITEMS), None, 0, 0)
        value, usage = heard.wish.wanted, heard.usage
    else:
        found = await Appraiser(model, _PACK["item"]).appraise(_ITEMS[0])
        value, usage = None if found.log_odds is None else round(found.log_odds, 9), found.usage
    if not value:
        raise ReplyFormatError("there is none")
    return value, usage
