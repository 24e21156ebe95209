/*
 * The names of a message, each octet of them looked at once (D21): the same
 * verdict as that of a plain decoder, which follows each pointer anew.
 */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/message.h"
#include "dns/places.h"

static uint8_t msg[DNS_MESSAGE_MAX];
static struct wcur w;
static unsigned int nrecords;

/* --- the plain decoder --- */

struct plain {
	struct rcur	c;
	size_t		question_end;
	unsigned int	steps;
	uint8_t		own[DNS_MESSAGE_MAX];	/* true: header, fixed fields */
};

/* One name, as RFC 1035 4.1.4 says, with all of our limits. */
static enum dns_err
plain_read(struct plain *p, struct rcur *c, bool pointers, struct dns_name *out)
{
	size_t at = c->pos, start = at, limit = c->len, len = 0, end = 0, n;
	unsigned int hops = 0;

	out->labels = 0;
	for (;;) {
		if (at >= limit)
			break;
		n = c->buf[at];
		if (n >= 0xc0) {
			if (limit - at < 2)
				break;
			if (hops == 0)
				end = at + 2;
			n = (n & 0x3f) << 8 | c->buf[at + 1];
			if (!pointers || n >= start || hops == 127)
				return (DNS_EPOINTER);
			if (p->steps + hops >= DNS_STEPS_MAX)
				return (DNS_ESTEPS);
			limit = start;
			at = start = n;
			hops++;
			continue;
		}
		if (n > 63)
			return (DNS_ELABEL);
		if (n > 0 && len + n + 2 > 255)
			return (DNS_ENAME);
		if (limit - at - 1 < n)
			break;
		memcpy(out->wire + len, c->buf + at, n + 1);
		len += n + 1;
		at += n + 1;
		if (n == 0) {
			out->len = (uint8_t)len;
			c->pos = hops == 0 ? at : end;
			p->steps += hops;
			return (DNS_OK);
		}
		out->labels++;
	}
	return (hops > 0 ? DNS_EPOINTER : DNS_ESHORT);
}

/* The name that was read at that place leads through nothing of ours. */
static enum dns_err
plain_check(const struct plain *p, size_t at)
{
	size_t n, i;

	for (;; at += n) {
		n = p->c.buf[at];
		n = n >= 0xc0 ? 2 : n + 1;
		for (i = at; i < at + n; i++)
			if (p->own[i])
				return (DNS_EPOINTER);
		if (p->c.buf[at] == 0)
			return (DNS_OK);
		if (p->c.buf[at] < 0xc0)
			continue;
		if (at + 2 <= p->question_end)
			return (DNS_EPOINTER);
		n = 0;
		at = (p->c.buf[at] & 0x3fU) << 8 | p->c.buf[at + 1];
	}
}

static enum dns_err
plain_name(struct plain *p, struct rcur *c, struct dns_name *out)
{
	size_t at = c->pos;
	enum dns_err err;

	if ((err = plain_read(p, c, true, out)) != DNS_OK)
		return (err);
	return (plain_check(p, at));
}

/* The names in order: those that dns_name_read() finds in msg are the same. */
static void
expect_name(size_t at, const struct dns_name *want)
{
	struct rcur c = { .buf = msg, .len = w.pos, .pos = at };
	struct dns_name name;

	cr_assert_eq(dns_name_read(&c, true, &name), DNS_OK);
	cr_assert(dns_name_identical(&name, want));
	cr_assert_eq(name.labels, want->labels);
}

static enum dns_err
plain_rdata(struct plain *p, const struct dns_record *r)
{
	struct rcur rd = { .buf = msg, .len = r->rdata + r->rdlength,
	    .pos = r->rdata };
	const char *field = dns_rdata_fields(r->type, r->class);
	struct dns_name name;
	enum dns_err err;
	size_t at;

	for (; *field != '\0'; field++) {
		if (*field == '*')
			return (DNS_OK);
		if (*field != 'n') {
			if (rcur_skip(&rd, (size_t)(*field - '0')) == -1)
				return (DNS_ERDATA);
			continue;
		}
		at = rd.pos;
		if ((err = plain_name(p, &rd, &name)) != DNS_OK)
			return (err == DNS_ESHORT ? DNS_ERDATA : err);
		expect_name(at, &name);
	}
	return (rd.pos == rd.len ? DNS_OK : DNS_ERDATA);
}

