/*
 * dnsfwctl doctor: does anything go around dnsfw, and is it set up right (U10)?
 * What is asked of the kernel, nft and iptables-save tell; nothing is changed.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../ctl.h"
#include "../list.h"
#include "../usage.h"
#include "around.h"
#include "command.h"
#include "doh.h"
#include "host.h"
#include "listeners.h"
#include "nft.h"
#include "powers.h"
#include "quic.h"
#include "run.h"
#include "served.h"
#include "settings.h"
#include "world.h"
#include "xt.h"

struct doctor {
	bool		json;
	struct settings	settings;
	struct findings	findings;
	struct list	list;
	struct model	model;
	struct ways_world world;
	struct command	again;
};

static bool
read_doctor_options(struct doctor *d, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "config", required_argument, NULL, 'C' },
		{ "acl", required_argument, NULL, 'a' },
		{ "control", required_argument, NULL, 'c' },
		{ "firewall", required_argument, NULL, 'f' },
		{ "chain", required_argument, NULL, 'h' },
		{ "table", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 }
	};
	struct settings *s = &d->settings;
	int ch;

	while ((ch = usage_option(argc, argv, "", options)) != -1) {
		if (ch == 'j')
			d->json = true;
		else if (ch == 'C')
			s->config = optarg;
		else if (ch == 'a')
			s->acl = optarg;
		else if (ch == 'c')
			s->control = optarg;
		else if (ch == 'f')
			s->backend = optarg;
		else if (ch == 'h')
			s->chain = optarg;
		else if (ch == 't')
			s->table = optarg;
		else
			return (false);
	}
	return (argc == optind);
}

/* --- the list --- */

static void
count_error(void *arg, struct list *l, unsigned int line, unsigned int column,
    const char *text)
{
	struct doctor *d = arg;
	struct command mend = { .len = 0 };

	(void)column;
	command_add(&mend, "dnsfwctl check");
	command_word(&mend, l->path);
	findings_add(&d->findings, ERROR, "list-wrong", command_text(&mend),
	    "%s:%u: %s: dnsfw does not take the list", l->path, line, text);
}

static const struct list *
load_list(struct doctor *d)
{
	if (access(d->settings.acl, R_OK) == -1 ||
	    list_load(&d->list, d->settings.acl, count_error, d) == -1)
		return (NULL);
	return (&d->list);
}

/* --- the firewall --- */

static void
note_result(struct doctor *d, const char *program, enum run_result result)
{
	const bool nft = strcmp(program, "nft") == 0;
	char mend[64] = "";

	if (result == RUN_MISSING)
		snprintf(mend, sizeof(mend), "apt-get install %s", nft ?
		    "nftables" : "iptables");
	else if (result == RUN_FAILED)
		snprintf(mend, sizeof(mend), "%s%s", program, nft ?
		    " list ruleset" : "");
	findings_add(&d->findings, WARNING, "not-seen", mend, "not seen: what "
	    "%s tells of the firewall: %s", program, run_text(result));
}

/* The name of dnsfw's table, if it could be iptables', too; or NULL. */
static const char *
own_table(const struct doctor *d, uint8_t family)
{
	const char *table = d->settings.guard.table;
	const char *word = family == ADDR_V4 ? "ip " : "ip6 ";

	if (table == NULL || strncmp(table, word, strlen(word)) != 0)
		return (NULL);
	return (table + strlen(word));
}

/* Tables of nft that iptables-save has told, as "ip filter". */
struct told {
	char		names[10][16];
	const char	*skip[11];	/* up to NULL */
	size_t		n;
};

static void
add_told(struct told *t, uint8_t family, const char *without, const char *text)
{
	static const char *const tables[] = { "filter", "nat", "mangle", "raw",
	    "security" };
	const char *line, *end;
	size_t i;

	for (line = text; (line = strchr(line, '*')) != NULL; line = end) {
		end = line + strcspn(line, "\n");
		if (line != text && line[-1] != '\n')
			continue;
		for (i = 0; i < 5 && t->n < 10; i++) {
			if (strlen(tables[i]) != (size_t)(end - line - 1) ||
			    strncmp(line + 1, tables[i], strlen(tables[i])) !=
			    0 || (without != NULL && strcmp(without,
			    tables[i]) == 0))
				continue;
			snprintf(t->names[t->n], sizeof(t->names[0]), "%s %s",
			    family == ADDR_V4 ? "ip" : "ip6", tables[i]);
			t->skip[t->n] = t->names[t->n];
			t->n++;
		}
	}
}

