# Everything that is done to this project more than once. `make` prints the targets.
# Tools come with Go and go.mod; what apt has to add is in `make deps`.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build demo up test e2e interop check lint fmt vet staticcheck fence register nocgo fuzz-short bench bench-all soak trace fresh deps clean

GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
CLI     := github.com/manoward/manoward/cmd/manoward/cli
LDFLAGS := -X $(CLI).version=$(VERSION) -X $(CLI).commit=$(COMMIT)

# Flags of `make demo` and `make up`; for example: make demo DEMO='--exit', make up UP='--listen 0.0.0.0'
DEMO      ?=
UP        ?=
# How long each fuzz target runs in `make fuzz-short`.
FUZZTIME  ?= 3s
# A package or more, and flags of go test: make test PKG=./smgr/... TESTFLAGS='-run Gap -v'
PKG       ?= ./...
TESTFLAGS ?=
RUNLOG    := .cache/test.jsonl

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

build: ## build bin/manoward
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/manoward ./cmd/manoward

# The C compiler has to be there before the build: without it there is no PKCS#11.
demo: ## show what it is for, on a hub that this builds and starts (swtpm and SoftHSM by apt, where that may be)
	@.ci/deps demo
	$(MAKE) --no-print-directory build
	bin/manoward demo $(DEMO)

up: build ## build, and start a hub with all roles in this process
	bin/manoward up $(UP)

# Tests across roles (internal/e2e) are part of ./..., so they run here too.
# `make lint` vets; -w leaves out what only a debugger reads.
test: deps ## all tests, with the race detector; a page of results
	$(GO) run ./internal/testsum -again 3 -log $(RUNLOG) -race -vet=off -ldflags=-w -parallel 3 -timeout 20m $(TESTFLAGS) $(PKG)

e2e: deps ## only the tests across roles
	$(GO) run ./internal/testsum -race -count=1 -timeout 15m $(TESTFLAGS) ./internal/e2e/...

# The driver of aws-sdk-go is a module of its own, which ./... does not see (docs/interop.md).
TNB := internal/e2e/interop/tnb
interop: deps ## drive a hub with clients that no one here wrote: tackerclient, aws-sdk-go
	$(GO) -C $(TNB) vet ./...
	$(GO) -C $(TNB) test -run '^TestTranslator|^TestException' ./...
	$(GO) run ./internal/testsum -count=1 -timeout 15m -run '^TestInterop' $(TESTFLAGS) ./internal/e2e

# What CI runs. Cheap checks come first, and the slow ones use what they built.
check: lint build nocgo test fuzz-short ## everything CI asks: lint, build, nocgo, test, fuzz-short, trace
	$(GO) run ./internal/trace/cmd -run-log $(RUNLOG)

lint: fmt vet staticcheck fence register ## gofmt, vet, staticcheck, the rules of the house plan, the register

fmt:
	@bad=$$(find . -name '*.go' -not -path './.*/*' -not -path '*/testdata/*' -exec gofmt -l {} +); \
	if [ -n "$$bad" ]; then printf 'not gofmt-clean (run: gofmt -w FILE):\n%s\n' "$$bad"; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) tool staticcheck ./...

# -count=1: it asks the go command about the tree, which the test cache does not see.
fence:
	$(GO) test -count=1 ./internal/fence

register:
	$(GO) run ./internal/trace/cmd -o none

# Without cgo there is no PKCS#11. Only packages that consist of other files then are tested again.
FILES := {{.ImportPath}} {{.GoFiles}} {{.TestGoFiles}} {{.XTestGoFiles}}
nocgo: ## build without cgo, and test the packages that differ then
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/manoward-nocgo ./cmd/manoward
	@differ=$$(comm -13 <(CGO_ENABLED=1 $(GO) list -f '$(FILES)' ./... | sort) <(CGO_ENABLED=0 $(GO) list -f '$(FILES)' ./... | sort) | cut -d ' ' -f 1); \
	if [ -z "$$differ" ]; then echo 'no package differs without cgo'; \
	else CGO_ENABLED=0 $(GO) run ./internal/testsum $$differ; fi

fuzz-short: ## run every fuzz target of the tree for FUZZTIME (3s)
	FUZZTIME=$(FUZZTIME) GO=$(GO) .ci/fuzz

# Five minutes on a quiet machine. OPA is built for it, of a module of its own.
bench: ## measure the Security Manager beside OPA, and certificates beside step-ca; one table (docs/benchmarks.md)
	$(GO) run ./internal/benchsum

bench-all: ## run every benchmark of PKG; they print ratios taken in one run
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m $(TESTFLAGS) $(PKG)

# Soak tests always run, for seconds; when MANOWARD_SOAK is set, whatever to, they do ten times as much.
# One package after the other: what they measure is not to be what another one does.
soak: deps ## run the soak tests (TestSoak...) at full size
	MANOWARD_SOAK=1 $(GO) run ./internal/testsum -log .cache/soak.jsonl -count=1 -p 1 -timeout 0 -run '^TestSoak' $(TESTFLAGS) $(PKG)

trace: ## requirement -> tests, also in docs/requirements.md; TRACE='-o json -run-log .cache/test.jsonl'
	@$(GO) run ./internal/trace/cmd -w $(TRACE)

# Not part of CI: it takes as long as its targets, and downloads a Debian and all modules.
# Another list, each in quotes: make fresh FRESH='"build" "test PKG=./internal/hub/"'
fresh: ## show in a fresh Debian that targets do all their set-up (root; FRESH='"build" "demo DEMO=--exit" "test"')
	@.ci/fresh $(FRESH)

deps: ## install what the tests need besides Go (apt, as root or with sudo)
	@.ci/deps

clean: ## remove what was built
	rm -rf bin .cache coverage.out
