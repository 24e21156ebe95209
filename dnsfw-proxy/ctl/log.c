/* dnsfwctl log: the access log, in colour and filtered (U6). */
#include <sys/wait.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addrtext.h"
#include "ctl.h"
#include "json.h"
#include "lines.h"
#include "logfilter.h"
#include "logline.h"
#include "show.h"
#include "usage.h"

static_assert(LINES_LENGTH_MAX <= LOGLINE_MAX, "a line can be parsed");

struct log_view {
	bool		 json, follow, color;
	struct logfilter filter;
	const char	*path;		/* NULL: the journal */
};

/* --- a line --- */

/* SGR of ECMA-48; NULL: as it is. */
static const char *const colors[LOGLINE_KINDS] = {
	[LOGLINE_GRANTED] = "32", [LOGLINE_RESOLVED] = "36",
	[LOGLINE_REFUSED] = "31", [LOGLINE_STATIC] = "33",
	[LOGLINE_FAILED] = "1;31", [LOGLINE_AUDITED] = "35"
};

/* What the JSON form says more, in the order in which it is of use. */
static void
print_more(const struct logline *l)
{
	static const enum logline_field more[] = { FIELD_TYPE, FIELD_RCODE,
	    FIELD_FILE, FIELD_UPSTREAM, FIELD_LATENCY };
	const char *before = "  (";
	size_t i;

	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		if (l->fields[more[i]] == NULL)
			continue;
		printf("%s%s", before, l->fields[more[i]]);
		if (more[i] == FIELD_FILE)
			printf(":%s", logline_field(l, FIELD_LINE));
		if (more[i] == FIELD_LATENCY)
			printf(" ms");
		before = ", ";
	}
	if (before[0] == ',')
		putchar(')');
}

/* As the text form has it, with the time before it, and more behind. */
static void
print_as_line(const struct logline *l)
{
	const char *name = l->fields[FIELD_NAME];

	printf("%s %s %s [%s]%s%s", logline_field(l, FIELD_TIME),
	    logline_field(l, FIELD_CLIENT), l->arrow,
	    logline_field(l, FIELD_ID), name == NULL ? "" : " ",
	    name == NULL ? "" : name);
	if (l->kind == LOGLINE_STATIC)
		printf(" = %s", logline_field(l, FIELD_ADDRESS));
	else if (l->kind == LOGLINE_GRANTED)
		printf(" [%s]:%s:%s TTL:%s", logline_field(l, FIELD_ADDRESS),
		    logline_field(l, FIELD_PROTOCOL),
		    logline_field(l, FIELD_PORT), logline_field(l, FIELD_TTL));
	else if (l->kind == LOGLINE_FAILED)
		printf(" %s", logline_field(l, FIELD_TEXT));
	print_more(l);
}

static void
print_log_json(const struct logline *l, const char *line, size_t len)
{
	struct json j = { .to = stdout };
	const char *key;
	bool number;
	int i;

	if (l->kind != LOGLINE_OTHER && l->json) {
		fwrite(line, 1, len, stdout);
		putchar('\n');
		return;
	}
	json_begin(&j, NULL, '{');
	if (l->kind == LOGLINE_OTHER)
		json_bytes(&j, "other", line, len);
	for (i = 0; l->kind != LOGLINE_OTHER && i < LOGLINE_FIELDS; i++) {
		key = logline_key((enum logline_field)i, &number);
		if (l->fields[i] != NULL && number)
			json_number(&j, key, strtoul(l->fields[i], NULL, 10));
		else if (l->fields[i] != NULL)
			json_text(&j, key, l->fields[i]);
	}
	json_end(&j, '}');
	json_line(&j);
}

static void
show_log_line(void *arg, const char *line, size_t len)
{
	static struct logline l;
	const struct log_view *v = arg;
	const char *color;

	logline_parse(line, len, &l);
	if (!logfilter_wants(&v->filter, &l))
		return;
	if (v->json) {
		print_log_json(&l, line, len);
		return;
	}
	color = v->color ? colors[l.kind] : NULL;
	if (color != NULL)
		printf("\033[%sm", color);
	if (l.kind != LOGLINE_OTHER && l.json)
		print_as_line(&l);
	else
		show_text(stdout, line, len);
	printf("%s\n", color != NULL ? "\033[0m" : "");
}

