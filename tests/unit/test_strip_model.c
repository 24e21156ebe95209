/*
 * Random answers with every kind of compression, from which addresses are
 * taken out (G8).  Beside each answer its generator writes what should be
 * left, without compression; what is left, expanded, must be the same octets.
 */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/strip.h"

#define EXPANDED_MAX	(1 << 20)
#define SPOTS_MAX	512
#define POINTER_REACH	0x4000

/* An offset of the answer that a pointer may lead to, and the name there. */
struct spot {
	size_t		at;
	unsigned int	depth;
	struct dns_name	name;
};

static uint8_t answer[DNS_MESSAGE_MAX], out[DNS_MESSAGE_MAX];
static uint8_t left[EXPANDED_MAX], expanded[EXPANDED_MAX];
static struct wcur from;		/* the answer */
static struct wcur to;			/* what should be left of it */
static unsigned int depth_max = 40;	/* pointers from one spot to its root */
static struct spot spots[SPOTS_MAX];
static size_t nspots, nunwanted;
static uint16_t count[4], left_count[4];

static unsigned int
draw(unsigned int n)
{
	return ((unsigned int)random() % n);
}

static bool
is_unwanted(void *arg, const struct addr *a)
{
	(void)arg;
	return (a->family == ADDR_V4 ? a->bytes[0] == 127 :
	    a->bytes[0] == 0xfe);
}

/* The name from offset at of another name on. */
static struct dns_name
name_tail(const struct dns_name *name, size_t at)
{
	struct dns_name tail = { .len = (uint8_t)(name->len - at) };

	memcpy(tail.wire, name->wire + at, tail.len);
	return (tail);
}

/* Few enough names that many share an end. */
static struct dns_name
random_name(unsigned int labels_max)
{
	static const char *const labels[] = { "\001a", "\001A", "\002bb",
	    "\003ccc", "\001d" };
	unsigned int n = draw(labels_max + 1);
	struct dns_name name = { .len = 0 };
	const char *label;

	while (n-- > 0) {
		label = labels[draw(5)];
		memcpy(name.wire + name.len, label, strlen(label));
		name.len = (uint8_t)(name.len + strlen(label));
	}
	name.wire[name.len++] = 0;
	return (name);
}

static void
add_spot(size_t at, const struct dns_name *name, unsigned int depth)
{
	struct spot *spot;

	if (at >= POINTER_REACH || depth > depth_max)
		return;
	spot = &spots[nspots < SPOTS_MAX ? nspots++ : draw(SPOTS_MAX)];
	*spot = (struct spot){ .at = at, .depth = depth, .name = *name };
}

/* Some spot, from a random one on, where that name is. */
static const struct spot *
find_spot(const struct dns_name *name)
{
	size_t i, first;

	if (nspots == 0)
		return (NULL);
	for (first = draw((unsigned int)nspots), i = 0; i < nspots; i++)
		if (dns_name_identical(&spots[(first + i) % nspots].name,
		    name))
			return (&spots[(first + i) % nspots]);
	return (NULL);
}

/* A name into the answer, up to some label, and a pointer to the rest. */
static void
put_compressed(const struct dns_name *name)
{
	const struct spot *rest = NULL;
	size_t start = from.pos, at, target;
	struct dns_name tail;
	unsigned int depth = 0;

	for (at = 0; at < name->len; at += (size_t)name->wire[at] + 1) {
		tail = name_tail(name, at);
		rest = draw(4) == 0 ? NULL : find_spot(&tail);
		if (rest != NULL)
			break;
	}
	wcur_bytes(&from, name->wire, at);
	if (rest != NULL) {
		target = rest->at;
		depth = rest->depth + 1;
		wcur_u16(&from, (uint16_t)(0xc000 | target));
	}
	for (at = 0; start + at < from.pos && at < name->len;
	    at += (size_t)name->wire[at] + 1) {
		tail = name_tail(name, at);
		add_spot(start + at, &tail, depth);
		if (rest != NULL && start + at == from.pos - 2)
			break;
	}
}

static void
put_name(const struct dns_name *name, bool stays)
{
	put_compressed(name);
	if (stays)
		wcur_bytes(&to, name->wire, name->len);
}

static void
put(const void *octets, size_t n, bool stays)
{
	wcur_bytes(&from, octets, n);
	if (stays)
		wcur_bytes(&to, octets, n);
}

