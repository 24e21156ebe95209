/* The access log. */
#include "accesslog.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "worker.h"

#define BUFFER_SIZE	(64 * 1024)
#define ENTRY_MAX	PIPE_BUF	/* bytes; a name is at most 1,025, twice that
				   when each byte is quoted for JSON */
#define DROPPED_PERIOD	60	/* seconds between the warnings */

struct kind {
	const char	*arrow;		/* text */
	const char	*event;		/* JSON */
};

static const struct kind kinds[] = {
	[ACCESS_FORWARD] = { " -> [", "forward" },
	[ACCESS_RESOLVE] = { " ~> [", "resolve" },
	[ACCESS_REFUSE] = { " |> [", "refuse" },
	[ACCESS_PASS] = { " <~ [", "pass" }
};
static const struct kind kind_local = { " |> [", "local" };
static const struct kind kind_grant = { " <- [", "grant" };
static const struct kind kind_bad_query = { " !> [", "bad_query" };
static const struct kind kind_bad_answer = { " <! [", "bad_answer" };

static char buffer[BUFFER_SIZE];
static size_t used;		/* bytes in the buffer */
static uint64_t dropped;
static struct log_limit dropped_limit;
static int fd = STDOUT_FILENO;
static bool json, is_pipe, is_socket;
static struct event *writable;

static void
on_writable(evutil_socket_t sock, short what, void *arg)
{
	(void)sock;
	(void)what;
	(void)arg;	/* the turn ends with access_flush() */
}

void
access_init(void)
{
	struct stat st;

	json = worker.config.log_format == LOGFORMAT_JSON;
	fd = log_private_fd(STDOUT_FILENO);
	if (fstat(fd, &st) == -1)
		fatal("fstat");
	is_pipe = S_ISFIFO(st.st_mode);
	is_socket = S_ISSOCK(st.st_mode);
	writable = event_new(worker.base, fd, EV_WRITE, on_writable, NULL);
	if (writable == NULL)
		fatalx("event_new");
}

static void
put(const char *text, size_t len)
{
	memcpy(buffer + used, text, len);
	used += len;
}

static void
put_text(const char *text)
{
	put(text, strlen(text));
}

/* A string of printable ASCII inside the quotes of JSON. */
static void
put_quoted(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buffer[used++] = '\\';
		buffer[used++] = *text;
	}
}

static void
put_number(uint32_t n)
{
	uint64_t above = 10;
	size_t i, digits = 1;

	for (; n >= above; above *= 10)
		digits++;
	for (i = digits; i-- > 0; n /= 10)
		buffer[used + i] = (char)('0' + n % 10);
	used += digits;
}

/* As addr_print, but without printf(3) for IPv4: each line has one or two. */
static void
put_address(const struct addr *a)
{
	char text[ADDR_TEXT_MAX];
	unsigned int i;

	if (a->family != ADDR_V4) {
		put_text(addr_print(a, text));
		return;
	}
	for (i = 0; i < 4; i++) {
		if (i > 0)
			put_text(".");
		put_number(a->bytes[i]);
	}
}

/* A member of a JSON object behind another one. */
static void
put_key(const char *key)
{
	put_text(",\"");
	put_text(key);
	put_text("\":");
}

static void
put_string(const char *key, const char *value)
{
	put_key(key);
	put_text("\"");
	put_quoted(value);
	put_text("\"");
}

/* Returns false if there is no room: the line is dropped. */
static bool
begin(const struct kind *kind, const struct addr *client, uint16_t id)
{
	if (BUFFER_SIZE - used < ENTRY_MAX)
		access_flush();
	if (BUFFER_SIZE - used < ENTRY_MAX) {
		dropped++;
		return (false);
	}
	if (!json) {
		put_address(client);
		put_text(kind->arrow);
		put_number(id);
		put_text("]");
		return (true);
	}
	put_text("{\"event\":\"");
	put_text(kind->event);
	put_text("\",\"client\":\"");
	put_address(client);
	put_text("\"");
	put_key("id");
	put_number(id);
	return (true);
}

