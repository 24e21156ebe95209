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
#include <time.h>
#include <unistd.h>

#include "../acl/image.h"
#include "../dns/mnemonic.h"
#include "addrtext.h"
#include "log.h"
#include "loop.h"
#include "policy.h"
#include "settings.h"
#include "timestamp.h"
#include "upstream.h"

#define BUFFER_SIZE	(64 * 1024)
#define ENTRY_MAX	PIPE_BUF	/* bytes; a name, and the file of a rule,
				   are at most five times 255 in JSON */
#define DROPPED_PERIOD	60	/* seconds between the warnings */
#define HOLD_USEC	1000	/* that a line waits for others */

/*
 * And in an idle loop.  A tick of the kernel is not longer, and most often shorter:
 * so a wait for something else seldom needs a timer of its own, which costs more
 * than the rest.
 */
#define IDLE_USEC	10000

/*
 * The kernel takes this much from one send into a Unix socket with this buffer
 * (as getsockopt(2) says it) all or not at all; it cuts what is longer than
 * half of the buffer.
 */
#define WHOLE		PIPE_BUF
#define WHOLE_BUFFER	(4 * WHOLE)

struct access_kind {
	const char	*arrow;		/* text */
	const char	*event;		/* JSON */
	bool		 named;		/* text: with the name */
	bool		 refusal;	/* of --log-level refused, too */
	bool		 late;		/* comes after the query's turn */
};

static const struct access_kind access_kinds[] = {
	[ACCESS_FORWARD] = { " -> [", "forward", .named = true },
	[ACCESS_RESOLVE] = { " ~> [", "resolve", .named = true },
	[ACCESS_REFUSE] = { " |> [", "refuse", .named = true,
	    .refusal = true },
	[ACCESS_PASS] = { " <~ [", "pass", .late = true },
	[ACCESS_AUDIT] = { " ?> [", "audit", .named = true, .refusal = true }
};
static const struct access_kind access_local_kind = { " |> [", "local",
    .named = true, .refusal = true };
static const struct access_kind access_grant_kind = { " <- [", "grant",
    .named = true, .late = true };
static const struct access_kind access_bad_query_kind = { " !> [", "bad_query",
    .refusal = true };
static const struct access_kind access_bad_answer_kind = { " <! [", "bad_answer",
    .refusal = true, .late = true };

static char buffer[BUFFER_SIZE];
static size_t used;		/* bytes in the buffer */
static uint64_t dropped;
static struct log_limit dropped_limit;
static int fd = STDOUT_FILENO;
static bool json, is_shared, is_socket;
static enum msg_loglevel level;
static char now[TIMESTAMP_SIZE];	/* of this turn; JSON only */
static bool waiting;		/* something is in the buffer, since */
static uint64_t waiting_since;	/* loop.now of that turn, or the last try */
static struct event *log_writable, *due;

/* The reader takes more, or the lines have waited long enough. */
static void
accesslog_wake(evutil_socket_t sock, short what, void *arg)
{
	(void)sock;
	(void)what;
	(void)arg;
	loop_clock();
	access_flush();
}

/* Others write to it, too: room for whole lines, as a pipe has. */
static void
enlarge_buffer(void)
{
	int size, wanted = WHOLE_BUFFER / 2;	/* the kernel doubles it */
	socklen_t len = sizeof(size);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len) == 0 &&
	    size < WHOLE_BUFFER)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted,
		    sizeof(wanted));
}

void
access_init(void)
{
	struct stat st;

	json = settings.config.log_format == LOGFORMAT_JSON;
	level = (enum msg_loglevel)settings.config.log_level;
	fd = log_private_fd(STDOUT_FILENO);
	if (fstat(fd, &st) == -1)
		fatal("fstat");
	is_socket = S_ISSOCK(st.st_mode);
	is_shared = is_socket || S_ISFIFO(st.st_mode);
	if (is_socket)
		enlarge_buffer();
	log_writable = event_new(loop.base, fd, EV_WRITE, accesslog_wake, NULL);
	due = evtimer_new(loop.base, accesslog_wake, NULL);
	if (log_writable == NULL || due == NULL)
		fatalx("event_new");
}

