"""A stand-in for the interpreter that has vLLM: takes vLLM's command line and answers as its server does.

How it behaves is said by the environment: FAKE_VLLM=die ends it at once with a word on stderr that holds the key,
FAKE_VLLM=crash ends it after it has answered, FAKE_VLLM=deaf lets it never answer, FAKE_VLLM=stubborn lets it ignore
SIGTERM. It starts a child, as vLLM does, and notes both process ids in the file that FAKE_VLLM_PIDS names.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

MODE, KEY = os.environ.get("FAKE_VLLM", ""), os.environ.get("VLLM_API_KEY", "")

LAST_WORDS = "(EngineCore pid=7) ERROR [core.py:1] RuntimeError: the engine died\nwarnings.warn('1 leaked semaphore')\n"


def flags(arguments: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (word[2:].partition("=") for word in arguments if word[:2] == "--")}


def main() -> None:
    assert sys.argv[1:3] == ["-m", "vllm.entrypoints.openai.api_server"]
    given = flags(sys.argv)
    assert KEY not in " ".join(sys.argv) or not KEY
    if MODE == "die":
        sys.exit(f"loading the model\nValueError: no such model, and the key is {KEY}")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(os.environ["FAKE_VLLM_PIDS"]).write_text(f"{os.getpid()} {child.pid}")
    if MODE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if MODE == "deaf":
        time.sleep(600)
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            allowed = self.path == "/health" or not KEY or self.headers["Authorization"] == f"Bearer {KEY}"
            body = json.dumps({"data": [{"id": given.get("served-model-name", given["model"])}]}).encode()
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            if MODE == "crash" and self.path == "/v1/models":
                threading.Timer(1.0, lambda: (sys.stderr.write(LAST_WORDS), os._exit(3))).start()

        def log_message(self, *_: object) -> None:
            pass

    HTTPServer((given["host"], int(given["port"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
