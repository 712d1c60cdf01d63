/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the way through the registry costs: the same packets sealed by direct calls of each library and through the
 * function table that the registry answers (looked up with the key, as an SA does), in turns, in one run.
 *
 *     dispatch_bench PLUGIN-DIR [rounds]
 *
 * Per library: Gbit/s direct, Gbit/s through the registry (the median rounds), the ratio. The ratio is the median of those of
 * the rounds, each of which has both sides next to each other and in turns first: what else runs on the processor meets
 * both. Packets of 1,424 bytes; crypto-ipsecmb in batches of 32. Exit status 1 when a ratio is under the goal: 0.90 for
 * crypto-ipsecmb, 0.97 for the others.
 */
#include "crypto/crypto.h"
#include "plugin/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#ifdef BENCH_GCRYPT
#include <gcrypt.h>
#endif
#ifdef BENCH_SODIUM
/* A name of crypto/crypto.h, too. */
#define crypto_hash sodium_crypto_hash
#include <sodium.h>
#undef crypto_hash
#endif
#ifdef BENCH_OPENSSL
#include <openssl/evp.h>
#endif
#ifdef BENCH_GNUTLS
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#endif
#ifdef BENCH_IPSECMB
#include <intel-ipsec-mb.h>
#endif

enum { PACKET = 1424, BATCH = 32, CALLS = 2000, ICV = 16, NONCE = 12, AAD = 8, ROUNDS = 401, ROUNDS_MAX = 10000 };

static uint8_t packet[BATCH][PACKET], icv[BATCH][ICV], key[32] = { 1, 2, 3 };
static uint8_t nonce[NONCE] = { 9, 9, 9, 9 };
static const uint8_t aad[AAD];

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Each seals one batch. */
#ifdef BENCH_GCRYPT
static gcry_cipher_hd_t gcrypt;
static bool gcrypt_start(void)
{
	return !gcry_cipher_open(&gcrypt, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM, 0) && !gcry_cipher_setkey(gcrypt, key, 16);
}
static void gcrypt_batch(void)
{
	for (int i = 0; i < BATCH; i++) {
		gcry_cipher_setiv(gcrypt, nonce, NONCE);
		gcry_cipher_authenticate(gcrypt, aad, AAD);
		gcry_cipher_encrypt(gcrypt, packet[i], PACKET, NULL, 0);
		gcry_cipher_gettag(gcrypt, icv[i], ICV);
	}
}
#endif
#ifdef BENCH_SODIUM
static bool sodium_start(void)
{
	return sodium_init() >= 0;
}
static void sodium_batch(void)
{
	for (int i = 0; i < BATCH; i++)
		crypto_aead_chacha20poly1305_ietf_encrypt_detached(packet[i], icv[i], NULL, packet[i], PACKET, aad, AAD, NULL, nonce,
			key);
}
#endif
#ifdef BENCH_OPENSSL
static EVP_CIPHER_CTX *openssl;
static bool openssl_start(void)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	openssl = EVP_CIPHER_CTX_new();
	return c && openssl && EVP_EncryptInit_ex2(openssl, c, key, nonce, NULL) > 0;
}
static void openssl_batch(void)
{
	int n;
	for (int i = 0; i < BATCH; i++) {
		EVP_EncryptInit_ex2(openssl, NULL, NULL, nonce, NULL);
		EVP_EncryptUpdate(openssl, NULL, &n, aad, AAD);
		EVP_EncryptUpdate(openssl, packet[i], &n, packet[i], PACKET);
		EVP_EncryptFinal_ex(openssl, packet[i], &n);
		EVP_CIPHER_CTX_ctrl(openssl, EVP_CTRL_AEAD_GET_TAG, ICV, icv[i]);
	}
}
#endif
#ifdef BENCH_GNUTLS
static gnutls_aead_cipher_hd_t gnutls;
static bool gnutls_start(void)
{
	const gnutls_datum_t k = { key, 16 };
	return gnutls_aead_cipher_init(&gnutls, GNUTLS_CIPHER_AES_128_GCM, &k) >= 0;
}
static void gnutls_batch(void)
{
	for (int i = 0; i < BATCH; i++) {
		const giovec_t a = { (void *)(uintptr_t)aad, AAD }, b = { packet[i], PACKET };
		size_t tag = ICV;
		gnutls_aead_cipher_encryptv2(gnutls, nonce, NONCE, &a, 1, &b, 1, icv[i], &tag);
	}
}
#endif
#ifdef BENCH_IPSECMB
static IMB_MGR *ipsecmb;
static struct gcm_key_data ipsecmb_key;
static bool ipsecmb_start(void)
{
	IMB_ARCH arch;
	ipsecmb = alloc_mb_mgr(0);
	if (!ipsecmb)
		return false;
	init_mb_mgr_auto(ipsecmb, &arch);
	IMB_AES128_GCM_PRE(ipsecmb, key, &ipsecmb_key);
	return true;
}
static void ipsecmb_batch(void)
{
	struct gcm_context_data c;
	for (int i = 0; i < BATCH; i++)
		IMB_AES128_GCM_ENC(ipsecmb, &ipsecmb_key, &c, packet[i], packet[i], PACKET, nonce, aad, AAD, icv[i], ICV);
}
#endif

