/*
 * dnsfw-proxy: reads what strangers send, without any power.
 *
 * dnsfw becomes the keeper, as "dnsfw-proxy keeper", with the descriptors that
 * keepconf.h names, and starts the others as "dnsfw-proxy ROLE UID GID NAME",
 * with those that msg.h names, a pipe of theirs as 0, and a channel for the log
 * as 2.  Each confines itself before it reads a byte of what it is to parse: the
 * compiler the ACL, the worker DNS, the keeper what the kernel says.
 */
#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler.h"
#include "drop.h"
#include "keep/keep.h"
#include "log.h"
#include "msg.h"
#include "outlook.h"
#include "sandbox.h"
#include "serve/worker.h"
#include "syscalls.h"

#define COMPILER_DESCRIPTORS 16
#define HEAP_KEPT	(1 << 20)	/* octets */
#define COMPILER_NICE	10	/* workers come first, but cannot starve it (A9) */

/* Bytes of address space: far more than the largest list, or a million
 * connections, take. */
#define MEMORY		(16UL << 30)

static unsigned int
number(const char *text)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || n == 0 || n >= UINT32_MAX)
		fatalx("\"%s\": not a user or group", text);
	return ((unsigned int)n);
}

/* As many descriptors as are wanted, or as the service manager lets us have. */
static unsigned long
descriptors(unsigned long wanted)
{
	struct rlimit rl = { .rlim_cur = wanted, .rlim_max = wanted };

	if (setrlimit(RLIMIT_NOFILE, &rl) == 0)
		return (wanted);
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit");
	/* Few have all requests and all connections in use at once. */
	if (rl.rlim_max < wanted / 2)
		log_warn("only %lu descriptors are allowed (ulimit -n, "
		    "LimitNOFILE); --max-connections can take up to %lu",
		    (unsigned long)rl.rlim_max, wanted);
	return (rl.rlim_max);
}

/* What malloc does not get ends a query or a connection, and nothing else. */
static void
limit_memory(size_t octets)
{
#ifndef DNSFW_SANITIZE
	struct rlimit rl;

	if (getrlimit(RLIMIT_DATA, &rl) == -1)
		fatal("getrlimit");
	/* The service manager may let us have less. */
	if (rl.rlim_max > octets)
		rl.rlim_max = octets;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_DATA, &rl) == -1)
		fatal("setrlimit data");
#else
	(void)octets;	/* the sanitizers have tables of their own */
#endif
}

static void
run_compiler(uid_t uid, gid_t gid, const char *name)
{
	log_init(NULL);
	if (setpriority(PRIO_PROCESS, 0, COMPILER_NICE) == -1)
		fatal("setpriority");
	outlook_open();

	/* Confinement: as in run_worker, below. */
	drop_root();
	drop_limits(COMPILER_DESCRIPTORS);
	drop_memory(MEMORY);
	drop_privileges(uid, gid, 0);
	drop_outlive(STDIN_FILENO);
	(void)sandbox_landlock(NULL, 0, -1);
	sandbox_seccomp(compiler_rules, compiler_nrules);

	compiler_run(name);
}

/* The compiler of --check, for who cannot change users. */
static void
run_checker(const char *name)
{
	log_init(NULL);
	if (geteuid() == 0)
		fatalx("the role \"checker\" is for ordinary users");

	/* Confinement: as far as it goes without being root. */
	drop_limits(COMPILER_DESCRIPTORS);
	drop_memory(MEMORY);
	drop_capabilities();
	drop_outlive(STDIN_FILENO);
	(void)sandbox_landlock(NULL, 0, -1);
	sandbox_seccomp(compiler_rules, compiler_nrules);

	compiler_run(name);
}

/*
 * A worker's listening sockets are one group with those of the others: without one
 * of them the kernel would choose another worker for their clients.  So the filter
 * has to tell them by their numbers, and no other descriptor has one of these.
 */
static void
fill_listeners(void)
{
	int fd;

	for (fd = MSG_FD_LISTEN; fd <= WORKER_LAST_LISTENER; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    dup3(STDIN_FILENO, fd, O_CLOEXEC) == -1)
			fatal("dup3");
}

static void
run_worker(uid_t uid, gid_t gid)
{
	uint16_t ports[MSG_UPSTREAMS_MAX];
	unsigned long nofile;
	size_t nports;

	log_init(NULL);
	/* Or glibc takes pages for each connection, and gives them back. */
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	fill_listeners();
	worker_init();
	nports = worker_connect_ports(ports);
	nofile = descriptors(worker_descriptors());
	limit_memory(worker_memory());

	/*
	 * Confinement.  The empty root needs CAP_SYS_CHROOT, so it comes
	 * before the user; the user comes before no_new_privs, which both
	 * Landlock and seccomp need; seccomp is last, as it forbids the rest.
	 */
	drop_root();
	drop_limits(nofile);
	drop_memory(MEMORY);
	drop_privileges(uid, gid, 0);
	drop_outlive(STDIN_FILENO);
	(void)sandbox_landlock(ports, nports, -1);
	sandbox_seccomp(worker_rules, worker_nrules);

	worker_run();
}

int
main(int argc, char **argv)
{
	uid_t uid;
	gid_t gid;

	if (argc == 2 && strcmp(argv[1], "keeper") == 0)
		return (keep_main());
	if (argc != 5)
		fatalx("dnsfw-proxy is started by dnsfw; see dnsfw(8)");
	uid = number(argv[2]);
	gid = number(argv[3]);
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[1], "compiler") == 0)
		run_compiler(uid, gid, argv[4]);
	else if (strcmp(argv[1], "checker") == 0)
		run_checker(argv[4]);
	else if (strcmp(argv[1], "worker") == 0)
		run_worker(uid, gid);
	else
		fatalx("\"%s\": not a role of dnsfw-proxy", argv[1]);
	return (0);
}
