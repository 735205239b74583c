"""What pages of other sites can do to a running `langgraph dev`, tried from a real browser: nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient
from playwright.sync_api import Browser, Page, sync_playwright

from tests.cli.tiny import put_tiny
from tests.fakes.server import serving
from tests.fakes.worlds import tiny_dataset, tiny_worlds
from tests.integration.conftest import PATIENCE_MS, launched
from tests.integration.dev_server import PATIENCE_S, developing

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
USER = tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]
NAMES = ("evil.example", "studio.example")
RULES = "--host-resolver-rules=" + ", ".join(f"MAP {name} 127.0.0.1" for name in NAMES)

ASK = """async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    return {status: answer.status, type: answer.type, text: await answer.text()};
  } catch (error) {
    return {status: 0, type: "error", text: ""};
  }
}"""
"""What a page's script learns of an answer: nothing (type error or opaque), or its status and text."""


@dataclass(frozen=True)
class Running:
    """A server with one thread and one memory, and the port of a site that shows empty pages."""

    url: str
    site: int
    client: SyncLangGraphClient
    thread: str

    def held(self) -> tuple[set[str], int, Any, Any]:
        """Everything an attack could have changed: threads, runs, memories, stored items."""
        threads = {found["thread_id"] for found in self.client.threads.search(limit=100)}
        memories = httpx.get(f"{self.url}/page/api/memories", trust_env=False, timeout=PATIENCE_S).json()
        runs = len(self.client.runs.list(self.thread))
        return threads, runs, memories, self.client.store.search_items(())["items"]


class _Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>a page</title>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("guarded")
    put_tiny(home / "data", home / "source")
    site = ThreadingHTTPServer(("127.0.0.1", 0), _Empty)
    port = site.server_address[1]
    threading.Thread(target=site.serve_forever, daemon=True).start()
    with (
        serving() as base_url,
        developing(home, base_url, BILLP_PAGE_ORIGINS=f"http://studio.example:{port}") as url,
        get_sync_client(url=url, api_key=None, timeout=PATIENCE_S) as client,
    ):
        thread = client.threads.create()["thread_id"]
        yield Running(url, port, client, thread)
    site.shutdown()
    site.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for which the made-up names lead to this machine."""
    with sync_playwright() as playwright, launched(playwright, RULES) as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that knows nothing of the pages before it."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def posted(body: object, kind: str = "application/json", **options: object) -> dict[str, object]:
    return {"method": "POST", "body": json.dumps(body), "headers": {"content-type": kind}, **options}


def attacks(thread: str) -> list[tuple[str, dict[str, object]]]:
    """Reading, starting, teaching and deleting, each as a script would try it."""
    run = {"assistant_id": "billp", "input": {"user": USER},
           "context": {"dataset": "tiny", "memory": "planted", "learn": True}}  # fmt: skip
    silent: dict[str, object] = {"mode": "no-cors"}
    return [
        ("/threads/search", posted({})),
        ("/threads/search", posted({}, "text/plain")),
        ("/assistants/search", posted({}, "text/plain")),
        ("/openapi.json", {}),
        ("/info", {}),
        ("/page/api/runs", {}),
        ("/page/api/memories", silent),
        ("/threads", posted({}, "text/plain", **silent)),
        ("/threads", posted({})),
        ("/runs/wait", posted(run, "text/plain", **silent)),
        ("/runs/wait", posted(run)),
        ("/runs/stream", posted(run, "text/plain", **silent)),
        (f"/threads/{thread}/runs", posted(run, "text/plain", **silent)),
        ("/store/items", {**posted({"namespace": ["a"], "key": "k", "value": {}}), "method": "PUT"}),
        ("/internal/truncate", posted({"runs": True, "threads": True, "store": True}, "text/plain", **silent)),
        (f"/threads/{thread}", {"method": "DELETE"}),
    ]


def tried(page: Page, base: str, thread: str) -> list[tuple[str, dict[str, Any]]]:
    """What each attack from the open page learned."""
    return [(path, page.evaluate(ASK, [base + path, options])) for path, options in attacks(thread)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "evil.example"])
def test_a_page_of_another_site_reads_and_changes_nothing(running: Running, page: Page, host: str):
    before = running.held()
    page.goto(f"http://{host}:{running.site}/")
    for path, learned in tried(page, running.url, running.thread):
        assert learned["type"] in ("error", "opaque"), path
        assert learned["text"] == "", path
    page.set_content(f'<form method="post" action="{running.url}/threads"><button>go</button></form>')
    page.get_by_role("button").click()
    page.wait_for_url(f"{running.url}/threads")
    assert "may not use this server" in page.inner_text("body")
    assert running.held() == before


def test_a_name_that_was_made_to_lead_here_reads_and_changes_nothing(running: Running, page: Page):
    before = running.held()
    own = running.url.replace("127.0.0.1", "evil.example")
    answer = page.goto(f"{own}/page/")
    assert answer is not None
    assert answer.status == 403
    for path, learned in tried(page, own, running.thread):
        assert learned["status"] == 403, path
        assert "This server has no name" in learned["text"], path
    assert running.held() == before


def test_studio_and_the_sdk_still_work(running: Running, page: Page):
    page.goto(f"http://studio.example:{running.site}/")
    asked = posted({"metadata": {"by": "studio"}})
    asked["headers"] = {"content-type": "application/json", "x-api-key": "none"}
    made = page.evaluate(ASK, [f"{running.url}/threads", asked])
    assert (made["status"], made["type"]) == (200, "cors")
    thread = json.loads(made["text"])["thread_id"]
    found = page.evaluate(ASK, [f"{running.url}/threads/search", posted({})])
    assert thread in {each["thread_id"] for each in json.loads(found["text"])}
    context: dict[str, Any] = {"dataset": "tiny", "method": "random"}
    run = {"assistant_id": "billp", "input": {"user": USER}, "context": context}
    done = page.evaluate(ASK, [f"{running.url}/threads/{thread}/runs/wait", posted(run)])
    assert json.loads(done["text"])["length"] > 0
    gone = page.evaluate(ASK, [f"{running.url}/threads/{thread}", {"method": "DELETE"}])
    assert gone["status"] == 204
    assert thread not in running.held()[0]

    answered: Any = running.client.runs.wait(None, "billp", input={"user": USER}, context=context)
    assert answered["length"] > 0
    page.goto(f"{running.url}/page/")
    assert page.inner_text("h2") == "Runs", "the server's own page"


def test_studios_own_address_is_answered_and_a_star_never_is(running: Running):
    with httpx.Client(base_url=running.url, trust_env=False, timeout=PATIENCE_S) as client:
        for path in (
            "/ok",
            "/info",
            "/threads/search",
            "/assistants/search",
            "/openapi.json",
            "/docs",
            "/metrics",
            "/nothing",
        ):
            for method in ("GET", "POST", "OPTIONS"):
                for origin in (None, "https://evil.example", f"http://studio.example:{running.site}"):
                    headers = {"content-type": "application/json"} | ({} if origin is None else {"origin": origin})
                    answer = client.request(method, path, content=b"{}", headers=headers)
                    allowed = answer.headers.get("access-control-allow-origin")
                    assert allowed == (origin if origin and "studio" in origin else None), (method, path, origin)
                    assert (answer.status_code == 403) is (origin == "https://evil.example"), (method, path, origin)
