/* SPDX-License-Identifier: Apache-2.0 */
/* The host's credentials: references, sources, replacing and deleting, snapshots for workers, bounds. */
#include "crypto_host.h"

#include "cred/set.h"

/* Certificates and lists that count who holds them. */
struct cert {
	unsigned refs;
	struct cert_info info;
	uint8_t name[2], issuer[2];
};
struct cert_crl {
	unsigned refs;
	struct cert_crl_info info;
	uint8_t der[8];
};

static struct cert *c_ref(struct cert *c)
{
	c->refs++;
	return c;
}

static void c_unref(struct cert *c)
{
	if (c && !--c->refs)
		free(c);
}

static const struct cert_info *c_info(const struct cert *c)
{
	return &c->info;
}

static struct cert_crl *l_ref(struct cert_crl *c)
{
	c->refs++;
	return c;
}

static void l_unref(struct cert_crl *c)
{
	if (!--c->refs)
		free(c);
}

static const struct cert_crl_info *l_info(const struct cert_crl *c)
{
	return &c->info;
}

static const struct cert_ops ops = { .ref = c_ref, .unref = c_unref, .info = c_info, .crl_ref = l_ref, .crl_unref = l_unref,
	.crl_info = l_info };

static struct cert *cert(unsigned n, char subject, char issuer)
{
	struct cert *c = calloc(1, sizeof *c);

	c->refs = 1;
	c->name[0] = (uint8_t)subject;
	c->issuer[0] = (uint8_t)issuer;
	c->info.subject = slice_of(c->name, 1);
	c->info.issuer = slice_of(c->issuer, 1);
	c->info.is_ca = true;
	memcpy(c->info.sha256, &n, sizeof n);
	memcpy(c->info.key_sha1, &n, sizeof n);
	return c;
}

static struct cert_crl *crl(unsigned n, int64_t made)
{
	static const uint8_t issuer[] = { 'R' };
	struct cert_crl *c = calloc(1, sizeof *c);

	c->refs = 1;
	memcpy(c->der, &n, sizeof n);
	c->info.der = slice_of(c->der, sizeof c->der);
	c->info.issuer = slice_of(issuer, 1);
	c->info.this_update = made;
	return c;
}

static struct crypto_host host;
static struct cred_set *set;

static void begin(void)
{
	crypto_host_init(&host, 3);
	cr_assert_eq(cred_set_new(&ops, &host.c, &set), 0);
}

static size_t count(void)
{
	size_t n = 0;

	while (cred_set_cert(set, n))
		n++;
	return n;
}

Test(cred_set, references_and_sources, .init = begin)
{
	struct cert *a = cert(1, 'R', 'R'), *b = cert(2, 'x', 'R');

	cr_assert_eq(cred_set_add_cert(set, CRED_SRC_API, a, CRED_CERT_CA, ""), 0);
	cr_assert_eq(a->refs, 2);
	/* The same once more adds its flags; from another source it is another entry. */
	cr_assert_eq(cred_set_add_cert(set, CRED_SRC_API, a, CRED_CERT_OCSP, ""), 0);
	cr_assert_eq(count(), 1);
	cr_assert_eq(cred_set_cert(set, 0)->flags, CRED_CERT_CA | CRED_CERT_OCSP);
	cr_assert_eq(cred_set_add_cert(set, CRED_SRC_STORE, a, 0, "x509/a"), 0);
	cr_assert_eq(cred_set_add_cert(set, CRED_SRC_STORE, b, 0, "x509/b"), 0);
	cr_assert_eq(count(), 3);
	/* One name of a source goes, then the rest of the source; others stay. */
	cred_set_clear(set, CRED_SRC_STORE, "x509/a");
	cr_assert_eq(count(), 2);
	cred_set_clear(set, CRED_SRC_STORE, NULL);
	cr_assert_eq(count(), 1);
	cr_assert_eq(b->refs, 1);
	cr_assert_eq(cred_set_cert(set, 0)->source, CRED_SRC_API);
	cred_set_free(set);
	cr_assert_eq(a->refs, 1);
	c_unref(a);
	c_unref(b);
}

Test(cred_set, a_snapshot_stays_as_it_was, .init = begin)
{
	struct cert *root = cert(1, 'R', 'R'), *below = cert(2, 'S', 'R'), *end = cert(3, 'e', 'S');

	cr_assert_eq(cred_set_add_cert(set, CRED_SRC_API, root, CRED_CERT_CA, ""), 0);
	cr_assert_eq(cred_set_add_cert(set, CRED_SRC_STORE, root, CRED_CERT_CA, ""), 0);
	cr_assert_eq(cred_set_add_cert(set, CRED_SRC_STORE, below, CRED_CERT_CA, ""), 0);
	cr_assert_eq(cred_set_add_cert(set, CRED_SRC_STORE, end, 0, ""), 0);
	struct cred_pool *p = cred_set_pool(set), *q = cred_set_pool(set);
	cr_assert_eq(p, q, "nothing changed, and it was made again");
	cred_pool_unref(q);
	/* Twice the same anchor is one; a CA below one of ours is none. */
	cr_assert(p->n_anchors == 1 && p->anchors[0] == root);
	cr_assert_eq(p->n_others, 2);
	cr_assert_eq(cred_set_cas(set).n, CRED_KEYID_LEN);
	/* Whoever verifies with it keeps what is deleted meanwhile. */
	cred_set_clear(set, CRED_SRC_STORE, NULL);
	cred_set_clear(set, CRED_SRC_API, NULL);
	q = cred_set_pool(set);
	cr_assert(q != p && q->n_anchors == 0 && p->n_anchors == 1 && root->refs == 2);
	cr_assert_eq(cred_set_cas(set).n, 0);
	cred_pool_unref(p);
	cr_assert_eq(root->refs, 1);
	cred_pool_unref(q);
	cred_set_free(set);
	c_unref(root);
	c_unref(below);
	c_unref(end);
}

