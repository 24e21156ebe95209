/*
 * Addresses that are taken out of an upstream's message.  The result is a
 * message, none of these addresses is in it, and nothing else has changed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/answer.h"
#include "dns/strip.h"

#define KEY_MANDATORY	0

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[DNS_MESSAGE_MAX], again[DNS_MESSAGE_MAX];
static uint8_t want[DNS_MESSAGE_MAX];
static struct dns_address found[DNS_ADDRESSES_MAX];
static size_t nunwanted;		/* that the comparison came across */

/* One record of a message, and its owner. */
struct view {
	const uint8_t		*msg;
	struct dns_name		 owner;
	struct dns_record	 r;
};

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* Which addresses go: none, those whose last octet is odd, or all. */
enum choice { NONE, ODD, ALL };

static bool
is_unwanted(void *arg, const struct addr *a)
{
	const enum choice *choice = arg;

	require(addr_len(a->family) != 0);
	if (*choice == ODD)
		return (a->bytes[addr_len(a->family) - 1] & 1);
	return (*choice == ALL);
}

static bool
is_unwanted_at(enum choice choice, const uint8_t *octets, uint8_t family)
{
	struct addr a = { .family = family };

	memcpy(a.bytes, octets, addr_len(family));
	if (!is_unwanted(&choice, &a))
		return (false);
	nunwanted++;
	return (true);
}

static bool
lists(const uint8_t *keys, size_t len, uint16_t key)
{
	size_t i;

	for (i = 0; i + 2 <= len; i += 2)
		if ((keys[i] << 8 | keys[i + 1]) == key)
			return (true);
	return (false);
}

/*
 * What the value of a parameter should become, in to; step is the size of its
 * addresses, or 0.  Returns the new length.
 */
static size_t
expect_value(const uint8_t *value, size_t len, size_t step,
    enum choice choice, uint8_t *to)
{
	size_t i, kept = 0;

	if (step == 0) {
		memcpy(to, value, len);
		return (len);
	}
	for (i = 0; i < len; i += step) {
		if (is_unwanted_at(choice, value + i, step == 4 ? ADDR_V4 :
		    ADDR_V6))
			continue;
		memcpy(to + kept, value + i, step);
		kept += step;
	}
	return (kept);
}

/*
 * What the rdata of an SVCB or HTTPS record should become, in want; returns
 * false if the record should go.
 */
static bool
expect_service(const struct view *v, enum choice choice, size_t *n)
{
	const uint8_t *end = v->msg + v->r.rdata + v->r.rdlength, *p, *keys;
	struct rcur c = { .buf = v->msg, .len = v->r.rdata + v->r.rdlength,
	    .pos = v->r.rdata + 2 };
	size_t kept, len, step, nkeys = 0;
	bool stays = true;
	uint16_t key;

	require(dns_name_skip(&c) == DNS_OK);
	memcpy(want, v->msg + v->r.rdata, *n = c.pos - v->r.rdata);
	keys = v->msg;
	for (p = v->msg + c.pos; p < end; p += 4 + len) {
		key = (uint16_t)(p[0] << 8 | p[1]);
		len = (size_t)(p[2] << 8 | p[3]);
		step = key == SVC_IPV4HINT ? 4 : key == SVC_IPV6HINT ? 16 : 0;
		if (key == KEY_MANDATORY) {
			keys = p + 4;
			nkeys = len;
		}
		memcpy(want + *n, p, 4);
		kept = expect_value(p + 4, len, step, choice, want + *n + 4);
		want[*n + 2] = (uint8_t)(kept >> 8);
		want[*n + 3] = (uint8_t)kept;
		if (step == 0 || kept > 0)
			*n += 4 + kept;
		else if (lists(keys, nkeys, key))
			stays = false;
	}
	return (stays);
}

/* The same name, to the letter; both cursors move on. */
static void
compare_name(struct rcur *a, struct rcur *b)
{
	struct dns_name from, to;

	require(dns_name_read(a, true, &from) == DNS_OK &&
	    dns_name_read(b, true, &to) == DNS_OK);
	require(dns_name_identical(&from, &to));
}

static void
compare_octets(struct rcur *a, struct rcur *b, size_t n)
{
	require(a->len - a->pos >= n && b->len - b->pos >= n);
	require(memcmp(a->buf + a->pos, b->buf + b->pos, n) == 0);
	a->pos += n;
	b->pos += n;
}

static void
compare_rdata(const struct view *from, const struct view *to)
{
	struct rcur a = { .buf = from->msg, .pos = from->r.rdata,
	    .len = from->r.rdata + from->r.rdlength };
	struct rcur b = { .buf = to->msg, .pos = to->r.rdata,
	    .len = to->r.rdata + to->r.rdlength };
	const char *field = dns_rdata_fields(from->r.type, from->r.class);

	for (; a.pos < a.len; field++) {
		if (*field == 'n')
			compare_name(&a, &b);
		else if (*field == 's')
			compare_octets(&a, &b, 1U + a.buf[a.pos]);
		else if (*field >= '1' && *field <= '9')
			compare_octets(&a, &b, (size_t)(*field - '0'));
		else
			compare_octets(&a, &b, a.len - a.pos);
	}
	require(b.pos == b.len);
}

