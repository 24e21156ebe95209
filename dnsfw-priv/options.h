/*
 * The options of the command line and the environment (SPEC section 6).
 */
#ifndef PRIV_OPTIONS_H
#define PRIV_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "msg.h"

enum firewall { FIREWALL_UNSET = 0, FIREWALL_NONE, FIREWALL_IPTABLES,
    FIREWALL_NFTABLES };

#define TABLE_NAME_MAX	64	/* bytes with NUL */

/* Strings point into argv or the environment; both live as long. */
struct options {
	const char	*acl_file;
	struct addr	 upstreams[MSG_UPSTREAMS_MAX];
	size_t		 nupstreams;
	uint32_t	 upstream_port;
	struct addr	 binds[MSG_BINDS_MAX];
	size_t		 nbinds;
	uint32_t	 bind_port;
	uint32_t	 timeout;		/* seconds */
	uint32_t	 min_rule_time;		/* seconds */
	uint32_t	 max_rule_time;		/* seconds */
	enum firewall	 firewall;
	const char	*chain;
	uint8_t		 table_family;		/* NFPROTO_* */
	char		 table[TABLE_NAME_MAX];
	uint32_t	 max_connections;
	uint32_t	 max_grants;
	enum msg_refuse	 refuse_with;
	enum msg_logformat log_format;
	struct addr_net	 client_nets[MSG_NETS_MAX];
	size_t		 nclient_nets;		/* 0: any */
	struct addr_net	 deny_nets[MSG_NETS_MAX];	/* never granted */
	size_t		 ndeny_nets;
	struct addr_net	 allow_nets[MSG_NETS_MAX];	/* all the same */
	size_t		 nallow_nets;
	bool		 kill_connections;
	bool		 check_only;	/* then there are no workers */
	bool		 hold_live;
	bool		 randomize_case;
	bool		 upstream_tcp;
	bool		 family_filter;
	uint32_t	 workers;
	const char	*proxy_user;
	const char	*priv_user;
};

/*
 * Fill *o from the environment and then the command line, which wins.  Prints
 * --help and --version and exits 0; an error names the option, the value, and
 * what would be right, and exits 2.
 */
void	options_parse(struct options *o, int argc, char **argv);

#endif
