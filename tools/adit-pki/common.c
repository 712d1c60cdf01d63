/* SPDX-License-Identifier: Apache-2.0 */
/* Files, times and lists of the commands. */
#include "pki.h"

#include "base/secret.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void *pki_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p) {
		fprintf(stderr, "adit-pki: out of memory\n");
		exit(PKI_MISUSE);
	}
	return p;
}

void pki_list_add(struct pki_list *l, void *item)
{
	l->v = reallocarray(l->v, l->n + 1, sizeof *l->v);
	if (!l->v) {
		fprintf(stderr, "adit-pki: out of memory\n");
		exit(PKI_MISUSE);
	}
	l->v[l->n++] = item;
}

bool pki_read(const struct pki *p, const char *path, uint8_t **out, size_t *n)
{
	bool in = strcmp(path, "-") == 0;
	FILE *f = in ? stdin : fopen(path, "rbe");
	size_t cap = 65536;
	bool ok = false;

	if (!f)
		return pki_say(p, 0, "%s: cannot be opened: %s", path, strerror(errno));
	uint8_t *buf = pki_alloc(cap + 1);
	for (*n = 0;;) {
		size_t got = fread(buf + *n, 1, cap - *n, f);
		*n += got;
		if (!got) {
			ok = !ferror(f);
			break;
		}
		if (*n < cap)
			continue;
		if (cap >= PKI_FILE_MAX) {
			errno = EFBIG;
			break;
		}
		uint8_t *more = pki_alloc(2 * cap + 1);
		memcpy(more, buf, *n);
		mem_wipe(buf, *n);
		free(buf);
		buf = more;
		cap *= 2;
	}
	if (!ok)
		pki_say(p, 0, "%s: cannot be read: %s", path, strerror(errno));
	if (!in)
		fclose(f);
	if (!ok) {
		free(buf);
		return false;
	}
	buf[*n] = 0;
	*out = buf;
	return true;
}

bool pki_write(const struct pki *p, const char *path, slice bytes, bool secret)
{
	if (!path || strcmp(path, "-") == 0)
		return (fwrite(bytes.p, 1, bytes.n, stdout) == bytes.n && fflush(stdout) == 0) ||
			pki_say(p, 0, "standard output cannot be written: %s", strerror(errno));
	struct stat st;
	/* A pipe or device is written as it is; a file is replaced as a whole, so that nobody ever reads half of it. */
	bool special = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
	char tmp[4096];
	int fd;
	if (special) {
		snprintf(tmp, sizeof tmp, "%s", path);
		fd = open(path, O_WRONLY | O_CLOEXEC);
	} else {
		if (snprintf(tmp, sizeof tmp, "%s.XXXXXX", path) >= (int)sizeof tmp)
			return pki_say(p, 0, "%s: the path is too long", path);
		fd = mkostemp(tmp, O_CLOEXEC);
	}
	if (fd < 0)
		return pki_say(p, 0, "%s: cannot be created: %s", path, strerror(errno));
	bool ok = true;
	for (size_t at = 0; at < bytes.n && ok;) {
		ssize_t k = write(fd, bytes.p + at, bytes.n - at);
		if (k < 0 && errno == EINTR)
			continue;
		ok = k > 0;
		at += ok ? (size_t)k : 0;
	}
	if (!special) {
		mode_t mask = umask(0);
		umask(mask);
		ok = ok && fchmod(fd, secret ? 0600 : 0666 & ~mask) == 0 && fsync(fd) == 0;
	}
	ok = close(fd) == 0 && ok;
	ok = ok && (special || rename(tmp, path) == 0);
	if (!ok) {
		pki_say(p, 0, "%s: cannot be written: %s", path, strerror(errno));
		if (!special)
			unlink(tmp);
	}
	return ok;
}

