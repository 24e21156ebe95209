/* Rules of nf_tables by libnftnl, which become stamps. */
#ifndef START_MAKE_RULE_H
#define START_MAKE_RULE_H

#include <stdint.h>
#include <stdio.h>	/* libnftnl/expr.h needs it */

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

/* By which the marker is known that stands for the place of a rule. */
#define RULE_POSITION_MARK	0x1122334455667788ULL

/* An object of libnftnl, which fatalx() if it is NULL: no memory. */
void	*rule_need(void *object);

/* A rule without expressions. */
struct nftnl_rule *rule_new(const char *table, const char *chain);

/* A further expression, without attributes; the rule owns it. */
struct nftnl_expr *rule_expr(struct nftnl_rule *, const char *name);

/* Compare a register with len bytes. */
void	rule_compare(struct nftnl_rule *, uint32_t reg, const void *value,
	    uint32_t len);

/* Count and accept what all expressions match. */
void	rule_accept(struct nftnl_rule *);

/*
 * Begin a draft (draft.h) of a message about the rule: NFT_MSG_NEWRULE or
 * _DELRULE.  The rule is freed.
 */
void	rule_draft(uint16_t type, uint16_t flags, uint8_t nfproto,
	    struct nftnl_rule *);

#endif
