# The commands of this project; `make serve` and `make test` are all that most people need.
# PIP_OPTIONS reaches every pip call, for example: make install PIP_OPTIONS="--extra-index-url https://download.pytorch.org/whl/cpu"

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_OPTIONS ?=
BROWSER_TESTS := tests/system/browser
TOOLS := $(VENV)/tools
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt $(PIP_OPTIONS)

.PHONY: install serve test test-long lint bench bench-quality bench-scale constraints licences audit
.DEFAULT_GOAL := serve

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Quotable needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) (a minute or two, once) …"
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(INSTALL) --editable '.[test]'
	@touch $@

# axe-core judges the pages in a browser; without npm the tests say so and leave that out.
$(BROWSER_TESTS)/node_modules: $(BROWSER_TESTS)/package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix $(BROWSER_TESTS) && touch $@; else echo "npm is not there: the pages are not judged by axe-core"; fi

install: $(VENV)/.installed

serve: install
	$(BIN)/qa serve

# A process a core, whole files to each: most of the time goes by in processes that the tests start and wait for.
test: $(VENV)/.installed-test $(BROWSER_TESTS)/node_modules
	$(BIN)/python -m pytest -m "not long" --numprocesses auto --maxprocesses 4 --dist loadfile

test-long: $(VENV)/.installed-test $(BROWSER_TESTS)/node_modules
	$(BIN)/python -m pytest -m long

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.speed.serving
	$(BIN)/python -m benchmarks.speed.pages

# Takes hours from nothing: SCALE keeps the sample and the data folders between runs.
SCALE ?= build/scale

bench-scale: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.scale.run $(SCALE)

bench-quality: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.quality.run

# What looks after the dependencies has an environment of its own.
$(TOOLS)/.installed: benchmarks/dependencies/tools.txt | $(BIN)/python
	$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) --requirement benchmarks/dependencies/tools.txt
	@touch $@

# The newest versions that go together; KEEP=--keep takes in new requirements and changes as little else as can be.
constraints: $(TOOLS)/.installed
	$(BIN)/python -m benchmarks.dependencies.constraints $(TOOLS)/bin/uv $(KEEP) $(PIP_OPTIONS)

licences: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.dependencies.licences

audit: $(TOOLS)/.installed
	$(BIN)/python -m benchmarks.dependencies.audit $(TOOLS)/bin/pip-audit
