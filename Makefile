# make help lists what there is. Everything is made in .venv; state lies in .runtime. Both are ignored by git.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two workers; tests that share an Airflow are one group, and so on one worker.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadgroup
SHELL := bash
.SHELLFLAGS := -o pipefail -c

# Prints a dot for each package that it gets; errors go to standard error. Each target says which extras.
PIP_INSTALL = $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]' | awk ' \
	/^Collecting / { got++; printf "."; fflush() } \
	got && /^Installing collected / { printf "\ninstalling %d packages\n", split($$0, names, ","); fflush() }'

.DEFAULT_GOAL := help
.PHONY: help demo up down test test-all test-sweeps test-distributed compose-test check bench bench-cluster format clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/demo  ## run the demo Dag in an Airflow of its own, print the policy, stop everything
	@$(BIN)/python dags/demo/demo.py demo

up: $(VENV)/demo  ## start the same Airflow with its UI and leave it running; CONFIGS=folder: with your configs
	@$(BIN)/python dags/demo/demo.py up $${CONFIGS:+--configs "$$CONFIGS"}

down:  ## stop what make up started
	@if [ -x $(BIN)/python ]; then $(BIN)/python dags/demo/demo.py down; else echo "nothing is running"; fi

test: $(VENV)/dev  ## lint, types, tests, a real Airflow among them; at most five minutes
	@$(MAKE) --no-print-directory check
	@$(PYTEST) -m 'not slow and not sweep'

test-all: $(VENV)/cluster  ## the same, what takes minutes, and test-distributed; at most twenty minutes from a clone
	@$(MAKE) --no-print-directory check
	@$(PYTEST) -m 'not sweep'
	@$(MAKE) --no-print-directory test-distributed

test-sweeps: $(VENV)/cluster  ## each place in turn, and ten times as many generated cases: of both, test-all has a sample
	@$(PYTEST) -m 'sweep or hypothesis' --hypothesis-profile sweeps
	@tests/distributed/install_servers.sh
	@$(BIN)/python -m pytest tests/distributed -m sweep

test-distributed: $(VENV)/cluster  ## PostgreSQL, Redis and two Celery workers, killed in turn; about five minutes
	@tests/distributed/install_servers.sh
	@$(BIN)/python -m pytest tests/distributed -m 'not sweep'

compose-test:  ## docker-compose.yaml with two workers, the demo on it; needs only docker compose; about five minutes
	@$(PYTHON) tests/compose/run_stack.py

check: $(VENV)/dev  ## lint and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/dev  ## ratios of speed, each in one run; PANELS="a.csv b.csv": each part of the router left out
	@$(BIN)/python tests/bench/bench_parsing.py
	@$(BIN)/python tests/bench/bench_scoring.py
	@$(BIN)/python tests/bench/bench_routing.py $(PANELS)

bench-cluster: $(VENV)/cluster  ## runs on two workers against the same graphs written by hand
	@tests/distributed/install_servers.sh
	@PYTHONPATH=tests $(BIN)/python tests/bench/bench_cluster.py

format: $(VENV)/dev  ## bring the code into its form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: down  ## remove environment and state
	rm -rf $(VENV) .runtime

$(VENV)/python: pyproject.toml elpa_core/__init__.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	sys.exit(0 if (3, 11) <= v <= (3, 13) else \
	"ELPA needs Python 3.11, 3.12 or 3.13; %s is %d.%d: call make PYTHON=python3.12" % (sys.executable, *v))'
	@[ -e $@ ] || echo "making the environment in $(VENV), once: some 730 MB on disk, a few minutes"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/demo: EXTRAS := airflow,demo
$(VENV)/demo: $(VENV)/python constraints.txt
	@echo "bringing Airflow, the demo's libraries and ELPA into $(VENV)"
	@$(PIP_INSTALL)
	@touch $@

$(VENV)/dev: EXTRAS := airflow,demo,dev,s3
$(VENV)/dev: $(VENV)/demo
	@echo "bringing the tools for tests into $(VENV)"
	@$(PIP_INSTALL)
	@touch $@

$(VENV)/cluster: EXTRAS := airflow,cluster,demo,dev,s3
$(VENV)/cluster: $(VENV)/dev
	@echo "bringing what a cluster needs into $(VENV)"
	@$(PIP_INSTALL)
	@touch $@
