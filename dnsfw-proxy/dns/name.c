/* Domain names: reading, comparing, and their text. */
#include "name.h"

#include <assert.h>
#include <string.h>

static const char *const err_text[] = {
	[DNS_OK] = "no error",
	[DNS_ESHORT] = "message ends too early",
	[DNS_ELABEL] = "bad label type or length",
	[DNS_EPOINTER] = "bad compression pointer",
	[DNS_ENAME] = "name above 255 octets",
	[DNS_EEMPTY] = "empty label",
	[DNS_ECHAR] = "bad character in a name",
	[DNS_EHEADER] = "shorter than a header",
	[DNS_EQR] = "QR flag is wrong",
	[DNS_EQDCOUNT] = "not one question",
	[DNS_EOPT] = "OPT record repeated or misplaced",
	[DNS_ERDATA] = "rdata does not fit its type",
	[DNS_ECOUNT] = "more records than fit into the message",
	[DNS_EQUESTION] = "not the question that was asked",
	[DNS_EFULL] = "no room for the result",
	[DNS_ESTEPS] = "too many compression pointers",
};
static_assert(sizeof(err_text) / sizeof(err_text[0]) == DNS_ERR_COUNT,
    "a text for each error");

const char *
dns_strerror(enum dns_err err)
{
	return ((unsigned int)err < DNS_ERR_COUNT ? err_text[err] : "unknown");
}

/* A name under construction: the octets of its labels so far. */
struct sink {
	uint8_t		*wire;
	size_t		 len;
	unsigned int	 labels;
};

/* Take a label of n octets (0: the root) that is at run->pos. */
static enum dns_err
sink_label(struct sink *s, struct rcur *run, uint8_t n)
{
	/* Behind a label that is not the root, the root needs its octet. */
	if (n > 0 && DNS_NAME_MAX - s->len < (size_t)n + 2)
		return (DNS_ENAME);
	s->wire[s->len] = n;
	if (rcur_bytes(run, s->wire + s->len + 1, n) == -1)
		return (DNS_ESHORT);
	s->len += (size_t)n + 1;
	s->labels += n > 0;
	return (DNS_OK);
}

/* The labels from run->pos to the root, or to a pointer: then *pointer. */
static enum dns_err
read_run(struct rcur *run, struct sink *s, bool *pointer, size_t *target)
{
	enum dns_err err;
	uint8_t n, low;

	*pointer = false;
	do {
		if (rcur_u8(run, &n) == -1)
			return (DNS_ESHORT);
		if (n >= DNS_POINTER_BITS) {
			if (rcur_u8(run, &low) == -1)
				return (DNS_ESHORT);
			*pointer = true;
			*target = (n & ~DNS_POINTER_BITS) << 8 | low;
			return (DNS_OK);
		}
		if (n > DNS_LABEL_MAX)
			return (DNS_ELABEL);
		if ((err = sink_label(s, run, n)) != DNS_OK)
			return (err);
	} while (n > 0);
	return (DNS_OK);
}

enum dns_err
dns_name_read(struct rcur *c, bool pointers, struct dns_name *out)
{
	struct sink sink = { .wire = out->wire };
	struct rcur run = *c;
	size_t start = c->pos, end = 0, target = 0;
	unsigned int hops;
	enum dns_err err;
	bool pointer;

	for (hops = 0;; hops++) {
		err = read_run(&run, &sink, &pointer, &target);
		/* Only the first run can meet the end of the message. */
		if (err == DNS_ESHORT && hops > 0)
			return (DNS_EPOINTER);
		if (err != DNS_OK)
			return (err);
		if (hops == 0)
			end = run.pos;
		if (!pointer)
			break;
		if (!pointers || target >= start || hops == DNS_POINTERS_MAX)
			return (DNS_EPOINTER);
		/*
		 * An earlier name lies wholly before this one, so the next
		 * run may not reach into the run that led to it.
		 */
		run.len = start;
		run.pos = start = target;
	}
	out->len = (uint8_t)sink.len;
	out->labels = (uint8_t)sink.labels;
	c->pos = end;
	return (DNS_OK);
}

enum dns_err
dns_name_skip(struct rcur *c)
{
	struct rcur run = *c;
	uint8_t n;

	do {
		if (rcur_u8(&run, &n) == -1)
			return (DNS_ESHORT);
		if (n >= DNS_POINTER_BITS) {
			if (rcur_skip(&run, 1) == -1)
				return (DNS_ESHORT);
			break;
		}
		if (n > DNS_LABEL_MAX)
			return (DNS_ELABEL);
		if (rcur_skip(&run, n) == -1)
			return (DNS_ESHORT);
	} while (n > 0);
	c->pos = run.pos;
	return (DNS_OK);
}

/* Length octets are at most 63, below every letter, so they never change. */
static uint8_t
lower(uint8_t c)
{
	return (c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c);
}

