/* SPDX-License-Identifier: Apache-2.0 */
/* ipsec.secrets, of strongSwan's starter and of libreswan: "OWNERS : KIND VALUE" to sections of secrets. */
#include "tools/adit/import_ipsec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The next owner: a word, or all between quotes. NULL: there is none any more. */
static char *next_owner(char **at)
{
	char *p = *at + strspn(*at, " \t");
	char quote = *p == '"' || *p == '\'' ? *p : 0;

	if (!*p)
		return NULL;
	p += quote != 0;
	char *end = p + strcspn(p, quote == '"' ? "\"" : quote ? "'" : " \t");
	*at = end + (*end != 0);
	*end = 0;
	return p;
}

static void put_secret(struct import *im, char *owners, char *rest)
{
	static const char *const kinds[][2] = { { "PSK", "ike" }, { "EAP", "eap" }, { "XAUTH", "xauth" }, { "NTLM", "ntlm" },
		{ "RSA", "rsa" }, { "ECDSA", "ecdsa" }, { "PKCS8", "pkcs8" }, { "P12", "pkcs12" } };
	char kind[16] = "", key[32];
	const char *to = NULL;
	unsigned n = 0;

	sscanf(rest, "%15s", kind);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		to = strcasecmp(kind, kinds[i][0]) ? to : kinds[i][1];
	if (!to) {
		import_report(im, "secrets of kind '%s' cannot be taken over", kind);
		return;
	}
	char *value = ipsec_trim(rest + strcspn(rest, kind) + strlen(kind));
	bool file = !strcmp(to, "rsa") || !strcmp(to, "ecdsa") || !strcmp(to, "pkcs8") || !strcmp(to, "pkcs12");
	struct conf_node *at = import_secret(im, to);
	if (file) {
		char name[1024] = "", pass[1024] = "";
		sscanf(value, *value == '"' ? "\"%1023[^\"]\" \"%1023[^\"]\"" : "%1023s \"%1023[^\"]\"", name, pass);
		import_set(im, at, "file", name);
		import_set(im, at, "secret", strcmp(value, "%prompt") ? pass : NULL);
		return;
	}
	size_t len = strlen(value);
	if (len > 1 && (value[0] == '"' || value[0] == '\'') && value[len - 1] == value[0]) {
		value[len - 1] = 0;
		value++;
	}
	for (char *o; (o = next_owner(&owners));) {
		char id[1024];
		if (!strcmp(o, "%any") || !strcmp(o, "%any6") || !strcmp(o, "0.0.0.0"))
			continue;
		snprintf(key, sizeof key, "id-%u", ++n);
		import_set(im, at, key, import_id(o, id, sizeof id));
	}
	import_set(im, at, "secret", value);
}

void import_ipsec_secrets(struct import *im, const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;

	im->file = path;
	im->line = 0;
	if (!f) {
		import_report(im, "cannot be read");
		im->failed = true;
		return;
	}
	while (getline(&text, &cap, f) >= 0) {
		im->line++;
		ipsec_cut_comment(text);
		char *p = ipsec_trim(text), *colon = NULL;
		if (!*p)
			continue;
		if (!strncmp(p, "include", 7)) {
			import_report(im, "'%s': name the file on the command line", p);
			continue;
		}
		/* The colon between owners and kind stands alone; addresses of IPv6 hold some, too. */
		for (char *q = p; *q && !colon; q++)
			if (*q == ':' && (q == p || q[-1] == ' ' || q[-1] == '\t' || isspace((unsigned char)q[1])))
				colon = q;
		if (!colon) {
			import_report(im, "no ':' between the owners and the secret");
			continue;
		}
		*colon = 0;
		put_secret(im, p, ipsec_trim(colon + 1));
	}
	if (text)
		explicit_bzero(text, cap);
	free(text);
	fclose(f);
}
