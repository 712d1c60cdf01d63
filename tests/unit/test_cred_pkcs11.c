/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cred-pkcs11 against SoftHSM: a token of its own in a temporary folder, one key of each kind, signatures that another
 * library verifies, and what goes wrong: PINs, names, keys that are gone, too much at once.
 */
#include "plugin/host.h"
#include "plugins/cred-pkcs11/token.h"

#include <criterion/criterion.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

extern const struct plug_desc adit_plugin;

static char dir[] = "/tmp/adit-unit-XXXXXX";
static struct host *h;
static void *self;
static const struct cred_ops *ops;

enum { ANSWERS = 512 };
static struct { uint64_t token, key; err_t err; uint8_t sig[SIG_MAX]; size_t n; char why[WHY_MAX]; } answers[ANSWERS];
static unsigned n_answers, n_changed;

static void note(uint64_t token, err_t res, const char *why)
{
	cr_assert_lt(n_answers, (unsigned)ANSWERS);
	answers[n_answers].token = token;
	answers[n_answers].err = res;
	snprintf(answers[n_answers].why, sizeof answers[0].why, "%s", why ? why : "");
}

static void cred_done(void *arg, uint64_t token, err_t res, slice sig, const char *why)
{
	(void)arg;
	note(token, res, why);
	answers[n_answers].n = sig.n;
	if (sig.n)
		memcpy(answers[n_answers].sig, sig.p, sig.n);
	n_answers++;
}

static void cred_loaded(void *arg, uint64_t token, err_t res, uint64_t key, const char *why)
{
	(void)arg;
	note(token, res, why);
	answers[n_answers++].key = key;
}

static void cred_changed(void *arg, const char *plugin)
{
	(void)arg, (void)plugin;
	n_changed++;
}

static const char *conf(void *arg, const char *plugin, const char *key)
{
	(void)arg, (void)plugin;
	return strcmp(key, "softhsm.path") == 0 ? MODULE : NULL;
}

static void conf_each(void *arg, const char *plugin, const char *key, void (*cb)(void *cb_arg, const char *name), void *cb_arg)
{
	(void)arg, (void)plugin, (void)key;
	cb(cb_arg, "softhsm");
}

static struct plug_services services = { .conf = conf, .conf_each = conf_each, .cred_done = cred_done, .cred_loaded = cred_loaded,
	.cred_changed = cred_changed };

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof cmd, fmt, ap);
	va_end(ap);
	cr_assert_eq(system(cmd), 0, "%s", cmd);
}

static void import_key(gnutls_pk_algorithm_t pk, unsigned bits, const char *id, const char *label)
{
	gnutls_x509_privkey_t k;
	gnutls_datum_t pem;
	char path[128];

	cr_assert_eq(gnutls_x509_privkey_init(&k), 0);
	cr_assert_eq(gnutls_x509_privkey_generate(k, pk, bits, 0), 0);
	cr_assert_eq(gnutls_x509_privkey_export2_pkcs8(k, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem), 0);
	snprintf(path, sizeof path, "%s/key.pem", dir);
	FILE *f = fopen(path, "w");
	fwrite(pem.data, 1, pem.size, f);
	fclose(f);
	gnutls_free(pem.data);
	gnutls_x509_privkey_deinit(k);
	run("softhsm2-util --import %s --token lab --label %s --id %s --pin 1234 >/dev/null", path, label, id);
}

static void up(void)
{
	char path[128];

	if (access(MODULE, R_OK))
		cr_skip_test("SoftHSM is not installed (apt install softhsm2)");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/conf", dir);
	FILE *f = fopen(path, "w");
	fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n", dir);
	fclose(f);
	setenv("SOFTHSM2_CONF", path, 1);
	run("softhsm2-util --init-token --free --label lab --so-pin 5678 --pin 1234 >/dev/null");
	cr_assert_eq(loop_new(&services.loop, NULL), 0);
	h = host_new(&services, "cred-pkcs11", adit_plugin.conf);
	ops = adit_plugin.feats[0].ops;
}

/* Keys are imported before the module of this process looks at the token. */
static void start(void)
{
	cr_assert_eq(adit_plugin.start(host_api(h), &self), 0);
}

static void down(void)
{
	if (self)
		adit_plugin.stop(self);
	if (services.loop)
		loop_free(services.loop);
	host_free(h);
	run("rm -rf %s", dir);
}

TestSuite(cred_pkcs11, .init = up, .fini = down, .timeout = 300);

static void wait_for(unsigned n)
{
	for (uint64_t end = loop_now_ms() + 60000; n_answers < n && loop_now_ms() < end;)
		loop_once(services.loop, 50);
	cr_assert_eq(n_answers, n);
}

static err_t load(const char *name, const char *value, const char *pin, uint64_t token, char *why)
{
	const struct cred_attr v[] = { { name, slice_str(value) }, { "pin", slice_str(pin) } };
	uint64_t key;

	why[0] = 0;
	return ops->load(self, v, 2, token, &key, why, WHY_MAX);
}

