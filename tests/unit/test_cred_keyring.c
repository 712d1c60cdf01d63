/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cred-keyring against a keyring of its own in this process: keys and secrets are found by their descriptions, sign, come
 * and go; what is no key is said and left out; and after a signature the process holds no byte of the key.
 */
#include "crypto_host.h"
#include "plugin/abi_cert.h"
#include "plugin/abi_cred.h"
#include "plugin/host.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <keyutils.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

extern const struct plug_desc adit_plugin;

static struct crypto_host crypto;
static struct host *h;
static void *self;
static const struct cred_ops *ops;
static key_serial_t ring;
static unsigned n_changed;
static char said[4096];

static const char *conf(void *arg, const char *plugin, const char *key)
{
	(void)arg, (void)plugin;
	return strcmp(key, "keyring") == 0 ? "process" : strcmp(key, "rescan") == 0 ? "0" : NULL;
}

static void cred_changed(void *arg, const char *plugin)
{
	(void)arg, (void)plugin;
	n_changed++;
}

static void note(void *arg, const struct log_record *r)
{
	(void)arg;
	snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", r->text);
}

static struct plug_services services = { .conf = conf, .cred_changed = cred_changed };

static void up(void)
{
	struct log_sink sink = { .write = note };
	char path[4096];

	ring = keyctl_get_keyring_ID(KEY_SPEC_PROCESS_KEYRING, 1);
	if (ring < 0)
		cr_skip_test("this kernel gives no keyrings here");
	crypto_host_init(&crypto, ~0u);
	snprintf(path, sizeof path, "%s/x509.so", TEST_PLUGIN_DIR);
	void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!dl || !crypto_host_find(crypto.reg, PLUG_SIGN, PLUG_SIGN_RSA_PKCS1, 0))
		cr_skip_test("x509 or every crypto plugin with signatures is missing in this build");
	cr_assert_eq(registry_add_desc(crypto.reg, dlsym(dl, "adit_plugin"), NULL), 0);
	memset(sink.level, LOG_DETAIL, sizeof sink.level);
	services.log = log_new();
	log_add(services.log, &sink);
	cr_assert_eq(loop_new(&services.loop, NULL), 0);
	services.reg = crypto.reg;
	h = host_new(&services, "cred-keyring", adit_plugin.conf);
	ops = adit_plugin.feats[0].ops;
}

static void down(void)
{
	if (self)
		adit_plugin.stop(self);
	host_free(h);
	if (services.loop)
		loop_free(services.loop);
	if (services.log)
		log_free(services.log);
	if (crypto.reg)
		registry_free(crypto.reg);
}

TestSuite(cred_keyring, .init = up, .fini = down, .timeout = 300);

static void start(void)
{
	cr_assert_eq(adit_plugin.start(host_api(h), &self), 0);
}

static void rescan(void)
{
	cr_assert_eq(adit_plugin.reconfigure(self, host_api(h)), 0);
}

static key_serial_t put(const char *desc, const void *p, size_t n)
{
	key_serial_t k = add_key("user", desc, p, n, ring);

	cr_assert_gt(k, 0, "add_key: %m");
	return k;
}

/* A new private key in the keyring; `form` says how it is written. */
static key_serial_t put_key(const char *desc, gnutls_pk_algorithm_t pk, unsigned bits, gnutls_x509_crt_fmt_t form)
{
	gnutls_x509_privkey_t k;
	gnutls_datum_t out;

	cr_assert_eq(gnutls_x509_privkey_init(&k), 0);
	cr_assert_eq(gnutls_x509_privkey_generate(k, pk, bits, 0), 0);
	cr_assert_eq(gnutls_x509_privkey_export2_pkcs8(k, form, NULL, GNUTLS_PKCS_PLAIN, &out), 0);
	key_serial_t serial = put(desc, out.data, out.size);
	gnutls_free(out.data);
	gnutls_x509_privkey_deinit(k);
	return serial;
}

struct seen {
	unsigned n;
	uint64_t number;
	const char *want; /* label */
	gnutls_pubkey_t pub;
	char owners[256], type[16];
};

static void see_key(void *arg, const struct cred_key_info *k)
{
	struct seen *s = arg;
	gnutls_datum_t der = { (uint8_t *)k->spki.p, (unsigned)k->spki.n };

	s->n++;
	if (!s->want || strcmp(s->want, k->label) != 0)
		return;
	s->number = k->key;
	cr_assert_eq(gnutls_pubkey_init(&s->pub), 0);
	cr_assert_eq(gnutls_pubkey_import(s->pub, &der, GNUTLS_X509_FMT_DER), 0);
}

static void see_secret(void *arg, const struct cred_secret_info *k)
{
	struct seen *s = arg;

	s->n++;
	s->number = k->secret;
	snprintf(s->owners, sizeof s->owners, "%s", k->owners);
	snprintf(s->type, sizeof s->type, "%s", k->type);
}

