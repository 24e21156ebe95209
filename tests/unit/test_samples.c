/* The numbers of metrics, as text and as JSON (U1, U7). */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ctl/metrics.h"
#include "ctl/numbers.h"

static struct control_status status;

/* To be freed. */
static char *
print(const struct control_status *s, enum samples_form form)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	cr_assert_not_null(to);
	metrics_print(to, s, form);
	cr_assert_eq(fclose(to), 0);
	return (text);
}

static void
expect(enum samples_form form, const char *wanted)
{
	char *text = print(&status, form);

	cr_expect_not_null(strstr(text, wanted), "%s is not in %s", wanted,
	    text);
	free(text);
}

static void
expect_none(enum samples_form form, const char *unwanted)
{
	char *text = print(&status, form);

	cr_expect_null(strstr(text, unwanted), "%s is in %s", unwanted, text);
	free(text);
}

static void
fill(void)
{
	memset(&status, 0, sizeof(status));
	status.families = MSG_FAMILY_V4 | MSG_FAMILY_V6;
	status.ready = MSG_FAMILY_V6;
	status.results[RESULT_FULL] = 7;
	status.grants = UINT32_MAX;
	status.counters.queries = UINT64_MAX;
	status.nupstreams = 2;
	status.silent = 2;
	memcpy(status.upstreams[0], "192.0.2.53", 10);
	memcpy(status.upstreams[1], "[\"\\\n\x1b", 5);
	status.kernel.counts[0] = 2;
	status.kernel.counts[HISTOGRAM_BOUNDS] = 3;
	status.kernel.sum = 5 * CLOCK_SECOND + 42;
}

TestSuite(samples, .init = fill);

Test(samples, U7_text)
{
	expect(SAMPLES_OPEN, "\ndnsfw_queries_total 18446744073709551615\n");
	expect(SAMPLES_OPEN, "# TYPE dnsfw_queries counter\n");
	expect(SAMPLES_PLAIN, "# TYPE dnsfw_queries_total counter\n");
	expect(SAMPLES_OPEN, "# UNIT dnsfw_firewall_seconds seconds\n");
	expect_none(SAMPLES_PLAIN, "# UNIT");
	expect(SAMPLES_OPEN, "\n# EOF\n");
	expect_none(SAMPLES_PLAIN, "# EOF");
	expect(SAMPLES_PLAIN,
	    "\ndnsfw_grant_requests_total{result=\"full\"} 7\n");
	expect(SAMPLES_PLAIN, "\ndnsfw_upstream_up{upstream=\"_____\"} 0\n");
	expect(SAMPLES_PLAIN,
	    "\ndnsfw_firewall_seconds_bucket{le=\"+Inf\"} 5\n"
	    "dnsfw_firewall_seconds_count 5\n"
	    "dnsfw_firewall_seconds_sum 5.000000042\n");
}

Test(samples, U1_json)
{
	expect(SAMPLES_JSON, "{\"dnsfw_up\":1,"
	    "\"dnsfw_queries_total\":18446744073709551615,");
	expect(SAMPLES_JSON, ",\"dnsfw_grants\":4294967295,");
	expect(SAMPLES_JSON, ",{\"result\":\"full\",\"value\":7},");
	expect(SAMPLES_JSON, ",\"dnsfw_firewall_ready\":["
	    "{\"family\":\"ipv4\",\"value\":0},"
	    "{\"family\":\"ipv6\",\"value\":1}],");
	expect(SAMPLES_JSON, ",\"dnsfw_upstream_up\":["
	    "{\"upstream\":\"192.0.2.53\",\"value\":1},"
	    "{\"upstream\":\"_____\",\"value\":0}],");
	expect(SAMPLES_JSON, "\"dnsfw_firewall_seconds_bucket\":["
	    "{\"le\":\"2.5e-05\",\"value\":2},");
	expect(SAMPLES_JSON, ",{\"le\":\"+Inf\",\"value\":5}],"
	    "\"dnsfw_firewall_seconds_count\":5,"
	    "\"dnsfw_firewall_seconds_sum\":5.000000042,");
	expect(SAMPLES_JSON, "}\n");
	expect_none(SAMPLES_JSON, "#");
}

/* A text without its end, and more of them than there may be. */
Test(samples, U7_what_no_dnsfw_would_say)
{
	char wanted[CONTROL_HOST_MAX + 32];

	memset(status.upstreams, 'a', sizeof(status.upstreams));
	status.nupstreams = UINT8_MAX;
	(void)snprintf(wanted, sizeof(wanted), "{\"upstream\":\"%0*d\",",
	    CONTROL_HOST_MAX, 0);
	memset(wanted + sizeof("{\"upstream\":\"") - 1, 'a',
	    CONTROL_HOST_MAX);
	expect(SAMPLES_JSON, wanted);
}

Test(samples, U1_no_dnsfw)
{
	char *text = print(NULL, SAMPLES_JSON);

	cr_expect_str_eq(text, "{\"dnsfw_up\":0}\n");
	free(text);
}
