/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rest/hub.h"

#include "base/count.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static COUNTER(c_events, "rest.events", "events taken from aditd");
static COUNTER(c_lost, "rest.events_lost", "events a listener of the gateway did not get because it does not read");

enum { RETRY_MS = 1000, SUBSCRIBE_WAIT_MS = 1000 };
/* The gateway's own event stands behind those of the schema. */
#define GATEWAY_BIT (UINT64_C(1) << 63)

struct kept {
	uint64_t bit;
	size_t n;
	char *text; /* the data line and what is above it */
};

struct hub_sub {
	struct hub *h;
	struct hub_sub *next;
	uint64_t mask, seq; /* the next one */
	uint64_t lost;
	bool greeted;
};

struct hub {
	char *socket;
	unsigned max_subs, n_subs;
	pthread_t thread;
	bool started, stop, up;
	int wake;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct hub_sub *subs;
	uint64_t listening;  /* what the daemon was asked for */
	uint64_t quiet_since_ms;
	char epoch[24];      /* of this run: an id of another one means nothing */
	struct kept ring[HUB_EVENTS];
	uint64_t first, end; /* sequence numbers that are kept */
	size_t bytes;
};

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void drop_first(struct hub *h)
{
	struct kept *k = &h->ring[h->first++ % HUB_EVENTS];
	h->bytes -= k->n;
	free(k->text);
	*k = (struct kept){ 0 };
}

/* Takes the object. */
static void publish(struct hub *h, const char *name, uint64_t bit, json_t *data)
{
	if (data)
		json_object_set_new(data, "event", json_string(name));
	char *json = data ? json_dumps(data, JSON_COMPACT) : NULL, *text = NULL;
	json_decref(data);
	pthread_mutex_lock(&h->lock);
	if (json && asprintf(&text, "id: %s-%" PRIu64 "\nevent: %s\ndata: %s\n\n", h->epoch, h->end, name, json) < 0)
		text = NULL;
	if (text) {
		size_t n = strlen(text);
		while (h->first < h->end && (h->end - h->first == HUB_EVENTS || h->bytes + n > HUB_BYTES))
			drop_first(h);
		h->ring[h->end++ % HUB_EVENTS] = (struct kept){ .bit = bit, .n = n, .text = text };
		h->bytes += n;
		count_inc(&c_events);
		pthread_cond_broadcast(&h->changed);
	}
	pthread_mutex_unlock(&h->lock);
	free(json);
}

static void gateway_event(struct hub *h, bool up, const char *why)
{
	json_t *o = json_object();
	if (o) {
		json_object_set_new(o, "up", json_boolean(up));
		if (why)
			json_object_set_new(o, "detail", json_string(why));
	}
	pthread_mutex_lock(&h->lock);
	h->up = up;
	pthread_mutex_unlock(&h->lock);
	publish(h, "gateway", GATEWAY_BIT, o);
}

/* What the listeners want; all that is not the log when there is none, for those that come back. False: nobody for long. */
static bool wanted(struct hub *h, uint64_t *mask)
{
	*mask = 0;
	pthread_mutex_lock(&h->lock);
	for (const struct hub_sub *s = h->subs; s; s = s->next)
		*mask |= s->mask;
	if (h->subs)
		h->quiet_since_ms = now_ms();
	else
		*mask = h->listening;
	bool any = h->subs || now_ms() - h->quiet_since_ms < HUB_LINGER_MS;
	pthread_mutex_unlock(&h->lock);
	*mask &= ~GATEWAY_BIT;
	return any;
}

static enum adit_api_status adjust(struct hub *h, struct adit_api *a, uint64_t *have, uint64_t want)
{
	enum adit_api_status st = ADIT_API_OK;
	for (size_t i = 0; i < api_n_events && i < 63 && !st; i++) {
		uint64_t bit = UINT64_C(1) << i;
		if ((want & bit) && !(*have & bit))
			st = adit_api_listen(a, api_events[i].name);
		else if (!(want & bit) && (*have & bit))
			st = adit_api_unlisten(a, api_events[i].name);
		/* A daemon that is older than we are does not know every event. */
		if (st == ADIT_API_UNKNOWN)
			st = ADIT_API_OK;
	}
	if (st)
		return st;
	*have = want;
	pthread_mutex_lock(&h->lock);
	h->listening = want;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	return ADIT_API_OK;
}

