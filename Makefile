# Each target does its own set-up in .venv. Needs Python 3.11 or later with venv, and git.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test test-native lint bench crash-matrix clean

demo: .venv/installed
	deploy/demo/demo.sh

test: .venv/tested
	$(BIN)/pytest -q $(TESTS)

test-native: .venv/tested
	PYTHON=$(CURDIR)/$(BIN)/python tests/native_sanitize.sh

lint: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/tested
	$(BIN)/pip install --quiet --group bench
	$(BIN)/python benchmarks/run.py

crash-matrix: .venv/tested
	$(BIN)/pip install --quiet --group crash
	PYTHONPATH=tests $(BIN)/python -m crash.report

.venv/installed: pyproject.toml setup.py $(wildcard seemachine/lms/engines/kernel/*)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; choose one with make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/tested: .venv/installed
	$(BIN)/pip install --quiet --group test --group lint
	$(BIN)/pip install --quiet --only-binary :all: --group crash || echo "no wheel of apsw here: the crash matrix leaves SQLite out"
	touch $@

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
