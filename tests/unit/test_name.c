/* Names: from a message, from text, and to text. */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dns/name.h"
#include "names.h"

/* Read the name at offset at of the octets of a string literal. */
#define READ(octets, at, pointers, name)				\
	name_read((const uint8_t *)(octets), sizeof(octets) - 1, at,	\
	    pointers, name)

static size_t end;

/* What is read is also skipped. */
static enum dns_err
name_read(const uint8_t *buf, size_t len, size_t at, bool pointers,
    struct dns_name *name)
{
	struct rcur c = { .buf = buf, .len = len, .pos = at };
	struct rcur skip = c;
	enum dns_err err;

	err = dns_name_read(&c, pointers, name);
	if (err == DNS_OK) {
		cr_assert_eq(dns_name_skip(&skip), DNS_OK);
		cr_assert_eq(skip.pos, c.pos);
	} else
		cr_assert_eq(c.pos, at);
	end = c.pos;
	return (err);
}

static void
expect_wire(const struct dns_name *name, const char *wire, size_t len,
    unsigned int labels)
{
	cr_assert_eq(name->len, len);
	cr_assert_eq(memcmp(name->wire, wire, len), 0);
	cr_assert_eq(name->labels, labels);
}

/* n labels of one octet each, and then the root. */
static size_t
labels_of_one(uint8_t *buf, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		buf[2 * i] = 1;
		buf[2 * i + 1] = 'a';
	}
	buf[2 * n] = 0;
	return (2 * n + 1);
}

Test(name, skips_no_octet_that_is_not_there)
{
	static const uint8_t octets[] = "\001a\300\001";
	struct rcur c = { .buf = octets };

	for (c.len = 0; c.len < 4; c.len++) {
		cr_assert_eq(dns_name_skip(&c), DNS_ESHORT);
		cr_assert_eq(c.pos, 0);
	}
	cr_assert_eq(dns_name_skip(&c), DNS_OK);
	cr_assert_eq(c.pos, 4);
	c = (struct rcur){ .buf = (const uint8_t *)"\100a", .len = 2 };
	cr_assert_eq(dns_name_skip(&c), DNS_ELABEL);
}

/* RFC 1035 3.1 */
Test(name, reads_labels_to_the_root)
{
	struct dns_name name;

	cr_assert_eq(READ("\0", 0, false, &name), DNS_OK);
	expect_wire(&name, "", 1, 0);
	cr_assert_eq(end, 1);
	cr_assert_eq(READ("xx\003WwW\002nl\0yy", 2, false, &name), DNS_OK);
	expect_wire(&name, "\003WwW\002nl", 8, 2);
	cr_assert_eq(end, 10);
}

/* The example of RFC 1035 4.1.4, moved to offset 0. */
Test(name, D10_follows_pointers)
{
	static const char msg[] = "\001F\003ISI\004ARPA\0"
	    "\003FOO\300\000" "\300\006" "\000";
	struct dns_name name;

	cr_assert_eq(READ(msg, 12, true, &name), DNS_OK);
	expect_wire(&name, "\003FOO\001F\003ISI\004ARPA", 16, 4);
	cr_assert_eq(end, 18);
	cr_assert_eq(READ(msg, 18, true, &name), DNS_OK);
	expect_wire(&name, "\004ARPA", 6, 1);
	cr_assert_eq(end, 20);
	cr_assert_eq(READ(msg, 18, false, &name), DNS_EPOINTER);
	cr_assert_eq(READ(msg, 12, false, &name), DNS_EPOINTER);
}

Test(name, D10_pointers_go_strictly_backwards)
{
	struct dns_name name;

	/* To itself, forwards, and to the start of its own run. */
	cr_assert_eq(READ("\300\000\0", 0, true, &name), DNS_EPOINTER);
	cr_assert_eq(READ("\300\002\0", 0, true, &name), DNS_EPOINTER);
	cr_assert_eq(READ("\001a\300\000", 0, true, &name), DNS_EPOINTER);
	/* Two that point at each other. */
	cr_assert_eq(READ("\300\002\300\000", 2, true, &name), DNS_EPOINTER);
	/* Back, and then a run that leads into the first again. */
	cr_assert_eq(READ("\001a\001b\300\000", 2, true, &name),
	    DNS_EPOINTER);
	/* A label that reaches over the pointer that led to it. */
	cr_assert_eq(READ("\003\300\000a\0", 1, true, &name), DNS_EPOINTER);
	/* A pointer to a pointer is one more step back. */
	cr_assert_eq(READ("\001a\0\300\000\300\003", 5, true, &name), DNS_OK);
	expect_wire(&name, "\001a", 3, 1);
}

