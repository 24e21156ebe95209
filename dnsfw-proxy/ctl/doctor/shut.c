/* The command that keeps clients from a program of this host. */
#include "shut.h"

#include <netinet/in.h>

#include <string.h>

#include "addrtext.h"

static const char *
proto_word(const struct judge_packet *p)
{
	return (p->proto == IPPROTO_TCP ? "tcp" : "udp");
}

static void
add_addresses(struct command *c, const struct shut *s, const char *between)
{
	char text[ADDR_TEXT_MAX];
	size_t i;

	for (i = 0; i < s->n; i++)
		command_add(c, "%s%s", i == 0 ? "" : between,
		    addr_print(&s->at[i], text));
}

static void
shut_by_iptables(struct command *c, const struct shut *s)
{
	command_add(c, "%s -I INPUT -i", s->by.saddr.family == ADDR_V4 ?
	    "iptables" : "ip6tables");
	command_word(c, s->by.iif);
	command_add(c, " -d ");
	add_addresses(c, s, ",");
	command_add(c, " -p %s --dport %u -j DROP", proto_word(&s->by),
	    s->by.dport);
}

/* Of nft, in that table or in any; or MODEL_NONE. */
static uint32_t
input_chain(const struct model *m, uint8_t family, const char *table)
{
	const struct model_chain *c;
	uint32_t i;

	for (i = 0; i < m->nchains; i++) {
		c = &m->chains[i];
		if (c->hook == MODEL_INPUT &&
		    (c->families & model_family(family)) != 0 &&
		    strncmp(c->table, "iptables", 8) != 0 &&
		    strncmp(c->table, "ip6tables", 9) != 0 &&
		    (table == NULL || strcmp(c->table, table) == 0))
			return (i);
	}
	return (MODEL_NONE);
}

static void
add_place(struct command *c, const char *table, const char *chain)
{
	command_nft(c, table);
	command_nft(c, chain);
}

/* If there is no chain for what comes to this host, one is made. */
static void
shut_by_nft(struct command *c, const struct model *m, const struct guard *g,
    const struct shut *s)
{
	const uint8_t family = s->by.saddr.family;
	uint32_t i = input_chain(m, family, g->table);

	if (i == MODEL_NONE)
		i = input_chain(m, family, NULL);
	command_add(c, "nft '");
	if (i != MODEL_NONE) {
		command_add(c, "insert rule");
		add_place(c, m->chains[i].table, m->chains[i].name);
	} else {
		if (strncmp(g->table, family == ADDR_V4 ? "ip6 " : "ip ",
		    family == ADDR_V4 ? 4 : 3) == 0)
			c->failed = true;
		command_add(c, "add chain");
		add_place(c, g->table, "input");
		command_add(c, " { type filter hook input priority filter; }; "
		    "insert rule");
		add_place(c, g->table, "input");
	}
	command_add(c, " iifname");
	command_nft(c, s->by.iif);
	command_add(c, " %s daddr { ", family == ADDR_V4 ? "ip" : "ip6");
	add_addresses(c, s, ", ");
	command_add(c, " } %s dport %u drop'", proto_word(&s->by), s->by.dport);
}

void
shut_add(struct command *c, const struct model *m, const struct guard *g,
    const struct shut *s)
{
	if (s->n == 0)
		return;
	if (s->by.iif[0] == '\0')
		c->failed = true;
	if (c->len > 0)
		command_add(c, " && ");
	if (g->table == NULL)
		shut_by_iptables(c, s);
	else
		shut_by_nft(c, m, g, s);
}
