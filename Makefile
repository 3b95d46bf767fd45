# Two commands: `make run` starts the node with practice scans, `make test` runs everything that can be tested here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := -c constraints.txt
export PYTHONSAFEPATH := 1

.PHONY: run test check clean help

help:
	@sed -n 's/^# //p' Makefile; echo; echo "make run    the node with a practice archive"; echo "make test   the whole suite"; echo "make check  format, lint, types, imports"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.node: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS) -e ".[cpu]"
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS) -e ".[cpu,test,train]"
	@touch $@ $(VENV)/.node

run: $(VENV)/.node
	$(BIN)/ichor serve --practice

check: $(VENV)/.test
	scripts/check

test: $(VENV)/.test
	scripts/check
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

clean:
	rm -rf $(VENV) ichor-data
