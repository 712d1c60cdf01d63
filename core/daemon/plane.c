/* SPDX-License-Identifier: Apache-2.0 */
/* The data plane: which plugin of kind kernel-sa is used, and the calls into it. */
#include "daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>

enum { ALGS_MAX = 256 };

struct daemon_plane {
	const struct kern_ops *ops; /* NULL: there is none */
	void *self;
	const char *name;
	uint32_t caps;
	struct plug_feat alg[ALGS_MAX]; /* what it does */
	size_t n_alg;
};

static const struct plug_feat_row *kernel_feat(const struct reg_plugin *p)
{
	for (size_t i = 0; p->desc && i < p->desc->n_feats; i++)
		if (p->desc->feats[i].is.kind == PLUG_KERNEL_SA)
			return &p->desc->feats[i];
	return NULL;
}

static bool named_in_load(const struct daemon *d, const char *name)
{
	for (char **v = d->settings->load; v && *v; v++)
		if (strcmp(*v, name) == 0)
			return true;
	return false;
}

/* The best candidate below `than` (NULL: of all). */
static const struct reg_plugin *candidate(const struct daemon *d, const struct reg_plugin *than)
{
	const char *want = d->settings->kernel;
	const struct reg_plugin *p, *best = NULL;
	size_t cursor = 0;

	while ((p = registry_each_plugin(d->reg, &cursor))) {
		const struct plug_feat_row *f = kernel_feat(p);
		if (!f || p->state == REG_REFUSED || p == than)
			continue;
		/* A data plane without packets only when somebody asks for it by name. */
		bool may = want ? strcmp(want, p->name) == 0 : !(f->flags & PLUG_WEAK) || named_in_load(d, p->name);
		if (may && (!than || f->prio < kernel_feat(than)->prio) && (!best || f->prio > kernel_feat(best)->prio))
			best = p;
	}
	return best;
}

/* Does it work on this host? What does not is said once; another may. */
static bool works(const struct daemon *d, const struct reg_plugin *p, char *text, size_t cap)
{
	const struct kern_ops *ops = kernel_feat(p)->ops;

	if (p->desc->abi_minor < 1)
		snprintf(text, cap, "it was built for ABI %u.%u, and data planes need 1.1: build it again", p->desc->abi_major,
			p->desc->abi_minor);
	else if (!KERN_OPS_HAS(ops, probe) || ops->probe(text, cap) == 0)
		return true;
	LOGF(d->log, LOG_KERNEL, d->settings->kernel ? LOG_AUDIT : LOG_CONTROL, NULL, "data plane %s cannot be used: %s",
		p->name, text);
	return false;
}

err_t plane_choose(struct daemon *d, struct diag **why)
{
	const char *want = d->settings->kernel;
	const struct reg_plugin *best = candidate(d, NULL);
	char text[256] = "";

	while (best && !works(d, best, text, sizeof text))
		best = want ? NULL : candidate(d, best);
	if (want && !best && text[0])
		return diag_set(why, E_NOT_SUPPORTED, "aditd.kernel asks for the data plane \"%s\", which cannot be used: %s",
			want, text);
	if (want && !best)
		return diag_set(why, E_NOT_FOUND, "aditd.kernel asks for the data plane \"%s\", and no plugin of this "
			"name is loaded from the plugin directory", want);
	loader_keep_only(d->loader, PLUG_KERNEL_SA, best ? best->name : NULL);
	return 0;
}

static void note_alg(void *arg, uint8_t kind, uint16_t id, uint16_t bits)
{
	struct daemon_plane *p = arg;

	if (p->n_alg < ALGS_MAX)
		p->alg[p->n_alg++] = (struct plug_feat){ kind, id, bits };
}

static bool has_alg(const struct daemon_plane *p, uint16_t kind, uint16_t id, uint16_t bits)
{
	for (size_t i = 0; i < p->n_alg; i++)
		if (p->alg[i].kind == kind && p->alg[i].id == id && (!bits || !p->alg[i].arg || p->alg[i].arg == bits))
			return true;
	return false;
}

/* Is the algorithm of a child proposal provided? */
static bool child_has(void *arg, uint8_t proto, const struct suite_tf *tf)
{
	const struct daemon *d = arg;
	const struct daemon_plane *p = d->plane;

	(void)proto;
	if (tf->type == SUITE_ESN)
		return tf->id == SUITE_ESN_NO || !p->ops || p->caps & KERN_CAP_ESN;
	if (tf->type == SUITE_ENCR)
		return !p->n_alg || has_alg(p, PLUG_ENCR, tf->id, tf->bits);
	if (tf->type == SUITE_INTEG)
		return !p->n_alg || tf->id == SUITE_INTEG_NONE || has_alg(p, PLUG_INTEG, tf->id, 0);
	return tf->id == SUITE_KE_NONE || crypto_kex(&d->crypto, tf->id) != NULL;
}

