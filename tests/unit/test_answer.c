/* Which addresses an answer gives, and for how long. */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "addrtext.h"
#include "dns/answer.h"

/* An answer under construction; the question is "q" IN A. */
static uint8_t msg[DNS_MESSAGE_MAX];
static struct wcur w;
static uint16_t ancount;

static struct dns_response r;
static struct dns_address out[DNS_ADDRESSES_MAX];
static size_t n;

static void
begin(void)
{
	static const uint8_t head[] = "\0\1\x81\x80\0\1\0\0\0\0\0\0"
	    "\001q\0\0\001\0\001";

	w = (struct wcur){ .buf = msg, .len = sizeof(msg) };
	wcur_bytes(&w, head, sizeof(head) - 1);
	ancount = 0;
}

/* Names of one label; "" is the root, upper case stays. */
static void
put_name(const char *label)
{
	if (*label != '\0') {
		wcur_u8(&w, (uint8_t)strlen(label));
		wcur_bytes(&w, label, strlen(label));
	}
	wcur_u8(&w, 0);
}

static void
put_record(const char *owner, uint16_t type, uint16_t class, uint32_t ttl,
    const void *rdata, size_t len)
{
	put_name(owner);
	wcur_u16(&w, type);
	wcur_u16(&w, class);
	wcur_u32(&w, ttl);
	wcur_u16(&w, (uint16_t)len);
	wcur_bytes(&w, rdata, len);
	ancount++;
}

/* 10.0.x.y, with x and y from the last argument. */
static void
put_a(const char *owner, uint32_t ttl, unsigned int host)
{
	const uint8_t rdata[4] = { 10, 0, (uint8_t)(host >> 8),
	    (uint8_t)host };

	put_record(owner, TYPE_A, CLASS_IN, ttl, rdata, sizeof(rdata));
}

static void
put_cname(const char *owner, const char *target)
{
	uint8_t rdata[64];
	size_t len = strlen(target);

	rdata[0] = (uint8_t)len;
	memcpy(rdata + 1, target, len);
	rdata[1 + len] = 0;
	put_record(owner, TYPE_CNAME, CLASS_IN, 60, rdata, len + 2);
}

#define PUT(owner, type, rdata)						\
	put_record(owner, type, CLASS_IN, 60, rdata, sizeof(rdata) - 1)

static void
parse(void)
{
	struct wcur head = { .buf = msg, .len = DNS_HEADER_SIZE, .pos = 6 };

	wcur_u16(&head, ancount);
	cr_assert_not(w.overflow);
	cr_assert_eq(dns_response_parse(msg, w.pos, &r), DNS_OK);
}

static uint64_t
hash(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = 0xcbf29ce484222325;

	while (len-- > 0)
		h = (h ^ *p++) * 0x100000001b3;
	return (h);
}

/* In two halves it is the same, and if the second is in pieces. */
static void
expect_halves(size_t max, enum dns_err err)
{
	static struct dns_link links[DNS_LINKS_ROOM];
	static struct dns_address halves[DNS_ADDRESSES_MAX];
	static struct dns_follow f;
	size_t nlinks, i, piece;
	enum dns_err last;
	bool more;

	cr_assert_eq(dns_links_read(msg, &r, hash, links, &nlinks), DNS_OK);
	for (piece = 1; piece <= 4096; piece *= 16) {
		dns_follow_begin(&f, links, nlinks, hash, halves, max);
		do
			last = dns_follow_some(&f, msg, &r, links, nlinks, piece,
			    &more);
		while (last == DNS_OK && more);
		cr_assert_eq(last, err);
		cr_assert_eq(f.addresses.n, n);
		for (i = 0; i < n; i++)
			cr_assert(addr_equal(&halves[i].addr, &out[i].addr) &&
			    halves[i].ttl == out[i].ttl);
	}
}

static enum dns_err
addresses(size_t max)
{
	enum dns_err err;

	parse();
	err = dns_answer_addresses(msg, w.pos, &r, hash, out, max, &n);
	expect_halves(max, err);
	return (err);
}

