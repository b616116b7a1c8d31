# Two commands do everything on a fresh machine: `make demo` and `make test`. The others are parts of them.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
READERS := $(patsubst native/%_reader,$(BIN)/backup-actions-%-reader,$(wildcard native/*_reader))
# Three on two cores: a third of the time tests wait, for disks, databases and programs.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo test check unit sweep scale bench docs lock system clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) $(READERS) system ## real disks and databases backed up, archived, exported on the embedded AWS; ARGS="--keep DIR" and others are passed on
	@$(BIN)/backup-actions demo $(ARGS)

test: check unit ## all checks and tests

check: $(READY) ## style, types, stale documentation
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

unit: $(READY) $(READERS) system ## the tests; ARGS="-k name" and others are passed on
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -q $(ARGS)

sweep: $(READY) $(READERS) system ## every single fault and every single grant; the suite holds a fixed sample of them
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -q --sweep tests/sweeps $(ARGS)

scale: $(READY) $(READERS) system ## a night of 10,000 recovery points on the embedded AWS, hours; ARGS="--points 1000" and others are passed on
	@$(BIN)/python -m tests.scale $(ARGS)

bench: $(READY) $(READERS) build/competitors system ## archiving against other pipelines, about half an hour; ARGS="--quick" and others are passed on
	@$(BIN)/python -m compileall -q -j 0 -x aws_cdk .venv/lib src benchmarks # as pip leaves what it installs
	@PATH="$(CURDIR)/$(BIN):$$PATH:$(CURDIR)/build/competitors/bin" $(BIN)/python -m benchmarks $(ARGS)

docs: $(READY) ## write the generated pages
	@$(BIN)/python docs/generate.py

lock: $(READY) ## renew the lock files
	@tools/lock

system: ## the programs that file systems need; installs them on Debian and Ubuntu as root, names them elsewhere
	@tools/system-packages

clean: ## remove what the commands above made
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# Where they cannot be compiled GNU tar reads the trees, Python the items, and the program of MariaDB the rows.
$(READERS): $(BIN)/backup-actions-%-reader: $(wildcard native/*_reader/*) | $(READY) system
	@if ! command -v $(CC) >/dev/null 2>&1 || [ "$$(uname)" != Linux ]; then \
		echo "no C compiler, or not Linux: there is no reader of $*s, what it does takes longer" >&2; \
	elif [ $* = row ] && ! command -v mariadb_config >/dev/null 2>&1; then \
		echo "no libmariadb-dev: there is no reader of rows, dumps of MariaDB take longer" >&2; \
	else $(MAKE) --silent --no-print-directory -C native/$*_reader PROGRAM="$(CURDIR)/$@"; fi

build/competitors: pyproject.toml
	@$(BIN)/uv venv --quiet --clear $@
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $@/bin/python --group benchmarks
	@touch $@

# uv installs the locked packages in seconds; pip does the same where uv cannot run.
$(READY): requirements/development.txt requirements/bootstrap.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "setting up .venv (once; about a minute)" >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/development.txt requirements/bootstrap.txt || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/development.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)
