/* What the start has and needs. */
#include "privs.h"

#include <sys/syscall.h>

#include <linux/capability.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
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
		    o->priv_user, o->keeper_user, o->proxy_user);
	if (syscall(SYS_capget, &hdr, data) == -1)
		fatal("capget");
	/* All of them are in the first word. */
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if ((data[0].effective & 1U << needed[i].number) != 0 ||
		    (o->firewall == KEEPCONF_NONE &&
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

static struct user
find_user(const char *name, const char *option, bool check_only)
{
	struct passwd *pw;

	errno = 0;
	if ((pw = getpwnam(name)) == NULL && check_only)
		return ((struct user){ NOBODY, NOBODY, false });
	if (pw == NULL)
		fatalx("user \"%s\" (--%s) does not exist: create it with "
		    "'useradd --system --no-create-home "
		    "--shell /usr/sbin/nologin %s' or systemd-sysusers",
		    name, option, name);
	if (pw->pw_uid == 0 || pw->pw_gid == 0)
		fatalx("--%s \"%s\": must not be root", option, name);
	return ((struct user){ pw->pw_uid, pw->pw_gid, true });
}

static void
differ(const struct user *a, const struct user *b, const char *options)
{
	if (a->exists && b->exists && a->uid == b->uid)
		fatalx("%s must be different users", options);
}

void
privs_users(const struct options *o, struct users *u)
{
	u->helper = find_user(o->priv_user, "priv-user", o->check_only);
	u->keeper = find_user(o->keeper_user, "keeper-user", o->check_only);
	u->proxy = find_user(o->proxy_user, "proxy-user", o->check_only);
	differ(&u->helper, &u->proxy, "--priv-user and --proxy-user");
	differ(&u->helper, &u->keeper, "--priv-user and --keeper-user");
	differ(&u->keeper, &u->proxy, "--keeper-user and --proxy-user");
}
