# SPDX-License-Identifier: GPL-2.0-only
# User space: libiomul, the iomul command, man pages, completion.
#   SANITIZE=1   with ASan and UBSan, in build/asan

CC ?= gcc
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
ifdef SANITIZE
user-build := $(BUILD)/asan
user-san := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else
user-build := $(BUILD)
endif
user-warn := -std=gnu11 -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes
user-libs := smartcols json-c libpci

LIBIOMUL_SONAME := libiomul.so.0
LIBDIR ?= $(PREFIX)/lib
lib-dir := $(user-build)/lib
lib-cflags = $(user-warn) $(user-san) -Ikmod/uapi -Ilib -fPIC -fvisibility=hidden $(CPPFLAGS) $(CFLAGS)

cli-dir := $(user-build)/cli
cli-src := $(wildcard cli/*.c)
cli-core := $(wildcard kmod/core/*.c)
cli-obj := $(cli-src:%.c=$(cli-dir)/%.o) $(cli-core:%.c=$(cli-dir)/%.o)
cli-cflags = $(user-warn) $(user-san) -D_GNU_SOURCE -DIOMUL_VERSION='"$(VERSION)"' \
	-Isim/shadow -Ikmod/core -Ikmod/uapi -Ilib -Icli \
	$(shell $(PKG_CONFIG) --cflags $(user-libs)) $(CPPFLAGS) $(CFLAGS)

man-src := $(wildcard man/*.scd)
man-alias := iomul-unbind.8:iomul-bind.8 iomul-help.8:iomul-version.8
man-out := $(man-src:man/%.scd=$(BUILD)/man/%) $(foreach a,$(man-alias),$(BUILD)/man/$(firstword $(subst :, ,$(a))))

.PHONY: lib cli man user install-user check-cli check-completion check-cli-asan clean-user
all: user
install: install-user
clean: clean-user

user: lib cli man ## libiomul, the iomul command, man pages
lib: $(lib-dir)/$(LIBIOMUL_SONAME) $(lib-dir)/libiomul.a $(lib-dir)/libiomul.pc
cli: $(user-build)/iomul
man: $(man-out)

$(lib-dir)/libiomul.o: lib/libiomul.c
	@mkdir -p $(@D)
	$(CC) $(lib-cflags) -MMD -MP -c -o $@ $<

$(lib-dir)/libiomul.a: $(lib-dir)/libiomul.o
	rm -f $@
	$(AR) rcs $@ $<

$(lib-dir)/$(LIBIOMUL_SONAME): $(lib-dir)/libiomul.o lib/libiomul.map
	$(CC) -shared $(user-san) $(LDFLAGS) -Wl,-soname,$(LIBIOMUL_SONAME) \
		-Wl,--version-script=lib/libiomul.map $(if $(SANITIZE),,-Wl,-z,defs) -o $@ $<
	ln -sf $(LIBIOMUL_SONAME) $(@D)/libiomul.so

lib-pc = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	lib/libiomul.pc.in
$(lib-dir)/libiomul.pc: lib/libiomul.pc.in Makefile
	@mkdir -p $(@D)
	$(lib-pc) > $@

$(cli-dir)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(cli-cflags) -MMD -MP -c -o $@ $<

$(user-build)/iomul: $(cli-obj) $(lib-dir)/libiomul.a
	$(CC) $(user-san) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs $(user-libs))

$(BUILD)/man/%: man/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@.tmp && mv $@.tmp $@

# A page that describes two verbs is found by both names.
$(foreach a,$(man-alias),$(BUILD)/man/$(firstword $(subst :, ,$(a)))): mk/user.mk
	@mkdir -p $(@D)
	echo ".so man8/$(patsubst $(@F):%,%,$(filter $(@F):%,$(man-alias)))" > $@

check-cli: cli ## the command without the module: arguments, messages, plans of captured trees
	python3 tests/cli/run.py $(user-build)/iomul

check-completion: cli man ## bash and zsh completion on a terminal; man pages have every option
	python3 tests/cli/completion.py $(user-build)/iomul $(BUILD)/man

check-cli-asan:
	$(MAKE) SANITIZE=1 cli
	python3 tests/cli/run.py $(BUILD)/asan/iomul

install-user: user
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(LIBDIR)/pkgconfig \
		$(DESTDIR)$(PREFIX)/include/iomul \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions
	install -m 755 $(BUILD)/iomul $(DESTDIR)$(PREFIX)/sbin/
	install -m 644 $(BUILD)/lib/libiomul.a $(BUILD)/lib/$(LIBIOMUL_SONAME) $(DESTDIR)$(LIBDIR)/
	ln -sf $(LIBIOMUL_SONAME) $(DESTDIR)$(LIBDIR)/libiomul.so
	$(lib-pc) > $(DESTDIR)$(LIBDIR)/pkgconfig/libiomul.pc
	install -m 644 lib/libiomul.h kmod/uapi/iomul.h $(DESTDIR)$(PREFIX)/include/iomul/
	for page in $(man-out); do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page || exit 1; \
	done
	install -m 644 completion/iomul.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/iomul
	install -m 644 completion/iomul.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_iomul
	$(if $(DESTDIR),,ldconfig)

clean-user:
	rm -rf $(BUILD)/lib $(BUILD)/cli $(BUILD)/man $(BUILD)/asan $(BUILD)/iomul

-include $(cli-obj:.o=.d) $(lib-dir)/libiomul.d
