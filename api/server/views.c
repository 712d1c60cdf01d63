/* SPDX-License-Identifier: Apache-2.0 */
/* IKE SAs and CHILD SAs as messages, in the field names and value forms clients of this field expect. */
#include "api/server/internal.h"

#include <inttypes.h>

const char *api_mode_name(uint8_t mode)
{
	static const char *const names[] = { [CONF_TUNNEL] = "TUNNEL", [CONF_TRANSPORT] = "TRANSPORT", [CONF_BEET] = "BEET",
					     [CONF_PASS] = "PASS",     [CONF_DROP] = "DROP" };
	return mode < ARRAY_LEN(names) && names[mode] ? names[mode] : "UNKNOWN";
}

void api_put_ts(struct vici_out *o, const char *list, const struct ts_sel *ts, size_t n)
{
	char buf[TS_TEXT];
	vici_list(o, list);
	for (size_t i = 0; i < n; i++)
		vici_item_str(o, ts_text(&ts[i], buf));
	vici_list_end(o);
}

static void put_alg(struct vici_out *o, const char *key, uint8_t type, uint16_t id)
{
	char buf[32];
	if (id)
		vici_kv_str(o, key, suite_alg_name(type, id, buf));
}

/* "ake1" to "ake7" (RFC 9370). */
static void put_extra_kes(struct vici_out *o, const uint16_t ake[7])
{
	for (unsigned i = 0; i < 7; i++) {
		char key[] = "ake1";
		key[3] = (char)('1' + i);
		put_alg(o, key, SUITE_KE, ake[i]);
	}
}

static void put_encr(struct vici_out *o, uint16_t id, uint16_t bits)
{
	put_alg(o, "encr-alg", SUITE_ENCR, id);
	if (id && bits)
		vici_kv_u64(o, "encr-keysize", bits);
}

static void put_nonzero(struct vici_out *o, const char *key, uint64_t v)
{
	if (v)
		vici_kv_u64(o, key, v);
}

static void put_hex(struct vici_out *o, const char *key, uint32_t v)
{
	if (v)
		vici_kv_fmt(o, key, "%08x", v);
}

static void put_yes(struct vici_out *o, const char *key, bool v)
{
	if (v)
		vici_kv_str(o, key, "yes");
}

static void put_usage(struct vici_out *o, const struct kern_usage *u, const char *const keys[3])
{
	vici_kv_u64(o, keys[0], u->bytes);
	vici_kv_u64(o, keys[1], u->packets);
	if (u->packets && u->use_time_s != UINT64_MAX)
		vici_kv_u64(o, keys[2], u->use_time_s);
}

void api_put_child(struct vici_out *o, const char *section, const struct ike_child_view *c)
{
	static const char *const in[] = { "bytes-in", "packets-in", "use-in" };
	static const char *const out[] = { "bytes-out", "packets-out", "use-out" };
	vici_section(o, section);
	vici_kv_str(o, "name", c->name);
	vici_kv_u64(o, "uniqueid", c->unique);
	vici_kv_u64(o, "reqid", c->reqid);
	vici_kv_str(o, "state", c->state);
	vici_kv_str(o, "mode", api_mode_name(c->mode));
	if (c->spi_in) {
		vici_kv_str(o, "protocol", c->proto == 51 ? "AH" : "ESP");
		put_yes(o, "encap", c->encap);
		vici_kv_fmt(o, "spi-in", "%08x", c->spi_in);
		vici_kv_fmt(o, "spi-out", "%08x", c->spi_out);
		put_hex(o, "mark-in", c->mark_in);
		put_hex(o, "mark-out", c->mark_out);
		put_hex(o, "if-id-in", c->if_id_in);
		put_hex(o, "if-id-out", c->if_id_out);
		put_encr(o, c->encr, c->encr_bits);
		put_alg(o, "integ-alg", SUITE_INTEG, c->integ);
		put_alg(o, "dh-group", SUITE_KE, c->ke);
		put_extra_kes(o, c->ake);
		if (c->esn)
			vici_kv_str(o, "esn", "1");
		/* Zeros when the data plane has no figures, so that the columns of a client stay where they are. */
		static const struct kern_usage none = { .use_time_s = UINT64_MAX };
		put_usage(o, c->has_usage ? &c->in : &none, in);
		put_usage(o, c->has_usage ? &c->out : &none, out);
		put_nonzero(o, "rekey-time", c->rekey_in_s);
		put_nonzero(o, "life-time", c->life_in_s);
		vici_kv_u64(o, "install-time", c->install_ago_s);
		if (*c->device)
			vici_kv_str(o, "interface", c->device);
		put_nonzero(o, "path-mtu", c->path_mtu);
		put_nonzero(o, "mtu", c->mtu);
	}
	api_put_ts(o, "local-ts", c->local_ts, c->n_local_ts);
	api_put_ts(o, "remote-ts", c->remote_ts, c->n_remote_ts);
	vici_section_end(o);
}

