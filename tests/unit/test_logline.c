/* Lines of the access log, both forms, and what is none (section 7, U6). */
#include <criterion/criterion.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/logline.h"

#define JSON(event, more)	"{\"time\":\"2026-11-29T10:00:00.123Z\"," \
	"\"event\":\"" event "\",\"client\":\"10.0.0.1\",\"id\":7" more "}"

static const struct {
	const char	*line;
	enum logline_kind kind;
	enum logline_field field;
	const char	*value;
} lines[] = {
	{ "10.0.0.1 -> [7] a.example.", LOGLINE_ASKED, FIELD_NAME,
	    "a.example." },
	{ "fd00::1 ~> [65535] .", LOGLINE_ASKED, FIELD_ID, "65535" },
	{ "10.0.0.1 ~> [7] ", LOGLINE_ASKED, FIELD_EVENT, "resolve" },
	{ "10.0.0.1 |> [7] a\\032b.", LOGLINE_REFUSED, FIELD_NAME,
	    "a\\032b." },
	{ "10.0.0.1 |> [7] a. = ::1", LOGLINE_STATIC, FIELD_ADDRESS, "::1" },
	{ "10.0.0.1 !> [7] not allowed", LOGLINE_FAILED, FIELD_TEXT,
	    "not allowed" },
	{ "10.0.0.1 <! [7] no answer", LOGLINE_FAILED, FIELD_EVENT,
	    "bad_answer" },
	{ "10.0.0.1 <~ [7]", LOGLINE_RESOLVED, FIELD_CLIENT, "10.0.0.1" },
	{ "fd00::1 <- [7] a. [fd00::2]:TCP:443 TTL:60", LOGLINE_GRANTED,
	    FIELD_ADDRESS, "fd00::2" },
	{ "10.0.0.1 <- [7] a. [10.0.0.2]:UDP:65535 TTL:4294967295",
	    LOGLINE_GRANTED, FIELD_TTL, "4294967295" },
	{ JSON("forward", ",\"name\":\"a.\""), LOGLINE_ASKED, FIELD_TIME,
	    "2026-11-29T10:00:00.123Z" },
	{ JSON("refuse", ",\"rule\":{\"file\":\"x \\\"y\\\\\",\"line\":3}"),
	    LOGLINE_REFUSED, FIELD_FILE, "x \"y\\" },
	{ JSON("refuse", ",\"rule\":{\"file\":\"x\",\"line\":3},\"name\":"
	    "\"a.\""), LOGLINE_REFUSED, FIELD_LINE, "3" },
	{ JSON("pass", ",\"latency_ms\":1.234"), LOGLINE_RESOLVED,
	    FIELD_LATENCY, "1.234" },
	{ JSON("pass", ",\"new\":\"x\""), LOGLINE_RESOLVED, FIELD_ID, "7" },
};

static const char *const none[] = { "", " ", "x", "[INFO ] text",
	"10.0.0.1 -> [7]", "10.0.0.1 -> [65536] a.", "10.0.0.1 -> [] a.",
	"10.0.0.1 -> [-1] a.", "10.0.0.1 => [7] a.", "lan -> [7] a.",
	"10.0.0.1 -> [7]  a.", "10.0.0.1 -> [7] a. b.", "10.0.0.1 <~ [7] a.",
	"10.0.0.1 -> [7] a\x7f.", "10.0.0.1 -> [7] \xc3\xa9.",
	"10.0.0.1 |> [7] a. = b", "10.0.0.1 <- [7] a. [10.0.0.2]:TCP:443",
	"10.0.0.1 <- [7] a. [10.0.0.2]:TCP:65536 TTL:1",
	"10.0.0.1 <- [7] a. [10.0.0.2]:ICMP:1 TTL:1",
	"10.0.0.1 <- [7] a. [x]:TCP:1 TTL:1",
	"10.0.0.1 <- [7] a. [10.0.0.2]:TCP:1 TTL:4294967296",
	"{", "{}", "{\"", "{\"event\"", "{\"event\":", "{\"event\":\"pass\"}",
	JSON("other", ""), JSON("pass", "") "x", JSON("pass", ",\"id\":\"x"),
	JSON("pass", ",\"id\":65536"), JSON("pass", ",\"x\":\"\\n\""),
	JSON("pass", ",\"x\":\"\\"), JSON("pass", ",\"x\":[]"),
	JSON("pass", ",\"rule\":{\"rule\":{\"line\":1}}"),
	JSON("pass", ",\"rule\":{\"line\":1"), JSON("pass", ",\"x\":{}") };

static struct logline l;

Test(logline, U6_both_forms)
{
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		logline_parse(lines[i].line, strlen(lines[i].line), &l);
		cr_assert_eq(l.kind, lines[i].kind, "%s", lines[i].line);
		cr_assert_str_eq(logline_field(&l, lines[i].field),
		    lines[i].value, "%s", lines[i].line);
		cr_assert_eq(l.json, lines[i].line[0] == '{');
	}
}

Test(logline, U6_what_is_none)
{
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		logline_parse(none[i], strlen(none[i]), &l);
		cr_assert_eq(l.kind, LOGLINE_OTHER, "%s", none[i]);
	}
	logline_parse("10.0.0.1 -> [7] a.\0b", 20, &l);
	cr_assert_eq(l.kind, LOGLINE_OTHER);
}

/* Whatever comes in: what it gives is printable, and within its text. */
static void
assert_harmless(const char *line, size_t len)
{
	const char *c;
	size_t i;

	logline_parse(line, len, &l);
	for (i = 0; l.kind != LOGLINE_OTHER && i < LOGLINE_FIELDS; i++)
		for (c = logline_field(&l, (enum logline_field)i); *c != '\0';
		    c++)
			cr_assert(isprint((unsigned char)*c));
}

Test(logline, U6_any_octets)
{
	char line[256], *copy;
	size_t i, k, len;

	srand(16);
	for (i = 0; i < 200000; i++) {
		len = strlen(lines[i % 15].line);
		memcpy(line, lines[i % 15].line, len);
		for (k = 0; k < 1 + i % 3; k++)
			line[(size_t)rand() % len] = rand() % 3 == 0 ?
			    (char)rand() : " {}[]\",:\\=<~>!-|"[rand() % 16];
		len -= rand() % 4 == 0 ? (size_t)rand() % len : 0;
		/* Not one octet more, for the sanitizer. */
		copy = malloc(len + (len == 0));
		memcpy(copy, line, len);
		assert_harmless(copy, len);
		free(copy);
	}
	cr_assert_eq(sizeof(lines) / sizeof(lines[0]), 15);
}

Test(logline, U6_the_longest)
{
	static char line[LOGLINE_MAX];

	memset(line, 'a', sizeof(line));
	memcpy(line, "10.0.0.1 -> [7] ", 16);
	logline_parse(line, sizeof(line), &l);
	cr_assert_eq(l.kind, LOGLINE_ASKED);
	cr_assert_eq(strlen(logline_field(&l, FIELD_NAME)),
	    sizeof(line) - 16);
}
