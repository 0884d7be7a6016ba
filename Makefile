# Every target sets up what it needs first: minutes the first time, a moment after that.
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format bench vsix editors-setup test-editors test-first-run clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with all that CodeFlow needs (PYTHON=python3.12 picks the Python)
	$(PYTHON) -m lsp_server.bootstrap --dev

run: setup ## Try CodeFlow in this terminal
	.venv/bin/codeflow-lsp demo

test: setup lint ## Run the checks, then all tests
	.venv/bin/python -m pytest

lint: setup ## Run the checks: style, types, and who may import whom
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/pyright && .venv/bin/lint-imports

format: setup ## Put all Python files into the project's style
	.venv/bin/ruff check --fix . && .venv/bin/ruff format .

bench: setup ## Measure speed and quality on this machine
	.venv/bin/python -m tests.benchmarks

vsix: setup ## Build the VS Code extension, with the server's wheel in it, into extension/
	cd extension && export PATH="$(CURDIR)/.venv/bin:$$PATH" && npm ci && rm -rf server *.vsix && ../.venv/bin/pip wheel --quiet --no-deps --wheel-dir server .. && npm run check && npm test && npm run package

editors-setup: setup ## Install code-server, which is VS Code for tests, and Neovims, into the user's cache (700 MB); Emacs and Vim by apt-get
	.venv/bin/python -m tests.editors.vscode.install && .venv/bin/python -m tests.editors.nvim.install && .venv/bin/python -m tests.editors.debian

test-editors: vsix editors-setup ## Try the extension in a real VS Code, and the plugins in real Neovims, Emacs and Vim
	.venv/bin/python -m pytest tests/editors -m "editors and not first_run"

test-first-run: vsix editors-setup ## Try the extension's set-up from nothing, and print what it took
	.venv/bin/python -m pytest tests/editors -m "editors and first_run" -s

clean: ## Remove caches and build outputs (not .venv, which takes minutes to make)
	rm -rf build dist .hypothesis .import_linter_cache .pytest_cache .ruff_cache && find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
