/* The decision (A2, A4, A5), by example. */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"
#include "acl/decide.h"
#include "acl/image.h"
#include "addrtext.h"
#include "compile_text.h"
#include "names.h"

static void
fail_on_error(void *arg, unsigned int line, unsigned int column,
    const char *text)
{
	(void)arg;
	cr_assert_fail("%u:%u %s", line, column, text);
}

static const struct acl_image *
compile(const char *text, struct acl_compiled *c)
{
	const struct acl_image *image;
	const char *why = NULL;

	cr_assert_eq(compile_text(text, strlen(text), false, fail_on_error,
	    NULL, c), 0);
	image = acl_image_open(c->image, c->size, &why);
	cr_assert_not_null(image, "%s", why);
	cr_assert_null(acl_image_check(image));
	return (image);
}

static void
decide(const struct acl_image *image, const char *client, const char *name,
    struct acl_decision *out)
{
	struct addr addr;
	struct dns_name wire;

	cr_assert_eq(addr_parse(client, strlen(client), &addr), 0);
	if (name != NULL)
		name_from(name, &wire);
	acl_decide(image, &addr, name == NULL ? NULL : &wire, out);
}

/* The decision as text: "line verdict [ports] [resolve] [any] [only]". */
static void
expect(const struct acl_image *image, const char *client, const char *name,
    const char *expected)
{
	static const char *const verdicts[] = { [ACL_NOMATCH] = "nomatch",
	    [ACL_BLOCK] = "block", [ACL_LOCAL] = "local",
	    [ACL_ALLOW] = "allow" };
	struct acl_decision d;
	char got[512], addr[ADDR_TEXT_MAX];
	int n, i;

	decide(image, client, name, &d);
	n = sprintf(got, "%u %s", d.line, verdicts[d.verdict]);
	for (i = 0; i < d.nports; i++)
		n += sprintf(got + n, " %s:%u",
		    d.ports[i].proto == IPPROTO_TCP ? "TCP" : "UDP",
		    d.ports[i].port);
	if (d.verdict == ACL_LOCAL)
		n += sprintf(got + n, " %s", addr_print(&d.local, addr));
	sprintf(got + n, "%s%s%s", d.resolve ? " resolve" : "",
	    d.any ? " any" : "", d.overflow ? " overflow" : "");
	cr_assert_str_eq(got, expected, "%s %s: %s, not %s", client,
	    name == NULL ? "(none)" : name, got, expected);
}

Test(acl_decide, A4_empty_list_refuses)
{
	struct acl_compiled c;
	const struct acl_image *image = compile("", &c);

	expect(image, "10.0.0.8", "a", "0 nomatch");
	expect(image, "::1", "", "0 nomatch");
	expect(image, "::1", NULL, "0 nomatch");
	free(c.image);
}

Test(acl_decide, A2_patterns)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "10.0.0.8 -> Example.COM.:TCP:1\n"
	    "10.0.0.8 -> *.example.com:TCP:2\n"
	    "10.0.0.9 -> *:TCP:3\n", &c);

	expect(image, "10.0.0.8", "example.com", "1 allow TCP:1");
	expect(image, "10.0.0.8", "eXaMpLe.CoM", "1 allow TCP:1");
	expect(image, "10.0.0.8", "a.example.com", "2 allow TCP:2");
	expect(image, "10.0.0.8", "A.b.C.EXAMPLE.com", "2 allow TCP:2");
	expect(image, "10.0.0.8", "com", "0 nomatch");
	expect(image, "10.0.0.8", "", "0 nomatch");
	expect(image, "10.0.0.8", "fooexample.com", "0 nomatch");
	expect(image, "10.0.0.8", "a.fooexample.com", "0 nomatch");
	expect(image, "10.0.0.8", "example.com.org", "0 nomatch");
	expect(image, "10.0.0.9", "example.com", "3 allow TCP:3");
	expect(image, "10.0.0.9", "", "3 allow TCP:3");
	expect(image, "10.0.0.9", NULL, "3 allow TCP:3");
	expect(image, "10.0.0.10", "example.com", "0 nomatch");
	expect(image, "::a00:8", "example.com", "0 nomatch");
	free(c.image);
}

