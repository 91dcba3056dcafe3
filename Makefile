# Muster: `make run` starts the portal, `make test` runs the suite. Both work on a fresh machine.
#   make PY=python3.12 run    another interpreter
#   make DEMO=0 run           an empty portal instead of the demo company

PY   ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(p) -c 'import sys; print("$(p)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)))
DEMO ?= 1
TESTS ?=
VENV := .venv
BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: run setup test lint bench faults lock
.DEFAULT_GOAL := run

run: setup
	@exec $(BIN)/python manage.py up $(if $(filter 0,$(DEMO)),,--demo)

setup: $(VENV)/.run

# Half of the tests wait for processes or for the disk, so four at once pay even on two cores.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 4 --dist loadgroup $(TESTS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/python -m pytest tests/test_architecture.py

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench

# The fault matrix against real processes: about half an hour. FAULTS="storm poison" plays those alone.
faults: $(VENV)/.dev
	$(BIN)/python -m tests.faults $(FAULTS)

# For maintainers; needs uv. No address is written, so every machine installs from its own index.
LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock:
	$(LOCK) --output-file requirements/run.txt
	$(LOCK) --extra postgres --output-file requirements/postgres.txt
	$(LOCK) --extra apprise --constraint requirements/run.txt --output-file requirements/apprise.txt
	$(LOCK) --extra dev --extra postgres --output-file requirements/dev.txt

$(BIN)/python:
	@test -n "$(PY)" || { echo "Muster needs Python 3.11 or newer, and none was found. Install it, or: make PY=/path/to/python3.11 run"; exit 1; }
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Muster needs Python 3.11 or newer; $(PY) is " + sys.version.split()[0] + ". Try: make PY=python3.11 run")'
	@$(PY) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python cannot make virtual environments here. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Making $(VENV) with $$($(PY) --version) ..."
	@$(PY) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt | $(BIN)/python
	@echo "Installing the locked packages ..."
	@$(PIP) -r requirements/run.txt
	@touch $@

# The development packages include those of `run`, so `make run` after `make test` installs nothing.
$(VENV)/.dev: requirements/dev.txt | $(BIN)/python
	@echo "Installing the locked packages, with those for development ..."
	@$(PIP) -r requirements/dev.txt
	@touch $@ $(VENV)/.run
