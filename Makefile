# SPDX-License-Identifier: GPL-2.0-or-later
# A menu over Meson: every target says what it does in `make help`.

PREFIX ?= /usr/local
DESTDIR ?=
BASE ?= busybox
BUILD = build
CHECK = build-check
MESON = meson setup --wipe
FUZZ_SECONDS ?= 60

.PHONY: all install demo check check-asan check-faults check-peers check-vm lint asan fuzz bench bench-images bench-labs bench-builds bench-rootless format clean help

all: $(BUILD)/build.ninja ## build isola (release) in build/
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@tools/deps build
	@meson setup $(BUILD) --buildtype=release -Doptimization=2 -Dtests=false --prefix=$(PREFIX) >/dev/null

$(CHECK)/build.ninja:
	@tools/deps build
	@meson setup $(CHECK) -Dfault_points=true >/dev/null

install: all ## install binary, helper, man pages and completions (PREFIX, DESTDIR)
	@meson configure $(BUILD) --prefix=$(PREFIX)
	@DESTDIR='$(DESTDIR)' meson install -C $(BUILD) --quiet

demo: ## the tour: build an image, run it isolated, look inside, publish it (BASE=debian for a Debian one)
	@tools/deps build demo $(BASE)
	@$(MAKE) --no-print-directory all
	@tools/demo $(BUILD)/src/isola $(BASE)

check: ## unit and integration tests in a private test host
	@tools/deps build check
	@$(MAKE) --no-print-directory $(CHECK)/build.ninja
	@ninja -C $(CHECK) --quiet
	@tools/unpack openvswitch $(CHECK)/openvswitch
	@tools/unpack routers $(CHECK)/routers
	@tools/unpack flent $(CHECK)/flent
	@tools/unpack registry $(CHECK)/registry
	@tools/unpack sshd $(CHECK)/sshd
	@tools/unpack emulator $(CHECK)/emulator
	@tests/check $(CHECK)

check-faults: ## let each system call of containers and of the store's verbs fail, kill each process at each (20 minutes)
	@tools/deps build check
	@$(MAKE) --no-print-directory $(CHECK)/build.ninja
	@ninja -C $(CHECK) --quiet
	@tools/unpack registry $(CHECK)/registry
	@ISOLA_INJECT=all ISOLA=$(CURDIR)/$(CHECK)/src/isola /usr/bin/python3 -m pytest -q -p no:cacheprovider -n 2 \
		tests/integration/test_injected.py tests/integration/test_store_injected.py tests/integration/test_store_many.py \
		tests/integration/test_store_power.py

check-vm: ## tests on a stock Debian kernel with systemd, in QEMU (VM_TESTS=all, VM_KERNEL, VM_TIMEOUT)
	@tools/deps build vm
	@$(MAKE) --no-print-directory $(CHECK)/build.ninja
	@ninja -C $(CHECK) --quiet
	@VM_TESTS='$(VM_TESTS)' VM_KERNEL='$(VM_KERNEL)' VM_TIMEOUT='$(VM_TIMEOUT)' tests/check-vm $(CHECK)

check-peers: ## have Podman, containerd and Docker drive isola-oci; compare it with runc
	@tools/deps build check peers
	@tools/peers build-peers
	@$(MAKE) --no-print-directory $(CHECK)/build.ninja
	@ninja -C $(CHECK) --quiet
	@ISOLA=$(CURDIR)/$(CHECK)/src/isola /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/peers

lint: ## formatting, layer order, sizes, headers, documentation
	@tools/deps build lint
	@$(MAKE) --no-print-directory $(CHECK)/build.ninja
	@ninja -C $(CHECK) --quiet
	@meson test -C $(CHECK) --suite lint --print-errorlogs --no-rebuild

check-asan: asan

asan: ## the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/deps build asan
	@test -f build-asan/build.ninja || CC=clang meson setup build-asan \
		-Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 >/dev/null
	@ninja -C build-asan --quiet
	@tests/testhost meson test -C build-asan --suite unit --print-errorlogs --no-rebuild --timeout-multiplier 4

fuzz: ## libFuzzer over every parser of foreign bytes (FUZZ_SECONDS for each)
	@tools/deps build fuzz
	@test -f build-fuzz/build.ninja || CC=clang meson setup build-fuzz -Dfuzz=true \
		-Db_lundef=false -Doptimization=1 >/dev/null
	@ninja -C build-fuzz --quiet fuzz
	@tests/fuzz/run build-fuzz $(FUZZ_SECONDS)

bench: all ## compare with crun, runc, podman, docker, bwrap, lxc where they are installed
	@tools/deps build bench
	@tests/bench/run $(BUILD)/src/isola
	@$(MAKE) --no-print-directory bench-rootless

bench-rootless: all ## compare an ordinary user's containers with root's and with his of Podman
	@tools/deps build bench
	@/usr/bin/python3 tests/bench/rootless.py $(BUILD)/src/isola

bench-builds: all ## compare builds and removals with buildah and podman, where they are installed
	@tools/deps build bench
	@tests/testhost tests/bench/builds.py $(BUILD)/src/isola

bench-images: all ## compare pull, push, save and load with Podman and skopeo, where they are installed
	@tools/deps build bench
	@tools/unpack registry $(CHECK)/registry
	@tests/testhost /usr/bin/python3 tests/bench/images.py $(BUILD)/src/isola

bench-labs: all ## compare labs with Mininet, where that is installed
	@tools/deps build bench
	@tests/testhost tests/bench/labs.py $(BUILD)/src/isola

format: ## rewrite the sources as clang-format would have them
	@tools/deps lint
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean: ## remove every build directory
	@rm -rf $(BUILD) $(CHECK) build-asan build-fuzz build-peers

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 25