bool pki_write_object(const struct pki *p, const char *path, slice der, const char *label, bool pem, bool secret)
{
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)der.p, (unsigned)der.n };
	gnutls_datum_t out;

	if (!pem)
		return pki_write(p, path, der, secret);
	if (gnutls_pem_base64_encode2(label, &d, &out))
		return pki_say(p, 0, "PEM cannot be made");
	bool ok = pki_write(p, path, slice_of(out.data, out.size), secret);
	if (secret)
		mem_wipe(out.data, out.size);
	gnutls_free(out.data);
	return ok;
}

int pki_objects(const struct pki *p, const char *path, const char *passphrase, struct cert_objects **out)
{
	struct cert_why why = { "" };
	uint8_t *bytes;
	size_t n;

	*out = NULL;
	if (!pki_read(p, path, &bytes, &n))
		return PKI_MISUSE;
	err_t e = p->x509->parse_any(slice_of(bytes, n), passphrase, out, &why);
	mem_wipe(bytes, n);
	free(bytes);
	if (!e)
		return PKI_OK;
	pki_say(p, 0, "%s: %s%s%s", path, why.text[0] ? why.text : err_text(e), *cert_remedy(e) ? "; " : "",
		cert_remedy(e));
	p->x509->objects_free(*out);
	*out = NULL;
	return PKI_NO;
}

char *pki_passphrase(const struct pki *p, const char *path)
{
	uint8_t *bytes;
	size_t n;

	if (!pki_read(p, path, &bytes, &n))
		return NULL;
	bytes[strcspn((char *)bytes, "\r\n")] = 0;
	return (char *)bytes;
}

void pki_passphrase_free(char *pass)
{
	if (pass)
		mem_wipe(pass, strlen(pass));
	free(pass);
}

struct cert *pki_cert(const struct pki *p, const char *path)
{
	struct cert_objects *o;
	struct cert *c = NULL;

	if (pki_objects(p, path, NULL, &o))
		return NULL;
	for (size_t i = 0; i < o->n && !c; i++)
		if (o->v[i].kind == CERT_OBJ_CERT)
			c = p->x509->ref(o->v[i].cert);
	p->x509->objects_free(o);
	if (!c)
		pki_say(p, 0, "%s: there is no certificate in it", path);
	return c;
}

/* ---- times ------------------------------------------------------------------------------------------------------- */

int64_t pki_now(void)
{
	return time(NULL);
}

bool pki_time(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	char sign = 0;
	int hours = 0, minutes = 0;

	if (strcmp(text, "now") == 0) {
		*out = pki_now();
		return true;
	}
	if (text[0] == '@') {
		char *end;
		*out = strtoll(text + 1, &end, 10);
		return text[1] && !*end;
	}
	const char *p = strptime(text, "%Y-%m-%d", &tm);
	if (!p)
		return false;
	if (*p == 'T' || *p == 't' || *p == ' ') {
		p = strptime(p + 1, "%H:%M:%S", &tm);
		if (!p)
			return false;
		if (*p == '.')
			for (p++; isdigit((unsigned char)*p); p++)
				;
		if (*p == 'Z' || *p == 'z') {
			p++;
		} else {
			int n = 0;
			if (sscanf(p, "%c%2d:%2d%n", &sign, &hours, &minutes, &n) != 3 ||
			    (sign != '+' && sign != '-') || hours > 23 || minutes > 59)
				return false;
			p += n;
		}
	}
	if (*p)
		return false;
	int64_t off = (hours * 60 + minutes) * 60;
	int day = tm.tm_mday;
	*out = timegm(&tm) - (sign == '-' ? -off : off);
	return tm.tm_mday == day; /* else February had no such day */
}

bool pki_lifetime(const char *text, int64_t *out)
{
	static const struct {
		char unit;
		int64_t s;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 }, { 'y', 31557600 } };
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || n < 0 || errno || n > 1000000000)
		return false;
	if (!*end) {
		*out = n;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (*end == units[i].unit && !end[1]) {
			*out = n * units[i].s;
			return true;
		}
	return false;
}

const char *pki_time_text(int64_t t, char buf[32])
{
	time_t when = t;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return "?";
	return buf;
}
