"""Replies as servers should not send them: a well-formed reply damaged in one place, by a seed.

So the right outcome of each is known: the value that the whole reply holds, or an error that says what is wrong.
`tests.fakes.trying` puts them to the roles.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

ROLES = (
    "plan", "propose", "reflect", "letters", "letter", "expected", "sampled", "claim", "wish", "appraisal", "answer",
)  # fmt: skip
WORDS, LETTER, SCORE, YES = "Try a comedy.", "B", "7", "yes"
CLAIM = {"cause": "none known", "step": 1, "kind": "Drama", "why": WORDS}
WISH = {"wanted": ["Drama"]}
_SCORING = ("letters", "expected", "appraisal")

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
NO_ANSWER: tuple[object, ...] = ("", "maybe", "yes or no", "ja", "y", "<think>yes", '["x"]', "\uff59es", None, [])
NO_CLAIM: tuple[object, ...] = (
    "", WORDS, "{", "[]", '"none known"', "{}", '{"cause": "none known"}', "<think>{", "\u200b", None, [],
    *(json.dumps(CLAIM | {name: junk}) for name, junk in (
        ("cause", None), ("cause", "no such"), ("cause", ["none known"]), ("cause", {}), ("step", None), ("step", "1"),
        ("step", 1.5), ("step", True), ("step", float("nan")), ("step", float("inf")), ("why", None), ("why", True),
        ("why", 7), ("why", ""), ("why", "12 34"), ("why", [WORDS]), ("why", {"text": WORDS}), ("why", "\u200b"),
    )),
    '{"cause":' * 900, '{"why":' * 400 + "1" + "}" * 400, '{"step": ' + "9" * 5000 + "}",
)  # fmt: skip
_NO_LIST: tuple[object, ...] = (
    None, "Drama", 7, True, {}, [], [None], [["Drama"]], ["Dramas"], ["War", 7],
)  # fmt: skip
NO_WISH: tuple[object, ...] = (
    "", "{", "[]", "{}", "null", "<think>{", None, [], '{"refused": ["Drama"]}',
    *(json.dumps({"wanted": junk}) for junk in _NO_LIST),
    '{"wanted": ' + "[" * 900,
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
class Streamed(Case):
    """A reply in pieces, as Studio and other watchers get it; where the model then asks for a whole one, it is sent."""

    breaks: bool = False
    """The connection is cut off after it."""


def whole(role: str) -> dict[str, Any]:
    """A reply in which nothing is wrong."""
    said = {
        "letters": LETTER, "letter": f'"{LETTER}"', "expected": SCORE, "sampled": f'"{SCORE}"', "appraisal": YES,
        "answer": f'"{YES}"', "claim": json.dumps(CLAIM), "wish": json.dumps(WISH),
    }.get(role, WORDS)  # fmt: skip
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


def streams(count: int, seed: int = 0) -> list[Case]:
    """So many damaged streams of words."""
    rng = random.Random(seed)  # noqa: S311 -- no secrets
    return [_of_stream(rng, ROLES[number % 3]) for number in range(count)]


def as_sent(reply: object) -> bytes:
    """As JSON, with NaN and Infinity as some servers write them, and lone surrogates escaped."""
    return json.dumps(reply).encode()


def _of_text(rng: random.Random, role: str) -> Case:
    wrong: Sequence[object] = {
        "letter": NO_LETTER, "sampled": NO_SCORE, "claim": NO_CLAIM, "wish": NO_WISH, "answer": NO_ANSWER,
    }.get(role, NO_WORDS)  # fmt: skip
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
    body = rng.choice([
        as_sent(whole(role)), b"", b"<html>", b'{"error": null}', b"\xff", b'{"error": {"message": 7}}', b"[" * 100_000,
        b'{"error":' * 900 + b"1" + b"}" * 900,
    ])  # fmt: skip
    after = rng.choice(["", "0", "-1", "nan", "inf", "1e999", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "9" * 400])
    headers = (("Retry-After", after),) if after else ()
    if 300 <= status < 400:
        headers = (*headers, ("Location", rng.choice(["/v1/other", "http://[", "http://127.0.0.1:9/x", "\u00ff"])))
    return Case(f"status {status} {after}", role, b"" if status == 204 else body, status=status, headers=headers)


def _of_stream(rng: random.Random, role: str) -> Case:
    said: list[bytes] = [_event({"choices": [{"delta": {"content": word}}]}) for word in ("Try ", "a ", "comedy.")]
    usage: dict[str, Any] = {"prompt_tokens": 9, "completion_tokens": 3}
    end = [_event({"choices": [{"delta": {}, "finish_reason": "stop"}]}), _event({"choices": [], "usage": usage})]
    done, place = b"data: [DONE]\n\n", rng.randrange(4)
    kind = rng.choice(["wrong", "harmless", "usage", "unfinished", "broken", "whole", "long line", "endless"])
    junk: object = ""
    if kind == "wrong":
        text = [{"choices": [{"delta": {"content": text}}]} for text in NO_TEXT]
        junk = rng.choice(
            [*text, {"choices": None}, {"choices": [None]}, {"choices": "x"}, {"error": {"message": "no"}}]
        )
        said.insert(place, rng.choice([_event(junk), b'data: {"cut\n\n', b'data: {"a": \xff}\n\n']))
    elif kind == "harmless":
        said.insert(
            place, rng.choice([b": waiting\n\n", b"\n", b"data: null\n\n", b"event: x\n\n", _event({"choices": []})])
        )
    elif kind == "usage":
        junk = rng.choice(NO_COUNT)
        end[1] = _event({"choices": [], "usage": usage | {"prompt_tokens": junk}})
    elif kind == "long line":
        said.insert(place, b"data: {" + b"x" * 2**20 + b"\n\n")
    elif kind == "endless":
        said.insert(place, b": waiting\n\n" * 500_000)
    if kind in ("unfinished", "broken"):
        body = b"".join(said[: max(1, place)])
    else:
        body = as_sent(whole(role)) if kind == "whole" else b"".join([*said, *end, done])
    headers = () if kind == "whole" else (("Content-Type", "text/event-stream"),)
    right = kind in ("harmless", "usage", "unfinished", "broken", "whole")
    name = f"stream {kind} {junk!r:.30}"
    return Streamed(name, role, body, right, kind == "usage", headers=headers, breaks=kind == "broken")


def _event(piece: object) -> bytes:
    return b"data: " + as_sent(piece) + b"\n\n"
