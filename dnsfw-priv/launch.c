/* What root does at start. */
#include "launch.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/openat2.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addrtext.h"
#include "chan.h"
#include "log.h"
#include "sockbuf.h"
#include "syscalls.h"

#define CHAN_BUFFER	(4 << 20)	/* bytes: room for many results */
#define UDP_BUFFER	(4 << 20)
#define TCP_BACKLOG	1024
#define FD_ASIDE	256		/* above every descriptor of a child */

void
launch_descriptors(void)
{
	int fd;

	/* Opening takes the lowest free number, so this fills 0, 1, 2. */
	do {
		if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
			fatal("open /dev/null");
	} while (fd <= STDERR_FILENO);
	if (dup2(fd, STDIN_FILENO) == -1)
		fatal("dup2");
	if (close_range(STDERR_FILENO + 1, ~0U, 0) == -1)
		fatal("close_range");
}

void
launch_capabilities(bool firewall)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];
	static const struct {
		int		number;
		const char	*text;
	} needed[] = {
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN is missing: it is needed to "
		    "program the firewall" },
		{ CAP_SETGID, "CAP_SETGID is missing: it is needed to become "
		    "other users" },
		{ CAP_SETUID, "CAP_SETUID is missing: it is needed to become "
		    "other users" },
		{ CAP_SETPCAP, "CAP_SETPCAP is missing: it is needed to give "
		    "up all other capabilities" },
		{ CAP_SYS_CHROOT, "CAP_SYS_CHROOT is missing: it is needed to "
		    "make an empty directory the root directory" }
	};
	bool missing = false;
	size_t i;

	if (syscall(SYS_capget, &hdr, data) == -1)
		fatal("capget");
	/* All of them are in the first word. */
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if ((data[0].effective & 1U << needed[i].number) != 0 ||
		    (!firewall && needed[i].number == CAP_NET_ADMIN))
			continue;
		log_error("%s", needed[i].text);
		missing = true;
	}
	if (missing)
		fatalx("dnsfw-priv starts with these capabilities and gives "
		    "them up: what starts it must leave them to it "
		    "(CapabilityBoundingSet= of a unit, --cap-add of a "
		    "container)");
}

struct user
launch_user(const char *name, const char *option)
{
	struct passwd *pw;
	struct user user;

	errno = 0;
	if ((pw = getpwnam(name)) == NULL)
		fatalx("user \"%s\" (--%s) does not exist: create it with "
		    "'useradd --system --no-create-home "
		    "--shell /usr/sbin/nologin %s' or systemd-sysusers",
		    name, option, name);
	if (pw->pw_uid == 0 || pw->pw_gid == 0)
		fatalx("--%s \"%s\": must not be root", option, name);
	user.uid = pw->pw_uid;
	user.gid = pw->pw_gid;
	return (user);
}

void
launch_two_users(const struct user *priv, const struct user *proxy)
{
	if (priv->uid == proxy->uid)
		fatalx("--priv-user and --proxy-user must be different users");
}

static void
set_option(int fd, int level, int name, int value, const char *text)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) == -1)
		fatal("setsockopt %s", text);
}

/* [::] serves IPv4, too, unless 0.0.0.0 is bound by itself. */
static int
v6_only(const struct options *o)
{
	static const struct addr any = { .family = ADDR_V4 };
	size_t i;

	for (i = 0; i < o->binds.n; i++) {
		if (addr_equal(&o->binds.at[i].addr, &any))
			return (1);
	}
	return (0);
}

/*
 * The workers' sockets of one address are a group, in which this program gives
 * each packet to socket number "hash of the client's address modulo workers".
 * It sees the IP header, so an IPv4 client is the same on an IPv6 socket.
 */
static void
attach_choice(int fd, uint32_t workers)
{
	const uint32_t ip = (uint32_t)SKF_NET_OFF;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ip),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 2, 0),
		/* IPv4 (RFC 791): the source */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 12),
		BPF_STMT(BPF_JMP | BPF_JA, 10),
		/* IPv6 (RFC 8200): its four words */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 8),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 12),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 16),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 20),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		/* neighbours go to different workers (Knuth) */
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
		BPF_STMT(BPF_RET | BPF_A, 0)
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]),
	    .filter = code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
	    sizeof(program)) == -1)
		fatal("SO_ATTACH_REUSEPORT_CBPF");
}

/*
 * bind.  An address that no interface has yet (a VRRP standby's, a tentative
 * one, one of a link that is down) is bound all the same, and *later is true.
 */
