/* SPDX-License-Identifier: Apache-2.0 */
/* Algorithms: IANA numbers of IKE to the kernel's names, and which of them this kernel has. */
#include "plugins/kernel-xfrm/xfrm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

enum { AUTH_TRUNC = 1, CRYPT, AEAD };

/* bits: lengths of the key without salt the kernel takes (each_alg shows them). */
static const struct alg {
	uint8_t kind; /* PLUG_ENCR, PLUG_INTEG */
	uint8_t how;
	uint16_t id;
	const char *name;
	uint16_t icv_bits;  /* AEAD: of the ICV; MAC: what is sent of it */
	uint16_t salt_bits; /* at the end of the key */
	uint16_t bits[3];   /* the first is tried */
} algs[] = {
	{ PLUG_ENCR, CRYPT, 2, "cbc(des)", 0, 0, { 64 } },
	{ PLUG_ENCR, CRYPT, 3, "cbc(des3_ede)", 0, 0, { 192 } },
	{ PLUG_ENCR, CRYPT, 6, "cbc(cast5)", 0, 0, { 128 } },
	{ PLUG_ENCR, CRYPT, 7, "cbc(blowfish)", 0, 0, { 128, 192, 256 } },
	{ PLUG_ENCR, CRYPT, 11, "ecb(cipher_null)", 0, 0, { 0 } },
	{ PLUG_ENCR, CRYPT, 12, "cbc(aes)", 0, 0, { 128, 192, 256 } },
	{ PLUG_ENCR, CRYPT, 13, "rfc3686(ctr(aes))", 0, 32, { 128, 192, 256 } },
	{ PLUG_ENCR, AEAD, 14, "rfc4309(ccm(aes))", 64, 24, { 128, 192, 256 } },
	{ PLUG_ENCR, AEAD, 15, "rfc4309(ccm(aes))", 96, 24, { 128, 192, 256 } },
	{ PLUG_ENCR, AEAD, 16, "rfc4309(ccm(aes))", 128, 24, { 128, 192, 256 } },
	{ PLUG_ENCR, AEAD, 18, "rfc4106(gcm(aes))", 64, 32, { 128, 192, 256 } },
	{ PLUG_ENCR, AEAD, 19, "rfc4106(gcm(aes))", 96, 32, { 128, 192, 256 } },
	{ PLUG_ENCR, AEAD, 20, "rfc4106(gcm(aes))", 128, 32, { 128, 192, 256 } },
	{ PLUG_ENCR, AEAD, 21, "rfc4543(gcm(aes))", 128, 32, { 128, 192, 256 } },
	{ PLUG_ENCR, CRYPT, 23, "cbc(camellia)", 0, 0, { 128, 192, 256 } },
	{ PLUG_ENCR, AEAD, 28, "rfc7539esp(chacha20,poly1305)", 128, 32, { 256 } },
	{ PLUG_INTEG, AUTH_TRUNC, 1, "hmac(md5)", 96, 0, { 128 } },
	{ PLUG_INTEG, AUTH_TRUNC, 2, "hmac(sha1)", 96, 0, { 160 } },
	{ PLUG_INTEG, AUTH_TRUNC, 5, "xcbc(aes)", 96, 0, { 128 } },
	{ PLUG_INTEG, AUTH_TRUNC, 6, "hmac(md5)", 128, 0, { 128 } },
	{ PLUG_INTEG, AUTH_TRUNC, 7, "hmac(sha1)", 160, 0, { 160 } },
	{ PLUG_INTEG, AUTH_TRUNC, 8, "cmac(aes)", 96, 0, { 128 } },
	{ PLUG_INTEG, AUTH_TRUNC, 12, "hmac(sha256)", 128, 0, { 256 } },
	{ PLUG_INTEG, AUTH_TRUNC, 13, "hmac(sha384)", 192, 0, { 384 } },
	{ PLUG_INTEG, AUTH_TRUNC, 14, "hmac(sha512)", 256, 0, { 512 } },
};
_Static_assert(ARRAY_LEN(algs) <= ALGS, "ALGS is too small");

enum { SHA256 = 12, ENCR_NULL = 11 };

static const struct alg *alg_of(uint8_t kind, uint16_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		if (algs[i].kind == kind && algs[i].id == id)
			return &algs[i];
	return NULL;
}