static void sign_and_verify(const char *label, uint16_t sign_id, uint16_t hash, gnutls_sign_algorithm_t alg)
{
	struct seen s = { .want = label };
	slice text = slice_str("octets of an AUTH payload");
	uint8_t sig[1024];
	size_t len = sizeof sig;

	ops->each_key(self, see_key, &s);
	cr_assert_neq(s.number, 0, "%s", label);
	struct cred_sign what = { .key = s.number, .sign_id = sign_id, .how = { .hash = hash }, .octets = text };
	err_t err = ops->sign(self, &what, sig, &len, 0);
	cr_assert_eq(err, 0, "%s: %s", label, err_name(err));
	gnutls_datum_t in = { (uint8_t *)text.p, (unsigned)text.n }, out = { sig, (unsigned)len };
	cr_assert_eq(gnutls_pubkey_verify_data2(s.pub, alg, 0, &in, &out), 0, "%s", label);
	gnutls_pubkey_deinit(s.pub);
}

Test(cred_keyring, keys_of_each_kind_sign)
{
	put_key("adit:key:rsa", GNUTLS_PK_RSA, 2048, GNUTLS_X509_FMT_DER);
	put_key("adit:key:p384", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1), GNUTLS_X509_FMT_PEM);
	put_key("adit:key:ed", GNUTLS_PK_EDDSA_ED25519, 0, GNUTLS_X509_FMT_PEM);
	start();
	sign_and_verify("rsa", PLUG_SIGN_RSA_PKCS1, PLUG_HASH_SHA256, GNUTLS_SIGN_RSA_SHA256);
	sign_and_verify("p384", PLUG_SIGN_ECDSA, PLUG_HASH_SHA384, GNUTLS_SIGN_ECDSA_SHA384);
	sign_and_verify("ed", PLUG_SIGN_ED25519, 0, GNUTLS_SIGN_EDDSA_ED25519);
	cr_assert_eq(n_changed, 1);
	cr_assert_str_empty(said);
}

static void take_bytes(void *arg, slice bytes)
{
	snprintf(arg, 64, "%.*s", (int)bytes.n, (const char *)bytes.p);
}

Test(cred_keyring, secrets)
{
	struct seen s = { 0 };
	char got[64] = "";

	put("adit:psk:gw-a.example gw-b.example", "a long secret", 13);
	start();
	ops->each_secret(self, see_secret, &s);
	cr_assert_eq(s.n, 1);
	cr_assert_str_eq(s.type, "IKE");
	cr_assert_str_eq(s.owners, "gw-a.example gw-b.example");
	cr_assert_eq(ops->read_secret(self, s.number, take_bytes, got), 0);
	cr_assert_str_eq(got, "a long secret");
	cr_assert_eq(ops->read_secret(self, 99, take_bytes, got), E_NOT_FOUND);
	/* a secret is no key and the other way round */
	struct cred_sign what = { .key = s.number, .sign_id = PLUG_SIGN_RSA_PKCS1, .how = { .hash = PLUG_HASH_SHA256 } };
	uint8_t sig[64];
	size_t len = sizeof sig;
	cr_assert_eq(ops->sign(self, &what, sig, &len, 0), E_NOT_FOUND);
}

Test(cred_keyring, keys_come_and_go)
{
	struct seen s = { .want = "one" };

	start();
	ops->each_key(self, see_key, &s);
	cr_assert_eq(s.n, 0);
	key_serial_t k = put_key("adit:key:one", GNUTLS_PK_EDDSA_ED25519, 0, GNUTLS_X509_FMT_DER);
	put("somebody else's", "x", 1);
	rescan();
	ops->each_key(self, see_key, &s);
	cr_assert_eq(s.n, 1);
	uint64_t number = s.number;
	gnutls_pubkey_deinit(s.pub);
	rescan();
	s = (struct seen){ .want = "one" };
	ops->each_key(self, see_key, &s);
	cr_assert_eq(s.number, number, "the number of a key changed");
	gnutls_pubkey_deinit(s.pub);
	/* revoked: not used from now on, and gone after the next look */
	cr_assert_eq(keyctl_revoke(k), 0);
	uint8_t sig[64];
	size_t len = sizeof sig;
	struct cred_sign what = { .key = number, .sign_id = PLUG_SIGN_ED25519, .octets = slice_str("x") };
	cr_assert_eq(ops->sign(self, &what, sig, &len, 0), E_NOT_FOUND);
	unsigned before = n_changed;
	rescan();
	cr_assert_eq(n_changed, before + 1);
	s = (struct seen){ 0 };
	ops->each_key(self, see_key, &s);
	cr_assert_eq(s.n, 0);
	cr_assert_str_empty(said);
}

