"""Every setting of the application in one object.

Precedence: command-line flag > environment (`BILLP_*`) > `billp.toml` in the working folder > default.
`BILLP_LLM_BASE_URL` sets `llm.base_url`; in `billp.toml` the same setting is `base_url` under `[llm]`.
Unknown names are refused in all three; names of an earlier version (`renamed_settings`) are read with a warning.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from billp.errors import SettingsError
from billp.names import nearest
from billp.renamed_settings import GONE, RENAMED, with_new_names
from billp.setting_groups import (
    ApiSettings,
    Group,
    HomePath,
    LLMSettings,
    MemorySettings,
    MMRSettings,
    PageSettings,
    RoleSettings,
    RunSettings,
    VLLMSettings,
)
from billp.validation import fault

_ADDRESSES = ("chroma_url", "postgres_url", "llm.base_url", "run.ray_address")

QuitRuleName = str
"""A name in `simulators.quit.registry.RULES`."""

PREFIX = "BILLP_"
FILE = "billp.toml"

Rounding = Literal["stars", "none"]
"""Whether a predicted rating is rounded to whole stars, half a star up, or kept."""

ModelKind = str
"""A name in `simulators.rating.registry.RATING_MODELS`: a model that predicts what a user would rate."""

ModelSetting = str
"""The name of a rating model, or "auto"."""


class PlannerSettings(RoleSettings):
    max_tokens: int = Field(24, ge=1)
    steps: int = Field(8, ge=1, description="steps one thought covers before the Planner is asked again")
    shown_steps: int = Field(24, ge=1, description="least number of last steps that Planner, Actor and Critic see")
    plan_weight: float = Field(
        0.1, ge=0, description="stars that a category named in the thought is worth in the typed plan"
    )
    caution: float = Field(1.0, ge=0, description="standard errors by which a cooldown hardly tried counts as worse")
    wish_max_tokens: int = Field(64, ge=1, description="completion tokens that reading a person's wish may cost")
    revise: float = Field(2.0, description="a reward of at most this makes the Planner think again at once")


class ActorSettings(RoleSettings):
    max_tokens: int = Field(12, ge=1)
    mode: Literal["shortlist", "free"] = Field("shortlist", description="the way from words to a catalogue item")
    choice: Literal["scores", "schema"] = Field(
        "scores", description="read the letters' probabilities off one token, or let a schema constrain the reply"
    )
    shortlist: int = Field(6, ge=2, le=20, description="candidates the LLM chooses from")
    pool: int = Field(64, ge=2, description="items drawn at random, of which the shortlist keeps the best fitting")
    evidence: float = Field(1.0, ge=0, description="weight of the plan and of retrieved experiences in a shortlist")
    evaluate: Literal["greedy", "sample"] = Field(
        "greedy", description="in evaluation take the candidate that the LLM prefers, or draw one at the temperature"
    )
    caution: float = Field(2.0, ge=0, description="factor on the stars that a user's leaving costs")
    variety: float = Field(
        0.5, ge=0, description="chance that makes users' lists differ; 1 is how much items' expected stars differ"
    )
    orders: int = Field(2, ge=1, le=2, description="orders of the shortlist asked; two cancel the letters' own bias")
    mask_shown: bool = Field(True, description="recommend no item again in an episode before all were")
    mask_history: bool = Field(True, description="recommend no item that the user rated before the episode")
    free_max_tokens: int = Field(20, ge=1, description="completion tokens of a free proposal")


class CriticSettings(RoleSettings):
    max_tokens: int = Field(1, ge=1)
    value: Literal["logprobs", "sample"] = Field("logprobs", description="expectation over scores, or one sample")
    gamma: float = Field(0.95, ge=0, lt=1, description="discount of the next state's value")
    llm_weight: float = Field(2.0, ge=0, description="weight of the LLM's own judgement, in remembered values")
    ask: Literal["always", "thin"] = Field("thin", description="ask the LLM always, or where memory knows too little")
    always: bool = Field(False, description="also judge episodes that nothing is learned from")


class ReflectorSettings(RoleSettings):
    max_tokens: int = Field(36, ge=1)
    claim_max_tokens: int = Field(110, ge=1, description="completion tokens that saying why a user left may cost")


class SimulatorSettings(Group):
    """The simulated users; stored with the artifact that `billp simulator build` writes."""

    model: ModelSetting = Field(
        "auto", description="model of what users rate: deepfm, factorisation, or auto, the better of the two"
    )
    item_categories: bool = Field(
        True, description="the model knows items' categories, so that near items share them; if not, ratings alone tell"
    )
    quit_rule: QuitRuleName = Field(
        "distance", description="when users leave: one of the rules in docs/concepts/simulators.md"
    )
    window: int = Field(4, ge=0, description="distance, patience: recent items that a new one is compared with (W)")
    beta_quantile: float = Field(0.05, ge=0, le=1, description="quantile of item distances below which items are close")
    category_window: int = Field(5, ge=0, description="category-window: recent recommendations that count (N)")
    category_limit: int = Field(2, ge=0, description="category-window: so many of them may share a category (m)")
    personal_window: int = Field(8, ge=0, description="personal: a user's window is drawn from 1 to this")
    personal_spread: float = Field(0.5, ge=0, description="personal: sd of the logarithm of a user's share of beta")
    patience: float = Field(4.0, gt=0, description="patience: budget at the start, in stars; at zero the user leaves")
    patience_cost: float = Field(2.0, ge=0, description="patience: what an item too close to a recent one uses up")
    patience_restore: float = Field(0.5, ge=0, description="patience: stars that a good item gives back at most")
    satiation_strength: float = Field(1.5, ge=0, description="satiation: stars by which full exposure lowers a rating")
    satiation_decay: float = Field(0.8, ge=0, lt=1, description="satiation: share of exposure left after each step")
    satiation_window: int = Field(5, ge=0, description="satiation: recent items whose mean satiated rating decides")
    satiation_tolerance: float = Field(1.25, ge=0, description="satiation: stars below usual at which a user leaves")
    repeats: bool = Field(True, description="an item may come again; if not, a repeat makes the user leave")
    min_reward: float = Field(2.0, description="a rating below this makes the user leave")
    reward_rounding: Rounding = Field("stars", description="reward paid: whole stars, or the predicted rating itself")
    judgement_rounding: Rounding = Field("none", description="the same for the rating that the quit rule judges")
    horizon: int = Field(50, ge=1, description="steps after which an episode is cut off")
    test_share: float = Field(0.2, gt=0, lt=1, description="share of users held out for evaluation")
    factors: int = Field(16, ge=1, description="length of user and item vectors")
    epochs: int = Field(60, ge=1, description="most passes over the logs; fitting stops early")
    seed: int = Field(0, ge=0, description="seed of split and fit")


class Settings(BaseSettings):
    """All settings, frozen and validated."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        toml_file=FILE,
        extra="forbid",
        frozen=True,
    )

    data_dir: HomePath = Field(Path("~/.cache/billp"), description="datasets, simulators, memory and models")
    runs_dir: HomePath = Field(Path("runs"), description="one folder a run")
    prompts: HomePath | None = Field(None, description="prompt pack, by name or folder; if empty, the shipped one")
    chroma_url: str | None = Field(None, description="Chroma server; if empty, memory is in the data folder")
    postgres_url: SecretStr | None = Field(
        None, description="PostgreSQL for the sessions of `billp api`; if empty, they are in the data folder"
    )

    llm: LLMSettings = LLMSettings()
    vllm: VLLMSettings = VLLMSettings()
    planner: PlannerSettings = PlannerSettings()
    actor: ActorSettings = ActorSettings()
    critic: CriticSettings = CriticSettings()
    reflector: ReflectorSettings = ReflectorSettings()
    memory: MemorySettings = MemorySettings()
    mmr: MMRSettings = MMRSettings()
    simulator: SimulatorSettings = SimulatorSettings()
    run: RunSettings = RunSettings()
    page: PageSettings = PageSettings()
    api: ApiSettings = ApiSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _new_names(cls, given: dict[str, Any]) -> dict[str, Any]:
        return with_new_names(given, warn=True)

    @property
    def data(self) -> Path:
        """The data folder, with `~` resolved."""
        return self.data_dir.expanduser()


