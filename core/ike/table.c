/* SPDX-License-Identifier: Apache-2.0 */
/* Look-up in the exchange table, and names. */
#include "ike/table.h"

static bool set_fits(payset set, payset must, payset may)
{
	return (set & must) == must && (set & ~(must | may)) == 0;
}

static bool row_fits(const struct xch_row *r, uint8_t state, uint8_t exchange, uint8_t dir, const struct xch_shape *s)
{
	if (r->dir != dir || !(r->from & ST(state)) || (r->exchange && r->exchange != exchange))
		return false;
	/* What the message belongs to is known of answers, and of key exchanges that go on with something. */
	bool known = dir == XCH_RX_RESPONSE || (dir == XCH_RX_REQUEST && r->exchange == XCHG_IKE_FOLLOWUP_KE);
	if (known && r->story && r->story != s->story)
		return false;
	if (!set_fits(s->clear, r->clear_must, r->clear_may) || !set_fits(s->sk, r->sk_must, r->sk_may))
		return false;
	return !r->notify || (s->has_notify && s->has_notify(s->arg, r->notify));
}

const struct xch_row *xch_row_find(const struct xch_row *rows, size_t n, uint8_t state, uint8_t exchange, uint8_t dir,
	const struct xch_shape *shape)
{
	for (size_t i = 0; i < n; i++)
		if (row_fits(&rows[i], state, exchange, dir, shape))
			return &rows[i];
	return NULL;
}

const struct xch_row *xch_row_tx(uint8_t state, uint8_t story, bool child)
{
	for (size_t i = 0; i < xch_rows_n; i++) {
		const struct xch_row *r = &xch_rows[i];
		if (r->dir != XCH_TX_REQUEST || r->kind != ROW_TASKS || r->story != story || !(r->from & ST(state)))
			continue;
		if (r->exchange == XCHG_IKE_FOLLOWUP_KE)
			continue;
		if (story == STORY_AUTH && child != ((r->sk_must & PAYSET(PLD_SA)) != 0))
			continue;
		return r;
	}
	return NULL;
}

const struct xch_row *xch_row_follow(uint8_t state, uint8_t story)
{
	for (size_t i = 0; i < xch_rows_n; i++) {
		const struct xch_row *r = &xch_rows[i];
		if (r->dir == XCH_TX_REQUEST && r->exchange == XCHG_IKE_FOLLOWUP_KE && r->story == story && (r->from & ST(state)))
			return r;
	}
	return NULL;
}

uint32_t ike_state_facts(uint8_t state)
{
	static const uint32_t facts[IKE_S_COUNT] = {
		[IKE_S_MORE_I] = FACT_SUITE_OK | FACT_KE_FIRST,
		[IKE_S_MORE_R] = FACT_SUITE_OK | FACT_KE_FIRST | FACT_COOKIE_OK,
		[IKE_S_AUTH_I] = FACT_SUITE_OK | FACT_KE_DONE,
		[IKE_S_AUTH_R] = FACT_SUITE_OK | FACT_KE_DONE | FACT_COOKIE_OK,
		[IKE_S_UP] = FACT_SUITE_OK | FACT_KE_DONE | FACT_PEER_ID_OK | FACT_PEER_AUTH_OK | FACT_AUTH_SENT,
	};

	return state < IKE_S_COUNT ? facts[state] : 0;
}

const char *ike_state_name(uint8_t state)
{
	static const char *const names[IKE_S_COUNT] = { "NONE", "INIT_I", "MORE_I", "AUTH_I", "MORE_R", "AUTH_R", "UP", "REKEYED", "DELETING", "GONE" };

	return state < IKE_S_COUNT ? names[state] : "?";
}

const char *ike_story_name(uint8_t story)
{
	static const char *const names[STORY_COUNT] = { "-", "init", "additional-ke", "auth", "child-new", "child-rekey", "ike-rekey",
		"child-delete", "ike-delete", "move", "reach", "redirect", "info" };

	return story < STORY_COUNT ? names[story] : "?";
}

const char *ike_exchange_name(uint8_t exchange)
{
	const char *name = wire_name(WIRE_XCHG, exchange);

	return name ? name : "unknown exchange";
}
