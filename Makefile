# The two commands are `make demo` and `make test`. Each installs only what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE := $(VENV)/installed-core
ALL := $(VENV)/installed-all
BENCH := build/bench-venv
PIP = $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: setup demo test lint clean bench bench-gpu
.DEFAULT_GOAL := help

help:
	@echo "make demo       train a CNN on Fashion-MNIST, about two minutes on two cores"
	@echo "make test       tests, linters and type checks"
	@echo "make setup      create $(VENV) with every extra"
	@echo "make lint       ruff and mypy only"
	@echo "make bench      assay beside PyTorch, Lightning, fastai, Keras and timm; takes hours, see benchmarks/README.md"
	@echo "make bench-gpu  assay beside airbench94 on an NVIDIA GPU; takes nine minutes: make bench-gpu AIRBENCH=CHECKOUT"

$(BIN)/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  { echo "assay needs Python 3.11 or newer: make PYTHON=python3.12 ..."; false; }
	@$(PYTHON) -m venv $(VENV) || { apt-get install --yes --quiet python3-venv && $(PYTHON) -m venv $(VENV); } || \
	  { echo "this Python has no venv module; on Debian: sudo apt-get install python3-venv"; false; }

# The package without extras, for the demo.
$(CORE): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $(CORE)

# Every extra and the test tools.
$(ALL): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[all,dev]'
	@touch $(CORE) $(ALL)

setup: $(ALL)

demo: $(CORE)
	$(BIN)/assay data get fashion-mnist
	$(BIN)/assay train fashion/demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# One process for each core; a file's tests share their fixtures, so they stay together.
test: lint
	$(BIN)/pytest --numprocesses auto --dist loadfile --durations 30

$(BENCH)/installed: pyproject.toml constraints.txt benchmarks/requirements.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --constraint constraints.txt --editable . --requirement benchmarks/requirements.txt
	@touch $@

bench: $(BENCH)/installed
	$(BENCH)/bin/python -m benchmarks.compare $(if $(AIRBENCH),--airbench $(AIRBENCH)) $(ARGS)
	$(BENCH)/bin/python -m benchmarks.profile_step

bench-gpu: $(BENCH)/installed
	$(BENCH)/bin/python -m benchmarks.gpu $(if $(AIRBENCH),--airbench $(AIRBENCH)) $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
