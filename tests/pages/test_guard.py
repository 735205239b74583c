"""The guard: which requests reach the server, and what browsers of other pages are told."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from billp.errors import SettingsError
from billp.pages.guard import Guard
from billp.setting_groups import PageSettings
from billp.settings import load_settings

STUDIO = "https://smith.langchain.com"
HERE = "127.0.0.1:2024"
JSON = {"content-type": "application/json"}


async def done(request: Request) -> JSONResponse:
    return JSONResponse({"did": request.method})


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def guarded(settings: PageSettings | None = None) -> TestClient:
    """A client of a server that does anything it is asked to, behind the guard."""
    methods = ["GET", "POST", "PATCH", "PUT", "DELETE"]
    app = Starlette(
        routes=[Route("/threads", done, methods=methods), WebSocketRoute("/talk", talk)],
        middleware=[Middleware(Guard, settings=lambda: settings or PageSettings())],
    )
    return TestClient(app, base_url=f"http://{HERE}")


@pytest.mark.parametrize(
    "host", [HERE, "localhost:2024", "LOCALHOST", "[::1]:2024", "127.0.0.1", "127.1.2.3:80", "localhost:9999"]
)
def test_names_of_loopback_are_this_server(host: str):
    assert guarded().get("/threads", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:2024", "rebind.localhost:2024", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.7",
     "", "[::1", "evil.example@127.0.0.2x", "0.0.0.0:2024"],
)  # fmt: skip
def test_any_other_name_is_refused_whatever_is_asked(host: str):
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        answer = guarded().request(method, "/threads", headers={"host": host, **JSON})
        assert answer.status_code == 403, (method, answer.text)
        assert "page.hosts" in answer.json()["error"]
        assert "access-control-allow-origin" not in answer.headers


def test_what_is_too_long_is_refused_before_it_is_read():
    told = guarded().post("/threads", headers={**JSON, "content-length": str((8 << 20) + 1)})
    assert (told.status_code, told.json()["error"]) == (413, "The request has more than 8388608 bytes.")
    assert guarded().post("/threads", content=b" " * 1000, headers=JSON).status_code == 200
    endless = guarded().post("/threads", content=iter([b"{}"]), headers=JSON)
    assert endless.status_code == 411
    assert "Content-Length" in endless.json()["error"]


def test_a_name_that_was_set_and_the_address_that_was_bound_are_this_server():
    named = guarded(PageSettings(hosts="lab.example, other"))
    assert named.get("/threads", headers={"host": "lab.example:2024"}).status_code == 200
    bound = TestClient(named.app, base_url="http://192.168.1.7:2024")
    assert bound.get("/threads").status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:23888", "http://127.0.0.1", "https://smith.langchain.com.evil",
               "https://smith.langchain.com:444", "http://smith.langchain.com", f"http://{HERE}/", "*"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_pages_of_other_origins_get_nothing(origin: str, method: str):
    asked = {"origin": origin, "access-control-request-method": "POST", **JSON}
    answer = guarded().request(method, "/threads", headers=asked)
    assert answer.status_code == 403
    assert "may not use this server" in answer.json()["error"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_pages_of_this_server_and_of_studio_may_ask(method: str):
    for origin in (f"http://{HERE}", f"https://{HERE}", STUDIO):
        answer = guarded().request(method, "/threads", headers={"origin": origin, **JSON})
        assert answer.json() == {"did": method}
        assert answer.headers.get("access-control-allow-origin") == (STUDIO if origin == STUDIO else None)
        assert "Origin" in answer.headers["vary"]


def test_a_browser_that_asks_first_is_told_studios_name_and_never_a_star():
    asked = {"origin": STUDIO, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key",
             "access-control-request-private-network": "true"}  # fmt: skip
    answer = guarded().options("/threads", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == STUDIO
    assert answer.headers["access-control-allow-headers"] == "x-api-key"
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert "*" not in answer.headers.values()


def test_other_origins_can_be_set_in_place_of_studios():
    own = guarded(PageSettings(origins="http://chat.example:3000"))
    assert own.get("/threads", headers={"origin": "http://chat.example:3000"}).status_code == 200
    assert own.get("/threads", headers={"origin": STUDIO}).status_code == 403
    assert guarded(PageSettings(origins="")).get("/threads", headers={"origin": STUDIO}).status_code == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "x/json"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_changes_something_is_json(kind: str, method: str):
    answer = guarded().request(method, "/threads", content=b"{}", headers={"content-type": kind})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
)
def test_json_by_any_of_its_names_is_json(kind: str):
    assert guarded().post("/threads", content=b"{}", headers={"content-type": kind}).status_code == 200


def test_what_has_no_body_needs_no_kind():
    assert guarded().delete("/threads").status_code == 200
    assert guarded().post("/threads").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_link_here_but_not_embed_or_load(site: str):
    link = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert guarded().get("/threads", headers=link).status_code == 200
    for refused in ({"sec-fetch-mode": "no-cors"}, {"sec-fetch-dest": "iframe"}, {"sec-fetch-mode": "cors"}):
        assert guarded().get("/threads", headers=link | refused).status_code == 403
    assert guarded().post("/threads", headers=link).status_code == 403
    for ours in ("same-origin", "none"):
        assert guarded().get("/threads", headers={"sec-fetch-site": ours, "sec-fetch-mode": "cors"}).status_code == 200


def test_sockets_are_guarded_too():
    with guarded().websocket_connect("/talk", headers={"host": HERE}) as socket:
        assert socket.receive_text() == "hello"
    for wrong in ({"host": "evil.example"}, {"host": HERE, "origin": "https://evil.example"}):
        with pytest.raises(WebSocketDisconnect), guarded().websocket_connect("/talk", headers=wrong):
            pass


def test_requests_of_the_server_to_itself_pass():
    """LangGraph's clients within the process call the server by a name of their own."""
    inside = TestClient(guarded().app, base_url="http://api", root_path="/noauth")
    assert inside.post("/threads", json={}).status_code == 200


def test_settings_that_cannot_be_read_are_said():
    def broken() -> PageSettings:
        raise SettingsError("Setting page.origins: no.")

    app = Starlette(routes=[Route("/threads", done)], middleware=[Middleware(Guard, settings=broken)])
    answer = TestClient(app, base_url=f"http://{HERE}").get("/threads")
    assert (answer.status_code, answer.json()["error"]) == (500, "Setting page.origins: no.")


@pytest.mark.parametrize("origin", ["*", "smith.langchain.com", "https://smith.langchain.com/", "null", "https://"])
def test_a_setting_that_names_no_origin_is_refused(origin: str):
    with pytest.raises(SettingsError, match=r"page\.origins.*is no origin"):
        load_settings({"page.origins": origin})
