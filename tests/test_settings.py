"""Settings: one precedence, nothing unknown, nothing out of range, no secret shown."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from billp.errors import SettingsError
from billp.settings import Settings, load_settings, setting_names

OTHER: dict[str, tuple[str, str, str, Any]] = {
    # name: (in billp.toml, in the environment, as a flag, the flag's value)
    "critic.gamma": ("[critic]\ngamma = 0.1", "0.2", "0.3", 0.3),
    "llm.base_url": ('[llm]\nbase_url = "http://file/v1"', "http://env/v1", "http://flag/v1", "http://flag/v1"),
    "actor.mode": ('[actor]\nmode = "shortlist"', "shortlist", "free", "free"),
    "run.side_by_side": ("[run]\nside_by_side = 2", "3", "4", 4),
    "critic.always": ("[critic]\nalways = false", "false", "true", True),
    "memory.actor_distance": ("[memory]\nactor_distance = 1.5", "2.5", "3.5", 3.5),
    "prompts": ('prompts = "file"', "env", "flag", Path("flag")),
}


def value(settings: Settings, name: str) -> object:
    found: object = settings
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", OTHER)
def test_flag_beats_environment_beats_file_beats_default(name: str, monkeypatch: pytest.MonkeyPatch):
    file, environment, flag, wanted = OTHER[name]
    variable = f"BILLP_{name.replace('.', '_').upper()}"
    default = value(load_settings(), name)
    Path("billp.toml").write_text(file)
    from_file = value(load_settings(), name)
    monkeypatch.setenv(variable, environment)
    from_environment = value(load_settings(), name)
    assert value(load_settings({name: flag}), name) == wanted
    assert str(from_environment).lower() == environment
    assert str(from_file).lower() in file
    assert value(load_settings({name: None}), name) == from_environment, "None means: not given"
    monkeypatch.delenv(variable)
    assert value(load_settings(), name) == from_file
    Path("billp.toml").unlink()
    assert value(load_settings(), name) == default


def test_sources_fill_one_group_together(monkeypatch: pytest.MonkeyPatch):
    Path("billp.toml").write_text("[critic]\ngamma = 0.1\nalways = true\ntemperature = 0.9\n")
    monkeypatch.setenv("BILLP_CRITIC_GAMMA", "0.2")
    critic = load_settings({"critic.temperature": 0.3}).critic
    assert (critic.gamma, critic.always, critic.temperature, critic.value) == (0.2, True, 0.3, "logprobs")


def test_every_setting_can_be_named_in_the_environment(monkeypatch: pytest.MonkeyPatch):
    default, named = load_settings(), 0
    for name in setting_names():
        plain = value(default, name)
        shown = plain.get_secret_value() if hasattr(plain, "get_secret_value") else plain
        if shown is not None:
            monkeypatch.setenv(f"BILLP_{name.replace('.', '_').upper()}", str(shown))
            named += 1
    assert named > 80
    assert load_settings() == default


@pytest.mark.parametrize(
    "variable", ["BILLP_NONSENSE", "BILLP_CRITIC", "BILLP_CRITIC_NONSENSE", "BILLP_LLM_BASE_URLS", "BILLP_"]
)
def test_an_unknown_variable_is_refused_by_name(variable: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(SettingsError, match=f"{variable} names no setting"):
        load_settings()


def test_other_programs_variables_are_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILL_CRITIC_GAMMA", "0.9")
    monkeypatch.setenv("CRITIC_GAMMA", "0.9")
    assert load_settings().critic.gamma == 0.95


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"critic.gamma": 1}, r"critic\.gamma must be below 1"),
        ({"critic.gamma": -0.1}, r"critic\.gamma"),
        ({"critic.gamma": "nan"}, r"critic\.gamma"),
        ({"run.batch": 0}, r"run\.batch"),
        ({"run.batch": 1.5}, r"run\.batch"),
        ({"llm.timeout_s": 0}, r"llm\.timeout_s"),
        ({"actor.shortlist": 27}, r"actor\.shortlist"),
        ({"critic.nonsense": 1}, r"no setting 'critic\.nonsense'; the nearest"),
        ({"nonsense": 1}, r"no setting 'nonsense'; the nearest"),
        ({"critic.gamma.x": 1}, r"critic\.gamma"),
        ({"": 1}, "no setting ''"),
        ({"critic": "much"}, "critic"),
    ],
)
def test_bad_values_are_refused_by_name(flags: dict[str, Any], words: str):
    with pytest.raises(SettingsError, match=words):
        load_settings(flags)


def test_a_group_and_a_member_of_it_do_not_go_together():
    with pytest.raises(SettingsError, match="critic"):
        load_settings({"critic": "much", "critic.gamma": 0.5})


@pytest.mark.parametrize(
    "content", ["critic = [", "= 1", "\x00", "[critic]\ngamma = 0.1\ngamma = 0.2", "x = " + "[" * 100_000]
)
def test_a_malformed_file_is_refused(content: str):
    Path("billp.toml").write_text(content)
    with pytest.raises(SettingsError, match=r"billp\.toml cannot be read"):
        load_settings()


def test_a_file_that_is_no_text_is_refused():
    Path("billp.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"billp\.toml cannot be read"):
        load_settings()


@pytest.mark.parametrize("kind", ["folder", "pipe", "nowhere", "itself"])
def test_what_stands_in_the_place_of_the_file_is_not_passed_over(kind: str):
    place = Path("billp.toml")
    match kind:
        case "folder":
            place.mkdir()
        case "pipe":
            os.mkfifo(place)
        case _:
            place.symlink_to(place if kind == "itself" else kind)
    with pytest.raises(SettingsError, match=r"billp\.toml is no file, or a link that leads to none"):
        load_settings()


def test_a_link_to_a_file_is_read():
    Path("mine.toml").write_text("[critic]\ngamma = 0.5\n")
    Path("billp.toml").symlink_to("mine.toml")
    assert load_settings().critic.gamma == 0.5


def test_settings_cannot_be_changed():
    settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings.critic, "gamma", 0.9)  # noqa: B010 (the type checker knows it, too)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings, "prompts", Path("elsewhere"))  # noqa: B010


def test_a_secret_shows_in_no_rendering(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLP_LLM_API_KEY", "sk-planted")
    settings = load_settings()
    assert settings.llm.api_key.get_secret_value() == "sk-planted"
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump(mode="json"))):
        assert "sk-planted" not in shown


def test_an_address_holds_no_password(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLP_LLM_BASE_URL", "http://me:sk-planted@host/v1")
    with pytest.raises(SettingsError, match=r"llm\.base_url: .*give what is secret as llm\.api_key") as caught:
        load_settings()
    assert "sk-planted" not in str(caught.value)


def test_the_data_folder_may_lie_at_home(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLP_DATA_DIR", "~/somewhere")
    assert load_settings().data == Path.home() / "somewhere"


def paths() -> list[str]:
    """Every setting that is a path."""

    def of(model: type[BaseModel], prefix: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                yield from of(field.annotation, f"{prefix}{name}.")
            elif "Path" in str(field.annotation) or field.annotation is Path:
                yield prefix + name

    return list(of(Settings, ""))


@pytest.mark.parametrize("name", paths())
def test_a_path_may_lie_at_home(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLP_" + name.replace(".", "_").upper(), "~/somewhere")
    assert value(load_settings(), name) == Path.home() / "somewhere"


def test_there_are_paths_among_the_settings():
    assert {"data_dir", "runs_dir", "prompts", "llm.gguf", "vllm.python", "run.tape_file"} <= set(paths())


def test_a_home_that_is_not_there_is_told():
    with pytest.raises(SettingsError, match=r"Setting runs_dir: .*`~` names no home folder here; write the whole path"):
        load_settings({"runs_dir": "~nobody-of-this-name/runs"})


def test_every_setting_says_what_it_means():
    names = setting_names()
    assert len(names) == len(set(names)) > 30
    groups = {name for name, field in Settings.model_fields.items() if isinstance(field.default, BaseModel)}
    assert groups == {name.partition(".")[0] for name in names if "." in name}
    # Sampling and budget mean the same in every role, and are described where they are declared.
    silent = {name for name, meaning in names.items() if not meaning}
    assert {name.partition(".")[2] for name in silent} <= {"temperature", "max_tokens"}


@profile(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=20), st.text(max_size=20))
def test_any_flag_is_either_taken_or_refused_in_a_sentence(name: str, given_value: str):
    with contextlib.suppress(SettingsError):
        load_settings({name: given_value})


def test_several_servers_are_named_one_after_another():
    assert load_settings({"llm.base_url": "http://a/v1, https://b/v1"}).llm.base_urls == ("http://a/v1", "https://b/v1")
    assert load_settings().llm.base_urls == ()


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000/v1", "localhost", "http://a/v1,", "http://a/v1,b", "ftp://host/v1", "http://", "/v1"]
)
def test_an_address_of_an_llm_that_is_none_is_refused(url: str):
    with pytest.raises(SettingsError, match=r"llm\.base_url: .*not the address of a server; give one like http://"):
        load_settings({"llm.base_url": url})


def test_fields_for_every_call_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLP_LLM_EXTRA_BODY", '{"chat_template_kwargs": {"enable_thinking": false}}')
    assert load_settings().llm.extra_body == {"chat_template_kwargs": {"enable_thinking": False}}


@pytest.mark.parametrize("line", ["[llm]\napi_key = 424242", "postgres_url = 424242"])
def test_a_secret_of_a_wrong_kind_is_not_repeated(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("billp.toml").write_text(line)
    with pytest.raises(SettingsError, match="must be a text") as refused:
        load_settings()
    assert "424242" not in str(refused.value)
