# GNU make. `make` alone explains.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
CARGO ?= cargo
CARGO_FLAGS ?=
PYTEST_ARGS ?=
# How many tests run at once; 0 for a debugger.
JOBS ?= auto

# rustup installs cargo there; a shell that has not read rustup's env file does not know it.
export PATH := $(PATH):$(HOME)/.cargo/bin
export CARGO

# cargo runs nginx's own make, which must not see our flags and variables.
unexport MAKEFLAGS MFLAGS MAKEOVERRIDES

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
VENV := $(TARGET)/venv
# Runs a command, says how long that usually takes, and is never silent for long.
STEP := $(PYTHON) build/step.py


# NGINX chooses the nginx: "vendored" (built by cargo), "debian", "asan" or "memcheck"
# (which show errors in the use of memory). NGINX_SOURCE_DIR and NGINX_BUILD_DIR choose your
# own. Each has its own directory OUT with the module. Those that cargo does not build have
# their own cargo target there, so that a switch from one to another rebuilds nothing.

NGINX ?= $(if $(NGINX_SOURCE_DIR)$(NGINX_BUILD_DIR),own,vendored)
# For nginx itself, the variable NGINX in the environment is a list of sockets to take over.
unexport NGINX
ifeq ($(NGINX),vendored)
    OUT := $(TARGET)/nginx-vendored
    BINARY := $(OUT)/nginx
    FEATURES := --features vendored
    unexport NGINX_SOURCE_DIR NGINX_BUILD_DIR
    # nginx's Makefile confuses object files in such a path (nginx#1779).
    ifneq ($(findstring .c,$(TARGET))$(findstring .S,$(TARGET)),)
        $(error nginx cannot be built below a directory with ".c" or ".S" in its name: \
            $(TARGET). Set CARGO_TARGET_DIR to another)
    endif
else ifeq ($(NGINX),debian)
    OUT := $(TARGET)/nginx-debian
    BINARY := /usr/sbin/nginx
    override NGINX_SOURCE_DIR := /usr/share/nginx/src
    override NGINX_BUILD_DIR := $(OUT)/objs
else ifneq ($(filter asan memcheck,$(NGINX)),)
    OUT := $(TARGET)/nginx-$(NGINX)
    BINARY := $(OUT)/nginx/objs/nginx
    override NGINX_SOURCE_DIR := $(OUT)/nginx/source
    override NGINX_BUILD_DIR := $(OUT)/nginx/objs
else ifeq ($(NGINX),own)
    ifeq ($(and $(NGINX_SOURCE_DIR),$(NGINX_BUILD_DIR)),)
        $(error Set both NGINX_SOURCE_DIR and NGINX_BUILD_DIR)
    endif
    # cargo runs build scripts in another directory, so the paths must be absolute.
    override NGINX_SOURCE_DIR := $(abspath $(NGINX_SOURCE_DIR))
    override NGINX_BUILD_DIR := $(abspath $(NGINX_BUILD_DIR))
    OUT := $(TARGET)/nginx-own-$(firstword $(shell printf %s '$(NGINX_BUILD_DIR)' | cksum))
    BINARY := $(abspath $(or $(NGINX_BINARY),$(NGINX_BUILD_DIR)/nginx))
else
    $(error NGINX=$(NGINX) is unknown: vendored, debian, asan, memcheck, or none with NGINX_SOURCE_DIR and NGINX_BUILD_DIR)
endif

ifneq ($(NGINX),vendored)
    FEATURES :=
    export NGINX_SOURCE_DIR NGINX_BUILD_DIR
    module panic-module lint: export CARGO_TARGET_DIR := $(OUT)/cargo
endif

# Reports of errors name lines of the source; an overflow of arithmetic panics; the standard library
# checks what it can of unsafe calls. --target keeps these flags from build scripts and macros, which
# run while cargo builds.
ifneq ($(filter asan memcheck,$(NGINX)),)
    FEATURES := --target $(shell rustc -vV | sed -n 's/^host: //p')
    module panic-module: export CARGO_PROFILE_RELEASE_DEBUG := line-tables-only
    module panic-module: export CARGO_PROFILE_RELEASE_STRIP := none
    module panic-module: export CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS := true
    module panic-module: export CARGO_PROFILE_RELEASE_LTO := off
    module panic-module: export CARGO_PROFILE_RELEASE_CODEGEN_UNITS := 16
