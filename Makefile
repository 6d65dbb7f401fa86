# Needs a python3 and make, nothing else. Every target sets up what it uses.

.POSIX:
PYTHON = python3
BIN = .venv/bin

help: ## what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

setup: ## make .venv with what Waypost runs on
	@$(PYTHON) tools/bootstrap.py

develop: ## make .venv with what tests and checks need too
	@$(PYTHON) tools/bootstrap.py --dev

test: develop ## run all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: develop ## lint, types, imports, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src tests tools examples
	$(BIN)/lint-imports
	$(BIN)/squawk --config squawk.toml src/waypost/store/migrations/*.sql

lock: develop ## refresh the locks of requirements/
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header pyproject.toml \
	    -o requirements/run.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header pyproject.toml \
	    requirements/dev.in -o requirements/dev.txt

clean: ## remove what was made
	rm -rf .venv .demo build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.PHONY: help setup develop test check lock clean
