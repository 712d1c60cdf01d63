/* SPDX-License-Identifier: Apache-2.0 */
/* The version, from configure. */
#ifndef ADIT_DAEMON_VERSION_H
#define ADIT_DAEMON_VERSION_H

#include "config.h"

#define ADIT_VERSION PACKAGE_VERSION

#endif
