# Short names for everyday steps. `make` alone explains them.

.DEFAULT_GOAL := help
.PHONY: help run test check format lint docs deny bench eval clients tools

TARGET_DIR ?= $(or $(CARGO_TARGET_DIR),target)
DATA_DIR ?= ./data
LISTEN ?= 127.0.0.1:8787
BENCH ?=
EVAL ?= recall
# cargo-deny is looked for here too, so that nothing has to be installed for the whole user.
export PATH := $(abspath $(TARGET_DIR)/tools/bin):$(PATH)

help: ## Explain the targets (this text)
	@echo 'hebbd: a self-hosted memory server for AI agents.'
	@echo
	@echo 'First steps:'
	@echo '  make run                 build and start a server with sample credentials'
	@echo '  curl localhost:8787/health'
	@echo
	@echo 'Targets:'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo 'Variables: DATA_DIR and LISTEN for run, DATA and EVAL for eval, BENCH for bench, as in'
	@echo '  make run DATA_DIR=/tmp/memory LISTEN=127.0.0.1:9000'
	@echo '  make eval DATA=locomo.json EVAL=learning'
	@echo '  make bench BENCH=vector_index'

run: tools ## Build the release binary and serve on LISTEN, with data in DATA_DIR
	cargo build --locked --release
	exec $(TARGET_DIR)/release/hebbd serve --dev --data-dir $(DATA_DIR) --listen $(LISTEN)

test: tools ## Run all tests
	cargo test --locked --no-fail-fast

check: format lint docs deny ## Check format, lints, docs and dependencies; warnings are errors

format: tools
	cargo fmt --check

lint: tools
	cargo clippy --locked --all-targets -- -D warnings

docs: tools
	RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps

# The advisory database is fetched from the internet; where that fails, the rest is still checked.
deny: tools
	@if ! command -v cargo-deny >/dev/null 2>&1; then \
	    echo 'SKIPPED: licences, bans, sources and advisories are not checked: cargo-deny is not installed.'; \
	    echo '  To install it: cargo install --locked cargo-deny --root $(TARGET_DIR)/tools'; \
	else \
	    set -e; \
	    echo 'cargo deny check licenses bans sources'; \
	    cargo deny --log-level error check licenses bans sources; \
	    if cargo deny --log-level off fetch db >/dev/null 2>&1; then \
	        echo 'cargo deny check advisories'; \
	        cargo deny --log-level error check --disable-fetch advisories; \
	    else \
	        echo 'SKIPPED: advisories are not checked: their database cannot be fetched from here.'; \
	    fi; \
	fi

bench: tools ## Run the benchmarks, or one of them with BENCH=name
	cargo bench --locked $(if $(BENCH),--bench $(BENCH))

eval: tools ## Measure EVAL=recall, learning or facts on a LoCoMo-shaped file: make eval DATA=path
	@if [ -z "$(DATA)" ]; then \
	    echo 'make eval needs a file in the shape of the LoCoMo data set: make eval DATA=path/to/locomo.json'; \
	    exit 2; \
	elif [ ! -r "$(DATA)" ]; then \
	    echo 'make eval: cannot read $(DATA)'; \
	    exit 2; \
	fi
	@case "$(EVAL)" in \
	    recall | learning | facts) ;; \
	    *) echo 'make eval measures EVAL=recall, EVAL=learning or EVAL=facts, not $(EVAL)'; exit 2 ;; \
	esac
	cargo run --locked --release --quiet -- eval $(EVAL) --data "$(DATA)"

clients: tools ## Drive a real server with unmodified vendor clients (needs python3, node and npm)
	cargo build --locked --release
	bash tools/clients/run.sh $(TARGET_DIR)/release/hebbd $(TARGET_DIR)/clients

tools:
	@missing=; \
	if ! command -v cargo >/dev/null 2>&1; then \
	    missing=1; \
	    echo 'cargo is missing. Install Rust with rustup:'; \
	    echo "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"; \
	fi; \
	for compiler in cc c++; do \
	    if ! command -v $$compiler >/dev/null 2>&1; then \
	        missing=1; \
	        case $$compiler in cc) language=C ;; *) language=C++ ;; esac; \
	        echo "A $$language compiler ($$compiler) is missing; the vector index and TLS need one. Install it with"; \
	        echo '  Debian, Ubuntu:  sudo apt-get install build-essential'; \
	        echo '  Fedora:          sudo dnf install gcc gcc-c++'; \
	        echo '  macOS:           xcode-select --install'; \
	        echo '  or, with brew:   brew install gcc'; \
	    fi; \
	done; \
	if [ -n "$$missing" ]; then exit 1; fi
