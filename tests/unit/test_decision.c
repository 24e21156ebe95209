/* What a question may, where the list in force is not here (D22). */
#include <criterion/criterion.h>

#include "compile_text.h"
#include "names.h"
#include "serve/alias.h"
#include "serve/decision.h"
#include "serve/policy.h"
#include "serve/settings.h"

struct policy policy;
struct settings settings;
static struct acl_compiled compiled;
static struct alias_origin led[ALIAS_ORIGINS];

const struct alias_origin *
alias_origins(const struct addr *client, const struct dns_name *target,
    uint64_t now)
{
	(void)client;
	(void)target;
	(void)now;
	return (led);
}

size_t
alias_origins_below(const struct addr *client, const struct dns_name *name,
    uint64_t now, const struct alias_origin **out, size_t max)
{
	(void)client;
	(void)name;
	(void)now;
	cr_assert_gt(max, 0);
	out[0] = &led[0];
	return (1);
}

static void
set_up(void)
{
	static const char text[] = "10.0.0.1 -> www.example:TCP:80\n";

	cr_assert_eq(compile_text(text, sizeof(text) - 1, false, NULL, NULL,
	    &compiled), 0);
	policy.image = compiled.image;
	name_from("www.example", &led[0].name);
	led[0].expiry = 1000;
}

static void
tear_down(void)
{
	free(compiled.image);
}

TestSuite(decision, .init = set_up, .fini = tear_down);

static enum acl_verdict
verdict(const char *name, uint16_t type, struct decision *d)
{
	static struct request r = { .client = { ADDR_V4, { 10, 0, 0, 1 } } };

	r.dns.has_question = true;
	r.dns.qclass = CLASS_IN;
	r.dns.qtype = type;
	name_from(name, &r.dns.qname);
	/* What was there before is not there any more. */
	memset(d, 0xff, sizeof(*d));
	decision_make(&r, d);
	return (d->acl.verdict);
}

static void
expect_nothing(const char *name, uint16_t type)
{
	struct decision d;

	cr_assert_eq(verdict(name, type, &d), ACL_NOMATCH);
	cr_assert_eq(d.acl.nports, 0);
	cr_assert_eq(d.acl.line, 0);
	cr_assert_eq(d.signal, SIGNAL_NONE);
	cr_assert_eq(d.norigins, 0);
	cr_assert(!d.keys && !d.named && !d.acl.resolve && !d.acl.overflow);
}

/* By a rule, by what led there, as a validator: nothing of it. */
Test(decision, D22_nothing_is_allowed_by_the_list_of_before)
{
	struct decision d;

	cr_assert_eq(verdict("www.example", TYPE_A, &d), ACL_ALLOW);
	cr_assert_eq(d.acl.nports, 1);
	cr_assert_eq(verdict("cdn.test", TYPE_A, &d), ACL_ALLOW);
	cr_assert_eq(d.norigins, 1);
	cr_assert_eq(verdict("test", TYPE_DS, &d), ACL_ALLOW);
	cr_assert_eq(verdict("resolver.arpa", TYPE_A, &d), ACL_ALLOW);
	cr_assert_eq(d.signal, SIGNAL_NODATA);
	policy.missed = true;
	expect_nothing("www.example", TYPE_A);
	expect_nothing("cdn.test", TYPE_A);
	expect_nothing("test", TYPE_DS);
	expect_nothing("resolver.arpa", TYPE_A);
	policy.missed = false;
	cr_assert_eq(verdict("www.example", TYPE_A, &d), ACL_ALLOW);
}
