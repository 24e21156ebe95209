/* What the start has and needs. */
#include "privs.h"

#include <sys/syscall.h>

#include <linux/capability.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "log.h"

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

/* All that the start takes are in the first word. */
static uint32_t
effective(void)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &hdr, data) == -1)
		fatal("capget");
	return (data[0].effective);
}

bool
privs_can_become(uid_t uid)
{
	const uint32_t needed = 1U << CAP_SETGID | 1U << CAP_SETUID |
	    1U << CAP_SETPCAP;

	/* The saved one says whether this user namespace has it. */
	return ((effective() & needed) == needed &&
	    setresuid((uid_t)-1, (uid_t)-1, uid) == 0);
}

void
privs_check(const struct keepconf *k)
{
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

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if ((effective() & 1U << needed[i].number) != 0 ||
		    (k->firewall == KEEPCONF_NONE &&
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