err_t plane_start(struct daemon *d, struct diag **why)
{
	const struct reg_feat *f = registry_best(d->reg, PLUG_KERNEL_SA, 0, 0);
	struct daemon_plane *p = calloc(1, sizeof *p);

	if (!p)
		return diag_set(why, E_NOMEM, "no memory for the data plane");
	d->plane = p;
	d->can_ike = suite_env_crypto(&d->crypto);
	d->can_ike.hybrid = true;
	const char *broken = conf_settings_plugin(d->settings, "crypto", "broken");
	d->can_ike.broken = broken && strcmp(broken, "yes") == 0;
	d->can_child = (struct suite_env){ .has = child_has, .arg = d, .broken = d->can_ike.broken };
	d->can = (struct conf_can){ .ike = &d->can_ike, .child = &d->can_child, .daemon = &d->conf };
	if (!f) {
		LOGF(d->log, LOG_KERNEL, LOG_AUDIT, &(struct log_ctx){ .code = E_NEEDS }, "there is no data plane: "
			"tunnels cannot be installed (plugin kernel-user carries packets; is it in the plugin "
			"directory, and may it start?)");
		return 0;
	}
	p->ops = f->row->ops;
	p->self = f->plugin->self;
	p->name = f->plugin->name;
	if (p->ops->each_alg)
		p->ops->each_alg(p->self, note_alg, p);
	p->caps = KERN_OPS_HAS(p->ops, caps_now) ? p->ops->caps_now(p->self) : p->ops->caps;
	d->can.kern_known = true;
	d->can.kern_caps = p->caps;
	d->can.max_replay_window = p->ops->max_replay_window;
	LOGF(d->log, LOG_KERNEL, LOG_CONTROL, NULL, "data plane: %s%s", p->name,
		p->caps & KERN_CAP_NULL ? " (moves no packets)" : "");
	return p->caps & KERN_CAP_SOCKETS ? udp_for_kernel(d->udp, why) : 0;
}

void plane_stop(struct daemon *d)
{
	free(d->plane);
	d->plane = NULL;
}

err_t plane_submit(struct daemon *d, struct kern_op *ops, size_t n, uint64_t token)
{
	const struct daemon_plane *p = d->plane;

	if (!p->ops)
		return E_NOT_SUPPORTED;
	err_t e = p->ops->submit(p->self, ops, n, token);
	netplane_policies(d, ops, e ? 0 : n);
	return e;
}

err_t plane_can(void *arg, uint16_t encr_id, uint16_t encr_bits, uint16_t integ_id, bool esn)
{
	const struct daemon_plane *p = ((struct daemon *)arg)->plane;

	if (!p->ops)
		return E_NOT_SUPPORTED;
	return p->ops->can ? p->ops->can(p->self, encr_id, encr_bits, integ_id, esn) : 0;
}

err_t plane_usage(void *arg, uint8_t dir, uint32_t spi, const struct net_addr *dst, struct kern_usage *out)
{
	const struct daemon_plane *p = ((struct daemon *)arg)->plane;

	return p->ops && p->ops->usage ? p->ops->usage(p->self, dir, spi, dst, out) : E_NOT_FOUND;
}

void plane_esp(void *arg, const struct kern_udp *v, size_t n)
{
	const struct daemon_plane *p = ((struct daemon *)arg)->plane;

	if (p->ops && p->ops->esp_in_udp)
		p->ops->esp_in_udp(p->self, v, n);
}

uint32_t plane_caps(const struct daemon *d)
{
	return d->plane->caps;
}

bool plane_has(void *arg, uint32_t caps)
{
	struct daemon *d = arg;
	struct daemon_plane *p = d->plane;

	if (caps & ~p->caps && p->ops && KERN_OPS_HAS(p->ops, caps_now)) {
		p->caps = p->ops->caps_now(p->self);
		d->can.kern_caps = p->caps;
	}
	return !(caps & ~p->caps);
}

uint32_t plane_left_reqid(void *arg, const struct kern_policy *pol)
{
	const struct daemon_plane *p = ((struct daemon *)arg)->plane;

	return p->ops && KERN_OPS_HAS(p->ops, left_reqid) ? p->ops->left_reqid(p->self, pol) : 0;
}

uint32_t plane_first_reqid(const struct daemon *d)
{
	const struct daemon_plane *p = d->plane;

	return p->ops && KERN_OPS_HAS(p->ops, first_reqid) ? p->ops->first_reqid(p->self) : 0;
}

uint32_t plane_last_reqid(const struct daemon *d)
{
	const struct daemon_plane *p = d->plane;

	return p->ops && p->ops->size >= offsetof(struct kern_ops, last_reqid) + sizeof p->ops->last_reqid ? p->ops->last_reqid : 0;
}

bool plane_keep(struct daemon *d)
{
	const struct daemon_plane *p = d->plane;
	bool can = p->ops && KERN_OPS_HAS(p->ops, keep);

	if (can)
		p->ops->keep(p->self);
	return can;
}