static void
put_bytes(const char *text, size_t len)
{
	memcpy(buffer + used, text, len);
	used += len;
}

static void
put_text(const char *text)
{
	put_bytes(text, strlen(text));
}

/* Inside the quotes of JSON; what is not printable ASCII is \DDD. */
static void
put_quoted_octet(unsigned char c)
{
	if (c == '"' || c == '\\')
		buffer[used++] = '\\';
	if (c >= 0x20 && c <= 0x7e) {
		buffer[used++] = (char)c;
		return;
	}
	put_text("\\\\");
	buffer[used++] = (char)('0' + c / 100);
	buffer[used++] = (char)('0' + c / 10 % 10);
	buffer[used++] = (char)('0' + c % 10);
}

static void
put_quoted(const char *text)
{
	for (; *text != '\0'; text++)
		put_quoted_octet((unsigned char)*text);
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

/* The time of day; one look at the clock a turn is enough. */
static void
put_time(void)
{
	struct timespec ts;

	if (now[0] == '\0') {
		if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
			fatal("clock_gettime");
		timestamp_print(ts.tv_sec, (unsigned int)(ts.tv_nsec / 1000000),
		    now);
	}
	put_text("{\"time\":\"");
	put_text(now);
	put_text("\"");
}

/* Milliseconds since the query came, with three digits behind the point. */
static void
put_latency(uint64_t since)
{
	uint64_t us = (loop.now - since) / 1000;
	char digits[] = ".000";

	put_key("latency_ms");
	put_number((uint32_t)(us / 1000));
	digits[1] += (char)(us / 100 % 10);
	digits[2] += (char)(us / 10 % 10);
	digits[3] += (char)(us % 10);
	put_text(digits);
}

static void
print_name(const struct request *a, char text[DNS_NAME_TEXT_MAX])
{
	DNS_UNINITIALIZED struct dns_name folded;

	/* In lower case: however a client spells it, it is found. */
	dns_name_fold(&a->dns.qname, &folded);
	dns_name_print(&folded, text);
}

/* What is included is in a directory of the list's own, or below. */
static void
put_file(const char *own, const char *included)
{
	const char *slash = strrchr(own, '/');
	size_t len = included[0] == '\0' ? strlen(own) :
	    slash == NULL ? 0 : (size_t)(slash + 1 - own);

	for (; len > 0; len--)
		put_quoted_octet((unsigned char)*own++);
	put_quoted(included);
}

static void
put_rule(uint32_t line)
{
	const char *comment = acl_image_comment(policy.image, line);
	const char *included = acl_image_place(policy.image, &line);

	put_key("rule");
	put_text("{\"file\":\"");
	put_file(acl_image_file(policy.image), included);
	put_text("\",\"line\":");
	put_number(line);
	if (comment[0] != '\0')
		put_string("comment", comment);
	put_text("}");
}

/* What is known of the query, in each line of JSON. */
static void
put_facts(const struct access_kind *kind, const struct request *a,
    const struct addr *client, int rcode)
{
	DNS_UNINITIALIZED char text[DNS_NAME_TEXT_MAX];
	char small[DNS_MNEMONIC_SIZE];

	put_time();
	put_string("event", kind->event);
	put_text(",\"client\":\"");
	put_address(client);
	put_text("\"");
	put_key("id");
	put_number(a->dns.id);
	if (a->dns.has_question) {
		print_name(a, text);
		put_string("name", text);
		put_string("type", dns_type_print(a->dns.qtype, small));
	}
	if (a->rule != 0)
		put_rule(a->rule);
	if (a->upstream != REQUEST_NOBODY)
		put_string("upstream", upstream_name((size_t)a->upstream));
	if (rcode != ACCESS_NONE)
		put_string("rcode", dns_rcode_print((uint16_t)rcode, small));
	if (kind->late)
		put_latency(a->since);
}

static void
put_line(const struct access_kind *kind, const struct request *a,
    const struct addr *client)
{
	DNS_UNINITIALIZED char text[DNS_NAME_TEXT_MAX];

	put_address(client);
	put_text(kind->arrow);
	put_number(a->dns.id);
	put_text("]");
	if (!kind->named)
		return;
	put_text(" ");
	if (a->dns.has_question) {
		print_name(a, text);
		put_text(text);
	}
}

/* Returns false if the line is not wanted, or dropped as there is no room. */
static bool
begin_line_of(const struct access_kind *kind, const struct request *a,
    const struct addr *client, int rcode)
{
	if (level == LOGLEVEL_NONE ||
	    (level == LOGLEVEL_REFUSED && !kind->refusal))
		return (false);
	if (BUFFER_SIZE - used < ENTRY_MAX)
		access_flush();
	if (BUFFER_SIZE - used < ENTRY_MAX) {
		dropped++;
		return (false);
	}
	if (json)
		put_facts(kind, a, client, rcode);
	else
		put_line(kind, a, client);
	return (true);
}

static bool
begin_line(const struct access_kind *kind, const struct request *a, int rcode)
{
	return (begin_line_of(kind, a, &a->client, rcode));
}

static void
end_line(void)
{
	put_text(json ? "}\n" : "\n");
}

void
access_log(enum access_event event, const struct request *a, int rcode)
{
	if (begin_line(&access_kinds[event], a, rcode))
		end_line();
}

void
access_local(const struct request *a, const struct addr *local)
{
	if (!begin_line(&access_local_kind, a, RCODE_NOERROR))
		return;
	put_text(json ? ",\"address\":\"" : " = ");
	put_address(local);
	if (json)
		put_text("\"");
	end_line();
}

void
access_grant(const struct request *a, const struct addr *client,
    const struct addr *dst, const struct acl_port *port, uint32_t ttl)
{
	const char *proto = port->proto == IPPROTO_TCP ? "TCP" : "UDP";

	if (!begin_line_of(&access_grant_kind, a, client, RCODE_NOERROR))
		return;
	if (json && !addr_equal(client, &a->client)) {
		put_text(",\"asked_by\":\"");
		put_address(&a->client);
		put_text("\"");
	}
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
	end_line();
}

static void
put_reason(const struct access_kind *kind, const struct request *a, int rcode,
    const char *text)
{
	if (!begin_line(kind, a, rcode))
		return;
	if (json)
		put_string("text", text);
	else {
		put_text(" ");
		put_text(text);
	}
	end_line();
}

void
access_bad_query(const struct request *a, int rcode, const char *text)
{
	put_reason(&access_bad_query_kind, a, rcode, text);
}

void
access_bad_answer(const struct request *a, int rcode, const char *text)
{
	put_reason(&access_bad_answer_kind, a, rcode, text);
}

static void
warn_dropped(void)
{
	uint64_t count;

	if (dropped == 0 ||
	    !log_allowed(&dropped_limit, loop.now, DROPPED_PERIOD, &count))
		return;
	log_warn("%llu line%s of the access log dropped: its reader is gone, "
	    "full, or too slow", (unsigned long long)dropped, log_s(dropped));
	dropped = 0;
}

/*
 * How much to write at once.  To a pipe or socket it is whole lines that go
 * into it all or not at all: other workers write to it, too.
 */
static size_t
portion(size_t at)
{
	size_t n = used - at;

	if (!is_shared || n <= WHOLE)
		return (n);
	/* A line is at most ENTRY_MAX, so there is an end of one. */
	for (n = WHOLE; buffer[at + n - 1] != '\n'; n--)
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
			event_add(log_writable, NULL);
			break;
		} else if (n == -1 && errno != EINTR) {
			/* Nobody will ever read it, or there is no room. */
			for (; at < used; at++)
				dropped += buffer[at] == '\n';
		}
	}
	used -= at;
	memmove(buffer, buffer + at, used);
	waiting = used > 0;	/* for the reader, or for another turn */
	waiting_since = loop.now;
	event_del(due);
	warn_dropped();
}

void
access_turn(void)
{
	static const struct timeval idle = { .tv_usec = IDLE_USEC };

	now[0] = '\0';
	if (used == 0)
		warn_dropped();
	else if (!waiting) {
		waiting = true;
		waiting_since = loop.now;
		event_add(due, &idle);
	} else if (loop.now - waiting_since >= HOLD_USEC * 1000)
		access_flush();
}
