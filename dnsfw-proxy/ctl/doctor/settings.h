/* How dnsfw is set up, as its file of --config and our options say. */
#ifndef DOCTOR_SETTINGS_H
#define DOCTOR_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "addr.h"
#include "findings.h"
#include "guard.h"

#define SETTINGS_CONFIG_DEFAULT	"/etc/dnsfw/config.env"
#define SETTINGS_BINDS_MAX	32

struct settings {
	/* NULL: not told; our options come first. */
	const char	*config, *acl, *control, *backend, *table, *chain;
	const char	*priv_user, *keeper_user, *proxy_user;
	const char	*bind, *bind_port;
	struct guard	 guard;
	struct addr	 binds[SETTINGS_BINDS_MAX];
	size_t		 nbinds;
	unsigned int	 port;
};

/*
 * Complete what our options have set by the file and then by the defaults.  False,
 * after saying so on stderr: it cannot be used.
 */
bool	settings_complete(struct settings *, struct findings *);

#endif
