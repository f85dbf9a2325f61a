// SPDX-License-Identifier: GPL-2.0-only
/* Device names from pci.ids, through libpci. */
#include <setjmp.h>
#include <stdlib.h>
#include <pci/pci.h>
#include "names.h"

static struct pci_access *access_state;
static jmp_buf failed;

/* libpci demands that its error callback does not return. */
static void __attribute__((noreturn)) on_error(char *format, ...)
{
	(void)format;
	longjmp(failed, 1);
}

static void on_message(char *format, ...)
{
	(void)format;
}

static struct pci_access *access_get(void)
{
	if (!access_state && (access_state = pci_alloc())) {
		access_state->error = on_error;
		access_state->warning = on_message;
		access_state->debug = on_message;
	}
	return access_state;
}

const char *device_name(uint16_t vendor, uint16_t device, char *text, size_t size)
{
	struct pci_access *a = access_get();
	const char *name = NULL;

	*text = '\0';
	if (!a || setjmp(failed))
		return "";
	name = pci_lookup_name(a, text, size, PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS, vendor,
			       device);
	return name ? name : "";
}

void names_free(void)
{
	if (access_state)
		pci_cleanup(access_state);
	access_state = NULL;
}
