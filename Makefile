# The commands of the project. `make` alone lists them.

# Any of these will do, if it is at least 3.11. `make PYTHON=python3.12 …` chooses.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11

VENV := .venv
RUNTIME := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
# One that is half made or half deleted, was moved, or has lost its Python, is made anew by what needs
# it: pip would install into the Python that it was made with.
ifeq ($(origin VENV) $(shell [ ! -e .venv ] || (. .venv/bin/activate && "$$VIRTUAL_ENV/bin/python" -c \
	'import sys; sys.exit(sys.prefix == sys.base_prefix)') 2> /dev/null || echo broken),file broken)
.PHONY: $(VENV) $(RUNTIME) $(DEV)
endif
# One lock for every system and every Python from 3.11 on.
LOCK = @uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $(ARGS) \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
PIP_INSTALL = $(VENV)/bin/pip install --quiet --no-user --disable-pip-version-check --require-hashes
NOT_INSTALLED = { echo "Error: packages are missing; pip says why above. The first time needs a network \
	or, in PIP_INDEX_URL, a mirror. If another tool, such as uv, or a Python below 3.11 has made $(VENV), \
	delete it first: rm -r $(VENV). Then run the same command again." >&2; exit 1; }
export PATH := $(abspath $(VENV))/bin:$(PATH)


# Pythons that pyenv installed and does not have on PATH.
PYENV_PYTHONS = $(subst $() ,:,$(wildcard $(HOME)/.pyenv/versions/3.*/bin))

.DEFAULT_GOAL := help
.PHONY: help run lesson cluster up dev down status demo-data test ledger slow chaos versions compat lint lock messages pin-images format ci bench bench-report docs reference clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { sub("%", "QUEUE", $$1); printf "make %-13s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

run: $(RUNTIME) ## Order a beer and a coffee, serve them by a worker each, and stop
	@trap : INT HUP QUIT; \
	python -m barback status > /dev/null 2>&1; was_down=$$?; \
	python procfile.py Procfile.run; code=$$?; \
	if [ $$was_down -ne 0 ] && [ -z "$$REDIS_URL" ]; then python -m barback down --yes; fi; \
	exit $$code

lesson: $(DEV) ## Order the same on one queue and on two, and draw who waits: docs/pictures
	@python -m examples.lesson $(ARGS)

cluster: $(RUNTIME) ## Start a cluster on this machine, kill one of its servers, count what is lost
	@python -m examples.cluster

up: $(RUNTIME) ## Keep the website and a worker per queue running, until Ctrl-C
	@trap : INT HUP QUIT; python procfile.py Procfile || [ $$? -eq 130 ]

dev: $(DEV) ## As `make up`, and start anew whenever Python code changes
	@trap : INT HUP QUIT; python dev.py Procfile

worker-%: $(RUNTIME) ## Serve one queue, such as beer, until Ctrl-C
	@trap : INT; dramatiq actors -Q $*

down: $(RUNTIME) ## Stop the embedded server; messages stay on disk
	@python -m barback down

status: $(RUNTIME) ## Show the server and how many messages wait
	@python -m barback status

demo-data: $(RUNTIME) ## Add two years of sales, a million, for reports to add up
	@python -m database demo-data

test: $(DEV) ## Run all tests but the slow ones: see `make slow`, `make ledger`
	@pytest -n $$(( 3 * $(or $(shell getconf _NPROCESSORS_ONLN),2) )) --maxprocesses 8 --dist worksteal

ledger: $(DEV) ## 200 sign-ups, a slow mail server, the broker away for 30 s
	@pytest -m ledger -s tests/bar/e2e/web

slow: $(DEV) ## Run the slow tests, some minutes: faults, tours of the whole bar, stock Dramatiq
	@pytest -m "slow and not alone" -n $$(( 2 * $(or $(shell getconf _NPROCESSORS_ONLN),2) )) --maxprocesses 4 --dist worksteal
	@pytest -m "slow and alone"

chaos: $(DEV) ## Break everything in a random order for 10 minutes, and count what is lost
	@pytest -m chaos -s tests/barback/faults/test_chaos.py

versions: $(DEV) ## Test barback on every Python and redis-py that it supports, where they are installed
	@PATH="$$PATH:$(PYENV_PYTHONS)" tox run

compat: $(DEV) ## Run tests of Dramatiq and of what is used with it on our broker: make compat ARGS=dramatiq
	@PATH="$$PATH:$(PYENV_PYTHONS)" tox run -e compat -- $(ARGS)

lint: $(DEV) ## Check format, style, types, imports, YAML and the Dockerfile
	ruff format --check
	ruff check
	mypy
	lint-imports
	yamllint --strict .
	hadolint Dockerfile

lock: $(DEV) ## Pin requirements*.txt in the lock files; to the newest with ARGS=--upgrade
	$(LOCK) requirements.txt --output-file requirements.lock
	$(LOCK) requirements-dev.txt --constraints requirements.lock --output-file requirements-dev.lock
	$(LOCK) requirements-compat.txt --constraints requirements-dev.lock --output-file requirements-compat.lock

messages: $(DEV) ## Collect the texts of website and board in their catalogues, to be translated
	@translations/update

pin-images: ## Write the digests of the Docker images beside their tags
	@deploy/pin-images

format: $(DEV) ## Format the code
	@ruff format && ruff check --fix

ci: lint test ## What CI runs

bench: $(DEV) ## Measure Barback and other task queues: make bench ARGS="--only ours,stock"
	@python -m benchmarks run $(ARGS)

bench-report: $(DEV) ## Write the tables and charts of the newest result anew
	@python -m benchmarks report $(ARGS)

docs: $(DEV) ## Build the documentation, strictly, and serve it at http://localhost:8008
	@zensical build --strict --clean
	@trap : INT; zensical serve --dev-addr localhost:8008

reference: $(DEV) ## Write the reference pages of docs/reference anew, from the code
	@python reference.py

clean: ## Remove the virtual environment and what tools left behind
	rm -rf $(VENV) .venvs .benchmarks .site .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(RUNTIME): requirements.lock | $(VENV)
	@echo "Installing what the bar needs into $(VENV), in a minute or less …"
	@$(PIP_INSTALL) -r requirements.lock || $(NOT_INSTALLED)
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	@echo "Installing what the tests and linters need into $(VENV), in a minute or two …"
	@$(PIP_INSTALL) -r requirements-dev.lock || $(NOT_INSTALLED)
	@touch $@

$(VENV):
	@rm -rf $@ 2> /dev/null || { \
		echo "Error: $@ does not work here, and is not yours to delete. Delete it first: sudo rm -r $@" >&2; \
		exit 1; }
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