/* A dot inside a label is not a border between two. */
Test(acl_decide, A2_labels_are_compared_not_text)
{
	struct acl_compiled c;
	const struct acl_image *image = compile("::1 ~> *.b.c\n::1 ~> b.c\n",
	    &c);
	struct dns_name name = { .len = 7, .labels = 2,
	    .wire = "\003a.b\001c" };
	struct dns_name dotted = { .len = 5, .labels = 1, .wire = "\003b.c" };
	struct addr client = { .family = ADDR_V6, .bytes = { [15] = 1 } };
	struct acl_decision d;

	acl_decide(image, &client, &name, &d);
	cr_assert_eq(d.verdict, ACL_NOMATCH);
	acl_decide(image, &client, &dotted, &d);
	cr_assert_eq(d.verdict, ACL_NOMATCH);
	free(c.image);
}

Test(acl_decide, A1_host_bits_are_masked)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "10.34.3.0/16 ~> a\n2001:db8::ffff/33 ~> a\n", &c);

	expect(image, "10.34.255.255", "a", "1 allow resolve");
	expect(image, "10.35.0.0", "a", "0 nomatch");
	expect(image, "2001:db8:7fff::1", "a", "2 allow resolve");
	expect(image, "2001:db8:8000::1", "a", "0 nomatch");
	free(c.image);
}

Test(acl_decide, A4_longest_prefix_first)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "0.0.0.0/0 -> a:TCP:1\n"
	    "10.0.0.0/8 -| *\n"
	    "10.1.0.0/16 ~> *.a\n"
	    "10.1.1.1 -> a:TCP:4\n"
	    "10.1.1.2/31 -| a\n", &c);

	expect(image, "9.9.9.9", "a", "1 allow TCP:1");
	expect(image, "10.0.0.1", "a", "2 block");
	expect(image, "10.1.0.1", "a", "2 block");
	expect(image, "10.1.0.1", "b.a", "3 allow resolve");
	/* The block of the shorter subnet only hides what comes after it. */
	expect(image, "10.1.1.1", "a", "4 allow TCP:4");
	expect(image, "10.1.1.3", "a", "5 block");
	free(c.image);
}

Test(acl_decide, A4_most_specific_pattern_first)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "::/0 -> *:TCP:1\n"
	    "::/0 -> *.c:TCP:2\n"
	    "::/0 -| *.b.c\n"
	    "::/0 -> a.b.c:UDP:4\n"
	    "::/0 -> *.x.b.c:TCP:5\n"
	    "::/0 ~> *.x.b.c\n"
	    "::/0 -| d = 192.0.2.1\n"
	    "::/0 -| *.d = 2001:db8::1\n", &c);

	expect(image, "::1", "z", "1 allow TCP:1");
	expect(image, "::1", "c", "1 allow TCP:1");
	expect(image, "::1", "z.c", "2 allow TCP:2 TCP:1");
	expect(image, "::1", "z.b.c", "3 block");
	expect(image, "::1", "b.c", "2 allow TCP:2 TCP:1");
	expect(image, "::1", "a.b.c", "4 allow UDP:4");
	expect(image, "::1", "x.b.c", "3 block");
	expect(image, "::1", "1.2.x.b.c", "5 allow TCP:5 resolve");
	expect(image, "::1", "d", "7 local 192.0.2.1");
	expect(image, "::1", "a.d", "8 local 2001:db8::1");
	free(c.image);
}

Test(acl_decide, A4_accumulates_over_subnets_without_duplicates)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "10.0.0.0/8 -> a:TCP:80\n"
	    "10.0.0.0/8 -> a:UDP:80\n"
	    "10.0.0.0/8 ~> a\n"
	    "10.0.0.1 -> a:TCP:443\n"
	    "10.0.0.1 -> a:TCP:80\n", &c);

	expect(image, "10.0.0.1", "a",
	    "4 allow TCP:443 TCP:80 UDP:80 resolve");
	expect(image, "10.0.0.2", "a", "1 allow TCP:80 UDP:80 resolve");
	free(c.image);
}

/* A group is what its clients and names would be, each in a rule of its own. */
Test(acl_decide, U11_groups)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "@lan = 10.0.0.0/8, fd00::/8, 10.1.0.0/16\n"
	    "@web = a, *.b\n"
	    "@vip = 10.0.0.9, 10.1.0.0/16\n"
	    "10.0.0.9 -> a:TCP:1\n"
	    "@lan -> @web:TCP:443,80\n"
	    "@vip -| c = 192.0.2.1\n"
	    "10.0.0.9 -> a:TCP:3\n"
	    "@vip -> a:TCP:2\n"
	    "10.0.0.0/8 -| *\n"
	    "fd00::1 -| *.x.b\n", &c);

	expect(image, "10.0.0.1", "a", "5 allow TCP:443 TCP:80");
	expect(image, "10.0.0.1", "x.b", "5 allow TCP:443 TCP:80");
	expect(image, "10.0.0.1", "b", "9 block");
	expect(image, "fd00::1", "y.b", "5 allow TCP:443 TCP:80");
	expect(image, "fd00::1", "y.x.b", "10 block");
	expect(image, "fd00::1", "c", "0 nomatch");
	/* Ports in the order of the lines. */
	expect(image, "10.0.0.9", "a",
	    "4 allow TCP:1 TCP:3 TCP:2 TCP:443 TCP:80");
	expect(image, "10.0.0.9", "c", "6 local 192.0.2.1");
	expect(image, "10.1.0.1", "a", "5 allow TCP:443 TCP:80 TCP:2");
	expect(image, "10.1.0.1", "c", "6 local 192.0.2.1");
	free(c.image);
}

