"""The house's own rules: who imports whom, how long a module may be, and that what is shipped beside code is valid."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from langgraph.pregel import Pregel
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from starlette.applications import Starlette

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "agents",
    "baselines",
    "commands",
    "experiments",
    "graphs",
    "memory",
    "pages",
    "reports",
    "serving",
    "simulators",
    "workbench",
)
ROOTS = (
    "catalogue", "cli", "errors", "heap", "names", "platforms", "renamed_settings", "setting_groups", "settings",
    "validation", "whole_files", "words",
)  # fmt: skip
HOUSE = {*PACKAGES, *ROOTS}

_BASE = {
    "catalogue", "heap", "names", "platforms", "renamed_settings", "setting_groups", "settings", "errors", "validation",
    "whole_files", "words",
}  # fmt: skip
_ROOMS = {"agents", "memory", "simulators", "serving"}
MAY_IMPORT = {
    "errors": set[str](),
    "setting_groups": set(),
    "heap": set(),
    "platforms": set(),
    "names": {"errors"},
    "renamed_settings": {"errors"},
    "settings": {"errors", "names", "renamed_settings", "setting_groups", "validation"},
    "validation": set(),
    "whole_files": {"errors", "platforms"},
    "words": set(),
    "catalogue": {"errors", "whole_files", "words"},
    "agents": _BASE,
    "memory": _BASE,
    "simulators": _BASE,
    "serving": _BASE,
    "graphs": _ROOMS | _BASE,
    "baselines": {"agents", "simulators"} | _BASE,
    "experiments": {"baselines", "graphs"} | _ROOMS | _BASE,
    "reports": {"experiments", "graphs"} | _ROOMS | _BASE,
    "commands": {"baselines", "experiments", "graphs", "pages", "reports"} | _ROOMS | _BASE,
    "pages": {"experiments", "graphs", "reports"} | _ROOMS | _BASE,
    "workbench": {"baselines", "experiments", "graphs", "pages", "reports"} | _ROOMS | _BASE,
    # The service stands in `serving`, beside the servers of LLMs, but above the graph that it serves.
    "serving.api": {"experiments", "graphs", "pages"} | _ROOMS | _BASE,
    "cli": {"baselines", "commands", "experiments", "graphs"} | _ROOMS | _BASE,
}
MODULES = sorted(
    [*(ROOT / f"{name}.py" for name in ROOTS), *(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))]
)


# Classes of networks and of learning algorithms need torch to be defined at all. Nobody imports these but inside a
# function, when a policy is trained or opened.
LEARNING = [
    path for path in MODULES if {"networks", "algorithms"} & set(path.relative_to(ROOT).parts) and path.stem[0] != "_"
]


TREES = {path: ast.parse(path.read_text()) for path in MODULES}  # one test a rule: one a module takes ten times as long


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return "serving.api" if parts[:2] == ("serving", "api") else parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> set[str]:
    """First names of everything imported, inside functions too; what is imported from `billp` by the next name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            names = [f"billp.{alias.name}" for alias in node.names] if module == "billp" else [module]
        else:
            continue
        firsts = {name.partition(".")[0] for name in names}
        assert not firsts & HOUSE, f"{firsts & HOUSE}: import it from billp"
        found |= firsts | {name.split(".")[1] for name in names if name.startswith("billp.")}
    return found


def test_every_package_is_named_here_and_in_the_build():
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks"}
    assert found == set(PACKAGES)
    assert {path.stem for path in ROOT.glob("*.py")} == {*ROOTS, "__init__", "__main__"}
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("__init__.py")}
    assert set(build["packages"]) == {"billp"} | {".".join(("billp", *folder.parts)) for folder in folders}


def test_imports_run_one_way():
    astray = {
        named(path): beyond
        for path, tree in TREES.items()
        if (beyond := (imported(tree) & (HOUSE | {"tests", "benchmarks"})) - {room(path)} - MAY_IMPORT[room(path)])
    }
    assert astray == {}


def test_nothing_but_commands_stands_above_the_service():
    below = [path for path in MODULES if room(path) not in ("serving.api", "commands")]
    assert [named(path) for path in below if "billp.serving.api" in path.read_text()] == []


def test_agents_see_neither_simulators_nor_memory():
    agents = {path: tree for path, tree in TREES.items() if room(path) == "agents"}
    assert agents
    for path, tree in agents.items():
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not imported(tree) & {"simulators", "memory", "importlib"}, named(path)
        assert not names & {"__import__"}, named(path)


def test_a_module_is_short_and_says_what_it_is():
    for path, tree in TREES.items():
        text = path.read_text()
        assert len(text.splitlines()) <= 300, named(path)
        assert ast.get_docstring(tree) or not text, named(path)


def test_nothing_prints_evaluates_or_unpickles():
    for path, tree in TREES.items():
        asked = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        calls = {function.id for function in asked if isinstance(function, ast.Name)}
        assert not calls & {"print", "eval", "exec", "breakpoint"}, named(path)
        assert not imported(tree) & {"pickle", "joblib", "dill", "shelve", "marshal"}, named(path)