static void take(struct hub *h, const char *name, const struct adit_node *body)
{
	int i = api_event_find(slice_str(name));
	if (i >= 0 && i < 63)
		publish(h, name, UINT64_C(1) << i, api_json(body, api_events[i].fields, api_events[i].n_fields));
}

static void wait_for(struct hub *h, int fd, int timeout_ms)
{
	struct pollfd p[] = { { .fd = h->wake, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	uint64_t n;
	if (poll(p, fd < 0 ? 1 : 2, timeout_ms) > 0 && p[0].revents && read(h->wake, &n, sizeof n) < 0)
		return;
}

static bool stopping(struct hub *h)
{
	pthread_mutex_lock(&h->lock);
	bool stop = h->stop;
	pthread_mutex_unlock(&h->lock);
	return stop;
}

/* One connection to the daemon, until it breaks or nobody listens any more. */
static void serve(struct hub *h)
{
	struct adit_api *a;
	uint64_t have = 0, want;
	enum adit_api_status st = adit_api_open(h->socket, &a);
	if (!st)
		adit_api_set_timeout(a, 10000);
	bool more = wanted(h, &want);
	if (!st)
		st = adjust(h, a, &have, want);
	if (!st && !h->up)
		gateway_event(h, true, NULL);
	while (!st && more && !stopping(h)) {
		const char *name;
		struct adit_node *body;
		wait_for(h, adit_api_fd(a), 1000);
		while ((st = adit_api_next(a, 0, &name, &body)) == ADIT_API_OK) {
			take(h, name, body);
			adit_node_free(body);
		}
		st = st == ADIT_API_TIMEOUT ? ADIT_API_OK : st;
		more = wanted(h, &want);
		if (!st && more && want != have)
			st = adjust(h, a, &have, want);
	}
	if (st && h->up)
		gateway_event(h, false, adit_api_error(a));
	adit_api_close(a);
	pthread_mutex_lock(&h->lock);
	h->listening = more ? h->listening : 0;
	pthread_mutex_unlock(&h->lock);
}

static void *run(void *arg)
{
	struct hub *h = arg;
	uint64_t want;
	while (!stopping(h)) {
		if (wanted(h, &want))
			serve(h);
		wait_for(h, -1, RETRY_MS);
	}
	return NULL;
}

err_t hub_new(const char *socket, unsigned max_subs, struct hub **out)
{
	struct hub *h = calloc(1, sizeof *h);
	pthread_condattr_t a;
	struct timespec t;
	if (!h)
		return E_NOMEM;
	h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->socket = socket ? strdup(socket) : NULL;
	h->max_subs = max_subs;
	h->up = true;
	h->first = h->end = 1;
	clock_gettime(CLOCK_REALTIME, &t);
	snprintf(h->epoch, sizeof h->epoch, "%" PRIx64, (uint64_t)t.tv_sec << 20 | (uint64_t)t.tv_nsec >> 10);
	h->quiet_since_ms = now_ms() > HUB_LINGER_MS ? now_ms() - HUB_LINGER_MS : 0;
	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&h->changed, &a);
	pthread_condattr_destroy(&a);
	h->started = h->wake >= 0 && (!socket || h->socket) && pthread_create(&h->thread, NULL, run, h) == 0;
	if (!h->started) {
		hub_free(h);
		return E_NOMEM;
	}
	*out = h;
	return 0;
}

static void wake(struct hub *h)
{
	uint64_t one = 1;
	if (write(h->wake, &one, sizeof one) < 0)
		return; /* it is full: the thread wakes anyway */
}

void hub_stop(struct hub *h)
{
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	wake(h);
}

bool hub_stopped(struct hub *h)
{
	return stopping(h);
}

void hub_free(struct hub *h)
{
	if (!h)
		return;
	if (h->started) {
		hub_stop(h);
		pthread_join(h->thread, NULL);
	}
	while (h->first < h->end)
		drop_first(h);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	if (h->wake >= 0)
		close(h->wake);
	free(h->socket);
	free(h);
}

static void timed(struct hub *h, uint64_t until_ms)
{
	struct timespec t = { (time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000 };
	pthread_cond_timedwait(&h->changed, &h->lock, &t);
}

/* Where a listener that comes back goes on; its place may be overwritten meanwhile. */
static void place(struct hub_sub *s, const char *last_id)
{
	struct hub *h = s->h;
	size_t n = strlen(h->epoch);
	char *end;
	s->seq = h->end;
	if (!*last_id)
		return;
	uint64_t seq = UINT64_MAX;
	if (!strncmp(last_id, h->epoch, n) && last_id[n] == '-' && last_id[n + 1] >= '0' && last_id[n + 1] <= '9') {
		seq = strtoull(last_id + n + 1, &end, 10);
		seq = *end ? UINT64_MAX : seq;
	}
	if (seq < h->end)
		s->seq = seq + 1;
	else
		s->lost = 1; /* another run: nobody knows how many */
}

err_t hub_subscribe(struct hub *h, uint64_t mask, const char *last_id, struct hub_sub **out)
{
	struct hub_sub *s = calloc(1, sizeof *s);
	err_t err = s ? 0 : E_NOMEM;
	if (err)
		return err;
	s->h = h;
	s->mask = mask | GATEWAY_BIT;
	pthread_mutex_lock(&h->lock);
	if (h->n_subs == h->max_subs) {
		err = E_LIMIT;
	} else {
		place(s, last_id);
		s->next = h->subs;
		h->subs = s;
		h->n_subs++;
		wake(h);
		for (uint64_t until = now_ms() + SUBSCRIBE_WAIT_MS; (mask & ~h->listening) && !h->stop && now_ms() < until;)
			timed(h, until);
	}
	pthread_mutex_unlock(&h->lock);
	if (err)
		free(s);
	else
		*out = s;
	return err;
}

void hub_unsubscribe(struct hub_sub *s)
{
	struct hub *h = s->h;
	pthread_mutex_lock(&h->lock);
	for (struct hub_sub **p = &h->subs; *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			h->n_subs--;
			break;
		}
	h->quiet_since_ms = now_ms();
	pthread_mutex_unlock(&h->lock);
	wake(h);
	free(s);
}

static char *next_kept(struct hub_sub *s)
{
	struct hub *h = s->h;
	while (s->seq < h->end) {
		const struct kept *k = &h->ring[s->seq++ % HUB_EVENTS];
		if (k->bit & s->mask)
			return strdup(k->text);
	}
	return NULL;
}

static char *tell_lost(struct hub_sub *s)
{
	char *text = NULL;
	count_add(&c_lost, s->lost);
	if (asprintf(&text, "event: lost\ndata: {\"event\":\"lost\",\"events\":%" PRIu64 "}\n\n", s->lost) < 0)
		return NULL;
	s->lost = 0;
	return text;
}

bool hub_next(struct hub_sub *s, unsigned timeout_ms, char **text)
{
	struct hub *h = s->h;
	uint64_t until = now_ms() + timeout_ms;
	*text = NULL;
	pthread_mutex_lock(&h->lock);
	if (!s->greeted) {
		s->greeted = true;
		/* Where to go on when the first event never comes. */
		if (asprintf(text, "retry: 2000\nid: %s-%" PRIu64 "\n: %s\n\n", h->epoch, s->seq - 1,
			     h->up ? "listening" : "aditd does not answer") < 0)
			*text = NULL;
	}
	while (!*text && !h->stop) {
		if (s->seq < h->first) {
			s->lost += h->first - s->seq;
			s->seq = h->first;
		}
		*text = s->lost ? tell_lost(s) : next_kept(s);
		if (*text || now_ms() >= until)
			break;
		timed(h, until);
	}
	bool more = !h->stop;
	pthread_mutex_unlock(&h->lock);
	return more;
}
