/* Rules as they are told, and the commands that mend a firewall. */
#include "mend.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define FORWARD_OF_NFT	"'{ type filter hook forward priority filter; policy " \
	"drop; }'"

static bool
is_iptables(const char *table)
{
	return (strncmp(table, "iptables", 8) == 0 ||
	    strncmp(table, "ip6tables", 9) == 0);
}

/* "iptables -t mangle", of the table "iptables mangle". */
static const char *
program_of(const char *table, char out[128])
{
	size_t len = strcspn(table, " ");

	if (strcmp(table + len, " filter") == 0)
		snprintf(out, 128, "%.*s", (int)len, table);
	else
		snprintf(out, 128, "%.*s -t%.60s", (int)len, table,
		    table + len);
	return (out);
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

/* What nft says of the rule. */
static bool
ask_rule(const struct model_chain *c, uint64_t handle, char out[MEND_MAX])
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_-. ";
	const char *args[] = { "-a", "list", "chain", c->table, c->name,
	    NULL };
	char end[40], *text;
	size_t len;
	bool found;

	/* nft takes its arguments for one line. */
	if (c->table[strspn(c->table, plain)] != '\0' ||
	    c->name[strspn(c->name, plain)] != '\0' ||
	    run_program("nft", args, &text, &len) != RUN_DONE)
		return (false);
	snprintf(end, sizeof(end), " # handle %" PRIu64, handle);
	found = find_line(text, end, out);
	free(text);
	return (found);
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

static void
mend_rule(const struct model *m, uint32_t rule, char out[MEND_MAX])
{
	const struct model_rule *r = &m->rules[rule];
	const struct model_chain *c = &m->chains[r->chain];
	char program[128];

	if (r->text != NULL)
		snprintf(out, MEND_MAX, "%s -D%.800s",
		    program_of(c->table, program), r->text + 2);
	else
		snprintf(out, MEND_MAX, "nft delete rule %s %s handle %"
		    PRIu64, c->table, c->name, r->handle);
}

void
mend_acceptance(const struct model *m, const struct guard *g, uint8_t family,
    uint32_t rule, uint32_t chain, char out[MEND_MAX])
{
	const struct model_chain *c = chain == MODEL_NONE ? NULL :
	    &m->chains[chain];
	char program[128];

	if (rule != MODEL_NONE)
		mend_rule(m, rule, out);
	else if (c != NULL && is_iptables(c->table))
		snprintf(out, MEND_MAX, "%s -P %s DROP",
		    program_of(c->table, program), c->name);
	else if (c != NULL)
		snprintf(out, MEND_MAX, "nft chain %s %s '{ policy drop; }'",
		    c->table, c->name);
	else if (g->table == NULL)
		snprintf(out, MEND_MAX, "%s -P FORWARD DROP",
		    family == ADDR_V4 ? "iptables" : "ip6tables");
	else if (strncmp(g->table, "inet ", 5) == 0 ||
	    (strncmp(g->table, "ip6 ", 4) == 0) == (family == ADDR_V6))
		snprintf(out, MEND_MAX, "nft add chain %s forward "
		    FORWARD_OF_NFT, g->table);
	else
		snprintf(out, MEND_MAX, "sysctl -w net.%s=0",
		    family == ADDR_V4 ? "ipv4.ip_forward" :
		    "ipv6.conf.all.forwarding");
}

void
mend_jump(const struct model *m, const struct guard *g, uint8_t family,
    char out[MEND_MAX])
{
	const char *program = family == ADDR_V4 ? "iptables" : "ip6tables";
	const struct model_chain *c;
	char table[64];
	uint32_t i;

	if (g->table == NULL) {
		snprintf(table, sizeof(table), "%s filter", program);
		if (model_find(m, table, g->chain) == MODEL_NONE)
			snprintf(out, MEND_MAX, "%s -N %s && %s -I FORWARD -j "
			    "%s && %s -P FORWARD DROP", program, g->chain,
			    program, g->chain, program);
		else
			snprintf(out, MEND_MAX, "%s -I FORWARD -j %s",
			    program, g->chain);
		return;
	}
	for (i = 0; i < m->nchains; i++) {
		c = &m->chains[i];
		if (c->hook != MODEL_FORWARD || strcmp(c->table, g->table) != 0)
			continue;
		snprintf(out, MEND_MAX, "nft insert rule %s %s jump %s",
		    c->table, c->name, g->chain);
		return;
	}
	snprintf(out, MEND_MAX, "nft add chain %s forward " FORWARD_OF_NFT
	    " && nft add rule %s forward jump %s", g->table, g->table,
	    g->chain);
}
