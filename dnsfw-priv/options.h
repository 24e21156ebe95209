/*
 * The options of the command line, the environment and the file of --config
 * (SPEC section 6).
 */
#ifndef PRIV_OPTIONS_H
#define PRIV_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msg.h"
#include "values.h"

enum firewall { FIREWALL_UNSET = 0, FIREWALL_NONE, FIREWALL_IPTABLES,
    FIREWALL_NFTABLES };

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
	enum firewall	 firewall;
	const char	*chain;
	struct table	 table;
	uint32_t	 max_connections;
	uint32_t	 max_grants;
	enum msg_refuse	 refuse_with;
	enum msg_logformat log_format;
	enum msg_loglevel log_level;
	struct nets	 client_nets;		/* none: any */
	struct nets	 deny_nets;		/* never granted */
	struct nets	 allow_nets;		/* all the same */
	bool		 kill_connections;
	bool		 check_only;
	bool		 hold_live;
	bool		 randomize_case;
	bool		 upstream_tcp;
	bool		 family_filter;
	bool		 block_aliases;
	bool		 bypass_pass;
	uint32_t	 workers;
	const char	*proxy_user;
	const char	*priv_user;
};

/*
 * Fill *o from the command line, then the environment, then the file: what an
 * earlier one has set, a later one does not change.  Prints --help and
 * --version and exits 0.  An error names the option, the value, and what would
 * be right; after all of them it exits 2.
 */
void	options_parse(struct options *o, int argc, char **argv);

#endif