static void
expect_count(size_t want)
{
	cr_assert_eq(addresses(DNS_ADDRESSES_MAX), DNS_OK);
	cr_assert_eq(n, want, "%zu, not %zu", n, want);
}

static void
expect_address(size_t i, const char *text, uint32_t ttl)
{
	struct addr want;

	cr_assert_eq(addr_parse(text, strlen(text), &want), 0);
	cr_assert(addr_equal(&out[i].addr, &want), "%s", text);
	cr_assert_eq(out[i].ttl, ttl, "%s: %u", text, out[i].ttl);
}

Test(answer, G4_records_of_the_name_itself)
{
	begin();
	put_a("q", 300, 1);
	PUT("Q", TYPE_AAAA, "\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\001");
	put_a("other", 300, 2);
	PUT("q", TYPE_TXT, "\003abc");
	expect_count(2);
	expect_address(0, "10.0.0.1", 300);
	expect_address(1, "2001:db8::1", 60);
}

Test(answer, G4_class_IN_alone)
{
	begin();
	put_record("q", TYPE_A, CLASS_CH, 60, "\012\0\0\001", 4);
	put_record("q", TYPE_CNAME, CLASS_CH, 60, "\001b\0", 3);
	put_a("b", 60, 1);
	expect_count(0);
}

/* G4: authority and additional section say nothing. */
Test(answer, G4_answer_section_alone)
{
	begin();
	put_a("q", 60, 1);
	put_a("q", 60, 2);
	put_a("q", 60, 3);
	ancount = 1;
	msg[9] = 1;
	msg[11] = 1;
	expect_count(1);
	expect_address(0, "10.0.0.1", 60);
}

Test(answer, G4_chain_in_any_order)
{
	begin();
	put_a("d", 5, 4);
	put_cname("c", "D");
	put_cname("q", "b");
	put_cname("b", "C");
	put_cname("x", "y");
	put_a("y", 5, 5);
	expect_count(1);
	expect_address(0, "10.0.0.4", 5);
}

Test(answer, G4_loops_end)
{
	begin();
	put_cname("q", "q");
	expect_count(0);
	put_cname("q", "b");
	put_cname("b", "c");
	put_cname("c", "q");
	put_cname("c", "b");
	put_a("c", 60, 3);
	expect_count(1);
}

/* From q by way of "a" to the i-th name, in the order given. */
static void
put_chain(unsigned int steps, bool backwards)
{
	char name[2][2] = { "q", "a" };
	unsigned int i, step;

	begin();
	for (i = 0; i < steps; i++) {
		step = backwards ? steps - 1 - i : i;
		name[0][0] = step == 0 ? 'q' : (char)('0' + step);
		name[1][0] = (char)('0' + step + 1);
		put_cname(name[0], name[1]);
	}
	name[0][0] = (char)('0' + steps);
	put_a(name[0], 60, 1);
}

Test(answer, G4_length_of_the_chain)
{
	put_chain(DNS_CHAIN_MAX, false);
	expect_count(1);
	put_chain(DNS_CHAIN_MAX, true);
	expect_count(1);
	put_chain(DNS_CHAIN_MAX + 1, false);
	expect_count(0);
	put_chain(DNS_CHAIN_MAX + 1, true);
	expect_count(0);
}

/* RFC 9460 2.2, 7.3 */
Test(answer, G6_hints)
{
	begin();
	PUT("q", TYPE_HTTPS, "\0\001\0" "\0\001\0\003\002h2"
	    "\0\004\0\010\012\0\0\001\012\0\0\002"
	    "\0\006\0\020\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\001");
	PUT("q", TYPE_SVCB, "\0\002\0" "\0\004\0\004\012\0\0\003");
	PUT("x", TYPE_HTTPS, "\0\001\0" "\0\004\0\004\012\0\0\004");
	expect_count(4);
	expect_address(0, "10.0.0.1", 60);
	expect_address(1, "10.0.0.2", 60);
	expect_address(2, "2001:db8::1", 60);
	expect_address(3, "10.0.0.3", 60);
}

