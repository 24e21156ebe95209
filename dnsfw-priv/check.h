/*
 * --check: the options and the ACL, and nothing that a start would change or
 * need: no root, no users, no firewall, no address to listen on.
 */
#ifndef PRIV_CHECK_H
#define PRIV_CHECK_H

#include "options.h"

/* Says what is wrong and what was not checked.  Does not return. */
void	check_run(struct options *o) __attribute__((noreturn));

#endif
