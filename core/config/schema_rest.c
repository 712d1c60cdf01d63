/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of adit-rest. */
#include "config/rest.h"

#include <stdlib.h>

#define AT(field) .off = offsetof(struct rest_conf, field), .size = sizeof(((struct rest_conf *)0)->field)

static const struct conf_key rest_keys[] = {
	{ "listen", CONF_T_STRINGS, AT(listen),
	  .doc = "Where to listen: ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH; 127.0.0.1:8480 without it. Other addresses than "
		 "loopback need TLS." },
	{ "socket", CONF_T_PATH, AT(socket), .doc = "Socket of aditd; the one it was built with without it." },
	{ "tokens", CONF_T_PATH, AT(tokens), .doc = "File of the tokens that `adit-rest token` writes; rest.tokens beside this file's "
						     "usual place without it." },
	{ "web", CONF_T_PATH, AT(web), .doc = "Folder of the web page; the installed one without it." },
	{ "tls_cert", CONF_T_PATH, AT(tls_cert), .doc = "Certificate of the server and those that signed it, PEM. TLS 1.3 alone is spoken." },
	{ "tls_key", CONF_T_PATH, AT(tls_key), .doc = "Private key of the server, PEM." },
	{ "client_ca", CONF_T_PATH, AT(client_ca),
	  .doc = "Certification authority, PEM, whose client certificates may have a role (`adit-rest token add --cert`)." },
	{ "user", CONF_T_STRING, AT(user), .doc = "User to become when started as root." },
	{ "cors_origins", CONF_T_STRINGS, AT(cors), .doc = "Origins whose pages may call from a browser; none without it." },
	{ "max_connections", CONF_T_INT, AT(max_connections), .min = 1, .max = 4096, .def = "256", .doc = "HTTP connections at once." },
	{ "max_per_client", CONF_T_INT, AT(max_per_client), .min = 1, .max = 4096, .def = "64",
	  .doc = "HTTP connections at once of one address." },
	{ "max_streams", CONF_T_INT, AT(max_streams), .min = 0, .max = 1024, .def = "32", .doc = "Streams of events at once." },
	{ "max_body", CONF_T_INT, AT(max_body), .min = 1024, .max = 67108864, .def = "524288", .unit = "bytes",
	  .doc = "Longest body of a request." },
	{ "request_timeout", CONF_T_TIME_S, AT(request_timeout_s), .min = 1, .max = 3600, .unit = "s", .def = "60",
	  .doc = "Time a connection has to send a whole request." },
	{ "rate", CONF_T_INT, AT(rate), .min = 0, .max = 100000, .def = "50", .doc = "Requests per second of one caller, on average; 0 no limit." },
	{ "burst", CONF_T_INT, AT(burst), .min = 1, .max = 100000, .def = "200", .doc = "Requests of one caller at once." },
	{ "failures", CONF_T_INT, AT(failures), .min = 0, .max = 100000, .def = "20",
	  .doc = "Wrong tokens per minute from one address, after which it has to wait; 0 no limit." },
	{ "metrics_connections", CONF_T_INT, AT(metrics_connections), .min = 0, .max = 10000, .def = "100",
	  .doc = "Connections with metrics of their own; the others are told in one sum." },
};
const struct conf_schema conf_schema_rest = { "rest", "Settings of adit-rest.", rest_keys, ARRAY_LEN(rest_keys) };

static const struct conf_key top_keys[] = {
	{ "rest", CONF_T_SECTION, .off = CONF_NOWHERE, .doc = "Settings of adit-rest.", .sub = &conf_schema_rest },
};
const struct conf_schema conf_schema_rest_top = { "file", "The file of adit-rest.", top_keys, ARRAY_LEN(top_keys) };

static void words_free(char **v)
{
	for (char **p = v; p && *p; p++)
		free(*p);
	free(v);
}

void conf_rest_free(struct rest_conf *c)
{
	if (!c)
		return;
	char *texts[] = { c->socket, c->tokens, c->web, c->tls_cert, c->tls_key, c->client_ca, c->user };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	words_free(c->listen);
	words_free(c->cors);
	free(c);
}

err_t conf_rest_from(const struct conf_node *section, struct rest_conf **out, struct diag **why)
{
	struct rest_conf *c = calloc(1, sizeof *c);
	if (!c)
		return E_NOMEM;
	err_t err = conf_defaults(&conf_schema_rest, c);
	if (!err && section)
		err = conf_check(&conf_schema_rest, section, c, why);
	if (!err && !c->tls_cert != !c->tls_key)
		err = diag_set(why, E_NEEDS, "tls_cert and tls_key belong together: set both");
	if (!err && c->client_ca && !c->tls_cert)
		err = diag_set(why, E_NEEDS, "client_ca needs TLS: set tls_cert and tls_key");
	if (err) {
		conf_rest_free(c);
		return err;
	}
	*out = c;
	return 0;
}
