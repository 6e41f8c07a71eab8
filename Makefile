# The commands of this project. `make` alone lists them.

# Debian release of the local machines: bookworm (PostgreSQL 15) or trixie (PostgreSQL 17).
RELEASE ?= bookworm
# Set to one of charmcraft.yaml's platforms to pack for a real Juju, on Ubuntu with charmcraft.
PLATFORM ?=
# What the tests are narrowed to, for example: make unit T="-k archive"
T ?=
# Set by `make test`: look, change nothing.
CHECK ?=

STAGES := format lint types unit docs packing localjuju-tests functional integration

export LOCALJUJU_RELEASE := $(RELEASE)
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
# Real machines on a busy host: CI tries a failure once more, and lists it as rerun in its summary.
AGAIN := $(if $(CI),--reruns=1 -rR)
# Local machines are made by root; a user who is not is told so before sudo asks.
AS_ROOT := $(PYTHON) -m tools.root
PYTEST_AS_ROOT = $(AS_ROOT) 'Starting local machines' $(PYTEST) -p no:cacheprovider
PYTHON_DIRS := src localjuju tests tools
SHELL_SCRIPTS := .ci/run tools/setup.sh

.DEFAULT_GOAL := help
.PHONY: help setup format lint types unit docs packing localjuju-tests functional integration \
	test charm demo down clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.* ## /\1\t/p' $(firstword $(MAKEFILE_LIST)) \
		| while IFS="$$(printf '\t')" read -r name what; do printf '  make %-16s %s\n' "$$name" "$$what"; done

setup: ## install what is missing, by apt and into .venv
	@tools/setup.sh

demo: setup ## deploy a pair on local machines and prove it
	@$(PYTHON) -m tools.demo $(RELEASE)

down: ## take the local machines away again
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m tools.down; else echo 'There are no local machines.'; fi

charm: setup ## pack the charm to ./pg-hot-standby
	@$(PYTHON) -m tools.pack --release '$(RELEASE)' $(if $(PLATFORM),--platform '$(PLATFORM)')

test: setup ## everything that CI runs, in its order
	@$(PYTHON) -m tools.stages $(STAGES)

format: setup ## lay out the Python sources
	@$(PYTHON) -m ruff format $(if $(CHECK),--check --diff) $(PYTHON_DIRS)

lint: setup ## look for mistakes in Python, shell and spelling
	@$(PYTHON) -m ruff check $(PYTHON_DIRS)
	@.venv/bin/shellcheck $(SHELL_SCRIPTS)
	@.venv/bin/codespell
	@.build/tools/bin/uv lock --check --quiet
	@echo 'ruff, shellcheck, codespell and the lock file: nothing found'

types: setup ## check the types
	@.venv/bin/pyright

unit: setup ## test decisions, state and the project's own files
	@$(PYTEST) tests/unit $(T)

docs: setup ## build .build/site; a broken link fails it
	@$(PYTHON) -m tools.docs $(if $(CHECK),--check)

packing: charm ## look into the packed charm
	@$(PYTEST_AS_ROOT) tests/packing $(T)

localjuju-tests: setup ## test the stand-in for Juju
	@$(PYTEST_AS_ROOT) tests/localjuju $(AGAIN) $(T)

functional: setup ## test the PostgreSQL side against real servers
	@$(AS_ROOT) 'Starting local machines' localjuju/bin/machine try --release $(RELEASE) -- \
		pytest -p no:cacheprovider tests/functional $(AGAIN) $(T)

integration: charm ## test the packed charm through the juju command
	@$(PYTEST_AS_ROOT) tests/integration $(AGAIN) $(T)

clean: ## take away also tools, packed charms and images
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m tools.down --images; fi
	rm -rf .venv .build pg-hot-standby
	find . -name __pycache__ -prune -exec rm -rf {} +
