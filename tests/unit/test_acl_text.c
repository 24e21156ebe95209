/* The ACL's language and its errors (A1, A2, A3, A6, A7). */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"
#include "acl/decide.h"
#include "acl/idn.h"
#include "acl/image.h"
#include "acl/lex.h"
#include "compile_text.h"

struct errors {
	unsigned int	count;
	unsigned int	line[16], column[16];
	char		text[16][128];
};

static void
collect(void *arg, unsigned int line, unsigned int column, const char *text)
{
	struct errors *e = arg;

	if (e->count < 16) {
		e->line[e->count] = line;
		e->column[e->count] = column;
		snprintf(e->text[e->count], sizeof(e->text[0]), "%s", text);
	}
	e->count++;
}

/* Compile from memory that ends where the text does, for the sanitizer. */
static int
compile(const char *text, size_t len, struct errors *e,
    struct acl_compiled *out)
{
	int r;

	memset(e, 0, sizeof(*e));
	r = compile_text(text, len, false, collect, e, out);
	cr_assert_eq(r == 0, e->count == 0);
	return (r);
}

static void
expect_rules(const char *text, uint32_t rules)
{
	struct errors e;
	struct acl_compiled c;
	const struct acl_image *image;
	const char *why;

	cr_assert_eq(compile(text, strlen(text), &e, &c), 0, "%s: %u:%u %s",
	    text, e.line[0], e.column[0], e.text[0]);
	image = acl_image_open(c.image, c.size, &why);
	cr_assert_not_null(image, "%s", why);
	cr_assert_eq(c.rules, rules, "%s", text);
	cr_assert_eq(acl_image_rules(image), rules);
	free(c.image);
}

static void
expect_error(const char *text, size_t len, unsigned int line,
    unsigned int column, const char *message)
{
	struct errors e;
	struct acl_compiled c;

	cr_assert_eq(compile(text, len, &e, &c), -1, "accepted: %s", text);
	cr_assert_eq(e.count, 1, "%s: %u errors", text, e.count);
	cr_assert(e.line[0] == line && e.column[0] == column &&
	    strcmp(e.text[0], message) == 0, "%s: got %u:%u %s", text,
	    e.line[0], e.column[0], e.text[0]);
	cr_assert_null(c.image);
}

Test(acl_text, lines_and_columns)
{
	struct lex_text text = { .text = "a\n\nb c\r\nd", .len = 9 };
	struct lex_line line;
	struct lex_token token;

	cr_assert(lex_next_line(&text, &line) && line.len == 1);
	cr_assert(lex_next_line(&text, &line) && line.len == 0);
	cr_assert(lex_next_line(&text, &line) && line.len == 3);
	lex_next(&line, &token);
	cr_assert(token.kind == LEX_WORD && token.at == 0 && token.len == 1);
	lex_next(&line, &token);
	cr_assert(token.kind == LEX_WORD && token.at == 2 && token.len == 1);
	lex_next(&line, &token);
	cr_assert(token.kind == LEX_END && token.at == 3);
	lex_next(&line, &token);
	cr_assert_eq(token.kind, LEX_END);
	cr_assert(lex_next_line(&text, &line) && text.number == 4);
	cr_assert_not(lex_next_line(&text, &line));
}

