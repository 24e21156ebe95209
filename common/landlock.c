/* What Landlock is to deny. */
#include "landlock.h"

#include <sys/syscall.h>

#include <linux/landlock.h>

#include <errno.h>
#include <unistd.h>

#include "log.h"

/* Newer than the headers of Debian 12 (linux/landlock.h of Linux 6.12). */
#define NET_BIND_TCP	(1ULL << 0)
#define NET_CONNECT_TCP	(1ULL << 1)
#define RULE_NET_PORT	2
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)
#define SCOPE_SIGNAL	(1ULL << 1)

struct ruleset_attr {
	uint64_t	handled_access_fs;
	uint64_t	handled_access_net;
	uint64_t	scoped;
};

struct net_port_attr {
	uint64_t	allowed_access;
	uint64_t	port;
};

/* What the kernel's Landlock can deny, by its ABI version. */
static struct ruleset_attr
deniable(int abi)
{
	struct ruleset_attr attr = { 0, 0, 0 };
	/* Access bits are dense: 13 in ABI 1, one more in 2, 3 and 5. */
	unsigned int fs_bits = 13;

	if (abi >= 2)
		fs_bits++;
	if (abi >= 3)
		fs_bits++;
	if (abi >= 5)
		fs_bits++;
	attr.handled_access_fs = (1ULL << fs_bits) - 1;
	if (abi >= 4)
		attr.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 6)
		attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return (attr);
}

/* Why there is no Landlock, by errno; NULL if it should be there. */
static const char *
no_landlock(int error)
{
	switch (error) {
	case ENOSYS:
		return ("this kernel has no Landlock");
	case EOPNOTSUPP:
		return ("Landlock is not enabled in this kernel (lsm=landlock)");
	case EPERM:
		return ("Landlock is forbidden here, as by a container's "
		    "filter of system calls");
	default:
		return (NULL);
	}
}

int
landlock_abi(void)
{
	return ((int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION));
}

int
landlock_ruleset(const uint16_t *connect_ports, size_t n, int dir,
    const char **why)
{
	struct ruleset_attr attr;
	struct landlock_path_beneath_attr beneath = { .parent_fd = dir,
	    .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
	    LANDLOCK_ACCESS_FS_READ_DIR };
	struct net_port_attr port;
	size_t i;
	int abi, fd;

	abi = landlock_abi();
	if (abi == -1 && (*why = no_landlock(errno)) != NULL)
		return (-1);
	if (abi < 1)
		fatal("landlock_create_ruleset");
	attr = deniable(abi);
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd == -1)
		fatal("landlock_create_ruleset");
	for (i = 0; i < n && attr.handled_access_net != 0; i++) {
		port.allowed_access = NET_CONNECT_TCP;
		port.port = connect_ports[i];
		if (syscall(SYS_landlock_add_rule, fd, RULE_NET_PORT, &port,
		    0) == -1)
			fatal("landlock_add_rule");
	}
	if (dir != -1 && syscall(SYS_landlock_add_rule, fd,
	    LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == -1)
		fatal("landlock_add_rule");
	return (fd);
}