static const struct lib {
	const char *plugin;
	uint16_t encr, bits;
	double goal;
	bool (*start)(void);
	void (*batch)(void);
} libs[] = {
#ifdef BENCH_IPSECMB
	{ "crypto-ipsecmb", 20, 128, 0.90, ipsecmb_start, ipsecmb_batch },
#endif
#ifdef BENCH_OPENSSL
	{ "crypto-openssl", 20, 128, 0.97, openssl_start, openssl_batch },
#endif
#ifdef BENCH_GCRYPT
	{ "crypto-gcrypt", 20, 128, 0.97, gcrypt_start, gcrypt_batch },
#endif
#ifdef BENCH_GNUTLS
	{ "crypto-gnutls", 20, 128, 0.97, gnutls_start, gnutls_batch },
#endif
#ifdef BENCH_SODIUM
	{ "crypto-sodium", 28, 256, 0.97, sodium_start, sodium_batch },
#endif
	{ NULL, 0, 0, 0, NULL, NULL },
};

static double direct(const struct lib *l)
{
	double start = now();
	for (int i = 0; i < CALLS / BATCH; i++)
		l->batch();
	return now() - start;
}

static double through(const struct encr_ops *o, void *ctx)
{
	struct encr_op op[BATCH];
	double start = now();
	for (int i = 0; i < CALLS / BATCH; i++) {
		/* As a data plane does it: the packets of one read go in together. */
		for (int k = 0; k < BATCH; k++)
			op[k] = (struct encr_op){ .iv = nonce + 4, .aad = slice_of(aad, AAD), .buf = packet[k], .len = PACKET,
				.icv = icv[k] };
		o->seal(ctx, op, BATCH);
	}
	return now() - start;
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Sorts v. */
static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, ascending);
	return v[n / 2];
}

int main(int argc, char **argv)
{
	static double plain[ROUNDS_MAX], table[ROUNDS_MAX], ratio[ROUNDS_MAX];
	int rounds = argc > 2 ? atoi(argv[2]) : ROUNDS, slow = 0;
	struct log *log = log_new();
	struct plug_services services = { .log = log, .reg = registry_new() };
	struct loader *loader = NULL;

	if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX || !log || !services.reg || loader_new(&services, &loader, NULL) ||
	    loader_open(loader, argv[1], NULL, NULL)) {
		fprintf(stderr, "usage: dispatch_bench PLUGIN-DIR [rounds]\n");
		return 2;
	}
	loader_keep_only(loader, PLUG_KERNEL_SA, NULL);
	loader_start(loader, 0, NULL);
	printf("# packets of %d bytes: Gbit/s direct, through the registry, ratio, goal\n", PACKET);
	for (const struct lib *l = libs; l->plugin; l++) {
		static _Alignas(64) uint8_t ctx[CRYPTO_CTX_MAX];
		const struct reg_feat *f = registry_of(services.reg, l->plugin, PLUG_ENCR, l->encr, l->bits);
		if (!f || !f->offered || !l->start())
			continue;
		const struct encr_ops *o = f->row->ops;
		if (o->init(ctx, slice_of(key, o->key_len), slice_of(nonce, 4)))
			continue;
		for (int i = 0; i < rounds; i++) {
			if (i % 2)
				plain[i] = direct(l);
			table[i] = through(o, ctx);
			if (i % 2 == 0)
				plain[i] = direct(l);
			ratio[i] = plain[i] / table[i];
		}
		o->fini(ctx);
		const double bits = (double)(CALLS / BATCH) * BATCH * PACKET * 8e-9, r = median(ratio, rounds);
		printf("%-16s %8.2f %8.2f %7.3f %5.2f\n", l->plugin, bits / median(plain, rounds), bits / median(table, rounds), r,
			l->goal);
		slow += r < l->goal;
	}
	loader_free(loader);
	registry_free(services.reg);
	log_free(log);
	return slow != 0;
}
