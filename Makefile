# make setup, make demo, make test, make lint: each sets up what it needs and can be run alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up

export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup demo test retry-failed lint format bench docs screenshots clean help

help:
	@echo "make demo   run the examples against the demo site"
	@echo "make test   run the tests"
	@echo "make retry-failed   run up to three failed tests again, alone, and say which"
	@echo "make lint   ruff, mypy, import-linter"
	@echo "make bench  measure (an hour), and write the tables in docs/performance.md"
	@echo "make docs   write the generated pages in docs/"
	@echo "make screenshots   take pictures of the dashboard for docs/images/, all of them into output/screenshots/"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || { echo "Creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing dependencies"
	@$(BIN)/python -m pip install --quiet -e '.[dev]'
	@$(BIN)/batchwright install
	@touch $@

demo: setup
	$(BIN)/batchwright demo --workers 4

test: setup
	$(BIN)/python -m pytest -n 3 --dist loadfile

# At most three: more are no accident.
retry-failed: setup
	@$(BIN)/python -c "import json, sys; f = json.load(open('.pytest_cache/v/cache/lastfailed')); \
	  print('Failed among the others:', *f, sep='\n  '); sys.exit(len(f) > 3)"
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python -m benchmarks.everything

docs: setup
	$(BIN)/python -m batchwright.docs_pages docs

screenshots: setup
	$(BIN)/python -m tests.server.dashboard.screenshots output/screenshots --docs docs/images

clean:
	rm -rf $(VENV) output .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
