# Builds, tests and cleans gocompose. `make help` lists the targets.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN     := bin
IMAGES  := build/images

# What gocompose never asks of containerd is left out.
CONTAINERD      := github.com/containerd/containerd/v2
BUILDKIT        := github.com/moby/buildkit
CONTAINERD_TAGS := no_cri no_btrfs no_zfs no_devmapper no_tracing no_rdt no_systemd

# runc refuses every seccomp profile unless built with cgo and libseccomp. It is
# linked statically: it is executed four times a container start, and so needs no
# library of the host it runs on.
RUNC_TAGS := seccomp netgo osusergo runc_nocriu urfave_cli_no_docs

# $(call install,PROGRAM:PACKAGE ...) installs the packages of the programs that
# are missing with apt-get, as root, or says which they are. $missing may name
# more.
define install
for want in $(1); do command -v $${want%%:*} >/dev/null || missing="$$missing $${want#*:}"; done; \
if [ -n "$$missing" ]; then \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "packages are missing; as root: apt-get install$$missing" >&2; exit 1; fi; \
	apt() { DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; }; \
	apt || { apt-get update -q && apt; }; fi
endef

# Live tests and the demonstration run what was built.
with_bin := PATH='$(abspath $(BIN)):'"$$PATH" GOCOMPOSE_TEST_BIN='$(abspath $(BIN))'

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

.PHONY: build
build: bundle programs ## build everything into bin/

.PHONY: programs
programs: go
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' \
		-o $(BIN)/ ./cmd/gocompose ./cmd/gocompose-shim
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o $(BIN)/ \
		./cmd/containerd-shim-gocompose-v1 ./cmd/gocompose-init ./cmd/gocompose-cni
	cd verify && CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o $(abspath $(BIN))/ ./cmd/gocompose-verify

# The pinned programs are built again when what pins them changes, only then.
.PHONY: bundle
bundle: $(BIN)/containerd $(BIN)/runc $(BIN)/buildkitd

$(BIN)/containerd: bundle/go.mod bundle/go.sum | go
	cd bundle && CGO_ENABLED=0 $(GO) build -trimpath -tags '$(CONTAINERD_TAGS)' -o $(abspath $@) \
		-ldflags "-s -w -X $(CONTAINERD)/version.Version=$$($(GO) list -m -f '{{.Version}}' $(CONTAINERD))" \
		$(CONTAINERD)/cmd/containerd
	@touch $@

$(BIN)/runc: bundle/go.mod bundle/go.sum | deps
	cd bundle && CGO_ENABLED=1 $(GO) build -trimpath -tags '$(RUNC_TAGS)' -o $(abspath $@) \
		-ldflags '-s -w -linkmode external -extldflags -static' github.com/opencontainers/runc
	@touch $@