def load_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """Returns the settings from flags, environment, file and defaults.

    `flags` holds dotted names (`{"critic.gamma": 0.7}`); a value of None means "not given". Raises SettingsError for an
    unknown name, a value outside its range, and a file where data or runs are to be kept.
    """
    _refuse_unknown_variables(os.environ)
    if os.path.lexists(FILE) and not Path(FILE).is_file():  # which would be passed over
        raise SettingsError(f"{FILE} is no file, or a link that leads to none; mend it or move it away.")
    nested: dict[str, Any] = {}
    for name, value in (flags or {}).items():
        if value is None:
            continue
        *groups, leaf = name.split(".")
        if [*groups, leaf][0] not in Settings.model_fields:  # pydantic-settings would take LLM for llm
            raise SettingsError(_no_setting(name))
        place = nested
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                raise SettingsError(f"Setting {group} is given whole and in part ({name}); give one of the two.")
        place[leaf] = value
    try:
        settings = Settings(**nested)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise SettingsError(_no_setting(name)) from error
        raise SettingsError(f"Setting {name}{fault(first, secret=is_secret(name))}; see `billp settings`.") from error
    except (OSError, ValueError, RecursionError) as error:  # an unreadable or malformed billp.toml
        raise SettingsError(f"{FILE} cannot be read ({error}); mend the file or move it away.") from error
    for name in ("data_dir", "runs_dir"):
        folder: Path = getattr(settings, name)
        if folder.exists() and not folder.is_dir():
            raise SettingsError(f"Setting {name}: {folder} is no folder; name one, or one that is to be made.")
    return settings


