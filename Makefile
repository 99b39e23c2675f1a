# The front door: what a person or CI does to this project is a target here. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules

CNI_BIN ?= /opt/cni/bin
# Where systemd is, which containers, for one, lack.
SYSTEMD_UNITS ?= $(if $(wildcard $(DESTDIR)/etc/systemd/),/etc/systemd/system)
NODE_ARCH := $(if $(filter aarch64,$(shell uname -m)),arm64,x64)
PRIVATE_NODE := node_modules/node-linux-$(NODE_ARCH)
# What a plugin's own process runs on, where no daemon serves it: node or bun. The command and the daemon are Node's. Bun for
# arm64 is built, and has never been run.
RUNTIME := $(if $(filter x64,$(NODE_ARCH)),bun,node)
$(if $(filter node bun,$(RUNTIME)),,$(error RUNTIME is "$(RUNTIME)": expected node or bun))
BUN := node_modules/@oven/bun-linux-$(if $(filter arm64,$(NODE_ARCH)),aarch64,x64)/bin/bun
ESBUILD := node_modules/.bin/esbuild --bundle --platform=node --format=cjs --target=node24 --main-fields=module,main \
	--minify-whitespace --minify-syntax --log-level=warning
# The hash seed baked into Node's snapshot is kept: choosing one anew takes a quarter of Node's start, and guards against
# floods of colliding keys, which a process that serves one request of the node's own runtime need not fear. And V8 needs no
# thread for each processor to collect garbage that will never be collected.
NODE_FLAGS := --no-rehash-snapshot --v8-pool-size=1
MOCHA := node node_modules/mocha/bin/mocha.js
# Node frees little at its end, so leaks are not looked for; undefined behaviour is an error like any other.
SANITIZER := ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1
ADDON := build/Release/trestle_native.node

