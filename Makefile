# Attribution Gap Auditor. `make` lists the targets.

PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
INPUT  ?= samples/support-desk.json
ARGS   ?=
HOST   ?= 127.0.0.1
PORT   ?= 8080
JOBS   ?= 2
FAMILY ?= IDN
SCALE  ?= 0.25
COUNT  ?= 1000

# tests start many processes, which would each compile every module
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS)

RUN = $(VENV)/.run-is-set-up
DEV = $(VENV)/.dev-is-set-up
PIP = $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help audit serve test test-slow lint check bench mutate fuzz golden rule constraints clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

audit: $(RUN) ## Audit a gappy sample, or your own: make audit INPUT=path
	@$(BIN)/auditor audit --exit-zero $(ARGS) $(INPUT)

serve: $(RUN) ## Serve the page on http://127.0.0.1:8080 (HOST=, PORT=)
	@$(BIN)/auditor serve --host $(HOST) --port $(PORT) $(ARGS)

test: $(DEV) ## Run the tests, without installations and bombs (ARGS= goes to pytest)
	$(PYTEST) --dist worksteal $(ARGS)

test-slow: $(DEV) ## Run the other tests: installations, processes, and inputs that swell past a limit
	$(PYTEST) -m "install or bomb" $(ARGS)

lint: $(DEV) ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: test test-slow lint ## Everything that CI runs

bench: $(DEV) ## Measure the ratios to hold (SCALE=1 for full size)
	$(BIN)/python -m benchmarks.bench --scale $(SCALE) $(ARGS)

mutate: $(DEV) ## Break each rule and see that its examples notice (ARGS="IDN001 ..." for some)
	$(BIN)/python -m tools.mutate $(ARGS)

fuzz: $(DEV) ## Audit damaged inputs (COUNT=; ARGS="--corpus DIR" for more), then every property on thousands
	$(BIN)/python -m tools.fuzz --count $(COUNT) $(ARGS)
	$(PYTEST) --hypothesis-profile fuzz -m hypothesis

golden: $(DEV) ## Rewrite the goldens and the generated documents
	$(BIN)/python -m tests.support.goldens
	$(BIN)/python -m tools.docs

rule: $(RUN) ## Start a rule: make rule NAME=the-defect-as-a-noun FAMILY=IDN
	@$(BIN)/python -m tools.new_rule $(FAMILY) "$(NAME)"

constraints: $(DEV) ## Pin what is installed now
	@{ echo '# Exact versions of everything, run-time and development. `make constraints` rewrites it; pip reads it with -c.'; \
	   $(BIN)/python -m pip freeze --exclude-editable; } > constraints.txt

clean: ## Remove the environment and everything built
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' || \
	  { echo 'Python 3.11 to 3.14 is needed; name one with PYTHON=, for example: make PYTHON=python3.13 audit' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUN): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	@touch $@ $(RUN)
