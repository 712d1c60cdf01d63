/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's own certificate and key: read from their files, and read again while it runs. New handshakes get what was read
 * last; what cannot be used (a key of another certificate) changes nothing. One per process, since the TLS library asks without
 * saying for whom. rest_tls_load and rest_tls_changed: one thread; handshakes: any.
 */
#ifndef ADIT_REST_TLS_H
#define ADIT_REST_TLS_H

#include "base/diag.h"

#include <gnutls/abstract.h>

/* E_IO, E_BAD_VALUE (no certificate, another one's key). */
MUST err_t rest_tls_load(const char *cert_path, const char *key_path, struct diag **why);
/* Has one of the files changed since the last load, whatever came of it? */
bool rest_tls_changed(const char *cert_path, const char *key_path);
void rest_tls_free(void);
/* A gnutls_certificate_retrieve_function3. */
int rest_tls_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **certs, unsigned *n_certs,
		      gnutls_ocsp_data_st **ocsp, unsigned *n_ocsp, gnutls_privkey_t *key, unsigned *flags);

#endif