endif
# Stable Rust has AddressSanitizer only with this variable. nginx has its runtime.
ifeq ($(NGINX),asan)
    module panic-module: export RUSTC_BOOTSTRAP := 1
    module panic-module: export RUSTFLAGS := -Zsanitizer=address -Zexternal-clangrt
    module panic-module: export TARGET_CFLAGS := -fsanitize=address
endif

MODULE := $(OUT)/ngx_http_frappe_module.so
# The same module, but it panics when a request asks for it: for the tests that show that a panic harms no
# other request.
PANIC_MODULE := $(OUT)/panic-probe/ngx_http_frappe_module.so
# The program that asks the core about saved requests. It has a target directory of its own, since cargo keeps
# only one library of a name, and that of the module has other features.
FRAPPE_CMD := $(TARGET)/core/release/frappe-cmd
programs frappe-cmd: export CARGO_TARGET_DIR := $(TARGET)/core
test-nginx fuzz-oracle: export TEST_FRAPPE_CMD := $(FRAPPE_CMD)
# Reads a body of benches/inputs.json, for tests that count its instructions.
test-nginx: export TEST_WORK := $(dir $(FRAPPE_CMD))work
# The same program with the names of its functions.
test-nginx: export TEST_COUNTED := $(TARGET)/core/counted/work


.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo '  NGINX=debian        build and test for the nginx of Debian or Ubuntu'
	@echo '  NGINX_SOURCE_DIR=/nginx-1.28.0 NGINX_BUILD_DIR=/nginx-1.28.0/objs'
	@echo '                      build for an nginx that you have configured; NGINX_BINARY'
	@echo '                      names its binary when it is not in that directory'
	@echo '  PYTEST_ARGS="-k X"  arguments for pytest'
	@echo '  JOBS=0              tests at once (as many as there are cores, at most 4)'
	@echo '  SUITES="trixie"     releases for test-versions (trixie forky), debs and test-debs'
	@echo '                      (bookworm, too; bookworm:arm64 is built for arm64)'
	@echo '  BENCH_ARGS="JSON"   which inputs bench measures anew (all)'
	@echo '  BENCH_ARGS=--help   arguments for bench-server'
	@echo '  N=1000              cases a version for fuzz-oracle (20000)'
	@echo '  FUZZ_ARGS="--version 15 --seed 1"  more arguments for it'
	@echo '  TIME=600            seconds for soak and for each target of fuzz (60)'
	@echo '  TARGETS="json form" which targets of fuzz (all)'
	@echo '  MUTANTS="src/body/json/**"  the files for mutants (src/frappe/**)'
	@echo '  PORT=8081           port of the demo (8080)'
	@echo '  CLEAN=bookworm      releases for test-newcomer (bookworm trixie)'
	@echo '  LOG=access.log      the logs for report, also compressed ones, also several in quotes'
	@echo '  HTML=report.html    a page with a picture from report, too'
	@echo '  REPORT_ARGS="--min 20 --top 30"  requests that make a call one of the slowest (5), and'
	@echo '                      rows of a table (15)'

.PHONY: deps
deps: ## Check for what the build needs; install it by apt-get if root
	@build/deps.sh $(if $(filter debian,$(NGINX)),debian) $(if $(filter deps test test-nginx,$(MAKECMDGOALS)),test)

.PHONY: configure
configure: deps
ifeq ($(NGINX),debian)
	@build/nginx-debian.sh $(NGINX_BUILD_DIR)
else ifneq ($(filter asan memcheck,$(NGINX)),)
	@$(STEP) 'Building nginx for $(NGINX), if it is not there' 'the first time usually 1 minute' \
	    build/nginx-checked.sh $(NGINX) $(OUT)/nginx
endif

