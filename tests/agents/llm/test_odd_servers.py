"""Servers as they are: what they say oddly is read for what it is, or refused by name."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar

import pytest
from aiohttp import web
from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import SecretStr

from billp.agents.llm import asking
from billp.agents.llm.asking import Request, ask_parsed, first_token
from billp.agents.llm.reading import Reply
from billp.agents.llm.retrying import retry_after
from billp.agents.llm.server_chat import ServerChat
from billp.agents.roles.critic import expected_score
from billp.agents.roles.planner import one_sentence
from billp.errors import ContextOverflowError, ModelUnavailableError, ReplyFormatError
from billp.setting_groups import LLMSettings
from tests.fakes.odd_server import Answer, Body, answering, completion, scored, streaming, word

pytestmark = [pytest.mark.enable_socket, pytest.mark.integration]

KEY = "planted-key-of-the-test"
REQUEST = Request("planner", "fixed", "changing", 0.5, 8, seed=7)
SCORED = Request("critic", "fixed", "changing", 0.5, 1, seed=7, scores=True)


def chat(url: str, **settings: Any) -> ServerChat:
    given: dict[str, Any] = {
        "retries": 0,
        "backoff_s": 0.01,
        "timeout_s": 5,
        "patience_s": 1,
        "api_key": SecretStr(KEY),
    } | settings
    return ServerChat(base_url=url, settings=LLMSettings(**given))


async def asked(answer: Answer, request: Request = REQUEST, **settings: Any) -> Reply:
    async with answering(answer) as url, chat(url, **settings) as model:
        return await asking.ask(model, request)


async def refused(answer: Answer, request: Request = REQUEST, **settings: Any) -> str:
    with pytest.raises(ModelUnavailableError) as caught:
        await asked(answer, request, **settings)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestThinking:
    @pytest.mark.parametrize(
        "said", ["<think>He likes\nwesterns.</think>\n\nA western.", "He likes westerns.</think>A western."]
    )
    async def test_a_closed_block_is_cut(self, said: str):
        assert (await asked(lambda _: completion(said))).text.strip() == "A western."

    @pytest.mark.parametrize(
        "said",
        [
            completion("<think>He likes westerns and"),
            completion("", message={"reasoning_content": "He likes westerns"}),
            completion(None, message={"reasoning": "He likes westerns"}),
        ],
    )
    async def test_thinking_without_words_is_a_failure_that_says_what_to_do(self, said: Body):
        async with answering(lambda _: said) as url, chat(url) as model:
            with pytest.raises(ReplyFormatError, match=r"planner gave no usable reply.*llm\.extra_body"):
                await ask_parsed(model, REQUEST, one_sentence, retries=1)

    async def test_fields_of_ones_own_are_sent_with_every_call(self):
        bodies: list[Body] = []

        def answer(body: Body) -> Body:
            bodies.append(body)
            return completion()

        off = {"chat_template_kwargs": {"enable_thinking": False}}
        await asked(answer, extra_body=off)
        assert bodies[0]["chat_template_kwargs"] == {"enable_thinking": False}


class TestLimit:
    async def test_a_server_that_knows_the_older_name_only_is_asked_with_it_from_then_on(self):
        bodies: list[Body] = []

        def answer(body: Body) -> Body | web.Response:
            bodies.append(body)
            if "max_completion_tokens" in body:
                return web.json_response({"detail": "Unknown field: max_completion_tokens"}, status=422)
            return completion()

        async with answering(answer) as url, chat(url) as model:
            for _ in range(2):
                assert (await asking.ask(model, REQUEST)).text == "a film"
        assert [("max_tokens" in body) for body in bodies] == [False, True, True]
        assert bodies[-1]["max_tokens"] == 8


class TestRefusals:
    async def test_the_servers_words_are_quoted_without_the_key_in_one_line(self):
        def answer(_: Body) -> web.Response:
            return web.json_response({"error": {"message": f"Incorrect\nkey {KEY} provided"}}, status=401)

        said = await refused(answer)
        assert "status 401: Incorrect key [api key] provided; check llm.model, llm.api_key" in said

    async def test_a_page_is_not_quoted(self):
        assert "status 403; check" in await refused(lambda _: web.Response(text="<html>no</html>", status=403))

    async def test_a_missing_path_hints_at_v1(self):
        async with answering(lambda _: completion()) as url:
            model = chat(url.removesuffix("/v1"))
            with pytest.raises(ModelUnavailableError, match=r"status 404.*end llm\.base_url in /v1"):
                await asking.ask(model, REQUEST)
            await model.__aexit__()
        assert "check llm.model" in await refused(lambda _: web.json_response({"message": "no such model"}, status=404))

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            ({"error": {"message": "model is loading", "code": 400}}, "status 400: model is loading"),
            ({"error": "out of memory"}, "status 200: out of memory"),
            ({"object": "error", "message": "bad prompt", "code": 422}, "status 422: bad prompt"),
        ],
    )
    async def test_an_error_sent_as_if_all_were_well_is_that_error(self, answer: Body, words: str):
        assert words in await refused(lambda _: answer)

    async def test_a_prompt_too_long_sent_as_if_all_were_well_is_cut_as_well(self):
        said = {"error": {"message": "This model's maximum context length is 9", "code": 400}}
        with pytest.raises(ContextOverflowError):
            await asked(lambda _: said)

    async def test_redirects_are_not_followed(self):
        calls: list[Body] = []

        def answer(body: Body) -> web.Response:
            calls.append(body)
            return web.Response(status=307, headers={"Location": f"https://me:{KEY}@elsewhere:1/v2?key={KEY}"})

        assert "redirects to https://elsewhere:1/v2, which is not followed" in await refused(answer)
        assert len(calls) == 1

    async def test_a_reply_of_many_megabytes_is_refused_while_others_go_on(self):
        big = web.Response(body=b'{"choices": [' + b"1," * 20_000_000)
        late = 0.0

        async def beat() -> None:
            nonlocal late
            while True:
                before = time.thread_time()  # work on the event loop, however busy the machine is
                await asyncio.sleep(0.01)
                late = max(late, time.thread_time() - before)

        beating = asyncio.create_task(beat())
        assert "more than 4 MB" in await refused(lambda _: big)
        beating.cancel()
        assert late < 1.0

    async def test_a_server_that_says_when_to_come_back_is_left_alone_until_then(self):
        moments: list[float] = []

        def answer(_: Body) -> Body | web.Response:
            moments.append(time.monotonic())
            return completion() if len(moments) > 1 else web.Response(status=429, headers={"Retry-After": "0.5"})

        await asked(answer, retries=1)
        assert moments[1] - moments[0] >= 0.5
        busy = web.Response(status=429, headers={"Retry-After": "3600"}, text="slow down")
        assert "not to be called for 3600 s (status 429: slow down)" in await refused(lambda _: busy, retries=9)

    def test_when_to_come_back_is_a_number_or_a_date(self):
        assert (retry_after(None), retry_after("7"), retry_after("-1"), retry_after("soon")) == (None, 7.0, 0.0, None)
        later = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
        assert later is not None
        assert 50 < later <= 60


class TestReplies:
    async def test_content_in_parts_is_put_together(self):
        parts = [{"type": "text", "text": "A "}, {"type": "image", "url": "x"}, {"type": "text", "text": "western."}]
        assert (await asked(lambda _: completion(parts))).text == "A western."

    @pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, {"content": [{"top_logprobs": None}]}])
    async def test_what_is_null_is_not_there(self, logprobs: object):
        reply = await asked(lambda _: completion("7", logprobs=logprobs, usage=None), SCORED)
        assert (reply.first_token, reply.usage.prompt_tokens, reply.usage.format_failures) == ({}, 0, 0)

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 0.5, "-0.1", None, True, [1]], ids=repr)
    async def test_a_log_probability_that_is_none_is_a_failure_and_no_value(self, bad: object):
        reply = await asked(lambda _: scored(("7", -0.1), ("8", bad)), SCORED)
        assert (reply.first_token, reply.usage.format_failures) == ({}, 1)
        async with answering(lambda _: scored(("7", -0.1), ("8", bad))) as url, chat(url) as model:
            with pytest.raises(ReplyFormatError, match="critic gave no usable reply in 2 tries"):
                await ask_parsed(model, SCORED, expected_score, retries=1)

    @pytest.mark.parametrize("alternative", ["7", {"logprob": -0.1}, {"token": 7, "logprob": -0.1}], ids=repr)
    async def test_an_alternative_of_another_form_is_a_failure(self, alternative: object):
        reply = await asked(lambda _: scored(alternative), SCORED)
        assert (reply.first_token, reply.usage.format_failures) == ({}, 1)

    @pytest.mark.parametrize(
        "usage",
        ["many", {"prompt_tokens": -1}, {"prompt_tokens": 1e30}, {"completion_tokens": "9"},
         {"prompt_tokens_details": {"cached_tokens": float("nan")}}],
        ids=repr,
    )  # fmt: skip
    async def test_an_absurd_cost_is_a_failure_and_not_added_up(self, usage: object):
        reply = await asked(lambda _: completion(usage=usage))
        assert reply.text == "a film"
        spent = reply.usage
        assert (spent.calls, spent.prompt_tokens, spent.completion_tokens, spent.format_failures) == (1, 0, 0, 1)

    async def test_first_tokens_are_read_side_by_side(self):
        def answer(body: Body) -> Body:
            return scored(("7", -0.1 * body["seed"]))

        async with answering(answer) as url, chat(url) as model:
            calls = [first_token(model, "fixed", "changing", role="prior", seed=seed) for seed in range(20)]
            found = await asyncio.gather(*calls)
        assert [scores for scores, _ in found] == [{"7": pytest.approx(-0.1 * seed)} for seed in range(20)]
        assert sum(usage.prompt_tokens for _, usage in found) == 20 * 9


class TestStreams:
    prompt: ClassVar = [SystemMessage("fixed"), HumanMessage("changing")]
    end: ClassVar = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}

    async def test_words_come_one_by_one_and_add_up_to_the_reply(self):
        async with streaming(word("a "), word("film"), self.end) as url, chat(url) as model:
            pieces = [piece async for piece in model.astream(self.prompt, max_tokens=8)]
        assert [str(piece.text) for piece in pieces if piece.text] == ["a ", "film"]
        whole = pieces[0]
        for piece in pieces[1:]:
            whole = whole + piece
        assert whole.text == "a film"
        assert whole.usage_metadata is not None
        assert (whole.usage_metadata["input_tokens"], whole.usage_metadata["output_tokens"]) == (9, 2)
        assert whole.response_metadata["model_name"] == model.model

    async def test_a_stream_that_breaks_off_goes_on_where_the_reply_is_the_same(self):
        whole = completion("a film of war")
        async with streaming(word("a "), word("film"), breaks=True, whole=whole) as url, chat(url) as model:
            pieces = [piece async for piece in model.astream(self.prompt, max_tokens=8)]
        assert "".join(str(piece.text) for piece in pieces) == "a film of war"

    async def test_a_stream_that_breaks_off_never_becomes_two_replies_in_one(self):
        whole = completion("something else")
        async with streaming(word("a "), breaks=True, whole=whole) as url, chat(url) as model:
            with pytest.raises(ModelUnavailableError, match="broke off in the middle"):
                [piece async for piece in model.astream(self.prompt, max_tokens=8)]

    async def test_an_error_in_a_stream_is_that_error(self):
        async with streaming({"error": {"message": "gone wrong", "code": 400}}) as url, chat(url) as model:
            with pytest.raises(ModelUnavailableError, match="status 400: gone wrong"):
                [piece async for piece in model.astream(self.prompt, max_tokens=8)]

    async def test_a_server_that_cannot_stream_answers_in_one_piece(self):
        async with answering(lambda _: completion()) as url, chat(url) as model:
            pieces = [piece async for piece in model.astream(self.prompt, max_tokens=8)]
        assert "".join(str(piece.text) for piece in pieces) == "a film"


def test_no_key_is_shown_by_the_model_itself():
    model = chat("http://127.0.0.1:9/v1")
    assert KEY not in repr(model) + json.dumps(model._serialized) + str(model.asdict())
