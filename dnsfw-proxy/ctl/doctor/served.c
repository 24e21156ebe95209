/* The dnsfw that runs. */
#include "served.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../ask.h"
#include "../list.h"
#include "addrtext.h"
#include "command.h"

#define ASK_SECONDS_HERE	5
#define DELETED		" (deleted)"

/* --- the place where it listens --- */

static void
try_bind(const struct settings *s, size_t i, int kind, const char *name,
    struct findings *f)
{
	char text[ADDR_TEXT_MAX], mend[64];
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&s->binds[i], (uint16_t)s->port, 0,
	    &ss);
	int fd = socket(ss.ss_family, kind | SOCK_CLOEXEC, 0), one = 1;

	if (fd == -1)
		return;
	/* What a connection left behind is no obstacle. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, kind ==
	    SOCK_STREAM ? sizeof(one) : 0);
	if (bind(fd, (struct sockaddr *)&ss, len) == -1 &&
	    errno == EADDRINUSE) {
		snprintf(mend, sizeof(mend), COMMAND_LISTENERS,
		    kind == SOCK_STREAM ? 't' : 'u', s->port);
		findings_add(f, ERROR, "port-taken", mend, "another program "
		    "has %s %s port %u, where dnsfw is to listen; the command "
		    "tells which (systemd-resolved: DNSStubListener=no)",
		    addr_print(&s->binds[i], text), name, s->port);
	}
	close(fd);
}

static void
look_at_places(const struct settings *s, struct findings *f)
{
	size_t i;

	for (i = 0; i < s->nbinds; i++) {
		try_bind(s, i, SOCK_DGRAM, "UDP", f);
		try_bind(s, i, SOCK_STREAM, "TCP", f);
	}
}

/* --- the control socket --- */

/* False: nothing can be asked there. */
static bool
look_at_socket(const struct settings *s, struct findings *f)
{
	const struct passwd *keeper = getpwnam(s->keeper_user);
	struct stat st;

	if (strcmp(s->control, "none") == 0) {
		findings_add(f, NOTE, "no-control", "", "dnsfw has no control "
		    "socket (CONTROL=none): what it does is not seen");
		return (false);
	}
	if (stat(s->control, &st) == -1 || !S_ISSOCK(st.st_mode)) {
		if (geteuid() == 0 || errno != EACCES)
			findings_add(f, ERROR, "not-running",
			    "systemctl start dnsfw", "dnsfw does not run: "
			    "there is no control socket \"%s\"", s->control);
		return (false);
	}
	if (st.st_uid != 0 && (keeper == NULL || st.st_uid != keeper->pw_uid))
		findings_add(f, ERROR, "control-owner",
		    "systemctl restart dnsfw", "the control socket \"%s\" "
		    "belongs neither to root nor to \"%s\": another program "
		    "may have made it", s->control, s->keeper_user);
	if ((st.st_mode & S_IRWXO) != 0)
		findings_add(f, WARNING, "control-open",
		    "systemctl restart dnsfw", "anybody may ask at the "
		    "control socket \"%s\"", s->control);
	return (true);
}

/* Has the program been replaced since it was started? */
static void
look_at_program(const struct settings *s, struct findings *f)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct ucred who = { .pid = 0 };
	socklen_t len = sizeof(who);
	char path[64], exe[256];
	ssize_t n;
	int fd;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", s->control);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)who.pid);
	if (who.pid == 0 || (n = readlink(path, exe, sizeof(exe) - 1)) == -1)
		return;
	exe[n] = '\0';
	if ((size_t)n > strlen(DELETED) &&
	    strcmp(exe + n - strlen(DELETED), DELETED) == 0)
		findings_add(f, WARNING, "old-program",
		    "systemctl restart dnsfw", "the dnsfw that runs is not "
		    "the one that is installed: it was replaced since the "
		    "start");
}

/* --- what it says --- */

struct served {
	struct control_status status;
	bool		there;
};

static void
take_status(void *arg, const void *record)
{
	struct served *s = arg;

	memcpy(&s->status, record, sizeof(s->status));
	s->status.scope[sizeof(s->status.scope) - 1] = '\0';
	s->there = true;
}

static void
look_at_upstreams(const struct control_status *c, struct findings *f)
{
	char name[CONTROL_HOST_MAX], server[CONTROL_HOST_MAX + 1];
	struct command mend;
	size_t i;

	for (i = 0; i < c->nupstreams && i < MSG_UPSTREAMS_MAX; i++) {
		if ((c->silent & 1U << i) == 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", CONTROL_HOST_MAX - 1,
		    c->upstreams[i]);
		snprintf(server, sizeof(server), "@%s", name);
		mend = (struct command){ .len = 0 };
		command_add(&mend, "dig . NS");
		command_word(&mend, server);
		findings_add(f, ERROR, "upstream-silent", command_text(&mend),
		    "the upstream %s does not answer", name);
	}
}

static void
look_at_status(const struct settings *s, const struct control_status *c,
    const struct list *l, struct findings *f)
{
	if (c->ready != c->families)
		findings_add(f, ERROR, "not-granting",
		    "journalctl -u dnsfw -p warning", "dnsfw cannot grant now: "
		    "its chain or its table is not there, or was changed");
	if ((c->families == 0) != (strcmp(s->backend, "none") == 0))
		findings_add(f, ERROR, "other-options",
		    "systemctl restart dnsfw", "dnsfw runs with another "
		    "firewall than the settings have: %s", c->scope);
	if (l != NULL && c->reloading == 0 && c->sum != l->sum)
		findings_add(f, WARNING, "other-list",
		    "systemctl reload dnsfw", "the list in force is not that "
		    "of \"%s\" (%" PRIu32 " rules in force, %" PRIu32
		    " in the file)", l->path, c->rules, l->lines);
	look_at_upstreams(c, f);
}

void
served_look(const struct settings *s, const struct list *l,
    struct findings *f)
{
	static struct served served;
	struct command mend = { .len = 0 };
	const struct passwd *self;
	struct control_end end;
	bool running = look_at_socket(s, f);

	ask_manner.quiet = true;
	ask_manner.seconds = ASK_SECONDS_HERE;
	ask_manner.whole = true;
	if (running && ask(s->control, CONTROL_STATS, NULL, CONTROL_STATUS,
	    take_status, &served, &end) == 0 && served.there) {
		look_at_status(s, &served.status, l, f);
		look_at_program(s, f);
		return;
	}
	if (running && access(s->control, W_OK) == -1 && errno == EACCES) {
		command_add(&mend, "usermod -aG dnsfw");
		if ((self = getpwuid(geteuid())) != NULL)
			command_word(&mend, self->pw_name);
		else
			mend.failed = true;
		findings_add(f, NOTE, "not-seen", command_text(&mend), "not "
		    "seen: what the running dnsfw does; only root and members "
		    "of the group dnsfw may ask it");
		return;
	}
	if (running)
		findings_add(f, ERROR, "not-running",
		    "systemctl restart dnsfw", "no dnsfw of this version "
		    "answers at \"%s\"", s->control);
	if (strcmp(s->control, "none") != 0)
		look_at_places(s, f);
}
