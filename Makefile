# make install      an environment in .venv (Python 3.11 or 3.12)
# make demo         install, build the bundled world, serve the page on 127.0.0.1:7860
# make test         install, then everything but the slow and GPU tests
# make lint         ruff and mypy
# make bench        side-by-side measurements; docs/BENCHMARKS.md keeps them
# make results      the tables of docs/RESULTS*.md; needs the collections (COLLECTIONS=DIR)
# make check-gpu    resolve requirements-gpu.txt without installing it
# TORCH_INDEX=URL   take PyTorch from there first, e.g. https://download.pytorch.org/whl/cpu for the small CPU build

PYTHON ?= $(shell for p in python3.11 python3.12 python3; do $$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] < (3,13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
COLLECTIONS ?= ../shared/datasets
TORCH_INDEX ?=

.PHONY: install demo test lint format bench results check-gpu clean
.DELETE_ON_ERROR:

install: .venv/installed

.venv/installed: requirements.txt requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or 3.12 found. Install one, or run make PYTHON=/path/to/python"; exit 2; }
	$(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),$(BIN)/pip install -q --index-url $(TORCH_INDEX) $(shell grep '^torch==' requirements.txt))
	$(BIN)/pip install -q -r requirements.txt -r requirements-dev.txt
	touch $@

demo:
	@started=$$(date +%s); $(MAKE) --no-print-directory install && QUINTET_STARTED=$$started $(BIN)/python -m admin demo

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install
	$(BIN)/python -m bench

results: install
	$(BIN)/python -m bench.results --collections $(COLLECTIONS) --write docs/RESULTS.md
	$(BIN)/python -m bench.personal --collections $(COLLECTIONS) --write docs/RESULTS_PERSONAL.md
	$(BIN)/python -m bench.pearl --collections $(COLLECTIONS) --write docs/RESULTS_PEARL.md

check-gpu: install
	$(BIN)/uv pip compile requirements-gpu.txt --python-version 3.11 --python-platform x86_64-manylinux_2_28 -q -o /dev/null
	@echo "requirements-gpu.txt resolves on Python 3.11"

clean:
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache
