# The commands of the project. `make` alone lists them.

# Any of these will do, if it is at least 3.11. `make PYTHON=python3.12 …` chooses.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11

VENV := .venv
RUNTIME := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
export PATH := $(abspath $(VENV))/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run up down status demo-data test ledger slow chaos lint format ci bench bench-report clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUNTIME) ## Order a beer and a coffee, serve them by a worker each, and stop
	@trap : INT; \
	python -m barback status > /dev/null 2>&1; was_down=$$?; \
	python procfile.py Procfile.run; code=$$?; \
	if [ $$was_down -ne 0 ] && [ -z "$$REDIS_URL" ]; then python -m barback down; fi; \
	exit $$code

up: $(RUNTIME) ## Keep the website and a worker per queue running, until Ctrl-C
	@trap : INT; python procfile.py Procfile || [ $$? -eq 130 ]

down: $(RUNTIME) ## Stop the embedded server; messages stay on disk
	@python -m barback down

status: $(RUNTIME) ## Show the server and how many messages wait
	@python -m barback status

demo-data: $(RUNTIME) ## Add two years of sales, a million, for reports to add up
	@python -m database demo-data

test: $(DEV) ## Run all tests but the slow ones: see `make slow`, `make ledger`
	@pytest -n $$(( 2 * $(or $(shell getconf _NPROCESSORS_ONLN),2) )) --maxprocesses 8 --dist worksteal

ledger: $(DEV) ## 200 sign-ups, a slow mail server, the broker away for 30 s
	@pytest -m ledger -s tests/e2e/web

slow: $(DEV) ## Run the slow tests, some minutes: faults, tours of the whole bar, stock Dramatiq
	@pytest -m slow -rP

chaos: $(DEV) ## Break everything in a random order for a minute, and count what is lost
	@pytest -m chaos -s tests/e2e/faults/test_chaos.py

lint: $(DEV) ## Check format, style, types, imports, YAML and the Dockerfile
	ruff format --check
	ruff check
	mypy
	lint-imports
	yamllint --strict .
	hadolint Dockerfile

format: $(DEV) ## Format the code
	@ruff format && ruff check --fix

ci: lint test ## What CI runs

bench: $(DEV) ## Measure Barback and other task queues: make bench ARGS="--only ours,stock"
	@python -m benchmarks run $(ARGS)

bench-report: $(DEV) ## Write the tables and charts of the newest result anew
	@python -m benchmarks report $(ARGS)

clean: ## Remove the virtual environment and what tools left behind
	rm -rf $(VENV) .benchmarks .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(RUNTIME): requirements.txt | $(VENV)
	@echo "Installing what the bar needs into $(VENV) …"
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	@echo "Installing what the tests and linters need into $(VENV) …"
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV):
	@for python in $(or $(PYTHON),$(PYTHONS)); do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then \
			if $$python -c 'import ensurepip, venv' 2> /dev/null; then \
				exec $$python -m venv $(VENV); \
			fi; \
			lacking="$$python has no venv module; on Debian or Ubuntu, apt install python3-venv."; \
		fi; \
	done; \
	echo "Error: Python 3.11 or newer is needed (looked for: $(or $(PYTHON),$(PYTHONS))). $$lacking" >&2; \
	exit 1
