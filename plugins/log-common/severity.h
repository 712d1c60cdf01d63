/* SPDX-License-Identifier: Apache-2.0 */
/* Which severities of syslog the levels of the log have, as the settings of a plugin say. Header only. */
#ifndef ADIT_LOG_COMMON_SEVERITY_H
#define ADIT_LOG_COMMON_SEVERITY_H

#include "base/log_line.h"
#include "plugin/abi.h"

#include <stdio.h>

enum { LOG_SEVERITIES = 3 }; /* of levels 0, 1, 2 and above */

/* Reads severity_audit, severity_control and severity_detail of a subsection (NULL: of the plugin itself). What is no
 * severity is told, and the default of the level is used. */
static inline void log_severities(const struct plug_host *host, const char *section, int severity[LOG_SEVERITIES])
{
	static const struct {
		const char *key;
		int otherwise;
	} rows[LOG_SEVERITIES] = {
		{ "severity_audit", LOG_SEV_NOTICE }, { "severity_control", LOG_SEV_INFO }, { "severity_detail", LOG_SEV_DEBUG },
	};
	char key[96], text[260];

	for (size_t i = 0; i < LOG_SEVERITIES; i++) {
		snprintf(key, sizeof key, "%.60s%s%s", section ? section : "", section ? "." : "", rows[i].key);
		const char *value = host->conf(host->h, key);
		severity[i] = log_severity(value);
		if (severity[i] >= 0)
			continue;
		severity[i] = rows[i].otherwise;
		if (!value)
			continue;
		snprintf(text, sizeof text, "%s = %.40s: expected emerg, alert, crit, err, warning, notice, info or debug; "
			"%s is used", key, value, log_severity_name(severity[i]));
		host->log(host->h, 0, text);
	}
}

#endif