static void put_host(struct vici_out *o, const char *side, const struct net_addr *a, uint8_t id_type, slice id)
{
	char key[32], addr[NET_ADDR_TEXT], buf[512];
	snprintf(key, sizeof key, "%s-host", side);
	vici_kv_str(o, key, net_addr_text(a, false, addr));
	snprintf(key, sizeof key, "%s-port", side);
	vici_kv_u64(o, key, a->port);
	snprintf(key, sizeof key, "%s-id", side);
	vici_kv_str(o, key, conf_id_text(id_type, id, buf, sizeof buf));
}

static void put_tasks(struct vici_out *o, const char *list, const char *const tasks[8])
{
	if (!tasks[0])
		return;
	vici_list(o, list);
	for (int i = 0; i < 8 && tasks[i]; i++)
		vici_item_str(o, tasks[i]);
	vici_list_end(o);
}

static void put_addrs(struct vici_out *o, const char *list, const struct net_addr *v, size_t n)
{
	char addr[NET_ADDR_TEXT];

	if (!n)
		return;
	vici_list(o, list);
	for (size_t i = 0; i < n; i++)
		vici_item_str(o, net_addr_text(&v[i], false, addr));
	vici_list_end(o);
}

static void put_ring(struct vici_out *o, const struct ike_view *v)
{
	if (!v->n_ring)
		return;
	vici_list(o, "recent");
	for (uint8_t i = 0; i < v->n_ring; i++) {
		char line[256];
		snprintf(line, sizeof line, "%" PRIu64 ".%03u s ago: %s", v->ring[i].ms_ago / 1000,
			 (unsigned)(v->ring[i].ms_ago % 1000), v->ring[i].text);
		vici_item_str(o, line);
	}
	vici_list_end(o);
}

void api_put_ike_fields(struct vici_out *o, const struct ike_view *v)
{
	vici_kv_u64(o, "uniqueid", v->unique);
	vici_kv_u64(o, "version", v->version);
	vici_kv_str(o, "state", v->state);
	put_host(o, "local", &v->local, v->local_id_type, v->local_id);
	put_host(o, "remote", &v->remote, v->remote_id_type, v->remote_id);
	put_yes(o, "initiator", v->initiator);
	vici_kv_fmt(o, "initiator-spi", "%016" PRIx64, v->spi_i);
	vici_kv_fmt(o, "responder-spi", "%016" PRIx64, v->spi_r);
	put_yes(o, "nat-local", v->nat_local);
	put_yes(o, "nat-remote", v->nat_remote);
	put_yes(o, "nat-fake", v->nat_fake);
	put_yes(o, "nat-any", v->nat_local || v->nat_remote || v->nat_fake);
	put_addrs(o, "local-vips", v->local_vips, v->n_local_vips);
	put_addrs(o, "remote-vips", v->remote_vips, v->n_remote_vips);
	put_encr(o, v->suite.encr, v->suite.encr_bits);
	put_alg(o, "integ-alg", SUITE_INTEG, v->suite.integ);
	put_alg(o, "prf-alg", SUITE_PRF, v->suite.prf);
	put_alg(o, "dh-group", SUITE_KE, v->suite.ke);
	put_extra_kes(o, v->suite.ake);
	put_yes(o, "ppk", v->ppk);
	vici_kv_str(o, "pq", v->pq ? "yes" : "no");
	/* The keys exist from the first exchange on, the SA is established with the second; one that goes has no times. */
	if (v->state && strcmp(v->state, "CONNECTING") && strcmp(v->state, "CREATED") && strcmp(v->state, "DELETING") &&
	    strcmp(v->state, "DESTROYING"))
		vici_kv_u64(o, "established", v->established_ago_s);
	put_nonzero(o, "rekey-time", v->rekey_in_s);
	put_nonzero(o, "reauth-time", v->reauth_in_s);
	put_tasks(o, "tasks-queued", v->tasks_queued);
	put_tasks(o, "tasks-active", v->tasks_active);
	put_tasks(o, "tasks-passive", v->tasks_passive);
	put_ring(o, v);
}

void api_put_ike(struct vici_out *o, const char *section, const struct ike_view *v, bool with_children,
		 const struct api_child_filter *f)
{
	vici_section(o, section);
	api_put_ike_fields(o, v);
	if (with_children) {
		vici_section(o, "child-sas");
		for (uint32_t i = f ? f->from : 0; i < v->n_children && (!f || i < f->to); i++) {
			const struct ike_child_view *c = &v->children[i];
			if (f && ((f->name && strcmp(f->name, c->name)) || (f->unique && f->unique != c->unique)))
				continue;
			char name[VICI_NAME_MAX + 1];
			snprintf(name, sizeof name, "%.200s-%" PRIu64, c->name, c->unique);
			api_put_child(o, name, c);
		}
		vici_section_end(o);
	}
	vici_section_end(o);
}