static enum dns_err
plain_parse(void)
{
	static struct plain p;
	struct dns_record r;
	struct dns_name name;
	enum dns_err err;
	unsigned int i;
	size_t at;

	memset(&p, 0, sizeof(p));
	p.c = (struct rcur){ .buf = msg, .len = w.pos, .pos = 12 };
	if ((err = plain_read(&p, &p.c, false, &name)) != DNS_OK)
		return (err);
	p.question_end = p.c.pos += 4;
	memset(p.own, 1, 12);
	for (i = 0; i < nrecords; i++) {
		at = p.c.pos;
		if ((err = plain_name(&p, &p.c, &name)) != DNS_OK)
			return (err);
		expect_name(at, &name);
		p.c.pos = at;
		if ((err = dns_record_read(&p.c, NULL, &r)) != DNS_OK)
			return (err);
		memset(p.own + r.rdata - 10, 1, 10);
		if ((err = plain_rdata(&p, &r)) != DNS_OK)
			return (err);
	}
	return (DNS_OK);
}

/* --- messages --- */

static void
begin(const char *qname, size_t len)
{
	w = (struct wcur){ .buf = msg, .len = sizeof(msg) };
	nrecords = 0;
	wcur_bytes(&w, "\x12\x34\x81\x80\0\1\0\0\0\0\0", 12);
	wcur_bytes(&w, qname, len);
	wcur_u32(&w, 0x00010001);
}

static void
put_fixed(uint16_t type, size_t rdlength)
{
	wcur_u16(&w, type);
	wcur_u16(&w, CLASS_IN);
	wcur_u32(&w, 60);
	wcur_u16(&w, (uint16_t)rdlength);
	nrecords++;
}

static void
put_u16_at(size_t at, size_t v)
{
	struct wcur c = { .buf = msg, .len = sizeof(msg), .pos = at };

	wcur_u16(&c, (uint16_t)v);
}

static enum dns_err
parse(void)
{
	static struct dns_response r;

	cr_assert_not(w.overflow);
	put_u16_at(6, nrecords);
	return (dns_response_parse(msg, w.pos, &r));
}

static void
put_pointer(size_t at)
{
	wcur_u16(&w, (uint16_t)(0xc000 | at));
}

static uint64_t state;

static size_t
below(size_t n)
{
	state = state * 6364136223846793005U + 1442695040888963407U;
	return ((size_t)(state >> 33) % n);
}

/* --- random ones --- */

#define STARTS_MAX	20000

/* Where labels, pointers and roots begin. */
static uint16_t starts[STARTS_MAX];
static size_t nstarts;

static void
note_start(void)
{
	if (nstarts < STARTS_MAX && w.pos < 0x4000)
		starts[nstarts++] = (uint16_t)w.pos;
}

/* Some labels, and then mostly a pointer, mostly to a name. */
static void
put_random_name(size_t labels, size_t wrong)
{
	size_t n, target, before = nstarts;

	for (n = below(labels + 1); n > 0; n--) {
		size_t len = below(8) == 0 ? 1 + below(63) : 1 + below(2);

		note_start();
		wcur_u8(&w, (uint8_t)len);
		for (; len > 0; len--)
			wcur_u8(&w, below(6) == 0 ? 0xc0 : (uint8_t)below(4));
	}
	target = before == 0 || below(8) == 0 ? 0 :
	    starts[below(2) ? below(before) : before - 1 -
	    below(before < 8 ? before : 8)];
	note_start();
	if (target == 0)
		wcur_u8(&w, 0);
	else if (wrong == 0 || below(wrong) > 0)
		put_pointer(target);
	else
		put_pointer(below(w.pos + 4));
}