/* RFC 9460 2.4.2, 2.4.3, 2.5 */
Test(answer, G6_aliases_and_targets)
{
	begin();
	PUT("q", TYPE_HTTPS, "\0\0\001b\0");
	PUT("b", TYPE_HTTPS, "\0\001\001c\0" "\0\004\0\004\012\0\0\001");
	put_a("c", 30, 2);
	expect_count(2);
	expect_address(0, "10.0.0.1", 60);
	expect_address(1, "10.0.0.2", 30);
	/* The parameters of an alias do not count. */
	begin();
	PUT("q", TYPE_HTTPS, "\0\0\001b\0" "\0\004\0\004\012\0\0\001");
	expect_count(0);
	/* As a target "." is not the root. */
	begin();
	PUT("q", TYPE_HTTPS, "\0\0\0");
	PUT("q", TYPE_HTTPS, "\0\001\0");
	put_a("", 60, 1);
	expect_count(0);
	/* For CNAME it is. */
	begin();
	PUT("q", TYPE_CNAME, "\0");
	put_a("", 60, 1);
	expect_count(1);
}

Test(answer, G3_greatest_ttl_of_an_address)
{
	begin();
	put_a("q", 30, 1);
	put_a("q", 90, 1);
	put_a("q", 60, 1);
	put_a("q", 5, 2);
	PUT("q", TYPE_HTTPS, "\0\001\0" "\0\004\0\004\012\0\0\002");
	expect_count(2);
	expect_address(0, "10.0.0.1", 90);
	expect_address(1, "10.0.0.2", 60);
}

/* RFC 2181 8 */
Test(answer, G3_ttl_with_the_top_bit)
{
	begin();
	put_a("q", 0x80000000, 1);
	put_a("q", 0xffffffff, 2);
	put_a("q", 0x7fffffff, 3);
	expect_count(3);
	expect_address(0, "10.0.0.1", 0);
	expect_address(1, "10.0.0.2", 0);
	expect_address(2, "10.0.0.3", 0x7fffffff);
}

