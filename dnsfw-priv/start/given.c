/* What the keeper inherits as descriptors. */
#include "given.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <linux/netlink.h>
#include <linux/openat2.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "sockbuf.h"

/*
 * The kernel counts an answer with its bookkeeping, about 800 bytes, and every
 * message of the largest transaction may fail.
 */
#define NETLINK_BUFFER	(1 << 20)

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/*
 * The file is opened later with an empty root directory, where an absolute link
 * leads nowhere, and where Landlock keeps all but its directory away.
 */
static void
check_links(const char *path, int dir, const char *name)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
	    .resolve = RESOLVE_BENEATH };
	char target[PATH_MAX];
	ssize_t n;
	long fd;

	fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));
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

int
given_acl(struct keepconf *k)
{
	const char *path = k->acl_path;
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	char folder[PATH_MAX] = ".";
	struct stat st;
	int dir;

	if (stat(path, &st) == -1) {
		log_error("cannot open the ACL \"%s\" (--acl-file): %m", path);
		exit(2);
	}
	if (S_ISDIR(st.st_mode) || S_ISFIFO(st.st_mode)) {
		log_error("the ACL \"%s\" (--acl-file) is a %s", path,
		    S_ISDIR(st.st_mode) ? "directory" : "FIFO");
		exit(2);
	}
	if (geteuid() != 0 && access(path, R_OK) == -1) {
		log_error("cannot open the ACL \"%s\" (--acl-file): %m", path);
		exit(2);
	}
	/* Longer ones than PATH_MAX have failed. */
	if (len > 0)
		memcpy(folder, path, len);
	if ((dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1)
		fatal("cannot open the directory of the ACL \"%s\"", path);
	check_links(path, dir, path + len);
	k->acl_name = (uint32_t)len;
	return (dir);
}

/* Returns -1 with errno. */
static int
connect_to(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd;

	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(un.sun_path)) {
		errno = EAFNOSUPPORT;
		return (-1);
	}
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')	/* an abstract name */
		un.sun_path[0] = '\0';
	/* Nobody waits for a manager that is stuck. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect(fd, (struct sockaddr *)&un,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
		return (fd);
	return (-1);
}

int
given_notify(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int fd;

	if (path == NULL || path[0] == '\0')
		return (-1);
	if ((fd = connect_to(path)) == -1)
		log_warn("NOTIFY_SOCKET=\"%s\": %s; the service manager is "
		    "told nothing", path, strerrordesc_np(errno));
	return (fd);
}

int
given_netlink(uint32_t groups)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
	    .nl_groups = groups };
	int fd, on = 1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_NETFILTER);
	if (fd == -1 || bind(fd, (struct sockaddr *)&nl, sizeof(nl)) == -1)
		fatalx("netlink socket of family %d: %s%s", NETLINK_NETFILTER,
		    strerrordesc_np(errno), errno != EPERM ? "" :
		    ": CAP_NET_ADMIN is needed, in the user namespace that "
		    "this network belongs to");
	/* Errors without a copy of what was sent. */
	if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) == -1)
		fatal("NETLINK_CAP_ACK");
	/* If the system's limit stands, events may be lost; that is seen. */
	sockbuf_send(fd, NETLINK_BUFFER);
	sockbuf_receive(fd, NETLINK_BUFFER);
	return (fd);
}

int
given_memory(const char *name, const void *bytes, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	/* One write does it: it is memory. */
	if (fd == -1 || write(fd, bytes, len) != (ssize_t)len ||
	    fcntl(fd, F_ADD_SEALS, SEALS) == -1)
		fatal("sealed memory for %s", name);
	return (fd);
}
