/* SPDX-License-Identifier: Apache-2.0 */
/* Typed look-ups over the plugins' features: what does not fit our maxima is as good as not there. */
#include "crypto/crypto.h"

#include "crypto/suite.h"

void crypto_init(struct crypto *c, crypto_find_fn *find, crypto_random_fn *random, void *arg)
{
	*c = (struct crypto){ find, random, arg };
}

const struct encr_ops *crypto_encr(const struct crypto *c, uint16_t id, uint16_t bits)
{
	const struct suite_fact *f = bits ? NULL : suite_fact(SUITE_ENCR, id);
	const struct encr_ops *o = c->find(c->arg, PLUG_ENCR, id, f ? f->bits[0] : bits);
	if (!o)
		return NULL;
	bool fits = o->ctx_size <= CRYPTO_CTX_MAX && o->key_len + o->salt_len <= CRYPTO_KEY_MAX && o->block_len > 0;
	return fits ? o : NULL;
}

static const struct mac_ops *find_mac(const struct crypto *c, uint16_t kind, uint16_t id)
{
	const struct mac_ops *o = c->find(c->arg, kind, id, 0);
	if (!o)
		return NULL;
	bool fits = o->ctx_size <= CRYPTO_CTX_MAX && o->out_len > 0 && o->out_len <= CRYPTO_MAC_MAX &&
		o->key_len <= CRYPTO_KEY_MAX;
	return fits ? o : NULL;
}

const struct mac_ops *crypto_integ(const struct crypto *c, uint16_t id)
{
	return find_mac(c, PLUG_INTEG, id);
}

const struct mac_ops *crypto_prf(const struct crypto *c, uint16_t id)
{
	return find_mac(c, PLUG_PRF, id);
}

const struct hash_ops *crypto_hash(const struct crypto *c, uint16_t id)
{
	const struct hash_ops *o = c->find(c->arg, PLUG_HASH, id, 0);
	return o && o->out_len <= CRYPTO_MAC_MAX ? o : NULL;
}

const struct kex_ops *crypto_kex(const struct crypto *c, uint16_t id)
{
	const struct kex_ops *o = c->find(c->arg, PLUG_KEX, id, 0);
	if (!o)
		return NULL;
	bool fits = o->ctx_size <= CRYPTO_CTX_MAX && o->pub_i_len <= CRYPTO_PUB_MAX &&
		o->pub_r_len <= CRYPTO_PUB_MAX && o->secret_len <= CRYPTO_SS_MAX;
	return fits ? o : NULL;
}

err_t crypto_random(const struct crypto *c, uint8_t *out, size_t n)
{
	return n ? c->random(c->arg, out, n) : 0;
}

static err_t not_provided(struct diag **why, uint8_t type, uint16_t id, uint16_t bits)
{
	char name[32];
	const struct suite_fact *f = suite_fact(type, id);
	suite_alg_name(type, id, name);
	if (f && f->needs)
		return diag_set(why, E_NOT_SUPPORTED, "no loaded plugin provides %s (%u bits): load %s", name,
			(unsigned)bits, f->needs);
	return diag_set(why, E_NOT_SUPPORTED, "no loaded plugin provides %s (%u bits)", name, (unsigned)bits);
}

err_t crypto_algs_of(const struct crypto *c, const struct suite *s, struct crypto_algs *out, struct diag **why)
{
	*out = (struct crypto_algs){ NULL, NULL, NULL };
	out->encr = crypto_encr(c, s->encr, s->encr_bits);
	if (!out->encr)
		return not_provided(why, SUITE_ENCR, s->encr, s->encr_bits);
	out->prf = crypto_prf(c, s->prf);
	if (!out->prf)
		return not_provided(why, SUITE_PRF, s->prf, 0);
	if (s->integ == SUITE_INTEG_NONE)
		return 0;
	out->integ = crypto_integ(c, s->integ);
	return out->integ ? 0 : not_provided(why, SUITE_INTEG, s->integ, 0);
}

err_t crypto_mac(const struct mac_ops *ops, slice key, const slice *v, size_t n, uint8_t *out)
{
	struct crypto_ctx ctx CRYPTO_UNSET;
	err_t e = ops->init(ctx.b, key);
	if (e)
		return e;
	e = ops->mac(ctx.b, v, n, out);
	ops->fini(ctx.b);
	return e;
}
