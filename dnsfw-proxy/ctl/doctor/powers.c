/* Users and files: who could become what he should not be. */
#include "powers.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

#define USERS		3
#define CONTROL_GROUP	"dnsfw"

/* The command, with the word behind it. */
static const char *
mend_of(struct command *c, const char *ours, const char *word)
{
	*c = (struct command){ .len = 0 };
	command_add(c, "%s", ours);
	command_word(c, word);
	return (command_text(c));
}

/* --- users --- */

struct user {
	const char	*option, *name;
	bool		there;
	uid_t		uid;
	gid_t		gid;
};

static bool
can_log_in(const char *shell)
{
	const char *name = strrchr(shell, '/');

	name = name == NULL ? shell : name + 1;
	return (strcmp(name, "nologin") != 0 && strcmp(name, "false") != 0);
}

static void
look_at_user(struct user *u, struct findings *f)
{
	const struct passwd *pw = getpwnam(u->name);
	struct command mend;

	u->there = pw != NULL;
	if (pw == NULL) {
		findings_add(f, ERROR, "no-user", "systemd-sysusers",
		    "there is no user \"%s\" (%s): dnsfw does not start",
		    u->name, u->option);
		return;
	}
	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	if (u->uid == 0 || u->gid == 0)
		findings_add(f, ERROR, "user-is-root", "systemd-sysusers",
		    "the user \"%s\" (%s) is root, or of its group: dnsfw does "
		    "not start", u->name, u->option);
	if (can_log_in(pw->pw_shell))
		findings_add(f, WARNING, "user-logs-in", mend_of(&mend,
		    "usermod -s /usr/sbin/nologin", u->name), "the user "
		    "\"%s\" (%s) has the shell \"%s\": nobody should log in "
		    "as it", u->name, u->option, pw->pw_shell);
}

static void
look_at_users(struct user users[USERS], struct findings *f)
{
	size_t i, k;

	for (i = 0; i < USERS; i++)
		look_at_user(&users[i], f);
	for (i = 0; i < USERS; i++)
		for (k = 0; k < i; k++)
			if (users[i].there && users[k].there &&
			    users[i].uid == users[k].uid)
				findings_add(f, ERROR, "same-user",
				    "systemd-sysusers", "%s and %s are the "
				    "same user (\"%s\"): dnsfw does not start",
				    users[k].option, users[i].option,
				    users[i].name);
	if (getgrnam(CONTROL_GROUP) == NULL)
		findings_add(f, WARNING, "no-group", "groupadd --system "
		    CONTROL_GROUP, "there is no group \"" CONTROL_GROUP
		    "\": only root may ask the dnsfw that runs");
}

/* --- files --- */

/* Who but root could change what is at the path? */
static void
look_at_writers(const char *path, struct findings *f)
{
	struct command mend;
	struct stat st;
	bool sticky;

	if (stat(path, &st) == -1)
		return;
	sticky = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) != 0;
	if (st.st_uid != 0)
		findings_add(f, ERROR, "owner", mend_of(&mend, "chown root",
		    path), "\"%s\" belongs to another user than root, who can "
		    "change what dnsfw does", path);
	if (!sticky && ((st.st_mode & S_IWOTH) != 0 ||
	    ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0)))
		findings_add(f, ERROR, "writable", mend_of(&mend,
		    "chmod go-w", path), "others than root can write \"%s\", "
		    "and so change what dnsfw does", path);
}

/* The file, and each folder that leads to it. */
static void
look_at_path(const char *path, struct findings *f)
{
	char *real = realpath(path, NULL), *at = real;

	while (at != NULL) {
		look_at_writers(at, f);
		if (strcmp(at, "/") == 0)
			break;
		at = dirname(at);
	}
	free(real);
}

/* In a process of its own, that is that user. */
static void __attribute__((noreturn))
try_open(const struct user *u, int folder, const char *name)
{
	if (setgroups(0, NULL) == -1 || setgid(u->gid) == -1 ||
	    setuid(u->uid) == -1)
		_exit(0);
	_exit(openat(folder, name, O_RDONLY | O_CLOEXEC) != -1 ||
	    errno != EACCES ? 0 : 1);
}

/* As dnsfw does: root opens the folder, and the keeper the file in it. */
static bool
can_read(const struct user *u, const char *path)
{
	char *copy = strdup(path), *copy2 = strdup(path);
	int folder, status = 0;
	pid_t pid;

	if (copy == NULL || copy2 == NULL)
		err(1, "strdup");
	folder = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder != -1) {
		if ((pid = fork()) == -1)
			err(1, "fork");
		if (pid == 0)
			try_open(u, folder, basename(copy2));
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			;
		close(folder);
	}
	free(copy);
	free(copy2);
	return (!WIFEXITED(status) || WEXITSTATUS(status) == 0);
}

static void
look_at_list(const struct settings *s, const struct user *keeper,
    struct findings *f)
{
	struct command mend;

	if (access(s->acl, F_OK) == -1) {
		if (errno == ENOENT)
			findings_add(f, ERROR, "no-list", mend_of(&mend,
			    "install -D -m 644 /dev/null", s->acl), "there is "
			    "no list \"%s\": dnsfw does not start; with an "
			    "empty one it refuses all", s->acl);
		return;
	}
	look_at_path(s->acl, f);
	if (geteuid() != 0 || !keeper->there || can_read(keeper, s->acl))
		return;
	findings_add(f, ERROR, "unreadable", mend_of(&mend, "chmod a+r",
	    s->acl), "the user \"%s\" "
	    "(KEEPER_USER) cannot read the list \"%s\"", keeper->name,
	    s->acl);
}

void
powers_look(const struct settings *s, struct findings *f)
{
	struct user users[USERS] = {
		{ .option = "PRIV_USER", .name = s->priv_user },
		{ .option = "KEEPER_USER", .name = s->keeper_user },
		{ .option = "PROXY_USER", .name = s->proxy_user }
	};

	look_at_users(users, f);
	if (s->config != NULL)
		look_at_path(s->config, f);
	look_at_list(s, &users[1], f);
}