.PHONY: module
module: deps configure ## Build the module
# `cargo rustc` builds the cdylib alone: with the rlib, cargo would do no LTO.
	@$(STEP) '$(if $(filter vendored,$(NGINX)),Building nginx (nginx-sys) and the module,Building the module)' \
	    'the first time usually 2 to 4 minutes' $(PYTHON) build/module.py $(OUT) rustc --release --lib --crate-type cdylib $(FEATURES) $(CARGO_FLAGS)

.PHONY: run
run: port-is-free module ## Start nginx with the demo, send it real requests, show where they went
	@exec $(PYTHON) nginx-conf/demo/run.py --nginx $(BINARY) --module $(MODULE) --directory $(TARGET)/demo

# Checks the port before the build, which takes minutes.
.PHONY: port-is-free
port-is-free: deps
	@$(PYTHON) nginx-conf/demo/run.py --check-port

.PHONY: test
test: module test-core test-nginx ## Run all tests

.PHONY: test-core
test-core: deps ## Run the tests that need no nginx
	@if command -v cargo-nextest >/dev/null; then \
	    $(STEP) 'Tests of the core' 'usually 2 minutes' $(CARGO) nextest run --no-default-features $(CARGO_FLAGS); \
	    $(STEP) 'Examples in the documentation' 'usually 10 s' $(CARGO) test --doc --no-default-features $(CARGO_FLAGS); \
	else \
	    $(STEP) 'Tests of the core' 'usually 2 minutes' $(CARGO) test --no-default-features $(CARGO_FLAGS); \
	fi

.PHONY: test-nginx
test-nginx: module panic-module programs $(VENV)/requirements.txt ## Run the tests with a real nginx
	@TEST_NGINX_BINARY=$(BINARY) TEST_NGINX_MODULE=$(MODULE) TEST_NGINX_PANIC_MODULE=$(PANIC_MODULE) \
	    $(if $(filter 0,$(JOBS)),,$(STEP) 'Tests with a real nginx' 'all of them usually 10 minutes') \
	    $(VENV)/bin/python -m pytest t -n $(JOBS) --maxprocesses 4 --dist loadfile $(PYTEST_ARGS)

# Releases whose nginx apt can download.
SUITES ?= trixie forky

.PHONY: test-versions
test-versions: ## Run them with the nginx of the releases SUITES of Debian or Ubuntu
	@for suite in $(SUITES); do \
	    directory=$(TARGET)/suites/$$suite status=0; \
	    $(STEP) "Getting the nginx of $$suite" 'usually 20 s' build/nginx-suite.sh $$suite $$directory \
	        || status=$$?; \
	    case $$status in \
	        0) packaging/build-for-nginx.sh --test --source $$directory/source $$directory/nginx ;; \
	        77) ;; \
	        *) exit $$status ;; \
	    esac; \
	done

.PHONY: test-asan
test-asan: ## Run them with an nginx that shows errors in the use of memory
# Few generated requests of the oracle: they go to the core alone, which has no sanitizer.
	@ORACLE_CASES=$(or $(ORACLE_CASES),200) $(MAKE) --no-print-directory test-nginx NGINX=asan

# Some tests of each kind, since valgrind is slow.
MEMCHECK := test_08 or test_13_05 or test_13_06 or test_13_09 or test_15_03 or test_15_04 \
    or (test_15_11 and close and undecided and not h3)

.PHONY: test-figures
test-figures: ## Run those of the figures with a million invented names, in Chromium and Prometheus
	@build/deps.sh figures
	@TEST_FIGURES_NAMES=1000000 $(MAKE) --no-print-directory test-nginx \
	    PYTEST_ARGS='-k "test_20 or test_21 or test_22 or test_23" $(PYTEST_ARGS)'

.PHONY: status-picture
status-picture: module $(VENV)/requirements.txt ## Make the picture of the figures' page anew
	@build/deps.sh figures
	@cd t && TEST_NGINX_BINARY=$(BINARY) TEST_NGINX_MODULE=$(MODULE) \
	    $(VENV)/bin/python -m rig.picture $(CURDIR)/docs/status.png

