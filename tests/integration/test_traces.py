"""Traces go where the variables of LangSmith and OpenTelemetry say, by LangChain's own means."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "traces.md"
VARIABLES = dict(re.findall(r"(?<= )([A-Z_]+)=(\S+)", PAGE.read_text(encoding="utf-8")))


class Collector(BaseHTTPRequestHandler):
    """Keeps the spans it is sent, as OTLP says them, by the name of their service."""

    spans: dict[str, list[str]]

    def do_POST(self) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(each.value.string_value for each in part.resource.attributes if each.key == "service.name")
            names = [span.name for scope in part.scope_spans for span in scope.spans]
            self.spans.setdefault(service, []).extend(names)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("switched_on", [True, False])
def test_an_episode_is_a_trace_with_a_span_for_each_node_where_it_is_switched_on(tiny: Path, switched_on: bool):
    assert VARIABLES["LANGSMITH_TRACING"] == "true"
    spans: dict[str, list[str]] = {}
    server = HTTPServer(("127.0.0.1", 0), type("Own", (Collector,), {"spans": spans}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told = VARIABLES | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "billp", "episode", "--method", "random", "--dataset", "tiny", "--user", "u0"],
            env={**os.environ, **(told if switched_on else {})}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    if not switched_on:
        assert spans == {}
        return
    assert spans.keys() == {"billp"}
    assert {"random episode", "recall", "act", "pick", "respond", "conclude"} <= set(spans["billp"])