Test(acl_decide, A5_any)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "10.0.0.1 ~> *\n"
	    "10.0.0.1 -| bad\n"
	    "10.0.0.1 -| *.bad = 0.0.0.0\n"
	    "10.0.0.1 ~> good\n"
	    "10.0.0.1 -> web:TCP:443\n"
	    "10.0.0.2 -> *:TCP:1\n"
	    "10.0.0.0/24 ~> *\n"
	    "10.0.0.3 -| *\n", &c);

	expect(image, "10.0.0.1", "x", "1 allow resolve any");
	expect(image, "10.0.0.1", "bad", "2 block");
	expect(image, "10.0.0.1", "x.bad", "3 local 0.0.0.0");
	expect(image, "10.0.0.1", "good", "4 allow resolve any");
	expect(image, "10.0.0.1", "web", "5 allow TCP:443 resolve any");
	expect(image, "10.0.0.1", NULL, "1 allow resolve any");
	expect(image, "10.0.0.2", NULL, "6 allow TCP:1 resolve any");
	expect(image, "10.0.0.3", NULL, "8 block");
	expect(image, "10.0.0.4", NULL, "7 allow resolve any");
	free(c.image);
}

Test(acl_decide, A5_any_and_ports_of_one_pattern)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "::1 -> *:UDP:53\n::1 ~> *\n", &c);

	expect(image, "::1", "x", "1 allow UDP:53 resolve any");
	expect(image, "::1", NULL, "1 allow UDP:53 resolve any");
	free(c.image);
}

Test(acl_decide, more_ports_than_a_decision_holds)
{
	static char text[64 * (ACL_PORTS_MAX + 4)];
	struct acl_compiled c;
	struct acl_decision d;
	int i, n;

	for (i = 1, n = 0; i <= ACL_PORTS_MAX; i++)
		n += sprintf(text + n, "10.0.0.1 -> a:TCP:%d\n", i);
	n += sprintf(text + n, "10.0.0.0/8 -> a:TCP:1\n");
	sprintf(text + n, "10.0.0.0/7 -> a:UDP:1\n");
	decide(compile(text, &c), "10.0.0.1", "a", &d);
	cr_assert(d.overflow && d.nports == ACL_PORTS_MAX);
	free(c.image);
	text[n] = '\0';
	decide(compile(text, &c), "10.0.0.1", "a", &d);
	cr_assert(!d.overflow && d.nports == ACL_PORTS_MAX);
	free(c.image);
}

/* Wildcards at depths from 63 up share a bit in the image. */
Test(acl_decide, A4_deep_names)
{
	char text[600], name[256], *p;
	struct acl_compiled c;
	const struct acl_image *image;
	int i;

	for (p = name, i = 0; i < 127; i++)
		p += sprintf(p, "%sa", i == 0 ? "" : ".");
	sprintf(text, "::1 -> *.%s:TCP:1\n::1 -> *.%s:TCP:2\n"
	    "::1 -> *.%s:TCP:3\n", name + 2, name + 2 * 64, name + 2 * 63);
	image = compile(text, &c);
	expect(image, "::1", name, "1 allow TCP:1 TCP:3 TCP:2");
	expect(image, "::1", name + 2, "3 allow TCP:3 TCP:2");
	expect(image, "::1", name + 2 * 63, "2 allow TCP:2");
	expect(image, "::1", name + 2 * 64, "0 nomatch");
	free(c.image);
}

/* Whether the client may ask for the keys of each of these names (D17). */
static void
expect_ancestors(const struct acl_image *image, const char *client,
    const char *const *names, bool expected)
{
	struct addr addr;
	struct dns_name wire;

	cr_assert_eq(addr_parse(client, strlen(client), &addr), 0);
	for (; *names != NULL; names++) {
		name_from(*names, &wire);
		cr_assert_eq(acl_is_ancestor(image, &addr, &wire), expected,
		    "%s", *names);
	}
}

