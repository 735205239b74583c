"""Chat models of other providers: how one is named, made and asked, and what their errors mean here."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from pydantic import SecretStr

from billp.agents.actor_input import ActorInput
from billp.agents.llm.abilities import Abilities
from billp.agents.llm.asking import Request, ask
from billp.agents.llm.providers import DIALECTS, ProviderChat, provider_chat, provider_of
from billp.agents.llm.start_up import find_abilities
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import load_pack
from billp.agents.roles.actor import Actor
from billp.agents.roles.critic import Critic
from billp.agents.roles.planner import Known, Planner
from billp.agents.roles.reflector import Reflector
from billp.agents.tools import CategoryAnalysis
from billp.catalogue import Item
from billp.errors import ContextOverflowError, ModelUnavailableError, ServerAwayError, SettingsError, UnusableModelError
from billp.setting_groups import LLMSettings
from billp.settings import ActorSettings, CriticSettings, PlannerSettings, ReflectorSettings
from tests.fakes.odd_server import Body, answering, completion, scored
from tests.fakes.providers import MODELS, address, provider

KEY = "planted-key-of-the-test"
REQUEST = Request("planner", "fixed", "changing", 0.5, 8, seed=7)
ITEMS = tuple(Item(n, f"k{n}", f"Film {n}", ("Drama",), 1990) for n in range(9))
SITUATION = AgentObservation(history=ITEMS[:3], recommended=ITEMS[3:5], rewards=(4, 2))


def settings(model: str, **given: Any) -> LLMSettings:
    quick: dict[str, Any] = {
        "retries": 1,
        "backoff_s": 0.01,
        "timeout_s": 5,
        "patience_s": 0.2,
        "api_key": SecretStr(KEY),
    }
    return LLMSettings(model=model, **(quick | given))


def made(name: str, url: str) -> ProviderChat:
    """The chat model of a provider whose server is at `url`."""
    return provider_chat(settings(MODELS[name], base_url=address(name, url)))


def saying(*texts: str, **abilities: bool) -> ProviderChat:
    """A provider whose model says these texts and can do nothing else, unless said."""
    able = {"seed": False, "logprobs": False, "schema": False} | abilities
    inner = GenericFakeChatModel(messages=iter([AIMessage(text) for text in texts]))
    return ProviderChat(
        inner=inner, provider="anthropic", settings=settings("anthropic:claude"), abilities=Abilities(**able)
    )


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("anthropic:claude-haiku-5-5", "anthropic"),
        ("google_genai:gemini", "google_genai"),
        ("ollama:llama3:8b", "ollama"),
        ("llama3:8b", None),
        ("openai/gpt-oss-20b", None),
        ("smollm2-135m-instruct", None),
    ],
)
def test_a_provider_is_named_before_a_colon(model: str, provider: str | None):
    assert provider_of(model) == provider


def test_a_provider_whose_package_is_missing_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "langchain_groq", None)
    with pytest.raises(SettingsError, match=r"needs langchain-groq; run `pip install langchain-groq`"):
        provider_chat(settings("groq:llama"))


def test_providers_are_imported_when_one_is_asked_for_and_not_before():
    program = (
        "import sys, billp.graphs.resources\n"
        "print([n for n in ('langchain', 'langchain_openai', 'openai', 'langchain_anthropic') if n in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("model", "kind"),
    list(zip(MODELS.values(), ("ChatOpenAI", "ChatAnthropic", "ChatGoogleGenerativeAI", "ChatOllama"), strict=True)),
)
def test_a_provider_is_made_with_our_key_and_patience(model: str, kind: str):
    made = provider_chat(settings(model))
    assert type(made.inner).__name__ == kind
    assert getattr(made.inner, "max_retries", 0) == 0
    assert KEY not in repr(made)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect_passes_sampling_and_limit(name: str):
    asked = {"temperature": 0.5, "top_p": 0.75, "max_tokens": 8, "seed": 7, "stream": False}
    sent = str(DIALECTS[name].asked(asked))
    assert "0.5" in sent
    assert "0.75" in sent
    assert "8" in sent
    assert "stream" not in sent


def test_ollama_and_google_are_asked_in_their_words():
    asked = {"temperature": 0.5, "max_tokens": 8, "seed": 7}
    assert DIALECTS["ollama"].asked(asked) == {"options": {"temperature": 0.5, "num_predict": 8, "seed": 7}}
    held = asked | {"response_format": {"json_schema": {"schema": {"type": "string", "enum": ["A"]}}}}
    config = DIALECTS["google_genai"].asked(held)["generation_config"]
    assert (config["max_output_tokens"], config["response_schema"]["enum"]) == (8, ["A"])


class TestWithoutAbilities:
    """What remains of each role where the model answers in words and that is all."""

    async def test_the_critic_reads_a_score_in_words(self):
        critic = Critic(saying("I would say 7."), load_pack()["critic"], CriticSettings(gamma=0.5, llm_weight=1.0), 6)
        assert (await critic.judge(SITUATION, [], seed=0)).value == pytest.approx(7 / 9 * 10)

    async def test_the_critic_guesses_at_nothing(self):
        critic = Critic(saying("7 of 9", "4.5", "-1", "3"), load_pack()["critic"], CriticSettings(retries=3), 6)
        judged = await critic.judge(SITUATION, [], seed=0)
        assert (judged.usage.calls, judged.usage.format_failures) == (4, 3)

    async def test_the_actor_reads_a_letter_in_words(self):
        actor = Actor(saying("A or B", "I choose **B**."), load_pack(), ActorSettings(), 6)
        choice = await actor.choose(ActorInput(SITUATION, "", CategoryAnalysis()), ITEMS[5:8], seed=0, greedy=True)
        assert (choice.position, choice.usage.calls, choice.usage.format_failures) == (1, 2, 1)

    def test_what_is_lacking_is_said(self):
        assert Abilities().lacking() == []
        said = " ".join(Abilities(seed=False, logprobs=False, schema=False, words=False, sampling=False).lacking())
        for words in (
            "Stand-in model: its words carry no knowledge",
            "no log-probabilities",
            "one reply in words",
            "no reply to a schema",
            "no temperature",
            "cannot be repeated",
        ):
            assert words in said


@pytest.mark.enable_socket
@pytest.mark.integration
class TestOpenAI:
    """A provider's own client, against a server on loopback."""

    async def test_a_call_says_what_the_role_asked(self):
        bodies: list[Body] = []

        def answer(body: Body) -> Body:
            bodies.append(body)
            return completion() | {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}

        async with answering(answer) as url:
            model = provider_chat(settings("openai:m", base_url=url, extra_body={"own": 1}))
            reply = await ask(model, REQUEST)
        assert (reply.text, reply.usage.prompt_tokens, reply.usage.completion_tokens) == ("a film", 9, 2)
        (body,) = bodies
        assert (body["model"], body["seed"], body["temperature"], body["own"]) == ("m", 7, 0.5, 1)
        assert body["max_completion_tokens"] == 8

    async def test_first_token_scores_are_read(self):
        async with answering(lambda _: scored(("7", -0.25), ("8", -2.0))) as url:
            model = provider_chat(settings("openai:m", base_url=url))
            reply = await ask(model, Request("critic", "", "", 0.5, 1, seed=7, scores=True))
        assert reply.first_token == {"7": -0.25, "8": -2.0}


