# Every verb makes its own .venv first; nothing but Python >= 3.11, git and make has to be there.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo test check bench bench-full dist clean golden picture

demo: $(STAMP)
	@$(BIN)/envgit demo

test: $(STAMP)
	@$(BIN)/python -m pytest -q -n 2

check: $(STAMP)
	@$(BIN)/ruff check envgit tests bench
	@$(BIN)/ruff format --check envgit tests bench
	@$(BIN)/mypy
	@$(BIN)/mypy bench
	@$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(STAMP)
	@$(BIN)/python -m bench

# Half an hour, on a machine that does nothing else; writes docs/performance.md.
bench-full: $(STAMP)
	@$(BIN)/python -m pip -q --disable-pip-version-check install --require-hashes -r requirements/plot.txt
	@$(BIN)/python -m bench --full --page

picture: $(STAMP)
	@$(BIN)/python docs/picture.py

golden: $(STAMP)
	@$(BIN)/python -m pytest -q --rewrite-golden tests

dist: $(STAMP)
	@$(BIN)/python -m pip -q wheel --no-deps -w dist .

clean:
	@rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): pyproject.toml requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "envgit needs Python 3.11 or newer on PATH"; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip -q --disable-pip-version-check install --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip -q --disable-pip-version-check install --no-deps --no-build-isolation -e .
	@touch $@
