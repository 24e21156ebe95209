/* Which lines of the access log are wanted. */
#include "logfilter.h"

#include <stdlib.h>
#include <string.h>

static const char *const kind_names[LOGLINE_KINDS] = {
	[LOGLINE_OTHER] = "other", [LOGLINE_ASKED] = "asked",
	[LOGLINE_GRANTED] = "granted", [LOGLINE_RESOLVED] = "resolved",
	[LOGLINE_REFUSED] = "refused", [LOGLINE_STATIC] = "static",
	[LOGLINE_FAILED] = "failed", [LOGLINE_AUDITED] = "audited"
};

int
logfilter_add_kinds(struct logfilter *f, const char *text)
{
	size_t i, len;

	for (;; text += len + 1) {
		len = strcspn(text, ",");
		for (i = 0; i < LOGLINE_KINDS; i++)
			if (strlen(kind_names[i]) == len &&
			    memcmp(kind_names[i], text, len) == 0)
				break;
		if (i == LOGLINE_KINDS)
			return (-1);
		f->kinds |= 1U << i;
		if (text[len] == '\0')
			return (0);
	}
}

/* --- questions for the name --- */

/*
 * The last question of a client and id that was for the name.  What hashes to the
 * same place takes it: of 4,096 under way at once some lose their answers' lines.
 */
#define OPEN_PLACES	16384

static struct open_question {
	struct addr	client;		/* family 0: none */
	uint16_t	id;
} open_questions[OPEN_PLACES];

static uint16_t
id_of(const struct logline *l)
{
	return ((uint16_t)strtoul(l->fields[FIELD_ID], NULL, 10));
}

static struct open_question *
question_place(const struct logline *l)
{
	uint32_t hash = id_of(l);
	size_t i;

	for (i = 0; i < sizeof(l->client.bytes); i++)
		hash = hash * 31 + l->client.bytes[i];
	return (&open_questions[hash % OPEN_PLACES]);
}

static bool
is_open_at(const struct open_question *q, const struct logline *l)
{
	return (q->id == id_of(l) && addr_equal(&q->client, &l->client));
}

/* --- the name --- */

/* The log has names with a final dot. */
static bool
has_name(const char *name, const char *wanted)
{
	bool wildcard = strncmp(wanted, "*.", 2) == 0;
	size_t len, wanted_len;

	wanted += wildcard;
	len = strlen(name);
	wanted_len = strlen(wanted);
	len -= len > 1 && name[len - 1] == '.';
	wanted_len -= wanted_len > 1 && wanted[wanted_len - 1] == '.';
	if (wildcard ? len <= wanted_len : len != wanted_len)
		return (false);
	return (strncasecmp(name + len - wanted_len, wanted, wanted_len) == 0);
}

/* The line is of the name, or of a question for it. */
static bool
is_of_name(const char *wanted, const struct logline *l)
{
	struct open_question *q = question_place(l);
	bool asks, is_it, was_open = is_open_at(q, l);

	if (l->fields[FIELD_NAME] == NULL && l->arrow[0] == '<') {
		/* The last line of a question: other questions may come. */
		if (was_open)
			q->client.family = 0;
		return (was_open);
	}
	is_it = l->fields[FIELD_NAME] != NULL &&
	    has_name(l->fields[FIELD_NAME], wanted);
	asks = l->kind == LOGLINE_ASKED || l->kind == LOGLINE_AUDITED;
	if (asks && is_it)
		*q = (struct open_question){ .client = l->client,
		    .id = id_of(l) };
	else if (asks && was_open)
		q->client.family = 0;
	return (is_it);
}

bool
logfilter_wants(const struct logfilter *f, const struct logline *l)
{
	if (l->kind == LOGLINE_OTHER)
		return ((f->kinds == 0 && f->client.base.family == 0 &&
		    f->name == NULL) ||
		    (f->kinds & 1U << LOGLINE_OTHER) != 0);
	if (f->client.base.family != 0 && !addr_in_net(&l->client, &f->client))
		return (false);
	if (f->name != NULL && !is_of_name(f->name, l))
		return (false);
	return (f->kinds == 0 || (f->kinds & 1U << l->kind) != 0);
}
