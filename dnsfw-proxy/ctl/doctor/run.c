/* Programs that are asked what the kernel has. */
#include "run.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX	16
#define FIRST_SIZE	(64UL << 10)

struct running {
	pid_t	pid;
	int	fd;
	char	*text;
	size_t	len, size;
};

static const char *
find_program(const char *name, char path[64])
{
	static const char *const places[] = { "/usr/sbin", "/sbin",
	    "/usr/bin" };
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, 64, "%s/%s", places[i], name);
		if (access(path, X_OK) == 0)
			return (path);
	}
	return (NULL);
}

static void
start_program(struct running *r, const char *path, const char *const *args)
{
	static char search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char locale[] = "LC_ALL=C";
	char *environment[] = { search, locale, NULL };
	const char *argv[ARGS_MAX + 2] = { path };
	posix_spawn_file_actions_t files;
	int ends[2], error;
	size_t i;

	for (i = 0; i < ARGS_MAX && args[i] != NULL; i++)
		argv[i + 1] = args[i];
	if (pipe2(ends, O_CLOEXEC) == -1)
		err(1, "pipe");
	if (posix_spawn_file_actions_init(&files) != 0 ||
	    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR,
	    0) != 0 ||
	    posix_spawn_file_actions_adddup2(&files, ends[1], 1) != 0 ||
	    posix_spawn_file_actions_adddup2(&files, 0, 2) != 0)
		errx(1, "posix_spawn_file_actions");
	error = posix_spawn(&r->pid, path, &files, NULL,
	    (char *const *)(uintptr_t)argv, environment);
	if (error != 0) {
		errno = error;
		err(1, "cannot run %s", path);
	}
	posix_spawn_file_actions_destroy(&files);
	close(ends[1]);
	r->fd = ends[0];
}

/* More of what it writes; 0 at the end. */
static ssize_t
read_more(struct running *r)
{
	ssize_t n;

	if (r->len + 1 >= r->size) {
		r->size = r->size == 0 ? FIRST_SIZE : 2 * r->size;
		if ((r->text = realloc(r->text, r->size)) == NULL)
			err(1, "realloc");
	}
	while ((n = read(r->fd, r->text + r->len, r->size - r->len - 1)) ==
	    -1 && errno == EINTR)
		;
	if (n > 0)
		r->len += (size_t)n;
	r->text[r->len] = '\0';
	return (n);
}

static int
left_ms(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec >= end->tv_sec)
		return (0);
	return ((int)(end->tv_sec - now.tv_sec) * 1000);
}

static enum run_result
read_output(struct running *r, const struct timespec *end)
{
	struct pollfd pfd = { .fd = r->fd, .events = POLLIN };
	ssize_t n = 1;
	int ready;

	while (n > 0) {
		ready = poll(&pfd, 1, left_ms(end));
		if (ready == 0)
			return (RUN_SLOW);
		if (ready == -1 && errno != EINTR)
			return (RUN_FAILED);
		if (ready == 1 && (n = read_more(r)) == -1)
			return (RUN_FAILED);
		if (r->len > RUN_OUTPUT_MAX)
			return (RUN_LONG);
	}
	return (RUN_DONE);
}

/* One that has closed its output may go on for ever. */
static enum run_result
wait_end(pid_t pid, const struct timespec *end)
{
	struct pollfd pfd = { .fd = (int)syscall(SYS_pidfd_open, pid, 0),
	    .events = POLLIN };
	int ready;

	while ((ready = poll(&pfd, 1, left_ms(end))) == -1 && errno == EINTR)
		;
	if (pfd.fd != -1)
		close(pfd.fd);
	return (ready == 1 ? RUN_DONE : RUN_SLOW);
}

enum run_result
run_program(const char *name, const char *const *args, char **output,
    size_t *len)
{
	struct running r = { .text = NULL };
	enum run_result result;
	struct timespec end;
	char path[64];
	int status;

	*output = NULL;
	*len = 0;
	if (find_program(name, path) == NULL)
		return (RUN_MISSING);
	start_program(&r, path, args);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += RUN_SECONDS;
	result = read_output(&r, &end);
	close(r.fd);
	if (result == RUN_DONE)
		result = wait_end(r.pid, &end);
	if (result != RUN_DONE)
		kill(r.pid, SIGKILL);
	while (waitpid(r.pid, &status, 0) == -1 && errno == EINTR)
		;
	if (result == RUN_DONE && (!WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0))
		result = RUN_FAILED;
	if (result != RUN_DONE) {
		free(r.text);
		return (result);
	}
	*output = r.text;
	*len = r.len;
	return (result);
}

const char *
run_text(enum run_result result)
{
	static const char *const texts[] = {
		[RUN_DONE] = "it ran",
		[RUN_MISSING] = "it is not installed",
		[RUN_FAILED] = "it failed",
		[RUN_LONG] = "it wrote more than 64 MiB",
		[RUN_SLOW] = "it took more than a minute"
	};

	return (texts[result]);
}
