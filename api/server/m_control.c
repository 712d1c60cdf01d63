/* SPDX-License-Identifier: Apache-2.0 */
/* Methods that act on SAs and policies: commands of the engine, answered when its reply comes. */
#include "api/server/internal.h"

#include "config/store.h"

/* Texts of a command: the engine borrows them for the call of run() alone. */
struct names {
	char ike[256], child[256];
};

static struct ike_cmd cmd_of(const struct api_call *call, enum ike_verb verb, struct names *n)
{
	int64_t timeout = api_arg_i64(call, "timeout", 0);
	return (struct ike_cmd){ .verb = (uint8_t)verb,
				 .ike = api_arg(call, "ike", n->ike, sizeof n->ike),
				 .child = api_arg(call, "child", n->child, sizeof n->child),
				 .ike_id = api_arg_u64(call, "ike-id", 0),
				 .child_id = api_arg_u64(call, "child-id", 0),
				 .force = api_arg_bool(call, "force", false),
				 .reauth = api_arg_bool(call, "reauth", false),
				 .no_limits = !api_arg_bool(call, "init-limits", false),
				 .timeout_ms = timeout > 0 ? (uint64_t)timeout : 0 };
}

/* A child may be named alone: the first connection that has it is meant. False: there is none, and that was said. */
static bool find_conn(struct api_call *call, struct ike_cmd *cmd)
{
	uint64_t cursor = 0;
	if (cmd->ike)
		return true;
	for (const struct conf_conn *c; (c = conf_store_next(call->s->env.store, &cursor));)
		for (uint16_t i = 0; i < c->n_children; i++)
			if (!strcmp(c->children[i]->name, cmd->child)) {
				cmd->ike = c->name;
				return true;
			}
	api_failf(call, E_NOT_FOUND, cmd->verb == IKE_CMD_INSTALL ?
		"configuration name not found: no loaded connection has a child '%s'" : "CHILD_SA config '%s' not found", cmd->child);
	return false;
}

static void follow_log(struct api_call *call, const struct ike_cmd *cmd)
{
	struct text t = text_of(call->ike, sizeof call->ike);
	text_str(&t, cmd->ike ? cmd->ike : "");
	call->ike_id = cmd->ike_id;
	call->loglevel = (int8_t)api_arg_i64(call, "loglevel", LOG_CONTROL);
	api_log_levels(call->s);
}

/* timeout = -1: the client does not wait for what it has begun. */
static void begin(struct api_call *call, struct ike_cmd *cmd)
{
	cmd->no_wait = api_arg_i64(call, "timeout", 0) < 0;
	follow_log(call, cmd);
	api_command(call, cmd);
}

void api_do_initiate(struct api_call *call)
{
	struct names n;
	struct ike_cmd cmd = cmd_of(call, IKE_CMD_INITIATE, &n);
	if (!cmd.ike && !cmd.child) {
		api_failf(call, E_BAD_VALUE, "missing configuration name: give 'child' or 'ike'");
	} else if (find_conn(call, &cmd)) {
		begin(call, &cmd);
	}
}

void api_do_terminate(struct api_call *call)
{
	struct names n;
	struct ike_cmd cmd = cmd_of(call, IKE_CMD_TERMINATE, &n);
	if (!cmd.ike && !cmd.child && !cmd.ike_id && !cmd.child_id) {
		api_failf(call, E_BAD_VALUE, "missing terminate selector: give 'ike', 'child', 'ike-id' or 'child-id'");
	} else {
		begin(call, &cmd);
	}
}

void api_do_rekey(struct api_call *call)
{
	struct names n;
	struct ike_cmd cmd = cmd_of(call, IKE_CMD_REKEY, &n);
	if (!cmd.ike && !cmd.child && !cmd.ike_id && !cmd.child_id)
		api_failf(call, E_BAD_VALUE, "missing rekey selector: give 'ike', 'child', 'ike-id' or 'child-id'");
	else
		api_command(call, &cmd);
}

void api_do_install(struct api_call *call)
{
	struct names n;
	struct ike_cmd cmd = cmd_of(call, IKE_CMD_INSTALL, &n);
	if (find_conn(call, &cmd))
		api_command(call, &cmd);
}

void api_do_uninstall(struct api_call *call)
{
	struct names n;
	struct ike_cmd cmd = cmd_of(call, IKE_CMD_UNINSTALL, &n);
	api_command(call, &cmd);
}

void api_do_redirect(struct api_call *call)
{
	struct names n;
	struct ike_cmd cmd = cmd_of(call, IKE_CMD_REDIRECT, &n);
	char gateway[256], ip[API_TEXT_MAX + 1], id[1025];
	cmd.gateway = api_arg(call, "gateway", gateway, sizeof gateway);
	cmd.peer_ip = api_arg(call, "peer-ip", ip, sizeof ip);
	cmd.peer_id = api_arg(call, "peer-id", id, sizeof id);
	if (!cmd.gateway)
		api_failf(call, E_BAD_VALUE, "'redirect' needs the argument 'gateway'");
	else if (!cmd.ike && !cmd.ike_id && !cmd.peer_ip && !cmd.peer_id)
		api_failf(call, E_BAD_VALUE, "missing redirect selector: give 'ike', 'ike-id', 'peer-ip' or 'peer-id'");
	else
		api_command(call, &cmd);
}

static bool counts_matches(const struct api_call *call)
{
	return call->m == &api_methods[API_M_TERMINATE] || call->m == &api_methods[API_M_REKEY] ||
	       call->m == &api_methods[API_M_REDIRECT];
}

bool api_server_reply(struct api_server *s, const struct fx *fx)
{
	struct api_call *call = NULL;
	for (struct api_client *c = s->clients; c && !call; c = c->next)
		if (c->call && !c->call->ended && c->call->cmd_id && c->call->cmd_id == fx->reply.cmd_id)
			call = c->call;
	if (!call)
		return false;
	struct vici_out o;
	api_response(&o);
	vici_kv_str(&o, "success", fx->reply.err ? "no" : "yes");
	if (counts_matches(call)) {
		vici_kv_u64(&o, "matches", fx->reply.matches);
		if (call->m == &api_methods[API_M_TERMINATE])
			vici_kv_u64(&o, "terminated", fx->reply.err ? 0 : fx->reply.matches);
	}
	if (fx->reply.err)
		api_put_reason(&o, fx->reply.err, fx->reply.text);
	api_reply(call, &o);
	return true;
}
