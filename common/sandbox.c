/* seccomp from a table, and Landlock. */
#include "sandbox.h"

#include <sys/syscall.h>

#include <linux/landlock.h>

#include <errno.h>
#include <seccomp.h>
#include <string.h>
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

static unsigned int
convert(const struct sandbox_rule *rule, struct scmp_arg_cmp *out)
{
	const struct sandbox_arg *a;
	unsigned int n;

	for (n = 0; n < SANDBOX_ARGS_MAX; n++) {
		a = &rule->args[n];
		if (a->op == SANDBOX_END)
			break;
		out[n].arg = a->index;
		out[n].datum_a = a->value;
		out[n].datum_b = 0;
		out[n].op = a->op == SANDBOX_EQ ? SCMP_CMP_EQ : SCMP_CMP_LE;
		if (a->op == SANDBOX_MASKED_EQ) {
			out[n].op = SCMP_CMP_MASKED_EQ;
			out[n].datum_a = a->mask;
			out[n].datum_b = a->value;
		}
	}
	return (n);
}

void
sandbox_seccomp(const struct sandbox_rule *rules, size_t n)
{
	struct scmp_arg_cmp args[SANDBOX_ARGS_MAX];
	scmp_filter_ctx ctx;
	unsigned int nargs;
	size_t i;
	int r;

	if ((ctx = seccomp_init(SCMP_ACT_KILL_PROCESS)) == NULL)
		fatalx("seccomp_init failed");
	/* Another architecture's numbers kill, too. */
	if ((r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS)) != 0 ||
	    (r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2)) != 0)
		fatalx("seccomp_attr_set: %s", strerror(-r));
	for (i = 0; i < n; i++) {
		nargs = convert(&rules[i], args);
		r = seccomp_rule_add_array(ctx, rules[i].error == 0 ?
		    SCMP_ACT_ALLOW :
		    SCMP_ACT_ERRNO((uint16_t)rules[i].error),
		    rules[i].call, nargs, args);
		if (r != 0)
			fatalx("seccomp rule %zu (%s): %s", i, rules[i].why,
			    strerror(-r));
	}
	if ((r = seccomp_load(ctx)) != 0)
		fatalx("seccomp_load: %s", strerror(-r));
	seccomp_release(ctx);
}

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

const char *
sandbox_landlock(const uint16_t *connect_ports, size_t n, int dir)
{
	struct ruleset_attr attr;
	struct landlock_path_beneath_attr beneath = { .parent_fd = dir,
	    .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE };
	struct net_port_attr port;
	size_t i;
	long abi;
	int fd;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (abi == -1 && no_landlock(errno) != NULL)
		return (no_landlock(errno));
	if (abi < 1)
		fatal("landlock_create_ruleset");
	attr = deniable((int)abi);
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
	if (syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		fatal("landlock_restrict_self");
	close(fd);
	return (NULL);
}

#ifdef DNSFW_SANITIZE
/* To look for leaks at the end takes a thread that traces. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}
#endif
