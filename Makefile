# Two commands: `make run` shows waihu at work, `make test` proves it. Each sets up what it needs.
# 两条命令：make run 演示，make test 测试；所需的一切都会自动准备。
.PHONY: run test setup console dist fmt
.DEFAULT_GOAL := run

# By way of cargo, which knows where it builds to (CARGO_TARGET_DIR).
WAIHU := cargo run -q --release --locked --bin waihu --

run: setup
	@.ci/step "console 控制台" .ci/console
	@.ci/step "build 编译" .ci/build
	@$(WAIHU) models pull
	@$(WAIHU) train intents --if-stale
	@$(WAIHU) practice

test:
	@.ci/setup --with-peers
	@.ci/test

setup:
	@.ci/setup

# The web console alone; the next build of waihu takes it in. 单独构建控制台
console: setup
	@.ci/console

# The program as it is shipped, in dist/. 发布用程序
dist: setup
	@.ci/step "console 控制台" .ci/console
	@.ci/step "dist 打包" .ci/dist

fmt:
	@cargo fmt --all
