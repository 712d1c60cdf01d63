/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, other programs, the end and the next start. */
#include "tests/contract/rows.h"

#include <stdio.h>

/* ---- errors ---- */

static bool fails(struct lab *l, struct kern_op *op, size_t n, err_t as, const char *what)
{
	err_t e = lab_submit(l, LAB_A, op, n);

	return e == as ? true : lab_fail(l, "%s: \"%s\" instead of \"%s\"", what, e ? err_text(e) : "done", err_text(as));
}

bool r_errors(struct lab *l, const struct row *r)
{
	struct tun t = tun_default(), other = tun_default();
	struct kern_usage u;

	(void)r;
	if (!tun_up(l, &t))
		return false;
	struct kern_op twice = { .verb = KERN_SA_ADD }, gone = { .verb = KERN_SA_DEL }, pol = { .verb = KERN_POLICY_DEL },
		odd = { .verb = 99 };
	tun_sa(&t, LAB_A, KERN_IN, &twice.sa);
	other.spi[LAB_A] = other.spi[LAB_B] = 0x7777;
	tun_sa(&other, LAB_A, KERN_IN, &gone.sa);
	tun_policy(&t, LAB_A, KERN_OUT, NET_V4, &pol.pol);
	narrow(&pol.pol, LAB_A, "10.2.0.77/32");
	struct kern_op batch[2] = { { .verb = KERN_SA_ADD }, gone };
	other.spi[LAB_A] = 0x8888;
	tun_sa(&other, LAB_A, KERN_IN, &batch[0].sa);
	if (!fails(l, &twice, 1, E_EXISTS, "an SA that is there, again") || !fails(l, &gone, 1, E_NOT_FOUND, "deleting an unknown SA") ||
		!fails(l, &pol, 1, E_NOT_FOUND, "deleting an unknown policy") || !fails(l, &odd, 1, E_MISUSE, "an unknown verb") ||
		!fails(l, batch, 2, E_NOT_FOUND, "a batch whose second half fails"))
		return false;
	if (lab_usage(l, LAB_A, KERN_IN, 0x8888, &u))
		return lab_fail(l, "half of a failed batch stayed");
	return both_ways(l, (struct talk){ 0 });
}

bool r_foreign(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	struct kern_op op = { .verb = KERN_POLICY_ADD };
	unsigned said = l->side[LAB_A].n_said;

	(void)r;
	if (lab_sh(l, LAB_A, "ip xfrm policy add src 10.1.0.0/24 dst 10.2.0.0/24 dir out priority 42"))
		return lab_fail(l, "the other program's policy cannot be made");
	tun_policy(&t, LAB_A, KERN_OUT, NET_V4, &op.pol);
	bool ok = fails(l, &op, 1, E_EXISTS, "a policy of another program in the way");
	if (ok && l->side[LAB_A].n_said == said)
		ok = lab_fail(l, "nothing was said of the policy in the way");
	if (ok && lab_sh(l, LAB_A, "ip xfrm policy | grep -q 'priority 42'"))
		ok = lab_fail(l, "the other program's policy is gone");
	(void)lab_sh(l, LAB_A, "ip xfrm policy del src 10.1.0.0/24 dst 10.2.0.0/24 dir out");
	return ok;
}

/* ---- the end, and the next start ---- */

static bool restart(struct lab *l)
{
	lab_stop(l, LAB_A);
	const char *why = lab_start(l, LAB_A);

	return why ? lab_fail(l, "it does not start again: %s", why) : true;
}

static bool empty(struct lab *l, const char *foreign)
{
	if (lab_sh(l, LAB_A, "! ip rule | grep -q 'lookup 220' && ! ip link show adit0 2>/dev/null"))
		return lab_fail(l, "a rule or a device stayed");
	/* Not those the kernel makes itself while it waits for an SA, nor those of sockets. */
	if (l->in_kernel && lab_sh(l, LAB_A, "n=$(ip xfrm state | grep '^.proto' | grep -vc 'spi 0x00000000'); "
		"p=$(ip xfrm policy | grep -c '^src .* dst [1f]'); [ \"$n $p\" = '%s %s' ] || "
		"{ { echo \"$n SAs, $p policies\"; ip xfrm state; ip xfrm policy; } | sed 's/^/# /'; false; }", foreign, foreign))
		return lab_fail(l, "other SAs and policies than the %s foreign ones are in the kernel", foreign);
	return true;
}

bool r_stop(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	(void)r;
	if (l->in_kernel && lab_sh(l, LAB_A, "ip xfrm state add src 198.51.100.1 dst 198.51.100.9 proto esp spi 0x99 reqid 5 mode tunnel "
		"auth 'hmac(sha1)' 0x0102030405060708090a0b0c0d0e0f1011121314 enc 'cbc(aes)' 0x0102030405060708090a0b0c0d0e0f10 && "
		"ip xfrm policy add src 10.1.0.0/24 dst 10.9.0.0/24 dir out"))
		return lab_fail(l, "the other program's SA cannot be made");
	bool ok = tun_up(l, &t);
	lab_stop(l, LAB_A);
	ok = ok && empty(l, "1");
	if (l->in_kernel)
		(void)lab_sh(l, LAB_A, "ip xfrm state del src 198.51.100.1 dst 198.51.100.9 proto esp spi 0x99; "
			"ip xfrm policy del src 10.1.0.0/24 dst 10.9.0.0/24 dir out");
	return restart(l) && ok;
}

bool r_keep(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	struct kern_policy pol;

	(void)r;
	if (!tun_up(l, &t))
		return false;
	l->ops->keep(l->side[LAB_A].self);
	if (!restart(l))
		return false;
	if (!both_ways(l, (struct talk){ 0 }))
		return false;
	tun_policy(&t, LAB_A, KERN_OUT, NET_V4, &pol);
	uint32_t left = l->ops->left_reqid(l->side[LAB_A].self, &pol), first = l->ops->first_reqid(l->side[LAB_A].self);
	if (left != t.reqid || first <= t.reqid)
		return lab_fail(l, "the policy that was left has reqid %u, new ones begin at %u", left, first);
	/* A new tunnel takes the place of the old one. */
	struct tun now = tun_default();
	if (!tun_up(l, &now) || !both_ways(l, (struct talk){ 0 }))
		return false;
	lab_clear(l);
	lab_stop(l, LAB_A);
	bool ok = empty(l, "0");
	return restart(l) && ok;
}
