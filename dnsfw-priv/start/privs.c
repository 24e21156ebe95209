/* What the start has and needs. */
#include "privs.h"

#include <sys/syscall.h>

#include <linux/capability.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"

/* Who stands in for a user that does not exist: nobody (the kernel's). */
#define NOBODY		65534

void
privs_descriptors(void)
{
	int fd;

	if (close_range(STDERR_FILENO + 1, ~0U, 0) == -1)
		fatal("close_range");
	/* Opening takes the lowest free number. */
	do {
		if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
			fatal("open /dev/null");
	} while (fd < PRIVS_FD_ASIDE - 1);
	for (fd = 0; fd <= STDERR_FILENO; fd++) {
		/* One that was closed before is not to close on exec. */
		if (fcntl(fd, F_SETFD, 0) == -1)
			fatal("fcntl");
	}
	if (dup2(PRIVS_FD_ASIDE - 1, STDIN_FILENO) == -1)
		fatal("dup2");
}

void
privs_check(const struct options *o)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];
	static const struct {
		int		number;
		const char	*name, *text;
	} needed[] = {
		{ CAP_NET_ADMIN, "NET_ADMIN", "program the firewall" },
		{ CAP_SETGID, "SETGID", "become other users" },
		{ CAP_SETUID, "SETUID", "become other users" },
		{ CAP_SETPCAP, "SETPCAP", "give up all other capabilities" },
		{ CAP_SYS_CHROOT, "SYS_CHROOT",
		    "make an empty directory the root directory" }
	};
	bool missing = false;
	size_t i;

	if (geteuid() != 0)
		fatalx("dnsfw must be started as root; its processes become "
		    "the users \"%s\", \"%s\" and \"%s\" by themselves",
		    o->users[KEEPCONF_HELPER], o->users[KEEPCONF_KEEPER],
		    o->users[KEEPCONF_PROXY]);
	if (syscall(SYS_capget, &hdr, data) == -1)
		fatal("capget");
	/* All of them are in the first word. */
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if ((data[0].effective & 1U << needed[i].number) != 0 ||
		    (o->keep.firewall == KEEPCONF_NONE &&
		    needed[i].number == CAP_NET_ADMIN))
			continue;
		log_error("CAP_%s is missing: it is needed to %s",
		    needed[i].name, needed[i].text);
		missing = true;
	}
	if (missing)
		fatalx("dnsfw starts with these capabilities and gives "
		    "them up: what starts it must leave them to it "
		    "(CapabilityBoundingSet= of a unit, --cap-add of a "
		    "container)");
}

static void
find_user(struct options *o, enum keepconf_role role, const char *option)
{
	struct keepconf_user *user = &o->keep.users[role];
	const char *name = o->users[role];
	struct passwd *pw;

	snprintf(user->name, sizeof(user->name), "%s", name);
	errno = 0;
	pw = getpwnam(name);
	if (pw == NULL && !o->keep.check_only)
		fatalx("user \"%s\" (--%s) does not exist: create it with "
		    "'useradd --system --no-create-home "
		    "--shell /usr/sbin/nologin %s' or systemd-sysusers",
		    name, option, name);
	if (pw != NULL && (pw->pw_uid == 0 || pw->pw_gid == 0))
		fatalx("--%s \"%s\": must not be root", option, name);
	user->missing = pw == NULL;
	user->uid = pw == NULL ? NOBODY : pw->pw_uid;
	user->gid = pw == NULL ? NOBODY : pw->pw_gid;
}

static void
differ(const struct options *o, enum keepconf_role a, enum keepconf_role b,
    const char *options)
{
	const struct keepconf_user *users = o->keep.users;

	if (!users[a].missing && !users[b].missing &&
	    users[a].uid == users[b].uid)
		fatalx("%s must be different users", options);
}

void
privs_users(struct options *o)
{
	const struct group *control = getgrnam(PRIVS_CONTROL_GROUP);

	o->keep.control_gid = control == NULL ? 0 : control->gr_gid;
	find_user(o, KEEPCONF_HELPER, "priv-user");
	find_user(o, KEEPCONF_KEEPER, "keeper-user");
	find_user(o, KEEPCONF_PROXY, "proxy-user");
	differ(o, KEEPCONF_HELPER, KEEPCONF_PROXY,
	    "--priv-user and --proxy-user");
	differ(o, KEEPCONF_HELPER, KEEPCONF_KEEPER,
	    "--priv-user and --keeper-user");
	differ(o, KEEPCONF_KEEPER, KEEPCONF_PROXY,
	    "--keeper-user and --proxy-user");
}
