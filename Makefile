# make help lists the targets. The environment is in .venv, state is in .runtime. Git ignores both.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The environment of the deep models. DEEP_PIP=... are more options of pip, such as an index with torch for the CPU.
DEEP := .venv-deep
DEEP_PIP ?=
# More workers than two cores: tests of an Airflow wait now and then. Those that share one run on one worker.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder
# Tests start hundreds of Pythons: each would compile what another has compiled.
export PYTHONDONTWRITEBYTECODE :=
SHELL := bash
.SHELLFLAGS := -o pipefail -c

# Each target sets EXTRAS. uv, where it is installed, takes seconds, and has an index of its own setting (UV_INDEX).
# Packages are compiled when they are imported first: most of their modules never are.
INSTALL = $(if $(shell command -v uv),uv pip install --python $(VENV) --quiet,$(BIN)/python -m pip install \
	--disable-pip-version-check --no-compile) -c constraints.txt -e '.[$(EXTRAS)]' | $(DOTS)
# Prints a dot per package; errors go to standard error.
DOTS = awk ' \
	/^Collecting / { got++; printf "."; fflush() } \
	got && /^Installing collected / { printf "\ninstalling %d packages\n", split($$0, names, ","); fflush() }'

.DEFAULT_GOAL := help
.PHONY: help demo demo-deep up down test test-all all-tests test-sweeps test-distributed compose-test check bench bench-cluster bench-scale format clean

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/demo  ## run the demo Dag in its own Airflow, print the policy, stop everything
	@$(BIN)/python dags/demo/demo.py demo

demo-deep: $(VENV)/demo $(DEEP)/ready  ## the demo with three deep models, in an environment of their own; three to fifteen minutes
	@$(BIN)/python dags/demo/demo.py demo --dag elpa_deep

up: $(VENV)/demo  ## start Airflow with its UI and keep it running; CONFIGS=folder: use your own configs
	@$(BIN)/python dags/demo/demo.py up $${CONFIGS:+--configs "$$CONFIGS"}

down:  ## stop the Airflow of make up
	@if [ -x $(BIN)/python ]; then $(BIN)/python dags/demo/demo.py down; else echo "nothing is running"; fi

test: $(VENV)/dev  ## lint, types and tests, with a real Airflow; at most five minutes
	@$(MAKE) --no-print-directory check
	@$(PYTEST) -m 'not slow and not sweep'

test-all: $(VENV)/cluster  ## test, slow tests and test-distributed; some 20 minutes from a clone
	@tests/distributed/install_servers.sh
	@$(MAKE) --no-print-directory -j 2 check all-tests

# pytest leaves out tests/distributed unless it is told not to, even where it is named beside tests.
# One process looks at all tests first: what it compiles, the workers need not.
all-tests: ALL := -m 'not sweep' -o norecursedirs='.*'
all-tests:
	@$(BIN)/python -m pytest --collect-only -qq $(ALL) > /dev/null || true
	@$(PYTEST) $(ALL)

test-sweeps: $(VENV)/cluster $(DEEP)/ready  ## full sweeps and ten times as many generated cases; test-all runs a sample of both
	@$(PYTEST) -m 'sweep or hypothesis' --hypothesis-profile sweeps
	@tests/distributed/install_servers.sh
	@$(BIN)/python -m pytest tests/distributed -m sweep

test-distributed: $(VENV)/cluster  ## tests with PostgreSQL, Redis and two Celery workers that are killed; five to seven minutes
	@tests/distributed/install_servers.sh
	@$(BIN)/python -m pytest tests/distributed -m 'not sweep'

compose-test:  ## the demo on docker-compose.yaml with two workers; needs Python and Docker with Compose; about five minutes
	@$(PYTHON) tests/compose/run_stack.py

check: $(VENV)/dev  ## check lint and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/dev  ## measure ratios of speed, some 20 minutes; PANELS="a.csv b.csv": also the router without each of its parts
	@$(BIN)/python tests/bench/bench_starting.py
	@$(BIN)/python tests/bench/bench_tasks.py
	@$(BIN)/python tests/bench/bench_parsing.py
	@$(BIN)/python tests/bench/bench_scoring.py
	@PYTHONPATH=tests:dags/demo $(BIN)/python tests/bench/bench_store.py
	@$(BIN)/python tests/bench/bench_routing.py $(PANELS)

bench-cluster: $(VENV)/cluster  ## compare runs on two workers with the same Dags written by hand
	@tests/distributed/install_servers.sh
	@PYTHONPATH=tests:dags/demo $(BIN)/python tests/bench/bench_cluster.py

bench-scale: $(VENV)/cluster  ## measure a scheduler with PostgreSQL and 200 Dags of 20 models; ten minutes
	@tests/distributed/install_servers.sh
	@PYTHONPATH=tests:dags/demo $(BIN)/python tests/bench/bench_scale.py

format: $(VENV)/dev  ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: down  ## remove the environments and all state
	rm -rf $(VENV) $(DEEP) .runtime

$(VENV)/python: pyproject.toml elpa_core/__init__.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	sys.exit(0 if (3, 11) <= v <= (3, 13) else \
	"ELPA needs Python 3.11, 3.12 or 3.13; %s is %d.%d: call make PYTHON=python3.12" % (sys.executable, *v))'
	@[ -e $@ ] || echo "creating the environment in $(VENV), once: about 800 MB on disk, a few minutes"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/demo: EXTRAS := airflow,demo,ui
$(VENV)/demo: $(VENV)/python constraints.txt
	@echo "installing Airflow, the demo's libraries and ELPA in $(VENV)"
	@$(INSTALL)
	@touch $@

$(VENV)/dev: EXTRAS := airflow,demo,dev,s3,ui
$(VENV)/dev: $(VENV)/demo
	@echo "installing the tools for tests in $(VENV)"
	@$(INSTALL)
	@touch $@

$(VENV)/cluster: EXTRAS := airflow,cluster,demo,dev,gcs,kubernetes,s3,ui
$(VENV)/cluster: $(VENV)/python constraints.txt
	@echo "installing all that the tests need in $(VENV)"
	@$(INSTALL)
	@touch $(VENV)/demo $(VENV)/dev $@

$(DEEP)/ready: dags/training/deep/requirements.txt
	@echo "creating the environment of the deep models in $(DEEP), once: neuralforecast, torch and what they need."
	@echo "With torch for GPUs, as pip finds it by itself: about 3 GB to download, 8 GB on disk. With torch for the CPU,"
	@echo "where pip finds that: 360 MB and 1.7 GB; name its index by make demo-deep DEEP_PIP='--extra-index-url URL'"
	@$(PYTHON) -m venv $(DEEP)
	@$(DEEP)/bin/python -m pip install --disable-pip-version-check $(DEEP_PIP) -r $< | $(DOTS)
	@touch $@
