/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments in any order, of any number and size. Input: operations of 6 bytes: message ID, number, total, first payload
 * type, length (2).
 */
#include "fuzz.h"
#include "wire/frag.h"

const char *const fuzz_name = "frag";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t bytes[1 << 16];
	slice in = slice_of(data, n);
	struct frag_set set = { 0 };

	while (in.n) {
		uint8_t mid = fuzz_u8(&in) & 3, no = fuzz_u8(&in), total = fuzz_u8(&in), first = fuzz_u8(&in);
		struct wire_sk sk = { .frag = no, .total = total == 254 ? 5000 : total, .first = no == 1 ? first : 0 };
		slice whole;
		uint8_t whole_first;
		err_t e = frag_add(&set, mid, &sk, slice_of(bytes, fuzz_u16(&in)), &whole, &whole_first);
		FUZZ_CHECK(set.bytes <= WIRE_MAX_BYTES && set.total <= FRAG_MAX && set.have <= set.total);
		FUZZ_CHECK(!e || !whole.p);
		FUZZ_CHECK(whole.n <= WIRE_MAX_BYTES);
		free((void *)whole.p);
	}
	frag_fini(&set);
	return 0;
}
