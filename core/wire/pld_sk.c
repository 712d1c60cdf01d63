/* SPDX-License-Identifier: Apache-2.0 */
/* SK and SKF payloads (RFC 7296 section 3.14, RFC 7383 section 2.5): where they are; opening them is crypto/sk.h. */
#include "wire/pld.h"

/* The walker has filled in m->sk and sees to it that nothing follows. */
PLD_DECODE(sk)
{
	(void)m;
	(void)why;
	rd_rest(r);
	return 0;
}

PLD_DECODE(skf)
{
	m->sk.frag = rd_u16(r);
	m->sk.total = rd_u16(r);
	m->sk.body_at += 4;
	rd_rest(r);
	if (r->err)
		return r->err;
	if (m->sk.frag == 0 || m->sk.frag > m->sk.total)
		return diag_set(why, E_SYNTAX, "fragment %u of %u", m->sk.frag, m->sk.total);
	if (m->sk.frag > 1 && m->sk.first != PLD_NONE)
		return diag_set(why, E_SYNTAX, "fragment %u names a first payload, only fragment 1 may", m->sk.frag);
	return 0;
}

PLD_TEXT(skf)
{
	(void)i;
	text_fmt(t, "EF(%u/%u)", m->sk.frag, m->sk.total);
}