static void
put_u16(unsigned int v, bool stays)
{
	const uint8_t octets[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(octets, sizeof(octets), stays);
}

/* A name as plain octets, to which pointers may lead all the same. */
static void
put_hidden(const struct dns_name *name, bool stays)
{
	add_spot(from.pos, name, 0);
	put(name->wire, name->len, stays);
}

static void
put_length(struct wcur *w, size_t at)
{
	struct wcur length = { .buf = w->buf, .len = w->len, .pos = at };

	wcur_u16(&length, (uint16_t)(w->pos - at - 2));
}

/* The octets of an address of that family; returns whether it stays. */
static bool
random_address(uint8_t *octets, size_t len)
{
	bool stays = draw(2) == 0;
	size_t i;

	for (i = 0; i < len; i++)
		octets[i] = (uint8_t)random();
	octets[0] = stays ? 0x20 : len == 4 ? 127 : 0xfe;
	nunwanted += !stays;
	return (stays);
}

static void
put_a(bool stays)
{
	put(stays ? "\300\0\002\001" : "\177\0\0\001", 4, stays);
	nunwanted += !stays;
}

/* An address in whose octets there is a name. */
static void
put_aaaa(bool stays)
{
	struct dns_name name = random_name(2);

	put(stays ? "\040\001" : "\376\200", 2, stays);
	put_hidden(&name, stays);
	put("\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 14U - name.len, stays);
	nunwanted += !stays;
}

/*
 * A hint of n addresses; the answer has all, to those that stay.  Returns
 * whether one did.
 */
static bool
put_hint(unsigned int key, size_t len, unsigned int n)
{
	size_t at = from.pos + 2, left_at = to.pos + 2, start = to.pos;
	uint8_t octets[16];
	bool any = false, stays;

	put_u16(key, true);
	put_u16(0, true);
	while (n-- > 0) {
		stays = random_address(octets, len);
		put(octets, len, stays);
		any = any || stays;
	}
	put_length(&from, at);
	put_length(&to, left_at);
	if (!any)
		to.pos = start;
	return (any);
}

/* Returns whether the record stays: not without a mandatory hint. */
static bool
put_service(void)
{
	struct dns_name target = random_name(3);
	unsigned int mandatory = draw(6);
	bool stays = true;

	put_u16(draw(3), true);
	put_hidden(&target, true);
	if (mandatory == 4)
		put("\0\0\0\002\0\004", 6, true);
	else if (mandatory == 5)
		put("\0\0\0\004\0\003\0\006", 8, true);
	if (draw(2) == 0)
		put("\0\003\0\002\001\273", 6, true);
	if (mandatory == 4 || draw(2) == 0)
		stays = put_hint(SVC_IPV4HINT, 4, 1 + draw(3)) ||
		    mandatory != 4;
	if (mandatory == 5 || draw(2) == 0)
		stays = (put_hint(SVC_IPV6HINT, 16, 1 + draw(3)) ||
		    mandatory != 5) && stays;
	if (draw(2) == 0)
		put("\377\0\0\0", 4, true);
	return (stays);
}

/* Rdata of a type with names, or with octets that look like one. */
static void
put_other(unsigned int type)
{
	struct dns_name name = random_name(4), second = random_name(4);

	switch (type) {
	case TYPE_SOA:
		put_name(&name, true);
		put_name(&second, true);
		put("12345678901234567890", 20, true);
		break;
	case TYPE_MX:
		put("\0\012", 2, true);
		put_name(&name, true);
		break;
	case TYPE_SRV:
		put("\0\0\0\0\0\120", 6, true);
		put_name(&name, true);
		break;
	case 35:	/* NAPTR */
		put("\0\1\0\2\001u\0\003abc", 11, true);
		put_name(&name, true);
		break;
	case 46:	/* RRSIG */
		put("\0\001\010\002\0\0\0\074\0\0\0\001\0\0\0\001\0\001",
		    18, true);
		put_hidden(&name, true);
		put("signature", draw(10), true);
		break;
	case 65280:
		put_hidden(&name, true);
		put_u16(0xc000U | draw(64), true);
		break;
	default:	/* NS, CNAME, PTR, DNAME */
		put_name(&name, true);
		break;
	}
}

static bool
put_rdata(unsigned int type, unsigned int class, bool stays)
{
	if (type == TYPE_A && class == CLASS_IN)
		put_a(stays);
	else if (type == TYPE_AAAA && class == CLASS_IN)
		put_aaaa(stays);
	else if ((type == TYPE_HTTPS || type == TYPE_SVCB) &&
	    class == CLASS_IN)
		return (put_service());
	else if (class == CLASS_IN)
		put_other(type);
	else
		put("\177\0\0\001", 4, true);
	return (stays);
}

/* One record, and what should be left of it. */
static void
put_record(unsigned int section)
{
	static const uint16_t types[] = { TYPE_A, TYPE_A, TYPE_AAAA, TYPE_AAAA,
	    TYPE_HTTPS, TYPE_SVCB, TYPE_NS, TYPE_CNAME, TYPE_SOA, TYPE_PTR,
	    TYPE_MX, TYPE_SRV, 35, TYPE_DNAME, 46, 65280 };
	unsigned int type = types[draw(16)];
	unsigned int class = type == TYPE_A && draw(8) == 0 ? CLASS_CH :
	    CLASS_IN;
	bool stays = class != CLASS_IN || (type != TYPE_A &&
	    type != TYPE_AAAA) || draw(2) == 0;
	struct dns_name owner = random_name(5);
	size_t at, left_at, start = to.pos;

	put_name(&owner, stays);
	put_u16(type, stays);
	put_u16(class, stays);
	put_u16(0, stays);
	put_u16(draw(UINT16_MAX), stays);
	at = from.pos;
	left_at = to.pos;
	put_u16(0, stays);
	stays = put_rdata(type, class, stays);
	put_length(&from, at);
	count[section]++;
	if (stays) {
		put_length(&to, left_at);
		left_count[section]++;
	} else
		to.pos = start;
}

static void
put_counts(struct wcur *w, const uint16_t counts[4])
{
	struct wcur head = { .buf = w->buf, .len = w->len, .pos = 4 };
	size_t i;

	for (i = 0; i < 4; i++)
		wcur_u16(&head, counts[i]);
}

static void
generate(unsigned int records)
{
	struct dns_name qname = random_name(5);
	unsigned int section = 1, i;

	from = (struct wcur){ .buf = answer, .len = sizeof(answer) };
	to = (struct wcur){ .buf = left, .len = sizeof(left) };
	memset(count, 0, sizeof(count));
	memset(left_count, 0, sizeof(left_count));
	nspots = nunwanted = 0;
	put("\x12\x34\x85\x80\0\0\0\0\0\0\0\0", DNS_HEADER_SIZE, true);
	if (draw(8) != 0) {
		count[0] = left_count[0] = 1;
		put_hidden(&qname, true);
		put("\0\001\0\001", 4, true);
	}
	for (i = 0; i < records; i++) {
		if (section < 3 && draw(records) == 0)
			section++;
		put_record(section);
	}
	if (draw(2) == 0) {
		put("\0\0\051\004\320\0\0\200\0\0\004\0\012\0\0", 15, true);
		count[3]++;
		left_count[3]++;
	}
	put_counts(&from, count);
	put_counts(&to, left_count);
}

/* The rdata r of msg, with its names in full. */
static void
expand_rdata(struct wcur *w, const uint8_t *msg, const struct dns_record *r)
{
	struct rcur c = { .buf = msg, .len = r->rdata + r->rdlength,
	    .pos = r->rdata };
	const char *field = dns_rdata_fields(r->type, r->class);
	struct dns_name name;
	size_t n;

	for (; c.pos < c.len && *field != '\0'; field++) {
		if (*field == 'n') {
			cr_assert_eq(dns_name_read(&c, true, &name), DNS_OK);
			wcur_bytes(w, name.wire, name.len);
			continue;
		}
		n = c.len - c.pos;
		if (*field == 's')
			n = 1U + msg[c.pos];
		else if (*field >= '1' && *field <= '9')
			n = (size_t)(*field - '0');
		wcur_bytes(w, msg + c.pos, n);
		cr_assert_eq(rcur_skip(&c, n), 0);
	}
}

/* The message with all of its names in full; returns its length. */
static size_t
expand(const uint8_t *msg, size_t len, const struct dns_response *r)
{
	struct wcur w = { .buf = expanded, .len = sizeof(expanded) };
	struct rcur c = { .buf = msg, .len = len, .pos = r->question_end };
	struct dns_record record;
	struct dns_name owner;
	size_t at;

	wcur_bytes(&w, msg, r->question_end);
	while (c.pos < c.len) {
		cr_assert_eq(dns_record_read(&c, &owner, &record), DNS_OK);
		wcur_bytes(&w, owner.wire, owner.len);
		wcur_u16(&w, record.type);
		wcur_u16(&w, record.class);
		wcur_u32(&w, record.ttl);
		at = w.pos;
		wcur_u16(&w, 0);
		expand_rdata(&w, msg, &record);
		put_length(&w, at);
	}
	cr_assert_not(w.overflow);
	return (w.pos);
}

static void
check(unsigned int seed, unsigned int records)
{
	struct dns_response r;
	size_t outlen, nremoved;
	enum dns_err err;

	srandom(seed);
	generate(records);
	cr_assert_not(from.overflow, "seed %u", seed);
	err = dns_response_parse(answer, from.pos, &r);
	cr_assert_eq(err, DNS_OK, "seed %u: generated: %s", seed,
	    dns_strerror(err));
	err = dns_strip(answer, from.pos, &r, is_unwanted, NULL, out,
	    sizeof(out), &outlen, &nremoved);
	cr_assert_eq(err, DNS_OK, "seed %u: %s", seed, dns_strerror(err));
	cr_assert_eq(nremoved, nunwanted, "seed %u: %zu, not %zu", seed,
	    nremoved, nunwanted);
	if (nremoved == 0)
		memcpy(out, answer, outlen);
	err = dns_response_parse(out, outlen, &r);
	cr_assert_eq(err, DNS_OK, "seed %u: left: %s", seed,
	    dns_strerror(err));
	cr_assert_eq(expand(out, outlen, &r), to.pos, "seed %u: length", seed);
	cr_assert_arr_eq(expanded, left, to.pos, "seed %u: octets", seed);
}

Test(strip_model, G8_small_answers)
{
	unsigned int seed;

	for (seed = 1; seed <= 20000; seed++)
		check(seed, seed % 24);
}

/* Such that their names take 4,096 steps at the most, before and after (D21). */
Test(strip_model, D9_large_answers)
{
	unsigned int seed;

	depth_max = 1;
	for (seed = 1; seed <= 100; seed++)
		check(seed, 1200);
}
