/* A line of the access log. */
#include "logline.h"

#include <stdlib.h>
#include <string.h>

#include "addrtext.h"

static const struct field_name {
	const char	*key;		/* in JSON */
	bool		 number;
	bool		 of_rule;	/* in the object "rule" */
} logline_keys[LOGLINE_FIELDS] = {
	[FIELD_TIME] = { "time", false, false },
	[FIELD_EVENT] = { "event", false, false },
	[FIELD_CLIENT] = { "client", false, false },
	[FIELD_ID] = { "id", true, false },
	[FIELD_NAME] = { "name", false, false },
	[FIELD_TYPE] = { "type", false, false },
	[FIELD_FILE] = { "file", false, true },
	[FIELD_LINE] = { "line", true, true },
	[FIELD_UPSTREAM] = { "upstream", false, false },
	[FIELD_RCODE] = { "rcode", false, false },
	[FIELD_LATENCY] = { "latency_ms", true, false },
	[FIELD_ADDRESS] = { "address", false, false },
	[FIELD_PROTOCOL] = { "protocol", false, false },
	[FIELD_PORT] = { "port", true, false },
	[FIELD_TTL] = { "ttl", true, false },
	[FIELD_TEXT] = { "text", false, false }
};

/* As serve/accesslog.c writes them. */
static const struct logline_event {
	const char	*name, *arrow;
	enum logline_kind kind;
} logline_events[] = {
	{ "forward", "->", LOGLINE_ASKED },
	{ "resolve", "~>", LOGLINE_ASKED },
	{ "refuse", "|>", LOGLINE_REFUSED },
	{ "local", "|>", LOGLINE_STATIC },
	{ "bad_query", "!>", LOGLINE_FAILED },
	{ "grant", "<-", LOGLINE_GRANTED },
	{ "pass", "<~", LOGLINE_RESOLVED },
	{ "bad_answer", "<!", LOGLINE_FAILED },
	{ "audit", "?>", LOGLINE_AUDITED }
};

#define NEVENTS	(sizeof(logline_events) / sizeof(logline_events[0]))

/* --- values --- */

static bool
is_number(const char *text, unsigned long max)
{
	size_t digits = strspn(text, "0123456789");

	return (digits > 0 && digits <= 10 && text[digits] == '\0' &&
	    strtoul(text, NULL, 10) <= max);
}

static bool
is_logged_address(const char *text)
{
	struct addr a;

	return (addr_parse(text, strlen(text), &a) == 0);
}

/* What both forms have to keep. */
static bool
has_good_values(struct logline *l)
{
	const char *const *f = l->fields;

	return (f[FIELD_CLIENT] != NULL && f[FIELD_ID] != NULL &&
	    addr_parse(f[FIELD_CLIENT], strlen(f[FIELD_CLIENT]),
	    &l->client) == 0 &&
	    is_number(f[FIELD_ID], UINT16_MAX) &&
	    (f[FIELD_NAME] == NULL || strchr(f[FIELD_NAME], ' ') == NULL) &&
	    (f[FIELD_ADDRESS] == NULL || is_logged_address(f[FIELD_ADDRESS])) &&
	    (f[FIELD_PORT] == NULL || is_number(f[FIELD_PORT], UINT16_MAX)) &&
	    (f[FIELD_TTL] == NULL || is_number(f[FIELD_TTL], UINT32_MAX)));
}

static void
set_event(struct logline *l, const struct logline_event *event)
{
	l->fields[FIELD_EVENT] = event->name;
	l->arrow = event->arrow;
	l->kind = event->kind;
}

/* --- the text form --- */

/* What stands before the mark, which goes; NULL: there is no such mark. */
static char *
cut_at(char **at, const char *mark)
{
	char *start = *at, *end = strstr(start, mark);

	if (end == NULL)
		return (NULL);
	*end = '\0';
	*at = end + strlen(mark);
	return (start);
}

/* NAME, which may be missing. */
static const char *
name_or_null(const char *text)
{
	return (*text == '\0' ? NULL : text);
}

/* NAME [ADDRESS]:PROTO:PORT TTL:N */
static bool
parse_logged_grant(char *rest, const char **f)
{
	f[FIELD_NAME] = cut_at(&rest, " [");
	f[FIELD_ADDRESS] = f[FIELD_NAME] == NULL ? NULL : cut_at(&rest, "]:");
	f[FIELD_PROTOCOL] = f[FIELD_ADDRESS] == NULL ? NULL :
	    cut_at(&rest, ":");
	f[FIELD_PORT] = f[FIELD_PROTOCOL] == NULL ? NULL :
	    cut_at(&rest, " TTL:");
	f[FIELD_TTL] = rest;
	return (f[FIELD_PORT] != NULL &&
	    (strcmp(f[FIELD_PROTOCOL], "TCP") == 0 ||
	    strcmp(f[FIELD_PROTOCOL], "UDP") == 0));
}

