/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the kernel, for the next run: fixed records appended to a file (below /run), one before something is put
 * there and one when it is gone, so that a daemon that is killed in between has noted too much rather than too little.
 * It is written anew, into a file beside it, when most of it is history.
 */
#include "plugins/kernel-pfkey/pfkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REC_MAX = 1 << 20, COMPACT_FROM = 4096, VERSION = 2 };

static void lost(struct pfkey *k, const char *path)
{
	pf_log(k, 0, "kernel-pfkey: cannot write %s: %s; after a crash nothing is cleaned up", path, strerrordesc_np(errno));
	close(k->journal);
	k->journal = -1;
}

static void put(struct pfkey *k, const struct pf_rec *r)
{
	if (k->journal < 0)
		return;
	if (write(k->journal, r, sizeof *r) != sizeof *r) {
		lost(k, k->journal_path);
		return;
	}
	k->n_recs++;
}

static void put_head(struct pfkey *k)
{
	struct pf_rec r;

	memset(&r, 0, sizeof r);
	r.what = PF_REC_HEAD;
	r.spi = VERSION;
	r.reqid = sizeof r;
	put(k, &r);
}

static struct pf_rec sa_rec(uint8_t proto, uint32_t spi, uint32_t reqid, const struct net_addr *src,
	const struct net_addr *dst)
{
	struct pf_rec r;

	memset(&r, 0, sizeof r);
	r.what = PF_REC_SA;
	r.proto = proto;
	r.spi = spi;
	r.reqid = reqid;
	r.src = *src;
	r.dst = *dst;
	return r;
}

static struct pf_rec policy_rec(const struct pf_key *key, uint32_t reqid, uint32_t prio)
{
	struct pf_rec r;

	memset(&r, 0, sizeof r);
	r.what = PF_REC_POLICY;
	r.reqid = reqid;
	r.prio = prio;
	memcpy(&r.key, key, sizeof r.key);
	return r;
}

static struct pf_rec name_rec(const struct pf_name *x)
{
	return policy_rec(&x->key, x->top ? x->top->reqid : x->left_reqid, x->top ? x->top->prio : x->left_prio);
}

static void put_all(struct pfkey *k)
{
	struct pf_rec r;

	put_head(k);
	for (uint32_t b = 0; b <= k->names.mask; b++)
		for (struct tab_node *t = k->names.bucket[b]; t; t = t->next)
			if (((struct pf_name *)t)->in_kernel) {
				r = name_rec((struct pf_name *)t);
				put(k, &r);
			}
	for (uint32_t b = 0; b <= k->sas.mask; b++)
		for (struct tab_node *t = k->sas.bucket[b]; t; t = t->next) {
			const struct pf_sa *s = (struct pf_sa *)t;
			r = sa_rec(s->proto, s->spi, s->reqid, &s->src, &s->dst);
			put(k, &r);
		}
	for (const struct pf_left *l = k->left; l; l = l->next) {
		r = sa_rec(l->proto, l->spi, l->reqid, &l->src, &l->dst);
		put(k, &r);
	}
}

/* The old file stays until the new one is whole. */
static void compact(struct pfkey *k)
{
	char path[sizeof k->journal_path + 4];
	int old = k->journal;

	if (k->n_recs < COMPACT_FROM || k->n_recs < 2 * k->n_live)
		return;
	snprintf(path, sizeof path, "%s.new", k->journal_path);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB)) {
		if (fd >= 0)
			close(fd);
		return; /* it grows on */
	}
	k->journal = fd;
	k->n_recs = 0;
	put_all(k);
	k->n_live = k->n_recs;
	if (k->journal < 0 || rename(path, k->journal_path)) {
		(void)!unlink(path);
		if (k->journal >= 0)
			close(k->journal);
		k->journal = old;
		return;
	}
	close(old);
}

static void note(struct pfkey *k, struct pf_rec *r, enum pf_rec_step step)
{
	r->gone = step == PF_GOES;
	k->n_live += step == PF_COMES;
	k->n_live -= step == PF_GOES && k->n_live;
	put(k, r);
	if (step != PF_COMES && k->journal >= 0)
		compact(k);
}

void pf_journal_sa(struct pfkey *k, const struct pf_sa *s, enum pf_rec_step step)
{
	struct pf_rec r = sa_rec(s->proto, s->spi, s->reqid, &s->src, &s->dst);

	note(k, &r, step);
}

void pf_journal_left_gone(struct pfkey *k, const struct pf_left *l)
{
	struct pf_rec r = sa_rec(l->proto, l->spi, l->reqid, &l->src, &l->dst);

	note(k, &r, PF_GOES);
}

void pf_journal_policy(struct pfkey *k, const struct pf_key *key, uint32_t reqid, uint32_t prio, enum pf_rec_step step)
{
	struct pf_rec r = policy_rec(key, reqid, prio);

	note(k, &r, step);
}

/* ---- the start ---- */

static struct pf_rec *read_all(struct pfkey *k, size_t size, size_t *n)
{
	*n = size / sizeof(struct pf_rec);
	struct pf_rec *v = *n && *n <= REC_MAX ? malloc(*n * sizeof *v) : NULL;

	if (v && read(k->journal, v, *n * sizeof *v) == (ssize_t)(*n * sizeof *v) && v->what == PF_REC_HEAD &&
		v->spi == VERSION && v->reqid == sizeof *v)
		return v;
	if (size)
		pf_log(k, 0, "kernel-pfkey: %s is of another version or damaged: what an earlier run has left in the kernel stays "
			"there; \"ip xfrm state\" and \"ip xfrm policy\" show it", k->journal_path);
	free(v);
	*n = 0;
	return NULL;
}

void pf_journal_open(struct pfkey *k, const char *path, struct pf_rec **v, size_t *n)
{
	struct stat st;

	*v = NULL;
	*n = 0;
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
	*v = read_all(k, (size_t)st.st_size, n);
	if (*v) {
		/* A record that was cut short is none. */
		k->n_recs = *n;
		if (lseek(k->journal, (off_t)(*n * sizeof **v), SEEK_SET) < 0 || ftruncate(k->journal, (off_t)(*n * sizeof **v)))
			lost(k, path);
		return;
	}
	if (ftruncate(k->journal, 0) || lseek(k->journal, 0, SEEK_SET) < 0)
		lost(k, path);
	put_head(k);
}

void pf_journal_close(struct pfkey *k)
{
	if (k->journal < 0)
		return;
	if (!k->keep)
		(void)!ftruncate(k->journal, 0);
	close(k->journal);
	k->journal = -1;
}
