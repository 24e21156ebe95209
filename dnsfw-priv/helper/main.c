/*
 * dnsfw-priv: the one process with a capability.  It obeys the keeper within
 * what root (stamps.h) and the compiler (bounds.h) allow, and does nothing else.
 * Started by dnsfw, with its user and descriptors, and CAP_SYS_CHROOT for a
 * moment.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <linux/seccomp.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "act.h"
#include "io.h"

#define SECOND		1000000000ULL	/* ns */
#define SEALS		(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Of the compiler in one turn: two policies, each of the most bounds. */
#define TURN_RECORDS	(2 * (ORDER_BOUNDS_MAX / ORDER_BATCH_MAX + 1))

static const struct stamps *stamps;
static struct bounds bounds;
static struct act act;

/* Before it is confined it can still say why. */
static void
must(bool done, const char *what)
{
	if (done)
		return;
	dprintf(STDERR_FILENO, "[ERROR] dnsfw-priv: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void
take_stamps(void)
{
	struct stat st;

	must(fcntl(HELPER_FD_STAMPS, F_GET_SEALS) == SEALS &&
	    fstat(HELPER_FD_STAMPS, &st) == 0 && st.st_size == sizeof(*stamps),
	    "dnsfw-priv is started by dnsfw, which is what to start");
	stamps = mmap(NULL, sizeof(*stamps), PROT_READ, MAP_PRIVATE, HELPER_FD_STAMPS, 0);
	must(stamps != MAP_FAILED && stamps->version == ORDER_VERSION &&
	    stamps->size == sizeof(*stamps) && stamps->nfilter > 0 &&
	    stamps->nfilter <= STAMPS_FILTER_MAX && stamps->limits.rate > 0,
	    "it and dnsfw are not of one version");
}

/* The user is what it is to be, and has one capability. */
static void
keep_one_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2] = { { 0 } }, got[2];
	uid_t r, e, s;
	gid_t rg, eg, sg;
	unsigned long cap;

	set[0].permitted = set[0].effective = 1U << CAP_NET_ADMIN;
	/* The ambient set never exceeds the inheritable one, which is empty. */
	must(syscall(SYS_capset, &header, set) == 0 && syscall(SYS_capget, &header, got) == 0 &&
	    memcmp(set, got, sizeof(set)) == 0, "capabilities");
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		must(prctl(PR_CAPBSET_READ, cap) != 1, "bounding set");
	must(getresuid(&r, &e, &s) == 0 && getresgid(&rg, &eg, &sg) == 0 &&
	    r == stamps->uid && e == r && s == r && r != 0 &&
	    rg == stamps->gid && eg == rg && sg == rg && rg != 0 &&
	    getgroups(0, NULL) == 0, "user");
}

static void
confine(void)
{
	const struct rlimit none = { 0, 0 };
	struct sock_fprog filter;

	take_stamps();
	/* The working directory is empty and has been removed. */
	must(chroot(".") == 0 && mkdir("x", 0700) == -1 && errno == ENOENT, "empty root directory");
	must(setrlimit(RLIMIT_NPROC, &none) == 0 && setrlimit(RLIMIT_CORE, &none) == 0,
	    "setrlimit");
	keep_one_capability();
	must(prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_GET_DUMPABLE) == 0, "PR_SET_DUMPABLE");
	must(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no_new_privs");
	must(fcntl(HELPER_FD_LANDLOCK, F_GETFD) == -1 ||
	    syscall(SYS_landlock_restrict_self, HELPER_FD_LANDLOCK, 0) == 0, "Landlock");
	must(syscall(SYS_close_range, HELPER_FD_STAMPS, ~0U, 0) == 0, "close_range");
	/* From here on there is only what io.h names, time, and the end. */
	filter = (struct sock_fprog){ .len = (unsigned short)stamps->nfilter,
	    .filter = (struct sock_filter *)(uintptr_t)stamps->filter };
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0, "seccomp");
}

static void __attribute__((noreturn))
end(enum order_end why, int detail)
{
	const struct order_error error = { .type = ORDER_ERROR, .why = (uint8_t)why,
	    .detail = (uint32_t)detail };

	(void)io_tell(&error, sizeof(error), MSG_DONTWAIT);
	_exit(why);
}

