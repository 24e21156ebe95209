/* JSON, written as it comes. */
#include "json.h"

#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "utf8.h"

static void
write_string(FILE *to, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	size_t n;

	fputc('"', to);
	for (; p < end; p += n) {
		n = utf8_length(p, (size_t)(end - p));
		if (n == 0) {
			fputs("\xef\xbf\xbd", to);
			n = 1;
		} else if ((unsigned char)*p < 0x20 || *p == 0x7f)
			fprintf(to, "\\u%04x", (unsigned char)*p);
		else {
			if (*p == '"' || *p == '\\')
				fputc('\\', to);
			fwrite(p, 1, n, to);
		}
	}
	fputc('"', to);
}

static void
write_key(struct json *j, const char *key)
{
	if (j->comma)
		fputc(',', j->to);
	j->comma = true;
	if (key != NULL) {
		write_string(j->to, key, strlen(key));
		fputc(':', j->to);
	}
}

void
json_begin(struct json *j, const char *key, char what)
{
	write_key(j, key);
	fputc(what, j->to);
	j->comma = false;
}

void
json_end(struct json *j, char what)
{
	fputc(what, j->to);
	j->comma = true;
}

void
json_bytes(struct json *j, const char *key, const char *text, size_t len)
{
	write_key(j, key);
	write_string(j->to, text, len);
}

void
json_text(struct json *j, const char *key, const char *text)
{
	json_bytes(j, key, text, strlen(text));
}

void
json_number(struct json *j, const char *key, uint64_t number)
{
	write_key(j, key);
	fprintf(j->to, "%" PRIu64, number);
}

void
json_seconds(struct json *j, const char *key, uint64_t ns)
{
	write_key(j, key);
	fprintf(j->to, "%" PRIu64 ".%09" PRIu64, (uint64_t)(ns / CLOCK_SECOND),
	    (uint64_t)(ns % CLOCK_SECOND));
}

void
json_bool(struct json *j, const char *key, bool value)
{
	write_key(j, key);
	fputs(value ? "true" : "false", j->to);
}

void
json_null(struct json *j, const char *key)
{
	write_key(j, key);
	fputs("null", j->to);
}

void
json_line(struct json *j)
{
	fputc('\n', j->to);
	j->comma = false;
}
