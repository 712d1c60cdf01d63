/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of adit-pki: what its commands share. A command is one function in a file c_NAME.c and a row of the table in
 * main.c; it returns the exit status: 0 success, 1 the answer is no (invalid, failed), 2 misuse. One thread.
 */
#ifndef ADIT_PKI_H
#define ADIT_PKI_H

#include "plugin/abi_cert.h"
#include "plugin/registry.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>

enum { PKI_OK = 0, PKI_NO = 1, PKI_MISUSE = 2 };
enum { PKI_FILE_MAX = 64 << 20 };

struct pki {
	const struct plug_registry *reg; /* NULL when the command needs no plugin */
	const struct cert_ops *x509;
	const struct pki_verb *verb;
};

struct pki_verb {
	const char *name;
	int (*run)(struct pki *p, int argc, char **argv);
	uint8_t plugins;     /* PKI_PLUG_… */
	const char *summary; /* one line */
	const char *usage;   /* behind the name, and a paragraph for each option */
};
enum { PKI_PLUG_NONE, PKI_PLUG_X509, PKI_PLUG_ALL };

/* Prints the usage of the command to standard error; PKI_MISUSE. */
int pki_usage(const struct pki *p);
/* "adit-pki COMMAND: text" on standard error; returns status. */
int pki_say(const struct pki *p, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* ---- files ---- */

/* The whole file, "-" standard input. false: said why. Freed with free(). */
bool pki_read(const struct pki *p, const char *path, uint8_t **out, size_t *n);
/* Writes a file as a whole (a new one, renamed into place); NULL or "-": standard output. secret: mode 0600. */
bool pki_write(const struct pki *p, const char *path, slice bytes, bool secret);
/* DER as PEM with this label, or as it is. */
bool pki_write_object(const struct pki *p, const char *path, slice der, const char *label, bool pem, bool secret);

/* Everything of a file; 0, or the status (said). */
int pki_objects(const struct pki *p, const char *path, const char *passphrase, struct cert_objects **out);
/* The first line of a file (or standard input with "-"); NULL: said. pki_passphrase_free wipes. */
char *pki_passphrase(const struct pki *p, const char *path);
void pki_passphrase_free(char *pass);
/* The first certificate of a file; NULL: said. A reference of the caller. */
struct cert *pki_cert(const struct pki *p, const char *path);
gnutls_x509_crt_t pki_crt(const struct pki *p, const char *path);
/* A private key of a file (pass_file NULL: not encrypted); NULL: said. */
gnutls_x509_privkey_t pki_key(const struct pki *p, const char *path, const char *pass_file);
gnutls_privkey_t pki_signer(const struct pki *p, const char *path, const char *pass_file);
/* A PKCS #10 request whose signature is right; NULL: said. */
gnutls_x509_crq_t pki_crq(const struct pki *p, const char *path);
/* A new key: "rsa", "ec", "ed25519", "ed448"; bits 0: the default. NULL: said. */
gnutls_x509_privkey_t pki_generate(const struct pki *p, const char *type, unsigned bits, bool weak);
/* PKCS #8, encrypted when there is a passphrase. */
int pki_write_key(const struct pki *p, gnutls_x509_privkey_t key, const char *path, const char *passphrase, bool pem);
/* Do certificate and key belong together? false: said. */
bool pki_is_pair(const struct pki *p, gnutls_x509_crt_t crt, gnutls_privkey_t key);

/* A growing list of pointers; exits with a message when memory ends. */
struct pki_list {
	void **v;
	size_t n;
};
void pki_list_add(struct pki_list *l, void *item);
void *pki_alloc(size_t n);

/* "2026-11-27T03:23:00Z", "2026-11-27", "@1700000000", "now"; false: none of these. */
bool pki_time(const char *text, int64_t *out);
/* "90d", "2y", "12h", "3600": seconds. */
bool pki_lifetime(const char *text, int64_t *out);
const char *pki_time_text(int64_t t, char buf[32]);
int64_t pki_now(void);

/* ---- the commands ---- */

int pki_test_vectors(struct pki *p, int argc, char **argv);
int pki_verify(struct pki *p, int argc, char **argv);
int pki_print(struct pki *p, int argc, char **argv);
int pki_gen(struct pki *p, int argc, char **argv);
int pki_pub(struct pki *p, int argc, char **argv);
int pki_keyid(struct pki *p, int argc, char **argv);
int pki_dn(struct pki *p, int argc, char **argv);
int pki_psk(struct pki *p, int argc, char **argv);
int pki_req(struct pki *p, int argc, char **argv);
int pki_self(struct pki *p, int argc, char **argv);
int pki_issue(struct pki *p, int argc, char **argv);
int pki_signcrl(struct pki *p, int argc, char **argv);
int pki_ocsp(struct pki *p, int argc, char **argv);
int pki_pkcs7(struct pki *p, int argc, char **argv);
int pki_pkcs12(struct pki *p, int argc, char **argv);
int pki_ca(struct pki *p, int argc, char **argv);
int pki_est(struct pki *p, int argc, char **argv);
int pki_renew(struct pki *p, int argc, char **argv);
int pki_scep(struct pki *p, int argc, char **argv);

#endif
