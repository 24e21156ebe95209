/* What clients want, put together as the rules of a list (U9). */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string.h>

#include "addrtext.h"
#include "ctl/needs.h"
#include "ctl/suffix.h"
#include "ctl/wants.h"
#include "ctl/wildcards.h"

#define TCP(port)	WANTS_PORT(IPPROTO_TCP, port)
#define UDP(port)	WANTS_PORT(IPPROTO_UDP, port)

static struct wants wants;

static struct want *
of(const char *client, const char *name)
{
	struct addr a;

	cr_assert_eq(addr_parse(client, strlen(client), &a), 0);
	return (wants_of(&wants, &a, name));
}

static void
add(const char *client, const char *name, uint32_t port)
{
	struct want *p = of(client, name);

	cr_assert_not_null(p);
	want_add(p, port);
	want_count(p, 1, 0, 0);
}

/* Of that client, or all: the wildcard below the name, or NULL. */
static const struct want *
below(const char *name)
{
	struct dns_name parsed;
	size_t i, at;

	cr_assert_eq(dns_name_parse(name, strlen(name), &parsed, &at), DNS_OK);
	for (i = 0; i < wants.n; i++)
		if (wants.at[i]->wildcard &&
		    dns_name_identical(&wants.at[i]->name, &parsed))
			return (wants.at[i]);
	return (NULL);
}

Test(wants, U9_a_name_of_a_client_is_one)
{
	struct want *p = of("10.0.0.1", "WWW.Example.com.");

	cr_assert_eq(of("10.0.0.1", "www.example.com"), p);
	cr_assert_neq(of("10.0.0.2", "www.example.com"), p);
	cr_assert_neq(of("10.0.0.1", "example.com"), p);
	/* A host of IPv6 is its /64; this one itself is not. */
	p = of("2001:db8::1", "a.example");
	cr_assert_eq(of("2001:db8::ffff:1", "a.example"), p);
	cr_assert_eq(p->client.prefix, 64);
	cr_assert_neq(of("2001:db8:0:1::1", "a.example"), p);
	cr_assert_eq(of("::1", "a.example")->client.prefix, 128);
	cr_assert_eq(wants.odd, 0);
}

Test(wants, U9_what_no_list_can_have)
{
	static const char *const names[] = { "", ".", "a b.example", "a,b",
	    "*.example", "@all", "a#b", "a\\032b.example", "192.0.2.1", "a..b",
	    "a:b", "\xc3\xa4.example", "a\nb" };
	size_t i, n = sizeof(names) / sizeof(names[0]);

	for (i = 0; i < n; i++)
		cr_assert_null(of("10.0.0.1", names[i]), "%s", names[i]);
	cr_assert_null(of("255.255.255.255", "a.example"));
	cr_assert_eq(wants.odd, n + 1);
	cr_assert_not_null(of("10.0.0.1", "_a-1.1x"));
}

Test(wants, U9_ports_are_in_order_and_once)
{
	struct want *p = of("10.0.0.1", "a.example");
	unsigned int i;

	want_add(p, UDP(53));
	want_add(p, TCP(443));
	want_add(p, TCP(80));
	want_add(p, TCP(443));
	cr_assert(p->nports == 3 && p->ports[0] == TCP(80) &&
	    p->ports[1] == TCP(443) && p->ports[2] == UDP(53));
	want_drop(p, TCP(443));
	want_drop(p, TCP(444));
	cr_assert(p->nports == 2 && p->ports[1] == UDP(53));
	for (i = 0; i < WANTS_PORTS; i++)
		want_add(p, TCP(1000 + i));
	cr_assert(p->nports == WANTS_PORTS && p->more);
}

Test(wants, U9_counts_and_times)
{
	struct want *p = of("10.0.0.1", "a.example");

	want_count(p, 2, 100, 200);
	want_count(p, 3, 50, 60);
	want_count(p, 1, 0, 0);
	cr_assert(p->count == 6 && p->first == 50 && p->last == 200);
}

Test(wants, U9_where_no_port_is_known)
{
	const uint32_t ports[] = { TCP(443), UDP(443) };
	struct want *unknown = of("10.0.0.1", "a.example");
	struct want *known = of("10.0.0.1", "b.example");
	struct want *text = of("10.0.0.1", "c.example");
	struct want *local = of("fe80::1", "a.example");

	unknown->unknown = known->unknown = local->unknown = true;
	want_add(known, TCP(80));
	want_add(local, TCP(80));
	text->resolve = true;
	wants_settle(&wants, ports, 0);
	cr_assert(unknown->unknown && unknown->nports == 0);
	cr_assert(!known->unknown && known->nports == 1);
	wants_settle(&wants, ports, 2);
	cr_assert(!unknown->unknown && unknown->nports == 2);
	cr_assert_eq(known->nports, 1);
	cr_assert(text->nports == 0 && !text->unknown);
	/* It can connect nowhere. */
	cr_assert(local->nports == 0 && local->unknown);
}

/* --- wildcards --- */

Test(wants, U9_names_of_one_parent_become_a_wildcard)
{
	add("10.0.0.1", "a.cdn.example.net", TCP(443));
	add("10.0.0.1", "b.cdn.example.net", TCP(443));
	add("10.0.0.1", "c.cdn.example.net", TCP(443));
	add("10.0.0.1", "c.cdn.example.net", TCP(80));
	add("10.0.0.1", "cdn.example.net", TCP(443));
	wildcards_fold(&wants, 4);
	cr_assert_eq(wants.n, 4);
	wildcards_fold(&wants, 3);
	wants_tidy(&wants);
	/* And what is not below, or another port. */
	cr_assert_eq(wants.n, 3);
	cr_assert(below("cdn.example.net")->nports == 1 &&
	    below("cdn.example.net")->count == 2);
	cr_assert_eq(wants.at[0]->ports[0], TCP(80));
}

