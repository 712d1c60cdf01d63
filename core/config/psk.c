/* SPDX-License-Identifier: Apache-2.0 */
#include "config/psk.h"

#include "crypto/strength.h"

#include <stdio.h>

const char *conf_psk_by_text(uint8_t by)
{
	static const char *const texts[] = {
		[CONF_PSK_ANY] = "nothing: it is for everybody",
		[CONF_PSK_OWN] = "our own identity",
		[CONF_PSK_ADDRESS] = "the peer's address",
		[CONF_PSK_HOST] = "the name of the peer's host",
		[CONF_PSK_ID] = "the peer's identity",
	};

	return by < ARRAY_LEN(texts) ? texts[by] : "?";
}

/* log2 of the alphabet, times 10,000. */
enum { DIGIT = 33219, LETTER = 47004, PRINTABLE = 65546, BYTE = 80000 };

unsigned conf_psk_bits(slice data)
{
	bool digits = true, lower = true, upper = true, printable = true;

	for (size_t i = 0; i < data.n; i++) {
		uint8_t c = data.p[i];
		digits = digits && c >= '0' && c <= '9';
		lower = lower && c >= 'a' && c <= 'z';
		upper = upper && c >= 'A' && c <= 'Z';
		printable = printable && c >= ' ' && c <= '~';
	}
	uint64_t each = digits ? DIGIT : lower || upper ? LETTER : printable ? PRINTABLE : BYTE;
	uint64_t bits = (data.n > 65536 ? 65536 : data.n) * each / 10000;
	return (unsigned)bits;
}

unsigned conf_psk_chars(unsigned bits)
{
	return (bits * 10000u + PRINTABLE - 1) / PRINTABLE;
}

static bool is_psk(uint8_t cls)
{
	return cls == CONF_AUTH_PSK || cls == CONF_AUTH_ANY;
}

bool conf_psk_weak(const struct conf_conn *c, const struct conf_secrets *s, const char *only, char *buf, size_t cap)
{
	const struct conf_auth *me = c->n_local ? &c->local[0] : NULL, *peer = c->n_remote ? &c->remote[0] : NULL;
	struct conf_psk_ask ask = { .hosts = (const char *const *)c->remote_texts };
	unsigned want = c->n_props ? suite_prop_strength(c->props[0]) : 0;
	struct conf_psk k;

	if (!peer || !me || (!is_psk(me->cls) && !is_psk(peer->cls)))
		return false;
	ask.my_type = me->id.type;
	ask.my_id = slice_of(me->id.data, me->id.n);
	ask.peer_type = peer->id.type;
	ask.peer_id = slice_of(peer->id.data, peer->id.n);
	ask.addr = c->n_remote_addrs ? &c->remote_addrs[0] : NULL;
	for (int side = 0; side < 2; side++) {
		ask.of_peer = side == 1;
		if (!is_psk(side ? peer->cls : me->cls) || !conf_secrets_psk(s, &ask, &k) || conf_psk_bits(k.data) >= want ||
		    (only && strcmp(only, k.name) != 0))
			continue;
		snprintf(buf, cap, "the shared secret '%s' of connection '%s' has about %u bits, the first proposal %u: take %u random "
			"characters or more (adit-pki psk)", k.name, c->name, conf_psk_bits(k.data), want, conf_psk_chars(want));
		return true;
	}
	return false;
}
