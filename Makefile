# `make help` says what there is. Everything lives in .venv and .clearward.
PYTHON ?= python3
BIN := .venv/bin
HOME_DIR ?= $(CURDIR)/.clearward
export CLEARWARD_HOME ?= $(HOME_DIR)
export DAGSTER_DISABLE_TELEMETRY := 1
export GX_ANALYTICS_ENABLED := false
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1
ifdef STORE
export CLEARWARD_STORE := $(STORE)
endif
ifdef ENDPOINT
export CLEARWARD_ENDPOINT := $(ENDPOINT)
endif

.DEFAULT_GOAL := help
.PHONY: help setup manifest demo dev docs test check format acceptance bench score lock services services-stop clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: .venv/.ready ## create .venv from requirements.lock

.venv/.ready: requirements.lock pyproject.toml
	@echo "Setting up the environment (about a minute the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q clearward orchestration # many short processes, in shells that may forbid it
	@touch $@

MODELS := $(shell find dbt_project -path '*/target' -prune -o -type f \( -name '*.sql' -o -name '*.yml' -o -name '*.csv' \) -print 2>/dev/null)

manifest: dbt_project/target/manifest.json ## parse the dbt project for Dagster

dbt_project/target/manifest.json: .venv/.ready $(MODELS)
	@echo "Reading the dbt models"
	@cd dbt_project && ../$(BIN)/dbt --quiet parse --profiles-dir .
	@touch $@

demo: setup manifest ## run three sample hospitals end to end, then play the buyer
	@$(BIN)/clearward demo

dev: setup manifest ## open the Dagster UI on http://127.0.0.1:3000
	@mkdir -p $(CLEARWARD_HOME)/dagster && cp orchestration/dagster.yaml $(CLEARWARD_HOME)/dagster/
	@$(BIN)/clearward init
	@DAGSTER_HOME=$(CLEARWARD_HOME)/dagster $(BIN)/dagster dev -w workspace.yaml

docs: setup manifest ## write the dbt documentation site to dbt_project/target
	@cd dbt_project && CLEARWARD_WAREHOUSE=$(CLEARWARD_HOME)/warehouse ../$(BIN)/dbt --quiet docs generate --profiles-dir . --static --empty-catalog
	@echo "Open dbt_project/target/static_index.html"

test: setup manifest ## run all tests but the long ones; S3 and PostgreSQL ones run when `make services` has started them
	@scripts/with_services.sh $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not long"

check: setup manifest ## ruff, mypy, import layers, SQLFluff, Dagster definitions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/sqlfluff lint dbt_project/models --processes 2 --disable-progress-bar
	@DAGSTER_HOME= $(BIN)/dagster definitions validate -w workspace.yaml --log-level warning

format: setup ## put code and SQL into the house style
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
	@$(BIN)/sqlfluff fix dbt_project/models --disable-progress-bar

services: ## install and start a real S3 server (Ceph RGW) and PostgreSQL for tests; Debian, root
	@scripts/s3.sh install && scripts/s3.sh start
	@scripts/postgres.sh install && scripts/postgres.sh start

services-stop: ## stop what `make services` started
	@scripts/s3.sh stop; scripts/postgres.sh stop

acceptance: setup manifest services ## end to end, the long tests too, against the real S3 server and PostgreSQL
	@scripts/with_services.sh $(BIN)/python -m pytest tests/acceptance

bench: setup manifest ## measure against DuckDB's own COPY of the same files
	@$(BIN)/python -m benchmarks.monthly

score: setup ## precision, recall and F1 of the free-text rooms on the public sets
	@$(BIN)/python -m benchmarks.score

lock: ## solve pyproject.toml again into requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --no-emit-index-url --no-header --generate-hashes --no-annotate --quiet -o requirements.lock

clean: ## remove the demo's data; keeps .venv
	rm -rf $(CLEARWARD_HOME) dbt_project/target
