# Every target installs what it needs first (pinned, cached, nothing when it is there).
.PHONY: build demo demo-orders demo-nft package test bench bench-debezium bench-idle bench-poll fuzz torture torture-kafka torture-day format lint deps-build deps-package deps-demo deps-test clean
CACHE := $(or $(LEAT_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/leat)
PYTHON := $(CACHE)/clients/bin/python
export LEAT_CACHE := $(CACHE)

build: deps-build  ## build/leat
	@scripts/build.sh release leat

demo: deps-demo  ## a million rows from a real MariaDB into Iceberg, and live changes
	@scripts/build.sh release leat
	@$(PYTHON) scripts/demo.py

demo-orders: deps-test  ## orders by HTTP, through Kafka, into MySQL: examples/orders-sink
	@scripts/build.sh release leat
	@$(PYTHON) scripts/demo_orders.py $(ARGS)

demo-nft: deps-test  ## examples/nft-holders as a daemon, through the loss of a server and its own
	@scripts/build.sh release leat
	@$(PYTHON) scripts/demo_nft.py $(ARGS)

package: deps-package  ## build/leat_VERSION_ARCHITECTURE.deb
	@scripts/build.sh release leat
	@scripts/package.sh

test: deps-test  ## everything CI runs: lint, unit tests, sanitizers, real servers, crashes
	@$(PYTHON) scripts/test.py $(STAGES)

bench: deps-test  ## speed and memory against raw programs: docs/performance.md
	@scripts/build.sh release leat leat_raw
	@$(PYTHON) bench/run.py $(ARGS)

bench-debezium: deps-test  ## beside Debezium on Kafka Connect: docs/performance.md
	@scripts/build.sh release leat leat_raw_upsert
	@$(PYTHON) bench/debezium.py $(ARGS)

bench-idle: deps-test  ## 200 idle pipelines, and how quickly the API answers: docs/performance.md
	@scripts/build.sh release leat
	@$(PYTHON) bench/idle.py $(ARGS)

bench-poll: deps-test  ## read: poll beside read: cdc: examples/nft-holders/README.md
	@scripts/build.sh release leat
	@$(PYTHON) bench/poll_or_cdc.py $(ARGS)

fuzz: deps-test  ## every fuzz target for SECONDS (60)
	@$(PYTHON) scripts/fuzz.py --seconds $(or $(SECONDS),60)

torture: deps-test  ## KILLS (200) times kill -9 under load; each table must equal its source
	@scripts/build.sh release leat
	@$(PYTHON) tests/torture.py --kills $(or $(KILLS),200)

torture-kafka: deps-test  ## KILLS (60) times: of leat, of the broker and of the database
	@scripts/build.sh release leat
	@$(PYTHON) tests/torture.py --kafka --kills $(or $(KILLS),60)

torture-day: deps-test  ## MINUTES (60) of twenty pipelines while servers come and go
	@scripts/build.sh release leat
	@$(PYTHON) tests/torture.py --day --minutes $(or $(MINUTES),60) $(ARGS)

format: deps-test
	@git ls-files '*.h' '*.cc' | xargs clang-format -i

lint: deps-test  ## format, layers and limits
	@scripts/lint.sh

deps-build:
	@scripts/deps.sh build
deps-package:
	@scripts/deps.sh package
deps-demo:
	@scripts/deps.sh demo
deps-test:
	@scripts/deps.sh test

clean:
	rm -rf build build-*
