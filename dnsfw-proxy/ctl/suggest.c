/* dnsfwctl suggest: a list of what clients were seen to want (U9). */
#include <netinet/in.h>

#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../acl/decide.h"
#include "../dns/name.h"
#include "ask.h"
#include "ctl.h"
#include "gather.h"
#include "list.h"
#include "needs.h"
#include "propose.h"
#include "suffix.h"
#include "usage.h"
#include "wants.h"
#include "wildcards.h"

#define GROUPS_MAX	1024	/* of a list, as dnsfw.acl(5) has it */
#define LEAST_MIN	2	/* names for a wildcard */
#define LEAST_MAX	1000000

struct suggest {
	const char	*control;
	const char	*merge;		/* a list, or NULL */
	size_t		 least;		/* names for a wildcard; 0: never */
	uint32_t	 ports[WANTS_PORTS];	/* where none are known */
	size_t		 nports;
	uint32_t	 lost;
	struct wants	 wants;
	struct propose	 propose;
};

/* --- arguments --- */

/* "tcp:443" of len octets; 0: it is none. */
static uint32_t
port_of_text(const char *text, size_t len)
{
	uint32_t proto, port = 0;
	size_t i;

	if (len < 5 || len > 9 || text[3] != ':')
		return (0);
	if (strncasecmp(text, "tcp", 3) == 0)
		proto = IPPROTO_TCP;
	else if (strncasecmp(text, "udp", 3) == 0)
		proto = IPPROTO_UDP;
	else
		return (0);
	for (i = 4; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return (0);
		port = port * 10 + (uint32_t)(text[i] - '0');
	}
	return (port == 0 || port > UINT16_MAX ? 0 : WANTS_PORT(proto, port));
}

static bool
take_ports(struct suggest *s, const char *text)
{
	size_t len;

	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (s->nports == WANTS_PORTS ||
		    (s->ports[s->nports++] = port_of_text(text, len)) == 0) {
			warnx("--ports: \"%.*s\": expected a protocol and a "
			    "port, such as tcp:443, at most %d of them",
			    (int)len, text, WANTS_PORTS);
			return (false);
		}
		if (text[len] == '\0')
			return (true);
	}
}

static bool
take_least(struct suggest *s, const char *text)
{
	char *end;

	s->least = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' ||
	    s->least < LEAST_MIN || s->least > LEAST_MAX) {
		warnx("--wildcards: \"%s\": expected a number from %d on: so "
		    "many names become one wildcard", text, LEAST_MIN);
		return (false);
	}
	if (suffix_known())
		return (true);
	warnx("--wildcards: public suffixes are not known here, and a wildcard "
	    "could be for one");
	return (false);
}

static bool
take_suggest_option(struct suggest *s, int option, const char *value)
{
	switch (option) {
	case 'j':
		s->propose.json = true;
		return (true);
	case 'c':
		s->control = value;
		return (true);
	case 'm':
		s->merge = value;
		return (true);
	case 'w':
		return (take_least(s, value));
	case 'p':
		return (take_ports(s, value));
	default:
		return (false);
	}
}

/* --- the difference to a list --- */

static void
tell_wrong(void *arg, struct list *l, unsigned int line, unsigned int column,
    const char *text)
{
	const char *file = list_place(l, &line);

	(void)arg;
	warnx("%s:%u:%u: %s", file, line, column, text);
}

/* What the list allows already is not wanted; what it blocks is only told. */
static void
compare_with(struct suggest *s, const struct list *l, struct want *p)
{
	struct acl_decision d;
	unsigned int i;
	const char *file;

	acl_decide(l->image, &p->asked, &p->name, &d);
	if (d.verdict == ACL_BLOCK || d.verdict == ACL_LOCAL) {
		file = list_place(l, &d.line);
		propose_blocked(&s->propose, p, file, d.line);
		p->nports = 0;
		p->resolve = p->unknown = false;
	}
	if (d.verdict != ACL_ALLOW)
		return;
	for (i = 0; i < d.nports; i++)
		want_drop(p, WANTS_PORT(d.ports[i].proto, d.ports[i].port));
	p->resolve &= !d.resolve;
	p->unknown = false;
}