static int
bind_socket(int fd, const struct sockaddr_storage *ss, socklen_t len,
    bool *later)
{
	const struct sockaddr *sa = (const struct sockaddr *)ss;

	*later = false;
	if (bind(fd, sa, len) == 0)
		return (0);
	if (errno != EADDRNOTAVAIL)
		return (-1);
	*later = true;
	if (sa->sa_family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1,
		    "IPV6_FREEBIND");
	else
		set_option(fd, IPPROTO_IP, IP_FREEBIND, 1, "IP_FREEBIND");
	return (bind(fd, sa, len));
}

static void __attribute__((noreturn))
not_bound(const char *text, uint32_t port, int type)
{
	bool udp = type == SOCK_DGRAM;

	if (errno == EADDRINUSE)
		fatalx("cannot listen on %s port %u (%s; --bind, --bind-port): "
		    "the port is in use ('ss -ln%cp' tells by which program)",
		    text, port, udp ? "UDP" : "TCP", udp ? 'u' : 't');
	fatal("cannot listen on %s port %u (%s; --bind, --bind-port)", text,
	    port, udp ? "UDP" : "TCP");
}

/* A group takes further members silently: is anybody there already? */
static void
check_free(const struct sockaddr_storage *ss, socklen_t len, int v6only,
    const char *text, uint32_t port)
{
	int fd = socket(ss->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool later;

	if (fd == -1)
		fatal("socket");
	if (ss->ss_family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only,
		    "IPV6_V6ONLY");
	if (bind_socket(fd, ss, len, &later) == -1)
		not_bound(text, port, SOCK_DGRAM);
	close(fd);
}

static int
bound_socket(const struct options *o, const struct host *host, int type,
    unsigned int worker)
{
	const struct addr *a = &host->addr;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(a, (uint16_t)o->bind_port,
	    host->scope, &ss);
	char text[HOST_TEXT_MAX];
	bool later;
	int fd;

	host_print(host, text);
	if (o->workers > 1 && worker == 0 && type == SOCK_DGRAM)
		check_free(&ss, len, v6_only(o), text, o->bind_port);
	fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		fatal("socket for %s", text);
	if (o->workers > 1)
		set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
	if (a->family == ADDR_V6) {
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only(o),
		    "IPV6_V6ONLY");
	}
	if (type == SOCK_DGRAM) {
		/* The answer leaves from the address that was asked. */
		if (a->family == ADDR_V6)
			set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1,
			    "IPV6_RECVPKTINFO");
		else
			set_option(fd, IPPROTO_IP, IP_PKTINFO, 1,
			    "IP_PKTINFO");
		sockbuf_receive(fd, UDP_BUFFER);
	} else {
		set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
		/* Inherited by each connection: no answer waits for an ACK. */
		set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
	}
	if (bind_socket(fd, &ss, len, &later) == -1)
		not_bound(text, o->bind_port, type);
	if (later && worker == 0 && type == SOCK_DGRAM)
		log_warn("no interface has the address %s (--bind) yet: "
		    "queries there are answered as soon as one has it", text);
	if (type == SOCK_STREAM && listen(fd, TCP_BACKLOG) == -1)
		not_bound(text, o->bind_port, type);
	if (o->workers > 1 && worker == 0)
		attach_choice(fd, o->workers);
	return (fd);
}

size_t
launch_sockets(const struct options *o, unsigned int worker,
    int fds[2 * MSG_BINDS_MAX])
{
	size_t i;

	for (i = 0; i < o->binds.n; i++) {
		fds[2 * i] = bound_socket(o, &o->binds.at[i], SOCK_DGRAM,
		    worker);
		fds[2 * i + 1] = bound_socket(o, &o->binds.at[i], SOCK_STREAM,
		    worker);
	}
	return (2 * o->binds.n);
}

/*
 * The file is opened later with an empty root directory, where an absolute link
 * leads nowhere, and where Landlock keeps all but its directory away.
 */
static void
check_links(const char *path, const char *name)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
	    .resolve = RESOLVE_BENEATH };
	char target[PATH_MAX];
	ssize_t n;
	long fd;

	fd = syscall(SYS_openat2, FD_ACL_DIR, name, &how, sizeof(how));
	if (fd != -1)
		close((int)fd);
	if (fd != -1 || errno != EXDEV)
		return;
	n = readlink(path, target, sizeof(target));
	log_error("the ACL \"%s\" (--acl-file) is a link to \"%.*s\": only a "
	    "relative link to a file in or below its directory can be "
	    "followed; name that file itself", path, n > 0 ? (int)n : 0,
	    target);
	exit(2);
}

