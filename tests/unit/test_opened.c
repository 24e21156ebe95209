/* What is open, found by name and client (U4). */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"
#include "addrtext.h"
#include "compile_text.h"
#include "ctl/opened.h"
#include "serve/label.h"

static struct opened opened;
static struct acl_compiled compiled;

static void
fail_on_error(void *arg, unsigned int line, unsigned int column,
    const char *text)
{
	(void)arg;
	cr_assert_fail("%u:%u %s", line, column, text);
}

static void
begin(void)
{
	static const char text[] = "@l = host 10.0.0.5, fd00::5\n";

	opened = (struct opened){ .known = true, .of_all = true,
	    .max = SIZE_MAX };
	cr_assert_eq(compile_text(text, strlen(text), false, fail_on_error,
	    NULL, &compiled), 0);
}

static void
end(void)
{
	opened_free(&opened);
	free(compiled.image);
}

TestSuite(opened, .init = begin, .fini = end);

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

static struct dns_name
name_of(const char *text)
{
	struct dns_name name;
	size_t at;

	cr_assert_eq(dns_name_parse(text, strlen(text), &name, &at), DNS_OK);
	return (name);
}

static struct control_grant
grant(const char *client, const char *name, uint16_t port)
{
	struct control_grant g = { .type = CONTROL_GRANT,
	    .proto = IPPROTO_TCP, .port = port, .local = client == NULL };
	struct addr a = address(client == NULL ? "127.0.0.1" : client);
	struct dns_name n = name_of(name);

	g.family = a.family;
	if (client != NULL)
		memcpy(g.client, a.bytes, sizeof(g.client));
	label_of(&n, g.label);
	return (g);
}

static void
add(const char *client, const char *name, uint16_t port)
{
	struct control_grant g = grant(client, name, port);

	opened_add(&opened, &g);
}

static size_t
from(const char *text, const struct control_grant **first)
{
	struct dns_name name = name_of(text);

	return (opened_from(&opened, &name, first));
}

static void
expect_from(const char *text, size_t n)
{
	const struct control_grant *first;

	cr_expect_eq(from(text, &first), n, "%s", text);
	cr_expect_eq(first == NULL, n == 0);
}

Test(opened, U4_nothing)
{
	opened_sort(&opened);
	expect_from("a.example", 0);
}

/* Each is found, wherever it is, and nothing that looks like it. */
Test(opened, U4_by_name)
{
	char name[32];
	unsigned int i;

	for (i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example",
		    i * 7 % 100);
		add("10.0.0.1", name, (uint16_t)(i + 1));
	}
	opened_sort(&opened);
	for (i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "N%u.EXAMPLE.", i);
		expect_from(name, 2);
	}
	expect_from("n.example", 0);
	expect_from("n100.example", 0);
	expect_from("n1.exampl", 0);
	expect_from("n1.example.a", 0);
	expect_from("example", 0);
	expect_from("a.example", 0);
	expect_from("z.example", 0);
}

/* However they came. */
Test(opened, U4_in_one_order)
{
	const struct control_grant *first;

	add("10.0.0.2", "a.example", 1);
	add("fd00::1", "a.example", 1);
	add("10.0.0.1", "a.example", 443);
	add("10.0.0.1", "a.example", 80);
	opened_sort(&opened);
	cr_assert_eq(from("a.example", &first), 4);
	cr_expect_eq(first[0].port, 80);
	cr_expect_eq(first[1].port, 443);
	cr_expect_eq(first[2].client[3], 2);
	cr_expect_eq(first[3].family, ADDR_V6);
}

#define LONG	"123456789012345678901234567890123456789012345678901234567890"
#define TAIL	LONG "." LONG ".example"	/* 129 characters */

/* A label has 127, of which the first stands for the rest. */
Test(opened, U4_a_name_that_is_longer_than_a_label)
{
	const struct control_grant *first;

	add("10.0.0.1", "a." TAIL, 1);
	opened_sort(&opened);
	cr_assert_eq(from("a." TAIL, &first), 1);
	cr_expect(opened_is_cut(first));
	expect_from("b." TAIL, 1);
	expect_from("a." LONG ".example", 0);
	expect_from("a." LONG "." LONG ".examples", 0);
	opened_free(&opened);
	add("10.0.0.1", "a.example", 1);
	cr_assert_eq(from("a.example", &first), 1);
	cr_expect_not(opened_is_cut(first));
}

static void
expect_of(const char *owner, const char *client, bool is_of)
{
	struct control_grant g = grant(owner, "a.example", 1);
	struct addr a = address(client);

	cr_expect_eq(opened_is_of(&opened, compiled.image, &a, &g), is_of,
	    "%s, %s", owner == NULL ? "this host" : owner, client);
}

Test(opened, U4_by_client)
{
	expect_of("10.0.0.1", "10.0.0.1", true);
	expect_of("10.0.0.1", "10.0.0.2", false);
	expect_of("10.0.0.1", "10.0.0.5", false);
	expect_of("fd00::1", "fd00::1", true);
	/* One of the other family with the same octets. */
	expect_of("10.0.0.1", "a00:1::", false);
	/* Addresses of a host are one client. */
	expect_of("10.0.0.5", "fd00::5", true);
	expect_of("fd00::5", "10.0.0.5", true);
	expect_of("fd00::5", "10.0.0.6", false);
	/* So are those of this host, which a grant does not tell. */
	expect_of(NULL, "127.0.0.1", true);
	expect_of(NULL, "127.0.0.2", true);
	expect_of(NULL, "::1", true);
	expect_of(NULL, "10.0.0.1", false);
	expect_of(NULL, "0.0.0.0", false);
	/* Who was asked for one client's has said nothing of others. */
	opened.of_all = false;
	expect_of("10.0.0.1", "10.0.0.2", true);
}
