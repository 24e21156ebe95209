/* For how long what an answer leads to is remembered (D14): as a grant lives (G3). */
#include <criterion/criterion.h>

#include "acl/image.h"
#include "clock.h"
#include "compile_text.h"
#include "names.h"
#include "serve/alias.h"
#include "serve/follow.h"
#include "serve/loop.h"
#include "serve/policy.h"
#include "serve/settings.h"

#define NOW	(1000 * CLOCK_SECOND)
#define MIN	5U
#define MAX	7200U
#define GRACE	15U

struct loop loop;
struct policy policy;
struct settings settings;

static struct dns_target targets[2];
static size_t ntargets;
static struct alias_origin led[ALIAS_ORIGINS];	/* to the question */
static struct {
	char		 origin[8], target[8];	/* the first label of each */
	unsigned int	 hops;
	uint64_t	 seconds;
} remembered[20];
static size_t nremembered;
static uint32_t cap;			/* of the client's TTLs */
static struct acl_compiled compiled;

/* --- stand-ins --- */

enum dns_err
answer_targets(struct answer *a, const struct dns_target **out, size_t *n)
{
	(void)a;
	*out = targets;
	*n = ntargets;
	return (DNS_OK);
}

const struct alias_origin *
alias_origins(const struct addr *client, const struct dns_name *name,
    uint64_t now)
{
	(void)client;
	(void)name;
	cr_assert_eq(now, NOW);
	return (led);
}

void
alias_remember(const struct addr *client, const struct dns_name *target,
    const struct dns_name *origin, unsigned int hops, uint64_t now,
    uint64_t expiry)
{
	(void)client;
	cr_assert_eq(now, NOW);
	strcpy(remembered[nremembered].origin, (const char *)&origin->wire[1]);
	strcpy(remembered[nremembered].target, (const char *)&target->wire[1]);
	remembered[nremembered].hops = hops;
	remembered[nremembered++].seconds = (expiry - now) / CLOCK_SECOND;
	/* The table changes. */
	memset(led, 0, sizeof(led));
}

void
dns_answer_cap_ttl(uint8_t *msg, size_t len, const struct dns_response *r,
    uint32_t ttl)
{
	(void)msg;
	(void)len;
	(void)r;
	cap = ttl;
}

uint32_t
policy_ttl(const struct acl_port *port, uint32_t ttl)
{
	return (acl_image_ttl(policy.image, port->times, ttl));
}

/* --- */

static void
set_up(void)
{
	static const char text[] =
	    "10.0.0.1 -> plain:TCP:80\n"
	    "10.0.0.1 -> short:TCP:80 ttl 1..60\n"
	    "10.0.0.1 -> long:TCP:80 ttl 3600..9999\n"
	    "10.0.0.1 -> both:TCP:80 ttl 1..60\n"
	    "10.0.0.1 -> both:TCP:81 ttl 100..200\n"
	    "10.0.0.1 -> any:TCP:80 ttl 1..60\n"
	    "10.0.0.1 ~> any\n";

	cr_assert_eq(compile_text(text, sizeof(text) - 1, false, NULL, NULL,
	    &compiled), 0);
	policy.image = compiled.image;
	settings.config.min_rule_time = MIN;
	settings.config.max_rule_time = MAX;
	loop.now = NOW;
}

static void
tear_down(void)
{
	free(compiled.image);
}

TestSuite(follow, .init = set_up, .fini = tear_down);

static void
lead(size_t i, const char *origin, uint8_t hops)
{
	name_from(origin, &led[i].name);
	led[i].hops = hops;
	led[i].expiry = NOW + 1;
}

static void
answer(const char *name, bool named, bool aliased)
{
	static struct request q = { .client = { ADDR_V4, { 10, 0, 0, 1 } } };
	struct acl_decision d;
	struct answer a;

	memset(&a, 0, sizeof(a));
	q.since = NOW;
	q.named = named;
	q.aliased = aliased;
	name_from(name, &q.dns.qname);
	nremembered = 0;
	cap = UINT32_MAX;
	cr_assert_eq(follow_answer(&q, &a, NULL, &d), FOLLOW_PASS);
}

/* An alias with this TTL is remembered for so long, with the grace. */
static void
expect(const char *name, uint32_t ttl, uint64_t seconds, uint32_t most)
{
	ntargets = 1;
	name_from("t", &targets[0].name);
	targets[0].ttl = ttl;
	answer(name, true, false);
	cr_assert_eq(nremembered, 1);
	cr_assert_str_eq(remembered[0].origin, name);
	cr_assert_eq(remembered[0].hops, 1);
	cr_assert_eq(remembered[0].seconds, seconds, "%s %u: %llu", name, ttl,
	    (unsigned long long)remembered[0].seconds);
	cr_assert_eq(cap, most, "%s: %u", name, cap);
}

Test(follow, D14_by_the_options_alone)
{
	expect("plain", 1, MIN + GRACE, MAX);
	expect("plain", 300, 300 + GRACE, MAX);
	expect("plain", 100000, MAX, MAX);
}

Test(follow, D14_no_longer_than_by_its_rule)
{
	expect("short", 3600, 60 + GRACE, 60);
	expect("short", 61, 60 + GRACE, 60);
	expect("short", 59, 59 + GRACE, 60);
	/* The options come first. */
	expect("short", 1, MIN + GRACE, 60);
}

Test(follow, D14_as_long_as_by_its_rule)
{
	expect("long", 1, 3600 + GRACE, MAX);
	expect("long", 3601, 3601 + GRACE, MAX);
	expect("long", 9999, MAX, MAX);
}

/* Its ports are granted for different times: the longest counts. */
Test(follow, D14_of_several_the_longest)
{
	expect("both", 1, 100 + GRACE, 200);
	expect("both", 150, 150 + GRACE, 200);
	expect("both", 3600, 200 + GRACE, 200);
	expect("any", 30, 30 + GRACE, MAX);
	expect("any", 3600, 3600 + GRACE, MAX);
}

/* Each by its own rule, to each of the targets. */
Test(follow, D14_what_leads_to_the_question_leads_on)
{
	static const struct {
		const char	*origin, *target;
		unsigned int	 hops;
		uint64_t	 seconds;
	} expected[] = {
		{ "plain", "t", 1, 10 + GRACE }, { "plain", "u", 1, 600 + GRACE },
		{ "short", "t", 4, 10 + GRACE }, { "short", "u", 4, 60 + GRACE },
		{ "long", "t", 2, 3600 + GRACE }, { "long", "u", 2, 3600 + GRACE },
	};
	size_t i;

	ntargets = 2;
	name_from("t", &targets[0].name);
	targets[0].ttl = 10;
	name_from("u", &targets[1].name);
	targets[1].ttl = 600;
	lead(1, "short", 3);
	lead(2, "long", 1);
	answer("plain", true, true);
	cr_assert_eq(nremembered, 6);
	for (i = 0; i < 6; i++) {
		cr_assert_str_eq(remembered[i].origin, expected[i].origin);
		cr_assert_str_eq(remembered[i].target, expected[i].target);
		cr_assert_eq(remembered[i].hops, expected[i].hops);
		cr_assert_eq(remembered[i].seconds, expected[i].seconds);
	}
	cr_assert_eq(cap, MAX);
	lead(0, "short", 1);
	answer("plain", false, true);
	cr_assert_eq(nremembered, 2);
	cr_assert_eq(cap, 60);
	/* All of it is over, so it is not to be kept. */
	answer("plain", false, true);
	cr_assert_eq(nremembered, 0);
	cr_assert_eq(cap, 0);
}