/* Waits: what is lost here would be taken for success. */
static void
tell(const void *record, size_t len)
{
	if (len > 0 && !io_tell(record, len, 0))
		end(errno == EPIPE ? ORDER_END_EOF : ORDER_END_SYSTEM, errno);
}

/* One record of a channel; 0: there is none. */
static size_t
take(int fd, void *buf, size_t size, enum order_end gone)
{
	int flags;
	ssize_t n = io_take(fd, buf, size, &flags);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (0);
	if (n == -1 && errno != ECONNRESET)
		end(ORDER_END_SYSTEM, errno);
	if (n <= 0 || (flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		end(n <= 0 ? gone : ORDER_END_TRUNCATED, 0);
	return ((size_t)n);
}

/* A record of the compiler: of the one type, or of the other. */
static void
learn(const uint8_t *record, size_t len)
{
	const size_t size = record[0] < ORDER_BOUND ? 0 : order_size(record[0]);
	union order o;
	enum order_err err;
	size_t at;

	if (size == 0 || len % size != 0 || (record[0] == ORDER_COMMIT && len != size))
		end(ORDER_END_RECORD, size == 0 ? ORDER_ETYPE : ORDER_ESIZE);
	for (at = 0; at < len; at += size) {
		err = record[at] != record[0] ? ORDER_ETYPE : order_decode(record + at, size, &o);
		if (err != ORDER_OK)
			end(ORDER_END_RECORD, err);
		if (!(o.type == ORDER_BOUND ? bounds_add(&bounds, &o.bound) :
		    bounds_commit(&bounds, o.commit.bounds)))
			end(ORDER_END_BOUNDS, 0);
	}
}

/* All that the compiler has sent so far. */
static void
hear_compiler(void)
{
	uint8_t record[ORDER_BATCH_MAX * sizeof(struct order_bound)];
	size_t i, len = 1;

	for (i = 0; i < TURN_RECORDS && len > 0; i++) {
		len = take(HELPER_FD_COMPILER, record, sizeof(record), ORDER_END_COMPILER);
		if (len > 0)
			learn(record, len);
	}
}

static void
obey(const uint8_t *record, size_t len)
{
	enum order_err err = act_fill(&act, &bounds, record, len);

	if (err != ORDER_OK)
		end(ORDER_END_RECORD, err);
	tell(act.refused, act.nrefused * sizeof(act.refused[0]));
	if (act.len == 0 || io_kernel(act.fd, act.out, act.len))
		return;
	act_undo(&act);
	tell(act.refused, act.nrefused * sizeof(act.refused[0]));
}

/*
 * When the keeper may be heard again: each record moves *next on by its share
 * of a second, from a burst before now at the earliest.  Returns the ns to wait.
 */
static uint64_t
until(uint64_t *next)
{
	const uint64_t burst = SECOND / stamps->limits.rate * stamps->limits.burst;
	struct timespec ts;
	uint64_t now;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	now = (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
	if (now > burst && *next < now - burst)
		*next = now - burst;
	return (*next > now ? *next - now : 0);
}

static void
turn(uint64_t *next)
{
	static uint8_t record[ORDER_SIZE_MAX];
	const uint64_t ns = until(next);
	const struct timespec wait = { (time_t)(ns / SECOND), (long)(ns % SECOND) };
	/* The kernel looks at them in this order, which matters below. */
	struct pollfd fds[] = { { ns == 0 ? HELPER_FD_KEEPER : -1, POLLIN, 0 },
	    { HELPER_FD_COMPILER, POLLIN, 0 } };
	size_t len = 0;

	if (ppoll(fds, 2, ns == 0 ? NULL : &wait, NULL) == -1 && errno != EINTR)
		end(ORDER_END_SYSTEM, errno);
	if (fds[0].revents != 0)
		len = take(HELPER_FD_KEEPER, record, sizeof(record), ORDER_END_EOF);
	/*
	 * Before the keeper is obeyed, who may have heard of a new policy.  ppoll
	 * looked at its channel first, so it has seen the compiler's bounds.
	 */
	if (fds[1].revents != 0)
		hear_compiler();
	if (len > 0) {
		*next += SECOND / stamps->limits.rate;
		obey(record, len);
	}
}

int
main(void)
{
	const struct order_ready ready = { .type = ORDER_READY, .version = ORDER_VERSION };
	uint64_t next = 0;

	confine();
	act.stamps = stamps;
	tell(&ready, sizeof(ready));
	for (;;)
		turn(&next);
}