Test(acl_text, A2_forms_that_are_rules)
{
	static const char *const good[] = {
		"10.0.0.8->example.com:TCP:443",
		"10.0.0.8 -> example.com.:udp:1",
		"\t10.0.0.0/8\t~>\t*.example.com\t# all of it",
		"10.34.3.0/16 -> *:Tcp:65535#",
		"::/0~>*",
		"0.0.0.0/0 -| a",
		"10.0.0.8 -| a=0.0.0.0",
		"10.0.0.8 -| *.a = ::1\r\n",
		"10.0.0.8 -| * = 2001:db8::1\n",
		"10.0.0.8 ~> _dmarc.xn--bcher-kva.example",
		"10.0.0.8 ~> a-b-.example--",
		"10.0.0.8 ~> 8.8.8.in-addr.arpa",
		"10.0.0.8 -> a:TCP:00443",
		"10.0.0.8 -> a : TCP : 443 ",
		"10.0.0.8 -> *.a: udp\t:443# blanks",
		"10.0.0.8 -> * :TCP: 443\r\n",
		"10.0.0.8 -> a:TCP:80,443,8000-8100",
		"10.0.0.8 -> a : TCP : 80 , 443, 8000-8100 # blanks",
		"10.0.0.8 -> a:UDP:9-9,9,65535",
		"10.0.0.8 -> a:UDP:1-128",
		"10.0.0.8 -> a,*.a,*,a:TCP:1",
		"10.0.0.8 ~> a, b ,*.c\t,d.",
		"10.0.0.8 -| a,b = ::1",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect_rules(good[i], 1);
}

Test(acl_text, A2_empty_texts)
{
	expect_rules("", 0);
	expect_rules("\n\n", 0);
	expect_rules("# nothing", 0);
	expect_rules(" \t\r\n  # nothing\r\n", 0);
}

Test(acl_text, A7_where_and_what)
{
	static const struct {
		const char	*text;
		unsigned int	 column;
		const char	*message;
	} bad[] = {
		{ "-> a:TCP:1", 1, "expected a client: an address or a "
		    "subnet" },
		{ "  host ~> a", 3, "expected a client: an IPv4 or IPv6 "
		    "address or subnet" },
		{ "10.0.0.08 ~> a", 1, "expected a client: an IPv4 or IPv6 "
		    "address or subnet" },
		{ "10.0.0.0/33 ~> a", 10, "prefix length must be 0-32" },
		{ "10.0.0.0/ ~> a", 10, "prefix length must be 0-32" },
		{ "2001:db8::/129 ~> a", 12, "prefix length must be 0-128" },
		{ "10.0.0.8", 9, "expected \"->\", \"~>\" or \"-|\"" },
		{ "10.0.0.8 a", 10, "expected \"->\", \"~>\" or \"-|\"" },
		{ "10.0.0.8 = a", 10, "expected \"->\", \"~>\" or \"-|\"" },
		{ "10.0.0.8 ->", 12, "expected a domain name" },
		{ "10.0.0.8 -> # a", 13, "expected a domain name" },
		{ "10.0.0.8 -> :TCP:80", 13, "expected a domain name" },
		{ "10.0.0.8 ~> *.", 15, "expected a domain name" },
		{ "10.0.0.8 ~> .", 13, "empty label in a name" },
		{ "10.0.0.8 ~> a..b", 15, "empty label in a name" },
		{ "10.0.0.8 ~> *.a..", 17, "empty label in a name" },
		{ "10.0.0.8 ~> a.*.b", 15, "\"*\" stands alone or as the "
		    "whole first label: \"*.example.com\"" },
		{ "10.0.0.8 ~> *a", 13, "\"*\" stands alone or as the "
		    "whole first label: \"*.example.com\"" },
		{ "10.0.0.8 ~> *.*.a", 15, "\"*\" stands alone or as the "
		    "whole first label: \"*.example.com\"" },
		{ "10.0.0.8 ~> b\xfc" "cher.example", 14, "a name outside "
		    "ASCII must be written in its xn-- form" },
		{ "10.0.0.8 ~> a\\.b", 14, "expected a letter, a digit, "
		    "\"-\", \"_\" or \".\" in a name" },
		{ "10.0.0.8 -> a", 14, "expected \":PROTOCOL:PORT\" after the "
		    "name (only \"~>\" and \"-|\" go without)" },
		{ "10.0.0.8 -> a:TCP", 18, "expected \":PORT\" (1-65535)" },
		{ "10.0.0.8 -> a : TCP", 20, "expected \":PORT\" (1-65535)" },
		{ "10.0.0.8 -> a : TCP :", 22, "port must be 1-65535" },
		{ "10.0.0.8 -> a : TCP 80", 20,
		    "expected \":PORT\" (1-65535)" },
		{ "10.0.0.8 -> a b:TCP:80", 14, "expected \":PROTOCOL:PORT\" "
		    "after the name (only \"~>\" and \"-|\" go without)" },
		{ "10.0.0.8 ~> a : b", 15, "expected the end of the line" },
		{ "10.0.0.8 -> a:SCTP:80", 15, "unknown protocol \"SCTP\": "
		    "expected TCP or UDP" },
		{ "10.0.0.8 -> x::80", 15, "expected TCP or UDP" },
		{ "10.0.0.8 -> a:T\033P:80", 15, "expected TCP or UDP" },
		{ "10.0.0.8 -> a:TCP:", 19, "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:0", 19, "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:65536", 19, "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:4294967297", 19,
		    "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:80x", 19, "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:80:90", 19, "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:+80", 19, "port must be 1-65535" },
		{ "10.0.0.8 ~> a:TCP:80", 14, "unexpected \":\": only \"->\" "
		    "takes a protocol and a port" },
		{ "10.0.0.8 -| a:TCP:80", 14, "unexpected \":\": only \"->\" "
		    "takes a protocol and a port" },
		{ "10.0.0.8 ~> a = 10.0.0.1", 15, "unexpected \"=\": only "
		    "\"-|\" takes an address" },
		{ "10.0.0.8 -| a =", 16, "expected an IPv4 or IPv6 address" },
		{ "10.0.0.8 -| a = b", 17,
		    "expected an IPv4 or IPv6 address" },
		{ "10.0.0.8 -| a = 10.0.0.0/8", 17,
		    "expected an IPv4 or IPv6 address" },
		{ "10.0.0.8 -| a 10.0.0.1", 15,
		    "expected \"=\" or the end of the line" },
		{ "10.0.0.8 -| a = 10.0.0.1 b", 26,
		    "expected the end of the line" },
		{ "10.0.0.8 ~> a b", 15, "expected the end of the line" },
		{ "10.0.0.8 ~> a,", 15, "expected a domain name" },
		{ "10.0.0.8 ~> ,a", 13, "expected a domain name" },
		{ "10.0.0.8 -| a,, b", 15, "expected a domain name" },
		{ "10.0.0.8 -> a, :TCP:1", 16, "expected a domain name" },
		{ "10.0.0.8 -> a,b..c:TCP:1", 17, "empty label in a name" },
		{ "10.0.0.8 -> a,b", 16, "expected \":PROTOCOL:PORT\" after "
		    "the name (only \"~>\" and \"-|\" go without)" },
		{ "10.0.0.8 -> a:TCP:80,", 22, "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:,80", 19, "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:80,0", 22, "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:80-", 22, "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:80-65536", 22, "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:80-90-99", 22, "port must be 1-65535" },
		{ "10.0.0.8 -> a:TCP:1,90-80", 21, "a range of ports begins "
		    "with the lower one" },
		{ "10.0.0.8 -> a:TCP:1-129", 19, "more than 128 ports in a "
		    "rule: each is granted for each address" },
		{ "10.0.0.8 -> a:TCP:1-100,200-228", 25, "more than 128 ports "
		    "in a rule: each is granted for each address" },
		{ "10.0.0.8 -> a:TCP:1-65535", 19, "more than 128 ports in a "
		    "rule: each is granted for each address" },
		{ "10.0.0.8 -> a:TCP:80 -> b", 22,
		    "expected the end of the line" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(bad[i].text, strlen(bad[i].text), 1,
		    bad[i].column, bad[i].message);
}

/* RFC 1123 2.1; in a rule that is wrong otherwise, too. */
Test(acl_text, A10_addresses_are_no_names)
{
	static const char *const forms[][2] = { { "->", ":TCP:443" },
	    { "~>", "" }, { "-|", "" }, { "-|", " = ::1" },
	    { "->", ":udp" }, { "->", "" }, { "-|", ":TCP:1" } };
	static const char *const addresses[] = { "10.67.0.80", "8.8.8.8",
	    "0.0.0.0/0", "10.0.0.0/8", "2001:db8::1", "fd00::1", "::",
	    "fd00::/8", "::ffff:10.0.0.1" };
	static const char *const numbers[] = { "*.1.1.1", "host.123",
	    "host.123.", "1.2.3.4.", "8", "*.0", "08.09", "1.2.3.4.5",
	    "256.256.256.256", "a.12345678901234567890" };
	static const char *const names[] = { "1.a", "*.1.1.a", "8.8.8.8.a",
	    "1a", "a1", "0x1", "1-", "_1", "1_", "123.a1b." };
	char text[128];
	size_t f, i;

	for (f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
		for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
			sprintf(text, "10.0.0.8 %s %s%s", forms[f][0],
			    addresses[i], forms[f][1]);
			expect_error(text, strlen(text), 1, 13, "expected a "
			    "domain name, not an address");
		}
		for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			sprintf(text, "10.0.0.8 %s %s%s", forms[f][0],
			    numbers[i], forms[f][1]);
			expect_error(text, strlen(text), 1, 13, "expected a "
			    "domain name, not an address: no name ends with a "
			    "number");
		}
		for (i = 0; f < 4 && i < sizeof(names) / sizeof(names[0]);
		    i++) {
			sprintf(text, "10.0.0.8 %s %s%s", forms[f][0],
			    names[i], forms[f][1]);
			expect_rules(text, 1);
		}
	}
}

Test(acl_text, A10_byte_order_mark)
{
#define BOM	"\xef\xbb\xbf"
	expect_rules(BOM, 0);
	expect_rules(BOM "10.0.0.8 ~> a", 1);
	expect_rules(BOM "\r\n10.0.0.8 ~> a\r\n", 1);
	expect_error(BOM "10.0.0.8 ~> ..", 17, 1, 13, "empty label in a name");
	/* Only one, and only there. */
	expect_error(BOM BOM "::1 ~> a", 14, 1, 1, "expected a client: an IPv4 "
	    "or IPv6 address or subnet");
	expect_error("::1 ~> a\n" BOM "::1 ~> a", 20, 2, 1, "expected a "
	    "client: an IPv4 or IPv6 address or subnet");
	expect_error("\xef\xbb", 2, 1, 1, "expected a client: an IPv4 or IPv6 "
	    "address or subnet");
}

Test(acl_text, A10_what_was_meant)
{
	static const struct {
		const char	*text;
		unsigned int	 column;
		const char	*message;
	} bad[] = {
		{ "* -> a:TCP:80", 1, "expected an address or a subnet: "
		    "\"*\" is 0.0.0.0/0 and ::/0" },
		{ "  any ~> a", 3, "expected an address or a subnet: "
		    "\"any\" is 0.0.0.0/0 and ::/0" },
		{ "ALL -| a", 1, "expected an address or a subnet: "
		    "\"ALL\" is 0.0.0.0/0 and ::/0" },
		{ "any4 -| a", 1, "expected a client: an IPv4 or IPv6 address "
		    "or subnet" },
		{ "10.1.0.0/255.255.255.0 ~> a", 10, "expected a prefix "
		    "length, not a netmask: 24" },
		{ "10.1.0.0/0.0.0.0 ~> a", 10, "expected a prefix length, not "
		    "a netmask: 0" },
		{ "10.1.0.0/128.0.0.0 ~> a", 10, "expected a prefix length, "
		    "not a netmask: 1" },
		{ "10.1.0.0/255.255.255.255 ~> a", 10, "expected a prefix "
		    "length, not a netmask: 32" },
		{ "10.1.0.0/0.0.0.255 ~> a", 10, "expected a prefix length "
		    "(0-32), not a mask" },
		{ "10.1.0.0/255.0.255.0 ~> a", 10, "expected a prefix length "
		    "(0-32), not a mask" },
		{ "10.1.0.0/255.255.255 ~> a", 10, "prefix length must be "
		    "0-32" },
		{ "::1/255.255.255.0 ~> a", 5, "prefix length must be 0-128" },
		{ "::1 -> https://www.example.com/:TCP:443", 8, "expected a "
		    "domain name, not a URL: \"www.example.com\"" },
		{ "::1 ~> HTTP://example.com", 8, "expected a domain name, "
		    "not a URL: \"example.com\"" },
		{ "::1 -| https://example.com:8443/a?b=c", 8, "expected a "
		    "domain name, not a URL: \"example.com\"" },
		{ "::1 -> tls://example.com?x:TCP:1", 8, "expected a domain "
		    "name, not a URL: \"example.com\"" },
		{ "::1 -> https:///x:TCP:443", 8, "expected a domain name, "
		    "not a URL" },
		{ "::1 -> a.example/b:TCP:443", 17, "expected a domain name, "
		    "not a URL: \"a.example\"" },
		{ "::1 ~> a.example/", 17, "expected a domain name, not a URL: "
		    "\"a.example\"" },
		{ "::1 ~> a;b/", 9, "expected a letter, a digit, \"-\", "
		    "\"_\" or \".\" in a name" },
		{ "::1 ~> a, b/", 12, "expected a domain name, not a URL: "
		    "\"b\"" },
		{ "::1 -> a,https://www.example.com/:TCP:443", 10, "expected a "
		    "domain name, not a URL: \"www.example.com\"" },
		{ "::1 -> a , 10.0.0.1:TCP:443", 12, "expected a domain name, "
		    "not an address" },
		{ "::1 -> a:TCP:80,10.0.0.1", 17, "port must be 1-65535" },
		{ "::1 -> a:TCP/443", 10, "expected TCP or UDP" },
		{ "::1 -> .a.example:TCP:1", 8, "empty label in a name: all "
		    "names below are \"*.a.example\"" },
		{ "::1 ~> .a.example", 8, "empty label in a name: all names "
		    "below are \"*.a.example\"" },
		{ "::1 ~> ..a", 8, "empty label in a name" },
		{ "::1 ~> .a;b", 8, "empty label in a name" },
		{ "::1 -> https://a.example;b/", 8, "expected a domain "
		    "name, not a URL" },
		{ "::1 -> a:TCP:https", 14, "expected a port number: "
		    "\"https\" is 443" },
		{ "::1 -> a:UDP:NTP", 14, "expected a port number: \"ntp\" is "
		    "123" },
		{ "::1 -> a:TCP:gopher", 14, "expected a port number "
		    "(1-65535), not a name" },
		{ "::1 -> a:TCP:any", 14, "expected a port number (1-65535), "
		    "not a name" },
		{ "::1 -> a:TCP:*", 14, "port must be 1-65535" },
		{ "::1 -> a:TCP:-80", 14, "port must be 1-65535" },
		{ "::1 -> a:TCP:80,https", 17, "expected a port number: "
		    "\"https\" is 443" },
		{ "::1 -> a:TCP:secure-mqtt", 14, "expected a port number: "
		    "\"secure-mqtt\" is 8883" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(bad[i].text, strlen(bad[i].text), 1,
		    bad[i].column, bad[i].message);
}

/* The name fits into the text, and what does not is left out. */
Test(acl_text, A10_long_URLs)
{
	char text[LEX_LINE_MAX + 1];
	struct acl_compiled c;
	struct errors e;
	int len;

	for (len = 1; len < LEX_LINE_MAX - 16; len += len < 128 ? 1 : 97) {
		sprintf(text, "::1 ~> https://%0*d.%.*sa", len > 30 ? 30 : len,
		    0, len, "a23456789012345678901234567890123456789012345678."
		    "a23456789012345678901234567890123456789012345678.");
		cr_assert_eq(compile(text, strlen(text), &e, &c), -1);
		cr_assert_eq(e.column[0], 8);
		cr_assert(strcmp(e.text[0], "expected a domain name, not a "
		    "URL") == 0 || e.text[0][strlen(e.text[0]) - 1] == '"');
	}
}

/* A block for ::ffff:10.0.0.1 must not fail to hold for 10.0.0.1. */
Test(acl_text, A1_mapped_clients_are_IPv4)
{
	static const struct {
		const char	*text;
		unsigned int	 line, column;
		const char	*message;
	} bad[] = {
		{ "10.0.0.1 ~> a\n::ffff:10.0.0.1 -| a", 2, 20, "conflicts "
		    "with line 1: the same client and name are allowed "
		    "there" },
		{ "10.0.0.0/8 ~> a\n::ffff:a00:0/104 -| a", 2, 21,
		    "conflicts with line 1: the same client and name are "
		    "allowed there" },
		{ "0.0.0.0/0 ~> a\n::ffff:1.2.3.4/96 -| a", 2, 22,
		    "conflicts with line 1: the same client and name are "
		    "allowed there" },
		{ "::ffff:10.0.0.1/95 -| a", 1, 17, "a subnet over "
		    "::ffff:0:0/96: IPv4 clients are written as IPv4 "
		    "subnets" },
		{ "::/64 -| a", 1, 4, "a subnet over ::ffff:0:0/96: IPv4 "
		    "clients are written as IPv4 subnets" },
		{ "::/1 -> a:TCP:1", 1, 4, "a subnet over ::ffff:0:0/96: IPv4 "
		    "clients are written as IPv4 subnets" },
		{ "::ffff:10.0.0.1/129 ~> a", 1, 17, "prefix length must be "
		    "0-128" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(bad[i].text, strlen(bad[i].text), bad[i].line,
		    bad[i].column, bad[i].message);
	expect_rules("::/0 ~> a\n0.0.0.0/0 -| a\n::/97 ~> a\n"
	    "::fffe:0:0/96 ~> a\n2000::/3 ~> a", 5);
	/* The answer is not a client. */
	expect_rules("::1 -| a = ::ffff:10.0.0.1", 1);
}

/* An error shows the form in ASCII, if the build knows it and it is a name. */
Test(acl_text, A7_names_outside_ASCII)
{
	static const struct {
		const char	*text;
		unsigned int	 column;
		const char	*ascii;
	} bad[] = {
		{ "::1 ~> b\xc3\xbc" "cher.example", 9,
		    "xn--bcher-kva.example" },
		{ "::1 -> *.B\xc3\x9c" "CHER.Example.:TCP:80", 11,
		    "*.xn--bcher-kva.example." },
		{ "::1 -| _a.bu\xcc\x88" "cher = ::1", 13,
		    "_a.xn--bcher-kva" },
		{ "::1 ~> fa\xc3\x9f.de", 10, "xn--fa-hia.de" },
		{ "::1 ~> \xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82jp", 8,
		    "xn--r8jz45g.jp" },
		{ "::1 ~> \xc3\xbc..example", 8, NULL },
		{ "::1 ~> b\xfc" "cher.example", 9, NULL },
		{ "::1 ~> \xc3", 8, NULL },
		{ "::1 ~> -\xc3\xbc.example", 9, NULL },
		{ "::1 ~> *.\xc3\xbc.*.example", 10, NULL },
	};
	char ascii[64], text[128];
	bool known = idn_to_ascii("\xc3\xbc", 2, ascii, sizeof(ascii));
	size_t i;

	if (known)
		cr_assert_str_eq(ascii, "xn--tda");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (known && bad[i].ascii != NULL)
			snprintf(text, sizeof(text), "a name outside ASCII "
			    "must be written as \"%s\"", bad[i].ascii);
		else
			snprintf(text, sizeof(text), "a name outside ASCII "
			    "must be written in its xn-- form");
		expect_error(bad[i].text, strlen(bad[i].text), 1,
		    bad[i].column, text);
	}
}

/* As long as there is room for it, and for names of any length. */
Test(acl_text, A7_long_names_outside_ASCII)
{
	char text[LEX_LINE_MAX + 1], ascii[8];
	bool known = idn_to_ascii("\xc3\xbc", 2, ascii, sizeof(ascii));
	struct acl_compiled c;
	struct errors e;
	int len;

	cr_assert_not(idn_to_ascii("\xc3\xbc", 2, ascii, 7));
	for (len = 1; len < LEX_LINE_MAX - 16; len += len < 128 ? 1 : 97) {
		sprintf(text, "::1 ~> *.\xc3\xbc.%.*s%0*d", len > 50 ? 50 : 0,
		    "12345678901234567890123456789012345678901234567890.",
		    len, 0);
		cr_assert_eq(compile(text, strlen(text), &e, &c), -1);
		cr_assert_eq(e.count, 1);
		cr_assert_eq(e.column[0], 10);
		cr_assert_eq(strstr(e.text[0], "\"*.xn--tda.") != NULL &&
		    e.text[0][strlen(e.text[0]) - 1] == '"',
		    known && len <= 50, "%d: %s", len, e.text[0]);
	}
}

Test(acl_text, A7_NUL_and_overlong_lines)
{
	static const char nul[] = "# fine\n10.0.0.8 ~> a\0b\n";
	char line[LEX_LINE_MAX + 2];

	expect_error(nul, sizeof(nul) - 1, 2, 14, "unexpected NUL");
	memset(line, '#', sizeof(line));
	line[LEX_LINE_MAX] = '\0';
	expect_rules(line, 0);
	expect_error("\0", 1, 1, 1, "unexpected NUL");
	line[LEX_LINE_MAX] = '#';
	expect_error(line, LEX_LINE_MAX + 1, 1, LEX_LINE_MAX + 1,
	    "line longer than 4096 octets");
}

Test(acl_text, A2_limits_of_names)
{
	char text[400];
	int n, i;

	n = sprintf(text, "::1 ~> %063d.example", 0);
	expect_rules(text, 1);
	sprintf(text, "::1 ~> %064d.example", 0);
	cr_assert_gt(n, 0);
	expect_error(text, strlen(text), 1, 71, "label longer than 63 octets");
	/* 127 labels of one octet: 255 octets in wire form. */
	n = sprintf(text, "::1 ~> ");
	for (i = 0; i < 127; i++)
		n += sprintf(text + n, "%sa", i == 0 ? "" : ".");
	expect_rules(text, 1);
	strcat(text, ".");
	expect_rules(text, 1);
	strcpy(text + n - 1, "bb");
	expect_error(text, strlen(text), 1, (unsigned int)n + 1,
	    "name longer than 255 octets");
}

Test(acl_text, A7_all_bad_lines_are_reported)
{
	static const char text[] =
	    "10.0.0.8 -> a\n"
	    "10.0.0.8 ~> a\n"
	    "junk\n"
	    "# comment\n"
	    "10.0.0.8 -| a\n"
	    "10.0.0.8 ~> b:TCP:1 too many errors\n"
	    "junk";
	static const unsigned int lines[] = { 1, 3, 5, 6, 7 };
	struct errors e;
	struct acl_compiled c;
	size_t i;

	cr_assert_eq(compile(text, strlen(text), &e, &c), -1);
	cr_assert_eq(e.count, 5);
	for (i = 0; i < 5; i++)
		cr_assert_eq(e.line[i], lines[i]);
}

Test(acl_text, U11_times_and_comments)
{
	static const struct {
		const char *text;
		unsigned int column;
		const char *error;
	} bad[] = {
		{ "::1 -> a:TCP:80 ttl", 20, "expected MIN..MAX: seconds, from "
		    "1 on" },
		{ "::1 -> a:TCP:80 ttl 60", 21, "expected MIN..MAX: seconds, "
		    "from 1 on" },
		{ "::1 -> a:TCP:80 ttl 60.90", 21, "expected MIN..MAX: seconds, "
		    "from 1 on" },
		{ "::1 -> a:TCP:80 ttl 60..", 21, "expected MIN..MAX: seconds, "
		    "from 1 on" },
		{ "::1 -> a:TCP:80 ttl ..60", 21, "expected MIN..MAX: seconds, "
		    "from 1 on" },
		{ "::1 -> a:TCP:80 ttl 0..60", 21, "expected MIN..MAX: seconds, "
		    "from 1 on" },
		{ "::1 -> a:TCP:80 ttl 1..60s", 21, "expected MIN..MAX: "
		    "seconds, from 1 on" },
		{ "::1 -> a:TCP:80 ttl 1..2147483648", 21, "expected MIN..MAX: "
		    "seconds, from 1 on" },
		{ "::1 -> a:TCP:80 ttl 1..99999999999999999999", 21,
		    "expected MIN..MAX: seconds, from 1 on" },
		{ "::1 -> a:TCP:80 ttl 61..60", 21, "the longest time is less "
		    "than the shortest one" },
		{ "::1 -> a:TCP:80 ttl 1..60 ttl 1..60", 27, "expected the end "
		    "of the line" },
		{ "::1 -> a:TCP:80 TTL 1..60", 17, "expected the end of the "
		    "line" },
		{ "::1 ~> a ttl 1..60", 10, "unexpected \"ttl\": only \"->\" "
		    "grants for a time" },
		{ "::1 -| a ttl 1..60", 10, "unexpected \"ttl\": only \"->\" "
		    "grants for a time" },
		{ "::1 -> a:TCP:80 \"b\" ttl 1..60", 21, "expected the end of "
		    "the line" },
		{ "::1 ~> a \"b", 12, "expected '\"' at the end of the "
		    "comment" },
		{ "::1 ~> a \"", 11, "expected '\"' at the end of the "
		    "comment" },
		{ "::1 ~> a \"\"", 11, "a comment has 1 to 60 octets" },
		{ "::1 ~> a \"b\" \"c\"", 14, "expected the end of the line" },
		{ "::1 ~> a \"b\\\"", 12, "a comment in quotes is of printable "
		    "ASCII without \"\\\"" },
		{ "::1 ~> a \"b\tc\"", 12, "a comment in quotes is of "
		    "printable ASCII without \"\\\"" },
		{ "::1 ~> a \"\xc3\xa4\"", 11, "a comment in quotes is of "
		    "printable ASCII without \"\\\"" },
		{ "@a = b \"c\"", 8, "expected \",\" or the end of the line" },
		{ "\"a\" ~> b", 1, "expected a client: an address or a "
		    "subnet" },
		{ "::1 \"a\"", 5, "expected \"->\", \"~>\" or \"-|\"" },
		{ "::1 ~> \"a\"", 8, "expected a domain name" },
		{ "::1 -> a:ICMP", 10, "expected TCP or UDP: ICMP is not "
		    "supported" },
		{ "::1 -> a:icmpv6:128", 10, "expected TCP or UDP: ICMP is not "
		    "supported" },
	};
	char longest[64 + 61] = "::1 ~> a \"";
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(bad[i].text, strlen(bad[i].text), 1,
		    bad[i].column, bad[i].error);
	expect_rules("::1 -> a:TCP:80 ttl 1..2147483647", 1);
	expect_rules("::1 -> a:TCP:80 ttl 60..60 \"b\" # c", 1);
	expect_rules("::1 -> a:TCP:80 \t\"b # \" # \"", 1);
	expect_rules("::1 -| a = ::2 \"b ttl 1..2 -> = | @\"#", 1);
	memset(longest + 10, 'x', 60);
	strcpy(longest + 70, "\"");
	expect_rules(longest, 1);
	strcpy(longest + 70, "x\"");
	expect_error(longest, 72, 1, 11, "a comment has 1 to 60 octets");
}

/* Rules with so many different times. */
static void
expect_times(unsigned int n, bool good)
{
	static char text[256 * 64];
	unsigned int i;
	size_t len = 0;

	for (i = 1; i <= n; i++)
		len += (size_t)sprintf(text + len, "::1 -> n%u:TCP:%u ttl "
		    "1..%u\n::1 -> m%u:TCP:1 ttl 1..%u\n", i, i, i, i, i);
	if (good)
		expect_rules(text, 2 * n);
	else
		expect_error(text, len - strlen("::1 -> m256:TCP:1 ttl "
		    "1..256\n"), 511, 1, "more than 255 different times (ttl) "
		    "in the list");
}

Test(acl_text, U11_number_of_times)
{
	expect_times(255, true);
	expect_times(256, false);
}

Test(acl_text, U11_groups_that_are_taken)
{
	expect_rules("@lan = 10.0.0.0/8", 0);
	expect_rules("@a-_9=::1,::2 , 10.0.0.1# comment\n@A-_9 ~> a\n", 1);
	expect_rules("@n = a\r\n@n += *.b, *, 8.8.8.8.in-addr.arpa\n"
	    "::1 -> @n,c, @n :TCP:1\n::2 -| @n = ::1\n", 2);
	expect_rules("@n=a\n@c=::1\n@c -> @n:UDP:1\n", 1);
}

Test(acl_text, U11_wrong_groups)
{
	static const struct {
		const char	*text;
		unsigned int	 line, column;
		const char	*message;
	} bad[] = {
		{ "@ = a", 1, 1, "expected a group's name: letters, digits, "
		    "\"-\" and \"_\" behind \"@\", 63 at most" },
		{ "::1 ~> a, @b.c", 1, 11, "expected a group's name: letters, "
		    "digits, \"-\" and \"_\" behind \"@\", 63 at most" },
		{ "@a. = b", 1, 1, "expected a group's name: letters, digits, "
		    "\"-\" and \"_\" behind \"@\", 63 at most" },
		{ "@a", 1, 3, "expected \"=\" or \"+=\", or \"->\", \"~>\" "
		    "or \"-|\"" },
		{ "@a =", 1, 5, "expected clients or domain names" },
		{ "@a = # b", 1, 6, "expected clients or domain names" },
		{ "@a = ::1 ::2", 1, 10, "expected \",\" or the end of the "
		    "line" },
		{ "@a = ::1,", 1, 10, "expected a client: an IPv4 or IPv6 "
		    "address or subnet" },
		{ "@a = b,", 1, 8, "expected a domain name" },
		{ "@a = ::1, b", 1, 11, "expected a client: an IPv4 or IPv6 "
		    "address or subnet" },
		{ "@a = b, 10.0.0.1", 1, 9, "expected a domain name, not an "
		    "address" },
		{ "@a = 10.0.0.0/33", 1, 15, "prefix length must be 0-32" },
		{ "@a = b\n@a += https://a.example/", 2, 7, "expected a domain "
		    "name, not a URL: \"a.example\"" },
		{ "@a = https://a.example/", 1, 6, "expected a domain name, not a "
		    "URL: \"a.example\"" },
		{ "@a = b, @c", 1, 9, "a group cannot have another one" },
		{ "@a += b", 1, 1, "no such group above: \"=\" makes one" },
		{ "@a = b\n\n @A = c", 3, 2, "the group is there since line "
		    "1: \"+=\" adds to it" },
		{ "@a = b\n::1 ~> @a\n@a += c", 3, 1, "the rule of line 2 "
		    "has the group already: add to it above" },
		{ "@a ~> b\n@a = ::1", 1, 1, "no such group above" },
		{ "::1 ~> b, @a", 1, 11, "no such group above" },
		{ "@a = b\n@a ~> c", 2, 1, "expected a group of clients: that "
		    "of line 1 has names" },
		{ "@a = ::1\n::2 ~> @a", 2, 8, "expected a group of names: "
		    "that of line 1 has clients" },
		{ "a = b", 1, 1, "expected a client: an IPv4 or IPv6 address "
		    "or subnet" },
		{ "::1 += b", 1, 5, "expected \"->\", \"~>\" or \"-|\"" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(bad[i].text, strlen(bad[i].text), bad[i].line,
		    bad[i].column, bad[i].message);
}

Test(acl_text, U11_hosts_that_are_taken)
{
	expect_rules("@a = host 10.0.0.5", 0);
	expect_rules("@a=host\t10.0.0.5 , fd00::5,2001:db8:1::/64# comment\n"
	    "@a -> b:TCP:80", 1);
	/* An address twice, and inside of its own subnet. */
	expect_rules("@a = host ::ffff:10.0.0.5, 10.0.0.5/32\n"
	    "@a += 2001:db8:1::5, 2001:db8:1::/64, 2001:db8:1::6/64", 0);
	/* Two of one network, a neighbour of a network, other groups. */
	expect_rules("@a = host fd00::5, 10.0.0.5\n@b = host fd00::6, 10.0.0.6\n"
	    "@c = host fd00:0:0:1::/64, fe80::5\n@lan = fd00::/64, 10.0.0.5\n"
	    "@a ~> b\n@lan ~> b", 2);
	/* It is a name like others, and a group's name. */
	expect_rules("@host = host\n@b = host, a\n@c = host ,a\n"
	    "::1 ~> @host", 1);
}

/* So many addresses of one host. */
static void
expect_host(int n, bool good)
{
	char text[20 * 32];
	int i, len;

	len = sprintf(text, "@a = host 10.0.0.0\n");
	for (i = 1; i < n; i++)
		len += sprintf(text + len, "@a += fd00::%d\n", i);
	if (good)
		expect_rules(text, 0);
	else
		expect_error(text, (size_t)len, (unsigned int)n, 7, "a host has "
		    "16 addresses and subnets at most");
}

Test(acl_text, U11_hosts_have_so_many_addresses)
{
	expect_host(16, true);
	expect_host(17, false);
}

Test(acl_text, U11_wrong_hosts)
{
	static const struct {
		const char	*text;
		unsigned int	 line, column;
		const char	*message;
	} bad[] = {
		{ "@a = host 10.0.0.0/31", 1, 11, "expected an address, or an "
		    "IPv6 subnet of /64: a host has no other one" },
		{ "@a = host fd00::/63", 1, 11, "expected an address, or "
		    "an IPv6 subnet of /64: a host has no other one" },
		{ "@a = host fd00::, fd00::/65", 1, 19, "expected an address, "
		    "or an IPv6 subnet of /64: a host has no other one" },
		{ "@a = host 127.0.0.2", 1, 11, "what this host itself is "
		    "granted holds for all its addresses: no other host has "
		    "one of these" },
		{ "@a = host ::1", 1, 11, "what this host itself is granted "
		    "holds for all its addresses: no other host has one of "
		    "these" },
		{ "@a = host fe80:0:0:1::/64", 1, 11, "a link-local subnet is "
		    "one of all hosts" },
		{ "@a = host b", 1, 11, "expected a client: an IPv4 or IPv6 "
		    "address or subnet" },
		{ "@a = host ::2, @b", 1, 16, "a group cannot have another "
		    "one" },
		{ "@a = host ::2 ::3", 1, 15, "expected \",\" or the end of "
		    "the line" },
		{ "@a = Host ::2", 1, 11, "expected \",\" or the end of the "
		    "line" },
		{ "@a = host ::2\n@a += host ::3", 2, 7, "\"+=\" adds to a "
		    "host without this word: \"=\" makes one" },
		{ "@a = host ::2\n@b = ::3\n@b += ::2\n@c = host ::3, ::2", 4,
		    16, "the host of line 1 has it: an address is of one "
		    "host" },
		{ "@a = host fd00::/64\n@b = host fd00::5", 2, 11, "the host "
		    "of line 1 has it: an address is of one host" },
		{ "@a = host fd00::5, fd00::6\n\n@b = host 10.0.0.1, "
		    "fd00::/64", 3, 21, "the host of line 1 has it: an address "
		    "is of one host" },
		{ "@a = host fd00::/64\n@b = host fd00::/64", 2, 11, "the host "
		    "of line 1 has it: an address is of one host" },
		{ "@a = host ::2\n@b = a\n@a ~> b\n@a += ::3", 4, 1, "the "
		    "rule of line 3 has the group already: add to it above" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(bad[i].text, strlen(bad[i].text), bad[i].line,
		    bad[i].column, bad[i].message);
}

/* Also between a client and its groups, and once for all clients of these. */
Test(acl_text, U11_A6_conflicts_of_groups)
{
	static const struct {
		const char	*text;
		unsigned int	 line, column;
		const char	*message;
	} bad[] = {
		{ "@a = ::1, ::2\n@a ~> b\n@a -| b", 3, 7, "conflicts with "
		    "line 2: the same client and name are allowed there" },
		{ "@a = ::1, ::2\n@a ~> b\n::2 -| c,b", 3, 10, "conflicts "
		    "with line 2: the same client and name are allowed "
		    "there" },
		{ "::2 -| c,b\n@a = ::1, ::2\n@a ~> b", 3, 7, "conflicts "
		    "with line 1: the same client and name are blocked "
		    "there" },
		{ "@a = ::1, ::2\n@b = ::2, ::1\n@a -| b = ::1\n\n"
		    "@b -| b = ::2", 5, 7, "conflicts with line 3: the same "
		    "client and name get another answer there" },
		{ "@a = ::1, ::2, ::3\n@b = ::2, ::1, ::3\n@n = b, c\n"
		    "@m = d, c\n::2 ~> x\n::3 ~> y\n@a -| @n\n"
		    "@b ~> @m", 8, 7, "conflicts with line 7: the same client "
		    "and name are blocked there" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(bad[i].text, strlen(bad[i].text), bad[i].line,
		    bad[i].column, bad[i].message);
	expect_rules("@a = ::1\n@b = ::2\n@a ~> b\n@b -| b", 2);
	expect_rules("@a = ::1\n@b = ::1\n@a -| b = ::1\n@b -| b = ::1", 2);
}

Test(acl_text, U11_too_much_for_a_group)
{
	static char text[1100 * 32];
	int i, n;

	strcpy(text, "@a = ::1\n@b = ::1\n@a -> a:TCP:1-128\n"
	    "@b -> a:UDP:1-128\n");
	expect_rules(text, 2);
	strcat(text, "::1 -> a:UDP:128-129\n");
	expect_error(text, strlen(text), 5, 8, "more than 256 ports for the "
	    "client and name of line 3");
	for (i = n = 0; i < 1024; i++)
		n += sprintf(text + n, "@g%d = ::%x\n@g%d ~> a\n", i, i, i);
	expect_rules(text, 1024);
	sprintf(text + n, "@more = a\n");
	expect_error(text, strlen(text), 2049, 1, "more than 1024 groups");
}

/* 1,600 rules of 1,600 names each are more than two million pairs. */
Test(acl_text, U11_too_many_pairs)
{
	static char text[1600 * 64];
	int i, n;

	for (i = n = 0; i < 1600; i++)
		n += sprintf(text + n, "@n %s= h%d\n", i == 0 ? "" : "+", i);
	for (i = 0; i < 1600; i++)
		n += sprintf(text + n, "::%x ~> @n\n", i);
	expect_error(text, strlen(text), 0, 0, "groups make more than 2097152 "
	    "pairs of clients and names");
}

Test(acl_text, A6_rules_that_merge)
{
	expect_rules("10.0.0.8 -> a:TCP:80\n10.0.0.8 -> A.:tcp:80\n", 2);
	expect_rules("10.0.0.8 -> a:TCP:80\n10.0.0.8/32 ~> a\n", 2);
	expect_rules("10.0.0.8 -| a\n10.0.0.8 -| A\n", 2);
	expect_rules("10.1.2.3/8 -| *.a = ::1\n10.0.0.0/8 -| *.a=0::1\n", 2);
	/* Another subnet, or another pattern, is another matter. */
	expect_rules("10.0.0.0/8 -| a\n10.0.0.0/9 ~> a\n", 2);
	expect_rules("0.0.0.0/0 -| a\n::/0 ~> a\n", 2);
	expect_rules("10.0.0.0/8 -| a\n10.0.0.0/8 ~> *.a\n", 2);
	expect_rules("10.0.0.0/8 -| a\n10.0.0.0/8 ~> *\n", 2);
}

Test(acl_text, A6_conflicts_name_both_lines)
{
	static const struct {
		const char	*text;
		unsigned int	 line, column;
		const char	*message;
	} bad[] = {
		{ "::1 ~> b\n::1 -> a:TCP:1\n\n::1 -| A.\n", 4, 8,
		    "conflicts with line 2: the same client and name are "
		    "allowed there" },
		{ "::1 -| a\n::1 ~> a", 2, 8, "conflicts with line 1: the "
		    "same client and name are blocked there" },
		{ "::1 -| a\n::1 ~> b, a, c", 2, 11, "conflicts with line 1: "
		    "the same client and name are blocked there" },
		{ "::1 -| a = ::1\n::1 -> a:TCP:1", 2, 8, "conflicts with "
		    "line 1: the same client and name are blocked there" },
		{ "::1 -| a\n::1 -| a = ::1", 2, 8, "conflicts with line 1: "
		    "the same client and name get another answer there" },
		{ "::1 -| a = ::\n::1 -| a = 0.0.0.0", 2, 8, "conflicts with "
		    "line 1: the same client and name get another answer "
		    "there" },
		{ "10.1.0.0/8 -| * = ::1\n10.2.0.0/8 -| * = ::2", 2, 15,
		    "conflicts with line 1: the same client and name get "
		    "another answer there" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(bad[i].text, strlen(bad[i].text), bad[i].line,
		    bad[i].column, bad[i].message);
}

Test(acl_text, A7_too_many_ports_for_one_name)
{
	static char text[ACL_PORTS_MAX * 32];
	int i, n;

	for (i = 1, n = 0; i <= ACL_PORTS_MAX; i++)
		n += sprintf(text + n, "::1 -> a:TCP:%d\n", i);
	expect_rules(text, ACL_PORTS_MAX);
	sprintf(text + n, "::1 -> a:TCP:1\n::1 -> b:TCP:1\n");
	expect_rules(text, ACL_PORTS_MAX + 2);
	sprintf(text + n, "::1 -> a:UDP:1\n");
	expect_error(text, strlen(text), ACL_PORTS_MAX + 1, 8, "more than 256 "
	    "ports for the client and name of line 1");
	expect_rules("::1 -> a:TCP:1-128\n::1 -> a:UDP:1-128\n"
	    "::1 -> a:TCP:10-20", 3);
	strcpy(text, "::1 -> a:TCP:1-128\n::1 -> a:UDP:1-127\n"
	    "::1 -> a:TCP:127-130");
	expect_error(text, strlen(text), 3, 8, "more than 256 ports for the "
	    "client and name of line 1");
}

Test(acl_text, reference_file_is_taken_unchanged)
{
	static char text[4096];
	struct errors e;
	struct acl_compiled c;
	FILE *f;
	size_t len;

	f = fopen(E2E_DATA_DIR "/reference.acl", "r");
	cr_assert_not_null(f);
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	cr_assert_eq(compile(text, len, &e, &c), 0, "%u:%u %s", e.line[0],
	    e.column[0], e.text[0]);
	cr_assert_eq(c.rules, 12);
	free(c.image);
}
