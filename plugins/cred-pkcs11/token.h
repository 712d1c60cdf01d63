/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cred-pkcs11: what the loop and the token thread share.
 *
 * Everything that talks to a token runs on the one token thread (token.c), because a token may take seconds or never
 * answer. The loop owns keys and jobs; a job holds a reference to its key until it is back on the loop, and the thread
 * changes nothing of a key but `open` and `pin`.
 */
#ifndef ADIT_CRED_PKCS11_TOKEN_H
#define ADIT_CRED_PKCS11_TOKEN_H

#include "base/secret.h"
#include "plugin/abi_cred.h"

#include <gnutls/abstract.h>
#include <pthread.h>

enum { KEYS_MAX = 256, JOBS_MAX = 256, SIG_MAX = 2048, URL_MAX = 512, WHY_MAX = 512, CERTS_MAX = 8 };

struct p11_cert {
	uint8_t *der;
	size_t n;
};

struct p11_key {
	struct p11_key *next;
	uint64_t number;
	uint32_t refs;       /* the list, and each job; loop thread */
	char url[URL_MAX];   /* RFC 7512, without `type` */
	char label[URL_MAX];
	bool listed;         /* unloaded keys are not */
	/* Set by the load job, read by the loop afterwards. */
	uint8_t *spki;
	size_t spki_n;
	int pk;              /* gnutls_pk_algorithm_t */
	unsigned bits;
	struct p11_cert cert[CERTS_MAX]; /* those with the key's id on its token */
	size_t n_certs;
	/* The token thread's alone. */
	gnutls_privkey_t open;
	struct secret pin;
};

enum job_type { JOB_LOAD = 1, JOB_SIGN, JOB_CLOSE };

struct p11_job {
	struct p11_job *next;
	struct p11 *self;
	struct p11_key *key;
	uint8_t type;
	bool cancelled;      /* loop thread: nobody wants the answer */
	uint64_t token;
	/* JOB_SIGN */
	uint16_t sign_id;
	struct sign_how how;
	uint8_t *octets;
	size_t n;
	/* JOB_LOAD: with the PIN of this load; what was found */
	struct secret pin;
	struct p11_key found;
	/* the answer */
	err_t err;
	uint8_t sig[SIG_MAX];
	size_t sig_n;
	char why[WHY_MAX];
};

struct p11 {
	const struct plug_host *host;
	struct p11_key *keys;
	uint64_t last_number;
	unsigned n_keys, n_jobs;
	struct p11_job *all[JOBS_MAX]; /* in flight, for cancel; NULL free */
	bool own_modules;              /* the configuration names them; else p11-kit's */
	pthread_t thread;
	pthread_mutex_t lock;          /* of what follows */
	pthread_cond_t bell;
	struct p11_job *head, **tail;
	bool stop, quiet;              /* quiet: nobody listens any more, the loop may be gone */
};

/* The token thread: takes jobs until `stop`, gives each back with host->post(job_back). */
void *p11_thread(void *arg);
/* Loop thread; in plugin.c. */
void p11_job_back(void *arg);

/* Which of GnuTLS' signature algorithms this is; GNUTLS_SIGN_UNKNOWN: none a token is asked for. Any thread. */
gnutls_sign_algorithm_t p11_algorithm(int pk, uint16_t sign_id, const struct sign_how *how);

#endif
