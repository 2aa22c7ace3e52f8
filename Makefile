# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors

# Verbs for people. What they do is in tools/ and in Meson.

BUILD ?= build
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help build test lint format bench storm clean install

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

build: $(BUILD)/build.ninja ## release build in build/
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	tools/setup.sh run
	meson setup $(BUILD) --buildtype=release -Dtests=disabled -Dfuzz=disabled

test: ## all tests as CI runs them; ARGS=--quick for the short way
	tools/test.sh $(ARGS)

lint: ## devtools/check-*, and shellcheck where it is installed
	tools/lint.sh

format: ## clang-format on the lines that differ from the last commit
	git clang-format --extensions c,h

bench: ## cost of a request and of page tables, as CSV; ARGS=tables for these alone
	tools/bench.sh $(ARGS)

storm: ## the 10-second storm; ARGS="--churn 1000" for example
	tools/storm.sh $(ARGS)

install: build ## install what build/ holds
	meson install -C $(BUILD) --no-rebuild

clean: ## remove build/ and build-test/
	rm -rf $(BUILD) build-test
