# Two commands do everything: `make run` and `make test`. `make help` lists the rest.

# Programs and the Debian packages that bring them. `.ci/need` installs what is missing as root on Debian, and names it
# elsewhere.
RUN_NEEDS  := cargo=rustup cc=build-essential npm=npm
TEST_NEEDS := $(RUN_NEEDS) redis-server=redis-server redis-cli=redis-tools chromium=chromium
DENY_VERSION := 0.20.2
FUZZ_VERSION := 0.13.2
FUZZ_TARGETS := api_request web_request resp job deck
FUZZ_SECONDS := 60
# Most tests wait for something most of the time, so that two of them share a core.
TEST_THREADS := $(shell expr 2 '*' $$(getconf _NPROCESSORS_ONLN))
IMAGE := podium:latest

.PHONY: run test control-plane-test lint bench soak fuzz image help deny advisories cargo-deny corpora browser-test assets

run: assets ## Build what is needed and present the built-in talk on the embedded cluster
	cargo build --release --locked
	exec target/release/podium serve

test: lint deny ## Run every test: formatting, lints, licences, Rust tests, browser tests
	@.ci/need $(TEST_NEEDS)
	RUST_TEST_THREADS=$(TEST_THREADS) cargo test --locked
	npm test

# Apart from the tests: it needs root and Go, and builds Kubernetes and KEDA. tests/control_plane/README.md says more.
control-plane-test: assets ## The story on Kubernetes and KEDA themselves, without containers
	cargo build --locked
	tests/control_plane/test target/debug/podium

lint: assets ## Formatting and lints, warnings refused
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

deny: cargo-deny ## Licences, bans and sources of the dependencies
	cargo deny --locked check bans licenses sources

# Apart from the tests: the database is fetched anew, and what it says changes without a change of ours.
advisories: cargo-deny ## Known weaknesses of the dependencies, from the RustSec database
	cargo deny --locked check advisories

cargo-deny:
	@command -v cargo-deny >/dev/null || cargo install --locked --version $(DENY_VERSION) cargo-deny

bench: assets ## Measure; figures go to docs/benchmarks.md
	cargo bench --locked

soak: assets ## A fault every second for PODIUM_SOAK_SECONDS (600), not a job lost; figures go to docs/reliability.md
	@.ci/need $(TEST_NEEDS)
	cargo bench --locked --bench soak

# The stack is that of a server's thread, so that nesting which would end the server ends the fuzzer. No sanitizer: there
# is no unsafe code here, and without one the same time tries twice as much.
fuzz: assets ## Fuzz every target for FUZZ_SECONDS (60) each, with a nightly toolchain
	@command -v cargo-fuzz >/dev/null || cargo install --locked --version $(FUZZ_VERSION) cargo-fuzz
	@ulimit -s 2048; for target in $(FUZZ_TARGETS); do \
		mkdir -p fuzz/corpus/$$target; \
		tar -xzf fuzz/corpora/$$target.tar.gz -C fuzz/corpus/$$target || exit 1; \
		dictionary=$$(ls fuzz/$$target.dict 2>/dev/null); \
		cargo +nightly fuzz run -s none $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) $${dictionary:+-dict=$$dictionary} || exit 1; \
	done

image: ## The container image IMAGE (podium:latest), with docker, podman or buildah, whichever works here
	@.ci/image $(IMAGE)

corpora: ## Minimise what fuzzing has found and keep it for the next time
	@for target in $(FUZZ_TARGETS); do \
		cargo +nightly fuzz cmin -s none $$target fuzz/corpus/$$target && \
		tar -czf fuzz/corpora/$$target.tar.gz --sort=name --mtime=@0 --owner=0 --group=0 -C fuzz/corpus/$$target . || exit 1; \
	done

browser-test: assets ## The browser tests alone, against a fresh build
	@.ci/need $(TEST_NEEDS)
	cargo build --locked
	npm test

# Browser assets come from npm through the lock file; the stamp keeps `make run` from asking npm again.
assets: static/vendor/stamp

static/vendor/stamp: package-lock.json static/vendor.mjs
	@.ci/need $(RUN_NEEDS)
	npm ci
	@touch $@

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1	\2/' | expand -t 22
