# Two commands: `make demo` and `make test`. Each sets up all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: setup demo test lint clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   train a real CNN on Fashion-MNIST, about two minutes on two cores"
	@echo "make test   all tests, linters and type checks"
	@echo "make setup  only the virtual environment in $(VENV)"
	@echo "make lint   only ruff and mypy"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || (echo "assay needs Python 3.11 or newer; say: make PYTHON=python3.12 ..." && false)
	@$(PYTHON) -m venv $(VENV) || { apt-get install --yes --quiet python3-venv && $(PYTHON) -m venv $(VENV); } || \
	  { echo "this Python has no venv module; on Debian: sudo apt-get install python3-venv"; false; }
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[mlflow,dev]'
	@touch $(STAMP)

demo: setup
	$(BIN)/assay data get fashion-mnist
	$(BIN)/assay train fashion/demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/pytest

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
