# What a developer or administrator types. `make` alone lists the targets.

PYTHON ?= $(shell for p in /usr/bin/python3 python3; do $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
UV := $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --python-version 3.11 --no-emit-index-url --generate-hashes --extra hub --extra dev \
  --custom-compile-command "make lock"
WORKERS ?= $(shell nproc)
STAMP := .venv/.installed-$(shell cat requirements.lock pyproject.toml setup.py 2>/dev/null | sha256sum | cut -c1-16)

.DEFAULT_GOAL := help
.PHONY: help install run stop test test-kubernetes bench bench-kubernetes check soak lock words widgets images

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: $(STAMP) ## install everything into .venv from the lock

$(STAMP): # its name says what it was installed from
	@test -n "$(PYTHON)" || { echo "Trainyard needs Python 3.11 or newer with venv: apt-get install python3-venv"; exit 1; }
	@echo "Installing into .venv from requirements.lock …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check $(shell sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.lock)
	@$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@rm -f .venv/.installed-* && touch $@

run: install ## start the platform; Ctrl-C stops it, running jobs go on
	@exec $(BIN)/python -m trainyard_hub.stack run

stop: install ## stop the platform; JOBS=1 ends running jobs too
	@$(BIN)/python -m trainyard_hub.stack stop $(if $(JOBS),--jobs)

test: install ## run every test that needs no cluster; WORKERS=0 one after the other; RERUNS=0 without second tries
	@$(BIN)/python -m pytest -m "not cluster and not soak" -n $(WORKERS) $(ARGS)

test-kubernetes: install ## run the tests that need a cluster, on the one KUBECONFIG names
	@$(BIN)/python -m pytest -m cluster $(ARGS) tests/kubernetes

bench: install ## run the benchmarks, print a table, write benchmarks/results.json
	@$(BIN)/python -m benchmarks.run $(ARGS)

bench-kubernetes: install ## measure the launcher on the cluster KUBECONFIG names, which has simulated nodes
	@$(BIN)/python -m benchmarks.kubernetes

check: install ## lint, types, words compiled, lock in step with pyproject.toml
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy core extensions spawner widgets hub_config
	@$(BIN)/python -m pytest -q tests/project/test_words.py
	@cp requirements.lock .venv/check.lock && $(COMPILE) pyproject.toml -o .venv/check.lock && diff requirements.lock .venv/check.lock \
	  || { echo "requirements.lock does not fit pyproject.toml: make lock"; exit 1; }

soak: install ## repeat the survival tests for long, and run what is too large for make test; ROUNDS=100
	@RERUNS=0 $(BIN)/python -m pytest -m "survival or soak" --soak $(or $(ROUNDS),100) $(ARGS)

lock: ## renew requirements.lock from pyproject.toml
	@$(COMPILE) --upgrade pyproject.toml -o requirements.lock

words: install ## compile the catalogues of all rooms
	@for po in */trainyard*/locale/*/LC_MESSAGES/*.po; do $(BIN)/pybabel -q compile -i $$po -o $${po%.po}.mo || exit 1; done

widgets: ## bundle the pages' JavaScript (needs node)
	@npm --prefix widgets ci --silent && npm --prefix widgets run --silent build

images: install ## build the container images for a cluster (needs Docker); ARGS="workspace mxnet --help"
	@$(BIN)/python -m trainyard_spawner.containers $(ARGS)
