/* dnsfwctl explain: what becomes of a question, and by which rules (U4). */
#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/mnemonic.h"
#include "addrtext.h"
#include "ctl.h"
#include "json.h"
#include "list.h"
#include "outcome.h"
#include "usage.h"

#define QUESTION_MAX	2048	/* octets of a question on standard input */

#define TOO_MANY	4	/* words of a question */

struct explain {
	bool		 json;
	struct clients_nets nets;
	struct list	 list;
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

/* --- the outcome as text --- */

#define OTHER_TEXT_MAX	(ADDR_TEXT_MAX + 4)

static bool
is_network(const struct outcome_other *other)
{
	return (other->net.prefix < addr_len(other->net.base.family) * 8);
}

static const char *
proto_text(uint8_t proto)
{
	return (proto == IPPROTO_UDP ? "udp" : "tcp");
}

static void
print_ports(const struct acl_port *ports, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		printf("%s%s:%u", i == 0 ? "" : ", ",
		    proto_text(ports[i].proto), ports[i].port);
}

static const char *
other_text(const struct outcome_other *other, char text[OTHER_TEXT_MAX])
{
	char address[ADDR_TEXT_MAX];

	snprintf(text, OTHER_TEXT_MAX, "%s%s",
	    addr_print(&other->net.base, address), is_network(other) ?
	    "/64" : "");
	return (text);
}

/* What other addresses of the host get of the answer. */
static void
print_others(const struct outcome *o)
{
	const struct outcome_other *other, *end = o->others + o->nothers;
	char text[OTHER_TEXT_MAX];

	for (other = o->others; other < end; other++) {
		printf("    %s, of the same host%s: ", other_text(other, text),
		    is_network(other) ? ", where it has asked from" : "");
		print_ports(other->ports, other->nports);
		printf("%s\n", other->nports == 0 ? "nothing" : "");
	}
}

static const char *
effect_text(const struct outcome_rule *r)
{
	return (r->hidden ? "hidden by that" : !r->blocks ? "allows" :
	    r->decides ? "blocks" : "hides what follows");
}

static void
print_rules(const struct explain *e, const struct outcome *o)
{
	const struct list *l = &e->list;
	const struct outcome_rule *r;
	const char *text, *file;
	uint32_t line;
	size_t i, len;

	for (i = 0; i < o->nrules; i++) {
		r = &o->rules[i];
		line = r->rule->line;
		file = list_place(l, &line);
		len = list_text(r->rule, &text);
		printf("    %s:%u: %.*s  (%s)\n", file, line, (int)len, text, effect_text(r));
	}
	if (o->more)
		printf("    and more\n");
}

static void
print_as_text(const struct explain *e, const struct outcome_question *q,
    const struct outcome *o)
{
	char client[ADDR_TEXT_MAX], local[ADDR_TEXT_MAX];
	char name[DNS_NAME_TEXT_MAX], type[DNS_MNEMONIC_SIZE];

	dns_name_print(&q->name, name);
	printf("%s %s %s: ", addr_print(&q->client, client), name,
	    dns_type_print(q->type, type));
	switch (o->kind) {
	case OUTCOME_GRANT:
		printf("resolved, and granted: ");
		print_ports(o->d.acl.ports, o->d.acl.nports);
		break;
	case OUTCOME_RESOLVE:
		printf("resolved, nothing granted");
		break;
	case OUTCOME_STATIC:
		printf("answered with %s", o->empty ? "nothing" :
		    addr_print(&o->d.acl.local, local));
		break;
	case OUTCOME_REFUSE:
		printf("refused");
		break;
	}
	printf("%s%s\n", o->why == NULL ? "" : ": ", o->why == NULL ? "" :
	    o->why);
	print_rules(e, o);
	print_others(o);
}

/* --- the outcome as JSON --- */

static void
json_rules(struct json *j, const struct list *l, const struct outcome *o,
    const char *key, bool hidden)
{
	const struct outcome_rule *r;
	const char *text;
	uint32_t line;
	size_t i, len;

	json_begin(j, key, '[');
	for (i = 0; i < o->nrules; i++) {
		r = &o->rules[i];
		if (r->hidden != hidden)
			continue;
		len = list_text(r->rule, &text);
		json_begin(j, NULL, '{');
		line = r->rule->line;
		json_text(j, "file", list_place(l, &line));
		json_number(j, "line", line);
		json_bytes(j, "text", text, len);
		if ((len = list_comment(r->rule, &text)) > 0)
			json_bytes(j, "comment", text, len);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void
json_allow(struct json *j, const struct acl_port *ports, unsigned int n)
{
	char port[sizeof("tcp:65535")];
	unsigned int i;

	json_begin(j, "allow", '[');
	for (i = 0; i < n; i++) {
		snprintf(port, sizeof(port), "%s:%u",
		    proto_text(ports[i].proto), ports[i].port);
		json_text(j, NULL, port);
	}
	json_end(j, ']');
}

static void
json_others(struct json *j, const struct outcome *o)
{
	const struct outcome_other *other, *end = o->others + o->nothers;
	char text[OTHER_TEXT_MAX];

	json_begin(j, "host", '[');
	for (other = o->others; other < end; other++) {
		json_begin(j, NULL, '{');
		json_text(j, "client", other_text(other, text));
		json_allow(j, other->ports, other->nports);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void
print_as_json(const struct explain *e, const struct outcome_question *q,
    const struct outcome *o)
{
	static const char *const outcomes[] = {
		[OUTCOME_GRANT] = "grant", [OUTCOME_RESOLVE] = "resolve",
		[OUTCOME_REFUSE] = "refuse", [OUTCOME_STATIC] = "static"
	};
	char text[DNS_NAME_TEXT_MAX], address[ADDR_TEXT_MAX];
	struct json j = { .to = stdout };

	json_begin(&j, NULL, '{');
	json_text(&j, "client", addr_print(&q->client, address));
	dns_name_print(&q->name, text);
	json_text(&j, "name", text);
	json_text(&j, "type", dns_type_print(q->type, text));
	json_text(&j, "decision", outcomes[o->kind]);
	json_allow(&j, o->d.acl.ports, o->kind == OUTCOME_GRANT ?
	    o->d.acl.nports : 0);
	if (o->kind == OUTCOME_STATIC && !o->empty)
		json_text(&j, "address", addr_print(&o->d.acl.local, address));
	else
		json_null(&j, "address");
	if (o->why == NULL)
		json_null(&j, "reason");
	else
		json_text(&j, "reason", o->why);
	json_rules(&j, &e->list, o, "rules", false);
	json_rules(&j, &e->list, o, "hidden", true);
	json_others(&j, o);
	json_end(&j, '}');
	json_line(&j);
}

/* --- one question, or many --- */

/* Returns an exit status: is anything resolved or answered? */
static int
explain_question(const struct explain *e, const struct outcome_question *q)
{
	static struct outcome o;

	outcome_find(&e->list, &e->nets, q, &o);
	if (e->json)
		print_as_json(e, q, &o);
	else
		print_as_text(e, q, &o);
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

/* What is too long cannot be a question: as if too much were there. */
static int
skip_line(void)
{
	int c;

	while ((c = getchar()) != '\n' && c != EOF)
		;
	return (TOO_MANY);
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

	e->json = true;
	for (number = 1; fgets(line, sizeof(line), stdin) != NULL; number++) {
		n = sscanf(line, "%s %s %s %s", client, name, type, more);
		if (strchr(line, '\n') == NULL && !feof(stdin))
			n = skip_line();
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
	if (wrong == NULL)
		return (explain_question(e, &q));
	warnx("%s", wrong);
	return (usage_wrong("explain"));
}

int
explain_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "acl", required_argument, NULL, 'a' },
		{ "client-net", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 }
	};
	static struct explain e;
	const char *path = CTL_ACL_DEFAULT;
	bool lines;
	int ch, status;

	while ((ch = usage_option(argc, argv, "", options)) != -1) {
		if (ch == 'j')
			e.json = true;
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
	status = CTL_NO;
	if (list_load(&e.list, path, warn_of_error, NULL) == 0)
		status = lines ? answer_lines(&e) :
		    answer_arguments(&e, argc, argv);
	list_free(&e.list);
	return (status);
}