Test(cred_set, cas_that_sign_one_another_are_anchors, .init = begin)
{
	/* A and B sign each other, C is below B; R is a root, D below it and signed by A, too. */
	struct cert *ring[] = { cert(1, 'A', 'B'), cert(2, 'B', 'A'), cert(3, 'R', 'R'), cert(4, 'D', 'R'), cert(5, 'D', 'A') };

	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(cred_set_add_cert(set, CRED_SRC_STORE, ring[i], CRED_CERT_CA, ""), 0);
	struct cred_pool *p = cred_set_pool(set);
	cr_assert(p->n_anchors == 2 && p->n_others == 0, "a ring without a root is trusted by nobody");
	cred_pool_unref(p);
	for (size_t i = 2; i < ARRAY_LEN(ring); i++)
		cr_assert_eq(cred_set_add_cert(set, CRED_SRC_STORE, ring[i], CRED_CERT_CA, ""), 0);
	p = cred_set_pool(set);
	cr_assert_eq(p->n_anchors, 4, "the root, the ring, and what is below the ring alone");
	cr_assert(p->n_others == 1 && p->others[0] == ring[3]);
	cred_pool_unref(p);
	cred_set_free(set);
	for (size_t i = 0; i < ARRAY_LEN(ring); i++)
		c_unref(ring[i]);
}

Test(cred_set, newer_lists_push_the_oldest_out, .init = begin)
{
	uint16_t source;
	size_t n = 0;

	for (unsigned i = 1; i <= 3 * CRED_CRLS_PER_ISSUER; i++) {
		struct cert_crl *l = crl(i, 1000 + i);
		cr_assert_eq(cred_set_add_crl(set, CRED_SRC_FETCHED, l), 0);
		cr_assert_eq(cred_set_add_crl(set, CRED_SRC_FETCHED, l), 0); /* the same once more */
		l_unref(l);
	}
	int64_t least = INT64_MAX;
	for (struct cert_crl *l; (l = cred_set_crl(set, n, &source)); n++)
		least = l->info.this_update < least ? l->info.this_update : least;
	cr_assert_eq(n, CRED_CRLS_PER_ISSUER);
	cr_assert_eq(least, 1000 + 2 * CRED_CRLS_PER_ISSUER + 1);
	cred_set_clear(set, CRED_SRC_FETCHED, NULL);
	cr_assert_null(cred_set_crl(set, 0, &source));
	cred_set_free(set);
}

/* SubjectPublicKeyInfo of an Ed25519 key. */
static slice key(uint8_t n, uint8_t buf[44])
{
	static const uint8_t head[] = { 0x30, 42, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 33, 0 };

	memcpy(buf, head, sizeof head);
	memset(buf + sizeof head, n, 32);
	return slice_of(buf, 44);
}

Test(cred_set, keys_are_numbers_of_their_stores, .init = begin)
{
	uint8_t buf[44];

	cr_assert_eq(cred_set_add_key(set, CRED_SRC_STORE, &(struct cred_key_info){ 1, key(1, buf), "one" }), 0);
	cr_assert_eq(cred_set_add_key(set, CRED_SRC_STORE, &(struct cred_key_info){ 1, key(1, buf), "again" }), 0);
	cr_assert_eq(cred_set_add_key(set, CRED_SRC_STORE + 1, &(struct cred_key_info){ 1, key(2, buf), NULL }), 0);
	cr_assert(cred_set_key(set, 1) && !cred_set_key(set, 2));
	const struct cred_key *k = cred_set_key_of(set, key(1, buf));
	cr_assert(k && strcmp(k->label, "one") == 0 && k->pub.kind == CERT_KEY_ED25519);
	cr_assert_eq(cred_set_key_by_id(set, k->id), k);
	cr_assert_null(cred_set_key_of(set, key(3, buf)));
	cr_assert_eq(cred_set_add_key(set, CRED_SRC_STORE, &(struct cred_key_info){ 2, SLICE_LIT("rubbish"), NULL }), E_BAD_VALUE);
	cr_assert(cred_set_del_key(set, k));
	cr_assert_null(cred_set_key_of(set, key(1, buf)));
	cred_set_clear_keys(set, CRED_SRC_STORE + 1);
	cr_assert_null(cred_set_key(set, 0));
	cred_set_free(set);
}

Test(cred_set, bounds, .init = begin)
{
	struct cert *last = NULL;

	for (unsigned i = 0; i <= CRED_KEYS_MAX; i++) {
		uint8_t buf[44];
		key(7, buf);
		memcpy(buf + 12, &i, sizeof i);
		err_t e = cred_set_add_key(set, CRED_SRC_STORE, &(struct cred_key_info){ i + 1, slice_of(buf, 44), NULL });
		cr_assert_eq(e, i < CRED_KEYS_MAX ? 0 : E_LIMIT);
	}
	for (unsigned i = 0; i <= CRED_CERTS_MAX; i++) {
		last = cert(i + 1, 'x', 'y');
		err_t e = cred_set_add_cert(set, CRED_SRC_STORE, last, 0, NULL);
		cr_assert_eq(e, i < CRED_CERTS_MAX ? 0 : E_LIMIT);
		if (!e)
			c_unref(last);
	}
	cr_assert_eq(last->refs, 1, "what did not fit is held");
	c_unref(last);
	cred_set_clear(set, CRED_SRC_STORE, NULL);
	cr_assert_eq(count(), 0);
	cred_set_free(set);
}