Test(acl_decide, D17_ancestors_of_what_is_allowed)
{
	static const char *const are[] = { "", "com", "b.com", "Example.COM",
	    "x.c", "c", NULL };
	static const char *const are_not[] = { "a.b.com", "w.a.b.com",
	    "z.b.com", "bb.com", "om", "d", "net", "blocked", NULL };
	static const char *const none[] = { "", "com", "c", NULL };
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "10.0.0.0/8 -> a.b.com:TCP:443\n"
	    "10.0.0.0/8 -| b.com\n"
	    "10.0.0.0/8 ~> *.x.c\n"
	    "10.0.0.0/8 -| x.d\n"
	    "10.0.0.0/8 -| *\n"
	    "10.0.0.2 -| *\n"
	    "10.0.0.3 -> *.example.com:TCP:1\n"
	    "0.0.0.0/0 -> hidden.net:TCP:443\n"
	    "10.0.0.4 -| *.a\n"
	    "10.0.0.4 ~> *\n"
	    "10.0.0.4 -| blocked\n", &c);

	expect_ancestors(image, "10.0.0.3", are, true);
	expect_ancestors(image, "10.0.0.3", are_not, false);
	expect_ancestors(image, "10.0.0.2", none, false);
	expect_ancestors(image, "2001:db8::1", none, false);
	/* Other names below are allowed, though these themselves are not. */
	expect_ancestors(image, "10.0.0.4",
	    (const char *const[]){ "blocked", "", "com", NULL }, true);
	expect_ancestors(image, "10.0.0.4",
	    (const char *const[]){ "a", "b.a", NULL }, false);
	free(c.image);
}

Test(acl_decide, D14_D16_how_specific)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "10.0.0.1 -> *:TCP:443\n"
	    "10.0.0.0/8 ~> a.b.c\n"
	    "10.0.0.0/8 -> *.b.c:TCP:1\n"
	    "10.0.0.0/8 -| x.y\n"
	    "10.0.0.0/8 -| *\n", &c);
	static const struct {
		const char *client, *name;
		uint8_t depth;
		bool hides;
	} cases[] = {
		{ "10.0.0.1", "a.b.c", 3, false },
		{ "10.0.0.1", "z.a.b.c", 2, false },
		{ "10.0.0.1", "c", 0, false },
		{ "10.0.0.1", "x.y", 0, true },
		{ "10.0.0.2", "a.b.c", 3, false },
		{ "10.0.0.2", "x.b.c", 2, false },
		{ "10.0.0.2", "x.y", 2, true },
		{ "10.0.0.2", "y", 0, false },
		{ "11.0.0.2", "a.b.c", 0, false },
	};
	struct acl_decision d;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		decide(image, cases[i].client, cases[i].name, &d);
		cr_assert_eq(d.depth, cases[i].depth, "%s", cases[i].name);
		cr_assert_eq(d.hides, cases[i].hides, "%s", cases[i].name);
	}
	free(c.image);
}

/* "~>" alone is the first that counts: the name is to be known, no more. */
Test(acl_decide, G8_resolve_before_grant)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "10.0.0.1 -> *:TCP:443\n"
	    "10.0.0.1 ~> home.test\n"
	    "10.0.0.1 ~> both.test\n"
	    "10.0.0.1 -> both.test:TCP:1\n"
	    "10.0.0.1 -> *.x.test:TCP:2\n"
	    "10.0.0.0/8 ~> *\n"
	    "10.0.0.0/8 ~> y.x.test\n", &c);
	static const struct {
		const char *client, *name;
		bool first;
	} cases[] = {
		{ "10.0.0.1", "home.test", true },
		{ "10.0.0.1", "a.home.test", false },
		{ "10.0.0.1", "both.test", false },
		{ "10.0.0.1", "y.x.test", false },
		{ "10.0.0.1", "other", false },
		{ "10.0.0.2", "home.test", true },
	};
	struct acl_decision d;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		decide(image, cases[i].client, cases[i].name, &d);
		cr_assert_eq(d.resolve_first, cases[i].first, "%s",
		    cases[i].name);
	}
	free(c.image);
}