/* The number behind the name of a group of ours, or 0: it is none. */
static unsigned int
our_number(const char *at, size_t len)
{
	static const char *const ours[] = { "@clients", "@names" };
	char digits[8] = "";	/* more than a million are left alone */
	size_t i, n;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		n = strlen(ours[i]);
		if (len <= n || strncasecmp(at, ours[i], n) != 0)
			continue;
		len -= n;
		memcpy(digits, at + n, len < sizeof(digits) - 1 ? len :
		    sizeof(digits) - 1);
		return ((unsigned int)strtoul(digits, NULL, 10));
	}
	return (0);
}

/* Groups of the list keep their names: ours have higher numbers, or are fewer. */
static void
pass_over_groups(struct propose *o, const struct texts_file *f)
{
	const char *at = f->text, *end = f->text + f->len;
	unsigned int number;

	for (; f->len > 0 && (at = memchr(at, '@', (size_t)(end - at))) != NULL;
	    at++) {
		/* It may be a rule's: then there are fewer than there could be. */
		if (o->groups_left > 0)
			o->groups_left--;
		number = our_number(at, (size_t)(end - at));
		if (number > o->group && number < 1000000)
			o->group = number;
	}
}

static int
take_difference(struct suggest *s)
{
	struct list l;
	size_t i;

	if (list_load(&l, s->merge, tell_wrong, NULL) == -1) {
		list_free(&l);
		return (CTL_NO);
	}
	for (i = 0; i < s->wants.n; i++)
		compare_with(s, &l, s->wants.at[i]);
	for (i = 0; i < l.texts.nfiles; i++)
		pass_over_groups(&s->propose, &l.texts.files[i]);
	list_free(&l);
	return (CTL_YES);
}

/* --- the command --- */

static int
gather(struct suggest *s, char **paths)
{
	int status = CTL_YES;

	if (*paths == NULL)
		return (gather_live(&s->wants, s->control, &s->lost));
	for (; status == CTL_YES && *paths != NULL; paths++)
		status = gather_log(&s->wants, *paths);
	return (status);
}

static void
say_what_is_missing(const struct suggest *s)
{
	if (s->lost > 0)
		warnx("dnsfw had no room for the names of %u answer%s: they "
		    "are missing", s->lost, s->lost == 1 ? "" : "s");
	if (s->wants.odd > 0)
		warnx("%zu name%s that no list can have %s missing",
		    s->wants.odd, s->wants.odd == 1 ? "" : "s",
		    s->wants.odd == 1 ? "is" : "are");
}

static int
suggest(struct suggest *s, char **paths)
{
	struct needs needs;
	int status = gather(s, paths);

	if (status != CTL_YES)
		return (status);
	say_what_is_missing(s);
	if (s->wants.n == 0) {
		warnx("nothing was observed yet");
		return (CTL_NO);
	}
	wants_settle(&s->wants, s->ports, s->nports);
	if (!s->propose.json)
		printf("# Suggested by dnsfwctl: look it over before it is "
		    "used.\n");
	if (s->merge != NULL && (status = take_difference(s)) != CTL_YES)
		return (status);
	wants_tidy(&s->wants);
	if (s->least > 0)
		wildcards_fold(&s->wants, s->least);
	wants_tidy(&s->wants);
	needs_make(&needs, &s->wants);
	propose_rules(&s->propose, &needs);
	needs_free(&needs);
	return (CTL_YES);
}

int
suggest_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "control", required_argument, NULL, 'c' },
		{ "merge", required_argument, NULL, 'm' },
		{ "wildcards", required_argument, NULL, 'w' },
		{ "ports", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 }
	};
	static struct suggest s = { .control = ASK_PATH_DEFAULT,
	    .propose = { .groups_left = GROUPS_MAX } };
	int ch, status;

	while ((ch = usage_option(argc, argv, "", options)) != -1)
		if (!take_suggest_option(&s, ch, optarg))
			return (usage_wrong(argv[0]));
	/* A wildcard could be walked before a block that the list has. */
	if (s.merge != NULL && s.least > 0) {
		warnx("--merge goes with single names, not with --wildcards");
		return (CTL_USAGE);
	}
	status = suggest(&s, argv + optind);
	wants_free(&s.wants);
	return (status);
}
