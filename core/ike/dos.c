/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/dos.h"

#include <stdlib.h>

/* A secret is used for this long and accepted for as long again. */
#define SECRET_MS 60000
/* Unprotected answers per second, and how many may come at once. */
#define ANSWER_RATE 200
#define ANSWER_BURST 400
/* An address that proved itself with a cookie may have this many times block_threshold: it may be a NAT with many peers
 * behind it, or a gateway that starts all its connections at once. */
#define PROVEN_FACTOR 256

static COUNTER(c_bad_cookie, "ike.dos.cookie_wrong", "cookies that were not ours or too old");
static COUNTER(c_good_cookie, "ike.dos.cookie_right", "IKE_SA_INIT requests with a right cookie");
static COUNTER(c_mute, "ike.dos.answers_suppressed", "unprotected answers not sent: too many in too short a time");

struct ike_dos {
	struct htab *by_addr; /* peer's address -> number of its half-open SAs */
	uint8_t secret[2][32];
	uint8_t version; /* of secret[version & 1] */
	uint64_t made_ms;
	bool has_old;
	uint64_t tokens_x1000, filled_ms;
};

#define INIT_KEY_LEN 27
#define ADDR_KEY_LEN 17

static void addr_key(uint8_t key[ADDR_KEY_LEN], const struct net_addr *a)
{
	key[0] = a->family;
	memcpy(key + 1, a->a, 16);
}

static void init_key(uint8_t key[INIT_KEY_LEN], const struct net_addr *remote, uint64_t spi_i)
{
	struct wr w = wr_of(key, INIT_KEY_LEN);

	wr_u64(&w, spi_i);
	wr_u8(&w, remote->family);
	wr_bytes(&w, slice_of(remote->a, 16));
	wr_u16(&w, remote->port);
}

err_t dos_new(struct ike_engine *e)
{
	struct ike_dos *d = calloc(1, sizeof *d);

	if (!d)
		return E_NOMEM;
	e->dos = d;
	e->by_init = htab_new(INIT_KEY_LEN, e->seed);
	d->by_addr = htab_new(ADDR_KEY_LEN, e->seed);
	if (!e->by_init || !d->by_addr)
		return E_NOMEM;
	d->tokens_x1000 = (uint64_t)ANSWER_BURST * 1000;
	return crypto_random(e->env.crypto, d->secret[0], sizeof d->secret[0]);
}

void dos_free(struct ike_engine *e)
{
	if (!e->dos)
		return;
	htab_free(e->by_init);
	htab_free(e->dos->by_addr);
	mem_wipe(e->dos, sizeof *e->dos);
	free(e->dos);
	e->dos = NULL;
}

static uint32_t half_open_of(struct ike_engine *e, const struct net_addr *remote)
{
	uint8_t key[ADDR_KEY_LEN];
	uint64_t n = 0;

	addr_key(key, remote);
	return htab_find(e->dos->by_addr, slice_of(key, sizeof key), &n) ? (uint32_t)n : 0;
}

enum dos_verdict dos_admit(struct ike_engine *e, const struct net_addr *remote, const char **why)
{
	const struct conf_daemon *c = e->env.conf;

	if (e->stopping) {
		*why = "dropped: the daemon is stopping";
		return DOS_DROP;
	}
	if (c->initiator_only) {
		*why = "dropped: this daemon only initiates (initiator_only)";
		return DOS_DROP;
	}
	if (c->init_limit_half_open && e->half_open >= c->init_limit_half_open) {
		*why = "dropped: too many half-open IKE SAs (init_limit_half_open)";
		return DOS_DROP;
	}
	if (!c->dos_protection)
		return DOS_ADMIT;
	uint32_t of_address = c->block_threshold ? half_open_of(e, remote) : 0;
	if (c->block_threshold && of_address / PROVEN_FACTOR >= c->block_threshold) {
		*why = "dropped: too many half-open IKE SAs from this address; raise aditd.block_threshold if they are wanted";
		return DOS_DROP;
	}
	if (c->block_threshold && of_address >= c->block_threshold)
		return DOS_COOKIE;
	return c->cookie_threshold && e->half_open >= c->cookie_threshold ? DOS_COOKIE : DOS_ADMIT;
}

/* ---- cookies ------------------------------------------------------------------------------------------------------------- */

static void rotate(struct ike_engine *e)
{
	struct ike_dos *d = e->dos;
	uint64_t age = e->now_ms - d->made_ms;
	uint8_t fresh[32];

	if (age < SECRET_MS || crypto_random(e->env.crypto, fresh, sizeof fresh))
		return;
	d->version++;
	memcpy(d->secret[d->version & 1], fresh, sizeof fresh);
	mem_wipe(fresh, sizeof fresh);
	d->has_old = age < 2 * SECRET_MS;
	d->made_ms = e->now_ms;
}