def setting_names() -> dict[str, str]:
    """Returns every setting's dotted name and its meaning."""
    return {name: field.description or "" for name, field in setting_fields().items()}


def setting_fields() -> dict[str, FieldInfo]:
    """Returns every setting's dotted name and its declaration; settings without a section come first."""
    found: dict[str, FieldInfo] = {}
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            found |= {f"{name}.{leaf}": inner for leaf, inner in group.model_fields.items()}
        else:
            found[name] = field
    return found


def assigned(assignments: Iterable[str]) -> dict[str, str]:
    """Returns the values of `NAME=VALUE` by name; raises SettingsError for one without `=`."""
    pairs = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise SettingsError(f"Setting {assignment!r} has no '='; write NAME=VALUE.")
        pairs[name.strip()] = value.strip()
    return pairs


def variable(name: str) -> str:
    """Returns the environment variable of the setting."""
    return PREFIX + name.replace(".", "_").upper()


def is_secret(name: str) -> bool:
    """Returns whether the setting's value must not be shown."""
    field = setting_fields().get(name)
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


def is_place(name: str) -> bool:
    """Returns whether the setting's value is a path or the address of a server."""
    field = setting_fields().get(name)
    return name in _ADDRESSES or (field is not None and Path in _kinds(field.annotation))


def _kinds(annotation: object) -> list[object]:
    parts = get_args(annotation)
    return [kind for part in parts for kind in _kinds(part)] if parts else [annotation]


def _no_setting(name: str) -> str:
    near = ", ".join(nearest(name, list(setting_names())))
    return f"There is no setting {name!r}; the nearest are {near}, and `billp settings` lists all."


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known, old = ({variable(name) for name in names} for names in (setting_names(), [*RENAMED, *GONE]))
    for name in environment:
        if name.startswith(PREFIX) and name not in known | old:
            near = ", ".join(nearest(name, sorted(known)))
            raise SettingsError(
                f"Environment variable {name} names no setting; the nearest are {near}, and `billp settings` lists all."
            )
