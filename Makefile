# `make` lists the targets. Everything is installed into .venv, pinned and checked by hash; nothing else is touched.
.DEFAULT_GOAL := help
.PHONY: help demo serve test check check-contracts fuzz format simulate oracle bench-figures bench-large bench bench-bulk faults faults-short contracts lock
.SUFFIXES:

# Passed on to the command: make demo ARGS=--once
ARGS ?=
# The Python that makes .venv; by default the first that is new enough.
PYTHON ?=
WORKERS ?= 2

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
# The project itself, built by the pinned backend that the requirements have just installed.
INSTALL_PROJECT := $(INSTALL) --no-index --no-deps --no-build-isolation --editable .
# A stamp is younger than what it stands for. Who has the tools of development needs no second installation.
DEV := .venv/.installed-dev
DEMO := $(if $(wildcard $(DEV)),$(DEV),.venv/.installed-demo)

help: ## List the targets
	@echo 'Throughline: the open service that connects learning to business results.'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'ARGS is passed on, as in: make demo ARGS=--once'

demo: $(DEMO) ## From training events to a statement about a KPI, then serve (ARGS=--once: stop there)
	$(BIN)/throughline demo $(ARGS)

serve: $(DEMO) ## Run the service on the embedded database (ARGS='--port 9000')
	$(BIN)/throughline serve $(ARGS)

test: $(DEV) ## Run every test, on SQLite and on PostgreSQL (ARGS='-k objectives')
	$(BIN)/python -m pytest --numprocesses $(WORKERS) $(ARGS)

check: $(DEV) ## Everything CI does: format, lint, types, architecture, dependencies, Dockerfile, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry .
	$(BIN)/hadolint Dockerfile
	@$(MAKE) --no-print-directory test

CONTRACTS := tests/contracts
FUZZING := $(CONTRACTS)/check_fuzzing.py
check-contracts: $(DEV) $(CONTRACTS)/.venv/.installed $(CONTRACTS)/node_modules/.installed ## Linters, clients and audits over both contracts (what needs npm: where npm is)
	$(BIN)/python -m pytest -p no:cacheprovider -o python_files='check_*.py' $(ARGS) $(CONTRACTS)

fuzz: $(DEV) ## Look longer for what the contracts say and the service does not do, from a new seed (half an hour)
	FUZZ_TIMES=$${FUZZ_TIMES:-5} FUZZ_SEED=$${FUZZ_SEED:-$$(date +%s)} $(BIN)/python -m pytest -p no:cacheprovider $(ARGS) $(FUZZING)

format: $(DEV) ## Rewrite the code in the one format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

simulate: $(DEV) ## Count how often the estimators are right where the truth is known (an hour; ARGS='--scenario F')
	$(BIN)/python -m benchmarks.simulate $(ARGS)

ORACLE := tests/oracle
oracle: $(ORACLE)/.venv/.installed ## Compare the estimators with other libraries on random panels, to 1e-6 (half an hour; ARGS=10: ten panels)
	PYTHONPATH=. $(ORACLE)/.venv/bin/python -m tests.oracle.compare_panels $(ARGS)

bench-figures: $(DEV) ## Measure figures beside hand-written SQL on 500,000 enrolments (ARGS='--enrolments 50000')
	$(BIN)/python -m benchmarks.figures $(ARGS)

bench-large: $(DEV) ## Figures on 5,000,000 enrolments; 1,000,000 rows imported, 1,000,000 deliveries, 2,000,000 stored (hours)
	$(BIN)/python -m benchmarks.figures --enrolments 5000000 $(ARGS)
	$(BIN)/python -m benchmarks.ingest.imports --full
	$(BIN)/python -m benchmarks.ingest.growth --full

bench: $(DEV) ## Measure the receivers beside a bare handler on the same engines (ten minutes; ARGS='--engine sqlite')
	$(BIN)/python -m benchmarks.ingest.throughput $(ARGS)

