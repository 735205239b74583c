"""What a person asks for on the page is the command that a terminal takes, and is refused as there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from billp.errors import BillpError, SettingsError
from billp.pages.launching import RunForm, choices, planned
from billp.settings import load_settings, setting_names
from tests.reports.examples import episode, put_run

TRAIN = {"command": "train", "dataset": "tiny", "methods": ["billp-memory-only"], "run": "one"}
COMPARE = {
    "command": "compare",
    "dataset": "tiny",
    "methods": ["random", "billp-memory-only"],
    "users": 10,
    "run": "one",
}


def arguments(**form: Any) -> str:
    return " ".join(planned(RunForm.model_validate(form), load_settings()).arguments)


@pytest.mark.parametrize(
    ("form", "command"),
    [
        (
            TRAIN | {"episodes": 30, "memory": "mine", "seeds": "3", "users": 9},
            "train --dataset tiny --method billp-memory-only --episodes 30 --memory mine --seeds 3 --run one",
        ),
        (
            {"command": "evaluate", "dataset": "tiny", "methods": ["random"], "users": 5, "seeds": "0,1", "horizon": 4,
             "memory": "unread", "episodes": 3, "run": "one"},
            "evaluate --dataset tiny --method random --users 5 --seeds 0,1 --horizon 4 --run one",
        ),
        (
            COMPARE | {"quit_rule": "patience", "episodes": 20, "probe_every": 10, "settings": ["critic.gamma=0.7"]},
            "compare --dataset tiny --methods random,billp-memory-only --users 10 --episodes 20 --probe-every 10"
            " --seeds 0 --set critic.gamma=0.7 --set run.quit_rule=patience --run one",
        ),
        (
            COMPARE | {"base": "billp-memory-only", "methods": ["random", "billp-memory-only"]},
            "compare --dataset tiny --methods random,billp-memory-only --users 10 --base billp-memory-only --seeds 0"
            " --run one",
        ),
    ],
    ids=["train", "evaluate", "compare", "base"],
)  # fmt: skip
def test_a_form_is_a_command(tiny: Path, form: dict[str, Any], command: str):
    assert arguments(**form) == command


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"methods": ["bilp"]}, "did you mean billp"),
        ({"methods": ["random"]}, "no memory to train"),
        ({"methods": ["billp", "reflexion"]}, "takes one"),
        ({"seeds": "0,1"}, "takes one"),
        ({"dataset": "tny"}, "did you mean tiny"),
        ({"quit_rule": "patient"}, "did you mean patience"),
        ({"settings": ["critic.gama=0.7"]}, "critic.gamma"),
        ({"settings": ["critic.gamma"]}, "has no '='"),
        ({"settings": ["llm.api_key=sk-1"]}, "BILLP_LLM_API_KEY"),
        ({"settings": ["LLM.api_key=sk-1"]}, "There is no setting 'LLM.api_key'"),
        ({"settings": ["LLM.base_url=http://elsewhere/v1"]}, "There is no setting"),
        ({"run": "taken"}, "exists"),
        ({"methods": ["linucb"], "memory": "../out"}, "cannot be the name of a policy"),
        ({"run": "../out"}, "cannot be the name of a run"),
        ({"command": "evaluate"}, "no memory"),
        ({"command": "compare"}, "choose two methods"),
        ({"command": "evaluate", "methods": ["random"], "users": 99}, "ask for at most 10"),
        ({"command": "compare", "methods": ["random", "oracle"]}, "has 10 users and 100 were asked for"),
        ({"command": "compare", "methods": ["random", "oracle"], "base": "billp"}, "not compared"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(tiny: Path, changes: dict[str, Any], words: str):
    put_run(load_settings().runs_dir / "taken", [episode("e", 3.0)])
    with pytest.raises(BillpError) as refused:
        arguments(**(TRAIN | changes))
    assert words in str(refused.value)
    assert "sk-1" not in str(refused.value)


PLACES = [name for name in setting_names() if re.search(r"dir$|file$|url$|address$|prompts|gguf|python", name)]


@pytest.mark.parametrize("name", PLACES)
def test_places_and_servers_are_not_chosen_on_the_page(tiny: Path, name: str):
    with pytest.raises(SettingsError, match=r"server's own|secret"):
        arguments(**TRAIN, settings=[f"{name}=http://elsewhere/x"])


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "--help"}, {"memory": "-x"}, {"methods": ["--set"]}, {"settings": ["--help"]}, {"seeds": "--help"},
        {"dataset": "tiny\n--help"}, {"episodes": 0}, {"users": "many"}, {"command": "serve"}, {"methods": []},
        {"port": 80},
    ],
)  # fmt: skip
def test_nothing_in_a_form_becomes_an_option(changes: dict[str, Any]):
    with pytest.raises(ValidationError):
        RunForm.model_validate(TRAIN | changes)


def test_what_there_is_to_choose_from_is_told(tiny: Path):
    found = choices(load_settings())
    assert [(each.name, each.ready) for each in found.datasets] == [("tiny", True)]
    methods = {each.name: each for each in found.methods}
    assert (methods["billp"].group, methods["billp"].learns, methods["billp"].model) == ("BiLLP", "episodes", True)
    assert (methods["dqn"].learns, methods["random"].learns) == ("epochs", "")
    assert "patience" in found.rules
