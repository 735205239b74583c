"""The one door to chat models, against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import json
import traceback

import pytest
from pydantic import SecretStr

from billp.agents.llm import asking
from billp.agents.llm.asking import Request, ask_parsed, call_seed
from billp.agents.llm.reading import Reply
from billp.agents.llm.retrying import AwayError, Patience
from billp.agents.llm.server_chat import ServerChat
from billp.agents.llm.usage import Usage
from billp.errors import ContextOverflowError, ModelUnavailableError, ReplyFormatError, ServerAwayError
from billp.setting_groups import LLMSettings
from tests.fakes.model import QueueModel
from tests.fakes.server import Script, completion, serving

QUICK = LLMSettings(retries=2, backoff_s=0.01, timeout_s=5, api_key=SecretStr("planted-key"))


async def ask(url: str, settings: LLMSettings, asked: Request) -> Reply:
    async with ServerChat(base_url=url, settings=settings) as model:
        return await asking.ask(model, asked)


def request(**changes: object) -> Request:
    fields: dict[str, object] = {
        "role": "planner",
        "system": "fixed",
        "user": "changing",
        "temperature": 0.5,
        "max_tokens": 8,
        "seed": 7,
    }
    return Request(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.enable_socket
@pytest.mark.integration
class TestServerChat:
    async def test_sends_what_the_request_says(self):
        script = Script()
        with serving(script) as url:
            reply = await ask(url, QUICK, request(choices=("A", "B")))
        (body,) = script.bodies
        assert body["messages"] == [
            {"role": "system", "content": "fixed"},
            {"role": "user", "content": "changing"},
        ]
        assert body["seed"] == 7
        assert body["temperature"] == 0.5
        assert body["max_completion_tokens"] == 8
        assert body["response_format"]["json_schema"]["schema"]["enum"] == ["A", "B"]
        assert script.keys == ["Bearer planted-key"]
        assert reply.text in {'"A"', '"B"'}
        assert reply.usage.calls == 1
        assert reply.usage.completion_tokens == 4

    async def test_reads_first_token_scores(self):
        with serving() as url:
            reply = await ask(url, QUICK, request(scores=True, max_tokens=1))
        assert reply.first_token[reply.text] == -0.1
        assert len(reply.first_token) == 7

    async def test_tries_again_while_the_server_fails(self):
        script = Script(statuses=[500, 429])
        with serving(script) as url:
            await ask(url, QUICK, request())
        assert len(script.bodies) == 3

    async def test_gives_up_after_the_stated_tries(self):
        script = Script(statuses=[500] * 10)
        with serving(script) as url, pytest.raises(ModelUnavailableError, match="500"):
            await ask(url, QUICK, request())
        assert len(script.bodies) == 3

    async def test_does_not_repeat_a_refused_call(self):
        script = Script(statuses=[401] * 10)
        with serving(script) as url, pytest.raises(ModelUnavailableError, match="401") as caught:
            await ask(url, QUICK, request())
        assert len(script.bodies) == 1
        assert "planted-key" not in str(caught.value)

    async def test_a_server_that_is_away_stops_the_run_when_patience_ends(self):
        with pytest.raises(ServerAwayError, match=r"127\.0\.0\.1:9.*did not come back within 0\.2 s .*--resume"):
            await ask("http://127.0.0.1:9/v1", QUICK.model_copy(update={"patience_s": 0.2}), request())

    async def test_a_connection_that_the_server_let_go_of_is_no_server_that_is_away(
        self, caplog: pytest.LogCaptureFixture
    ):
        calls = 0

        async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal calls
            for last in (False, True):  # it says that the connection stays, and ends it when the next call comes
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
                calls += 1
                if not last:
                    body = json.dumps(completion({"messages": []})).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                    writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
                    await writer.drain()
            writer.close()

        async with await asyncio.start_server(one_answer, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            async with ServerChat(base_url=url, settings=QUICK, waits=False) as model:
                replies = [await asking.ask(model, request()) for _ in range(3)]
        assert all(reply.text for reply in replies)
        assert calls == 5
        assert not caplog.records

    async def test_a_server_behind_a_gateway_is_waited_for(self, caplog: pytest.LogCaptureFixture):
        script = Script(statuses=[502, 503, 504] * 2)
        with serving(script) as url:
            reply = await ask(url, QUICK, request())
        assert reply.text
        assert len(script.bodies) == 7, "more often than the 2 further tries of a server that fails"
        assert len([record for record in caplog.records if "is away; waiting up to" in record.message]) == 1

    @pytest.mark.parametrize(
        "said",
        [
            "This model's maximum context length is 1024 tokens. However, you requested 2000 tokens.",
            "the request exceeds the available context size (exceed_context_size_error)",
        ],
    )
    async def test_a_prompt_that_is_too_long_is_named_and_not_asked_again(self, said: str):
        script = Script(statuses=[400] * 3, refusal=said)
        with serving(script) as url, pytest.raises(ContextOverflowError, match="planner's prompt is longer"):
            await ask(url, QUICK, request())
        assert len(script.bodies) == 1

    async def test_another_bad_request_is_no_overflow(self):
        with serving(Script(statuses=[400])) as url, pytest.raises(ModelUnavailableError, match="400") as caught:
            await ask(url, QUICK, request())
        assert not isinstance(caught.value, ContextOverflowError)

    async def test_a_server_that_speaks_otherwise_is_named(self):
        with serving(Script(foreign=True)) as url, pytest.raises(ModelUnavailableError, match="OpenAI-compatible"):
            await ask(url, QUICK, request())

    @pytest.mark.parametrize("script", [Script(echo=True, statuses=[401]), Script(echo=True, foreign=True)])
    async def test_an_error_quotes_no_key_that_a_server_echoed(self, script: Script):
        with serving(script) as url, pytest.raises(ModelUnavailableError) as caught:
            await ask(url, QUICK, request())
        assert script.keys == ["Bearer planted-key"]
        assert "planted-key" not in "".join(traceback.format_exception(caught.value)), "nor what it was caused by"

    async def test_a_key_that_a_server_echoed_is_cut_out_of_the_reply(self):
        with serving(Script(echo=True)) as url:
            assert (await ask(url, QUICK, request())).text.endswith(" Bearer [api key]")
            word = QUICK.model_copy(update={"api_key": SecretStr("EMPTY")})
            assert (await ask(url, word, request())).text.endswith(" Bearer EMPTY"), "a word is no secret"

    async def test_a_slow_server_is_a_time_out(self):
        slow = QUICK.model_copy(update={"timeout_s": 0.05, "retries": 1})
        with serving(Script(delay_s=0.5)) as url, pytest.raises(ModelUnavailableError, match="TimeoutError"):
            await ask(url, slow, request())


def only_yes(reply: Reply) -> str:
    if reply.text != "yes":
        raise ReplyFormatError(f"the reply {reply.text!r} is not yes")
    return reply.text


async def test_an_unusable_reply_is_asked_for_again_with_another_seed():
    model = QueueModel(["no", "yes"])
    value, usage = await ask_parsed(model, request(), only_yes, retries=2)
    assert value == "yes"
    assert [asked.seed for asked in model.requests] == [7, 8]
    assert (usage.calls, usage.format_failures) == (2, 1)


async def test_unusable_replies_end_in_a_named_failure():
    with pytest.raises(ReplyFormatError, match=r"planner gave no usable reply in 2 tries .*'maybe'"):
        await ask_parsed(QueueModel(["no", "maybe"]), request(), only_yes, retries=1)


def test_usage_adds_up():
    assert Usage(1, 2, 3, 4, 5.0, 6) + Usage(10, 20, 30, 40, 50.0, 60) == Usage(11, 22, 33, 44, 55.0, 66)


def test_seeds_depend_on_every_part_and_on_nothing_else():
    assert call_seed(0, "e", 1, "plan") == call_seed(0, "e", 1, "plan")
    assert len({call_seed(0, "e", 1, "plan"), call_seed(1, "e", 1, "plan"), call_seed(0, "e1", "", "plan")}) == 3
    assert 0 <= call_seed("x") < 2**31


async def test_a_server_may_stay_away_for_as_long_as_patience_lasts(monkeypatch: pytest.MonkeyPatch):
    tries = iter(range(1200))  # doubled so often, a pause would be no number any more

    async def once() -> str:
        if next(tries, None) is not None:
            raise AwayError("gone")
        return "back"

    async def at_once(_: float) -> None:
        pass

    monkeypatch.setattr(asyncio, "sleep", at_once)
    assert await Patience("It", LLMSettings(patience_s=1e9)).answer(once) == "back"