static void
put_random_record(size_t labels, size_t wrong)
{
	static const uint16_t types[] = { TYPE_A, TYPE_NS, TYPE_MX, TYPE_SOA,
	    65280, TYPE_CNAME };
	uint16_t type = types[below(6)];
	size_t rdata, n;

	put_random_name(labels, wrong);
	put_fixed(type, 0);
	rdata = w.pos;
	if (type == TYPE_A)
		wcur_u32(&w, (uint32_t)below(1000));
	else if (type == 65280)
		for (n = below(40); n > 0; n--) {
			if (wrong > 0)
				note_start();
			wcur_u8(&w, below(4) == 0 ? 0xc0 : (uint8_t)below(40));
		}
	else {
		if (type == TYPE_MX)
			wcur_u16(&w, 10);
		put_random_name(labels, wrong);
		if (type == TYPE_SOA) {
			put_random_name(labels, wrong);
			wcur_bytes(&w, "12345678901234567890", 20);
		}
	}
	put_u16_at(rdata - 2, w.pos - rdata);
}

/*
 * Short and long messages, right ones, and ones in which something is wrong: each
 * outcome is met often.  DNSFW_MODEL_MESSAGES asks for more of them.
 */
Test(places, D21_agrees_with_a_plain_decoder, .timeout = 3600)
{
	static const size_t wrong[] = { 0, 400, 40 }, labels[] = { 1, 3, 40 };
	static unsigned int seen[DNS_ERR_COUNT];
	const char *more = getenv("DNSFW_MODEL_MESSAGES");
	unsigned int round, n, rounds = more != NULL ?
	    (unsigned int)atoi(more) : 12000;
	enum dns_err err;

	for (round = 0; round < rounds; round++) {
		state = round;
		nstarts = 0;
		begin("\001q\007example", 11);
		for (n = 1 + (unsigned int)below(round % 225 == 0 ? 2000 :
		    round % 16 == 0 ? 300 : 30); n > 0 && w.pos < 60000; n--)
			put_random_record(labels[round % 3],
			    wrong[round / 3 % 3]);
		err = parse();
		cr_assert_eq(err, plain_parse(), "%u", round);
		seen[err]++;
	}
	cr_assert_gt(seen[DNS_OK], 3000, "%u", seen[DNS_OK]);
	cr_assert_gt(seen[DNS_EPOINTER], 3000, "%u", seen[DNS_EPOINTER]);
	cr_assert_gt(seen[DNS_ENAME], 1000, "%u", seen[DNS_ENAME]);
	cr_assert_gt(seen[DNS_ESTEPS], 5, "%u", seen[DNS_ESTEPS]);
	cr_assert_gt(seen[DNS_ELABEL], 10, "%u", seen[DNS_ELABEL]);
}

/* --- limits --- */

/*
 * n labels of len octets, each a record's owner, and a pointer to the one
 * before.  at[i] is where that with i labels begins.
 */
static size_t at[DNS_LABELS_MAX + 2];