/* --- where it comes from --- */

/* Returns the descriptor of what it prints. */
static int
start_journalctl(bool follow, pid_t *pid)
{
	static const char *argv[] = { "journalctl", "--unit=dnsfw",
	    "--output=cat", "--no-pager", NULL, "--lines=0", NULL };
	int fds[2];

	if (follow)
		argv[4] = "--follow";
	if (pipe2(fds, O_CLOEXEC) == -1 || (*pid = fork()) == -1)
		err(CTL_NO, "cannot run journalctl");
	if (*pid == 0) {
		if (dup2(fds[1], STDOUT_FILENO) != -1)
			execvp(argv[0], (char *const *)(uintptr_t)argv);
		warn("cannot run journalctl");
		_exit(CTL_NO);
	}
	close(fds[1]);
	return (fds[0]);
}

static int
show_journal(struct log_view *v)
{
	int status, fd;
	pid_t pid;

	fd = start_journalctl(v->follow, &pid);
	if (lines_read(fd, show_log_line, v) == -1)
		warn("cannot read what journalctl prints");
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return (CTL_NO);
	return (CTL_YES);
}

static int
show_file(struct log_view *v)
{
	int fd = STDIN_FILENO, rc = -1;

	if (strcmp(v->path, "-") == 0)
		rc = lines_read(fd, show_log_line, v);
	else if (v->follow)
		rc = lines_follow(v->path, show_log_line, v);
	else if ((fd = open(v->path, O_RDONLY | O_CLOEXEC)) != -1)
		rc = lines_read(fd, show_log_line, v);
	if (rc == 0)
		return (CTL_YES);
	warn("cannot read the log \"%s\"", v->path);
	return (CTL_NO);
}

/* --- arguments --- */

/* By itself only on a terminal, and not where there is a NO_COLOR. */
static bool
is_in_color(const char *when)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (strcmp(when, "auto") != 0)
		return (strcmp(when, "always") == 0);
	return (isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
	    (term == NULL || strcmp(term, "dumb") != 0));
}

static bool
take_color(struct log_view *v, const char *when)
{
	v->color = is_in_color(when);
	if (strcmp(when, "auto") == 0 || strcmp(when, "always") == 0 ||
	    strcmp(when, "never") == 0)
		return (true);
	warnx("--color: \"%s\": expected auto, always or never", when);
	return (false);
}

static bool
take_client(struct log_view *v, const char *text)
{
	if (addr_net_parse(text, strlen(text), &v->filter.client) == 0)
		return (true);
	warnx("--client: \"%s\": expected an address or a subnet", text);
	return (false);
}

static bool
take_kinds(struct log_view *v, const char *text)
{
	if (logfilter_add_kinds(&v->filter, text) == 0)
		return (true);
	warnx("--kind: \"%s\": expected asked, granted, resolved, refused, "
	    "static, failed, audited or other", text);
	return (false);
}

static bool
take_log_option(struct log_view *v, int option, const char *value)
{
	switch (option) {
	case 'j':
		v->json = true;
		return (true);
	case 'f':
		v->follow = true;
		return (true);
	case 'n':
		v->filter.name = value;
		return (true);
	case 'c':
		return (take_client(v, value));
	case 'k':
		return (take_kinds(v, value));
	case 'C':
		return (take_color(v, value));
	default:
		return (false);
	}
}

int
log_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "follow", no_argument, NULL, 'f' },
		{ "client", required_argument, NULL, 'c' },
		{ "name", required_argument, NULL, 'n' },
		{ "kind", required_argument, NULL, 'k' },
		{ "color", required_argument, NULL, 'C' },
		{ NULL, 0, NULL, 0 }
	};
	struct log_view v = { .color = is_in_color("auto") };
	int ch;

	while ((ch = usage_option(argc, argv, "f", options)) != -1)
		if (!take_log_option(&v, ch, optarg))
			return (usage_wrong("log"));
	if (argc - optind > 1)
		return (usage_wrong("log"));
	v.path = argv[optind];
	return (v.path == NULL ? show_journal(&v) : show_file(&v));
}