/* Each pointer costs a step: a staircase of them is no name. */
Test(name, D10_a_staircase_of_pointers_ends)
{
	uint8_t buf[1 + 2 * 200] = { 0 };
	struct dns_name name;
	size_t i, target;

	for (i = 0; i < 200; i++) {
		target = i == 0 ? 0 : 2 * i - 1;
		buf[1 + 2 * i] = (uint8_t)(0xc0 | target >> 8);
		buf[2 + 2 * i] = (uint8_t)target;
	}
	cr_assert_eq(name_read(buf, sizeof(buf), 1 + 2 * 126, true, &name),
	    DNS_OK);
	expect_wire(&name, "", 1, 0);
	cr_assert_eq(name_read(buf, sizeof(buf), 1 + 2 * 127, true, &name),
	    DNS_EPOINTER);
}

/* RFC 1035 4.1.4: 01 and 10 are reserved; RFC 6891 5 ends extended labels. */
Test(name, label_types_01_and_10)
{
	uint8_t buf[66] = { 0 };
	struct dns_name name;
	unsigned int type;

	for (type = 0x40; type < 0xc0; type++) {
		buf[0] = (uint8_t)type;
		cr_assert_eq(name_read(buf, sizeof(buf), 0, true, &name),
		    DNS_ELABEL);
	}
	buf[0] = 63;
	cr_assert_eq(name_read(buf, sizeof(buf), 0, true, &name), DNS_OK);
	cr_assert_eq(name.len, 65);
}

Test(name, ends_of_the_message)
{
	static const uint8_t msg[] = "\003www\002nl";
	struct dns_name name;
	size_t len;

	for (len = 0; len < 8; len++)
		cr_assert_eq(name_read(msg, len, 0, true, &name), DNS_ESHORT);
	cr_assert_eq(name_read(msg, 8, 0, true, &name), DNS_OK);
	cr_assert_eq(READ("\0\001a\300", 1, true, &name), DNS_ESHORT);
}

/* RFC 1035 2.3.4: 255 octets, and so at most 127 labels. */
Test(name, at_most_255_octets)
{
	uint8_t buf[300] = { 0 };
	struct dns_name name;
	size_t n;

	n = labels_of_one(buf, 127);
	cr_assert_eq(n, DNS_NAME_MAX);
	cr_assert_eq(name_read(buf, n, 0, false, &name), DNS_OK);
	cr_assert_eq(name.len, DNS_NAME_MAX);
	cr_assert_eq(name.labels, DNS_LABELS_MAX);
	n = labels_of_one(buf, 128);
	cr_assert_eq(name_read(buf, n, 0, false, &name), DNS_ENAME);
	/* 253 octets before the root's own make one too many with a label. */
	n = labels_of_one(buf, 126);
	buf[n - 1] = 2;
	cr_assert_eq(name_read(buf, n + 3, 0, false, &name), DNS_ENAME);
	/* Also if pointers put it together. */
	n = labels_of_one(buf, 127);
	memcpy(buf + n, "\001b\300\000", 4);
	cr_assert_eq(name_read(buf, n + 4, n, true, &name), DNS_ENAME);
	buf[n + 3] = 2;
	cr_assert_eq(name_read(buf, n + 4, n, true, &name), DNS_OK);
	cr_assert_eq(name.len, DNS_NAME_MAX);
}

