"""Replies as servers should not send them, and what each role may make of them.

A case is a well-formed reply damaged in one place, by a seed; so the right outcome is known: the value that the whole
reply holds, or an error that names what is wrong. `tried` puts cases to the roles through a real server on loopback.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from agents.actor import Actor
from agents.briefing import Briefing
from agents.critic import Critic
from agents.llm.server_chat import ServerChat
from agents.llm.usage import Usage
from agents.planner import Planner
from agents.policy import Advice
from agents.prompt_pack import load_pack
from agents.reflector import Reflector
from agents.tools import CategoryAnalysis
from agents.views import Situation
from catalogue import Item
from errors import EpisodeError, ServerAwayError
from settings import ActorSettings, CriticSettings, LLMSettings, PlannerSettings, ReflectorSettings

ROLES = ("plan", "propose", "reflect", "letters", "letter", "expected", "sampled")
PATIENCE_S = 30.0  # a case that takes longer hangs
WORDS, LETTER, SCORE = "Try a comedy.", "B", "7"
_ITEMS = tuple(Item(n, f"k{n}", f"Film {n}", ("Drama",), 1990 + n) for n in range(12))
_SITUATION = Situation(history=_ITEMS[:3], recommended=_ITEMS[3:5], rewards=(4, 2))
_BRIEFING = Briefing(_SITUATION, "calm", CategoryAnalysis(("War",), ("Drama",)))
_PACK = load_pack()
_SCORING = ("letters", "expected")

NO_WORDS: tuple[object, ...] = (
    "",
    " ",
    "\u200b\ufeff",
    "…",
    "12 34",
    "<think>He likes",
    "<thinking>a</thinking>",
    "\x00\x1b[",
    None,
    [],
)
NO_LETTER: tuple[object, ...] = (
    "", "Z", "AB", "b", '"B" or "C"', '["B"]', '{"x": "B"}', "B.", "\uff22", "0", "<think>B", None, [],
    "B" * 500,
)  # fmt: skip
NO_SCORE: tuple[object, ...] = (
    "", "10", "-1", "7.5", "7 8", "NaN", "Infinity", "null", "\u0667", "\u2077", "seven", "77", "<think>7",
    None, [],
)  # fmt: skip
NO_NUMBER: tuple[object, ...] = (
    None, True, False, "-0.1", "", [], {}, float("nan"), float("inf"), float("-inf"), 5.0, 1e300, 10**400,
    -(10**400),
)  # fmt: skip
NO_COUNT: tuple[object, ...] = (True, "9", -5, 10**30, 10**400, 9.5, float("nan"), float("inf"), [], {})
NO_TEXT: tuple[object, ...] = (True, 7, 1.5, {}, {"text": "x"}, [7], [[WORDS]], 10**400)


@dataclass(frozen=True)
class Case:
    """One reply: `right`: a role may take its value from it; `counted`: something in it must be counted."""

    kind: str
    role: str
    body: bytes
    right: bool = False
    counted: bool = False
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


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
    if role in ("plan", "propose", "reflect"):
        return WORDS
    return 1 if role in ("letters", "letter") else round(7 / 9 * 5 / (1 - CriticSettings().gamma), 9)


def whole(role: str) -> dict[str, Any]:
    """A reply in which nothing is wrong."""
    said = {"letters": LETTER, "letter": f'"{LETTER}"', "expected": SCORE, "sampled": f'"{SCORE}"'}.get(role, WORDS)
    logprobs = None
    if role in _SCORING:
        top = [{"token": said, "logprob": -0.1}, {"token": "the", "logprob": -3.0}]
        logprobs = {"content": [{"token": said, "logprob": -0.1, "top_logprobs": top}]}
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    return {"choices": [{"message": {"role": "assistant", "content": said}, "logprobs": logprobs}], "usage": usage}


def case(rng: random.Random, role: str) -> Case:
    """One damaged reply."""
    kinds = [_of_text, _of_usage, _of_shape, _of_bytes, _of_status]
    return rng.choice([*kinds, _of_scores, _of_scores] if role in _SCORING else kinds)(rng, role)


def cases(count: int, seed: int = 0) -> list[Case]:
    """So many damaged replies, to each role in turn; the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 -- no secrets
    return [case(rng, ROLES[number % len(ROLES)]) for number in range(count)]


