/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/algs.h"

#include "crypto/suite.h"

#include <stdio.h>

static bool is_crypto(uint16_t kind)
{
	return kind >= PLUG_ENCR && kind <= PLUG_RNG;
}

static uint8_t type_of(uint16_t kind)
{
	static const uint8_t types[] = { [PLUG_ENCR] = SUITE_ENCR, [PLUG_INTEG] = SUITE_INTEG, [PLUG_PRF] = SUITE_PRF,
		[PLUG_KEX] = SUITE_KE };
	return kind < ARRAY_LEN(types) ? types[kind] : 0;
}

static const char *hash_name(uint16_t id)
{
	static const struct {
		uint16_t id;
		const char *name;
	} more[] = { { PLUG_HASH_MD5, "HASH_MD5" }, { PLUG_HASH_SHA224, "HASH_SHA2_224" },
		{ PLUG_HASH_SHA512_224, "HASH_SHA2_512_224" }, { PLUG_HASH_SHA512_256, "HASH_SHA2_512_256" },
		{ PLUG_HASH_SHA3_224, "HASH_SHA3_224" }, { PLUG_HASH_SHA3_256, "HASH_SHA3_256" },
		{ PLUG_HASH_SHA3_384, "HASH_SHA3_384" }, { PLUG_HASH_SHA3_512, "HASH_SHA3_512" },
		{ PLUG_HASH_SHAKE128, "HASH_SHAKE_128" }, { PLUG_HASH_SHAKE256, "HASH_SHAKE_256" } };
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		if (more[i].id == id)
			return more[i].name;
	const char *s = suite_hash_name(id);
	return s ? s : "HASH_?";
}

void crypto_alg_name(const struct plug_feat *f, char buf[48])
{
	static const char *const signs[] = { "?", "RSA_PKCS1", "RSA_PSS", "ECDSA", "ECDSA_RAW", "ED25519", "ED448" };
	char alg[32], curve[32];
	struct text t = text_of(buf, 48);

	if (f->kind == PLUG_HASH) {
		text_str(&t, hash_name(f->id));
	} else if (f->kind == PLUG_SIGN) {
		text_str(&t, signs[f->id < ARRAY_LEN(signs) ? f->id : 0]);
		if (f->arg)
			text_fmt(&t, "_%s", suite_alg_name(SUITE_KE, f->arg, curve));
	} else if (f->kind == PLUG_RNG) {
		text_str(&t, "RNG");
	} else {
		text_str(&t, suite_alg_name(type_of(f->kind), f->id, alg));
		const struct suite_fact *fact = suite_fact(type_of(f->kind), f->id);
		if (f->arg && (!fact || fact->flags & SUITE_KEYLEN))
			text_fmt(&t, "_%u", (unsigned)f->arg);
	}
}

static bool same_alg(const struct plug_feat *a, const struct plug_feat *b)
{
	return a->kind == b->kind && a->id == b->id && a->arg == b->arg;
}

/* How many providers of the algorithm stand before this one. */
static unsigned rank_of(const struct plug_registry *reg, const struct reg_feat *f)
{
	const struct reg_feat *other;
	size_t cursor = 0;
	unsigned rank = 1;

	while ((other = registry_each_feat(reg, f->is.kind, &cursor)) && other != f)
		rank += same_alg(&other->is, &f->is) && (other->offered || other->reserve);
	return f->offered || f->reserve ? rank : 0;
}

bool crypto_algs_next(const struct plug_registry *reg, size_t *cursor, struct crypto_alg_row *row)
{
	const struct reg_feat *f;

	while ((f = registry_each_feat(reg, 0, cursor)) && !is_crypto(f->is.kind))
		;
	if (!f)
		return false;
	const struct suite_fact *fact = type_of(f->is.kind) ? suite_fact(type_of(f->is.kind), f->is.id) : NULL;
	bool both = f->is.kind == PLUG_ENCR || f->is.kind == PLUG_INTEG || f->is.kind == PLUG_KEX;
	*row = (struct crypto_alg_row){ .is = f->is, .kind = plug_kind_name(f->is.kind), .plugin = f->plugin->name,
		.rank = rank_of(reg, f), .reserve = f->reserve, .why = f->why, .speed = f->speed,
		.weak = (f->row->flags & PLUG_WEAK) || (fact && fact->flags & (SUITE_WEAK | SUITE_BROKEN)),
		.ike = !fact || !(fact->flags & SUITE_NO_IKE), .child = both && fact && !(fact->flags & SUITE_NO_CHILD) };
	crypto_alg_name(&f->is, row->name);
	return true;
}

err_t crypto_pin_all(struct plug_registry *reg, const char *(*pin)(void *arg, const char *name), void *arg,
	struct diag **why)
{
	const struct reg_feat *f;
	struct plug_feat before = { 0, 0, 0 };
	size_t cursor = 0;

	while ((f = registry_each_feat(reg, 0, &cursor))) {
		char name[48];
		if (!is_crypto(f->is.kind) || same_alg(&before, &f->is))
			continue;
		before = f->is;
		crypto_alg_name(&f->is, name);
		const char *plugin = pin(arg, name);
		if (!plugin)
			continue;
		const struct reg_feat *want = registry_of(reg, plugin, f->is.kind, f->is.id, f->is.arg);
		if (!want || (!want->offered && !want->reserve))
			return diag_set(why, E_NOT_FOUND, "%s is pinned to the plugin %s, which is not loaded or does not provide it",
				name, plugin);
		/* Orders anew within this algorithm only: the cursor stays right. */
		registry_pin(reg, plugin, f->is.kind, f->is.id, f->is.arg);
	}
	return 0;
}

static void append(struct text *t, const char *name)
{
	text_fmt(t, "%s%s", t->n ? ", " : "", name);
}

size_t crypto_missing_plugins(const struct plug_registry *reg, char *buf, size_t cap)
{
	static const struct {
		const char *name, *package; /* what holds its library in Debian */
	} known[] = { { "crypto-gcrypt", "libgcrypt20" }, { "crypto-gnutls", "libgnutls30" }, { "crypto-mlkem", "adit" },
		{ "crypto-openssl", "libssl3" }, { "crypto-sodium", "libsodium23" },
#ifdef __x86_64__
		{ "crypto-ipsecmb", "libipsec-mb1" },
#endif
	};
	struct text t = text_of(buf, cap);
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const struct reg_plugin *p;
		size_t cursor = 0;
		while ((p = registry_each_plugin(reg, &cursor)) && strcmp(p->name, known[i].name) != 0)
			;
		if (p && p->state == REG_ACTIVE)
			continue;
		text_fmt(&t, "%s%s (%s)", t.n ? ", " : "", known[i].name, known[i].package);
		n++;
	}
	return n;
}

size_t crypto_weak_names(const struct plug_registry *reg, char *buf, size_t cap)
{
	const struct reg_feat *f;
	struct plug_feat before = { 0, 0, 0 };
	struct text t = text_of(buf, cap);
	size_t cursor = 0, n = 0;

	while ((f = registry_each_feat(reg, 0, &cursor))) {
		char name[48];
		const struct suite_fact *fact = type_of(f->is.kind) ? suite_fact(type_of(f->is.kind), f->is.id) : NULL;
		bool weak = (f->row->flags & PLUG_WEAK) || (fact && fact->flags & SUITE_WEAK);
		if (!f->offered || !is_crypto(f->is.kind) || f->is.kind == PLUG_HASH || !weak || same_alg(&before, &f->is))
			continue;
		before = f->is;
		crypto_alg_name(&f->is, name);
		append(&t, name);
		n++;
	}
	return n;
}
