# From a fresh checkout and Python >= 3.11 alone:  make run · make test · make check · make clean
PYTHON ?= python3
VENV ?= .venv
# what `make run` watches, and with which options: make run ARGS="host: --alerts 1/hour"
ARGS ?= host: --model runs/host
# what the tests need; CI adds the benchmarks' peers
EXTRAS ?= learn,table,hf,test
# a torch without GPU parts lies here; TORCH_INDEX= takes the one that pip finds
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PYTEST ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH := $(PIP) --retries 1 $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c constraints.txt torch
LEARNING := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["learn"], sep="\n")

.PHONY: run test check format clean

run: $(VENV)/live $(VENV)/warm
	@if [ ! -f $(VENV)/learning ] && ! kill -0 "$$(cat $(VENV)/fetching 2>/dev/null)" 2>/dev/null; then \
	  echo "fetching what learning needs (torch) in the background: $(VENV)/learning.log; the stream does not wait for it"; \
	  ( $(TORCH) && $(BIN)/python -c '$(LEARNING)' > $(VENV)/learning.txt && $(PIP) -c constraints.txt -r $(VENV)/learning.txt \
	    && touch $(VENV)/learning; rm -f $(VENV)/fetching ) > $(VENV)/learning.log 2>&1 < /dev/null & echo $$! > $(VENV)/fetching; \
	fi
	@TACIT_FETCHING=$(VENV)/fetching exec $(BIN)/tacit watch $(ARGS)

test: $(VENV)/tests
	$(BIN)/python -m pytest $(PYTEST)

check: $(VENV)/tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_floors.py

format: $(VENV)/tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tacit needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/live: $(VENV)/made pyproject.toml
	@echo "installing the live set (no torch)"
	@$(PIP) -e .
	@touch $@

$(VENV)/warm: $(VENV)/live
	@echo "compiling the kernels, once: about half a minute"
	@$(BIN)/python -m tacit.live.warming
	@touch $@

$(VENV)/tests: $(VENV)/made pyproject.toml constraints.txt
	@echo "installing the live set, the learning set and the tests' own"
	@$(TORCH)
	@$(PIP) -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@ $(VENV)/live $(VENV)/learning
