/* SPDX-License-Identifier: Apache-2.0 */
/* Whether packets arrive, in which modes, under which algorithms and with which outer header. */
#include "tests/contract/rows.h"

#include <stdio.h>

enum { SHA1 = 2, SHA256 = 12 };

bool want(struct lab *l, int from, unsigned got, unsigned n)
{
	return got == n ? true : lab_fail(l, "%u packets of %u from %c arrived", got, n, 'A' + from);
}

bool both_ways(struct lab *l, struct talk t)
{
	t.n = ROW_PACKETS;
	t.family = t.family ? t.family : NET_V4;
	for (t.from = LAB_A; l->moves && t.from < LAB_SIDES; t.from++)
		if (!want(l, t.from, lab_talk(l, &t), ROW_PACKETS))
			return false;
	return true;
}

/* From A; does the first packet come over the wire as ESP or AH? *p: the frame. */
bool seen(struct lab *l, struct talk t, uint8_t *p, size_t *n, unsigned *got)
{
	struct sniff s = sniff_open(l);

	t.from = LAB_A;
	t.family = t.family ? t.family : NET_V4;
	t.n = t.n ? t.n : 1;
	unsigned came = lab_talk(l, &t);
	*n = sniff_next(l, &s, p, 0);
	sniff_close(&s);
	if (got)
		*got = came;
	return *n > 0;
}

/* ---- modes, protocols, algorithms ---- */

static bool counters(struct lab *l, const struct tun *t)
{
	struct kern_usage u = { 0 };

	for (int side = LAB_A; side <= LAB_B; side++) {
		uint8_t dir = side == LAB_A ? KERN_OUT : KERN_IN;
		if (!lab_usage(l, side, dir, t->spi[LAB_B], &u))
			return lab_fail(l, "%c has no counters of its SA", 'A' + side);
		if (l->moves && (u.packets < ROW_PACKETS || u.bytes < (uint64_t)ROW_PACKETS * 64 || u.use_time_s > 60))
			return lab_fail(l, "%c counted %llu packets, %llu bytes, last used %llu s ago", 'A' + side,
				(unsigned long long)u.packets, (unsigned long long)u.bytes, (unsigned long long)u.use_time_s);
	}
	return true;
}

static bool carries(struct lab *l, struct tun t)
{
	struct talk talk = { .family = t.mode == KERN_TRANSPORT ? t.outer : t.inner, .outer = t.mode == KERN_TRANSPORT };

	if (!tun_up(l, &t) || !both_ways(l, talk))
		return false;
	talk.family = NET_V6;
	return (!t.mixed || both_ways(l, talk)) && counters(l, &t) && tun_down(l, &t);
}

bool r_tunnel(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	t.outer = (uint8_t)(r->arg >> 4);
	t.inner = r->arg & 15;
	return carries(l, t);
}

bool r_mixed(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	(void)r;
	t.mixed = true;
	return carries(l, t);
}

bool r_mode(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	t.mode = (uint8_t)r->arg;
	return carries(l, t);
}

bool r_encap(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	(void)r;
	t.encap = true;
	return carries(l, t);
}

bool r_ah(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	(void)r;
	t.proto = 51;
	return carries(l, t);
}

bool r_esn(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	(void)r;
	t.esn = true;
	t.window = 64;
	return carries(l, t);
}

static void cut_96(struct kern_sa *s, int side)
{
	(void)side;
	s->sha256_96 = true;
}

bool r_sha256_96(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	(void)r;
	t.integ = SHA256;
	t.sa = cut_96;
	return carries(l, t);
}

bool r_ipcomp(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	uint8_t p[FRAME_MAX];
	size_t n;

	(void)r;
	t.comp = true;
	if (!tun_up(l, &t) || !both_ways(l, (struct talk){ .size = 1000 }))
		return false;
	if (l->moves && (!seen(l, (struct talk){ .size = 1000 }, p, &n, NULL) || n > 400))
		return lab_fail(l, "1,000 equal bytes make %zu on the wire", n);
	return true;
}