$(BIN)/buildkitd: bundle/buildkit/go.mod bundle/buildkit/go.sum $(wildcard bundle/buildkit/cmd/buildkitd/*.go) | go
	cd bundle/buildkit && CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -o $(abspath $@) \
		-ldflags "-s -w -X $(BUILDKIT)/version.Version=$$($(GO) list -m -f '{{.Version}}' $(BUILDKIT))" ./cmd/buildkitd

.PHONY: go
go:
	@command -v $(GO) >/dev/null || { \
		echo 'gocompose is built with Go, which is not in PATH: see https://go.dev/doc/install' >&2; exit 1; }

.PHONY: deps
deps: go ## install the Debian packages that a build needs, as root
	@missing=; command -v gcc >/dev/null || missing=' gcc libc6-dev'; \
	pkg-config --exists libseccomp 2>/dev/null || missing="$$missing libseccomp-dev"; \
	$(call install,pkg-config:pkg-config)

.PHONY: busybox
busybox:
	@missing=; $(call install,busybox:busybox-static)

# Filters that packets of containers have to pass, for the tests of that.
.PHONY: filters
filters:
	@missing=; $(call install,nft:nftables iptables-legacy:iptables dockerd:docker.io)

# The registry that pulls in tests are from.
.PHONY: registry
registry:
	@missing=; $(call install,docker-registry:docker-registry)

.PHONY: test
test: build deps busybox filters registry images ## run all tests; those on a real containerd need root
	$(GO) vet -tags live ./...
	cd examples/app && $(GO) vet ./...
	cd verify && $(GO) vet ./... && $(GO) test -race ./...
	cd bundle/buildkit && CGO_ENABLED=0 $(GO) test -trimpath ./...
	$(GO) test -race ./...
	$(with_bin) $(GO) test -tags live -p 1 -timeout 20m -run '$(live_tests)' -skip '$(kill_test)' $(live_packages)
	$(with_bin) $(GO) test -tags live -v -timeout 30m -run '$(kill_test)' ./cmd

# The files behind the build tag live, what is tested in them, and where they are:
# the other tests have been run before.
live_files    = $(shell grep -rl --include='*_test.go' '^//go:build live$$' .)
live_packages = $(sort $(dir $(live_files)))
live_tests    = ^($(subst $(space),|,$(filter Test%,$(shell grep -oh '^func Test[A-Za-z0-9_]*' $(live_files)))))$$

empty :=
space := $(empty) $(empty)

# It prints figures that are worth seeing.
kill_test := TestKillAnything

.PHONY: images
images: go ## build the images of the example and the tests, from Debian's packages
	@missing=; $(call install,mmdebstrap:mmdebstrap)
	examples/images/build.sh $(IMAGES)

.PHONY: demo
demo: build images ## bring the example stack up, show that it answers, take it down
	@missing=; $(call install,curl:curl)
	$(with_bin) examples/stack/demo.sh $(IMAGES)

.PHONY: bench
bench: build busybox ## measure against bare runc, and beside others where they are found
	@missing=; $(call install,iperf3:iperf3 ip:iproute2)
	$(GO) run ./bench -bin $(BIN)

# The programs go together into a folder of their own, so that the pinned containerd
# and runc are nobody else's; gocompose finds them beside itself.
PREFIX    ?= /usr/local
installed := $(DESTDIR)$(PREFIX)
programs  := gocompose gocompose-shim gocompose-init gocompose-cni gocompose-verify containerd-shim-gocompose-v1 containerd runc buildkitd

.PHONY: install
install: build ## install programs, completions and manual pages below PREFIX (and DESTDIR)
	install -d '$(installed)/bin' '$(installed)/libexec/gocompose' '$(installed)/share/bash-completion/completions' \
		'$(installed)/share/zsh/site-functions' '$(installed)/share/fish/vendor_completions.d'
	install -m 755 $(addprefix $(BIN)/,$(programs)) '$(installed)/libexec/gocompose'
	ln -sf ../libexec/gocompose/gocompose '$(installed)/bin/gocompose'
	$(BIN)/gocompose completion bash >'$(installed)/share/bash-completion/completions/gocompose'
	$(BIN)/gocompose completion zsh >'$(installed)/share/zsh/site-functions/_gocompose'
	$(BIN)/gocompose completion fish >'$(installed)/share/fish/vendor_completions.d/gocompose.fish'
	$(BIN)/gocompose man '$(installed)/share/man/man1'

.PHONY: uninstall
uninstall: ## take away what install has put there
	rm -rf '$(installed)/libexec/gocompose'
	rm -f '$(installed)/bin/gocompose' '$(installed)/share/bash-completion/completions/gocompose' \
		'$(installed)/share/zsh/site-functions/_gocompose' '$(installed)/share/fish/vendor_completions.d/gocompose.fish' \
		'$(installed)'/share/man/man1/gocompose.1 '$(installed)'/share/man/man1/gocompose-*.1

.PHONY: lint
lint: go ## run golangci-lint, or go vet and gofmt where it is not installed
	@if command -v golangci-lint >/dev/null; then golangci-lint run --build-tags live ./...; else \
		$(GO) vet -tags live ./... && bad=$$(gofmt -l $$(git ls-files '*.go')) && \
		if [ -n "$$bad" ]; then echo "not formatted by gofmt:" $$bad >&2; exit 1; fi; fi

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN) build

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12