.PHONY: test-memcheck
test-memcheck: ## Run a few of them under valgrind
	@build/deps.sh memcheck
	@TEST_NGINX_VALGRIND='valgrind --quiet' $(MAKE) --no-print-directory test-nginx NGINX=memcheck \
	    PYTEST_ARGS='--timeout 300 -k "$(MEMCHECK)" $(PYTEST_ARGS)'

.PHONY: panic-module
panic-module: module
	@$(STEP) 'Building the module that panics on request' 'usually 30 s' \
	    $(PYTHON) build/module.py $(dir $(PANIC_MODULE)) rustc --release --lib --crate-type cdylib \
	    --features panic-probe $(FEATURES) $(CARGO_FLAGS)

.PHONY: programs
programs: deps
	@$(STEP) 'Building frappe-cmd' 'usually 1 minute' $(CARGO) build --release -p frappe-cmd -p work $(CARGO_FLAGS)
	@$(STEP) 'Building work' 'usually 30 s' $(CARGO) build --profile counted -p work $(CARGO_FLAGS)

.PHONY: frappe-cmd
frappe-cmd: deps ## Build frappe-cmd, which says what a saved request runs
	@$(STEP) 'Building frappe-cmd' 'usually 1 minute' $(CARGO) build --release -p frappe-cmd $(CARGO_FLAGS)
	@echo 'built $(FRAPPE_CMD)'

# The module for Debian's nginx, whatever NGINX is.
DEBIAN := $(TARGET)/nginx-debian/ngx_http_frappe_module.so

.PHONY: deb
deb: ## Build the package for Debian or Ubuntu, in target/deb
	@build/deps.sh debian deb
	@$(MAKE) --no-print-directory module NGINX=debian
	@$(MAKE) --no-print-directory frappe-cmd
	@$(STEP) 'Packaging' 'usually 30 s' packaging/deb.sh $(DEBIAN) $(FRAPPE_CMD) $(TARGET)/deb