const char *
launch_acl_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	char dir[PATH_MAX] = ".";
	struct stat st;
	int fd;

	if (stat(path, &st) == -1) {
		log_error("cannot open the ACL \"%s\" (--acl-file): %m", path);
		exit(2);
	}
	if (S_ISDIR(st.st_mode) || S_ISFIFO(st.st_mode)) {
		log_error("the ACL \"%s\" (--acl-file) is a %s", path,
		    S_ISDIR(st.st_mode) ? "directory" : "FIFO");
		exit(2);
	}
	if (len >= sizeof(dir))
		fatalx("--acl-file: the path is too long");
	if (len > 0)
		memcpy(dir, path, len);
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || dup3(fd, FD_ACL_DIR, O_CLOEXEC) == -1)
		fatal("cannot open the directory of the ACL \"%s\"", path);
	close(fd);
	check_links(path, path + len);
	return (path + len);
}

/*
 * In a build tree the proxy is beside our own folder; else it is where it was
 * installed.  $PATH has no say.
 */
static const char *
proxy_path(void)
{
	static char path[PATH_MAX + 32];
	char self[PATH_MAX];
	ssize_t n;
	char *dir;

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		fatal("readlink /proc/self/exe");
	self[n] = '\0';
	dir = dirname(self);
	if (strcmp(basename(dir), "dnsfw-priv") == 0) {
		snprintf(path, sizeof(path), "%s/dnsfw-proxy/dnsfw-proxy",
		    dirname(dir));
		if (access(path, X_OK) == 0)
			return (path);
	}
	return (PROXY_PATH);
}

/* Lay the descriptors out as msg.h says; the child's last step before exec. */
static void
arrange(int chan, const int *fds, size_t nfds)
{
	int aside[1 + 2 * MSG_BINDS_MAX];
	size_t i;

	aside[0] = fcntl(chan, F_DUPFD_CLOEXEC, FD_ASIDE);
	for (i = 0; i < nfds; i++)
		aside[1 + i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FD_ASIDE);
	for (i = 0; i < 1 + nfds; i++) {
		if (aside[i] == -1 ||
		    dup2(aside[i], MSG_FD_CHANNEL + (int)i) == -1)
			fatal("cannot arrange descriptors");
	}
	if (close_range(MSG_FD_CHANNEL + 1 + (unsigned int)nfds, ~0U, 0) == -1)
		fatal("close_range");
}

static void __attribute__((noreturn))
become_proxy(const char *role, struct user user, const char *extra)
{
	char uid[16], gid[16], journal[64];
	char *argv[6], *env[2] = { NULL, NULL };
	const char *stream = getenv("JOURNAL_STREAM"), *path = proxy_path();
	size_t n = 0;

	snprintf(uid, sizeof(uid), "%u", user.uid);
	snprintf(gid, sizeof(gid), "%u", user.gid);
	argv[n++] = (char *)(uintptr_t)"dnsfw-proxy";
	argv[n++] = (char *)(uintptr_t)role;
	argv[n++] = uid;
	argv[n++] = gid;
	argv[n++] = (char *)(uintptr_t)extra;
	argv[n] = NULL;
	if (stream != NULL) {
		snprintf(journal, sizeof(journal), "JOURNAL_STREAM=%s", stream);
		env[0] = journal;
	}
	execve(path, argv, env);
	fatal("cannot run %s", path);
}

void
launch_child(struct child *c, const char *role, const char *name,
    struct user user, const char *extra, const int *fds, size_t nfds,
    const struct msg_config *config)
{
	int pair[2];
	size_t i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		fatal("socketpair");
	/* For many results, of which --check has none. */
	for (i = 0; i < 2 && geteuid() == 0; i++)
		sockbuf_send(pair[i], CHAN_BUFFER);
	if (config != NULL && chan_send(pair[0], config, sizeof(*config),
	    -1) != sizeof(*config))
		fatal("cannot send the configuration");
	if ((c->pid = fork()) == -1)
		fatal("fork");
	if (c->pid == 0) {
		arrange(pair[1], fds, nfds);
		become_proxy(role, user, extra);
	}
	close(pair[1]);
	for (i = 0; i < nfds; i++)
		close(fds[i]);
	snprintf(c->name, sizeof(c->name), "%s", name);
	/* Where the sockets were: the filter tells descriptors by number. */
	c->chan = fcntl(pair[0], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (c->chan == -1 || c->chan >= FD_OWN)
		fatalx("too many descriptors");
	close(pair[0]);
}