@pytest.mark.enable_socket
@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession")  # of Google's package
@pytest.mark.parametrize("name", MODELS)
class TestEveryProvider:
    """The providers' own packages, made by LangChain, against servers on loopback that speak as the providers do."""

    async def test_a_call_says_what_the_role_asked_and_its_reply_is_read(self, name: str):
        async with provider() as there:
            reply = await ask(made(name, there.url), replace(REQUEST, top_p=0.75))
        assert reply.text.startswith("a film")
        assert (reply.usage.calls, reply.usage.prompt_tokens, reply.usage.completion_tokens) == (1, 9, 2)
        (asked,) = map(str, there.asked)
        for part in ("fixed", "changing", "0.5", "0.75", "8"):
            assert part in asked
        assert ("7" in asked.replace("0.75", "")) == (name != "anthropic"), "Anthropic knows no seed"

    async def test_a_refusal_is_quoted_without_the_key(self, name: str):
        async with provider() as there:
            there.status, there.says = 401, f"Incorrect key {KEY}"
            with pytest.raises(
                ModelUnavailableError, match=r"refused the planner call.*Incorrect key \[api key\]"
            ) as e:
                await ask(made(name, there.url), REQUEST)
        assert KEY not in str(e.value)
        assert len(there.asked) == 1, "it would be refused again"

    @pytest.mark.parametrize("status", [429, 500])
    async def test_retries_are_ours(self, name: str, status: int):
        async with provider() as there:
            there.status, there.says = status, "busy"
            with pytest.raises(ModelUnavailableError, match=r"within 2 tries .*busy"):
                await ask(made(name, there.url), REQUEST)
        assert len(there.asked) == 2

    async def test_a_provider_that_is_away_is_waited_for_and_then_stops_the_run(self, name: str):
        with pytest.raises(ServerAwayError, match=f"{MODELS[name]} is away"):
            await ask(made(name, "http://127.0.0.1:9"), REQUEST)

    @pytest.mark.parametrize(
        "words",
        [
            "This model's maximum context length is 9 tokens",
            "context_length_exceeded",
            "exceed_context_size",
            "prompt is too long: 9 tokens > 8 maximum",
            "The input token count (9) exceeds the maximum number of tokens allowed (8).",
        ],
    )
    async def test_a_prompt_that_is_too_long_is_named(self, name: str, words: str):
        async with provider() as there:
            there.status, there.says = 400, words
            with pytest.raises(ContextOverflowError, match="planner's prompt"):
                await ask(made(name, there.url), REQUEST)

    async def test_what_a_provider_refuses_a_call_for_is_left_out(self, name: str):
        async with provider() as there:
            there.refuses = ("temperature", "seed")
            model = made(name, there.url)
            able = await find_abilities(model, "It")
            assert (able.seed, able.sampling) == (False, False)
            assert (await ask(model, REQUEST)).text.startswith("a film")
            there.refuses = ("temperature",)
            able = await find_abilities(made(name, there.url), "It")
            assert (able.seed, able.sampling) == (name != "anthropic", False)

    async def test_every_role_works_with_what_the_provider_can_do(self, name: str):
        async with provider() as there:
            model = made(name, there.url)
            able = await find_abilities(model, "It")
            assert able == Abilities(seed=name != "anthropic", logprobs=False, schema=name != "anthropic")
            pack = load_pack()
            thought = await Planner(model, pack["planner"], PlannerSettings()).think(SITUATION, Known(), [], seed=1)
            actor = Actor(model, pack, ActorSettings(retries=9), 6)
            choice = await actor.choose(ActorInput(SITUATION, "", CategoryAnalysis()), ITEMS[:6], seed=2, greedy=True)
            proposal = await actor.propose(ActorInput(SITUATION, "", CategoryAnalysis()), seed=3)
            judged = await Critic(model, pack["critic"], CriticSettings(retries=9), 6).judge(SITUATION, [], seed=4)
            lesson = await Reflector(model, pack["reflector"], ReflectorSettings()).reflect(
                SITUATION, left=True, seed=5
            )
        assert all("a film" in text for text in (thought.text, proposal.text, lesson.text))
        assert choice.position in range(6)
        assert 0 <= judged.value <= 100


class TestStartUp:
    async def test_a_model_that_only_speaks_is_taken_for_what_it_is(self):
        model = saying("a comedy")
        assert await find_abilities(model, "It") == Abilities(seed=False, logprobs=False, schema=False)

    async def test_a_seed_that_is_not_kept_is_noticed(self):
        model = saying("a comedy", "a western", "4", "blue", seed=True, schema=True, logprobs=True)
        assert await find_abilities(model, "It") == Abilities(seed=False, logprobs=False, schema=False)

    async def test_abilities_that_are_there_are_found(self):
        model = saying("a comedy", "a comedy", '"quokka"', seed=True, schema=True)
        assert await find_abilities(model, "It") == Abilities(seed=True, logprobs=False, schema=True)

    async def test_a_model_that_thinks_and_says_nothing_is_refused_with_the_remedy(self):
        with pytest.raises(UnusableModelError, match=r"It gives no words .*still thinking.*llm\.extra_body"):
            await find_abilities(saying("<think>The user"), "It")

    async def test_a_model_that_says_nothing_is_refused(self):
        with pytest.raises(UnusableModelError, match=r"It gives no words to a plain question: it said '\?!'"):
            await find_abilities(saying("?!"), "It")