def python(program: str, folder: Path) -> str:
    """What a fresh interpreter prints, in an empty folder of its own."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", f"import sys\n{program}"],
        cwd=folder, capture_output=True, text=True, check=False,
        env={"HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_only_functions_import_what_needs_torch_to_be_defined():
    assert len(LEARNING) > 5
    names = {f"billp.{named(path).removesuffix('.py').replace('/', '.')}" for path in LEARNING}
    for path in [path for path in MODULES if path not in LEARNING]:
        for node in TREES[path].body:
            if isinstance(node, ast.ImportFrom):
                assert node.module not in names, f"{named(path)} loads {node.module}"
            if isinstance(node, ast.Import):
                assert not {alias.name for alias in node.names} & names


def test_importing_opens_nothing_and_loads_nothing_heavy(tmp_path: Path):
    names = [
        f"billp.{named(path).removesuffix('.py').removesuffix('/__init__').replace('/', '.')}"
        for path in MODULES
        if path not in LEARNING
    ]
    program = f"""
import importlib
opened = []
def watch(event, arguments):
    if event.startswith("socket.") and event != "socket.__new__" or event in ("subprocess.Popen", "os.mkdir"):
        opened.append((event, str(arguments)))
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        opened.append((event, str(arguments)))
# What others do when they are imported is theirs; ours must add nothing to it.
import langgraph.graph, langgraph.runtime, aiohttp, httpx, rich.progress, typer, uvloop, pydantic_settings, gymnasium
import numpy, jinja2, yaml
sys.addaudithook(watch)
for name in {names!r}:
    importlib.import_module(name)
heavy = ("torch", "tianshou", "tensorboard", "chromadb", "sentence_transformers", "xllamacpp", "gguf", "plotly")
heavy += ("pyarrow",)
heavy = [name for name in heavy if name in sys.modules]
print(opened, heavy)
"""
    assert python(program, tmp_path).strip() == "[] []"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", ["billp.cli", "billp.graphs.studio", "billp.pages.app"])
def test_the_ways_in_load_neither_torch_nor_chroma(module: str, tmp_path: Path):
    program = f"import {module}\nprint([n for n in ('torch', 'chromadb', 'sentence_transformers') if n in sys.modules])"
    assert python(program, tmp_path).strip() == "[]"


def validated(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("check-jsonschema")
    return subprocess.run([str(tool), *arguments], capture_output=True, text=True, check=False)  # noqa: S603


def test_the_compose_file_is_valid(tmp_path: Path):
    schema = ["--builtin-schema", "vendor.compose-spec"]
    done = validated(*schema, str(ROOT / "docker-compose.yml"))
    assert done.returncode == 0, done.stdout
    broken = tmp_path / "docker-compose.yml"
    broken.write_text((ROOT / "docker-compose.yml").read_text() + "nonsense: [1]\n")
    assert validated(*schema, str(broken)).returncode != 0, "the check can fail"


def test_the_workflow_is_valid_and_runs_every_supported_python():
    import yaml

    file = ROOT / ".github" / "workflows" / "tests.yml"
    assert validated("--builtin-schema", "vendor.github-workflows", str(file)).returncode == 0
    matrix = yaml.safe_load(file.read_text())["jobs"]["tests"]["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [each.rpartition(" ")[2] for each in project["classifiers"] if " :: 3." in each]
    assert matrix == named


def test_the_compose_file_publishes_on_loopback_only():
    import yaml

    deps = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert {"app", "chroma", "vllm"} <= deps.keys()
    ports = [port for service in deps.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_langgraph_json_names_graphs_and_an_app_that_exist():
    config = json.loads((ROOT / "langgraph.json").read_text())
    assert config["graphs"]
    assert all(graph["description"] for graph in config["graphs"].values()), "tools of the server's MCP endpoint"
    for target in [*(graph["path"] for graph in config["graphs"].values()), config["http"]["app"]]:
        path, _, name = target.partition(":")
        assert (ROOT / path).is_file()
        module = importlib.import_module("billp." + str(Path(path).with_suffix("")).replace("/", "."))
        assert isinstance(getattr(module, name), Pregel | Starlette)
    assert not [name for name in config["env"] if "TRACING" in name], "what is set here overrides what the user set"


def test_the_command_of_the_build_exists():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["billp"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_the_licence_is_mit():
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("MIT License")
    assert "Permission is hereby granted, free of charge" in text
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in text
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"] == "MIT"


def test_the_lock_files_hold_every_dependency_within_its_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    app, checks = (locked(ROOT / name) for name in ("requirements.lock", "requirements-dev.lock"))
    assert not app.keys() & checks.keys(), "a package is locked twice"
    extras = project["optional-dependencies"]
    apart = {"vllm", "wandb"}  # one pins another torch; of the other, 60 MB, a fake does for most of its test
    optional = [wanted for name, extra in extras.items() if name not in apart for wanted in extra]
    for wanted, where in ((project["dependencies"], app), (optional, app | checks)):
        for requirement in map(Requirement, wanted):
            version = where.get(canonicalize_name(requirement.name))
            assert version is not None, f"{requirement.name} is not locked"
            assert version in requirement.specifier, f"{requirement} is locked at {version}"


def test_what_is_not_open_source_comes_with_extras_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    elastic = {"langgraph-api", "langgraph-cli", "langgraph-runtime-inmem"}
    assert not elastic & {canonicalize_name(Requirement(wanted).name) for wanted in project["dependencies"]}
    assert {Requirement(wanted).name for wanted in project["optional-dependencies"]["studio"]} <= elastic


def locked(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "==" in line and line[0] != "#"]
    pins = (line.partition(";")[0].strip().partition("==") for line in lines)
    return {canonicalize_name(name): version for name, _, version in pins}
