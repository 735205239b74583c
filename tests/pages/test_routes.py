"""The page's routes: what they answer, what they refuse, and that none of them blocks the event loop."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

import billp.pages
from billp.experiments.runs.configured_folder import CONFIG
from billp.graphs.served import made_dependencies
from billp.memory import ActorExperience, Origin, Reflection, open_memory
from billp.memory.inventory import folder_of
from billp.memory.store.folder import FILE, FolderLock
from billp.pages.app import app
from billp.pages.headers import POLICY
from billp.pages.launches import Launches
from billp.pages.reading import Reading, shared_reading
from billp.pages.routes import make_page
from billp.settings import load_settings
from tests.fakes.embedder import HashEmbedder
from tests.reports.examples import HOSTILE, episode, put_run

EMBEDDER = HashEmbedder()
STATIC = Path(billp.pages.__file__).parent / "static"


def the_page() -> Starlette:
    reading = Reading.of(load_settings(), EMBEDDER)
    return Starlette(routes=[Mount("/page", make_page(lambda: reading))])


@pytest.fixture
def client() -> TestClient:
    """A client of the page over three runs, of which one has a name that hurts."""
    runs = load_settings().runs_dir
    put_run(runs / "one", [episode(f"e{number}", 4.0, 2.0, user=f"u{number}", judged=True) for number in range(30)])
    put_run(runs / "compared" / "billp" / "episodes", [episode("e", 3.0, title=HOSTILE)])
    put_run(runs / "a b?c#d&e=é", [episode("e", 3.0)])
    return TestClient(the_page(), base_url="http://127.0.0.1:2024/page")


def remember(name: str = "mine") -> None:
    def origin(episode: str, step: int) -> Origin:
        return Origin("one", episode, "u1", step, 0)

    with open_memory(load_settings(), "tiny", name, EMBEDDER) as agent_memory:
        texts = ["comedy after war", "drama at sea", f"a lesson {HOSTILE}"]
        agent_memory.reflections.write([
            Reflection(text, EMBEDDER.embed([text])[0], origin(f"e{number}", -1), "too_close", 3, 9.0, number, "{}")
            for number, text in enumerate(texts)
        ])  # fmt: skip
        vector = np.asarray(EMBEDDER.embed(["Film 1"])[0])
        agent_memory.actor.write(
            [ActorExperience("Film 1", vector, origin("e1", 2), 2, "Film 2", -0.5, False, 2.0, "0-0-0", (1,), False)]
        )


def test_the_runs_are_listed_in_parts(client: TestClient):
    answer = client.get("/api/runs", params={"limit": 2}).json()
    assert answer["of"] == 3
    assert len(answer["runs"]) == 2
    (rest,) = client.get("/api/runs", params={"limit": 2, "offset": 2}).json()["runs"]
    assert {run["name"] for run in [*answer["runs"], rest]} == {"one", "compared", "a b?c#d&e=é"}


def test_the_episodes_of_a_run_are_listed_in_parts_and_opened_by_number(client: TestClient):
    assert len(client.get("/api/runs/one/episodes").json()["episodes"]) == 30
    answer = client.get("/api/runs/one/episodes", params={"offset": 25, "limit": 9}).json()
    assert (answer["of"], answer["run"]["name"]) == (30, "one")
    assert [row["number"] for row in answer["episodes"]] == [26, 27, 28, 29, 30]
    told = client.get("/api/runs/one/episodes/26").json()
    assert (told["told"]["head"]["user"], told["of"], len(told["told"]["steps"])) == ("u25", 30, 2)


@pytest.mark.parametrize("path", ["compared/billp/episodes", "a%20b%3Fc%23d%26e%3D%C3%A9"])
def test_a_run_may_be_called_anything(client: TestClient, path: str):
    assert client.get(f"/api/runs/{path}/episodes").json()["of"] == 1
    told = client.get(f"/api/runs/{path}/episodes/1")
    assert told.json()["told"]["head"]["id"] == "e"


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2Fsecret", "one%2F..%2F..%2Fsecret", "%2Fetc", "nobody", "%00"])
def test_no_name_leads_out_of_the_runs_folder(client: TestClient, name: str):
    put_run(load_settings().runs_dir.parent / "secret", [episode("e", 3.0)])
    for path in (f"/api/runs/{name}/episodes", f"/api/runs/{name}/episodes/1"):
        answer = client.get(path)
        assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("name", ["..%2Froutes.py", "%2e%2e/routes.py", "..%2F..%2Fpyproject.toml", "/etc/passwd"])
def test_no_name_leads_out_of_the_pages_folder(client: TestClient, name: str):
    assert client.get(f"/{name}").status_code == 404


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("runs?limit=0", "Parameter limit"),
        ("runs?limit=101", "Parameter limit"),
        ("runs?offset=-1", "Parameter offset"),
        ("runs?page=2", "Parameter page"),
        ("runs?sort=secrets", "Parameter sort"),
        ("comparison", "Parameter run"),
        ("comparison?run=one&base=" + "b" * 1001, "Parameter base"),
        ("runs/one/episodes?limit=many", "Parameter limit"),
        ("memory?dataset=tiny", "Parameter memory"),
        ("memory?dataset=tiny&memory=mine&kind=secrets", "Parameter kind"),
        ("memory?dataset=tiny&memory=mine&text=" + "x" * 1001, "Parameter text"),
        ("runs?offset=9223372036854775807", "Parameter offset"),
        ("runs?offset=1e3", "Parameter offset"),
        ("runs?offset=" + "9" * 5000, "Parameter offset"),
        ("memory?dataset=tiny&memory=mine&offset=9223372036854775807", "Parameter offset"),
        ("memory?dataset=tiny&memory=mine&text=war&offset=9223372036854775807", "Parameter offset"),
        ("memory?dataset=&memory=mine", "Parameter dataset"),
        ("memory?dataset=tiny&memory=", "Parameter memory"),
        ("memory?dataset=tiny&memory=%00", "Parameter memory"),
        ("memory?dataset=tiny%0a&memory=mine", "Parameter dataset"),
        ("memory?dataset=tiny&memory=" + "m" * 201, "Parameter memory"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(client: TestClient, path: str, words: str):
    answer = client.get(f"/api/{path}")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(words)


@pytest.mark.parametrize(
    "text", ["%00", "%ff", "%f0%9f%8e%ac" * 50, "%e2%80%8b", "%ed%a0%80", "'%22%3b--", "$where", "{{7*7}}"]
)
def test_odd_words_and_names_are_looked_for_like_any_other(client: TestClient, text: str):
    remember()
    for question in (
        f"dataset=tiny&memory=mine&text={text}",
        f"dataset=tiny&memory=mine&offset={10**9}",
        f"dataset=tiny&memory=mine&text=war&offset={10**9}",
        "dataset=no/such/set&memory=..%2f..",
    ):
        answer = client.get(f"/api/memory?{question}")
        assert answer.status_code == 200, answer.text


def test_an_episode_that_is_not_there_is_404_and_says_so(client: TestClient):
    answer = client.get("/api/runs/one/episodes/31")
    assert answer.status_code == 404
    assert answer.json()["error"] == "Run one has no episode 31; it has 30."
    assert client.get("/api/runs/one/episodes/0").status_code == 404
    for odd in ("-1", "one", "9" * 5000, "1e1", "%00"):
        answer = client.get(f"/api/runs/one/episodes/{odd}")
        assert (answer.status_code, "Parameter number" in answer.text) == (400, True), answer.text


def test_memory_is_searched_by_words_with_where_it_came_from(client: TestClient):
    assert client.get("/api/memories").json() == {"memories": [], "damaged": []}
    remember()
    assert client.get("/api/memories").json() == {
        "memories": [{"dataset": "tiny", "memory": "mine", "counts": {"actor": 1, "reflections": 3}}],
        "damaged": [],
    }
    at = {"dataset": "tiny", "memory": "mine"}
    found = client.get("/api/memory", params={**at, "text": "drama at sea", "limit": 2}).json()
    assert (found["of"], len(found["found"])) == (3, 2)
    first = found["found"][0]
    assert (first["text"], first["distance"]) == ("drama at sea", pytest.approx(0, abs=1e-6))
    assert (first["origin"]["user"], first["origin"]["at"]) == ("u1", {"run": "one", "number": 2})
    second = client.get("/api/memory", params={**at, "text": "drama at sea", "limit": 1, "offset": 1}).json()
    assert second["found"] == found["found"][1:]
    (acted,) = client.get("/api/memory", params={**at, "kind": "actor", "text": "x"}).json()["found"]
    assert (acted["fields"]["item_title"], acted["fields"]["advantage"]) == ("Film 2", -0.5)
    assert acted["origin"]["step"] == 2


def test_without_words_all_of_a_memory_is_listed(client: TestClient):
    remember()
    at = {"dataset": "tiny", "memory": "mine", "text": " "}
    found = client.get("/api/memory", params=at).json()["found"]
    assert [record["distance"] for record in found] == [None] * 3
    assert found[2]["text"] == f"a lesson {HOSTILE}"
    (last,) = client.get("/api/memory", params={**at, "offset": 2}).json()["found"]
    assert last == found[2]


def test_a_damaged_memory_is_named_beside_the_others(client: TestClient):
    for name in ("mine", "bad"):
        remember(name)
    (folder_of(load_settings(), "tiny", "bad") / FILE).write_bytes(b"nonsense" * 1000)
    answer = client.get("/api/memories").json()
    (sentence,) = answer["damaged"]
    assert ([each["memory"] for each in answer["memories"]], "cannot be read" in sentence) == (["mine"], True)
    assert [each["memory"] for each in client.get("/api/choices").json()["memories"]] == ["mine"]


def test_a_memory_that_another_process_writes_is_shown_all_the_same(client: TestClient):
    remember()
    lock = FolderLock(folder_of(load_settings(), "tiny", "mine"))
    try:
        assert client.get("/api/memories").status_code == 200
        answer = client.get("/api/memory", params={"dataset": "tiny", "memory": "mine"})
        assert (answer.status_code, answer.json()["of"] > 0) == (200, True)
    finally:
        lock.release()


def test_a_memory_that_was_mended_is_shown_again_by_the_same_server(client: TestClient):
    remember()
    file, at = folder_of(load_settings(), "tiny", "mine") / FILE, {"dataset": "tiny", "memory": "mine"}
    assert client.get("/api/memory", params=at).status_code == 200
    whole = file.read_bytes()
    file.write_bytes(b"no database" * 1000)
    damaged = client.get("/api/memory", params=at)
    assert damaged.status_code == 503
    assert "mine" in damaged.json()["error"]
    file.write_bytes(whole)
    assert client.get("/api/memory", params=at).json()["of"] > 0


def test_a_run_is_shown_compared_renamed_and_removed(client: TestClient):
    assert client.get("/api/runs/one").json()["run"]["episodes"] == 30
    assert client.get("/api/comparison", params={"run": ["one", "compared"]}).json()["metrics"]["r_traj"] == "R_traj"
    kept = client.get("/api/report", params={"run": ["one", "compared"]})
    assert kept.headers["content-disposition"] == 'attachment; filename="report.html"'
    assert kept.text.startswith("<!doctype html>")
    assert client.get("/api/report", params={"run": "nothing"}).status_code == 404
    assert client.post("/api/runs/one/name", json={"name": "two"}).json()["run"] == "two"
    assert client.get("/api/runs/one").status_code == 404
    assert client.post("/api/runs/two/name", json={"name": "../x"}).status_code == 400
    assert client.post("/api/runs/two/removal", json={}).json()["said"] == "Run two is removed."
    assert not (load_settings().runs_dir / "two").exists()
    assert client.post("/api/runs/..%2Fsecret/removal", json={}).status_code in (404, 405)
    assert client.get("/api/runs").json()["total"] == 2


def test_a_record_and_a_memory_are_forgotten_and_nothing_else(client: TestClient):
    remember()
    remember("other")
    at = {"dataset": "tiny", "memory": "mine"}
    first, second, _ = client.get("/api/memory", params=at).json()["found"]
    assert first["usage"] == "never used"
    forgotten = client.post("/api/memory/removal", json={**at, "ids": [first["id"], "reflections/no/such/one", "odd"]})
    assert forgotten.json()["said"] == "1 record of memory mine forgotten."
    assert client.get("/api/memory", params=at).json()["found"][0] == second
    assert client.post("/api/memory/removal", json=at).status_code == 200
    assert [each["memory"] for each in client.get("/api/memories").json()["memories"]] == ["other"]
    assert client.post("/api/memory/removal", json=at).status_code == 404


def test_what_is_forgotten_is_in_no_file(client: TestClient):
    remember()
    at = {"dataset": "tiny", "memory": "mine"}
    folder = folder_of(load_settings(), "tiny", "mine")
    lesson = client.get("/api/memory", params={**at, "text": "comedy after war", "limit": 1}).json()["found"][0]
    assert client.post("/api/memory/removal", json={**at, "ids": [lesson["id"]]}).status_code == 200
    assert [path for path in folder.rglob("*") if path.is_file() and b"comedy after war" in path.read_bytes()] == []
    assert client.post("/api/memory/removal", json=at).status_code == 200
    assert not folder.exists()


def test_a_damaged_memory_is_forgotten_whole(client: TestClient):
    remember()
    at = {"dataset": "tiny", "memory": "mine"}
    folder = folder_of(load_settings(), "tiny", "mine")
    (folder / FILE).write_bytes(b"nonsense" * 1000)
    assert client.post("/api/memory/removal", json={**at, "ids": ["actor/x"]}).status_code == 503
    assert client.post("/api/memory/removal", json=at).status_code == 200
    assert not folder.exists()


def test_a_run_is_planned_and_what_makes_no_sense_is_refused(client: TestClient, tiny: Path):
    form = {"command": "evaluate", "dataset": "tiny", "methods": ["random"], "users": 4, "run": "new"}
    plan = client.post("/api/plan", json=form).json()
    command = "billp evaluate --dataset tiny --method random --users 4 --seeds 0 --run new"
    assert plan == {"run": "new", "command": command, "problem": ""}
    for wrong, words in ((form | {"methods": ["nothing"]}, "no method"), (form | {"run": "--help"}, "Parameter run")):
        assert words in client.post("/api/plan", json=wrong).json()["problem"]
        assert client.post("/api/launch", json=wrong).status_code == 400
    assert client.post("/api/launch", content=b"{").status_code == 400
    assert client.get("/api/launches").json() == {"launches": []}
    assert client.post("/api/runs/one/stop", json={}).status_code == 404


CHANGES = [
    "runs/one/name",
    "runs/one/removal",
    "runs/one/stop",
    "runs/one/continuation",
    "plan",
    "launch",
    "memory/removal",
]


@pytest.mark.parametrize("path", CHANGES)
def test_nothing_is_changed_by_a_link_or_by_another_page(client: TestClient, path: str):
    assert client.get(f"/api/{path}").status_code in (404, 405)
    answer = client.post(f"/api/{path}", json={"name": "x"}, headers={"origin": "https://smith.langchain.com"})
    assert (answer.status_code, "this page itself" in answer.text) == (403, True)
    assert client.get("/api/runs/one").status_code == 200


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"name":' * 100_000, b"", b"null", b"\xff\xfe", b'{"name": NaN}', b'{"name": "\\ud800"}']
)  # fmt: skip
def test_a_body_that_makes_no_sense_is_refused(client: TestClient, path: str, body: bytes):
    answer = client.post(f"/api/{path}", content=body, headers={"content-type": "application/json"})
    if path.rpartition("/")[2] in ("removal", "stop", "continuation") and path != "memory/removal":
        assert answer.status_code in (200, 404), "they take no body"
    else:
        assert answer.status_code == (200 if path == "plan" else 400), answer.text
        assert path != "plan" or answer.json()["problem"]


def test_a_body_larger_than_any_of_the_page_is_not_kept(client: TestClient):
    answer = client.post("/api/launch", content=b" " * 2_000_000)
    assert (answer.status_code, "more than" in answer.json()["error"]) == (413, True)


def test_a_run_that_a_terminal_started_goes_on_from_the_page(tmp_path: Path):
    program = tmp_path / "program.py"
    program.write_text("pass")
    launches = Launches((sys.executable, str(program)))
    reading = Reading.of(load_settings(), EMBEDDER, launches)
    client = TestClient(Starlette(routes=[Mount("/page", make_page(lambda: reading))]), base_url="http://x/page")
    folder = put_run(load_settings().runs_dir / "one", [episode("e", 3.0)], complete=False)
    told = client.get("/api/runs/one").json()
    assert (told["continuation"], told["hindrance"]) == (
        "", "Run one goes on in a terminal, since its command cannot be told from its folder: give its command again, "
        "with --resume.",
    )  # fmt: skip
    assert client.post("/api/runs/one/continuation").status_code == 404

    config = json.loads((folder / CONFIG).read_text())
    config["plan"] = {"command": "train", "method": "billp", "episodes": 9, "memory": "mine", "seed": 3}
    config["surroundings"] = {"settings": {}}
    (folder / CONFIG).write_text(json.dumps(config))
    command = "billp train --method billp --episodes 9 --memory mine --seeds 3 --dataset tiny --run one --resume"
    assert client.get("/api/runs/one").json()["continuation"] == command
    assert client.post("/api/runs/one/continuation").json()["command"] == command
    launches.close()


def test_a_run_that_was_just_started_is_neither_renamed_nor_removed(tmp_path: Path):
    program = tmp_path / "slow.py"
    program.write_text("import time; time.sleep(600)")
    launches = Launches((sys.executable, str(program)))
    reading = Reading.of(load_settings(), EMBEDDER, launches)
    folder = put_run(load_settings().runs_dir / "one", [episode("e", 3.0)], complete=False)
    launches.start("one", ["--resume"])
    try:
        client = TestClient(Starlette(routes=[Mount("/page", make_page(lambda: reading))]), base_url="http://x/page")
        for path in ("name", "removal"):
            answer = client.post(f"/api/runs/one/{path}", json={"name": "two"})
            assert "stop it first" in answer.json()["error"]
        assert folder.is_dir()
        assert launches.of("one") is not None, "so that it can be stopped"
    finally:
        launches.close()


def test_every_answer_carries_a_policy_without_other_places(client: TestClient):
    assert "http" not in POLICY
    assert "unsafe" not in POLICY
    for path in ("", "page.js", "page.css", "look.css", "elements.js", "api/runs", "api/runs/no/episodes", "nothing"):
        answer = client.get(f"/{path}")
        assert answer.headers["content-security-policy"] == POLICY, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.status_code == (404 if path in ("nothing", "api/runs/no/episodes") else 200), path


def test_the_pages_files_ask_no_other_place_and_write_no_markup():
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[a-z]", text), path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text), path.name
        assert not re.search(r"\sstyle=|\son[a-z]+=|<script>|<style", text), path.name


def test_the_drawing_is_the_graph(client: TestClient):
    drawn = client.get("/api/drawing").json()
    assert {"recall", "act:choose", "conclude"} <= {node["id"] for node in drawn["nodes"]}


@pytest.fixture
def watched() -> Iterator[BlockBuster]:
    """Every blocking call in the event loop raises, those that `langgraph dev` overlooks included."""
    with blockbuster_ctx() as found:
        yield found


async def test_nothing_blocks_the_event_loop(client: TestClient, watched: BlockBuster):
    await asyncio.to_thread(remember)
    transport = httpx.ASGITransport(app=await asyncio.to_thread(the_page))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/page/") as asking:
        for path in (
            "",
            "page.js",
            "look.css",
            "api/drawing",
            "api/runs",
            "api/runs/one",
            "api/runs/one/episodes",
            "api/runs/one/episodes/1",
            "api/comparison?run=one",
            "api/report?run=one",
            "api/choices",
            "api/launches",
            "api/memories",
            "api/memory?dataset=tiny&memory=mine&text=war",
        ):
            answer = await asking.get(path)
            assert answer.status_code == 200, (path, answer.text)


def test_the_app_that_langgraph_json_names_serves_the_page_with_the_graphs_settings():
    made_dependencies.cache_clear()
    shared_reading.cache_clear()
    client = TestClient(app, base_url="http://127.0.0.1:2024")
    assert client.get("/page", follow_redirects=False).headers["location"] == "/page/"
    assert "<title>billp</title>" in client.get("/page").text
    put_run(load_settings().runs_dir / "one", [episode("e", 4.0)])
    assert [run["name"] for run in client.get("/page/api/runs").json()["runs"]] == ["one"]
    assert client.get("/page/api/runs", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/page/api/runs", headers={"origin": "https://evil.example"}).status_code == 403
