/* --check. */
#include "check.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "children.h"
#include "drop.h"
#include "hosts.h"
#include "launch.h"
#include "log.h"
#include "policy.h"
#include "sandbox.h"
#include "serve.h"
#include "syscalls.h"

#define DESCRIPTORS_MAX	64

/* Who stands in for a user that does not exist: nobody (the kernel's). */
#define NOBODY		65534

/* Returns whether there is such a user. */
static bool
find_user(const char *name, const char *option, struct user *user)
{
	*user = (struct user){ .uid = NOBODY, .gid = NOBODY };
	if (getpwnam(name) == NULL)
		return (false);
	*user = launch_user(name, option);
	return (true);
}

static void
say_unchecked_user(const char *name, const char *option)
{
	log_info("not checked: the user \"%s\" (--%s), who does not exist "
	    "here", name, option);
}

void
check_run(struct options *o)
{
	const char *acl;
	bool root = geteuid() == 0, has_priv, has_proxy;
	struct user priv, proxy;
	struct child compiler;

	acl = launch_acl_directory(o->acl_file);
	if (!root && access(o->acl_file, R_OK) == -1) {
		log_error("cannot open the ACL \"%s\" (--acl-file): %m",
		    o->acl_file);
		exit(2);
	}
	has_priv = find_user(o->priv_user, "priv-user", &priv);
	has_proxy = find_user(o->proxy_user, "proxy-user", &proxy);
	if (has_priv && has_proxy)
		launch_two_users(&priv, &proxy);
	hosts_zones(o);
	hosts_upstreams(o);
	serve_signals();
	launch_child(&compiler, root ? "compiler" : "checker", "compiler",
	    proxy, o->acl_file, NULL, 0, NULL);

	/* Confinement: as in main.c, or as far as an ordinary user can. */
	if (root)
		drop_root_directory();
	drop_limits(DESCRIPTORS_MAX);
	if (root)
		drop_privileges(priv.uid, priv.gid, 0);
	else
		drop_capabilities();
	(void)sandbox_landlock(NULL, 0, FD_ACL_DIR);
	sandbox_seccomp(priv_rules, priv_nrules);

	policy_start(&compiler, o->acl_file, acl);
	if (!has_priv)
		say_unchecked_user(o->priv_user, "priv-user");
	if (!has_proxy)
		say_unchecked_user(o->proxy_user, "proxy-user");
	if (!root && has_priv)
		log_info("not checked: whether the user \"%s\" (--priv-user) "
		    "may read the ACL", o->priv_user);
	if (o->chain != NULL)
		log_info("not checked: the firewall and its chain \"%s\"",
		    o->chain);
	log_info("not checked: the addresses and the port of --bind");
	children_end(&compiler, NULL, 0);
	exit(0);
}
