# `make help` lists what can be asked for. On a fresh Debian machine python3, make and the network are enough:
# `make demo` works for any user, `make test` for root.

PYTHON ?= python3
# The daemons of Open vSwitch, and ip, are where a plain user's PATH may not look.
export PATH := $(PATH):/usr/sbin:/sbin

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint behaviours documents bench lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: .venv/.complete  ## make the virtual environment .venv, as requirements.lock says

.venv/.complete: requirements.lock pyproject.toml tools/bootstrap
	@PYTHON='$(PYTHON)' tools/bootstrap

demo: .venv/.complete  ## compile examples/shop and show what came out
	@tools/demo

test: .venv/.complete  ## check and run everything (root; installs Open vSwitch and the like where missing)
	tools/install-test-tools
	$(MAKE) lint
	.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: .venv/.complete  ## ruff and mypy --strict
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy --strict

behaviours:  ## list the behaviours of docs/behaviours.md that no test names
	@$(PYTHON) tools/behaviours.py

documents: .venv/.complete  ## renew what the documents quote from real runs
	.venv/bin/python -m tools.diagnostics_doc > docs/diagnostics.md
	.venv/bin/python -m tools.renew_documents

bench: .venv/.complete  ## measure flows, masks and time
	.venv/bin/python -m benchmarks

lock: .venv/.complete  ## renew requirements.lock from pyproject.toml (UPGRADE=1: to the newest versions)
	test -x .venv/bin/uv || .venv/bin/python -m pip install uv
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  $(if $(UPGRADE),--upgrade) --extra test --extra build --output-file requirements.lock pyproject.toml

clean:  ## remove everything that was made, .venv too
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