def as_sent(reply: object) -> bytes:
    """As JSON, with NaN and Infinity as some servers write them, and lone surrogates escaped."""
    return json.dumps(reply).encode()


def _of_text(rng: random.Random, role: str) -> Case:
    wrong: Sequence[object] = {"letter": NO_LETTER, "sampled": NO_SCORE}.get(role, NO_WORDS)
    reply, said = whole(role), rng.choice([*wrong, *NO_TEXT])
    reply["choices"][0]["message"]["content"] = said
    unread = role in _SCORING and said not in NO_TEXT  # what is read there is the scores
    return Case(f"text {said!r:.30}", role, as_sent(reply), right=unread)


def _of_scores(rng: random.Random, role: str) -> Case:
    reply = whole(role)
    choice = reply["choices"][0]
    entry = choice["logprobs"]["content"][0]
    kind = rng.choice(["logprob", "token", "entry", "alternatives", "first", "content", "all"])
    junk = rng.choice(NO_NUMBER)
    if kind == "logprob":
        entry["top_logprobs"][rng.randrange(2)]["logprob"] = junk
    elif kind == "token":
        junk = rng.choice([None, 7, True, [], {}])
        entry["top_logprobs"][rng.randrange(2)]["token"] = junk
    elif kind == "entry":
        entry["top_logprobs"][rng.randrange(2)] = junk = rng.choice([None, 7, "x", [], {}])
    elif kind == "alternatives":
        entry["top_logprobs"] = junk = rng.choice([None, [], {}, "x", 7, [{"token": "the", "logprob": -1.0}]])
    elif kind == "first":
        choice["logprobs"]["content"][0] = junk = rng.choice([None, {}, [], "x", 7])
    elif kind == "content":
        choice["logprobs"]["content"] = junk = rng.choice([None, {}, [], "x", 7])
    else:
        choice["logprobs"] = junk = rng.choice([None, {}, [], "x", 7, True])
    # The Actor then asks for the letter itself, which is right here; the Critic has nothing else to go by.
    return Case(f"{kind} {junk!r:.30}", role, as_sent(reply), right=role == "letters", counted=True)


def _of_usage(rng: random.Random, role: str) -> Case:
    reply, junk = whole(role), rng.choice(NO_COUNT)
    place = rng.choice(["prompt_tokens", "completion_tokens", "cached_tokens", "more cached than sent", "whole"])
    if place == "whole":
        reply["usage"] = junk = rng.choice([True, "x", 7, [1], 1.5])
    elif place == "more cached than sent":
        reply["usage"]["prompt_tokens_details"]["cached_tokens"] = 10
    elif place == "cached_tokens":
        reply["usage"]["prompt_tokens_details"][place] = junk
    else:
        reply["usage"][place] = junk
    return Case(f"usage {place} {junk!r:.30}", role, as_sent(reply), right=True, counted=True)


def _of_shape(rng: random.Random, role: str) -> Case:
    reply = whole(role)
    shapes: list[object] = [
        None, [], {}, "x", 7, True, float("nan"), [reply], {"choices": None}, {"choices": []}, {"choices": {}},
        {"choices": [None]}, {"choices": [[]]}, {"choices": [{}]}, {"choices": [{"message": None}]},
        {"choices": [{"message": []}]}, {"choices": "x"}, {"error": "no"}, {"error": {"message": "no", "code": 500}},
        {"object": "error", "message": "no", "code": 10**400}, {"detail": [{"loc": [], "msg": "no"}]},
    ]  # fmt: skip
    shape = deepcopy(rng.choice(shapes))
    return Case(f"shape {shape!r:.40}", role, as_sent(shape))


