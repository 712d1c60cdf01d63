/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads plugins: opens the shared objects of a directory, checks their ABI, orders them by what their features need and
 * like, starts them, runs the known-answer tests and offers what passed in the registry. A plugin or feature that
 * fails is one line in the log and is left out; that is no error of the loader.
 * Loop thread, before the sandbox closes. Shared objects stay loaded until the process ends: others keep their tables.
 */
#ifndef ADIT_PLUGIN_LOADER_H
#define ADIT_PLUGIN_LOADER_H

#include "plugin/host.h"

struct loader;

/* s and its registry are borrowed. */
MUST err_t loader_new(const struct plug_services *s, struct loader **out, struct diag **why);
/* Stops all plugins, the last started first. */
void loader_free(struct loader *l);

/* Opens the plugins of `dir`: all files NAME.so (not lib*.so), or those named, which is also their order of preference
 * (NULL-terminated; one that is missing is an error of the configuration: E_NOT_FOUND). dir and files have to belong
 * to root, to our user or to the owner of this program, and must not be writable for everybody: E_PERM. */
MUST err_t loader_open(struct loader *l, const char *dir, const char *const *names, struct diag **why);
/* Leaves out the plugins that offer features of this kind and have another name (NULL: all of them).
 * Before the start. */
void loader_keep_only(struct loader *l, uint16_t kind, const char *name);
/* Starts everything that was opened. measure_us: how long each algorithm of each provider is measured, 0 not; cache:
 * file that keeps the measurements for the next start, NULL none. When measured, key exchanges and signatures are in
 * reserve until loader_settle, since their known-answer tests take long. */
void loader_start(struct loader *l, unsigned measure_us, const char *cache);
/* Behind registry_prefer and registry_pin: tests the best provider of each algorithm in reserve and offers it; the next
 * one when it fails, with one line. */
void loader_settle(struct loader *l);
/* Tells every plugin that the configuration changed. A failure is a line in the log. */
void loader_reconfigure(struct loader *l);

#endif
