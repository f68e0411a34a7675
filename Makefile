# Everything a newcomer needs; `make help` lists it. Nothing has to be installed by hand but Python 3.11 or newer.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
JOBS ?= 3
MLFLOW := .cache/mlflow
AIRFLOW := .cache/airflow
PACKAGES := helpdesk ticket_api agent_console prediction_api processor relay models evaluation cli benchmarks
.PHONY: help setup demo run test test-long lint check chaos bench bench-intake bench-pipeline bench-intent bench-retrieval bench-feedback train screens reference clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: $(VENV)/.runtime ## Create the virtual environment with the pinned dependencies

demo: $(VENV)/.runtime ## Run the sample tickets through the whole system on embedded parts
	@$(VENV)/bin/helpdesk demo

run: $(VENV)/.runtime ## Start all services on loopback; Ctrl-C drains and stops
	@exec $(VENV)/bin/helpdesk run

test: $(VENV)/.dev ## Run the suite, RabbitMQ, PostgreSQL and Chroma servers included
	$(PY) -m pytest -n $(JOBS) --dist worksteal

test-long: $(VENV)/.dev $(MLFLOW)/.installed $(AIRFLOW)/.installed ## Run what takes minutes: real MLflow and Airflow, fine-tuning, the proof of the fault suite
	$(PY) -m pytest -m "mlflow or airflow or long"

lint: $(VENV)/.dev ## Lint, formatting, types, import rules
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy -n 2 $(PACKAGES) tests
	$(VENV)/bin/lint-imports

check: lint test ## What CI runs: lint, then test

chaos: $(VENV)/.dev ## The long fault run: every fault, both brokers, both stores
	$(PY) -m pytest -m "chaos or not chaos" -s tests/chaos

bench: bench-intake bench-pipeline ## All benchmarks of the spine

bench-intake: $(VENV)/.bench ## Durable POST /tickets per second, against a FastAPI that does nothing
	$(PY) -m benchmarks.intake

bench-pipeline: $(VENV)/.bench ## Tickets decided per second, against Celery, dramatiq and FastStream
	$(PY) -m benchmarks.pipeline

bench-intent: $(VENV)/.bench ## The classifier beside its peers, on BANKING77, CLINC150 and our own tickets
	$(PY) -m benchmarks.intent

bench-retrieval: $(VENV)/.bench ## Retrieval and its gate beside peers, on a public support set and our own articles
	$(PY) -m benchmarks.retrieval

bench-feedback: $(VENV)/.bench ## The ranking on held-out questions before and after feedback, honest and hostile
	$(PY) -m benchmarks.feedback

train: $(VENV)/.runtime ## Rebuild the intent model from data/
	@$(VENV)/bin/helpdesk train

screens: $(VENV)/.dev ## Take pictures of the desk's pages into docs/screens
	$(PY) -m docs.screens

reference: $(VENV)/.dev ## Regenerate the reference pages of the documentation
	$(PY) docs/generate.py
	$(PY) -m cli.reference

clean: ## Remove the virtual environment, caches and local state
	rm -rf $(VENV) .helpdesk .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.runtime: pyproject.toml constraints.txt
	@deploy/install.sh $(VENV) "."
	@echo "Building the sentence encoder for this machine …"
	@$(PY) -m models.encoder_export >/dev/null 2>&1 || echo "That failed; the first start of the prediction API tries again."
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@deploy/install.sh $(VENV) ".[dev]"
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	@deploy/install.sh $(VENV) ".[dev,bench]"
	@touch $@

# Apart from our own packages, because the server's do not fit beside them (graphene wants an older graphql-core).
$(MLFLOW)/.installed: tests/mlflow_server.txt | $(VENV)/.dev
	@echo "Installing an MLflow server for the tests into $(MLFLOW) (a minute the first time) …"
	@$(PY) -m venv --clear $(MLFLOW)
	@$(MLFLOW)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Apart as well: Airflow pins most of what it stands on.
$(AIRFLOW)/.installed: tests/airflow.txt | $(VENV)/.dev
	@echo "Installing Airflow for the tests into $(AIRFLOW) (a minute the first time) …"
	@$(PY) -m venv --clear $(AIRFLOW)
	@$(AIRFLOW)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@