.PHONY: test-deb
test-deb: deb $(VENV)/requirements.txt ## Install the package in a scratch root, serve, purge
	@build/deps.sh debootstrap test repo
	@TEST_DEB=$$(echo $(TARGET)/deb/*.deb) TEST_NGINX_BINARY=/usr/sbin/nginx TEST_NGINX_MODULE=$(DEBIAN) \
	    $(STEP) 'Installing it in systems of their own' 'usually 3 minutes' \
	    $(VENV)/bin/python -m pytest t/test_10_package.py t/test_10_repo.py t/test_10_first_hour.py $(PYTEST_ARGS)

# The releases of Debian in which test-newcomer runs README's commands.
CLEAN ?= bookworm trixie

.PHONY: test-newcomer
test-newcomer: ## Run README's two commands in systems that have git and Rust alone
	@build/deps.sh debootstrap
	@for suite in $(CLEAN); do \
	    status=0; \
	    build/newcomer.sh $$suite 'DEMO_ONCE=1 make run' 'make test' || status=$$?; \
	    case $$status in 0 | 77) ;; *) exit $$status ;; esac; \
	done

# Each package is built in a system of its own; only root can make those.
DEB_SUITES = $(if $(filter file,$(origin SUITES)),bookworm trixie forky,$(SUITES))

.PHONY: debs
debs: deps ## Build the package for the releases SUITES, in target/debs
	@build/deps.sh debootstrap $(if $(findstring :arm64,$(DEB_SUITES)),cross)
	@for suite in $(DEB_SUITES); do \
	    status=0; \
	    build/debs.sh $$suite $(TARGET)/debs/$${suite/:/-} || status=$$?; \
	    case $$status in 0 | 77) ;; *) exit $$status ;; esac; \
	done

.PHONY: test-debs
test-debs: debs module $(VENV)/requirements.txt ## Install, serve, upgrade, purge them in clean systems of SUITES
	@build/deps.sh debootstrap test repo
	@for suite in $(DEB_SUITES); do \
	    debs=$(TARGET)/debs/$${suite/:/-}; \
	    [[ -d $$debs ]] || continue; \
	    $(STEP) "The package of $$suite in systems of their own" 'usually 3 minutes' \
	        env TEST_DEB="$$(echo $$debs/libnginx-*.deb)" TEST_DEB_SUITE=$$suite \
	        TEST_NGINX_BINARY=$(BINARY) TEST_NGINX_MODULE=$(MODULE) \
	        $(VENV)/bin/python -m pytest t/test_10_package.py t/test_10_repo.py $(PYTEST_ARGS); \
	done

# The key REPO_KEY of gpg's keyring signs the repository, or one that packaging/repo.sh makes.
.PHONY: repo
repo: ## Add what debs built to a signed apt repository, in target/repo
	@build/deps.sh repo
	@for suite in $(DEB_SUITES); do \
	    debs=$(TARGET)/debs/$${suite/:/-}; \
	    [[ ! -d $$debs ]] || packaging/repo.sh $(TARGET)/repo $${suite%:*} $$debs/*.deb; \
	done

.PHONY: srpm
srpm: ## Make a source RPM of what dist made, in target/srpm
	@build/deps.sh srpm
	@packaging/rpm/srpm.sh $(TARGET)/dist/ngx_http_frappe_module-*.tar.xz $(TARGET)/srpm

.PHONY: release
release: ## Make, test and sign all of a release, in target/publish; nothing is uploaded
	@packaging/release.sh $(TARGET) "$(DEB_SUITES)"

.PHONY: test-images
test-images: module $(VENV)/requirements.txt ## Build the images of packaging/docker by buildah, serve
	@build/deps.sh debootstrap buildah test
	@TEST_IMAGES=$(TARGET)/images TEST_NGINX_BINARY=$(BINARY) TEST_NGINX_MODULE=$(MODULE) \
	    $(VENV)/bin/python -m pytest t/test_10_images.py $(PYTEST_ARGS)

.PHONY: dist
dist: deps ## Make a source tarball that builds offline, in target/dist
	@$(STEP) 'Making a source tarball' 'usually 4 minutes' packaging/dist.sh $(TARGET)/dist

# The core alone, in the target directory of frappe-cmd, which has the same features.
.PHONY: bench
bench: deps ## Measure the core, compare it with a bare search and with the goals
	@CARGO_TARGET_DIR=$(TARGET)/core $(STEP) 'Measuring the core' 'usually 3 minutes' $(CARGO) bench --quiet --no-default-features --bench core \
	    $(CARGO_FLAGS) -- --noplot --quiet $(BENCH_ARGS)
	@$(PYTHON) benches/table.py $(TARGET)/core/criterion

# Uses the Python of the tests' environment, and the servers of t/rig.
.PHONY: bench-server
bench-server: module $(VENV)/requirements.txt ## Measure a server with the module beside the same without
	@build/deps.sh bench
	@TEST_NGINX_BINARY=$(BINARY) TEST_NGINX_MODULE=$(MODULE) PYTHONPATH=t:benches \
	    $(VENV)/bin/python -m server $(BENCH_ARGS)

.PHONY: bench-storm
bench-storm: module $(VENV)/requirements.txt ## Measure clicks while somebody opens six tabs of a report
	@TEST_NGINX_BINARY=$(BINARY) TEST_NGINX_MODULE=$(MODULE) PYTHONPATH=t:benches \
	    $(VENV)/bin/python -m storm $(BENCH_ARGS)

.PHONY: bench-memory
bench-memory: ## Compare a worker's memory after 100,000 requests of each kind, and with 1,000 open ones
	@TEST_COST_REQUESTS=100000 TEST_COST_CONNECTIONS=1000 \
	    $(MAKE) --no-print-directory test-nginx PYTEST_ARGS='-k "17_04 or 17_05" $(PYTEST_ARGS)'

.PHONY: bench-peers
bench-peers: ## Install the peers that bench-server measures, too: Lua in Debian's nginx, HAProxy
	@build/deps.sh peers

.PHONY: fuzz-oracle
fuzz-oracle: frappe-cmd $(VENV)/requirements.txt ## Compare N cases a version with the real werkzeug
	@cd t && exec $(VENV)/bin/python -m oracle.fuzz --cases $(or $(N),20000) $(FUZZ_ARGS)

# Seconds for each target of fuzz, and for soak. 0 only runs what is stored.
TIME ?= 60
DIFFERENCE_TIME ?= $(TIME)

.PHONY: fuzz
fuzz: frappe-cmd $(VENV)/requirements.txt ## Fuzz the core, each target for TIME seconds; TARGETS="json form"
	@FUZZ_PYTHON=$(VENV)/bin/python TEST_FRAPPE_CMD=$(FRAPPE_CMD) DIFFERENCE_SECONDS=$(DIFFERENCE_TIME) \
	    fuzz/run.sh $(TARGET)/fuzz $(TIME) $(TARGETS)

.PHONY: fuzz-corpus
fuzz-corpus: ## Store what fuzz has found as fuzz/corpus.tar.gz, minimised
	@fuzz/store.sh $(TARGET)/fuzz

.PHONY: soak
soak: module $(VENV)/requirements.txt ## Send all kinds of requests for TIME seconds, reload meanwhile, count
	@cd t && TEST_NGINX_BINARY=$(BINARY) TEST_NGINX_MODULE=$(MODULE) \
	    exec $(VENV)/bin/python -m rig.soak --time $(TIME) --directory $(TARGET)/soak

# Without MIRI_TESTS: what takes Miri no longer than a minute or two.
.PHONY: miri
miri: deps ## Run tests under Miri, which shows undefined behaviour; needs rustup's nightly with miri
	@build/miri.sh $(TARGET)/miri $(MIRI_TESTS)

.PHONY: coverage
coverage: deps $(VENV)/requirements.txt ## Show which lines of the core no test runs; N cases a version (2000)
	@build/coverage.sh $(TARGET)/coverage $(VENV)/bin/python $(N)

# The files that `make mutants` changes.
MUTANTS ?= src/frappe/**

.PHONY: mutants
mutants: deps ## Change the core file by file, show what no test notices; needs cargo-mutants
	@command -v cargo-mutants >/dev/null || { echo 'cargo-mutants is missing: cargo install --locked cargo-mutants'; exit 1; }
	@$(STEP) 'Testing what has been changed in $(MUTANTS)' 'usually 15 s a change, and a file has 10 to 150' \
	    $(CARGO) mutants --file '$(MUTANTS)' --output $(TARGET)/mutants --no-shuffle

$(VENV)/requirements.txt: t/requirements.txt | deps
	@$(STEP) 'Making an environment for the Python packages of the tests' 'usually 5 s' $(PYTHON) -m venv --clear $(VENV)
	@$(STEP) 'Installing them' 'usually 30 s' $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@cp $< $@

.PHONY: report
report: ## Show which calls take the time of the servers, by LOG
	$(if $(LOG),,$(error Say which log: make report LOG=/var/log/nginx/frappe-access.log))
	@build/deps.sh report
	@$(PYTHON) tools/report.py $(LOG) $(if $(HTML),--html $(HTML)) $(REPORT_ARGS)

.PHONY: lint
lint: deps configure module ## Check format, lints, panics and licences
	$(CARGO) fmt --all --check
	@$(PYTHON) build/layers.py
	$(CARGO) clippy --workspace --no-default-features --all-targets $(CARGO_FLAGS) -- -D warnings
# The boundary, in the release profile, since nginx has been built for that.
	$(CARGO) clippy --release --lib $(FEATURES) $(CARGO_FLAGS) -- -D warnings
	$(PYTHON) build/panics.py $(MODULE)
	@if command -v cargo-deny >/dev/null; then \
	    $(CARGO) deny check bans licenses sources; \
	else \
	    echo 'cargo-deny is not installed: licences and sources are not checked'; \
	fi

.PHONY: clean
clean: ## Remove everything that was built
	@$(CARGO) clean

.PHONY: print-module
print-module: ## Print the path of the module
	@echo $(MODULE)

.PHONY: print-nginx
print-nginx: ## Print the path of the nginx that it fits
	@echo $(BINARY)