/* Every rule that matched, up to the block that ends the way (U6). */
Test(acl_decide, U6_lines_of_all_that_matched)
{
	static const char text[] =
	    "10.0.0.1 -> www.example.test:TCP:80\n"
	    "10.0.0.1 -> www.example.test:TCP:443\n"
	    "10.0.0.1 -> *.example.test:TCP:22\n"
	    "10.0.0.0/8 -| *.test\n"
	    "10.0.0.0/8 ~> *\n"
	    "0.0.0.0/0 ~> *.other\n";
	static const struct {
		const char *name;
		unsigned int n;
		uint32_t lines[3];
	} cases[] = {
		{ "www.example.test", 3, { 1, 3, 4 } },
		{ "a.example.test", 2, { 3, 4 } },
		{ "b.test", 1, { 4 } },
		{ "b.other", 2, { 5, 6 } },
		{ "b", 1, { 5 } },
	};
	struct acl_compiled c;
	const struct acl_image *image = compile(text, &c);
	struct acl_decision d;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		decide(image, "10.0.0.1", cases[i].name, &d);
		cr_assert_eq(d.nlines, cases[i].n, "%s", cases[i].name);
		cr_assert_eq(memcmp(d.lines, cases[i].lines,
		    d.nlines * sizeof(d.lines[0])), 0, "%s", cases[i].name);
	}
	free(c.image);
}

/* By two of its names, and for two of its nets: it is one rule. */
Test(acl_decide, U11_lines_are_there_once)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "@lan = 10.0.0.0/8, 10.0.0.1\n"
	    "@lan -> a.b,*.b,*:TCP:1\n"
	    "10.0.0.0/8 ~> *.b\n", &c);
	struct acl_decision d;

	decide(image, "10.0.0.1", "a.b", &d);
	cr_assert(d.nlines == 1 && d.lines[0] == 2);
	free(c.image);
}

/* More than there is room for: the first of them. */
Test(acl_decide, U6_a_long_way)
{
	char text[64 * 64], name[256] = "a";
	struct acl_compiled c;
	struct acl_decision d;
	unsigned int i, at = 0;

	for (i = 0; i < 40; i++) {
		at += (unsigned int)sprintf(text + at, "10.0.0.1 ~> *.%s\n",
		    name);
		memmove(name + 2, name, strlen(name) + 1);
		memcpy(name, "a.", 2);
	}
	decide(compile(text, &c), "10.0.0.1", name, &d);
	cr_assert_eq(d.nlines, ACL_LINES_MAX);
	for (i = 0; i < ACL_LINES_MAX; i++)
		cr_assert_eq(d.lines[i], 40 - i);
	free(c.image);
}

/* The TTL that is granted for that port. */
static uint32_t
ttl_of(const struct acl_image *image, const char *name, uint16_t port,
    uint32_t ttl)
{
	struct acl_decision d;
	unsigned int i;

	decide(image, "10.0.0.1", name, &d);
	for (i = 0; i < d.nports && d.ports[i].port != port; i++)
		;
	cr_assert_lt(i, d.nports);
	return (acl_image_ttl(image, d.ports[i].times, ttl));
}

Test(acl_decide, U11_times_of_each_port)
{
	struct acl_compiled c;
	const struct acl_image *image = compile(
	    "@g = 10.0.0.0/30\n"
	    "10.0.0.1 -> a.example:TCP:80,81 ttl 60..3600 \"one\"\n"
	    "10.0.0.1 -> a.example:TCP:82,80 ttl 5..5\n"
	    "10.0.0.1 -> *.example:TCP:83\n"
	    "10.0.0.0/24 -> a.example:TCP:83,84 ttl 1..2\n"
	    "@g -> b.example:TCP:80 ttl 7..8\n", &c);

	cr_assert_eq(ttl_of(image, "a.example", 80, 0), 60);
	cr_assert_eq(ttl_of(image, "a.example", 80, 60), 60);
	cr_assert_eq(ttl_of(image, "a.example", 80, 3600), 3600);
	cr_assert_eq(ttl_of(image, "a.example", 81, 3601), 3600);
	cr_assert_eq(ttl_of(image, "a.example", 82, 100), 5);
	/* The first rule that names the port counts, on the way and in a line. */
	cr_assert_eq(ttl_of(image, "a.example", 83, 100), 100);
	cr_assert_eq(ttl_of(image, "a.example", 84, 100), 2);
	cr_assert_eq(ttl_of(image, "b.example", 80, 100), 8);
	/* There are no such times. */
	cr_assert_eq(acl_image_ttl(image, 5, 100), 100);
	cr_assert_str_eq(acl_image_comment(image, 2), "one");
	cr_assert_str_eq(acl_image_comment(image, 1), "");
	cr_assert_str_eq(acl_image_comment(image, 3), "");
	cr_assert_str_eq(acl_image_comment(image, 1000), "");
	free(c.image);
}
