# Two commands: `make run` shows waihu at work, `make test` proves it. Each sets up what it needs.
.PHONY: run test setup fmt
.DEFAULT_GOAL := run

WAIHU := target/release/waihu

run: setup
	@.ci/step "build" cargo build --release --locked --bin waihu
	@$(WAIHU) models pull
	@$(WAIHU) train intents --if-stale
	@$(WAIHU) practice

test:
	@.ci/setup --with-peers
	@.ci/test

setup:
	@.ci/setup

fmt:
	@cargo fmt --all
