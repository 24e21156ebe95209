/* Rules as they are told, and the commands that mend a firewall. */
#include "mend.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "whatif.h"
#include "xtwords.h"

static bool
is_iptables(const char *table)
{
	return (strncmp(table, "iptables", 8) == 0 ||
	    strncmp(table, "ip6tables", 9) == 0);
}

/* "iptables -t mangle", of the table "iptables mangle". */
static void
add_program(struct command *c, const char *table)
{
	size_t len = strcspn(table, " ");

	command_add(c, "%.*s", (int)len, table);
	if (table[len] == '\0' || strcmp(table + len, " filter") == 0)
		return;
	command_add(c, " -t");
	command_word(c, table + len + 1);
}

static void
take_command(const struct command *c, char out[MEND_MAX])
{
	snprintf(out, MEND_MAX, "%s", command_text(c));
}

/* --- a rule --- */

/* The line of a listing that ends so, without that and the blanks before it. */
static bool
find_line(const char *text, const char *end, char out[MEND_MAX])
{
	const char *line = text;
	size_t len, end_len = strlen(end);

	for (; *line != '\0'; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		if (len <= end_len || strncmp(line + len - end_len, end,
		    end_len) != 0)
			continue;
		len -= end_len;
		for (; len > 0 && (*line == '\t' || *line == ' '); len--)
			line++;
		snprintf(out, MEND_MAX, "%.*s", (int)(len < 300 ? len : 300),
		    line);
		return (true);
	}
	return (false);
}

/* What nft lists of the chain, or NULL; a long one takes long, so it is kept. */
static const char *
list_chain(const struct model_chain *c)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_-. ";
	static const struct model_chain *listed;
	static char *listing;
	const char *args[] = { "-a", "list", "chain", c->table, c->name,
	    NULL };
	size_t len;

	if (listed == c)
		return (listing);
	free(listing);
	listing = NULL;
	listed = c;
	/* nft takes its arguments for one line. */
	if (c->table[strspn(c->table, plain)] == '\0' &&
	    c->name[strspn(c->name, plain)] == '\0')
		(void)run_program("nft", args, &listing, &len);
	return (listing);
}

/* What nft says of the rule. */
static bool
ask_rule(const struct model_chain *c, uint64_t handle, char out[MEND_MAX])
{
	const char *text = list_chain(c);
	char end[40];

	snprintf(end, sizeof(end), " # handle %" PRIu64, handle);
	return (text != NULL && find_line(text, end, out));
}

void
mend_rule_text(const struct model *m, uint32_t rule, char out[MEND_MAX])
{
	const struct model_rule *r = &m->rules[rule];
	const struct model_chain *c = &m->chains[r->chain];
	char line[MEND_MAX];

	if (r->text != NULL)
		snprintf(out, MEND_MAX, "\"%.300s\" (%s)", r->text, c->table);
	else if (ask_rule(c, r->handle, line))
		snprintf(out, MEND_MAX, "\"%.300s\" (%s %s, handle %" PRIu64
		    ")", line, c->table, c->name, r->handle);
	else
		snprintf(out, MEND_MAX, "the rule with handle %" PRIu64
		    " of %s %s", r->handle, c->table, c->name);
}

/* --- commands --- */

/* "-A FORWARD ..." of a listing, whose quotes are not those of sh. */
static void
add_deletion(struct command *c, const char *text)
{
	char *words[XTWORDS_MAX], *copy = strdup(text);
	size_t i, n;

	if (copy == NULL)
		err(1, "strdup");
	n = xtwords_split(copy, words);
	/* One of so many words may have more. */
	if (n == XTWORDS_MAX - 1)
		c->failed = true;
	command_add(c, " -D");
	for (i = 1; i < n; i++)
		command_word(c, words[i]);
	free(copy);
}

static void
add_chain(struct command *c, const struct model_chain *chain)
{
	command_nft(c, chain->table);
	command_nft(c, chain->name);
}