static void put(struct nlmsghdr *m, const struct alg *g, slice key, uint16_t icv_bits)
{
	union {
		struct xfrm_algo crypt;
		struct xfrm_algo_aead aead;
		struct xfrm_algo_auth auth;
		uint8_t room[sizeof(struct xfrm_algo_aead) + 128];
	} u = { 0 };
	size_t head;

	if (key.n > 128)
		return;
	switch (g->how) {
	case AEAD:
		head = sizeof u.aead;
		snprintf(u.aead.alg_name, sizeof u.aead.alg_name, "%s", g->name);
		u.aead.alg_key_len = (unsigned)key.n * 8;
		u.aead.alg_icv_len = icv_bits;
		break;
	case CRYPT:
		head = sizeof u.crypt;
		snprintf(u.crypt.alg_name, sizeof u.crypt.alg_name, "%s", g->name);
		u.crypt.alg_key_len = (unsigned)key.n * 8;
		break;
	default:
		head = sizeof u.auth;
		snprintf(u.auth.alg_name, sizeof u.auth.alg_name, "%s", g->name);
		u.auth.alg_key_len = (unsigned)key.n * 8;
		u.auth.alg_trunc_len = icv_bits;
	}
	if (key.n)
		memcpy(u.room + head, key.p, key.n);
	mnl_attr_put(m, g->how == AEAD ? XFRMA_ALG_AEAD : g->how == CRYPT ? XFRMA_ALG_CRYPT : XFRMA_ALG_AUTH_TRUNC,
		head + key.n, &u);
	explicit_bzero(&u, sizeof u);
}

err_t algs_put(struct nlmsghdr *m, const struct kern_sa *a)
{
	const struct alg *encr = alg_of(PLUG_ENCR, a->encr_id), *integ = alg_of(PLUG_INTEG, a->integ_id);

	if (a->proto == 50) {
		if (!encr)
			return E_NOT_SUPPORTED;
		put(m, encr, a->encr_key, encr->icv_bits);
	}
	if (a->integ_id) {
		if (!integ)
			return E_NOT_SUPPORTED;
		put(m, integ, a->integ_key, a->sha256_96 && a->integ_id == SHA256 ? 96 : integ->icv_bits);
	}
	return 0;
}

/* ---- what the kernel has ---- */

/* An SA nothing ever uses: to an address of the documentation, gone after a second. */
static struct xfrm_usersa_id trial_add(struct nl *nl, size_t op, uint8_t proto, uint8_t mode, const struct alg *encr,
	const struct alg *integ, uint32_t if_id)
{
	static const uint8_t key[128] = { 1, 35, 69, 103, 137, 171, 205, 239, 18, 52, 86, 120, 154, 188, 222, 241, 9, 8, 7, 6,
		5, 4, 3, 2, 1, 0, 99, 98, 97, 96, 95, 94 };
	struct nlmsghdr *m = nl_msg(nl, XFRM_MSG_NEWSA, 0, op, false);
	struct xfrm_usersa_info *s = mnl_nlmsg_put_extra_header(m, sizeof *s);

	s->id.daddr.a4 = s->saddr.a4 = htonl(0xc0000201); /* 192.0.2.1 */
	s->id.spi = htonl(proto == 108 ? 0x1ff : 0x1ff + (uint32_t)op);
	s->id.proto = proto;
	s->family = AF_INET;
	s->mode = mode;
	s->lft = (struct xfrm_lifetime_cfg){ XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF, .hard_add_expires_seconds = 1 };
	if (encr)
		put(m, encr, slice_of(key, (encr->bits[0] + encr->salt_bits) / 8), encr->icv_bits);
	if (integ)
		put(m, integ, slice_of(key, integ->bits[0] / 8), integ->icv_bits);
	if (proto == 108) {
		struct xfrm_algo comp = { .alg_name = "deflate" };
		mnl_attr_put(m, XFRMA_ALG_COMP, sizeof comp, &comp);
	}
	if (if_id)
		mnl_attr_put_u32(m, XFRMA_IF_ID, if_id);
	nl_end(nl, m);
	return (struct xfrm_usersa_id){ .daddr = s->id.daddr, .spi = s->id.spi, .proto = proto, .family = AF_INET };
}

static void trial_del(struct nl *nl, size_t op, const struct xfrm_usersa_id *id)
{
	struct nlmsghdr *m = nl_msg(nl, XFRM_MSG_DELSA, 0, op, true);

	memcpy(mnl_nlmsg_put_extra_header(m, sizeof *id), id, sizeof *id);
	nl_end(nl, m);
}

static int try_one(struct nl *nl, size_t op, uint8_t proto, uint8_t mode, const struct alg *encr, const struct alg *integ)
{
	nl_clear(nl);
	struct xfrm_usersa_id id = trial_add(nl, op, proto, mode, encr, integ, 0);
	trial_del(nl, op, &id);
	return nl_flush(nl);
}

