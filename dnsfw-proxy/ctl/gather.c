/* Where what clients want is learned. */
#include "gather.h"

#include <netinet/in.h>

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "ctl.h"
#include "lines.h"
#include "logline.h"

/* --- a dnsfw that runs --- */

struct asked {
	struct wants	*wants;
	time_t		 now;
};

static void
take_seen_name(void *arg, const void *record)
{
	struct control_seen s = *(const struct control_seen *)record;
	const struct asked *a = arg;
	struct addr client = { .family = s.family };
	struct want *p;
	unsigned int i;

	s.name[sizeof(s.name) - 1] = '\0';
	memcpy(client.bytes, s.client, sizeof(client.bytes));
	if ((p = wants_of(a->wants, &client, s.name)) == NULL)
		return;
	for (i = 0; i < s.nports && i < CONTROL_PORTS; i++)
		want_add(p, WANTS_PORT(s.ports[i].proto, s.ports[i].port));
	p->more |= s.more != 0;
	p->resolve |= s.other != 0;
	p->unknown |= s.addresses != 0;
	want_count(p, s.count, a->now - (time_t)s.first,
	    a->now - (time_t)s.last);
}

int
gather_live(struct wants *w, const char *control, uint32_t *lost)
{
	struct asked a = { .wants = w, .now = time(NULL) };
	struct control_end end;

	if (ask(control, CONTROL_SEEN, NULL, CONTROL_SEEN_NAME, take_seen_name,
	    &a, &end) == -1)
		return (CTL_NO);
	if (end.code != CONTROL_OK) {
		warnx("%s", ask_strcode(end.code));
		return (CTL_NO);
	}
	*lost = end.count;
	return (CTL_YES);
}

/* --- a log --- */

/*
 * The last question of a client and id.  What hashes to the same place takes it: of
 * 4,096 under way at once some lose their answers' lines.
 */
#define OPEN_MAX	16384
#define NAME_MAX_LEN	256	/* what is longer is none of a list */

struct opened {
	struct addr	client;		/* family 0: none */
	uint16_t	id;
	bool		counted;
	char		name[NAME_MAX_LEN];
};

struct reading {
	struct wants	*wants;
	struct logline	 line;
};

/* A question at the end of a file has its answer in the next one. */
static struct opened log_questions[OPEN_MAX];

static struct opened *
open_place(const struct addr *client, uint16_t id)
{
	uint32_t hash = id;
	size_t i;

	for (i = 0; i < sizeof(client->bytes); i++)
		hash = hash * 31 + client->bytes[i];
	return (&log_questions[hash % OPEN_MAX]);
}

/* Only the JSON form says when; 0: not known. */
static time_t
time_of(const struct logline *l)
{
	struct tm tm = { .tm_isdst = 0 };

	if (strptime(logline_field(l, FIELD_TIME), "%Y-%m-%dT%H:%M:%S",
	    &tm) == NULL)
		return (0);
	return (timegm(&tm));
}

/* Only the JSON form says that, too; then a type of addresses is as likely. */
static bool
is_for_addresses(const char *type)
{
	return (*type == '\0' || strcmp(type, "A") == 0 ||
	    strcmp(type, "AAAA") == 0 || strcmp(type, "HTTPS") == 0 ||
	    strcmp(type, "SVCB") == 0);
}

/* Keys of zones need no rule (D17). */
static bool
is_for_keys(const char *type)
{
	return (strcmp(type, "DS") == 0 || strcmp(type, "DNSKEY") == 0);
}

/* An answer with or without a grant, to a question for that name. */
static void
note_answer(struct reading *r, const char *name, bool *counted)
{
	const struct logline *l = &r->line;
	const char *type = logline_field(l, FIELD_TYPE);
	uint16_t port = (uint16_t)strtoul(logline_field(l, FIELD_PORT), NULL,
	    10);
	time_t when = time_of(l);
	struct want *p;

	if (is_for_keys(type) ||
	    (p = wants_of(r->wants, &l->client, name)) == NULL)
		return;
	want_count(p, !*counted, when, when);
	*counted = true;
	if (!is_for_addresses(type))
		p->resolve = true;
	else
		p->unknown = true;
	if (l->kind == LOGLINE_GRANTED && port != 0)
		want_add(p, WANTS_PORT(strcmp(logline_field(l, FIELD_PROTOCOL),
		    "UDP") == 0 ? IPPROTO_UDP : IPPROTO_TCP,
		    port));
}

static void
begin_question(struct reading *r, struct opened *o, uint16_t id)
{
	const char *name = logline_field(&r->line, FIELD_NAME);

	o->client = r->line.client;
	o->id = id;
	o->counted = false;
	/* Cut, it would be another name. */
	strcpy(o->name, strlen(name) < sizeof(o->name) ? name : "?");
}

static void
take_logged(void *arg, const char *text, size_t len)
{
	struct reading *r = arg;
	struct logline *l = &r->line;
	struct opened *o;
	uint16_t id;
	bool is_open, first = false;

	logline_parse(text, len, l);
	if (l->kind == LOGLINE_OTHER)
		return;
	id = (uint16_t)strtoul(l->fields[FIELD_ID], NULL, 10);
	o = open_place(&l->client, id);
	is_open = o->id == id && addr_equal(&o->client, &l->client);
	if (l->kind == LOGLINE_ASKED || l->kind == LOGLINE_AUDITED)
		begin_question(r, o, id);
	else if (l->kind != LOGLINE_GRANTED && l->kind != LOGLINE_RESOLVED) {
		/* It ends without an answer, or was none that waited. */
		if (is_open && l->arrow[0] == '<')
			o->client.family = 0;
	} else if (l->fields[FIELD_NAME] != NULL)
		note_answer(r, l->fields[FIELD_NAME], is_open ? &o->counted :
		    &first);
	else if (is_open && o->name[0] != '\0')
		note_answer(r, o->name, &o->counted);
}

int
gather_log(struct wants *w, const char *path)
{
	static struct reading r;
	int fd = STDIN_FILENO, rc = -1;

	r.wants = w;
	if (strcmp(path, "-") == 0 ||
	    (fd = open(path, O_RDONLY | O_CLOEXEC)) != -1)
		rc = lines_read(fd, take_logged, &r);
	if (rc == -1)
		warn("cannot read the log \"%s\"", path);
	if (fd != -1 && fd != STDIN_FILENO)
		close(fd);
	return (rc == 0 ? CTL_YES : CTL_NO);
}
