/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/keylog.h"

#include "base/text.h"

#include <stdio.h>

/* Name and bytes of one key; the text is wiped. */
static void put(struct ike_engine *e, const struct ike_sa *sa, enum log_sub sub, const char *what, slice key)
{
	char buf[2 * 256 + 1];
	struct text t = text_of(buf, sizeof buf);

	if (!key.n)
		return;
	text_hex(&t, key);
	SA_LOG(e, sa, sub, LOG_SECRETS, "%s: %s", what, t.p);
	mem_wipe(buf, sizeof buf);
}

void keylog_ike(struct ike_engine *e, const struct ike_sa *sa, const struct ike_keys *keys)
{
	static const char *const names[IKE_SK_COUNT] = { "SK_d", "SK_ai", "SK_ar", "SK_ei", "SK_er", "SK_pi", "SK_pr" };

	if (!log_wants(e->env.log, LOG_IKE, LOG_SECRETS))
		return;
	for (int i = 0; i < IKE_SK_COUNT; i++)
		put(e, sa, LOG_IKE, names[i], ike_key(keys, (enum ike_key_id)i));
}

void keylog_child(struct ike_engine *e, const struct ike_sa *sa, const char *name, uint32_t spi_in, uint32_t spi_out, bool ours,
	const struct child_keys *keys)
{
	char what[200];

	if (!log_wants(e->env.log, LOG_CHILD, LOG_SECRETS))
		return;
	for (int i = 0; i < 4; i++) {
		bool out = i & 1, integ = i & 2;
		snprintf(what, sizeof what, "child '%.100s', %s key, %s SPI %08x", name, integ ? "integrity" : "encryption",
			out ? "outbound" : "inbound", out ? spi_out : spi_in);
		put(e, sa, LOG_CHILD, what, integ ? child_key_integ(keys, out == ours) : child_key_encr(keys, out == ours));
	}
}
