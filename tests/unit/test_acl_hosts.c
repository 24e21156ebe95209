/* Which addresses are one host (U11). */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"
#include "acl/decide.h"
#include "acl/hosts.h"
#include "acl/image.h"
#include "addrtext.h"
#include "compile_text.h"

static struct acl_compiled compiled;

static void
fail_on_error(void *arg, unsigned int line, unsigned int column,
    const char *text)
{
	(void)arg;
	cr_assert_fail("%u:%u %s", line, column, text);
}

static const struct acl_image *
compile(const char *text)
{
	cr_assert_eq(compile_text(text, strlen(text), false, fail_on_error,
	    NULL, &compiled), 0);
	cr_assert_null(acl_image_check(compiled.image));
	return (compiled.image);
}

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

/* All of its host, as "ADDRESS/PREFIX ...", or "". */
static const char *
list_of(const struct acl_image *image, const char *client)
{
	static char text[ACL_HOST_MAX * (ADDR_TEXT_MAX + 8)];
	struct addr_net nets[ACL_HOST_MAX];
	const struct addr a = address(client);
	char one[ADDR_TEXT_MAX];
	unsigned int i, n;
	uint32_t host;

	text[0] = '\0';
	if (!acl_host_of(image, &a, &host))
		return (text);
	n = acl_host_list(image, host, nets);
	for (i = 0; i < n; i++)
		sprintf(text + strlen(text), "%s%s/%u", i == 0 ? "" : " ",
		    addr_print(&nets[i].base, one), nets[i].prefix);
	return (text);
}

static const char *
first_of(const struct acl_image *image, const char *client)
{
	static char text[ADDR_TEXT_MAX];
	struct addr a = address(client), before = a;

	cr_assert_eq(acl_host_first(image, &a), !addr_equal(&a, &before) ||
	    list_of(image, client)[0] != '\0');
	return (addr_print(&a, text));
}

static const char hosts[] =
    "@laptop = host fd00::5, 10.0.0.5\n"
    "@phone = host 10.0.0.6, 2001:db8:1::/64, fd00::6\n"
    "@laptop += fd00::7\n"
    "@lan = 10.0.0.0/24, 10.0.0.8\n"
    "@laptop -> www.example.com:TCP:443\n";

Test(acl_hosts, U11_addresses_of_a_host)
{
	static const char laptop[] = "10.0.0.5/32 fd00::5/128 fd00::7/128";
	static const char phone[] =
	    "10.0.0.6/32 2001:db8:1::/64 fd00::6/128";
	const struct acl_image *image = compile(hosts);

	cr_assert_str_eq(list_of(image, "10.0.0.5"), laptop);
	cr_assert_str_eq(list_of(image, "fd00::5"), laptop);
	cr_assert_str_eq(list_of(image, "fd00::7"), laptop);
	cr_assert_str_eq(list_of(image, "10.0.0.6"), phone);
	cr_assert_str_eq(list_of(image, "fd00::6"), phone);
	cr_assert_str_eq(list_of(image, "2001:db8:1::"), phone);
	cr_assert_str_eq(list_of(image, "2001:db8:1::ffff"), phone);
	cr_assert_str_eq(first_of(image, "fd00::7"), "10.0.0.5");
	cr_assert_str_eq(first_of(image, "2001:db8:1::1"), "10.0.0.6");
	free(compiled.image);
}

Test(acl_hosts, U11_others_are_of_none)
{
	static const char *const others[] = { "10.0.0.4", "10.0.0.8",
	    "fd00::8", "2001:db8:1:1::", "2001:db8:0:ffff::1", "::1" };
	const struct acl_image *image = compile(hosts);
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		cr_assert_str_empty(list_of(image, others[i]));
		cr_assert_str_eq(first_of(image, others[i]), others[i]);
	}
	free(compiled.image);
	image = compile("10.0.0.5 ~> a\n");
	cr_assert_str_empty(list_of(image, "10.0.0.5"));
	free(compiled.image);
}

/* A host is a group of clients, whose rules are for each of them. */
Test(acl_hosts, U11_rules_of_a_host_are_for_each_of_its_addresses)
{
	static const struct dns_name www = { 17, 3,
	    "\3www\7example\3com" };
	static const char *const clients[] = { "10.0.0.5", "fd00::5",
	    "fd00::7" };
	const struct acl_image *image = compile(hosts);
	struct acl_decision d;
	struct addr a;
	size_t i;

	for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		a = address(clients[i]);
		acl_decide(image, &a, &www, &d);
		cr_assert_eq(d.verdict, ACL_ALLOW);
		cr_assert_eq(d.ports[0].port, 443);
	}
	a = address("10.0.0.6");
	acl_decide(image, &a, &www, &d);
	cr_assert_eq(d.verdict, ACL_NOMATCH);
	free(compiled.image);
}

/* As many as there can be, in any order, and each is found. */
Test(acl_hosts, U11_as_many_hosts_as_there_can_be)
{
	static char text[1024 * 17 * 24];
	const struct acl_image *image;
	unsigned int i, k, len = 0, at;
	struct addr_net net, before = { .prefix = 0 };
	char client[32];
	uint32_t host;

	for (i = 0; i < 1024; i++) {
		at = i * 421 % 1024;
		len += (unsigned int)sprintf(text + len, "@h%u = host 10.%u.%u.0",
		    at, at / 256, at % 256);
		for (k = 1; k < ACL_HOST_MAX; k++)
			len += (unsigned int)sprintf(text + len, ", 10.%u.%u.%u",
			    at / 256, at % 256, k);
		len += (unsigned int)sprintf(text + len, "\n");
	}
	image = compile(text);
	for (i = 0; i < 1024 * ACL_HOST_MAX; i++) {
		cr_assert(acl_hosts_at(image, i, &net, &host));
		cr_assert_gt(memcmp(&net, &before, sizeof(net)), 0);
		cr_assert_eq(host, i / ACL_HOST_MAX * ACL_HOST_MAX);
		before = net;
	}
	cr_assert(!acl_hosts_at(image, i, &net, &host));
	for (i = 0; i < 1024; i++) {
		sprintf(client, "10.%u.%u.9", i / 256, i % 256);
		cr_assert_eq(strncmp(list_of(image, client), client,
		    strlen(client) - 1), 0);
	}
	free(compiled.image);
}