Test(cred_keyring, what_is_no_key)
{
	char why[512];
	uint64_t key;

	put("adit:key:garbage", "not a key at all", 16);
	put("adit:nonsense", "x", 1);
	put_key("adit:key:good", GNUTLS_PK_EDDSA_ED25519, 0, GNUTLS_X509_FMT_DER);
	start();
	log_flush(services.log);
	cr_assert(strstr(said, "'adit:key:garbage' of the kernel is no private key"), "%s", said);
	cr_assert(strstr(said, "begins with adit:key:"), "%s", said);
	sign_and_verify("good", PLUG_SIGN_ED25519, 0, GNUTLS_SIGN_EDDSA_ED25519);
	struct cred_attr v[] = { { "description", slice_str("adit:key:missing") } };
	cr_assert_eq(ops->load(self, v, 1, 0, &key, why, sizeof why), E_NOT_FOUND);
	cr_assert(strstr(why, "adit:key:missing"), "%s", why);
	cr_assert_eq(ops->load(self, NULL, 0, 0, &key, why, sizeof why), E_BAD_VALUE);
	v[0].value = slice_str("adit:key:good");
	cr_assert_eq(ops->load(self, v, 1, 0, &key, why, sizeof why), 0, "%s", why);
	cr_assert_neq(key, 0);
	cr_assert_eq(ops->unload(self, key), 0);
	cr_assert_eq(ops->unload(self, key), E_NOT_FOUND);
}

/* Everything this process can write to, searched for the bytes; the place they are given at does not count. */
static unsigned found_in_memory(const uint8_t *what, size_t n)
{
	char line[512];
	unsigned hits = 0;
	FILE *maps = fopen("/proc/self/maps", "r"), *mem = fopen("/proc/self/mem", "r");
	unsigned long from, to;
	uint8_t *buf = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(maps && mem && buf != MAP_FAILED);
	setvbuf(mem, NULL, _IONBF, 0);
	while (fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%lx-%lx rw", &from, &to) != 2 || !strstr(line, " rw"))
			continue;
		for (unsigned long at = from; at < to; at += (1 << 20) - n) {
			size_t want = to - at < 1 << 20 ? to - at : 1 << 20, got;
			if (fseek(mem, (long)at, SEEK_SET) || !(got = fread(buf, 1, want, mem)))
				break;
			for (uint8_t *p = buf; (p = memmem(p, got - (size_t)(p - buf), what, n)); p++) {
				uintptr_t addr = at + (uintptr_t)(p - buf);
				hits += addr != (uintptr_t)what && (addr < (uintptr_t)buf || addr >= (uintptr_t)buf + (1 << 20));
			}
			explicit_bzero(buf, 1 << 20);
		}
	}
	munmap(buf, 1 << 20);
	fclose(mem);
	fclose(maps);
	return hits;
}

Test(cred_keyring, no_byte_of_the_key_stays)
{
	/* The key comes from another process: this one has only ever seen it inside the plugin. */
	char dir[] = "/tmp/adit-unit-XXXXXX", cmd[512], path[128];
	static uint8_t der[4096];

#ifdef __SANITIZE_ADDRESS__
	cr_skip_test("a sanitizer keeps freed memory as it was");
#endif
	cr_assert_not_null(mkdtemp(dir));
	snprintf(cmd, sizeof cmd, "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER -out %s/k 2>/dev/null && "
		"keyctl padd user adit:key:cold %d < %s/k >/dev/null", dir, ring, dir);
	if (system("command -v keyctl >/dev/null && command -v openssl >/dev/null"))
		cr_skip_test("keyctl or openssl is missing (apt install keyutils openssl)");
	/* A child has no share of the process keyring: the session's, made here, hands it over. */
	key_serial_t session = keyctl_join_session_keyring(NULL);
	cr_assert_gt(session, 0);
	cr_assert_eq(keyctl_link(ring, session), 0);
	cr_assert_eq(system(cmd), 0);
	start();
	sign_and_verify("cold", PLUG_SIGN_RSA_PKCS1, PLUG_HASH_SHA256, GNUTLS_SIGN_RSA_SHA256);
	snprintf(path, sizeof path, "%s/k", dir);
	FILE *f = fopen(path, "r");
	cr_assert_not_null(f);
	setvbuf(f, NULL, _IONBF, 0);
	size_t n = fread(der, 1, sizeof der, f);
	fclose(f);
	/* the search finds what is there */
	uint8_t *planted = malloc(24), needle[24];
	cr_assert_eq(getrandom(needle, 24, 0), 24);
	memcpy(planted, needle, 24);
	cr_assert_eq(found_in_memory(needle, 24), 1);
	free(planted);
	/* 24 bytes from the middle of d, p, q and so on: big-endian as in the file, little-endian as bignums are */
	cr_assert_gt(n, 1100u);
	for (size_t at = 330; at + 24 < n; at += 96) {
		uint8_t back[24];
		for (int i = 0; i < 24; i++)
			back[i] = der[at + 23 - i];
		cr_assert_eq(found_in_memory(der + at, 24), 0, "bytes of the key at %zu", at);
		cr_assert_eq(found_in_memory(back, 24), 0, "bytes of the key at %zu, backwards", at);
		explicit_bzero(back, sizeof back);
	}
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	cr_assert_eq(system(cmd), 0);
}