/* 128 bits: two SipHash-2-4 under independent halves of the secret over Ni, IPi, port and SPIi. */
static void cookie_mac(const uint8_t secret[32], const struct net_addr *remote, uint64_t spi_i, slice nonce, uint8_t out[16])
{
	uint8_t in[INIT_KEY_LEN + WIRE_NONCE_MAX];
	size_t n = nonce.n < WIRE_NONCE_MAX ? nonce.n : WIRE_NONCE_MAX;

	init_key(in, remote, spi_i);
	memcpy(in + INIT_KEY_LEN, nonce.p, n);
	slice s = slice_of(in, INIT_KEY_LEN + n);
	struct wr w = wr_of(out, 16);
	wr_u64(&w, siphash(secret, s));
	wr_u64(&w, siphash(secret + 16, s));
}

void dos_cookie_make(struct ike_engine *e, const struct net_addr *remote, uint64_t spi_i, slice nonce,
	uint8_t out[DOS_COOKIE_LEN])
{
	rotate(e);
	out[0] = e->dos->version;
	cookie_mac(e->dos->secret[e->dos->version & 1], remote, spi_i, nonce, out + 1);
}

bool dos_cookie_ok(struct ike_engine *e, const struct net_addr *remote, uint64_t spi_i, slice nonce, slice cookie)
{
	struct ike_dos *d = e->dos;
	uint8_t want[16];

	rotate(e);
	bool ok = cookie.n == DOS_COOKIE_LEN;
	uint8_t age = ok ? (uint8_t)(d->version - cookie.p[0]) : 255;
	ok = ok && (age == 0 || (age == 1 && d->has_old));
	if (ok) {
		cookie_mac(d->secret[cookie.p[0] & 1], remote, spi_i, nonce, want);
		ok = mem_equal_ct(want, cookie.p + 1, sizeof want);
	}
	count_inc(ok ? &c_good_cookie : &c_bad_cookie);
	return ok;
}

bool dos_may_answer(struct ike_engine *e)
{
	struct ike_dos *d = e->dos;
	uint64_t gap = e->now_ms - d->filled_ms;

	d->filled_ms = e->now_ms;
	d->tokens_x1000 += gap < 10000 ? gap * ANSWER_RATE : (uint64_t)ANSWER_BURST * 1000;
	if (d->tokens_x1000 > (uint64_t)ANSWER_BURST * 1000)
		d->tokens_x1000 = (uint64_t)ANSWER_BURST * 1000;
	if (d->tokens_x1000 < 1000) {
		count_inc(&c_mute);
		return false;
	}
	d->tokens_x1000 -= 1000;
	return true;
}

/* ---- half-open SAs ---------------------------------------------------------------------------------------------------------- */

static void addr_count(struct ike_engine *e, const struct net_addr *remote, int by)
{
	uint8_t key[ADDR_KEY_LEN];
	uint64_t n = 0;

	addr_key(key, remote);
	slice k = slice_of(key, sizeof key);
	if (htab_find(e->dos->by_addr, k, &n))
		htab_del(e->dos->by_addr, k);
	n = by > 0 ? n + 1 : n ? n - 1 : 0;
	/* Without memory the address counts as new: the limits over all addresses still hold. */
	if (n && htab_add(e->dos->by_addr, k, n))
		return;
}

err_t dos_half_open_add(struct ike_engine *e, struct ike_sa *sa)
{
	uint8_t key[INIT_KEY_LEN];

	init_key(key, &sa->setup->init_from, sa->spi_i);
	err_t err = htab_add(e->by_init, slice_of(key, sizeof key), handle_u64(sa->h));
	if (err)
		return err;
	sa->flags |= SA_HALF_OPEN;
	e->half_open++;
	addr_count(e, &sa->setup->init_from, 1);
	return 0;
}

void dos_half_open_del(struct ike_engine *e, struct ike_sa *sa)
{
	uint8_t key[INIT_KEY_LEN];

	init_key(key, &sa->setup->init_from, sa->spi_i);
	htab_del(e->by_init, slice_of(key, sizeof key));
	addr_count(e, &sa->setup->init_from, -1);
}

struct ike_sa *dos_init_find(struct ike_engine *e, const struct net_addr *remote, uint64_t spi_i)
{
	uint8_t key[INIT_KEY_LEN];
	uint64_t v;

	init_key(key, remote, spi_i);
	return htab_find(e->by_init, slice_of(key, sizeof key), &v) ? ike_sa_at(e, handle_from_u64(v)) : NULL;
}