/* What comes behind "[ID] ". */
static bool
parse_behind_id(struct logline *l, char *rest)
{
	const char **f = l->fields;
	char *name;

	switch (l->kind) {
	case LOGLINE_GRANTED:
		return (parse_logged_grant(rest, f));
	case LOGLINE_FAILED:
		f[FIELD_TEXT] = rest;
		return (true);
	case LOGLINE_REFUSED:
		if ((name = cut_at(&rest, " = ")) != NULL) {
			set_event(l, &logline_events[3]);
			f[FIELD_ADDRESS] = rest;
			rest = name;
		}
		f[FIELD_NAME] = name_or_null(rest);
		return (true);
	case LOGLINE_ASKED:
	case LOGLINE_AUDITED:
		f[FIELD_NAME] = name_or_null(rest);
		return (true);
	case LOGLINE_RESOLVED:
	case LOGLINE_STATIC:
	case LOGLINE_OTHER:
	case LOGLINE_KINDS:
		break;
	}
	return (false);
}

static bool
parse_text(struct logline *l)
{
	char *rest = l->text, *arrow;
	size_t i;

	l->fields[FIELD_CLIENT] = cut_at(&rest, " ");
	if (l->fields[FIELD_CLIENT] == NULL ||
	    (arrow = cut_at(&rest, " [")) == NULL)
		return (false);
	for (i = 0; i < NEVENTS; i++)
		if (strcmp(arrow, logline_events[i].arrow) == 0)
			break;
	if (i == NEVENTS ||
	    (l->fields[FIELD_ID] = cut_at(&rest, "]")) == NULL)
		return (false);
	set_event(l, &logline_events[i]);
	if (l->kind == LOGLINE_RESOLVED)
		return (*rest == '\0');
	return (*rest == ' ' && parse_behind_id(l, rest + 1));
}

/* --- the JSON form, as far as dnsfw writes it --- */

/* A string at *at, without its escapes; NULL: there is none. */
static char *
take_json_string(char **at)
{
	char *p = *at, *start, *out;

	if (*p++ != '"')
		return (NULL);
	for (start = out = p; *p != '"'; p++) {
		if (*p == '\\' && *++p != '"' && *p != '\\')
			return (NULL);
		if (*p == '\0')
			return (NULL);
		*out++ = *p;
	}
	*at = p + 1;
	*out = '\0';
	return (start);
}

static void
keep_field(struct logline *l, const char *key, bool of_rule, bool number,
    const char *value)
{
	size_t i;

	/* What there is no place for, another version may say. */
	for (i = 0; i < LOGLINE_FIELDS; i++)
		if (strcmp(logline_keys[i].key, key) == 0 &&
		    logline_keys[i].of_rule == of_rule &&
		    logline_keys[i].number == number)
			l->fields[i] = value;
}

static bool take_json_rule(struct logline *, char **at);

/* "key":value, and the "," or "}" behind it into *end. */
static bool
take_member(struct logline *l, char **at, bool of_rule, char *end)
{
	char *p = *at, *value = NULL;
	const char *key = take_json_string(&p);
	bool number = false;

	if (key == NULL || *p++ != ':')
		return (false);
	if (*p == '"') {
		if ((value = take_json_string(&p)) == NULL)
			return (false);
	} else if (*p == '{') {
		if (of_rule || strcmp(key, "rule") != 0 || !take_json_rule(l, &p))
			return (false);
	} else {
		number = true;
		value = p;
		p += strspn(p, "0123456789.");
		if (p == value)
			return (false);
	}
	*end = *p;
	if (*end != ',' && *end != '}')
		return (false);
	*p = '\0';
	*at = p + 1;
	if (value != NULL)
		keep_field(l, key, of_rule, number, value);
	return (true);
}

static bool
take_members(struct logline *l, char **at, bool of_rule)
{
	char end;

	if (*(*at)++ != '{')
		return (false);
	do {
		if (!take_member(l, at, of_rule, &end))
			return (false);
	} while (end == ',');
	return (true);
}

static bool
take_json_rule(struct logline *l, char **at)
{
	return (take_members(l, at, true));
}

static bool
parse_json(struct logline *l)
{
	char *at = l->text;
	size_t i;

	if (!take_members(l, &at, false) || *at != '\0' ||
	    l->fields[FIELD_EVENT] == NULL)
		return (false);
	for (i = 0; i < NEVENTS; i++)
		if (strcmp(l->fields[FIELD_EVENT], logline_events[i].name) == 0)
			break;
	if (i == NEVENTS)
		return (false);
	set_event(l, &logline_events[i]);
	return (true);
}

/* --- a line --- */

void
logline_parse(const char *line, size_t len, struct logline *out)
{
	size_t i;

	out->kind = LOGLINE_OTHER;
	for (i = 0; i < len; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			return;
	memcpy(out->text, line, len);
	out->text[len] = '\0';
	memset(out->fields, 0, sizeof(out->fields));
	out->json = out->text[0] == '{';
	if (!(out->json ? parse_json(out) : parse_text(out)) ||
	    !has_good_values(out))
		out->kind = LOGLINE_OTHER;
}

const char *
logline_field(const struct logline *l, enum logline_field field)
{
	return (l->fields[field] == NULL ? "" : l->fields[field]);
}

const char *
logline_key(enum logline_field field, bool *number)
{
	*number = logline_keys[field].number;
	return (logline_keys[field].key);
}