static void
view_next(struct rcur *c, struct view *v)
{
	v->msg = c->buf;
	require(dns_record_read(c, &v->owner, &v->r) == DNS_OK);
}

/* The record of the source is the next one of the result, or should go. */
static bool
compare_record(const struct view *from, struct rcur *result,
    enum choice choice)
{
	bool in = from->r.class == CLASS_IN, service;
	struct view to;
	size_t n = 0;

	if (in && (from->r.type == TYPE_A || from->r.type == TYPE_AAAA) &&
	    is_unwanted_at(choice, from->msg + from->r.rdata,
	    from->r.type == TYPE_A ? ADDR_V4 : ADDR_V6))
		return (false);
	service = in && (from->r.type == TYPE_SVCB ||
	    from->r.type == TYPE_HTTPS);
	if (service && !expect_service(from, choice, &n))
		return (false);
	view_next(result, &to);
	require(dns_name_identical(&from->owner, &to.owner) &&
	    from->r.type == to.r.type && from->r.class == to.r.class &&
	    from->r.ttl == to.r.ttl);
	if (service)
		require(to.r.rdlength == n &&
		    memcmp(to.msg + to.r.rdata, want, n) == 0);
	else
		compare_rdata(from, &to);
	return (true);
}

static unsigned int
count_at(const uint8_t *msg, size_t at)
{
	return ((unsigned int)msg[at] << 8 | msg[at + 1]);
}

static void
compare(const uint8_t *data, size_t size, const struct dns_response *r,
    size_t outlen, enum choice choice)
{
	struct rcur c = { .buf = data, .len = size, .pos = r->question_end };
	struct rcur result = { .buf = out, .len = outlen,
	    .pos = r->question_end };
	unsigned int i, stay;
	struct view from;
	size_t at;

	/* The header but for the counts, and the question. */
	require(outlen >= r->question_end && memcmp(data, out, 6) == 0 &&
	    memcmp(data + DNS_HEADER_SIZE, out + DNS_HEADER_SIZE,
	    r->question_end - DNS_HEADER_SIZE) == 0);
	nunwanted = 0;
	for (at = 6; at < DNS_HEADER_SIZE; at += 2) {
		for (stay = i = 0; i < count_at(data, at); i++) {
			view_next(&c, &from);
			stay += compare_record(&from, &result, choice);
		}
		require(count_at(out, at) == stay);
	}
	require(result.pos == outlen);
}

static uint64_t
hash(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = 0;

	while (len-- > 0)
		h = h * 31 + *p++;
	return (h);
}

/* To every other reader the result has no such address either. */
static void
check_gone(const struct dns_response *r, size_t outlen, enum choice choice)
{
	size_t i, n, len, nremoved;
	enum dns_err err;

	require(dns_strip(out, outlen, r, is_unwanted, &choice, again,
	    sizeof(again), &len, &nremoved) == DNS_OK);
	require(nremoved == 0 && len == outlen);
	err = dns_answer_addresses(out, outlen, r, hash, found,
	    DNS_ADDRESSES_MAX, &n);
	require(err == DNS_OK || err == DNS_EFULL);
	for (i = 0; i < n; i++)
		require(!is_unwanted(&choice, &found[i].addr));
}

static void
check_choice(const uint8_t *data, size_t size, const struct dns_response *r,
    enum choice choice)
{
	struct dns_response after;
	size_t outlen, nremoved;
	enum dns_err err;

	err = dns_strip(data, size, r, is_unwanted, &choice, out, sizeof(out),
	    &outlen, &nremoved);
	if (err == DNS_EFULL && nremoved > 0)
		return;
	require(err == DNS_OK);
	if (nremoved == 0)
		memcpy(out, data, outlen);
	err = dns_response_parse(out, outlen, &after);
	/* A name may lead through more pointers than before (strip.h). */
	if (err == DNS_ESTEPS && nremoved > 0)
		return;
	require(err == DNS_OK);
	require(after.rcode == r->rcode &&
	    after.edns.present == r->edns.present &&
	    after.edns.length == r->edns.length);
	compare(data, size, r, outlen, choice);
	require(nremoved == nunwanted);
	if (nremoved == 0)
		require(outlen == size && memcmp(data, out, size) == 0);
	check_gone(&after, outlen, choice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_response r;

	if (size > DNS_MESSAGE_MAX ||
	    dns_response_parse(data, size, &r) != DNS_OK)
		return (0);
	size = r.length;
	check_choice(data, size, &r, NONE);
	check_choice(data, size, &r, ODD);
	check_choice(data, size, &r, ALL);
	return (0);
}
