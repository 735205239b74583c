"""Sections of the settings for LLM, servers, memory, runs and roles; `settings` puts all sections together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator


def at_home(path: Path) -> Path:
    """Returns the path with `~` resolved; raises ValueError where there is no such home folder, and for a NUL."""
    if "\0" in str(path):
        raise ValueError("it holds a NUL, which no path may")
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError("`~` names no home folder here; write the whole path") from error


def _not_empty(value: object) -> object:
    if value == "":  # which Path would take for the working folder
        raise ValueError("it is empty; write a path, or do not set it")
    return value


HomePath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(at_home)]
"""A path in which `~` is the home folder: no shell expands it in billp.toml or in a variable."""


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LLMSettings(Group):
    """The address of the LLM, and how long calls wait for it."""

    base_url: str | None = Field(
        None,
        description="OpenAI-compatible server, or several of one model separated by commas; if empty, llama.cpp starts",
    )
    api_key: SecretStr = Field(SecretStr("none"), description="sent as bearer token, never logged")
    model: str = Field(
        "smollm2-135m-instruct",
        min_length=1,
        description="model name sent to the server, or provider:model (anthropic, openai, google_genai, ollama, ...)",
    )
    extra_body: dict[str, Any] = Field({}, description="fields sent with every call beside our own, as JSON")
    gguf: HomePath | None = Field(None, description="model file of the embedded server; if empty, SmolLM2-135M")
    context: int = Field(1536, ge=256, description="tokens of context per sequence (embedded server)")
    threads: int = Field(0, ge=0, description="threads of the embedded server; 0 is one per core")
    requantise: bool = Field(True, description="store Q4_1 models once more as Q8_0, which x86 CPUs compute faster")
    timeout_s: float = Field(60.0, gt=0, description="seconds one call may take")
    retries: int = Field(3, ge=0, description="further tries when the server is slow or overloaded")
    backoff_s: float = Field(0.5, ge=0, description="seconds before the first further try; doubles each time")
    patience_s: float = Field(300.0, ge=0, description="seconds to wait for a server that went away during a run")

    @field_validator("base_url")
    @classmethod
    def _usable_address(cls, url: str | None) -> str | None:
        """Refuses a password in an address, which is shown and stored."""
        for one in () if url is None else url.split(","):
            parts = urlsplit(one.strip())
            if parts.scheme not in ("http", "https") or not parts.netloc:
                raise ValueError("it is not the address of a server; give one like http://127.0.0.1:8000/v1")
            if "@" in parts.netloc:
                raise ValueError("it holds a user name or password; give what is secret as llm.api_key")
        return url

    @property
    def base_urls(self) -> tuple[str, ...]:
        """The addresses in `base_url`, one by one; none if it names no server."""
        return () if self.base_url is None else tuple(one.strip() for one in self.base_url.split(","))


class VLLMSettings(Group):
    """The vLLM server that `billp serve` starts. The key that its clients must send is `llm.api_key`."""

    model: str = Field("Qwen/Qwen2.5-7B-Instruct", min_length=1, description="model to serve: a folder or a hub name")
    name: str | None = Field(None, min_length=1, description="name that clients ask for; if empty, the model's own")
    python: HomePath | None = Field(None, description="interpreter that has vLLM; if empty, the one billp runs on")
    device: Literal["cuda", "cpu"] = Field("cuda", description="what vLLM was built for and computes on")
    gpu_memory: float = Field(0.9, gt=0, le=1, description="share of each GPU's memory that the server takes")
    cpu_cache_gb: int = Field(2, ge=1, description="gigabytes of memory for the KV cache where the device is the CPU")
    tensor_parallel: int = Field(1, ge=1, description="GPUs that share the model")
    data_parallel: int = Field(1, ge=1, description="copies of the model on GPUs of their own, behind one address")
    prefix_caching: bool = Field(True, description="cache the computed beginnings of prompts")
    max_model_len: int = Field(4096, ge=256, description="tokens of a prompt with its reply")
    eager: bool = Field(False, description="compile nothing: starts sooner, answers more slowly")
    host: str = Field("127.0.0.1", min_length=1, description="address to listen on; the default is this machine alone")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 is a free one")
    start_s: float = Field(900.0, gt=0, description="seconds that loading the model may take")


class MemorySettings(Group):
    """What is read back from memory, and what counts as a similar state."""

    reflections: int = Field(2, ge=0, description="reflections recalled in words for an episode (K in the paper)")
    merged: int = Field(16, ge=0, description="most similar reflections that are merged into those recalled; 0 is none")
    experiences: int = Field(8, ge=0, description="actor experiences retrieved for a state")
    answer_doubt: float = Field(0.05, ge=0, description="variance in stars by which an item's answers may mislead")
    answer_doubt_with_logs: float = Field(1.0, ge=0, description="the same beside logs, which simulated answers repeat")
    llm_knowledge: bool = Field(
        True, description="let what the LLM says of items count, as far as ratings and answers prove it right"
    )
    llm_items: int = Field(
        3000, ge=1, description="items that the LLM is asked about; of a larger catalogue, the most rated"
    )
    values: int = Field(16, ge=0, description="critic experiences retrieved for a state")
    evidence: int = Field(256, ge=0, description="reflections whose evidence shapes the typed plan")
    actor_distance: float = Field(0.5, ge=0, description="squared L2 distance below which a state counts as similar")
    critic_distance: float = Field(0.5, ge=0, description="the same for critic experiences")
    state_items: int = Field(10, ge=1, description="most recent items that make up a state")
    limit: int = Field(
        2000,
        ge=0,
        description="episodes that a memory holds; with one more the oldest quarter is forgotten; 0 is no limit",
    )


class MMRSettings(Group):
    """Parameters of the method `mmr`; those left at none are tuned with train users, in their own world."""

    window: int | None = Field(None, ge=1, description="recent recommendations that a new one is compared with")
    weight: float | None = Field(None, ge=0, description="stars that full overlap of categories costs")
    noise: float | None = Field(None, ge=0, description="deviation, in stars, of the chance added at each step")


class RoleSettings(Group):
    """Sampling and budget of one role."""

    temperature: float = Field(0.5, ge=0, le=2, description="how freely words are drawn; 0 takes the likeliest")
    top_p: float = Field(1.0, gt=0, le=1, description="words are drawn from the likeliest of this share; 1 is all")
    max_tokens: int = Field(32, ge=1, description="completion tokens one call may cost")
    retries: int = Field(2, ge=0, description="further tries when a reply is not in the form asked for")


class RunSettings(Group):
    """How episodes are run."""

    side_by_side: int = Field(8, ge=1, description="episodes in flight at once")
    horizon: int | None = Field(None, ge=1, description="cut episodes off earlier than the simulator's own horizon")
    quit_rule: str | None = Field(None, description="quit rule instead of the simulator's own")
    window: int | None = Field(None, ge=0, description="window of the quit rule instead of the simulator's own")
    repeats: bool | None = Field(None, description="repeats allowed or not, whatever the simulator says")
    batch: int = Field(10, ge=1, description="training episodes between two writes to memory")
    engine: Literal["local", "ray"] = Field("local", description="who plays episodes: this process, or Ray's workers")
    ray_address: str | None = Field(
        None, min_length=1, description="Ray cluster as HOST:PORT, or auto; if empty, Ray starts on this machine"
    )
    workers: int = Field(0, ge=0, description="worker processes of Ray; 0 is one per CPU core that it has")
    log_to: Literal["none", "mlflow", "wandb"] = Field(
        "none", description="log parameters, episodes, results and files of runs to MLflow or Weights & Biases too"
    )
    tape: Literal["record", "replay", "off"] = Field("off", description="record LLM calls, or replay them without LLM")
    tape_file: HomePath | None = Field(None, description="the tape; if empty, tape.sqlite in the run's folder")


class PageSettings(Group):
    """Other origins and host names that may use what `langgraph dev` serves."""

    origins: str = Field(
        "https://smith.langchain.com,https://eu.smith.langchain.com",
        description="other origins whose pages may use the server, separated by commas; Studio's by default",
    )
    hosts: str = Field("", description="names of this machine, besides localhost, that the server answers to")

    @field_validator("origins")
    @classmethod
    def _origins_are_origins(cls, value: str) -> str:
        for origin in _parts(value):
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.hostname
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"{origin!r} is no origin; write it like https://smith.langchain.com")
        return value

    @property
    def origin_names(self) -> tuple[str, ...]:
        """The origins one by one."""
        return _parts(self.origins)

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names one by one."""
        return _parts(self.hosts)


class ApiSettings(Group):
    """The service for people that `billp api` starts: how long it waits for them, and how much it lets one ask."""

    idle_h: float = Field(24.0, gt=0, description="hours without an answer after which a session ends as if left")
    sessions: int = Field(5, ge=1, description="sessions that a user may have open at once")
    rate: float = Field(10.0, gt=0, description="requests a second that a user may make in the long run")
    burst: int = Field(40, ge=1, description="requests that a user may make at once")
    body_kb: int = Field(16, ge=1, description="kilobytes that a request may hold")


def _parts(value: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in value.split(",") if part.strip())