/* RFC 4343 3: only A to Z have another case. */
Test(name, A2_case)
{
	struct dns_name a, b;
	unsigned int c;

	memset(&a, 0, sizeof(a));
	a.len = 3;
	a.labels = 1;
	a.wire[0] = 1;
	for (c = 0; c < 256; c++) {
		a.wire[1] = (uint8_t)c;
		dns_name_fold(&a, &b);
		cr_assert_eq(b.wire[1], c >= 'A' && c <= 'Z' ? c + 32 : c);
		cr_assert_eq(b.len, 3);
		cr_assert_eq(b.labels, 1);
		cr_assert(dns_name_equal(&a, &b));
		cr_assert_eq(dns_name_identical(&a, &b),
		    !(c >= 'A' && c <= 'Z'));
	}
	dns_name_fold(&a, &a);
	cr_assert_eq(a.wire[1], 255);
	cr_assert_eq(READ("\003wWw\0", 0, false, &a), DNS_OK);
	cr_assert_eq(READ("\003WwX\0", 0, false, &b), DNS_OK);
	cr_assert_not(dns_name_equal(&a, &b));
	cr_assert_eq(READ("\002wW\0", 0, false, &b), DNS_OK);
	cr_assert_not(dns_name_equal(&a, &b));
	cr_assert_not(dns_name_identical(&a, &b));
}

/* Whatever stands beside an octet, and wherever it is. */
Test(name, A2_case_of_each_octet_alone)
{
	static const uint8_t others[] = { 0, 'A', 'Z', 0x7f, 0x80, 0xff };
	struct dns_name a, b;
	unsigned int c, at, i, k;
	uint8_t want;

	memset(&a, 0, sizeof(a));
	a.len = 19;
	for (i = 0; i < sizeof(others); i++) {
		for (c = 0; c < 256 * 19; c++) {
			at = c / 256;
			memset(a.wire, others[i], a.len);
			a.wire[at] = (uint8_t)c;
			dns_name_fold(&a, &b);
			for (k = 0; k < a.len; k++) {
				want = a.wire[k];
				if (want >= 'A' && want <= 'Z')
					want |= 0x20;
				cr_assert_eq(b.wire[k], want);
			}
			cr_assert(dns_name_equal(&a, &b));
			b.wire[at] ^= 0x01;
			cr_assert_not(dns_name_equal(&a, &b));
		}
	}
}

/* A dot inside a label does not make two labels of it. */
Test(name, boundaries_of_labels_count)
{
	struct dns_name a, b;

	cr_assert_eq(READ("\003a.b\0", 0, false, &a), DNS_OK);
	cr_assert_eq(READ("\001a\001b\0", 0, false, &b), DNS_OK);
	cr_assert_not(dns_name_equal(&a, &b));
}

static void
expect_text(const struct dns_name *name, const char *text)
{
	char buf[DNS_NAME_TEXT_MAX];

	cr_assert_eq(dns_name_print(name, buf), strlen(text));
	cr_assert_str_eq(buf, text);
}

/* SPEC 7: escapes \DDD (RFC 1035 5.1). */
Test(name, text_cannot_forge_a_line)
{
	struct dns_name name;
	char want[8], buf[DNS_NAME_TEXT_MAX];
	unsigned int c;

	cr_assert_eq(READ("\0", 0, false, &name), DNS_OK);
	expect_text(&name, ".");
	cr_assert_eq(READ("\003WwW\002nl\0", 0, false, &name), DNS_OK);
	expect_text(&name, "WwW.nl.");
	cr_assert_eq(READ("\005a\n.\\ \001\0\0", 0, false, &name), DNS_OK);
	expect_text(&name, "a\\010\\046\\092\\032.\\000.");
	cr_assert_eq(READ("\001x\0", 0, false, &name), DNS_OK);
	for (c = 0; c < 256; c++) {
		name.wire[1] = (uint8_t)c;
		if (c > 32 && c < 127 && c != '.' && c != '\\')
			snprintf(want, sizeof(want), "%c.", (char)c);
		else
			snprintf(want, sizeof(want), "\\%03u.", c);
		expect_text(&name, want);
	}
	/* The longest: 250 octets in four labels, all escaped. */
	memset(&name, 0, sizeof(name));
	name.len = 255;
	name.labels = 4;
	for (c = 0; c < 4; c++)
		name.wire[64 * c] = c < 3 ? 63 : 61;
	cr_assert_eq(dns_name_print(&name, buf), 4 * 250 + 4);
}