/* An IPv4 address is not the IPv6 address with the same first bytes. */
Test(answer, families_are_apart)
{
	begin();
	PUT("q", TYPE_A, "\040\001\015\270");
	PUT("q", TYPE_AAAA, "\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\0");
	PUT("q", TYPE_A, "\0\0\0\0");
	PUT("q", TYPE_AAAA, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	PUT("q", TYPE_AAAA, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\001");
	PUT("q", TYPE_A, "\0\0\0\0");
	expect_count(5);
}

Test(answer, room_in_the_output)
{
	begin();
	put_a("q", 60, 1);
	put_a("q", 60, 2);
	put_a("q", 60, 1);
	cr_assert_eq(addresses(2), DNS_OK);
	cr_assert_eq(n, 2);
	put_a("q", 60, 3);
	cr_assert_eq(addresses(2), DNS_EFULL);
	cr_assert_eq(n, 2);
	cr_assert_eq(addresses(0), DNS_EFULL);
	cr_assert_eq(n, 0);
	begin();
	cr_assert_eq(addresses(0), DNS_OK);
}

/* As many as fit, each twice in 64 KiB by their hints, or too many. */
Test(answer, D9_the_largest_answers)
{
	static uint8_t hints[7 + 4 * (DNS_ADDRESSES_MAX + 1)] =
	    "\0\001\0\0\004";
	struct wcur h = { .buf = hints, .len = sizeof(hints), .pos = 5 };
	unsigned int i;

	wcur_u16(&h, 4 * DNS_ADDRESSES_MAX);
	for (i = 0; i <= DNS_ADDRESSES_MAX; i++)
		wcur_u32(&h, 0x0a000000 + i * 2654435761U % 0x1000000);
	begin();
	for (i = 0; i < 3; i++)
		put_record("q", TYPE_HTTPS, CLASS_IN, 60 + i, hints,
		    sizeof(hints) - 4);
	expect_count(DNS_ADDRESSES_MAX);
	for (i = 0; i < n; i++)
		cr_assert_eq(out[i].ttl, 62);
	h.pos = 5;
	wcur_u16(&h, 4 * (DNS_ADDRESSES_MAX + 1));
	begin();
	put_record("q", TYPE_HTTPS, CLASS_IN, 60, hints, sizeof(hints));
	cr_assert_eq(addresses(DNS_ADDRESSES_MAX + 1), DNS_EFULL);
	begin();
	for (i = 0; w.len - w.pos >= 17; i++)
		put_a("q", 60, i);
	expect_count(i);
}

/* What is found is what a plain search finds. */
Test(answer, addresses_as_a_model_finds_them)
{
	uint32_t ttl[64];
	unsigned int round, i, host;
	size_t want;

	srandom(1);
	for (round = 0; round < 300; round++) {
		memset(ttl, 0xff, sizeof(ttl));
		begin();
		for (want = i = 0; i < 100; i++) {
			host = (unsigned int)random() % 64;
			want += ttl[host] == UINT32_MAX;
			if (ttl[host] == UINT32_MAX || ttl[host] < i)
				ttl[host] = i;
			put_a("q", i, host * 1021);
		}
		expect_count(want);
		for (i = 0; i < n; i++) {
			host = (out[i].addr.bytes[2] * 256U +
			    out[i].addr.bytes[3]) / 1021;
			cr_assert_eq(out[i].ttl, ttl[host]);
			ttl[host] = UINT32_MAX;
		}
	}
}

static uint64_t
same_hash(const void *data, size_t len)
{
	(void)data;
	(void)len;
	return (UINT64_MAX);
}

/* Nor is anything else than the work a matter of the key. */
Test(answer, D21_addresses_whose_hash_is_the_same)
{
	unsigned int i;

	begin();
	for (i = 0; i < 100; i++)
		put_a("q", i, i % 40);
	parse();
	cr_assert_eq(dns_answer_addresses(msg, w.pos, &r, same_hash, out, 40,
	    &n), DNS_OK);
	cr_assert_eq(n, 40);
	for (i = 0; i < 40; i++) {
		cr_assert_eq(out[i].addr.bytes[3], i);
		cr_assert_eq(out[i].ttl, i < 20 ? 80 + i : 40 + i);
	}
}

static unsigned int nhashes;

static uint64_t
counting_hash(const void *data, size_t len)
{
	nhashes += len == sizeof(struct addr);
	return (hash(data, len));
}

/* Those that come again and again do not make the table anew. */
Test(answer, D21_work_for_an_address_that_comes_again)
{
	unsigned int i, few;

	for (few = 1; few < 40; few++) {
		begin();
		for (i = 0; i < 1000; i++)
			put_a("q", 60, i % few);
		parse();
		nhashes = 0;
		cr_assert_eq(dns_answer_addresses(msg, w.pos, &r, counting_hash,
		    out, DNS_ADDRESSES_MAX, &n), DNS_OK);
		cr_assert_eq(n, few);
		cr_assert_leq(nhashes, 1000);
	}
}

static uint32_t
ttl_at(size_t offset)
{
	struct rcur c = { .buf = msg, .len = w.pos, .pos = offset };
	uint32_t ttl = 0;

	cr_assert_eq(rcur_u32(&c, &ttl), 0);
	return (ttl);
}

/* Every owner and type, and no octet but the TTLs of this section. */
Test(answer, G3_cap_on_the_ttls)
{
	uint8_t before[200];
	size_t i;

	begin();
	put_a("q", 300, 1);			/* 17 octets from 19 on */
	put_a("x", 60, 2);
	put_a("q", 59, 3);
	put_record("q", 65280, CLASS_CH, 61, "abc", 3);
	put_a("q", 0x80000001, 1);
	put_a("q", 300, 1);
	ancount--;
	msg[9] = 1;
	parse();
	memcpy(before, msg, w.pos);
	dns_answer_cap_ttl(msg, w.pos, &r, 60);
	cr_assert_eq(ttl_at(26), 60);
	cr_assert_eq(ttl_at(43), 60);
	cr_assert_eq(ttl_at(60), 59);
	cr_assert_eq(ttl_at(77), 60);
	cr_assert_eq(ttl_at(93), 0);
	cr_assert_eq(ttl_at(110), 300);
	for (i = 0; i < w.pos; i++)
		if (before[i] != msg[i])
			cr_assert((i >= 26 && i < 30) ||
			    (i >= 77 && i < 81) || (i >= 93 && i < 97));
	dns_answer_cap_ttl(msg, w.pos, &r, 0);
	cr_assert_eq(ttl_at(60), 0);
}

/* Owners by pointers: the work of 16 passes over the worst names. */
Test(answer, D10_work_is_bounded, .timeout = 20)
{
	unsigned int i, k;

	begin();
	for (i = DNS_CHAIN_MAX; i-- > 0;) {
		char from[2] = { i == 0 ? 'q' : (char)('@' + i), '\0' };
		char to[2] = { (char)('A' + i), '\0' };

		put_cname(from, to);
	}
	/* A name of 127 labels, and then only pointers to it. */
	for (k = 0; k < DNS_LABELS_MAX; k++)
		wcur_u16(&w, 0x0161);
	i = (unsigned int)w.pos - 2 * DNS_LABELS_MAX;
	put_record("", 65280, CLASS_IN, 0, "", 0);
	for (k = 0; k < DNS_STEPS_MAX; k++) {
		wcur_u16(&w, (uint16_t)(0xc000 | i));
		wcur_u16(&w, 65280);
		wcur_u16(&w, CLASS_IN);
		wcur_u32(&w, 0);
		wcur_u16(&w, 0);
		ancount++;
	}
	expect_count(0);
}

static const char long_label[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaa";

/* A name of 255 octets: "aa..", of which the last letter but one is another. */
static void
put_long(char letter)
{
	unsigned int k;

	for (k = 0; k < 3; k++) {
		wcur_u8(&w, 63);
		wcur_bytes(&w, long_label, 63);
	}
	wcur_u8(&w, 61);
	wcur_bytes(&w, long_label, 59);
	wcur_u8(&w, (uint8_t)letter);
	wcur_u8(&w, 'a');
	wcur_u8(&w, 0);
}

static struct dns_target targets[DNS_CHAIN_MAX];

/* The names that "q" leads to, as "name/TTL ...". */
static void
expect_targets(const char *want)
{
	char got[2000], name[DNS_NAME_TEXT_MAX];
	size_t i, at = 0;

	parse();
	cr_assert_eq(dns_answer_targets(msg, w.pos, &r, targets, &n), DNS_OK);
	for (*got = '\0', i = 0; i < n; i++) {
		dns_name_print(&targets[i].name, name);
		at += (size_t)sprintf(got + at, "%s%s/%u", i == 0 ? "" : " ",
		    name, targets[i].ttl);
	}
	cr_assert_str_eq(got, want);
}

Test(answer, D14_no_alias)
{
	begin();
	put_a("q", 300, 1);
	expect_targets("");
	cr_assert_not(r.has_alias);
	begin();
	expect_targets("");
}

Test(answer, D14_a_chain_in_any_order)
{
	begin();
	put_cname("b", "C");
	put_cname("a", "b");
	put_cname("x", "y");
	put_cname("Q", "A");
	put_a("c", 300, 1);
	expect_targets("A./60 b./60 C./60");
	cr_assert(r.has_alias);
}

Test(answer, D14_loops_end)
{
	begin();
	put_cname("q", "a");
	put_cname("a", "q");
	expect_targets("a./60");
	begin();
	put_cname("q", "q");
	expect_targets("");
}

Test(answer, D14_the_greatest_ttl)
{
	begin();
	put_record("q", TYPE_CNAME, CLASS_IN, 0, "\001a", 3);
	put_record("q", TYPE_CNAME, CLASS_IN, 70, "\001A", 3);
	put_record("q", TYPE_CNAME, CLASS_IN, 0x80000000U, "\001a", 3);
	expect_targets("a./70");
}

Test(answer, D14_other_classes_and_sections)
{
	begin();
	put_record("q", TYPE_CNAME, CLASS_CH, 60, "\001a", 3);
	put_record("q", TYPE_DNAME, CLASS_CH, 60, "\001a", 3);
	expect_targets("");
}

Test(answer, D14_at_most_as_many_as_a_chain_has)
{
	char from[3], to[3];
	unsigned int i;

	begin();
	put_cname("q", "00");
	for (i = 0; i < DNS_CHAIN_MAX + 2; i++) {
		sprintf(from, "%02u", i);
		sprintf(to, "%02u", i + 1);
		put_cname(from, to);
	}
	parse();
	cr_assert_eq(dns_answer_targets(msg, w.pos, &r, targets, &n), DNS_OK);
	cr_assert_eq(n, DNS_CHAIN_MAX);
}

Test(answer, D14_service_targets)
{
	begin();
	PUT("q", TYPE_HTTPS, "\0\001\001a\0");
	PUT("q", TYPE_SVCB, "\0\0\001b\0");
	PUT("q", TYPE_HTTPS, "\0\002\0");
	PUT("b", TYPE_HTTPS, "\0\001\001c\0\0\001\0\003\002h2");
	expect_targets("a./60 b./60 c./60");
}

/* The question is "a.q" then. */
static void
begin_below(void)
{
	static const uint8_t head[] = "\0\1\x81\x80\0\1\0\0\0\0\0\0"
	    "\001a\001q\0\0\001\0\001";

	w = (struct wcur){ .buf = msg, .len = sizeof(msg) };
	wcur_bytes(&w, head, sizeof(head) - 1);
	ancount = 0;
}

/* RFC 6672 2.2: what is below the owner, and not the owner. */
Test(answer, D14_dname)
{
	begin_below();
	PUT("Q", TYPE_DNAME, "\001x\001y\0");
	expect_targets("a.x.y./60");
	begin_below();
	PUT("q", TYPE_DNAME, "\001x\0");
	put_record("y", TYPE_DNAME, CLASS_IN, 60, "\001z", 3);
	put_record("x", TYPE_DNAME, CLASS_IN, 50, "\001y", 3);
	expect_targets("a.x./60 a.y./50 a.z./60");
	begin_below();
	PUT("", TYPE_DNAME, "\001x\0");
	expect_targets("a.q.x./60 a.q.x.x./60 a.q.x.x.x./60 a.q.x.x.x.x./60 "
	    "a.q.x.x.x.x.x./60 a.q.x.x.x.x.x.x./60 a.q.x.x.x.x.x.x.x./60 "
	    "a.q.x.x.x.x.x.x.x.x./60 a.q.x.x.x.x.x.x.x.x.x./60 "
	    "a.q.x.x.x.x.x.x.x.x.x.x./60 a.q.x.x.x.x.x.x.x.x.x.x.x./60 "
	    "a.q.x.x.x.x.x.x.x.x.x.x.x.x./60 "
	    "a.q.x.x.x.x.x.x.x.x.x.x.x.x.x./60 "
	    "a.q.x.x.x.x.x.x.x.x.x.x.x.x.x.x./60 "
	    "a.q.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x./60 "
	    "a.q.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x./60");
	begin();
	PUT("q", TYPE_DNAME, "\001x\0");
	expect_targets("");
}

Test(answer, D14_dname_to_a_name_that_is_too_long)
{
	uint8_t rdata[DNS_NAME_MAX];
	size_t len;

	/* "a" and 253 octets are a name; one more is none. */
	for (len = 0; len < 248; len += 31) {
		rdata[len] = 30;
		memset(rdata + len + 1, 'x', 30);
	}
	rdata[len++] = 3;
	memset(rdata + len, 'y', 3);
	rdata[len + 3] = 0;
	begin_below();
	put_record("q", TYPE_DNAME, CLASS_IN, 60, rdata, len + 4);
	parse();
	cr_assert_eq(dns_answer_targets(msg, w.pos, &r, targets, &n), DNS_OK);
	cr_assert_eq(n, 1);
	cr_assert_eq(targets[0].name.len, 255);
	rdata[len - 1] = 4;
	rdata[len + 3] = 'y';
	rdata[len + 4] = 0;
	begin_below();
	put_record("q", TYPE_DNAME, CLASS_IN, 60, rdata, len + 5);
	expect_targets("");
}

/* Each is for each name so far, and 17 passes are needed to find them. */
Test(answer, D14_work_is_bounded)
{
	const uint8_t chain[] = "\001b";
	unsigned int i;
	clock_t start;

	begin_below();
	for (i = DNS_CHAIN_MAX + 1; i-- > 0;) {
		char owner[2] = { i == 0 ? 'q' : (char)('@' + i), '\0' };
		const uint8_t target[] = { 1, (uint8_t)('A' + i), 0 };

		put_record(owner, TYPE_DNAME, CLASS_IN, 60, target,
		    sizeof(target));
	}
	while (w.len - w.pos >= 20)
		put_record("p", TYPE_DNAME, CLASS_IN, 60, chain, sizeof(chain));
	parse();
	start = clock();
	for (i = 0; i < 10; i++)
		cr_assert_eq(dns_answer_targets(msg, w.pos, &r, targets, &n),
		    DNS_EFULL);
	/* Without a limit it is more than a second. */
	cr_assert_lt(clock() - start, CLOCKS_PER_SEC / 4);
	cr_assert_eq(n, DNS_CHAIN_MAX);
}

/* Other records among them do not count. */
Test(answer, D14_at_most_so_many_records)
{
	unsigned int i;

	begin();
	for (i = 0; i < DNS_LEADS_MAX - 1; i++) {
		put_cname("x", "y");
		put_a("q", 300, i);
		put_record("q", TYPE_CNAME, CLASS_CH, 60, "\001z", 3);
	}
	put_cname("q", "a");
	expect_targets("a./60");
	put_cname("a", "b");
	parse();
	cr_assert_eq(dns_answer_targets(msg, w.pos, &r, targets, &n),
	    DNS_EFULL);
	cr_assert_eq(n, 1);
}

/* The hash of all names is the same: then it takes longer, but that is all. */
static uint64_t
bad_hash(const void *data, size_t len)
{
	(void)data;
	(void)len;
	return (1);
}

/*
 * The longest chain, back to front, of long names that differ in one letter;
 * the rest are addresses whose owners are these names in turn, by a pointer.
 */
static void
put_long_chain(void)
{
	size_t at[1 + DNS_CHAIN_MAX], i;
	unsigned int k;

	begin();
	for (i = DNS_CHAIN_MAX; i > 0; i--) {
		at[i] = w.pos;
		put_long((char)('a' + i));
		wcur_bytes(&w, "\0\005\0\001\0\0\0\074\0\377", 10);
		put_long((char)('a' + (i + 1)));
		ancount++;
	}
	put_name("q");
	wcur_bytes(&w, "\0\005\0\001\0\0\0\074\0\377", 10);
	at[0] = w.pos;
	put_long('b');
	ancount++;
	for (k = 0; w.len - w.pos >= 16; k++) {
		wcur_u16(&w, (uint16_t)(0xc000 | at[k % (1 + DNS_CHAIN_MAX)]));
		wcur_bytes(&w, "\0\001\0\001\0\0\0\074\0\004\012", 11);
		wcur_u8(&w, 0);
		wcur_u16(&w, (uint16_t)k);
		ancount++;
	}
}

Test(answer, D21_long_names_that_differ_little)
{
	size_t i, found;
	clock_t start;

	put_long_chain();
	parse();
	start = clock();
	for (i = 0; i < 10; i++)
		cr_assert_eq(dns_answer_addresses(msg, w.pos, &r, hash, out,
		    DNS_ADDRESSES_MAX, &n), DNS_OK);
	/* In one pass for each name it was more than two seconds. */
	cr_assert_lt(clock() - start, CLOCKS_PER_SEC / 4);
	found = n;
	cr_assert_gt(found, 3000);
	cr_assert_eq(dns_answer_addresses(msg, w.pos, &r, bad_hash, out,
	    DNS_ADDRESSES_MAX, &n), DNS_OK);
	cr_assert_eq(n, found);
}
