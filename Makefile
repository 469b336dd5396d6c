# Two commands: `make run` serves the example application, `make test` proves everything. `make help` lists the rest.

SHELL         := /bin/bash
.DEFAULT_GOAL := app
.DELETE_ON_ERROR:
MAKEFLAGS     += --no-builtin-rules
ifeq ($(MAKELEVEL)$(filter -j% --jobserver%,$(MAKEFLAGS)),0)
MAKEFLAGS     += -j$(shell nproc)
endif

# ---- variants: make VARIANT=release|debug|asan|tsan|fuzz; LTO=1 links for seconds longer ----------------------------
# LINKER=mold|gold|lld links by another linker than the compiler's own.
# ARCH=amd64|arm64 compiles for another machine, once `scripts/deps --arch ARCH compile` has brought its libraries.

VARIANT ?= release

TRIPLET_amd64 := x86_64-linux-gnu
TRIPLET_arm64 := aarch64-linux-gnu
ifneq ($(filter-out $(if $(ARCH),$(shell dpkg --print-architecture)),$(ARCH)),)
TRIPLET := $(TRIPLET_$(ARCH))
ifeq ($(TRIPLET),)
$(error ARCH is amd64 or arm64, not "$(ARCH)")
endif
CROSS   := $(TRIPLET)-
export PKG_CONFIG_LIBDIR := /usr/lib/$(TRIPLET)/pkgconfig:/usr/share/pkgconfig
endif
B       := build/$(VARIANT)$(CROSS:%-=-$(ARCH))

ifeq ($(origin CC),default)
CC      := $(if $(filter fuzz,$(VARIANT)),clang,$(CROSS)gcc)
endif
CCACHE  := $(shell command -v ccache)
COMPILE  = $(CCACHE) $(CC)

HARDEN         := -fstack-protector-strong -fPIE
FLAGS_release  := -O2 -g $(HARDEN) -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 $(if $(LTO),-flto=auto)
FLAGS_debug    := -Og -g3 $(HARDEN)
FLAGS_asan     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan     := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
FLAGS_fuzz     := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
MALLOC_release := -ljemalloc
MALLOC_debug   := -ljemalloc
ifeq ($(FLAGS_$(VARIANT)),)
$(error VARIANT is release, debug, asan, tsan or fuzz, not "$(VARIANT)")
endif

# ---- flags ---------------------------------------------------------------------------------------------------------

PACKAGES := libh2o-evloop libuv libpq yyjson libpcre2-8 openssl zlib
packages  = $(shell $(if $(CROSS),PKG_CONFIG_LIBDIR=$(PKG_CONFIG_LIBDIR)) pkg-config $(1) $(PACKAGES) 2>/dev/null)
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef
CFLAGS    = -std=gnu17 $(WARNINGS) $(FLAGS_$(VARIANT)) $(EXTRA_CFLAGS)
CPPFLAGS := -Iruntime/include
# What the library is made of stays out of the application's sight.
INTERNAL := -Iruntime -fvisibility=hidden -Ibuild/assets -DH2O_USE_LIBUV=0 -DH2O_USE_EPOLL=1 \
            -DAPUS_JEMALLOC=$(if $(MALLOC_$(VARIANT)),1,0) $(patsubst -I%,-isystem %,$(call packages,--cflags))
# A wrong table in an application's file gives a message of a few lines, not the macros' insides; gcc does so by itself.
BRIEF    := $(if $(findstring clang,$(CC)),-fmacro-backtrace-limit=1)

EXPORTS  := $(wildcard runtime/pg/exports.list)
LDFLAGS   = $(FLAGS_$(VARIANT)) $(LINKER:%=-fuse-ld=%) -pie -Wl,-z,relro,-z,now,--as-needed,--hash-style=gnu $(EXPORTS:%=-Wl,--dynamic-list=%) $(EXTRA_LDFLAGS)
LDLIBS   := $(call packages,--libs) -l:libboost_context.a $(MALLOC_$(VARIANT)) -lpthread -lm

# ---- sources -------------------------------------------------------------------------------------------------------

