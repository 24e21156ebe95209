/*
 * The options of the command line, the environment and the file of --config
 * (SPEC section 6).
 */
#ifndef START_OPTIONS_H
#define START_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "keepconf.h"
#include "msg.h"
#include "values.h"

#define OPTIONS_UNSET	255	/* of firewall */

/* Strings point into argv, the environment or the file, which live as long. */
struct options {
	const char	*config;
	const char	*acl_file;
	struct hosts	 upstreams;
	uint32_t	 upstream_port;
	struct hosts	 binds;
	uint32_t	 bind_port;
	uint32_t	 timeout;		/* seconds */
	uint32_t	 min_rule_time;		/* seconds */
	uint32_t	 max_rule_time;		/* seconds */
	uint32_t	 firewall;		/* enum keepconf_firewall */
	const char	*chain;
	struct table	 table;
	uint32_t	 max_connections;
	uint32_t	 max_grants;
	uint32_t	 refuse_with;		/* enum msg_refuse */
	uint32_t	 log_format;		/* enum msg_logformat */
	uint32_t	 log_level;		/* enum msg_loglevel */
	struct nets	 client_nets;		/* none: any */
	struct nets	 deny_nets;		/* never granted */
	struct nets	 allow_nets;		/* all the same */
	uint32_t	 workers;
	const char	*proxy_user;
	const char	*keeper_user;
	const char	*priv_user;
	/* 0 or 1: */
	uint32_t	 kill_connections;
	uint32_t	 check_only;
	uint32_t	 hold_live;
	uint32_t	 randomize_case;
	uint32_t	 upstream_tcp;
	uint32_t	 family_filter;
	uint32_t	 block_aliases;
	uint32_t	 bypass_pass;
};

/*
 * Fill *o from the command line, then the environment, then the file: what an
 * earlier one has set, a later one does not change.  Prints --help and
 * --version and exits 0.  An error names the option, the value, and what would
 * be right; after all of them it exits 2.
 */
void	options_parse(struct options *o, int argc, char **argv);

#endif