TYPESCRIPT := $(shell find lib bin -name '*.ts' 2>/dev/null)
NATIVE := $(shell find native -name '*.cc' -o -name '*.h' 2>/dev/null)
LAUNCHER := $(wildcard native/launcher/*.[ch])
# The tests that any kernel will do for; *.vm.test.ts are about features that many lack, and only test-vm runs them.
KERNEL_TESTS := $(sort $(filter-out %.vm.test.ts,$(shell find test/kernel -name '*.test.ts' 2>/dev/null)))
CLIENT_TESTS := $(sort $(shell find test/clients -name '*.test.ts' 2>/dev/null))
CXX_FILES := $(filter-out native/launcher/%,$(NATIVE))

.PHONY: help setup build dev lint tidy format test test-unit test-kernel test-warm test-clients test-vm test-container fuzz sanitize demo bench bench-pods bench-mappings soak install uninstall clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: build/.setup node_modules/.package-lock.json ## install what building and testing need (Debian packages, npm packages)

build/.setup: scripts/setup.sh
	@mkdir -p build
	@scripts/setup.sh
	@touch $@

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

build: build/runtime/id ## build the addon, the program and the launcher; RUNTIME=node|bun is what starts for each call

build/runtime/id: $(ADDON) build/js/trestle.cjs $(if $(filter bun,$(RUNTIME)),build/bun/bun) build/.runtime-$(RUNTIME) \
		$(LAUNCHER) LICENSE package.json scripts/stage.sh scripts/install.sh scripts/uninstall.sh scripts/licenses/bun $(wildcard deploy/trestle.*) Makefile
	scripts/stage.sh build/runtime $(ADDON) "$(NODE_FLAGS)" $(filter build/bun/bun,$^)

# Remembers the choice: another one is another runtime folder.
build/.runtime-$(RUNTIME):
	@mkdir -p build
	@rm -f build/.runtime-*
	@touch $@

# Against the headers of the Node that is shipped: they come with its npm package, so that nothing is downloaded.
$(ADDON): binding.gyp native/exports.map $(CXX_FILES) | setup
	node_modules/.bin/node-gyp --loglevel=warn configure build --nodedir="$(CURDIR)/$(PRIVATE_NODE)" --jobs max
	@touch $@

# trestle.cjs starts program.js, which is one function of what its modules need, from program.cache. By its ending Node
# knows it; for a .js it would read the package.json of every folder above, which are the node's and not ours.
build/js/trestle.cjs: $(TYPESCRIPT) scripts/start.ts scripts/built-ins.ts scripts/code-cache.ts package.json package-lock.json Makefile | setup
	$(ESBUILD) lib/cli/trestle.ts --outfile=build/js/trestle.js
	$(ESBUILD) bin/trestle.ts --outfile=build/js/program.js --external:./trestle \
		--banner:js='(function(require,__dirname){' --footer:js='})'
	$(ESBUILD) scripts/code-cache.ts | $(PRIVATE_NODE)/bin/node $(NODE_FLAGS) - build/js/program.js build/js/program.cache
	$(ESBUILD) scripts/start.ts --outfile=$@

# Bun with the program inside, as bytecode. What lies in the caller's folder (.env, bunfig.toml) is not for it. Compiling to
# machine code pays later than Bun expects; without it, reading tens of thousands of leases would take six times as long.
build/bun/bun: $(TYPESCRIPT) scripts/start-bun.ts scripts/sha2-bun.ts scripts/built-ins.ts package.json package-lock.json Makefile | setup
	$(ESBUILD) bin/trestle.ts --outfile=build/bun/program.js --external:./trestle \
		--alias:@noble/hashes/sha2.js=./scripts/sha2-bun.ts --banner:js='module.exports=function(require,__dirname){' --footer:js='}'
	$(BUN) build scripts/start-bun.ts --compile --bytecode --target=bun --format=cjs --minify-whitespace --minify-syntax \
		--compile-jit-policy=5 --no-compile-autoload-dotenv --no-compile-autoload-bunfig --outfile=$@

dev: | setup ## build the addon for development: compile_commands.json, debug information
	node_modules/.bin/cmake-js build --out build-dev --debug

# The folder changes when a file comes or goes.
build-dev/compile_commands.json: CMakeLists.txt native | setup
	node_modules/.bin/cmake-js configure --out build-dev --debug
	@touch $@

lint: build-dev/compile_commands.json | setup ## check style, types, layers and common mistakes
	@scripts/lint.sh $(MAKE)

# A file takes clang-tidy many seconds, so only what has changed since it was last clean is looked at.
tidy: $(patsubst native/%.cc,build/tidy/%.ok,$(filter %.cc,$(CXX_FILES)))

build/tidy/%.ok: native/%.cc $(filter %.h,$(CXX_FILES)) .clang-tidy CMakeLists.txt | build-dev/compile_commands.json
	@mkdir -p $(@D)
	@clang-tidy --quiet --warnings-as-errors='*' -p build-dev $< 2>$@.log || \
		{ cat $@.log; false; }
	@mv $@.log $@

format: | setup ## rewrite the sources in the project's style
	node_modules/.bin/biome check --write
	clang-format -i $(NATIVE) $(filter %.c,$(LAUNCHER)) bench/*.c test/support/*/*.[ch]

test: ## set up, build, lint, and run every test
	@scripts/test.sh $(MAKE)

test-unit: | setup ## run the tests that need no root (T=file runs one)
	$(MOCHA) $(or $(T),$(sort $(shell find test/unit -name '*.test.ts')))

test-kernel: build/stage ## run the tests on the installed plugins, as root, in namespaces of their own (T=file runs one)
	$(MOCHA) $(or $(T),$(KERNEL_TESTS))

test-warm: build/stage ## run the kernel tests again with daemons that serve the plugins' calls, as root (T=file runs one)
	@test/warm/run-tests $(T)

test-clients: build/stage ## run pods with container runtimes on the plugins, as root, in worlds of their own (T=file runs one)
	$(MOCHA) $(or $(T),$(CLIENT_TESTS))

test-vm: build/stage ## run the kernel tests in a VM, on Debian's kernel (T=file runs one; KERNEL=6.12, or a package's name)
	@KERNEL=$(KERNEL) test/vm/run-tests $(T)

# On a base image made here, since a registry may be out of reach.
test-container: build/container/base.tar ## build and test from nothing in a container (TARGET=test-kernel runs that; T=file)
	@test/clients/container/run-tests $< $(or $(TARGET),test) $(if $(T),T=$(T)) $(if $(KERNEL),KERNEL=$(KERNEL))

build/container/base.tar: test/clients/container/make-base-image | build/.setup-container
	@test/clients/container/make-base-image $@

build/.setup-container: scripts/setup.sh
	@mkdir -p build
	@scripts/setup.sh container
	@touch $@

fuzz: $(ADDON) ## send hostile requests to the plugins' code, as root, in a world of their own (RUNS=n, SEED=n)
	@RUNS=$(RUNS) SEED=$(SEED) node --require ts-node/register test/fuzz/run.ts

# The tests of the launcher and the installation are about what is shipped, which this is not.
sanitize: build/js/trestle.cjs ## run the kernel tests on an addon built with AddressSanitizer and UBSan
	node_modules/.bin/cmake-js build --out build-sanitize --debug --CDSANITIZE=ON
	LOADER_FLAGS='--preload libasan.so.8' SANITIZER='$(SANITIZER)' \
		scripts/stage.sh build-sanitize/runtime build-sanitize/Debug/trestle_native.node "$(NODE_FLAGS)"
	build-sanitize/runtime/install.sh build-sanitize/stage$(CNI_BIN)
	TRESTLE_PLUGINS=build-sanitize/stage$(CNI_BIN) TRESTLE_NATIVE=build-sanitize/Debug/trestle_native.node \
		$(SANITIZER) LD_PRELOAD="$$(gcc -print-file-name=libasan.so)" FUZZ_RUNS=$(or $(FUZZ_RUNS),1000) \
		$(MOCHA) --timeout 300000 $(or $(T),$(filter-out $(wildcard test/kernel/install* test/kernel/deploy* test/kernel/launcher*),$(KERNEL_TESTS)))

build/stage: build/runtime/id
	build/runtime/install.sh build/stage$(CNI_BIN)
	@touch $@

demo: build/stage ## attach two pods to a bridge, through the installed plugins, and show what was done
	@node --require ts-node/register scripts/demo/demo.ts

bench: build/stage ## measure ADD and DEL side by side with the reference and the kernel's part (BENCH_ROUNDS=n)
	@node --require ts-node/register bench/run.ts $(ARGS)

bench-pods: build/stage ## measure containerd starting and stopping 20 pods, side by side with the reference (POD_ROUNDS=n)
	@node --require ts-node/register bench/pods.ts

bench-mappings: build/stage ## measure port mappings beside 2,000 pods, and connections beside 1,000 mappings (MAPPED_PODS=n)
	@node --require ts-node/register bench/mappings.ts

soak: build/stage ## see whether the daemon keeps something of 10,000 pods that come and leave (SOAK=n)
	@SOAK=$(SOAK) node --require ts-node/register bench/soak.ts

install: build ## install the plugins in [DESTDIR]CNI_BIN and the daemon's units in [DESTDIR]SYSTEMD_UNITS; FORCE=1 replaces foreign plugins
	FORCE=$(FORCE) build/runtime/install.sh "$(DESTDIR)$(CNI_BIN)" $(if $(SYSTEMD_UNITS),"$(DESTDIR)$(SYSTEMD_UNITS)" "$(CNI_BIN)")
	$(if $(SYSTEMD_UNITS),,@echo "no units for systemd: there is no $(DESTDIR)/etc/systemd, or SYSTEMD_UNITS is empty")

uninstall: ## remove plugins and units, and put back what install kept; FORCE=1 even while pods are attached
	FORCE=$(FORCE) scripts/uninstall.sh "$(DESTDIR)$(CNI_BIN)" "$(DESTDIR)/run/trestle" \
		$(if $(SYSTEMD_UNITS),"$(DESTDIR)$(SYSTEMD_UNITS)")

clean: ## remove everything that was built
	rm -rf build build-dev build-sanitize