object   = $(patsubst %.c,$(B)/obj/%.o,$(1))
LIB_C   := $(wildcard runtime/*/*.c)
APP_C   := $(wildcard app/*.c)
BENCH_C := $(wildcard bench/*.c)
UNIT_C  := $(wildcard tests/unit/*/test_*.c)
UNIT_HELPER_C := $(filter-out $(UNIT_C),$(wildcard tests/unit/*/*.c))
FUZZ_C  := $(wildcard tests/fuzz/*.c)
# A page is a file, or a folder that holds a main.c: then all below it is one program.
PAGE_C   := $(shell find examples/tutorial -name '*.c' 2>/dev/null)
FOLDERS  := $(patsubst %/main.c,%,$(filter %/main.c,$(PAGE_C)))
FOLDER_C := $(filter $(FOLDERS:%=%/%),$(PAGE_C))

LIB      := $(B)/libapus.a
APP      := $(if $(APP_C),$(B)/app/app)
EXAMPLES := $(patsubst %.c,$(B)/%,$(filter-out $(FOLDER_C),$(PAGE_C))) $(FOLDERS:%=$(B)/%/main)
BENCH    := $(BENCH_C:%.c=$(B)/%)
UNIT     := $(UNIT_C:%.c=$(B)/%)
FUZZ     := $(FUZZ_C:%.c=$(B)/%)
OBJECTS  := $(call object,$(LIB_C) $(APP_C) $(PAGE_C) $(BENCH_C) $(UNIT_C) $(UNIT_HELPER_C) $(FUZZ_C))

# ---- build ---------------------------------------------------------------------------------------------------------

.PHONY: app lib examples bench-programs unit all fuzzers
app: $(APP)                          ## build the example application, build/release/app/app (the default)
lib: $(LIB)                          ## build the library
examples: $(EXAMPLES)                ## build the tutorial's programs
bench-programs: $(BENCH)
unit: $(UNIT)                        ## build the unit tests
fuzzers: $(FUZZ)
all: app lib examples unit           ## build all of these (VARIANT=release, debug, asan or tsan)

# A stamp is rewritten only when its text changes, so that what depends on it is rebuilt then and only then.
define stamp
$(1): FORCE
	@mkdir -p $$(@D); printf '%s\n' '$(subst ','\'',$(2))' | cmp -s - $$@ || printf '%s\n' '$(subst ','\'',$(2))' >$$@
endef
.PHONY: FORCE
$(eval $(call stamp,$(B)/compile.stamp,$$(CC) $$(CFLAGS) $$(CPPFLAGS) $$(INTERNAL)))
$(eval $(call stamp,$(B)/link.stamp,$$(CC) $$(LDFLAGS) $$(LDLIBS)))
$(eval $(call stamp,$(B)/library.stamp,$$(LIB_C)))

# Private, because a stamp that is made for one of these would take their flags on.
$(B)/obj/runtime/%.o: private CPPFLAGS += $(INTERNAL)
$(B)/obj/tests/%.o: private CPPFLAGS += $(INTERNAL) -Itests/unit
$(B)/obj/app/%.o $(B)/obj/examples/%.o: private CFLAGS += $(BRIEF)

$(B)/obj/%.o: %.c $(B)/compile.stamp | build/tools.stamp
	@mkdir -p $(@D)
	@echo "  compile $<"
	@$(COMPILE) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/obj/runtime/openapi/%.o $(B)/obj/tests/%.o: | build/assets/assets.h

$(LIB): $(call object,$(LIB_C)) $(B)/obj/assets.o $(B)/library.stamp
	@rm -f $@.new
	@$(CROSS)$(if $(LTO),gcc-)ar rcs $@.new $(filter %.o,$^)
	@mv $@.new $@

define link
	@mkdir -p $(@D)
	@echo "  link $@"
	@$(CC) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LDLIBS)
endef

# The migrations stand beside the program, which is where it looks for them.
$(B)/app/app: $(call object,$(APP_C)) $(LIB) $(B)/link.stamp $(EXPORTS)
	$(link)
	@ln -sfn ../../../app/migrations $(@D)/migrations

$(filter-out %/main,$(EXAMPLES)) $(BENCH): $(B)/%: $(B)/obj/%.o $(LIB) $(B)/link.stamp $(EXPORTS)
	$(link)

define folder_program
$(B)/obj/$(1)/%.o: private CPPFLAGS += -I$(1)
$(B)/$(1)/main: $(call object,$(filter $(1)/%,$(FOLDER_C))) $(LIB) $(B)/link.stamp $(EXPORTS)
	$$(link)
endef
$(foreach folder,$(FOLDERS),$(eval $(call folder_program,$(folder))))

define unit_test
$(B)/$(1): private LDLIBS := -lcmocka $(LDLIBS)
$(B)/$(1): $(B)/obj/$(1).o $(call object,$(filter $(dir $(1))%,$(UNIT_HELPER_C))) $(LIB) $(B)/link.stamp $(EXPORTS)
	$$(link)
endef
$(foreach test,$(UNIT_C:%.c=%),$(eval $(call unit_test,$(test))))

$(FUZZ): private LDFLAGS += -fsanitize=fuzzer
$(FUZZ): $(B)/%: $(B)/obj/%.o $(LIB) $(B)/link.stamp $(EXPORTS)
	$(link)

# The docs pages' scripts and styles, gzipped: from npm, or an empty table that makes the pages point at the CDN.
build/assets/assets.h build/assets/assets.c &: scripts/fetch-assets
	@ASSETS='$(ASSETS)' scripts/fetch-assets build/assets
$(B)/obj/assets.o: build/assets/assets.c
	@mkdir -p $(@D)
	@$(CC) -std=gnu17 -O1 -fPIE -c -o $@ $<

build/tools.stamp:
	@pkg-config --exists $(PACKAGES) || { echo "Packages are missing: 'make deps' installs them." >&2; exit 1; }
	@mkdir -p $(@D); touch $@

-include $(OBJECTS:.o=.d)

# ---- run, test -----------------------------------------------------------------------------------------------------

.PHONY: deps run dev test test-fastapi test-chart test-pipelines test-image test-compose test-cluster \
        test-gitops fuzz bench lint lint-light format clean distclean help
deps:                                ## install the packages that building and running need
	@scripts/deps build

run: deps                            ## install, build, start a private Postgres, migrate and serve on :8000
	@$(MAKE) --no-print-directory -s app
	@scripts/run $(B)/app/app

dev: deps                            ## the same, and build and serve anew whenever a source file changes
	@scripts/deps dev
	@unset MAKEFLAGS MAKELEVEL MFLAGS; DEV_BUILD="$${DEV_BUILD:-make -s VARIANT=$(VARIANT) LINKER=mold app}" scripts/dev $(B)/app/app

test:                                ## install, build and run all tests
	+@scripts/test

test-fastapi:                        ## FastAPI's own tests against the ports in examples/tutorial
	+@scripts/test fastapi

test-chart:                          ## what the chart renders, its budget and its rules; no cluster
	@scripts/test chart

test-cluster:                        ## the chart and the image on a real Kubernetes: the lab's, or any other's KUBECONFIG
	@scripts/test cluster

test-pipelines:                      ## the workflows, their scripts and deploy/; no engine
	@scripts/test pipelines

test-image:                          ## the container image, on a real Docker Engine
	@scripts/test image

test-compose:                        ## docker compose up --watch, edited under load; needs Docker, or the lab
	@scripts/test compose

test-gitops:                         ## from a commit to a pod that answers, and back, on the lab's engines
	@scripts/test gitops

fuzz:                                ## fuzz each target of tests/fuzz for FUZZ_SECONDS (20); ask FastAPI and us drawn requests
	+@scripts/test fuzz

bench:                               ## measure, side by side with the peers
	@scripts/deps bench
	@$(MAKE) --no-print-directory -s app bench-programs
	@bench/run

# ---- care ----------------------------------------------------------------------------------------------------------

lint-light:                          ## the quick part of lint
	@scripts/lint light

lint:                                ## format, static analysis, headers, arrows between rooms, function lengths
	@scripts/lint

format:                              ## correct the spacing of the C files, but not lines broken and aligned by hand
	@scripts/format --fix $$(git ls-files '*.[ch]')

.PHONY: flags
flags: build/assets/assets.h
	@echo '-std=gnu17 $(filter-out -Wl%,$(WARNINGS)) -O1 $(CPPFLAGS) $(INTERNAL)'

clean:                               ## remove what was built; the private Postgres keeps its data
	@rm -rf $(addprefix build/,release debug asan tsan fuzz assets results tools.stamp) $(wildcard build/*-amd64 build/*-arm64)

distclean:                           ## remove all of build/, the private Postgres included
	@scripts/dev-postgres destroy
	@rm -rf build

help:                                ## this list
	@awk -F ':.*##' '/^[a-z-]+:.*##/ { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
