/* The time of day as text, beside what the C library says. */
#include <criterion/criterion.h>

#include <time.h>

#include "serve/timestamp.h"

#define DAY	86400
#define LAST	253402300799	/* 9999-12-31T23:59:59 */

static void
expect(int64_t seconds, unsigned int ms, const char *text)
{
	char got[TIMESTAMP_SIZE];

	timestamp_print(seconds, ms, got);
	cr_assert_str_eq(got, text);
}

Test(timestamp, rfc3339)
{
	expect(0, 0, "1970-01-01T00:00:00.000Z");
	expect(1, 999, "1970-01-01T00:00:01.999Z");
	expect(951782399, 7, "2000-02-28T23:59:59.007Z");
	expect(951782400, 42, "2000-02-29T00:00:00.042Z");
	expect(1795856707, 100, "2026-11-28T09:05:07.100Z");
	expect(4107542399, 0, "2100-02-28T23:59:59.000Z");
	expect(4107542400, 0, "2100-03-01T00:00:00.000Z");
	expect(LAST, 999, "9999-12-31T23:59:59.999Z");
}

/* Each day until the year 10000, at another second of it. */
Test(timestamp, is_what_the_c_library_says)
{
	char want[64];
	struct tm tm;
	time_t when;

	for (when = 0; when <= LAST; when += DAY + 1) {
		cr_assert_not_null(gmtime_r(&when, &tm));
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		expect(when, 0, want);
	}
}