struct pick {
	uint64_t key;
	gnutls_pubkey_t pub;
};

static void pick(void *arg, const struct cred_key_info *k)
{
	struct pick *p = arg;

	if (p->key && p->key != k->key)
		return;
	gnutls_datum_t der = { (uint8_t *)k->spki.p, (unsigned)k->spki.n };
	p->key = k->key;
	cr_assert_eq(gnutls_pubkey_init(&p->pub), 0);
	cr_assert_eq(gnutls_pubkey_import(p->pub, &der, GNUTLS_X509_FMT_DER), 0);
}

static const char text[] = "octets of an AUTH payload";

static void sign_and_verify(uint64_t key, uint16_t sign_id, struct sign_how how, gnutls_sign_algorithm_t alg)
{
	struct cred_sign what = { .key = key, .sign_id = sign_id, .how = how, .octets = slice_str(text) };
	struct pick p = { .key = key };
	gnutls_datum_t in = { (uint8_t *)text, sizeof text - 1 }, sig, der = { NULL, 0 };
	uint8_t buf[SIG_MAX];
	size_t len = sizeof buf;
	unsigned at = n_answers;

	ops->each_key(self, pick, &p);
	cr_assert_not_null(p.pub);
	cr_assert_eq(ops->sign(self, &what, buf, &len, 100 + at), E_AGAIN);
	wait_for(at + 1);
	cr_assert_eq(answers[at].err, 0, "scheme %u: %s", sign_id, answers[at].why);
	cr_assert_eq(answers[at].token, 100 + at);
	sig = (gnutls_datum_t){ answers[at].sig, (unsigned)answers[at].n };
	if (sign_id == PLUG_SIGN_ECDSA_RAW) {
		gnutls_datum_t r = { sig.data, sig.size / 2 }, s = { sig.data + sig.size / 2, sig.size / 2 };
		cr_assert_eq(gnutls_encode_rs_value(&der, &r, &s), 0);
		sig = der;
	}
	cr_assert_eq(gnutls_pubkey_verify_data2(p.pub, alg, 0, &in, &sig), 0, "scheme %u", sign_id);
	sig.data[sig.size - 1] ^= 1;
	cr_assert_lt(gnutls_pubkey_verify_data2(p.pub, alg, 0, &in, &sig), 0);
	gnutls_free(der.data);
	gnutls_pubkey_deinit(p.pub);
}

Test(cred_pkcs11, each_kind_of_key_signs)
{
	static const struct { const char *id; gnutls_pk_algorithm_t pk; unsigned bits; } keys[] = {
		{ "a1", GNUTLS_PK_RSA, 2048 }, { "a2", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1) },
		{ "a3", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1) },
	};
	char why[WHY_MAX];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		import_key(keys[i].pk, keys[i].bits, keys[i].id, keys[i].id);
	start();
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		cr_assert_eq(load("handle", keys[i].id, "1234", i, why), E_AGAIN, "%s", why);
	wait_for(3);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(answers[i].err, 0, "%s", answers[i].why);
	cr_assert_eq(n_changed, 3);
	uint64_t rsa = answers[0].key, p256 = answers[1].key, p521 = answers[2].key;
	sign_and_verify(rsa, PLUG_SIGN_RSA_PKCS1, (struct sign_how){ .hash = PLUG_HASH_SHA1 }, GNUTLS_SIGN_RSA_SHA1);
	sign_and_verify(rsa, PLUG_SIGN_RSA_PKCS1, (struct sign_how){ .hash = PLUG_HASH_SHA384 }, GNUTLS_SIGN_RSA_SHA384);
	sign_and_verify(rsa, PLUG_SIGN_RSA_PSS, (struct sign_how){ .hash = PLUG_HASH_SHA256, .salt_len = 32 },
		GNUTLS_SIGN_RSA_PSS_RSAE_SHA256);
	sign_and_verify(p256, PLUG_SIGN_ECDSA, (struct sign_how){ .hash = PLUG_HASH_SHA512 }, GNUTLS_SIGN_ECDSA_SHA512);
	sign_and_verify(p256, PLUG_SIGN_ECDSA_RAW, (struct sign_how){ .hash = PLUG_HASH_SHA256 }, GNUTLS_SIGN_ECDSA_SHA256);
	sign_and_verify(p521, PLUG_SIGN_ECDSA_RAW, (struct sign_how){ .hash = PLUG_HASH_SHA512 }, GNUTLS_SIGN_ECDSA_SHA512);
	/* schemes that do not go with the key, or that no token is asked for */
	cr_assert_eq(ops->can(self, rsa, PLUG_SIGN_ECDSA, &(struct sign_how){ .hash = PLUG_HASH_SHA256 }), E_NOT_SUPPORTED);
	cr_assert_eq(ops->can(self, rsa, PLUG_SIGN_RSA_PSS, &(struct sign_how){ .hash = PLUG_HASH_SHA256, .salt_len = 20 }), E_NOT_SUPPORTED);
	cr_assert_eq(ops->can(self, 77, PLUG_SIGN_ECDSA, &(struct sign_how){ .hash = PLUG_HASH_SHA256 }), E_NOT_FOUND);
	/* loaded again: the same number */
	cr_assert_eq(load("handle", "a1", "1234", 50, why), E_AGAIN);
	unsigned at = n_answers;
	wait_for(at + 1);
	cr_assert_eq(answers[at].key, rsa);
	sign_and_verify(rsa, PLUG_SIGN_RSA_PKCS1, (struct sign_how){ .hash = PLUG_HASH_SHA256 }, GNUTLS_SIGN_RSA_SHA256);
	/* unloaded: gone here, not from the token */
	cr_assert_eq(ops->unload(self, rsa), 0);
	cr_assert_eq(ops->unload(self, rsa), E_NOT_FOUND);
	cr_assert_eq(ops->can(self, rsa, PLUG_SIGN_RSA_PKCS1, &(struct sign_how){ .hash = PLUG_HASH_SHA256 }), E_NOT_FOUND);
	cr_assert_eq(load("label", "a1", "1234", 51, why), E_AGAIN);
	at = n_answers;
	wait_for(at + 1);
	cr_assert_eq(answers[at].err, 0, "%s", answers[at].why);
}

