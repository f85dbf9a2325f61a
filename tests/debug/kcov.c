// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of the modules a program reaches: preloaded into it, collects after each
 * of its system calls that may lead there (CONFIG_KCOV, modules built with
 * KFLAGS=KCOV_INSTRUMENT=y) and writes the addresses, as offsets in the module's
 * text, to $KCOV_DIR/PID. Children that are forked collect for themselves; works
 * of the kernel's, such as adoption, are not seen.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define KCOV_INIT_TRACE _IOR('c', 1, unsigned long)
#define KCOV_ENABLE _IO('c', 100)
#define WORDS (64 << 10)
#define TEXT (1 << 20)		/* bytes of a module's text */

static struct module {
	const char *name;
	uint64_t base;
} modules[] = { { "iomul", 0 }, { "iomul_vfio_pci", 0 } };

static uint64_t *cover;
static uint8_t seen[2][TEXT];
static int (*real_ioctl)(int, unsigned long, ...);
static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);

static void find_modules(void)
{
	char path[128];
	unsigned int i;
	FILE *f;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/module/%s/sections/.text", modules[i].name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%lx", &modules[i].base) != 1)
			modules[i].base = 0;
		if (f)
			fclose(f);
	}
}

static void start(void)
{
	int low = real_open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	int fd = fcntl(low, F_DUPFD_CLOEXEC, 900);	/* out of the way of who counts his own */

	real_close(low);
	cover = NULL;
	if (fd < 0 || real_ioctl(fd, KCOV_INIT_TRACE, WORDS))
		return;
	cover = mmap(NULL, WORDS * sizeof(*cover), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (cover == MAP_FAILED || real_ioctl(fd, KCOV_ENABLE, 0))
		cover = NULL;
}

static void harvest(void)
{
	uint64_t i, n, at;
	unsigned int m;

	if (!cover)
		return;
	n = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n && i < WORDS; i++)
		for (m = 0; m < 2; m++) {
			at = cover[i] - modules[m].base;
			if (modules[m].base && at < TEXT)
				seen[m][at] = 1;
		}
	__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
}

__attribute__((destructor)) static void finish(void)
{
	char path[256];
	unsigned int m, i;
	FILE *f;

	harvest();
	snprintf(path, sizeof(path), "%s/%d", getenv("KCOV_DIR") ?: ".", getpid());
	f = cover ? fopen(path, "w") : NULL;
	for (m = 0; f && m < 2; m++)
		for (i = 0; i < TEXT; i++)
			if (seen[m][i])
				fprintf(f, "%s %x\n", modules[m].name, i);
	if (f)
		fclose(f);
}

__attribute__((constructor)) static void begin(void)
{
	real_ioctl = dlsym(RTLD_NEXT, "ioctl");
	real_open = dlsym(RTLD_NEXT, "open");
	real_close = dlsym(RTLD_NEXT, "close");
	real_pread = dlsym(RTLD_NEXT, "pread");
	real_pwrite = dlsym(RTLD_NEXT, "pwrite");
	find_modules();
	pthread_atfork(NULL, NULL, start);
	start();
}

int ioctl(int fd, unsigned long command, ...)
{
	va_list args;
	void *arg;
	int ret;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	ret = real_ioctl(fd, command, arg);
	harvest();
	return ret;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	int mode, ret;

	va_start(args, flags);
	mode = va_arg(args, int);
	va_end(args);
	ret = real_open(path, flags, mode);
	harvest();
	return ret;
}

int close(int fd)
{
	int ret = real_close(fd);

	harvest();
	return ret;
}

ssize_t pread(int fd, void *to, size_t n, off_t at)
{
	ssize_t ret = real_pread(fd, to, n, at);

	harvest();
	return ret;
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	ssize_t ret = real_pwrite(fd, from, n, at);

	harvest();
	return ret;
}
