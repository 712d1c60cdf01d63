/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kernel-user/esp.h"
#include "base/rdwr.h"

#include <stdlib.h>

enum { INTEG_SHA256 = 12 };

static void *ctx_new(uint32_t bytes)
{
	size_t n = ((size_t)bytes + 63) & ~(size_t)63;
	void *p = aligned_alloc(64, n ? n : 64);

	if (p)
		memset(p, 0, n ? n : 64);
	return p;
}

err_t esp_init(struct esp_keys *k, const struct kern_sa *sa, const struct encr_ops *encr, const struct mac_ops *integ)
{
	err_t e = E_NOMEM;

	*k = (struct esp_keys){ .spi = sa->spi, .esn = sa->esn, .out = sa->dir == KERN_OUT, .align = 4 };
	k->seq_max = sa->esn ? UINT64_MAX : UINT32_MAX;
	bool aead = encr && encr->icv_len;
	if (!aead && !integ)
		return E_NOT_SUPPORTED;
	if (encr) {
		if (sa->encr_key.n != (size_t)encr->key_len + encr->salt_len || encr->iv_len > ESP_IV_MAX ||
			encr->icv_len > ESP_ICV_MAX || encr->block_len > 32)
			return E_BAD_VALUE;
		k->iv_len = encr->iv_len;
		k->icv_len = encr->icv_len;
		k->align = encr->block_len > 4 ? encr->block_len : 4;
		k->counter_iv = encr->iv_len == 8 && encr->block_len == 1;
		k->encr_ctx = ctx_new(encr->ctx_size);
		if (!k->encr_ctx)
			goto out;
		e = encr->init(k->encr_ctx, slice_of(sa->encr_key.p, encr->key_len),
			slice_of(sa->encr_key.p + encr->key_len, encr->salt_len));
		if (e)
			goto out;
		k->encr = encr;
	}
	if (!aead) {
		e = sa->integ_key.n != integ->key_len || integ->out_len > ESP_ICV_MAX ? E_BAD_VALUE : E_NOMEM;
		if (e == E_BAD_VALUE)
			goto out;
		k->icv_len = sa->sha256_96 && sa->integ_id == INTEG_SHA256 ? 12 : (uint8_t)integ->out_len;
		k->integ_ctx = ctx_new(integ->ctx_size);
		if (!k->integ_ctx)
			goto out;
		e = integ->init(k->integ_ctx, sa->integ_key);
		if (e)
			goto out;
		k->integ = integ;
	}
	e = k->out ? 0 : replay_init(&k->replay, sa->replay_window, sa->esn);
	if (!e)
		return 0;
out:
	if (!k->encr)
		free(k->encr_ctx);
	if (!k->integ)
		free(k->integ_ctx);
	k->encr_ctx = k->encr ? k->encr_ctx : NULL;
	k->integ_ctx = k->integ ? k->integ_ctx : NULL;
	esp_fini(k);
	return e;
}

void esp_fini(struct esp_keys *k)
{
	if (k->encr)
		k->encr->fini(k->encr_ctx);
	if (k->integ)
		k->integ->fini(k->integ_ctx);
	free(k->encr_ctx);
	free(k->integ_ctx);
	replay_fini(&k->replay);
	*k = (struct esp_keys){ 0 };
}

uint32_t esp_sealed_len(const struct esp_keys *k, uint32_t n)
{
	return ESP_HDR + k->iv_len + (n + 2 + k->align - 1) / k->align * k->align + k->icv_len;
}

uint32_t esp_room(const struct esp_keys *k, uint32_t n)
{
	uint32_t fixed = ESP_HDR + k->iv_len + k->icv_len;

	if (n < fixed + k->align)
		return 0;
	return (n - fixed) / k->align * k->align - 2;
}

/* ---- parts of both directions ---- */

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* Additional data of an AEAD (RFC 4106 section 5): SPI and the full sequence number. */
static slice esp_aad(const struct esp_keys *k, uint64_t seq, uint8_t out[12])
{
	put32(out, k->spi);
	if (k->esn)
		put32(out + 4, (uint32_t)(seq >> 32));
	put32(out + (k->esn ? 8 : 4), (uint32_t)seq);
	return slice_of(out, k->esn ? 12 : 8);
}

/* RFC 4303 section 2.2.1: with a separate MAC the upper half of the number stands behind the packet. */
static err_t esp_mac(struct esp_keys *k, const uint8_t *hdr, size_t n, uint64_t seq, uint8_t *out)
{
	uint8_t hi[4];
	slice v[2] = { slice_of(hdr, n), slice_of(hi, sizeof hi) };

	put32(hi, (uint32_t)(seq >> 32));
	if (k->icv_len == k->integ->out_len)
		return k->integ->mac(k->integ_ctx, v, k->esn ? 2 : 1, out);
	/* Cut shorter than the algorithm says: behind it may be nothing of ours. */
	uint8_t full[ESP_ICV_MAX];
	err_t e = k->integ->mac(k->integ_ctx, v, k->esn ? 2 : 1, full);
	memcpy(out, full, k->icv_len);
	return e;
}

static bool esp_icv_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	volatile uint8_t d = 0;

	for (size_t i = 0; i < n; i++)
		d |= a[i] ^ b[i];
	return d == 0;
}

static err_t esp_random(struct esp_rand *r, uint8_t *out, size_t n)
{
	if (r->left < n) {
		err_t e = r->fill(r->h, r->pool, sizeof r->pool);
		if (e)
			return e;
		r->left = sizeof r->pool;
	}
	r->left -= (uint32_t)n;
	memcpy(out, r->pool + r->left, n);
	memset(r->pool + r->left, 0, n);
	return 0;
}

