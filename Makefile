# The commands of this project. `make` alone lists them.

# Release of the local machines: bookworm (PostgreSQL 15) or trixie (17) of Debian's; where its
# archive is reached, jammy (14), noble (16) or resolute (18) of Ubuntu's.
RELEASE ?= bookworm
# Juju whose behaviour the local models have, such as 4.0.15; if empty, the stand-in's own default.
JUJU_VERSION ?= $(LOCALJUJU_JUJU_VERSION)
# Set to one of charmcraft.yaml's platforms to pack for a real Juju, on Ubuntu with charmcraft.
PLATFORM ?=
# What the tests are narrowed to, for example: make unit T="-k archive"
T ?=
# How many seeds `make soak` and `make walks` run, and the first of them.
N ?=
SEED ?=
# Set by `make test`: look, change nothing.
CHECK ?=

# What a + joins runs side by side: one of the two uses one processor at most, or waits much, and
# neither harms what the other stands on. Integration tests kill the controller, so nothing else that needs it does.
STAGES := format lint types unit checker+packing docs localjuju-tests functional+integration \
	failover+integration-4

export LOCALJUJU_RELEASE := $(RELEASE)
export LOCALJUJU_JUJU_VERSION := $(JUJU_VERSION)
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
# Real machines on a busy host: CI tries a failure once more, and lists it as rerun in its summary.
AGAIN := $(if $(CI),--reruns=1 -rR)
# Local machines are made by root; a user who is not is told so before sudo asks.
AS_ROOT := $(PYTHON) -m tools.root
PYTEST_AS_ROOT = $(AS_ROOT) 'Starting local machines' $(PYTEST) -p no:cacheprovider
PYTHON_DIRS := src localjuju tests tools bench
SHELL_SCRIPTS := .ci/run tools/setup.sh

.DEFAULT_GOAL := help
.PHONY: help setup format lint types unit checker docs packing localjuju-tests functional integration \
	integration-4 failover walks soak soak-harm soak-failover test charm bench demo down clean

help: ## list these commands
	@sed -n 's/^\([a-z0-9-]*\):.* ## /\1\t/p' $(firstword $(MAKEFILE_LIST)) \
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

checker: setup ## drive the decisions through all that can go wrong
	@$(PYTEST) tests/checker $(T)

walks: setup ## the same at random: N=100000, again: N=1 SEED=7
	@PYTHONPATH=src $(PYTHON) -m tests.checker \
		$(if $(N),--walks '$(N)') $(if $(SEED),--seed '$(SEED)')

docs: setup ## build .build/site; a broken link fails it
	@$(PYTHON) -m tools.docs $(if $(CHECK),--check)

packing: charm ## look into the packed charm
	@$(PYTEST_AS_ROOT) tests/packing $(T)

localjuju-tests: setup ## test the stand-in for Juju
	@$(PYTEST_AS_ROOT) tests/localjuju --numprocesses=2 --dist=loadgroup $(AGAIN) $(T)

functional: setup ## test the PostgreSQL side against real servers
	@$(AS_ROOT) 'Starting local machines' localjuju/bin/machine try --release $(RELEASE) -- \
		pytest -p no:cacheprovider tests/functional $(AGAIN) $(T)

integration: charm ## test the packed charm through the juju command
	@$(PYTEST_AS_ROOT) tests/integration $(AGAIN) $(T)

integration-4: export LOCALJUJU_JUJU_VERSION := 4.0.15
integration-4: charm ## a part of that on Juju 4
	@$(PYTEST_AS_ROOT) tests/integration -m juju4 $(AGAIN) $(T)

# Not tried again: what was lost once is lost.
failover: charm ## lose primaries under clients that write
	@$(PYTEST_AS_ROOT) tests/failover $(T)

soak: soak-harm soak-failover ## both of these, one after the other: N=20

soak-harm: charm ## interrupt at random: N=20, again: N=1 SEED=7
	@$(AS_ROOT) 'Starting local machines' $(PYTHON) -m tests.harm.soak \
		$(if $(N),--runs '$(N)') $(if $(SEED),--seed '$(SEED)')

soak-failover: charm ## lose primaries at random, in the same way
	@$(AS_ROOT) 'Starting local machines' $(PYTHON) -m tests.failover.soak \
		$(if $(N),--runs '$(N)') $(if $(SEED),--seed '$(SEED)')

bench: charm ## measure what the charm costs, in minutes
	@$(AS_ROOT) 'Starting local machines' $(PYTHON) -m bench $(T)

clean: ## take away also tools, packed charms and images
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m tools.down --images; fi
	rm -rf .venv .build pg-hot-standby
	find . -name __pycache__ -prune -exec rm -rf {} +
