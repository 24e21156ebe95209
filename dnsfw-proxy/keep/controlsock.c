/* The control socket's making. */
#include "controlsock.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "keepconf.h"
#include "log.h"

/* Is it a socket of this kind that nobody has any more? */
static bool
is_left_over(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	bool refused;
	struct stat st;

	if (fd == -1)
		fatal("socket");
	/* A usual file refuses, too. */
	refused = lstat(sun->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, (const struct sockaddr *)sun,
	    sizeof(*sun)) == -1 && errno == ECONNREFUSED;
	close(fd);
	return (refused);
}

/* Made with the group whose members may ask, so that no moment is without it. */
static int
bind_as(int fd, const struct sockaddr_un *sun, gid_t gid)
{
	gid_t own = getegid();
	bool has_group = gid != 0 && setegid(gid) == 0;
	mode_t mask = umask(has_group ? 0117 : 0177);
	int rc;

	if (gid != 0 && !has_group)
		log_warn("only root can ask at \"%s\" (--control), as the "
		    "group cannot be had here: %m", sun->sun_path);
	rc = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));
	if (has_group && setegid(own) == -1)
		fatal("setegid");
	umask(mask);
	return (rc);
}

/* The directory, if it is the last one that lacks. */
static void
make_directory(const struct sockaddr_un *sun)
{
	char dir[sizeof(sun->sun_path)];
	char *slash;
	mode_t mask;

	memcpy(dir, sun->sun_path, sizeof(dir));
	slash = strrchr(dir, '/');
	if (slash == NULL || slash == dir)
		return;
	*slash = '\0';
	mask = umask(0022);
	(void)mkdir(dir, 0755);		/* bind says why if it lacks */
	umask(mask);
}

/* Bound, or why not. */
static const char *
bind_anyhow(int fd, const struct sockaddr_un *sun, gid_t gid)
{
	if (bind_as(fd, sun, gid) == 0)
		return (NULL);
	if (errno != EADDRINUSE)
		return (strerrordesc_np(errno));
	if (!is_left_over(sun))
		return ("another process serves there, or it is no such socket");
	(void)unlink(sun->sun_path);
	return (bind_as(fd, sun, gid) == 0 ? NULL : strerrordesc_np(errno));
}

bool
controlsock_open(const char path[], gid_t gid, int backlog)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *why;
	int fd;

	static_assert(sizeof(sun.sun_path) == KEEPCONF_CONTROL_MAX, "a path");
	memcpy(sun.sun_path, path, sizeof(sun.sun_path));
	make_directory(&sun);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		fatal("socket");
	if ((why = bind_anyhow(fd, &sun, gid)) != NULL)
		log_warn("no control socket \"%s\" (--control): %s; dnsfwctl "
		    "cannot ask this dnsfw", sun.sun_path, why);
	else if (listen(fd, backlog) == -1 ||
	    dup3(fd, KEEP_FD_CONTROL, O_CLOEXEC) == -1)
		fatal("cannot listen at the control socket");
	else if (gid == 0)
		log_info("there is no group \"dnsfw\": only root can ask at "
		    "\"%s\" (dnsfwctl)", sun.sun_path);
	close(fd);
	return (why == NULL);
}
