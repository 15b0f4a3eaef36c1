# What can be typed here. Each command sets up what it needs and does nothing twice: `make demo` and
# `make test` work in a fresh copy of the repository.

.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
# The Python to build .venv from: the first of these that is 3.11 or newer.
PYTHON ?= python3 python3.13 python3.12 python3.11 /usr/bin/python3
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

.PHONY: help setup demo test check bench torture accuracy fuzz train lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' Makefile | expand -t 8

setup: .venv/installed ## the virtual environment .venv with Outreach and what it needs

demo: .venv/installed ## the whole loop on this machine, in under a minute: mail goes out, answers come in, the report
	@$(BIN)/outreach demo

test: .venv/installed-dev ## everything that must hold: check, then every test (installs Postfix, Dovecot, OpenDKIM, PostgreSQL and Chromium, as root or with sudo)
	@sh .ci/packages postfix dovecot-imapd dovecot-lmtpd dovecot-sieve opendkim postgresql chromium
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m pytest

check: .venv/installed-dev ## style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# accuracy.py and lists.py are not among them: they count what is right, not time.
BENCHMARKS := import_contacts compose sending idle_run reading report

bench: .venv/installed-dev ## the figures of the benchmarks, one table after the other (installs Postfix, for its smtp-sink, PostgreSQL, and the readers it is compared with)
	@sh .ci/packages postfix postgresql
	@$(PIP) install 'flufl.bounce>=5' 'mail-parser-reply>=1.30'
	@for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py || exit 1; done

torture: .venv/installed-dev ## kills 200 times one of two runs that send 5,000 mails, on both databases, and counts what arrived
	@sh .ci/packages postgresql
	@$(BIN)/python -m tests.torture

accuracy: .venv/installed-dev ## how well lists and mail are read: made-up lists of 27 countries, tests/golden and, with FOLDER=..., labelled messages
	@$(BIN)/python benchmarks/lists.py
	@$(BIN)/python benchmarks/places.py
	@$(BIN)/python benchmarks/accuracy.py
	@test -z "$(FOLDER)" || $(BIN)/python benchmarks/accuracy.py "$(FOLDER)"

fuzz: .venv/installed-dev ## a minute of bytes that are no mail, led by what they reach: nothing may raise (installs atheris; Python 3.11 to 3.13)
	@$(PIP) install 'atheris>=2.3'
	@mkdir -p .fuzz
	@PYTHONPATH=. $(BIN)/python tests/fuzz/inbound.py .fuzz tests/golden/messages -max_total_time=60 -max_len=20000 -timeout=10

train: .venv/installed-dev ## learns the weights of the reply classifier anew from training/ (a minute; installs scikit-learn)
	@$(PIP) install 'scikit-learn>=1.5'
	@OMP_NUM_THREADS=1 $(BIN)/python -m training.train  # one thread: the same sums everywhere

lock: $(BIN)/python ## writes requirements*.txt anew from pyproject.toml: the newest versions, with hashes
	@test -x $(BIN)/uv || $(PIP) install uv
	@printf 'hatchling>=1.27\neditables\n' | $(LOCK) -o requirements.txt pyproject.toml -
	@printf 'hatchling>=1.27\neditables\n' | $(LOCK) -o requirements-dev.txt -c requirements.txt --extra dev pyproject.toml -

# The build tools are locked too, so that installing Outreach itself fetches nothing.
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

clean: ## removes .venv and everything made from the sources
	rm -rf .venv demo dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: a second run finds them newer than the locks and takes no time.
.venv/bin/python:
	@for python in $(PYTHON); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; done; \
	if [ -z "$$python" ]; then \
	    echo 'Outreach needs Python 3.11 or newer. Install it, or name it: make setup PYTHON=/path/to/python3' >&2; exit 1; fi; \
	"$$python" -c 'import ensurepip, venv' 2>/dev/null || sh .ci/packages python3-venv || exit 1; \
	rm -rf .venv && "$$python" -m venv .venv

.venv/installed: requirements.txt pyproject.toml | .venv/bin/python
	@echo 'Installing what Outreach needs (once)'
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	@echo 'Installing what its tests need (once)'
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@