static int on_if_id(const struct nlmsghdr *m, void *arg)
{
	const struct nlattr *a;

	if (m->nlmsg_type == XFRM_MSG_NEWSA)
		mnl_attr_for_each(a, m, sizeof(struct xfrm_usersa_info))
			*(bool *)arg |= mnl_attr_get_type(a) == XFRMA_IF_ID;
	return MNL_CB_STOP;
}

/* A kernel before 4.19 takes an interface id without a word, and forgets it. */
static bool keeps_if_id(struct nl *nl)
{
	_Alignas(struct nlmsghdr) uint8_t buf[256];
	bool yes = false;

	nl_clear(nl);
	struct xfrm_usersa_id id = trial_add(nl, ALGS, 50, XFRM_MODE_TUNNEL, alg_of(PLUG_ENCR, ENCR_NULL),
		alg_of(PLUG_INTEG, SHA256), 1);
	if (nl_flush(nl) == 0) {
		struct nlmsghdr *m = nl_ask_head(nl, buf, XFRM_MSG_GETSA, 0);
		memcpy(mnl_nlmsg_put_extra_header(m, sizeof id), &id, sizeof id);
		(void)nl_ask(nl, m, on_if_id, &yes);
	}
	nl_clear(nl);
	trial_del(nl, ALGS, &id);
	(void)nl_flush(nl);
	return yes;
}

static int try_alg(struct nl *nl, size_t i)
{
	const struct alg *g = &algs[i];

	if (g->kind == PLUG_INTEG)
		return try_one(nl, i, 50, XFRM_MODE_TRANSPORT, alg_of(PLUG_ENCR, ENCR_NULL), g);
	return try_one(nl, i, 50, XFRM_MODE_TRANSPORT, g, g->how == AEAD ? NULL : alg_of(PLUG_INTEG, SHA256));
}

void algs_modules(struct nl *nl, uint32_t *caps)
{
	const struct alg *sha = alg_of(PLUG_INTEG, SHA256);

	if (!(*caps & KERN_CAP_AH) && try_one(nl, ALGS, 51, XFRM_MODE_TRANSPORT, NULL, sha) == 0)
		*caps |= KERN_CAP_AH;
	if (!(*caps & KERN_CAP_IPCOMP) && try_one(nl, ALGS, 108, XFRM_MODE_TUNNEL, NULL, NULL) == 0)
		*caps |= KERN_CAP_IPCOMP;
	nl_clear(nl);
}

err_t algs_probe(struct nl *nl, bool has[ALGS], uint32_t *caps, char *why, size_t cap)
{
	const struct alg *sha = alg_of(PLUG_INTEG, SHA256), *null = alg_of(PLUG_ENCR, ENCR_NULL);
	int err = try_one(nl, ALGS, 50, XFRM_MODE_TUNNEL, null, sha);

	if (err) {
		snprintf(why, cap, err == EPERM ? "it may not change the kernel's SAs: CAP_NET_ADMIN is missing" :
			err == EPROTONOSUPPORT ? "this kernel has no ESP: load the modules esp4 and esp6, or take a kernel "
			"with CONFIG_INET_ESP and CONFIG_INET6_ESP" : "this kernel refuses an SA for ESP: %s",
			strerrordesc_np(err));
		nl_clear(nl);
		return xfrm_err(err);
	}
	for (size_t i = 0; has && i < ARRAY_LEN(algs); i++)
		has[i] = try_alg(nl, i) == 0;
	if (caps) {
		algs_modules(nl, caps);
		if (!keeps_if_id(nl))
			*caps &= ~(uint32_t)KERN_CAP_IF_ID;
	}
	nl_clear(nl);
	return 0;
}

bool algs_has(const struct xfrm *k, uint8_t kind, uint16_t id, uint16_t bits)
{
	const struct alg *g = alg_of(kind, id);

	if (!g || !k->has_alg[g - algs])
		return false;
	if (!bits || kind == PLUG_INTEG)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(g->bits); i++)
		if (g->bits[i] == bits)
			return true;
	return false;
}

void algs_each(const struct xfrm *k, void (*cb)(void *arg, uint8_t kind, uint16_t id, uint16_t bits), void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		const struct alg *g = &algs[i];
		if (!k->has_alg[i])
			continue;
		if (g->kind == PLUG_INTEG || !g->bits[0])
			cb(arg, g->kind, g->id, 0);
		else
			for (size_t b = 0; b < ARRAY_LEN(g->bits) && g->bits[b]; b++)
				cb(arg, g->kind, g->id, g->bits[b]);
	}
}