static void
mend_rule(struct command *c, const struct model *m, uint32_t rule)
{
	const struct model_rule *r = &m->rules[rule];
	const struct model_chain *chain = &m->chains[r->chain];

	if (r->text != NULL) {
		add_program(c, chain->table);
		add_deletion(c, r->text);
		return;
	}
	command_add(c, "nft delete rule");
	add_chain(c, chain);
	command_add(c, " handle %" PRIu64, r->handle);
}

static void
mend_policy(struct command *c, const struct model_chain *chain)
{
	if (is_iptables(chain->table)) {
		add_program(c, chain->table);
		command_add(c, " -P");
		command_word(c, chain->name);
		command_add(c, " DROP");
		return;
	}
	command_add(c, "nft chain");
	add_chain(c, chain);
	command_add(c, " '{ policy drop; }'");
}

/* --- what has to be accepted --- */

/* "iptables -I FORWARD", or the chain that Docker leaves to others. */
static void
add_insertion(struct command *c, const struct model *m,
    const struct model_chain *chain)
{
	bool docker = is_iptables(chain->table) && model_find(m,
	    chain->table, MEND_DOCKER) != MODEL_NONE;

	if (is_iptables(chain->table)) {
		add_program(c, chain->table);
		command_add(c, " -I");
		command_word(c, docker ? MEND_DOCKER : chain->name);
		return;
	}
	command_add(c, "nft insert rule");
	add_chain(c, chain);
}

static void
add_replies(struct command *c, const struct model *m, uint32_t chain)
{
	add_insertion(c, m, &m->chains[chain]);
	command_add(c, is_iptables(m->chains[chain].table) ?
	    " -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT" :
	    " ct state established,related accept");
}

void
mend_replies(const struct model *m, uint32_t chain, char out[MEND_MAX])
{
	struct command c = { .len = 0 };

	add_replies(&c, m, chain);
	take_command(&c, out);
}

void
mend_opening(const struct model *m, uint32_t chain,
    const struct judge_packet *p, char out[MEND_MAX])
{
	const struct model_chain *to = &m->chains[chain];
	struct command c = { .len = 0 };

	out[0] = '\0';
	if (to->hook != MODEL_FORWARD || p->iif[0] == '\0' ||
	    p->oif[0] == '\0')
		return;
	add_insertion(&c, m, to);
	if (is_iptables(to->table)) {
		command_add(&c, " -i");
		command_word(&c, p->iif);
		command_add(&c, " -o");
		command_word(&c, p->oif);
		command_add(&c, " -j ACCEPT");
	} else {
		command_add(&c, " iifname");
		command_nft(&c, p->iif);
		command_add(&c, " oifname");
		command_nft(&c, p->oif);
		command_add(&c, " accept");
	}
	take_command(&c, out);
}

/* What is taken out may be what lets answers in: then first other rules do. */
static void
keep_replies(struct command *c, const struct model *m,
    const struct ways_world *w, uint8_t family, uint32_t rule, uint32_t chain)
{
	const struct whatif_gone gone = { .rule = rule, .chain = chain };
	uint32_t closer;

	if (!whatif_silent(m, w, family, &gone, &closer) ||
	    m->chains[closer].hook != MODEL_FORWARD)
		return;
	add_replies(c, m, closer);
	command_add(c, " && ");
}

/* --- a way to dnsfw --- */

/*
 * All of it, in one go: with the policy alone, nothing would be forwarded.  What is
 * there already is not changed.
 */
static void
way_of_nft(struct command *c, const struct guard *g)
{
	command_add(c, "nft 'add table");
	command_nft(c, g->table);
	command_add(c, "; add chain");
	command_nft(c, g->table);
	command_nft(c, g->chain);
	command_add(c, "; add chain");
	command_nft(c, g->table);
	command_add(c, " forward { type filter hook forward priority filter; "
	    "policy drop; }; add rule");
	command_nft(c, g->table);
	command_add(c, " forward ct state established,related accept; add "
	    "rule");
	command_nft(c, g->table);
	command_add(c, " forward jump");
	command_nft(c, g->chain);
	command_add(c, "'");
}

