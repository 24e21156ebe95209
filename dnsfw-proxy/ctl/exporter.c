/* dnsfwctl exporter: the numbers of a running dnsfw by HTTP (U7). */
#include <sys/socket.h>

#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addrtext.h"
#include "ask.h"
#include "clock.h"
#include "ctl.h"
#include "http.h"
#include "json.h"
#include "metrics.h"
#include "usage.h"

#define ANSWER_SECONDS	2	/* dnsfw is waited for; so are the clients */

/* What dnsfw said last: it is asked once a second at most. */
struct exporter {
	const char	*path;		/* the control socket */
	bool		 was_asked, is_up;
	uint64_t	 at;		/* ns: when it was asked */
	struct control_status status;
};

static void
ask_if_due(struct exporter *e)
{
	uint64_t now = clock_now();

	if (e->was_asked && now - e->at < CLOCK_SECOND)
		return;
	e->is_up = metrics_ask(e->path, &e->status) == 0;
	/* A reason is said once. */
	if (e->is_up && ask_manner.quiet)
		warnx("dnsfw answers again");
	ask_manner.quiet = !e->is_up;
	e->was_asked = true;
	e->at = clock_now();
}

static const char *
make_metrics(void *arg, const char *request, char *buf, size_t *len)
{
	struct exporter *e = arg;
	bool open = strcasestr(request, "application/openmetrics-text")
	    != NULL;
	FILE *to = fmemopen(buf, HTTP_PAGE_MAX, "w");

	if (to == NULL)
		err(CTL_NO, "fmemopen");
	ask_if_due(e);
	metrics_print(to, e->is_up ? &e->status : NULL,
	    open ? SAMPLES_OPEN : SAMPLES_PLAIN);
	*len = (size_t)ftell(to);
	fclose(to);
	return (open ? "application/openmetrics-text; version=1.0.0; "
	    "charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8");
}

/* --- the socket --- */

/* ADDRESS:PORT, or [ADDRESS]:PORT. */
static bool
parse_listen(const char *text, struct addr *a, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	bool has_brackets;
	unsigned long number;
	size_t len;
	char *end;

	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return (false);
	number = strtoul(colon + 1, &end, 10);
	*port = (uint16_t)number;
	len = (size_t)(colon - text);
	has_brackets = len > 1 && text[0] == '[' && text[len - 1] == ']';
	return (*end == '\0' && number <= UINT16_MAX &&
	    addr_parse(text + has_brackets, len - 2 * has_brackets, a) == 0 &&
	    (a->family == ADDR_V6) == has_brackets);
}

static void
tell_listener(const struct addr *a, uint16_t port, const char *text, bool json)
{
	char address[ADDR_TEXT_MAX];
	struct json j = { .to = stdout };

	if (!json) {
		warnx("listening on %.*s:%u",
		    (int)(strrchr(text, ':') - text), text, port);
		return;
	}
	json_begin(&j, NULL, '{');
	json_text(&j, "address", addr_print(a, address));
	json_number(&j, "port", port);
	json_end(&j, '}');
	json_line(&j);
	if (fflush(stdout) == EOF)
		err(CTL_NO, "cannot write to standard output");
}

static int
open_listener(const char *text, bool json)
{
	struct sockaddr_storage ss;
	struct addr a;
	uint16_t port;
	socklen_t len;
	int fd, on = 1;

	if (!parse_listen(text, &a, &port)) {
		warnx("--listen: \"%s\": expected ADDRESS:PORT or "
		    "[ADDRESS]:PORT", text);
		return (-1);
	}
	len = addr_to_sockaddr(&a, port, 0, &ss);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    listen(fd, HTTP_CLIENTS) == -1 ||
	    getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		err(CTL_NO, "--listen %s", text);
	(void)addr_from_sockaddr((struct sockaddr *)&ss, &a, &port);
	tell_listener(&a, port, text, json);
	return (fd);
}

int
exporter_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "control", required_argument, NULL, 'c' },
		{ "listen", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 }
	};
	static struct exporter e = { .path = ASK_PATH_DEFAULT };
	const struct http_page page = { .path = "/metrics",
	    .make = make_metrics, .arg = &e };
	const char *at = NULL;
	bool json = false;
	int ch, fd;

	while ((ch = usage_option(argc, argv, "", options)) != -1) {
		if (ch == 'j')
			json = true;
		else if (ch == 'c')
			e.path = optarg;
		else if (ch == 'l')
			at = optarg;
		else
			return (usage_wrong("exporter"));
	}
	if (optind != argc || at == NULL ||
	    (fd = open_listener(at, json)) == -1)
		return (usage_wrong("exporter"));
	ask_manner.seconds = ANSWER_SECONDS;
	ask_manner.whole = true;
	http_serve(fd, &page);
}
