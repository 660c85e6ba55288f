# Each target is also reachable with plain go: see the command it runs.
GO         ?= go
BIN        := $(CURDIR)/bin
GVISOR     := $(shell $(GO) list -m -f '{{.Version}}' gvisor.dev/gvisor)
STATICCHECK_VERSION := v0.8.2
FUZZTIME   ?= 20s
PREFIX     ?= /usr/local
UML        ?= $(BIN)/uml
UML_DEBS   := user-mode-linux iptables libip4tc2 libip6tc2 libxtables12

.PHONY: all build install setup test unit race e2e record oracle lint vet fmt staticcheck checklocks fuzz bench bench-setup microbench conformance demo clean
all: build

build: ## the binary, bin/ipvl
	$(GO) build -trimpath -o $(BIN)/ipvl ./cmd/ipvl

install: build ## the binary and its man page, below PREFIX
	install -D -m 0755 $(BIN)/ipvl $(DESTDIR)$(PREFIX)/bin/ipvl
	install -D -m 0644 cmd/ipvl/ipvl.8 $(DESTDIR)$(PREFIX)/share/man/man8/ipvl.8

setup: ## ip, ping and nsenter, which tests and demo use
	@missing=; for p in ip:iproute2 ping:iputils-ping nsenter:util-linux; do \
	  command -v $${p%%:*} >/dev/null || missing="$$missing $${p#*:}"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then echo "missing:$$missing (install them, or run this as root)" >&2; exit 1; fi; \
	apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing

test: setup lint race e2e record ## everything that has to hold

unit:
	$(GO) test $$($(GO) list ./... | grep -v /e2e)

race:
	$(GO) test -race $$($(GO) list ./... | grep -v /e2e)

e2e: setup ## the binary that ships, as an ordinary user, and as root where the caller is
	$(GO) test -count=1 ./e2e ./e2e/internal/...

record: setup ## the binary beside what the kernel's driver did, as recorded
	CGO_ENABLED=0 $(GO) test -count=1 -timeout 20m ./e2e/conformance

oracle: # user-mode Linux, unpacked from Debian's packages: nothing is installed, no root is needed
	@test -x $(UML)/usr/bin/linux.uml || { mkdir -p $(UML) && cd $(UML) && apt-get download -q $(UML_DEBS) && \
	  for d in *.deb; do dpkg -x $$d . || exit 1; done && rm -f *.deb; } || echo "no user-mode Linux: the record takes its place" >&2

conformance: setup oracle ## the binary beside the kernel's driver, which runs in user-mode Linux (UML: where it is unpacked)
	CGO_ENABLED=0 $(GO) test -count=1 -v -timeout 30m -run TestAsTheKernel ./e2e/conformance -kernel -all -uml $(UML)

lint: fmt vet staticcheck checklocks

fmt:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt: $$unformatted" >&2; exit 1; }

vet:
	$(GO) vet ./...

$(BIN)/staticcheck:
	GOBIN=$(BIN) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

staticcheck: $(BIN)/staticcheck
	$(BIN)/staticcheck ./...

$(BIN)/checklocks:
	GOBIN=$(BIN) $(GO) install gvisor.dev/gvisor/tools/checklocks/cmd/checklocks@$(GVISOR)

checklocks: $(BIN)/checklocks
	$(GO) vet -vettool=$(BIN)/checklocks -inferred=false ./... # guesses are no findings

fuzz: ## each fuzz target for FUZZTIME
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep ^Fuzz || true); do \
	    $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg; done; done

bench: build ## ipvl beside the kernel and its peers (BENCH=-growth: as devices become many)
	$(GO) build -trimpath -o $(BIN)/ipvl-bench ./cmd/ipvl-bench
	$(BIN)/ipvl-bench -tools $(BIN) -out $(CURDIR)/cmd/ipvl-bench/result $(BENCH) $(BIN)/ipvl
bench-setup: ## the peers that bench compares with
	apt-get install -q -y --no-install-recommends nftables passt slirp4netns vde2
	GOBIN=$(BIN) $(GO) install github.com/containers/gvisor-tap-vsock/cmd/gvproxy@v0.8.9 github.com/containers/gvisor-tap-vsock/cmd/vm@v0.8.9 && mv $(BIN)/vm $(BIN)/gvforwarder
microbench: ; $(GO) test -run '^$$' -bench . -benchmem $$($(GO) list ./... | grep -v /e2e)

demo: setup build ## the main job, for real, in a sandbox
	$(GO) build -trimpath -o $(BIN)/ipvl-demo ./cmd/ipvl-demo
	$(BIN)/ipvl-demo $(BIN)/ipvl

clean:
	rm -rf $(BIN)
