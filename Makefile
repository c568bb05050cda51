# Two commands are all a newcomer needs: `make demo` and `make test`. Both make their own virtual environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Test processes side by side: by default two more than there are cores, since many tests wait for other processes. `make test WORKERS=1` for a single one.
WORKERS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) + 2)")

export DO_NOT_TRACK := 1
# With it, each of the hundred processes that tests start would compile all of our source anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint types layers tests clean

demo: $(VENV)/ready  ## enrich the sample table, offline and without a key, and show it
	rm -rf runs/demo
	$(BIN)/research enrich data/missions.csv --schema data/missions.schema.json \
		--objective "Facts about the space mission {mission}" --corpus data/corpus --out runs/demo
	$(BIN)/research show runs/demo
	$(BIN)/research verify runs/demo
	$(BIN)/research score runs/demo --truth data/missions.truth.jsonl

test: $(VENV)/ready lint layers  ## everything that CI checks; types, on one core, beside the tests, which wait for servers
	$(MAKE) --no-print-directory --jobs=2 types tests

tests: $(VENV)/ready
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/ready
	$(BIN)/mypy

layers: $(VENV)/ready
	$(BIN)/lint-imports

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "research-flows needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,notebook]'
	touch $@

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