static void
end(void)
{
	put_text(json ? "}\n" : "\n");
}

static void
put_name(const struct dns_name *name)
{
	DNS_UNINITIALIZED char text[DNS_NAME_TEXT_MAX];
	DNS_UNINITIALIZED struct dns_name folded;

	/* In lower case: however a client spells it, it is found. */
	text[0] = '\0';
	if (name != NULL) {
		dns_name_fold(name, &folded);
		dns_name_print(&folded, text);
	}
	if (json)
		put_string("name", text);
	else {
		put_text(" ");
		put_text(text);
	}
}

void
access_log(enum access_event event, const struct addr *client, uint16_t id,
    const struct dns_name *name)
{
	if (!begin(&kinds[event], client, id))
		return;
	if (event != ACCESS_PASS)
		put_name(name);
	end();
}

void
access_local(const struct addr *client, uint16_t id,
    const struct dns_name *name, const struct addr *local)
{
	if (!begin(&kind_local, client, id))
		return;
	put_name(name);
	put_text(json ? ",\"address\":\"" : " = ");
	put_address(local);
	if (json)
		put_text("\"");
	end();
}

void
access_grant(const struct addr *client, uint16_t id,
    const struct dns_name *name, const struct addr *dst,
    const struct acl_port *port, uint32_t ttl)
{
	const char *proto = port->proto == IPPROTO_TCP ? "TCP" : "UDP";

	if (!begin(&kind_grant, client, id))
		return;
	put_name(name);
	put_text(json ? ",\"address\":\"" : " [");
	put_address(dst);
	if (json) {
		put_text("\"");
		put_string("protocol", proto);
		put_key("port");
		put_number(port->port);
		put_key("ttl");
	} else {
		put_text("]:");
		put_text(proto);
		put_text(":");
		put_number(port->port);
		put_text(" TTL:");
	}
	put_number(ttl);
	end();
}

static void
put_reason(const struct kind *kind, const struct addr *client, uint16_t id,
    const char *text)
{
	if (!begin(kind, client, id))
		return;
	if (json)
		put_string("text", text);
	else {
		put_text(" ");
		put_text(text);
	}
	end();
}

void
access_bad_query(const struct addr *client, uint16_t id, const char *text)
{
	put_reason(&kind_bad_query, client, id, text);
}

void
access_bad_answer(const struct addr *client, uint16_t id, const char *text)
{
	put_reason(&kind_bad_answer, client, id, text);
}

static void
warn_dropped(void)
{
	uint64_t count;

	if (dropped == 0 ||
	    !log_allowed(&dropped_limit, worker.now, DROPPED_PERIOD, &count))
		return;
	log_warn("%llu lines of the access log were dropped: its reader is "
	    "gone, full, or too slow", (unsigned long long)dropped);
	dropped = 0;
}

/*
 * How much to write at once.  To a pipe it is whole lines of at most PIPE_BUF,
 * which go into it all or not at all: other workers write to it, too.
 */
static size_t
portion(size_t at)
{
	size_t n = used - at;

	if (!is_pipe || n <= PIPE_BUF)
		return (n);
	/* A line is at most ENTRY_MAX, so there is an end of one. */
	for (n = PIPE_BUF; buffer[at + n - 1] != '\n'; n--)
		;
	return (n);
}

/* A socket, as of the journal, is shared with others, so it may block. */
static ssize_t
write_some(const char *text, size_t len)
{
	if (is_socket)
		return (send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL));
	return (write(fd, text, len));
}

/* The rest stays for when the reader takes more. */
void
access_flush(void)
{
	size_t at = 0;
	ssize_t n;

	while (used > at) {
		n = write_some(buffer + at, portion(at));
		if (n > 0)
			at += (size_t)n;
		else if (n == -1 && errno == EAGAIN) {
			event_add(writable, NULL);
			break;
		} else if (n == -1 && errno != EINTR) {
			/* Nobody will ever read it, or there is no room. */
			for (; at < used; at++)
				dropped += buffer[at] == '\n';
		}
	}
	used -= at;
	memmove(buffer, buffer + at, used);
	warn_dropped();
}
