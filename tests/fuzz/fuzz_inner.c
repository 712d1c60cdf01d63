/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payloads inside SK without the work of sealing: more inputs per second for the payload decoders.
 * Input: first payload type, then the payloads.
 */
#include "fuzz.h"
#include "wire/out.h"

const char *const fuzz_name = "inner";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t msg[IKE_HDR_LEN + 12] = { [7] = 1, [15] = 2, [16] = PLD_SK, [17] = IKE_V2, [18] = XCHG_INFORMATIONAL,
		[27] = IKE_HDR_LEN + 12, [31] = 12 };
	slice in = slice_of(data, n);
	uint8_t first = fuzz_u8(&in);
	struct arena a;
	struct ike_msg m;
	struct diag *why = NULL;
	TEXT_ON_STACK(t, 1024);

	arena_init(&a, 1 << 20);
	FUZZ_CHECK(wire_parse(&m, slice_of(msg, sizeof msg), &a, NULL) == 0);
	err_t e = wire_parse_inner(&m, in, first, &why);
	FUZZ_CHECK(!e == !why);
	FUZZ_CHECK(!e == m.inner_done);
	wire_text(&t, &m);
	for (uint16_t i = 0; i < m.n_deletes; i++)
		for (uint32_t k = 0; k < m.deletes[i].n; k++)
			(void)wire_delete_spi(&m.deletes[i], (uint16_t)k);
	for (uint16_t i = 0; i < m.n_notifies; i++)
		(void)wire_spi4(m.notifies[i].spi);
	diag_free(&why);
	arena_fini(&a);
	return 0;
}
