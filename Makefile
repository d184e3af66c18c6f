# Every target makes .venv first, where it is missing or the requirements have changed. `make help` lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-slow check bench fuzz fuzz-properties lock wheel clean

PY := .venv/bin/python
PYTEST := $(PY) -m pytest -q
RUN := .venv/run.stamp
DEV := .venv/dev.stamp

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

run: $(RUN)  ## start Mailwright here; prints its addresses and a first mail to send
	.venv/bin/mailwright run

test: $(DEV)  ## the tests, a few minutes
	$(PYTEST) -m "not slow" -n 2 --durations 10

test-slow: $(DEV)  ## crash tests and big peers
	$(PYTEST) -m slow --timeout 900 --durations 10

check: $(DEV)  ## style, types, arrows between the rooms, sizes; all of them, also where one fails
	@failed=; \
	for gate in "$(PY) -m ruff check --output-format concise ." "$(PY) -m ruff format --check --output-format concise ." "$(PY) -m mypy" \
	    "$(PY) .venv/bin/lint-imports --no-logo" "$(PY) tools/limits.py"; do \
	    echo "$$gate"; $$gate || failed="$$failed\n  $$gate"; \
	done; \
	if [ -n "$$failed" ]; then printf "These gates are shut:$$failed\n"; exit 1; fi

bench: $(DEV)  ## the figures, beside Postfix and OpenDKIM where they are installed (NAME=through runs one)
	$(PY) -m bench $(NAME)

fuzz: $(DEV)  ## octets that nobody foresaw, FUZZ_SECONDS=20 a target (NAME=zone runs one), then the property tests
	@$(PY) -m pip install --quiet --require-hashes --only-binary :all: -r requirements/fuzz.txt || true
	@$(PY) -m fuzz $(NAME); found=$$?; [ -n "$(NAME)" ] || $(MAKE) --no-print-directory fuzz-properties || found=1; exit $$found

fuzz-properties: $(DEV)  ## the property tests with many more examples, FUZZ_EXAMPLES=2000 a test
	$(PYTEST) -m hypothesis --hypothesis-profile fuzz --timeout 0 -n 2

lock:  ## pin the requirements anew, with hashes
	@command -v uv >/dev/null || { echo "uv is missing. Install it:  pipx install uv   (or: pip install uv)"; exit 1; }
	$(LOCK) pyproject.toml -o requirements/run.txt
	$(LOCK) --group dev pyproject.toml -o requirements/dev.txt
	$(LOCK) --group fuzz -o requirements/fuzz.txt

wheel: $(DEV)  ## build dist/*.whl
	$(PY) -m build --wheel --no-isolation

clean:  ## remove what the other targets made (mail and settings stay)
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .fuzz

LOCK = uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

$(RUN): requirements/run.txt tools/venv.sh
	@sh tools/venv.sh requirements/run.txt
	@touch $@

$(DEV): requirements/dev.txt tools/venv.sh
	@sh tools/venv.sh requirements/dev.txt
	@touch $@
