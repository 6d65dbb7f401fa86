# Needs only python3 and make. Every target sets up what it uses.

.POSIX:
PYTHON = python3
BIN = .venv/bin
BUILD = docker build
T =
CORES = $$(getconf _NPROCESSORS_ONLN)
# One more than there are cores: tests of running servers wait for a seventh of their time.
WORKERS = $$(($(CORES) + 1))
RUN = exec env RUN_ENDS_WITH=$$PPID $(BIN)/python
PYTEST = $(RUN) -m pytest
BY_FILE = --dist loadfile --no-loadscope-reorder
MIGRATIONS = src/waypost/store/migrations
HAVE_PYTHON = command -v $(PYTHON) >/dev/null || \
    { echo "Waypost needs Python 3.11 to 3.14: install python3 and python3-venv." >&2; exit 1; }

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile

setup: ## create .venv with everything that Waypost needs to run
	@$(HAVE_PYTHON)
	@$(PYTHON) tools/bootstrap.py

develop: ## create .venv with everything that tests and checks need, too
	@$(HAVE_PYTHON)
	@$(PYTHON) tools/bootstrap.py --dev

demo: setup ## run Waypost with stand-ins for four carriers and a small shop (DEMO_SECONDS=20: exit after 20 seconds)
	@$(BIN)/python -m examples.demo

serve: setup ## run Waypost on http://127.0.0.1:8080 with a database of its own
	@$(BIN)/waypost serve

test: develop ## run all tests, or those named by T (T=path::name); WORKERS at a time, by default one more than there are cores
	@if [ -n "$$T" ]; then $(PYTEST) -n 0 $(T); else $(PYTEST) -n $(WORKERS) $(BY_FILE); fi

test-fast: develop ## run the tests that need no database
	@$(PYTEST) -n $(CORES) $(BY_FILE) tests/unit tests/contract

test-pythons: develop ## run the fast tests on every other installed Python from 3.11 to 3.14
	@$(BIN)/python -m tools.other_pythons

judges: ## install the Node libraries (npm) that some tests use if they are there
	npm ci --prefix tests/judges --silent --ignore-scripts --no-audit --no-fund

karrio: ## create build/karrio, an environment with karrio, which some tests and tools use if it is there
	@$(HAVE_PYTHON)
	$(PYTHON) -m venv build/karrio
	build/karrio/bin/pip install --quiet --requirement tests/judges/karrio.txt

check: develop ## lint, types, imports, wording, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src tests tools examples benchmarks
	$(BIN)/lint-imports
	$(BIN)/python -m tools.wording
	$(BIN)/squawk --config squawk.toml --assume-in-transaction --exclude-path='*.concurrent.sql' $(MIGRATIONS)/*.sql
	$(BIN)/squawk --config squawk.toml --no-error-on-unmatched-pattern '$(MIGRATIONS)/*.concurrent.sql'

fix: develop ## format, and fix what the linter can fix
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .

bench: develop ## run the benchmarks on this machine
	@$(RUN) -m benchmarks
	@$(RUN) -m benchmarks.polling

faults: develop ## run the tests that take minutes or gigabytes
	$(PYTEST) -m 'faults and not alone' -n $(CORES) --dist loadfile
	$(PYTEST) -m 'faults and alone'
	$(PYTEST) -m 'hypothesis and not faults' --hypothesis-profile=many -n $(CORES) --dist loadfile tests/unit tests/contract

schema: develop ## write src/waypost/store/schema.sql, the result of all migrations
	@$(BIN)/python -m tools.schema

release-statements: develop ## store this release's SQL statements, which the next release's migrations must keep working
	@$(BIN)/python -m tools.schema release

images: ## build both container images; BUILD names the command, by default docker build
	$(BUILD) -f deploy/container/Dockerfile -t waypost .
	$(BUILD) --build-arg EXTRA=server -f deploy/container/Dockerfile -t waypost-server .

screenshots: develop ## take screenshots of every page into build/screenshots, and those of the guides
	@$(BIN)/python -m tools.screenshots

docs: develop ## generate the reference from the code, and the whole documentation as static pages in build/docs
	@$(BIN)/python -m tools.documentation

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --custom-compile-command "make lock" --upgrade

release-papers: develop ## write the SBOM (CycloneDX) and the licences of all packages into build/release
	@$(BIN)/python -m tools.release_papers

lock: develop ## update the locked versions in requirements/
	$(LOCK) --extra embedded pyproject.toml requirements/build.in -o requirements/run.txt
	$(LOCK) --extra embedded --extra mcp pyproject.toml requirements/build.in requirements/dev.in -c requirements/run.txt -o requirements/dev.txt
	echo uv | $(LOCK) -c requirements/dev.txt -o requirements/uv.txt -

clean: ## remove everything that the other targets created
	rm -rf .venv .demo build tests/judges/node_modules .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.PHONY: help setup develop demo serve test test-fast test-pythons judges karrio check fix bench faults schema release-statements images screenshots docs release-papers lock clean