def _of_bytes(rng: random.Random, role: str) -> Case:
    sent = as_sent(whole(role))
    cut = rng.randrange(len(sent))
    damaged: dict[str, bytes] = {
        "cut": sent[:cut], "twice": sent + sent, "tail": sent + b"}", "nothing": b"", "html": b"<html>hello</html>",
        "nul": b"\0" * 100, "latin": b'{"choices": "\xff\xfe"}', "bom": b"\xef\xbb\xbf\xef\xbb\xbf" + sent,
        "deep": b"[" * 100_000, "deep object": b'{"a":' * 50_000, "huge": b'"' + b"x" * (5 * 2**20) + b'"',
        "number": b"9" * 50_000, "stream": b"data: " + sent,
    }  # fmt: skip
    kind = rng.choices(list(damaged), [6, 1, 1, 1, 1, 1, 1, 1, 0.2, 0.2, 0.1, 1, 1])[0]
    return Case(f"bytes {kind}", role, damaged[kind])


def _of_status(rng: random.Random, role: str) -> Case:
    status = rng.choice(
        [201, 204, 301, 302, 307, 308, 400, 401, 403, 404, 408, 413, 418, 422, 429, 500, 502, 503, 504, 599]
    )
    body = rng.choice([as_sent(whole(role)), b"", b"<html>", b'{"error": null}', b"\xff", b'{"error": {"message": 7}}'])
    after = rng.choice(["", "0", "-1", "nan", "inf", "1e999", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "9" * 400])
    headers = (("Retry-After", after),) if after else ()
    if 300 <= status < 400:
        headers = (*headers, ("Location", rng.choice(["/v1/other", "http://[", "http://127.0.0.1:9/x", "\u00ff"])))
    return Case(f"status {status} {after}", role, b"" if status == 204 else body, status=status, headers=headers)


async def tried(some: Sequence[Case], *, at_once: int = 32, first: Sequence[Case] = ()) -> list[Outcome]:
    """What the roles make of the cases, each asked once; with `first`, a case each comes before it at the first try."""
    calls: Counter[int] = Counter()

    async def handle(request: web.Request) -> web.StreamResponse:
        number = int((await request.json())["model"])
        calls[number] += 1
        sent = first[number] if first and calls[number] == 1 else some[number]
        return web.Response(body=sent.body, status=sent.status, headers=sent.headers, content_type="application/json")

    places = asyncio.Semaphore(at_once)

    async def one(number: int, each: Case) -> Outcome:
        async with places, _chat(url, str(number)) as model:
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
async def _chat(url: str, name: str) -> AsyncIterator[ServerChat]:
    settings = LLMSettings(model=name, retries=0, backoff_s=0.001, patience_s=0, timeout_s=PATIENCE_S / 2)
    async with ServerChat(base_url=url, settings=settings) as model:
        yield model


async def _asked(model: ServerChat, role: str, retries: int) -> tuple[object, Usage]:
    if role == "plan":
        thought = await Planner(model, _PACK["planner"], PlannerSettings(retries=retries)).think(_SITUATION, [], [], 0)
        return thought.text, thought.usage
    if role == "reflect":
        reflector = Reflector(model, _PACK["reflector"], ReflectorSettings(retries=retries))
        lesson = await reflector.reflect(_SITUATION, left=True, seed=0)
        return lesson.text, lesson.usage
    if role in ("expected", "sampled"):
        judging = CriticSettings(retries=retries, value="logprobs" if role == "expected" else "sample")
        judged = await Critic(model, _PACK["critic"], judging, 6).judge(_SITUATION, [], 0)
        return round(judged.value, 9), judged.usage
    settings = ActorSettings(retries=retries, choice="schema" if role == "letter" else "scores", orders=1, ask="always")
    actor = Actor(model, _PACK, settings, 6)
    if role == "propose":
        proposal = await actor.propose(_BRIEFING, 0)
        return proposal.text, proposal.usage
    chosen = await actor.choose(_BRIEFING, _ITEMS[6:], 0, advice=Advice((0.0,) * 6, 1.0))
    return chosen.position, chosen.usage
