// SPDX-License-Identifier: GPL-2.0-only
/* Feeds a fuzz target with random bytes, without a fuzzer: standalone RUNS [SEED]. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	uint64_t state = (argc > 2 ? strtoull(argv[2], NULL, 0) : 1) * 0x9e3779b97f4a7c15ULL + 1;
	unsigned long i, runs = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000;
	static uint8_t bytes[2048];
	size_t k;

	for (i = 0; i < runs; i++) {
		for (k = 0; k < sizeof(bytes); k++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			bytes[k] = (uint8_t)(state >> 24);
		}
		LLVMFuzzerTestOneInput(bytes, sizeof(bytes));
	}
	printf("1 passed, 0 failed\n");
	return 0;
}