bench-bulk: $(DEV) ## Measure batches of statements, imports, memory and cost as the store grows (ten minutes)
	$(BIN)/python -m benchmarks.ingest.batches
	$(BIN)/python -m benchmarks.ingest.imports
	$(BIN)/python -m benchmarks.ingest.growth

faults: $(DEV) ## Kill, cut and starve the receivers in a burst and look for what is lost (half an hour; ARGS=killed)
	$(BIN)/python -m benchmarks.ingest.faults $(ARGS)

faults-short: $(DEV) ## The same with few deliveries (some minutes)
	$(BIN)/python -m benchmarks.ingest.faults --short $(ARGS)

contracts: $(DEV) ## Write openapi.yaml and schema.graphql again from the code
	$(BIN)/python -m app.contracts

# One resolution for all: the smaller files take their versions from the largest.
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet
AS_DEV := --constraints requirements/dev.txt
lock: $(DEV) ## Pin the requirements of pyproject.toml again (ARGS=--upgrade: to the newest)
	$(COMPILE) pyproject.toml --all-extras --group dev $(ARGS) --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --extra postgres $(AS_DEV) --output-file requirements/service.txt
	echo hatchling | $(COMPILE) - $(AS_DEV) --output-file requirements/build.txt
	echo openapi-python-client | $(COMPILE) - --output-file requirements/clients.txt
	$(COMPILE) $(ORACLE)/requirements.in $(AS_DEV) --output-file requirements/oracle.txt
	echo hatchling | $(COMPILE) pyproject.toml --extra demo --extra postgres - $(AS_DEV) --output-file requirements/demo.txt

$(DEV): requirements/dev.txt pyproject.toml $(BIN)/python
	@echo 'Installing the pinned requirements of development into .venv ...'
	@$(INSTALL) --require-hashes --requirement requirements/dev.txt
	@$(INSTALL_PROJECT)
	@touch $@

.venv/.installed-demo: requirements/demo.txt pyproject.toml $(BIN)/python
	@echo 'Installing the pinned requirements into .venv ...'
	@$(INSTALL) --require-hashes --requirement requirements/demo.txt
	@$(INSTALL_PROJECT)
	@touch $@

# What makes and runs the Python client has an environment of its own, as its users do.
$(CONTRACTS)/.venv/.installed: requirements/clients.txt $(BIN)/python
	@echo 'Installing the pinned generator of Python clients ...'
	@$(BIN)/python -m venv --clear $(CONTRACTS)/.venv
	@$(CONTRACTS)/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --requirement requirements/clients.txt
	@touch $@

# The libraries that the estimators are compared with, in an environment of their own: they never come into the service.
$(ORACLE)/.venv/.installed: requirements/oracle.txt $(BIN)/python
	@echo 'Installing the pinned libraries to compare with ...'
	@$(BIN)/python -m venv --clear $(ORACLE)/.venv
	@$(ORACLE)/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --requirement requirements/oracle.txt
	@touch $@

$(CONTRACTS)/node_modules/.installed: $(CONTRACTS)/package-lock.json
	@if command -v npm >/dev/null; then \
	  echo 'Installing the pinned linters and generators of package-lock.json ...'; \
	  npm --prefix $(CONTRACTS) ci --silent && touch $@; \
	else echo 'There is no npm here: the checks that need it are left out.'; fi

$(BIN)/python:
	@if [ -n '$(PYTHON)' ]; then set -- '$(PYTHON)'; \
	else set -- python3 python3.14 python3.13 python3.12 python3.11 python; fi; \
	for python in "$$@"; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    "$$python" -m venv --clear .venv && exit 0; \
	    rm -f $@; \
	    echo "$$python cannot make a virtual environment (on Debian: apt-get install python3-venv)." >&2; exit 1; \
	  fi; \
	done; \
	version=$$("$$1" --version 2>/dev/null) || version=missing; \
	echo "Throughline needs Python 3.11 or newer, and $$1 is $$version." >&2; \
	echo 'Install one, or name it: make PYTHON=python3.12 ...' >&2; exit 1
