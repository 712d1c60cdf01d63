/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small CA in a folder: ca.crt, ca.key, ca.json (what it issued and revoked), crl.pem, delta.pem. Every change holds
 * the lock of the folder and writes whole files. One thread; what fails is said on standard error.
 */
#ifndef ADIT_PKI_CA_H
#define ADIT_PKI_CA_H

#include "derout.h"

#include <jansson.h>

struct ca {
	const struct pki *p;
	const char *dir;
	int lock;              /* of the folder, -1 none */
	json_t *state;         /* url, crl-number, base-number, certificates[] */
	gnutls_x509_crt_t crt;
	gnutls_privkey_t key;
};

/* false: said. change: takes the lock. pass_file: of ca.key, may be NULL. */
bool ca_open(struct ca *ca, const struct pki *p, const char *dir, const char *pass_file, bool change);
void ca_close(struct ca *ca);
/* The lock of the folder, against other processes that change it. */
bool ca_lock(struct ca *ca);
void ca_unlock(struct ca *ca);
bool ca_save(struct ca *ca);
/* Reads ca.json again (the server: another process may have revoked). */
bool ca_reload(struct ca *ca);
/* "DIR/name" */
const char *ca_path(const struct ca *ca, const char *name, char buf[4096]);
const char *ca_url(const struct ca *ca);
/* Notes an issued certificate; the caller saves. */
bool ca_note(struct ca *ca, gnutls_x509_crt_t crt);
/* The CRL of today: complete (the next number), or a delta to the last complete one. The caller saves. */
bool ca_crl(struct ca *ca, bool delta, struct wr *out);
/* For struct ocsp_plan: arg is the struct ca. */
int ca_look(void *arg, slice serial, struct crl_entry *out);
/* Serves until SIGINT or SIGTERM: /ca.crt, /crl, /delta, /ocsp. */
int ca_serve(struct ca *ca, const char *host, const char *port);

#endif