/* What one client asks for opens nothing for another one. */
Test(wants, U9_a_wildcard_is_for_whose_own_names_are_enough)
{
	add("10.0.0.1", "a.cdn.example.net", TCP(443));
	add("10.0.0.2", "b.cdn.example.net", TCP(443));
	add("10.0.0.2", "c.cdn.example.net", TCP(443));
	add("10.0.0.3", "b.cdn.example.net", TCP(443));
	add("10.0.0.3", "c.cdn.example.net", TCP(80));
	add("10.0.0.4", "a.cdn.example.net", TCP(443));
	add("10.0.0.4", "b.cdn.example.net", TCP(443));
	wildcards_fold(&wants, 2);
	wants_tidy(&wants);
	cr_assert_eq(wants.n, 5);
	cr_assert(!wants.at[0]->wildcard && wants.at[0]->nports == 1);
	cr_assert(!wants.at[1]->wildcard && !wants.at[2]->wildcard);
	cr_assert(wants.at[3]->wildcard && wants.at[3]->count == 2 &&
	    wants.at[3]->client.base.bytes[3] == 2);
	cr_assert(wants.at[4]->wildcard &&
	    wants.at[4]->client.base.bytes[3] == 4);
}

Test(wants, U9_each_thing_goes_to_the_wildcard_that_has_it)
{
	add("10.0.0.1", "a.example.net", TCP(443));
	add("10.0.0.1", "b.example.net", TCP(443));
	add("10.0.0.1", "x.a.example.net", TCP(443));
	add("10.0.0.1", "x.a.example.net", TCP(80));
	add("10.0.0.1", "y.a.example.net", TCP(80));
	of("10.0.0.1", "x.a.example.net")->resolve = true;
	of("10.0.0.1", "y.a.example.net")->resolve = true;
	of("10.0.0.1", "z.a.example.net")->unknown = true;
	wildcards_fold(&wants, 2);
	wants_tidy(&wants);
	cr_assert_eq(wants.n, 3);
	cr_assert(!wants.at[0]->wildcard && wants.at[0]->unknown);
	cr_assert(below("example.net")->nports == 1 &&
	    want_has(below("example.net"), TCP(443)) &&
	    !below("example.net")->resolve);
	cr_assert(below("a.example.net")->nports == 1 &&
	    want_has(below("a.example.net"), TCP(80)) &&
	    below("a.example.net")->resolve);
}

Test(wants, U9_the_upper_wildcard_takes_what_is_below)
{
	static const char *const names[] = { "a.example.net", "b.example.net",
	    "x.a.example.net", "y.a.example.net" };
	size_t i;

	for (i = 0; i < 4; i++)
		add("10.0.0.1", names[i], TCP(443));
	wildcards_fold(&wants, 2);
	wants_tidy(&wants);
	cr_assert_eq(wants.n, 1);
	cr_assert_eq(below("example.net")->count, 4);
}

Test(wants, U9_never_of_a_public_suffix)
{
	cr_assert(suffix_known(), "this machine has publicsuffix");
	add("10.0.0.1", "a.co.uk", TCP(443));
	add("10.0.0.1", "b.co.uk", TCP(443));
	add("10.0.0.1", "a.lan", TCP(443));
	add("10.0.0.1", "b.lan", TCP(443));
	wildcards_fold(&wants, 2);
	wants_tidy(&wants);
	cr_assert_eq(wants.n, 4);
}

/* --- needs --- */

Test(wants, U9_equal_needs_stand_together)
{
	struct needs needs;

	add("10.0.0.1", "one.example", TCP(443));
	add("10.0.0.1", "b.both.example", TCP(443));
	add("10.0.0.2", "a.both.example", TCP(443));
	add("10.0.0.2", "b.both.example", TCP(443));
	add("10.0.0.1", "a.both.example", TCP(443));
	add("10.0.0.1", "part.example", TCP(443));
	add("10.0.0.2", "part.example", TCP(80));
	needs_make(&needs, &wants);
	cr_assert_eq(needs.n, 5);
	/* Those of the most clients first, in the order of names. */
	cr_assert(needs.at[0].n == 2 && needs.at[1].n == 2);
	cr_assert_eq(needs.at[0].wants[0], of("10.0.0.1", "a.both.example"));
	cr_assert_eq(needs.at[0].wants[1], of("10.0.0.2", "a.both.example"));
	cr_assert(needs_same_clients(&needs.at[0], &needs.at[1]) &&
	    needs_same_things(&needs.at[0], &needs.at[1]));
	cr_assert_not(needs_same_clients(&needs.at[1], &needs.at[2]));
	cr_assert(needs_same_clients(&needs.at[2], &needs.at[3]) &&
	    needs_same_things(&needs.at[2], &needs.at[3]));
	cr_assert_not(needs_same_things(&needs.at[3], &needs.at[4]));
	needs_free(&needs);
	wants_free(&wants);
}

Test(wants, U9_nothing_at_all)
{
	struct needs needs;

	wants_tidy(&wants);
	wildcards_fold(&wants, 2);
	needs_make(&needs, &wants);
	cr_assert_eq(needs.n, 0);
	needs_free(&needs);
}