/* ---- sealing ---- */

/* Header, IV, padding around the payload; p->p moves to the header, p->n covers all but the ICV. */
static err_t esp_frame(struct esp_keys *k, struct esp_pkt *p, struct esp_rand *rnd)
{
	if (k->seq >= k->seq_max)
		return E_LIMIT;
	p->seq = ++k->seq;
	uint8_t *tail = p->p + p->n;
	memset(tail, 0, p->tfc);
	tail += p->tfc;
	uint32_t body = p->n + p->tfc + 2, pad = (k->align - body % k->align) % k->align;
	for (uint32_t i = 0; i < pad; i++)
		tail[i] = (uint8_t)(i + 1);
	tail[pad] = (uint8_t)pad;
	tail[pad + 1] = p->next;

	uint8_t *hdr = p->p - k->iv_len - ESP_HDR;
	put32(hdr, k->spi);
	put32(hdr + 4, (uint32_t)p->seq);
	if (k->counter_iv) {
		put32(hdr + ESP_HDR, (uint32_t)(p->seq >> 32));
		put32(hdr + ESP_HDR + 4, (uint32_t)p->seq);
	} else if (k->iv_len) {
		err_t e = esp_random(rnd, hdr + ESP_HDR, k->iv_len);
		if (e)
			return e;
	}
	p->p = hdr;
	p->n = ESP_HDR + k->iv_len + body + pad;
	return 0;
}

void esp_seal(struct esp_keys *k, struct esp_pkt *v, size_t n, struct esp_rand *rnd)
{
	struct encr_op op[ESP_BATCH];
	struct esp_pkt *of[ESP_BATCH];
	uint8_t aad[ESP_BATCH][12];
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		struct esp_pkt *p = &v[i];
		p->res = esp_frame(k, p, rnd);
		if (p->res)
			continue;
		op[m] = (struct encr_op){
			.iv = p->p + ESP_HDR,
			.aad = k->integ ? SLICE_NONE : esp_aad(k, p->seq, aad[m]),
			.buf = p->p + ESP_HDR + k->iv_len,
			.len = p->n - ESP_HDR - k->iv_len,
			.icv = p->p + p->n,
		};
		of[m++] = p;
	}
	if (k->encr)
		k->encr->seal(k->encr_ctx, op, m);
	for (size_t i = 0; i < m; i++) {
		struct esp_pkt *p = of[i];
		p->res = k->encr ? op[i].res : 0;
		if (!p->res && k->integ)
			p->res = esp_mac(k, p->p, p->n, p->seq, p->p + p->n);
		p->n += k->icv_len;
	}
}

/* ---- opening ---- */

static err_t esp_precheck(struct esp_keys *k, struct esp_pkt *p)
{
	struct rd r = rd_of(slice_of(p->p, p->n));

	rd_u32(&r);
	uint32_t lo = rd_u32(&r);
	rd_bytes(&r, k->iv_len);
	if (r.err || rd_left(&r) < k->icv_len + 2u || (rd_left(&r) - k->icv_len) % k->align)
		return E_TRUNCATED;
	return replay_check(&k->replay, lo, &p->seq) ? 0 : E_STALE;
}

/* Strips what stands around the payload of an authentic packet. */
static err_t esp_strip(struct esp_keys *k, struct esp_pkt *p)
{
	uint8_t *body = p->p + ESP_HDR + k->iv_len;
	uint32_t n = p->n - ESP_HDR - k->iv_len - k->icv_len - 2;
	uint8_t pad = body[n];

	p->next = body[n + 1];
	if (pad > n)
		return E_SYNTAX;
	for (uint8_t i = 0; i < pad; i++)
		if (body[n - pad + i] != i + 1)
			return E_SYNTAX;
	p->p = body;
	p->n = n - pad;
	return 0;
}

void esp_open(struct esp_keys *k, struct esp_pkt *v, size_t n)
{
	struct encr_op op[ESP_BATCH];
	struct esp_pkt *of[ESP_BATCH];
	uint8_t aad[ESP_BATCH][12], icv[ESP_ICV_MAX];
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		struct esp_pkt *p = &v[i];
		p->res = esp_precheck(k, p);
		if (!p->res && k->integ) {
			uint8_t *at = p->p + p->n - k->icv_len;
			p->res = esp_mac(k, p->p, p->n - k->icv_len, p->seq, icv);
			if (!p->res && !esp_icv_equal(icv, at, k->icv_len))
				p->res = E_INTEGRITY;
		}
		if (p->res)
			continue;
		op[m] = (struct encr_op){
			.iv = p->p + ESP_HDR,
			.aad = k->integ ? SLICE_NONE : esp_aad(k, p->seq, aad[m]),
			.buf = p->p + ESP_HDR + k->iv_len,
			.len = p->n - ESP_HDR - k->iv_len - k->icv_len,
			.icv = p->p + p->n - k->icv_len,
		};
		of[m++] = p;
	}
	if (k->encr && m)
		k->encr->open(k->encr_ctx, op, m);
	for (size_t i = 0; i < m; i++) {
		struct esp_pkt *p = of[i];
		p->res = k->encr ? op[i].res : 0;
		if (!p->res && !replay_mark(&k->replay, p->seq))
			p->res = E_STALE;
		if (!p->res)
			p->res = esp_strip(k, p);
	}
}
