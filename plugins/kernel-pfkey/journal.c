/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the kernel, for the next run: fixed records appended to a file (below /run), one when something comes and
 * one when it goes. It is written anew when most of it is history.
 */
#include "plugins/kernel-pfkey/pfkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REC_MAX = 1 << 20, COMPACT_FROM = 4096 };

static bool same(const struct pf_rec *a, const struct pf_rec *b)
{
	if (a->what != b->what)
		return false;
	if (a->what == PF_REC_POLICY)
		return memcmp(&a->key, &b->key, sizeof a->key) == 0;
	return a->spi == b->spi && a->proto == b->proto && net_addr_same(&a->dst, &b->dst);
}

static void put(struct pfkey *k, const struct pf_rec *r)
{
	if (k->journal < 0)
		return;
	if (write(k->journal, r, sizeof *r) != sizeof *r) {
		pf_log(k, 0, "kernel-pfkey: cannot write %s: %s; after a crash nothing is cleaned up", k->journal_path,
			strerrordesc_np(errno));
		close(k->journal);
		k->journal = -1;
		return;
	}
	k->n_recs++;
}

static struct pf_rec sa_rec(const struct pf_sa *s)
{
	struct pf_rec r;

	memset(&r, 0, sizeof r);
	r.what = PF_REC_SA;
	r.proto = s->proto;
	r.spi = s->spi;
	r.src = s->src;
	r.dst = s->dst;
	return r;
}

static struct pf_rec policy_rec(const struct pf_key *key)
{
	struct pf_rec r;

	memset(&r, 0, sizeof r);
	r.what = PF_REC_POLICY;
	memcpy(&r.key, key, sizeof r.key);
	return r;
}

static void compact(struct pfkey *k)
{
	if (k->n_recs < COMPACT_FROM || k->n_recs < 2 * k->n_live)
		return;
	if (ftruncate(k->journal, 0) || lseek(k->journal, 0, SEEK_SET) < 0)
		return;
	k->n_recs = 0;
	for (uint32_t b = 0; b <= k->names.mask; b++)
		for (struct tab_node *t = k->names.bucket[b]; t; t = t->next)
			if (((struct pf_name *)t)->in_kernel) {
				struct pf_rec r = policy_rec(&((struct pf_name *)t)->key);
				put(k, &r);
			}
	for (uint32_t b = 0; b <= k->sas.mask; b++)
		for (struct tab_node *t = k->sas.bucket[b]; t; t = t->next) {
			struct pf_rec r = sa_rec((struct pf_sa *)t);
			put(k, &r);
		}
}

static void note(struct pfkey *k, struct pf_rec *r, bool gone)
{
	r->gone = gone;
	k->n_live += gone ? 0 : 1;
	k->n_live -= gone && k->n_live ? 1 : 0;
	put(k, r);
	if (gone && k->journal >= 0)
		compact(k);
}

void pf_journal_sa(struct pfkey *k, const struct pf_sa *s, bool gone)
{
	struct pf_rec r = sa_rec(s);

	note(k, &r, gone);
}

void pf_journal_policy(struct pfkey *k, const struct pf_key *key, bool gone)
{
	struct pf_rec r = policy_rec(key);

	note(k, &r, gone);
}

/* ---- the start ---- */

static void clean(struct pfkey *k, const struct pf_rec *v, size_t n)
{
	unsigned done = 0;

	for (size_t i = 0; i < n; i++) {
		bool gone = v[i].gone;
		for (size_t j = i + 1; j < n && !gone; j++)
			gone = same(&v[i], &v[j]);
		if (gone)
			continue;
		int err = v[i].what == PF_REC_POLICY ? pf_policy_remove(k, &v[i].key) :
			pf_sa_remove(k, v[i].proto, v[i].spi, &v[i].src, &v[i].dst);
		done += !err;
	}
	if (done)
		pf_log(k, 1, "kernel-pfkey: removed %u SAs and policies an earlier run has left", done);
}

void pf_journal_open(struct pfkey *k, const char *path)
{
	struct stat st;

	snprintf(k->journal_path, sizeof k->journal_path, "%s", path);
	k->journal = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (k->journal < 0 || flock(k->journal, LOCK_EX | LOCK_NB) || fstat(k->journal, &st) || !S_ISREG(st.st_mode)) {
		pf_log(k, 0, "kernel-pfkey: %s: %s; after a crash nothing is cleaned up (set aditd.plugins.kernel-pfkey.state to "
			"a file of its own)", path, errno == EWOULDBLOCK ? "another aditd uses it" : strerrordesc_np(errno));
		if (k->journal >= 0)
			close(k->journal);
		k->journal = -1;
		return;
	}
	size_t n = (size_t)st.st_size / sizeof(struct pf_rec);
	struct pf_rec *v = n && n <= REC_MAX ? malloc(n * sizeof *v) : NULL;
	if (v && read(k->journal, v, n * sizeof *v) == (ssize_t)(n * sizeof *v))
		clean(k, v, n);
	free(v);
	if (ftruncate(k->journal, 0) || lseek(k->journal, 0, SEEK_SET) < 0)
		pf_log(k, 0, "kernel-pfkey: %s: %s", path, strerrordesc_np(errno));
}

void pf_journal_close(struct pfkey *k)
{
	if (k->journal < 0)
		return;
	(void)!ftruncate(k->journal, 0);
	close(k->journal);
	k->journal = -1;
}
