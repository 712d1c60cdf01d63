/* SPDX-License-Identifier: Apache-2.0 */
/* Events: written once, sent to every client that registered; and the events of the engine. */
#include "api/server/internal.h"

#include <stdlib.h>
#include <time.h>

bool api_event_listened(const struct api_server *s, enum api_event_id id)
{
	for (const struct api_client *c = s->clients; c; c = c->next)
		if (api_client_wants(c, id))
			return true;
	return false;
}

void api_event_start(struct vici_out *o, enum api_event_id id)
{
	vici_out_init(o, VICI_EVENT, api_events[id].name, 0);
}

/* Each client gets a frame of its own: queues are freed independently, and two listeners are the usual maximum. */
static void send_copy(struct api_client *c, const struct vici_out *o)
{
	struct vici_out copy;
	slice body = slice_of(o->p, o->n);
	vici_out_init_body(&copy, o->max);
	copy.err = o->err;
	vici_out_body(&copy, body);
	copy.depth = o->depth;
	api_client_send(c, &copy, true);
}

bool api_event_kept(enum api_event_id id)
{
	return id == API_E_IKE_UPDOWN || id == API_E_ALERT || id == API_E_CONFIG;
}

/* Elements stand behind length, type and name. */
static void keep(struct api_server *s, const struct vici_out *o, enum api_event_id id)
{
	size_t head = 4 + 2 + strlen(api_events[id].name);
	struct timespec now;

	if (o->err || o->n < head || o->n - head > API_PAST_BYTES)
		return;
	struct api_past *p = &s->past[s->past_next % API_PAST];
	uint8_t *body = malloc(o->n - head + 1);
	if (!body)
		return;
	memcpy(body, o->p + head, o->n - head);
	clock_gettime(CLOCK_REALTIME, &now);
	free(p->body);
	*p = (struct api_past){ body, o->n - head, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, (uint8_t)id };
	s->past_next++;
	if (s->past_next - s->past_first > API_PAST)
		s->past_first = s->past_next - API_PAST;
}

void api_event_done(struct api_server *s, struct vici_out *o, enum api_event_id id)
{
	if (api_event_kept(id))
		keep(s, o, id);
	for (struct api_client *c = s->clients; c; c = c->next)
		if (api_client_wants(c, id))
			send_copy(c, o);
	vici_out_fini(o);
}

void api_event_to(struct api_call *call, struct vici_out *o, enum api_event_id id)
{
	if (call->outer)
		api_diagnostic(call, o);
	else if (api_client_wants(call->client, id))
		api_client_send(call->client, o, false);
	else
		vici_out_fini(o);
}

static const char *class_name(err_t code)
{
	static const char *const names[] = { "", "local", "system", "peer", "policy", "config", "resource", "cancelled" };
	unsigned c = (unsigned)err_class(code);
	return c < ARRAY_LEN(names) ? names[c] : "";
}

/* A responder's SA has no connection before the peer has said who it is. */
static const char *conn_of(const struct ike_view *v)
{
	return v->conn ? v->conn : "(unnamed)";
}

static void put_up(struct vici_out *o, const struct ike_event *ev)
{
	if (ev->up)
		vici_kv_str(o, "up", "yes");
}

static void put_updown(struct vici_out *o, const struct ike_event *ev)
{
	put_up(o, ev);
	api_put_ike(o, conn_of(ev->sa), ev->sa, false, NULL);
}

static void put_child_updown(struct vici_out *o, const struct ike_event *ev)
{
	put_up(o, ev);
	api_put_ike(o, conn_of(ev->sa), ev->sa, true, NULL);
}

static void put_ike_rekey(struct vici_out *o, const struct ike_event *ev)
{
	vici_section(o, conn_of(ev->sa));
	api_put_ike(o, "old", ev->sa, false, NULL);
	if (ev->other)
		api_put_ike(o, "new", ev->other, false, NULL);
	vici_section_end(o);
}

static void put_ike_update(struct vici_out *o, const struct ike_event *ev)
{
	char buf[NET_ADDR_TEXT];
	vici_kv_str(o, "local-host", net_addr_text(&ev->sa->local, false, buf));
	vici_kv_u64(o, "local-port", ev->sa->local.port);
	vici_kv_str(o, "remote-host", net_addr_text(&ev->sa->remote, false, buf));
	vici_kv_u64(o, "remote-port", ev->sa->remote.port);
	api_put_ike(o, conn_of(ev->sa), ev->sa, false, NULL);
}

static void put_child_rekey(struct vici_out *o, const struct ike_event *ev)
{
	static const char *const names[] = { "old", "new" };
	vici_section(o, conn_of(ev->sa));
	api_put_ike_fields(o, ev->sa);
	vici_section(o, "child-sas");
	if (ev->sa->n_children) {
		vici_section(o, ev->sa->children[0].name);
		for (uint16_t i = 0; i < ev->sa->n_children && i < ARRAY_LEN(names); i++)
			api_put_child(o, names[i], &ev->sa->children[i]);
		vici_section_end(o);
	}
	vici_section_end(o);
	vici_section_end(o);
}

static void put_alert(struct vici_out *o, const struct ike_event *ev)
{
	vici_kv_str(o, "alert", err_name(ev->code));
	vici_kv_str(o, "class", class_name(ev->code));
	vici_kv_str(o, "msg", ev->text ? ev->text : err_text(ev->code));
	if (ev->sa)
		api_put_ike(o, conn_of(ev->sa), ev->sa, false, NULL);
}

void api_server_event(struct api_server *s, const struct ike_event *ev)
{
	static const struct {
		uint8_t id;
		void (*put)(struct vici_out *o, const struct ike_event *ev);
	} rows[] = {
		[IKE_EV_IKE_UPDOWN] = { API_E_IKE_UPDOWN, put_updown },
		[IKE_EV_IKE_REKEY] = { API_E_IKE_REKEY, put_ike_rekey },
		[IKE_EV_IKE_UPDATE] = { API_E_IKE_UPDATE, put_ike_update },
		[IKE_EV_CHILD_UPDOWN] = { API_E_CHILD_UPDOWN, put_child_updown },
		[IKE_EV_CHILD_REKEY] = { API_E_CHILD_REKEY, put_child_rekey },
		[IKE_EV_ALERT] = { API_E_ALERT, put_alert },
	};
	struct vici_out o;
	if (ev->type >= ARRAY_LEN(rows) || !rows[ev->type].put ||
	    !(api_event_kept(rows[ev->type].id) || api_event_listened(s, rows[ev->type].id)))
		return;
	/* Without an SA only an alert makes sense. */
	if (ev->type != IKE_EV_ALERT && !ev->sa)
		return;
	api_event_start(&o, rows[ev->type].id);
	rows[ev->type].put(&o, ev);
	api_event_done(s, &o, rows[ev->type].id);
}

void api_server_alert(struct api_server *s, err_t code, const char *text)
{
	struct ike_event ev = { .type = IKE_EV_ALERT, .code = code, .text = text };
	api_server_event(s, &ev);
}