/* The same for eight octets at once. */
static uint64_t
lower8(uint64_t octets)
{
	const uint64_t each = 0x0101010101010101, top = 0x80 * each;
	uint64_t low = octets & ~top;	/* sums stay within their octet */
	uint64_t from_a = low + (0x80 - 'A') * each;
	uint64_t above_z = low + (0x7f - 'Z') * each;

	return (octets | (from_a & ~above_z & ~octets & top) >> 2);
}

void
dns_name_fold(const struct dns_name *in, struct dns_name *out)
{
	uint64_t octets;
	size_t i;

	out->len = in->len;
	out->labels = in->labels;
	for (i = 0; i + sizeof(octets) <= in->len; i += sizeof(octets)) {
		memcpy(&octets, in->wire + i, sizeof(octets));
		octets = lower8(octets);
		memcpy(out->wire + i, &octets, sizeof(octets));
	}
	for (; i < in->len; i++)
		out->wire[i] = lower(in->wire[i]);
}

static bool
octets_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint64_t from_a, from_b;
	size_t i;

	/* Most are, and memcmp is fast. */
	if (memcmp(a, b, len) == 0)
		return (true);
	for (i = 0; i + sizeof(from_a) <= len; i += sizeof(from_a)) {
		memcpy(&from_a, a + i, sizeof(from_a));
		memcpy(&from_b, b + i, sizeof(from_b));
		if (lower8(from_a) != lower8(from_b))
			return (false);
	}
	for (; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return (false);
	return (true);
}

bool
dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return (a->len == b->len && octets_equal(a->wire, b->wire, a->len));
}

bool
dns_name_is_under(const struct dns_name *name, const struct dns_name *above)
{
	size_t at = 0;

	while (at + above->len < name->len)
		at += name->wire[at] + 1U;
	return (at + above->len == name->len &&
	    octets_equal(name->wire + at, above->wire, above->len));
}

bool
dns_name_identical(const struct dns_name *a, const struct dns_name *b)
{
	return (a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0);
}

/* An octet of a label that is no text by itself. */
static size_t
print_escaped(uint8_t c, char *buf)
{
	buf[0] = '\\';
	buf[1] = (char)('0' + c / 100);
	buf[2] = (char)('0' + c / 10 % 10);
	buf[3] = (char)('0' + c % 10);
	return (4);
}

/* n octets of a label; returns the number of characters. */
static size_t
print_label(const uint8_t *label, size_t n, char *buf)
{
	size_t i, len = 0;
	uint8_t c;

	for (i = 0; i < n; i++) {
		c = label[i];
		if (c > ' ' && c < 0x7f && c != '.' && c != '\\')
			buf[len++] = (char)c;
		else
			len += print_escaped(c, buf + len);
	}
	return (len);
}

size_t
dns_name_print(const struct dns_name *name, char buf[DNS_NAME_TEXT_MAX])
{
	size_t at, label, left, n = 0;

	for (at = 0; at + 1 < name->len; at += label) {
		label = name->wire[at++];
		left = name->len - at;
		n += print_label(name->wire + at, label < left ? label : left,
		    buf + n);
		buf[n++] = '.';
	}
	if (n == 0)
		buf[n++] = '.';
	buf[n] = '\0';
	return (n);
}

/* May the octet, folded, stand in a name? */
static bool
is_name_char(uint8_t c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '_');
}

/* One label of text at *at, appended to out; *at is left behind it. */
static enum dns_err
parse_label(const char *text, size_t len, size_t *at, struct dns_name *out)
{
	/* Behind the length octet, and without that of the root. */
	const int room = DNS_NAME_MAX - out->len - 2;
	uint8_t *label = out->wire + out->len;
	const char *from = text + *at;
	size_t left = len - *at;
	uint8_t n, c;

	for (n = 0; n < left && from[n] != '.'; n++) {
		c = lower((uint8_t)from[n]);
		*at = (size_t)(from - text) + n;
		if (!is_name_char(c))
			return (DNS_ECHAR);
		if (n == DNS_LABEL_MAX)
			return (DNS_ELABEL);
		if (n >= room)
			return (DNS_ENAME);
		label[n + 1] = c;
	}
	*at = (size_t)(from - text) + n;
	if (n == 0)
		return (DNS_EEMPTY);
	label[0] = n;
	out->len = (uint8_t)(out->len + n + 1);
	out->labels++;
	return (DNS_OK);
}

enum dns_err
dns_name_parse(const char *text, size_t len, struct dns_name *out, size_t *at)
{
	enum dns_err err;

	out->len = out->labels = 0;
	*at = 0;
	do {
		if ((err = parse_label(text, len, at, out)) != DNS_OK)
			return (err);
		if (*at < len)
			++*at;		/* the dot */
	} while (*at < len);
	out->wire[out->len++] = 0;
	return (DNS_OK);
}