/*
 * One of iptables-save's kind.  False: it did not run, and what it would have told is
 * dnsfw's own.
 */
static bool
read_saved(struct doctor *d, const char *program, const char *name,
    uint8_t family, const char *without, struct told *told)
{
	static const char *const none[] = { NULL };
	enum run_result result;
	char *text;
	size_t len;

	result = run_program(program, none, &text, &len);
	if (result == RUN_DONE) {
		if (told != NULL)
			add_told(told, family, without, text);
		xt_parse(&d->model, &d->settings.guard, name, family, without,
		    text);
		free(text);
	} else if (told == NULL || result != RUN_MISSING ||
	    d->settings.guard.table == NULL)
		note_result(d, program, result);
	return (result == RUN_DONE || d->settings.guard.table != NULL);
}

/* The older iptables has tables of its own, in the same kernel. */
static bool
has_legacy(const char *path)
{
	char line[64] = "";
	FILE *from = fopen(path, "re");

	if (from == NULL)
		return (false);
	if (fgets(line, sizeof(line), from) == NULL)
		line[0] = '\0';
	fclose(from);
	return (line[0] != '\0');
}

/* False: what is dnsfw's own was not seen. */
static bool
read_firewall(struct doctor *d)
{
	struct told told = { .n = 0 };
	enum run_result result;
	bool seen;

	seen = read_saved(d, "iptables-nft-save", "iptables", ADDR_V4,
	    own_table(d, ADDR_V4), &told);
	seen &= read_saved(d, "ip6tables-nft-save", "ip6tables", ADDR_V6,
	    own_table(d, ADDR_V6), &told);
	result = nft_read(&d->model, &d->settings.guard, told.skip);
	if (result != RUN_DONE)
		note_result(d, "nft", result);
	seen &= result == RUN_DONE || d->settings.guard.table == NULL;
	if (has_legacy("/proc/net/ip_tables_names"))
		(void)read_saved(d, "iptables-legacy-save",
		    "iptables-legacy", ADDR_V4, NULL, NULL);
	if (has_legacy("/proc/net/ip6_tables_names"))
		(void)read_saved(d, "ip6tables-legacy-save",
		    "ip6tables-legacy", ADDR_V6, NULL, NULL);
	return (seen);
}

/* False: what is dnsfw's own in it was not seen, or nothing at all. */
static bool
look_at_firewall(struct doctor *d, const struct list *l)
{
	const bool forwards[2] = { host_forwards(ADDR_V4),
	    host_forwards(ADDR_V6) };
	struct command mend = { .len = 0 };

	world_find(&d->world, &d->settings, l);
	host_look(&d->settings, &d->world, &d->findings);
	if (strcmp(d->settings.backend, "none") == 0)
		return (false);
	if (geteuid() != 0) {
		command_add(&mend, "su -c");
		command_word(&mend, d->findings.again);
		findings_add(&d->findings, NOTE, "not-seen",
		    command_text(&mend), "not seen: the firewall's rules, "
		    "which only root may read");
		return (false);
	}
	d->model.nown = world_own(d->model.own, MODEL_OWN_MAX);
	if (!read_firewall(d))
		return (false);
	around_find(&d->model, &d->settings.guard, &d->world, forwards,
	    &d->findings);
	return (true);
}

/* As it was called; before getopt_long(3) changes the order. */
static void
keep_command(struct doctor *d, int argc, char **argv)
{
	int i;

	command_add(&d->again, "dnsfwctl");
	for (i = 0; i < argc; i++)
		command_word(&d->again, argv[i]);
	d->findings.again = command_text(&d->again);
}

int
doctor_main(int argc, char **argv)
{
	static struct doctor d;
	const struct list *l;
	size_t grave;
	bool seen;

	keep_command(&d, argc, argv);
	if (!read_doctor_options(&d, argc, argv) ||
	    !settings_complete(&d.settings, &d.findings))
		return (usage_wrong(argv[0]));
	l = load_list(&d);
	powers_look(&d.settings, &d.findings);
	seen = look_at_firewall(&d, l);
	if (l != NULL) {
		doh_look(l, &d.findings);
		quic_look(l, &d.findings);
	}
	listeners_look(&d.settings, seen ? &d.model : NULL, &d.world,
	    &d.findings);
	served_look(&d.settings, l, &d.findings);
	grave = findings_print(&d.findings, d.json);
	findings_free(&d.findings);
	model_free(&d.model);
	if (d.list.path != NULL)
		list_free(&d.list);
	return (grave == 0 ? CTL_YES : CTL_NO);
}