static void no_algorithm(struct kern_sa *s, int side)
{
	(void)side;
	s->encr_id = 999;
}

bool r_bad_algorithm(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	(void)r;
	t.sa = no_algorithm;
	if (tun_up(l, &t))
		return lab_fail(l, "encryption algorithm 999 was taken");
	l->why[0] = 0;
	if (l->ops->can(l->side[LAB_A].self, 999, 0, SHA1, false) != E_NOT_SUPPORTED)
		return lab_fail(l, "can() knows encryption algorithm 999");
	return l->refused == E_NOT_SUPPORTED ? true : lab_fail(l, "it was refused as \"%s\"", err_text(l->refused));
}

/* ---- the outer header ---- */

static uint8_t how_dscp, how_df;
static bool how_ecn;

static void sa_flags(struct kern_sa *s, int side)
{
	(void)side;
	s->copy_dscp = how_dscp;
	s->copy_df = how_df;
	s->copy_ecn = how_ecn;
}

static bool outer_is(struct lab *l, uint8_t dscp, uint8_t df, bool ecn, uint8_t tos, bool df_set)
{
	struct tun t = tun_default();
	uint8_t p[FRAME_MAX];
	size_t n;

	how_dscp = dscp;
	how_df = df;
	how_ecn = ecn;
	t.sa = sa_flags;
	if (!tun_up(l, &t))
		return false;
	if (!l->moves)
		return tun_down(l, &t);
	if (!seen(l, (struct talk){ .tos = 0x28 | 2 /* ECT(0) */ }, p, &n, NULL))
		return lab_fail(l, "no packet was seen on the wire");
	if (p[1] != tos || !!(p[6] & 0x40) != df_set)
		return lab_fail(l, "the outer header has TOS %02x%s instead of %02x%s", p[1], p[6] & 0x40 ? " and DF" : "", tos,
			df_set ? " and DF" : "");
	return tun_down(l, &t);
}

bool r_header(struct lab *l, const struct row *r)
{
	switch (r->arg) {
	case 0:
		return outer_is(l, KERN_DSCP_OUT, KERN_COPY_DF_YES, true, 0x2a, true) &&
			outer_is(l, KERN_DSCP_OUT, KERN_COPY_DF_CLEAR, true, 0x2a, false);
	case 1:
		return outer_is(l, KERN_DSCP_OUT, KERN_COPY_DF_YES, false, 0x28, true);
	default:
		return outer_is(l, 0, KERN_COPY_DF_YES, true, 0x02, true);
	}
}

static void sa_tfc(struct kern_sa *s, int side)
{
	(void)side;
	if (s->dir == KERN_OUT)
		s->tfc_pad = 600;
}

bool r_tfc(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	uint8_t p[FRAME_MAX];
	size_t n;

	(void)r;
	t.sa = sa_tfc;
	if (!tun_up(l, &t) || !both_ways(l, (struct talk){ 0 }))
		return false;
	return !l->moves || (seen(l, (struct talk){ 0 }, p, &n, NULL) && n > 600) ? true :
		lab_fail(l, "a short packet has %zu bytes on the wire", n);
}

static uint8_t how_offload;

static void sa_offload(struct kern_sa *s, int side)
{
	(void)side;
	s->offload = how_offload;
}

bool r_offload(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	unsigned said = l->side[LAB_A].n_said;

	how_offload = (uint8_t)r->arg;
	t.sa = sa_offload;
	if (r->arg == KERN_OFFLOAD_AUTO)
		return tun_up(l, &t) && (!(l->caps & KERN_CAP_OFFLOAD) || l->side[LAB_A].n_said != said ||
			lab_fail(l, "nothing was said of the missing offload")) && both_ways(l, (struct talk){ 0 });
	if (tun_up(l, &t))
		return lab_fail(l, "the wire has no offload, and it was taken");
	l->why[0] = 0;
	return l->refused == E_NOT_SUPPORTED ? true : lab_fail(l, "it was refused as \"%s\"", err_text(l->refused));
}