Test(cred_pkcs11, what_goes_wrong)
{
	char why[WHY_MAX];
	struct cred_attr bad_module[] = { { "handle", slice_str("a1") }, { "module", slice_str("nosuch") } };
	struct cred_attr bad_slot[] = { { "handle", slice_str("a1") }, { "slot", slice_str("one") } };
	uint64_t key;

	import_key(GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), "a1", "one");
	start();
	cr_assert_eq(load("handle", "a1", "9999", 1, why), E_AGAIN);
	wait_for(1);
	cr_assert_eq(answers[0].err, E_PERM, "%s", answers[0].why);
	cr_assert(strstr(answers[0].why, "PIN"), "%s", answers[0].why);
	cr_assert_eq(answers[0].key, 0);
	cr_assert_eq(load("handle", "b7", "1234", 2, why), E_AGAIN);
	wait_for(2);
	cr_assert_eq(answers[1].err, E_NOT_FOUND, "%s", answers[1].why);
	cr_assert_eq(load("handle", "xyz", "1234", 3, why), E_BAD_VALUE);
	cr_assert(strstr(why, "hex"), "%s", why);
	cr_assert_eq(load("file", "/x", "1234", 3, why), E_BAD_VALUE);
	cr_assert_eq(ops->load(self, bad_module, 2, 4, &key, why, sizeof why), E_NOT_FOUND);
	cr_assert(strstr(why, "nosuch"), "%s", why);
	cr_assert_eq(ops->load(self, bad_slot, 2, 4, &key, why, sizeof why), E_BAD_VALUE);
	struct pick none = { 0 };
	ops->each_key(self, pick, &none);
	cr_assert_eq(none.key, 0);
	/* the right PIN still works: nothing was tried often enough to lock it */
	cr_assert_eq(load("handle", "a1", "1234", 5, why), E_AGAIN);
	wait_for(3);
	cr_assert_eq(answers[2].err, 0, "%s", answers[2].why);
	sign_and_verify(answers[2].key, PLUG_SIGN_ECDSA, (struct sign_how){ .hash = PLUG_HASH_SHA256 }, GNUTLS_SIGN_ECDSA_SHA256);
}

Test(cred_pkcs11, bounded_and_cancelled)
{
	struct sign_how how = { .hash = PLUG_HASH_SHA256 };
	char why[WHY_MAX];
	uint8_t buf[SIG_MAX];
	size_t len = sizeof buf;
	unsigned taken = 0;

	import_key(GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), "a1", "one");
	start();
	cr_assert_eq(load("handle", "a1", "1234", 1, why), E_AGAIN);
	wait_for(1);
	struct cred_sign what = { .key = answers[0].key, .sign_id = PLUG_SIGN_ECDSA, .how = how, .octets = slice_str(text) };
	for (uint64_t i = 0; i < JOBS_MAX; i++)
		taken += ops->sign(self, &what, buf, &len, 1000 + i) == E_AGAIN;
	cr_assert_eq(taken, (unsigned)JOBS_MAX);
	cr_assert_eq(ops->sign(self, &what, buf, &len, 2000), E_FULL);
	for (uint64_t i = 0; i < JOBS_MAX; i += 2)
		ops->cancel(self, 1000 + i);
	wait_for(1 + JOBS_MAX / 2);
	for (unsigned i = 1; i < n_answers; i++)
		cr_assert(answers[i].err == 0 && answers[i].token % 2 == 1);
	/* and one that is under way when the daemon ends */
	cr_assert_eq(ops->sign(self, &what, buf, &len, 3000), E_AGAIN);
}