static void
expect_parsed(const char *text, const char *wire, size_t len,
    unsigned int labels)
{
	struct dns_name name;
	size_t at;

	cr_assert_eq(dns_name_parse(text, strlen(text), &name, &at), DNS_OK,
	    "%s", text);
	expect_wire(&name, wire, len, labels);
}

static void
expect_unparsed(const char *text, enum dns_err want, size_t offset)
{
	struct dns_name name;
	size_t at;

	cr_assert_eq(dns_name_parse(text, strlen(text), &name, &at), want,
	    "%s", text);
	cr_assert_eq(at, offset, "%s: %zu", text, at);
}

Test(name, A2_text_of_an_fqdn)
{
	expect_parsed("example.com", "\007example\003com", 13, 2);
	expect_parsed("example.com.", "\007example\003com", 13, 2);
	expect_parsed("WWW.Xn--P1aI", "\003www\010xn--p1ai", 14, 2);
	expect_parsed("_443._tcp.a", "\004_443\004_tcp\001a", 13, 3);
	expect_parsed("0", "\0010", 3, 1);
	expect_unparsed("", DNS_EEMPTY, 0);
	expect_unparsed(".", DNS_EEMPTY, 0);
	expect_unparsed(".a", DNS_EEMPTY, 0);
	expect_unparsed("a..b", DNS_EEMPTY, 2);
	expect_unparsed("a.b..", DNS_EEMPTY, 4);
	expect_unparsed("a b", DNS_ECHAR, 1);
	expect_unparsed("a.b\\046c", DNS_ECHAR, 3);
	expect_unparsed("*.a", DNS_ECHAR, 0);
	expect_unparsed("a.\303\244", DNS_ECHAR, 2);
}

Test(name, A2_limits_of_text)
{
	char text[300] = "";
	struct dns_name name;
	size_t at, n;

	memset(text, 'a', 64);
	expect_unparsed(text, DNS_ELABEL, 63);
	text[63] = '\0';
	cr_assert_eq(dns_name_parse(text, 63, &name, &at), DNS_OK);
	cr_assert_eq(name.len, 65);
	for (n = 0; n < 256; n += 2)
		memcpy(text + n, "a.", 3);
	expect_unparsed(text, DNS_ENAME, 254);
	text[254] = '\0';
	cr_assert_eq(dns_name_parse(text, 254, &name, &at), DNS_OK);
	cr_assert_eq(name.len, DNS_NAME_MAX);
	cr_assert_eq(name.labels, DNS_LABELS_MAX);
	/* The length counts, not a NUL. */
	cr_assert_eq(dns_name_parse("a\0b", 3, &name, &at), DNS_ECHAR);
	cr_assert_eq(at, 1);
}

Test(name, every_error_has_a_text)
{
	enum dns_err i, j;

	for (i = DNS_OK; i < DNS_ERR_COUNT; i++)
		for (j = DNS_OK; j < i; j++)
			cr_assert_str_neq(dns_strerror(i), dns_strerror(j));
	cr_assert_str_eq(dns_strerror(DNS_ERR_COUNT), "unknown");
}

Test(name, is_under)
{
	static const struct {
		const char *name, *above;
		bool is;
	} cases[] = {
		{ "a.b.c", "b.c", true }, { "a.b.c", "B.C", true },
		{ "a.b.c", "a.b.c", true }, { "a.b.c", "", true },
		{ "", "", true }, { "b.c", "a.b.c", false },
		{ "ab.c", "b.c", false }, { "a.b.c", "b", false },
		{ "", "c", false }, { "a.b.c", "x.c", false },
	};
	struct dns_name name, above;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		name_from(cases[i].name, &name);
		name_from(cases[i].above, &above);
		cr_assert_eq(dns_name_is_under(&name, &above), cases[i].is,
		    "%s, %s", cases[i].name, cases[i].above);
	}
	/* A label's octets are no length: \003a\001b is not under "b". */
	name = (struct dns_name){ 6, 1, "\004x\003ab" };
	name_from("ab", &above);
	cr_assert_not(dns_name_is_under(&name, &above));
}