#define REPLIES_OF_IPTABLES	" -I FORWARD -m conntrack --ctstate " \
	"ESTABLISHED,RELATED -j ACCEPT"

/* There is no chain with the hook. */
static void
mend_nothing(struct command *c, const struct guard *g, uint8_t family)
{
	const char *program = family == ADDR_V4 ? "iptables" : "ip6tables";

	if (g->table == NULL)
		command_add(c, "%s" REPLIES_OF_IPTABLES " && %s -P FORWARD "
		    "DROP", program, program);
	else if (strncmp(g->table, "inet ", 5) == 0 ||
	    (strncmp(g->table, "ip6 ", 4) == 0) == (family == ADDR_V6))
		way_of_nft(c, g);
	else
		command_add(c, "sysctl -w net.%s=0", family == ADDR_V4 ?
		    "ipv4.ip_forward" : "ipv6.conf.all.forwarding");
}

void
mend_acceptance(const struct model *m, const struct guard *g,
    const struct ways_world *w, uint8_t family, uint32_t rule, uint32_t chain,
    char out[MEND_MAX])
{
	struct command c = { .len = 0 };

	if (rule != MODEL_NONE || chain != MODEL_NONE)
		keep_replies(&c, m, w, family, rule, chain);
	if (rule != MODEL_NONE)
		mend_rule(&c, m, rule);
	else if (chain != MODEL_NONE)
		mend_policy(&c, &m->chains[chain]);
	else
		mend_nothing(&c, g, family);
	take_command(&c, out);
}

static void
jump_of_iptables(struct command *c, const struct model *m,
    const struct guard *g, const struct ways_world *w, uint8_t family)
{
	const char *program = family == ADDR_V4 ? "iptables" : "ip6tables";
	uint32_t forward, closer;
	char table[64];
	bool made;

	snprintf(table, sizeof(table), "%s filter", program);
	made = model_find(m, table, g->chain) == MODEL_NONE;
	forward = model_find(m, table, "FORWARD");
	if (made) {
		command_add(c, "%s -N", program);
		command_word(c, g->chain);
		command_add(c, " && ");
	}
	command_add(c, "%s -I FORWARD -j", program);
	command_word(c, g->chain);
	if (whatif_silent(m, w, family, &(struct whatif_gone){
	    .rule = MODEL_NONE, .chain = made ? forward : MODEL_NONE },
	    &closer) || (made && forward == MODEL_NONE))
		command_add(c, " && %s" REPLIES_OF_IPTABLES, program);
	if (made)
		command_add(c, " && %s -P FORWARD DROP", program);
}

static void
jump_of_nft(struct command *c, const struct model *m, const struct guard *g,
    const struct ways_world *w, uint8_t family)
{
	static const struct whatif_gone nothing = { MODEL_NONE, MODEL_NONE };
	const struct model_chain *chain;
	uint32_t i, closer;

	for (i = 0; i < m->nchains; i++) {
		chain = &m->chains[i];
		if (chain->hook != MODEL_FORWARD ||
		    strcmp(chain->table, g->table) != 0)
			continue;
		command_add(c, "nft 'add chain");
		command_nft(c, chain->table);
		command_nft(c, g->chain);
		command_add(c, "; insert rule");
		add_chain(c, chain);
		command_add(c, " jump");
		command_nft(c, g->chain);
		if (whatif_silent(m, w, family, &nothing, &closer)) {
			command_add(c, "; insert rule");
			add_chain(c, chain);
			command_add(c, " ct state established,related accept");
		}
		command_add(c, "'");
		return;
	}
	way_of_nft(c, g);
}

void
mend_jump(const struct model *m, const struct guard *g,
    const struct ways_world *w, uint8_t family, char out[MEND_MAX])
{
	struct command c = { .len = 0 };

	if (g->table == NULL)
		jump_of_iptables(&c, m, g, w, family);
	else
		jump_of_nft(&c, m, g, w, family);
	take_command(&c, out);
}
