/* The stamps of one kind of grants (make.c), and what the backends share. */
#ifndef STAMP_MAKE_PARTS_H
#define STAMP_MAKE_PARTS_H

#include <stdio.h>	/* libnftnl/expr.h needs it */

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include "draft.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* The sets' names behind that of the chain, by kind. */
extern const char *const ipset_suffixes[STAMPS_SUBS];
extern const char *const nft_suffixes[STAMPS_SUBS];

/* The set, its elements and its rule; the subject's family is the table's. */
void	make_ipset(const struct subject *, struct stamps *);
void	make_nft(const struct subject *, struct stamps *);

/* An object of libnftnl, which fatalx() if it is NULL: no memory. */
void	*make_need(void *object);

/* A rule in our chain, without expressions. */
struct nftnl_rule *rule_new(const struct subject *);

/* A further expression, without attributes; the rule owns it. */
struct nftnl_expr *rule_expr(struct nftnl_rule *, const char *name);

/* Count and accept what all expressions match. */
void	rule_accept(struct nftnl_rule *);

/* Begin a draft of NFT_MSG_NEWRULE, and free the rule. */
void	rule_draft(const struct subject *, uint16_t flags, struct nftnl_rule *);

#endif
