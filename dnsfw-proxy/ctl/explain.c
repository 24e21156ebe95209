/* dnsfwctl explain: what becomes of a question, and by which rules (U4). */
#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/mnemonic.h"
#include "addrtext.h"
#include "ask.h"
#include "ctl.h"
#include "explained.h"
#include "json.h"
#include "list.h"
#include "opened.h"
#include "outcome.h"
#include "usage.h"

#define QUESTION_MAX	2048	/* octets of a question on standard input */

#define TOO_MANY	4	/* words of a question */

struct explain {
	bool		 json;
	struct clients_nets nets;
	struct list	 list;
	const char	*control;	/* where dnsfw is asked, or NULL */
	struct opened	 opened;
};

/* --- the question --- */

/* Returns what is wrong, or NULL. */
static const char *
read_question(const char *client, const char *name, const char *type,
    struct outcome_question *q)
{
	size_t at;

	if (addr_parse(client, strlen(client), &q->client) == -1)
		return ("expected a client: an IPv4 or IPv6 address");
	addr_unmap(&q->client);
	if (strcmp(name, ".") == 0)
		q->name = (struct dns_name){ .len = 1 };
	else if (dns_name_parse(name, strlen(name), &q->name, &at) != DNS_OK)
		return ("expected a domain name");
	if (!dns_type_parse(type, &q->type))
		return ("expected a type, like A, AAAA or TYPE65");
	return (NULL);
}

/* --- one question, or many --- */

/* client NULL: for all there will be. */
static void
ask_running(struct explain *e, const struct addr *client)
{
	const struct opened *o = &e->opened;

	if (e->control == NULL)
		return;
	opened_ask(&e->opened, e->control, client);
	if (e->json)
		return;
	if (!o->known)
		warnx("by the file alone: %s", o->why);
	else if (o->sum != e->list.sum)
		warnx("%s: it is not the list in force: another file, or "
		    "changed since it was loaded; the decision is that of the "
		    "file", e->list.path);
}

/* Returns an exit status: is anything resolved or answered? */
static int
explain_question(const struct explain *e, const struct outcome_question *q)
{
	static struct outcome o;
	const struct explained found = { .list = &e->list,
	    .opened = &e->opened, .q = q, .o = &o };

	outcome_find(&e->list, &e->nets, q, &o);
	if (e->json)
		explained_json(&found);
	else
		explained_text(&found);
	return (o.kind == OUTCOME_REFUSE ? CTL_NO : CTL_YES);
}

static void
json_error(unsigned int number, const char *wrong)
{
	struct json j = { .to = stdout };

	json_begin(&j, NULL, '{');
	json_number(&j, "line", number);
	json_text(&j, "error", wrong);
	json_end(&j, '}');
	json_line(&j);
}

/*
 * The next line, without its end; false: there is none.  One that is too long, or
 * has a NUL, cannot be a question.
 */
static bool
read_question_line(char line[QUESTION_MAX], bool *can_be)
{
	size_t n = 0;
	int c;

	*can_be = true;
	while ((c = getchar()) != '\n' && c != EOF) {
		if (c == '\0' || n == QUESTION_MAX - 1)
			*can_be = false;
		else
			line[n++] = (char)c;
	}
	line[n] = '\0';
	return (c != EOF || n > 0 || !*can_be);
}

/* Lines of "CLIENT NAME [TYPE]": one object for each, also for a bad one. */
static int
answer_lines(struct explain *e)
{
	char line[QUESTION_MAX], client[QUESTION_MAX], name[QUESTION_MAX];
	char type[QUESTION_MAX], more[QUESTION_MAX];
	struct outcome_question q;
	const char *wrong;
	unsigned int number;
	int n, status = CTL_YES;
	bool can_be;

	e->json = true;
	ask_running(e, NULL);
	for (number = 1; read_question_line(line, &can_be); number++) {
		n = can_be ? sscanf(line, "%s %s %s %s", client, name, type,
		    more) : TOO_MANY;
		if (n <= 0 || line[0] == '#')
			continue;
		wrong = n == 1 || n == TOO_MANY ? "expected CLIENT NAME [TYPE]" :
		    read_question(client, name, n == 3 ? type : "A", &q);
		if (wrong == NULL) {
			(void)explain_question(e, &q);
			continue;
		}
		json_error(number, wrong);
		status = CTL_NO;
	}
	return (status);
}

static void
warn_of_error(void *arg, struct list *l, unsigned int line, unsigned int column,
    const char *text)
{
	const char *file = list_place(l, &line);

	(void)arg;
	warnx("%s:%u:%u: %s", file, line, column, text);
}

static int
answer_arguments(struct explain *e, int argc, char **argv)
{
	struct outcome_question q;
	const char *wrong;

	wrong = read_question(argv[0], argv[1], argc == 3 ? argv[2] : "A", &q);
	if (wrong != NULL) {
		warnx("%s", wrong);
		return (usage_wrong("explain"));
	}
	ask_running(e, &q.client);
	return (explain_question(e, &q));
}

int
explain_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "control", required_argument, NULL, 'c' },
		{ "acl", required_argument, NULL, 'a' },
		{ "client-net", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 }
	};
	static struct explain e;
	const char *path = NULL;
	bool lines;
	int ch, status;

	while ((ch = usage_option(argc, argv, "", options)) != -1) {
		if (ch == 'j')
			e.json = true;
		else if (ch == 'c')
			e.control = optarg;
		else if (ch == 'a')
			path = optarg;
		else if (ch != 'n' || clients_add(&e.nets, optarg) == -1)
			return (usage_wrong("explain"));
	}
	argc -= optind;
	argv += optind;
	lines = argc == 1 && strcmp(argv[0], "-") == 0;
	if (!lines && argc != 2 && argc != 3)
		return (usage_wrong("explain"));
	/* Of another file, only who says so wants to know what is open. */
	if (e.control == NULL && path == NULL)
		e.control = ASK_PATH_DEFAULT;
	if (path == NULL)
		path = CTL_ACL_DEFAULT;
	status = CTL_NO;
	if (list_load(&e.list, path, warn_of_error, NULL) == 0)
		status = lines ? answer_lines(&e) :
		    answer_arguments(&e, argc, argv);
	opened_free(&e.opened);
	list_free(&e.list);
	return (status);
}