static void
put_chain(unsigned int n, uint8_t len)
{
	unsigned int i;

	begin("", 1);
	at[0] = w.pos;
	wcur_u8(&w, 0);
	put_fixed(65280, 0);
	for (i = 1; i <= n; i++) {
		at[i] = w.pos;
		wcur_u8(&w, len);
		wcur_bytes(&w, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaa", len);
		put_pointer(at[i - 1]);
		put_fixed(65280, 0);
	}
}

/* The name at offset at, after the one at first was checked (0: none was). */
static enum dns_err
check_after(size_t first, size_t then)
{
	static struct dns_place place[DNS_POINTER_REACH];
	static struct dns_places p;
	struct rcur c = { .buf = msg, .len = w.pos, .pos = first };

	dns_places_begin(&p, place, w.pos);
	if (first != 0)
		cr_assert_eq(dns_places_check(&p, &c, true), DNS_OK);
	c.pos = then;
	return (dns_places_check(&p, &c, true));
}

/* 127 labels and as many pointers, from wherever on it is known. */
Test(places, D21_as_many_labels_and_pointers_as_there_may_be)
{
	unsigned int i;

	put_chain(DNS_LABELS_MAX + 1, 1);
	for (i = 0; i <= DNS_LABELS_MAX; i++) {
		cr_assert_eq(check_after(at[i], at[DNS_LABELS_MAX]), DNS_OK);
		cr_assert_eq(check_after(at[i], at[DNS_LABELS_MAX + 1]),
		    DNS_ENAME);
		cr_assert_eq(check_after(0, at[i]), DNS_OK);
	}
	nrecords--;
	w.pos = at[DNS_LABELS_MAX + 1];
	cr_assert_eq(parse(), DNS_ESTEPS);	/* 127 * 128 / 2 of them */
}

/* Pointers without labels: 127, and not one more. */
Test(places, D21_pointers_of_one_name)
{
	size_t stairs[DNS_POINTERS_MAX + 2];
	unsigned int i;

	begin("", 1);
	put_fixed(65280, 0);
	stairs[0] = w.pos - 1;			/* a zero of rdlength's */
	for (i = 1; i <= DNS_POINTERS_MAX + 1; i++) {
		stairs[i] = w.pos;
		put_pointer(stairs[i - 1]);
	}
	for (i = 0; i <= DNS_POINTERS_MAX; i++) {
		cr_assert_eq(check_after(stairs[i], stairs[DNS_POINTERS_MAX]),
		    DNS_OK);
		cr_assert_eq(check_after(stairs[i],
		    stairs[DNS_POINTERS_MAX + 1]), DNS_EPOINTER);
	}
	cr_assert_eq(check_after(0, stairs[DNS_POINTERS_MAX + 1]),
	    DNS_EPOINTER);
}

/* 3 * 64 + 61 + 1 + 1 octets are 255. */
Test(places, D21_as_many_octets_as_there_may_be)
{
	unsigned int i, k;

	for (k = 60; k <= 61; k++) {
		put_chain(3, 63);
		at[4] = w.pos;
		wcur_u8(&w, (uint8_t)(k + 1));
		wcur_bytes(&w, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
		    "bbbbbbbbbbbbbbbb", k + 1);
		put_pointer(at[3]);
		for (i = 0; i <= 3; i++)
			cr_assert_eq(check_after(at[i], at[4]), k == 60 ?
			    DNS_OK : DNS_ENAME);
		cr_assert_eq(check_after(0, at[4]), k == 60 ? DNS_OK :
		    DNS_ENAME);
	}
}

/*
 * What is known at 21 reaches over 23.  A name that comes to 23 first, and is
 * led to 21, would run into itself.
 */
Test(places, D10_known_from_elsewhere_is_not_known_here)
{
	uint8_t *p = msg + 12;

	memset(msg, 0, 40);
	w.pos = 40;
	memcpy(p + 9, "\003x\300\025\000", 5);	/* 21: "x\300\025", root */
	memcpy(p + 20, "\300\025", 2);		/* 32: to 21 */
	memcpy(p + 24, "\300\027", 2);		/* 36: to 23, which leads to 21 */
	cr_assert_eq(check_after(0, 32), DNS_OK);
	cr_assert_eq(check_after(0, 36), DNS_EPOINTER);
	cr_assert_eq(check_after(32, 36), DNS_EPOINTER);
}

/*
 * A name that is known from 26 on goes on at 23: backwards, but not for one whose
 * labels begin before that and only run through 26.
 */
Test(places, D10_known_in_the_middle_of_other_labels)
{
	uint8_t *p = msg + 12;

	memset(msg, 0, 40);
	w.pos = 40;
	memcpy(p + 10, "\003\001x\000\001y\300\027", 8);
	memcpy(p + 20, "\300\032", 2);		/* 32: to 26 */
	memcpy(p + 24, "\300\026", 2);		/* 36: to 22, and so to 26 */
	cr_assert_eq(check_after(0, 32), DNS_OK);
	cr_assert_eq(check_after(0, 36), DNS_EPOINTER);
	cr_assert_eq(check_after(32, 36), DNS_EPOINTER);
}

/* The same, by one octet: what is known reaches over the pointer to it. */
Test(places, D10_known_one_octet_too_long)
{
	memset(msg, 0, 230);
	w.pos = 230;
	/* 210: "x" and a pointer to 192; 213, its last octet: to 210 */
	memcpy(msg + 210, "\001x\300\300\322", 5);
	memcpy(msg + 220, "\300\322", 2);
	cr_assert_eq(check_after(0, 220), DNS_OK);
	cr_assert_eq(check_after(0, 213), DNS_EPOINTER);
	cr_assert_eq(check_after(220, 213), DNS_EPOINTER);
}

/* And what is known leads to one that reaches over where the labels begin. */
Test(places, D10_known_and_leads_one_octet_too_far)
{
	memset(msg, 0, 60);
	w.pos = 60;
	/* 21: to 14; 22, its last octet: 14 octets; 37: "y", and to 21 */
	memcpy(msg + 21, "\300\016", 2);
	memcpy(msg + 37, "\001y\300\025", 4);
	memcpy(msg + 50, "\300\045", 2);
	memcpy(msg + 54, "\300\026", 2);
	cr_assert_eq(check_after(0, 50), DNS_OK);
	cr_assert_eq(check_after(0, 54), DNS_EPOINTER);
	cr_assert_eq(check_after(50, 54), DNS_EPOINTER);
}

/* The 4,097th, as the last of so many of a name that is known. */
Test(places, D21_steps_of_what_is_known)
{
	static struct dns_place place[DNS_POINTER_REACH];
	static struct dns_places p;
	struct rcur c = { .buf = msg };
	size_t stairs[DNS_POINTERS_MAX + 1];
	unsigned int i, k;

	begin("", 1);
	put_fixed(65280, 0);
	stairs[0] = w.pos - 1;
	for (i = 1; i <= DNS_POINTERS_MAX; i++) {
		stairs[i] = w.pos;
		put_pointer(stairs[i - 1]);
	}
	c.len = w.pos;
	for (i = 1; i <= DNS_POINTERS_MAX; i++)
		for (k = 0; k < 2; k++) {
			dns_places_begin(&p, place, w.pos);
			c.pos = stairs[DNS_POINTERS_MAX];
			cr_assert_eq(dns_places_check(&p, &c, true), DNS_OK);
			p.steps = DNS_STEPS_MAX - i + k;
			c.pos = stairs[i];
			cr_assert_eq(dns_places_check(&p, &c, true), k == 0 ?
			    DNS_OK : DNS_ESTEPS);
		}
}

/* A pointer at the last place that one can reach, and labels beyond. */
Test(places, D21_to_the_end_of_what_pointers_reach)
{
	size_t last, i;

	begin("", 1);
	wcur_u8(&w, 0);
	put_fixed(65280, 0);
	last = w.pos;
	memset(msg + last, 1, 0x4000 + 300 - last);
	put_u16_at(last - 2, 0x4000 + 300 - last);
	w.pos = 0x4000 + 300;
	msg[0x3fff + 2 * 126] = 0;		/* 126 labels of one octet */
	for (i = 0; i < 8; i++) {
		put_pointer(0x3fff - 2 * (i & 1));
		put_fixed(65280, 0);
		put_pointer(0x3fff);
		put_fixed(65280, 0);
	}
	cr_assert_eq(parse(), DNS_OK);
	cr_assert_eq(plain_parse(), DNS_OK);
	put_pointer(0x3fff - 4);
	put_fixed(65280, 0);
	cr_assert_eq(parse(), DNS_ENAME);
	cr_assert_eq(plain_parse(), DNS_ENAME);
}

/* --- work --- */

static uint64_t
cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec);
}

/* 4,096 names that lead to one of so many labels: the fastest of some runs. */
static uint64_t
work(unsigned int labels)
{
	uint64_t begun, best = UINT64_MAX, time;
	size_t name, i;

	begin("", 1);
	wcur_u8(&w, 0);
	put_fixed(65280, 2U * labels + 1);
	name = w.pos;
	for (i = 0; i < labels; i++)
		wcur_u16(&w, 0x0161);
	wcur_u8(&w, 0);
	for (i = 0; i < DNS_STEPS_MAX; i++) {
		wcur_bytes(&w, "\001b", 2);
		put_pointer(name + 2);
		put_fixed(65280, 0);
	}
	for (i = 0; i < 20; i++) {
		begun = cpu_time();
		cr_assert_eq(parse(), DNS_OK);
		time = cpu_time() - begun;
		if (time < best)
			best = time;
	}
	return (best);
}

/* It is the same in each record, however long the name is. */
Test(places, D21_work_does_not_grow_with_the_names)
{
	cr_assert_lt(work(DNS_LABELS_MAX), 3 * work(2));
}
