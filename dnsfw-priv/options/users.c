/* Whom the processes become, and who may ask them. */
#include "users.h"

#include <grp.h>
#include <pwd.h>

#include "log.h"

static void
find_user(struct keepconf *k, enum keepconf_role role, const char *option)
{
	struct keepconf_user *user = &k->users[role];
	const struct passwd *pw = getpwnam(user->name);

	if (pw == NULL && !k->check_only)
		fatalx("user \"%s\" (--%s) does not exist: create it with "
		    "'useradd --system --no-create-home "
		    "--shell /usr/sbin/nologin %s' or systemd-sysusers",
		    user->name, option, user->name);
	if (pw != NULL && (pw->pw_uid == 0 || pw->pw_gid == 0))
		fatalx("--%s \"%s\": must not be root", option, user->name);
	user->missing = pw == NULL;
	user->uid = pw == NULL ? USERS_NOBODY : pw->pw_uid;
	user->gid = pw == NULL ? USERS_NOBODY : pw->pw_gid;
}

static void
differ(const struct keepconf_user *a, const struct keepconf_user *b,
    const char *options)
{
	if (!a->missing && !b->missing && a->uid == b->uid)
		fatalx("%s must be different users", options);
}

void
users_find(struct keepconf *k)
{
	const struct group *control = getgrnam(USERS_CONTROL_GROUP);
	const struct keepconf_user *helper = &k->users[KEEPCONF_HELPER],
	    *keeper = &k->users[KEEPCONF_KEEPER],
	    *proxy = &k->users[KEEPCONF_PROXY];

	k->control_gid = control == NULL ? 0 : control->gr_gid;
	find_user(k, KEEPCONF_HELPER, "priv-user");
	find_user(k, KEEPCONF_KEEPER, "keeper-user");
	find_user(k, KEEPCONF_PROXY, "proxy-user");
	differ(helper, proxy, "--priv-user and --proxy-user");
	differ(helper, keeper, "--priv-user and --keeper-user");
	differ(keeper, proxy, "--keeper-user and --proxy-user");
}
