/* SPDX-License-Identifier: Apache-2.0 */
#include "base/netaddr.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

/* A decimal number of all of s, at most max. */
static bool number(const char *s, uint32_t max, uint32_t *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	unsigned long long v = strtoull(s, &end, 10);
	if (*end || v > max)
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool scope_parse(const char *s, uint32_t *out)
{
	*out = if_nametoindex(s);
	return *out != 0 || number(s, UINT32_MAX, out);
}

/* An address without port. */
static bool plain(const char *s, struct net_addr *a)
{
	char buf[NET_ADDR_TEXT];
	size_t n = strlen(s);

	*a = (struct net_addr){ 0 };
	if (n >= sizeof buf)
		return false;
	memcpy(buf, s, n + 1);
	if (inet_pton(AF_INET, buf, a->a) == 1) {
		a->family = NET_V4;
		return true;
	}
	char *scope = strchr(buf, '%');
	if (scope) {
		*scope++ = 0;
		if (!scope_parse(scope, &a->scope))
			return false;
	}
	memset(a->a, 0, sizeof a->a);
	a->family = NET_V6;
	return inet_pton(AF_INET6, buf, a->a) == 1;
}

err_t net_addr_parse(const char *text, struct net_addr *out)
{
	char buf[NET_ADDR_TEXT];
	struct net_addr a;
	uint32_t port;

	if (plain(text, &a)) {
		*out = a;
		return 0;
	}
	if (strlen(text) >= sizeof buf)
		return E_BAD_VALUE;
	strcpy(buf, text);
	char *colon = strrchr(buf, ':');
	if (!colon || !number(colon + 1, UINT16_MAX, &port))
		return E_BAD_VALUE;
	*colon = 0;
	char *host = buf;
	bool brackets = *host == '[' && colon[-1] == ']';
	if (brackets) {
		host++;
		colon[-1] = 0;
	}
	if (!plain(host, &a) || (a.family == NET_V6) != brackets)
		return E_BAD_VALUE;
	a.port = (uint16_t)port;
	*out = a;
	return 0;
}

char *net_addr_text(const struct net_addr *a, bool with_port, char buf[NET_ADDR_TEXT])
{
	struct text t = text_of(buf, NET_ADDR_TEXT);
	char host[INET6_ADDRSTRLEN];

	if (a->family == NET_V4 || a->family == NET_V6) {
		inet_ntop(a->family == NET_V4 ? AF_INET : AF_INET6, a->a, host, sizeof host);
		text_str(&t, host);
	} else {
		text_str(&t, "%any");
	}
	if (a->scope)
		text_fmt(&t, "%%%u", a->scope);
	if (with_port)
		text_fmt(&t, "[%u]", a->port);
	return buf;
}
