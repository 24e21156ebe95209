/* A small HTTP server of one page. */
#include "http.h"

#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define HEAD_MAX	256
#define ACCEPT_AGAIN_MSEC	100

struct visitor {
	int		fd;		/* -1: none */
	uint64_t	deadline;	/* ns */
	size_t		used;		/* of the request */
	size_t		len, sent;	/* of the answer; len 0: none yet */
	char		request[HTTP_REQUEST_MAX + 1];
	char		answer[HEAD_MAX + HTTP_PAGE_MAX];
};

static struct visitor visitors[HTTP_CLIENTS];

static void
end_visit(struct visitor *v)
{
	close(v->fd);
	v->fd = -1;
}

/* --- the answer --- */

/* The page's text is behind HEAD_MAX octets; put the head before it. */
static void
put_answer(struct visitor *v, const char *status, const char *more,
    const char *type, size_t len, bool is_head)
{
	char head[HEAD_MAX];
	size_t n;

	n = (size_t)snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n"
	    "Connection: close\r\nContent-Type: %s\r\n%s"
	    "Content-Length: %zu\r\n\r\n", status, type, more, len);
	memcpy(v->answer + HEAD_MAX - n, head, n);
	v->sent = HEAD_MAX - n;
	v->len = HEAD_MAX + (is_head ? 0 : len);
}

static void
put_error(struct visitor *v, const char *status, const char *more)
{
	size_t len = (size_t)snprintf(v->answer + HEAD_MAX, HTTP_PAGE_MAX,
	    "%s\n", status);

	put_answer(v, status, more, "text/plain", len, false);
}

/* Is the target, which a blank follows, the path, with or without a query? */
static bool
is_path(const char *target, const char *path)
{
	size_t len = strlen(path);

	return (strncmp(target, path, len) == 0 &&
	    (target[len] == ' ' || target[len] == '?'));
}

/* All of the request has come. */
static void
make_answer(struct visitor *v, const struct http_page *page)
{
	const char *target = strchr(v->request, ' '), *version = NULL;
	bool is_head = strncmp(v->request, "HEAD ", 5) == 0;
	const char *type;
	size_t len;

	if (target != NULL)
		version = strchr(++target, ' ');
	if (version == NULL || strncmp(version, " HTTP/1.", 8) != 0 ||
	    memchr(v->request, '\n', (size_t)(version - v->request)) != NULL)
		put_error(v, "400 Bad Request", "");
	else if (!is_head && strncmp(v->request, "GET ", 4) != 0)
		put_error(v, "405 Method Not Allowed",
		    "Allow: GET, HEAD\r\n");
	else if (!is_path(target, page->path))
		put_error(v, "404 Not Found", "");
	else {
		type = page->make(page->arg, v->request, v->answer + HEAD_MAX,
		    &len);
		put_answer(v, "200 OK", "", type, len, is_head);
	}
}

/* --- a visitor --- */

/* An empty line ends the headers. */
static bool
has_whole_request(const struct visitor *v)
{
	return (memmem(v->request, v->used, "\r\n\r\n", 4) != NULL ||
	    memmem(v->request, v->used, "\n\n", 2) != NULL);
}

static void
read_request(struct visitor *v, const struct http_page *page)
{
	ssize_t n = recv(v->fd, v->request + v->used,
	    HTTP_REQUEST_MAX - v->used, 0);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_visit(v);
		return;
	}
	v->used += (size_t)n;
	v->request[v->used] = '\0';
	if (has_whole_request(v))
		make_answer(v, page);
	else if (v->used == HTTP_REQUEST_MAX)
		put_error(v, "431 Request Header Fields Too Large", "");
}

static void
send_answer(struct visitor *v)
{
	ssize_t n = send(v->fd, v->answer + v->sent, v->len - v->sent,
	    MSG_NOSIGNAL);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1) {
		end_visit(v);
		return;
	}
	v->sent += (size_t)n;
	if (v->sent == v->len)
		(void)shutdown(v->fd, SHUT_WR);
}

/* A close with something unread would take the answer back. */
static void
await_close(struct visitor *v)
{
	char buf[HTTP_REQUEST_MAX];
	ssize_t n = recv(v->fd, buf, sizeof(buf), 0);

	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		end_visit(v);
}

static void
step_visit(struct visitor *v, short revents, const struct http_page *page)
{
	if (clock_now() >= v->deadline)
		end_visit(v);
	else if (revents == 0)
		return;
	else if (v->len == 0)
		read_request(v, page);
	else if (v->sent < v->len)
		send_answer(v);
	else
		await_close(v);
}

/* --- all of them --- */

/* A free place, or that of who came first. */
static struct visitor *
make_place(void)
{
	struct visitor *oldest = &visitors[0];
	size_t i;

	for (i = 0; i < HTTP_CLIENTS; i++) {
		if (visitors[i].fd == -1)
			return (&visitors[i]);
		if (visitors[i].deadline < oldest->deadline)
			oldest = &visitors[i];
	}
	end_visit(oldest);
	return (oldest);
}

static void
take_visitor(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct visitor *v;

	if (fd == -1) {
		/* The host may lack something: not at once again, then. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			(void)poll(NULL, 0, ACCEPT_AGAIN_MSEC);
		return;
	}
	v = make_place();
	v->fd = fd;
	v->used = v->len = v->sent = 0;
	v->deadline = clock_now() + HTTP_SECONDS * CLOCK_SECOND;
}

/* Milliseconds to the first deadline. */
static int
msec_left(void)
{
	uint64_t now = clock_now(), first = now + HTTP_SECONDS * CLOCK_SECOND;
	bool any = false;
	size_t i;

	for (i = 0; i < HTTP_CLIENTS; i++) {
		any |= visitors[i].fd != -1;
		if (visitors[i].fd != -1 && visitors[i].deadline < first)
			first = visitors[i].deadline;
	}
	if (!any)
		return (-1);
	return (first <= now ? 0 :
	    (int)((first - now) / (CLOCK_SECOND / 1000)) + 1);
}

void
http_serve(int fd, const struct http_page *page)
{
	struct pollfd fds[1 + HTTP_CLIENTS] = { { .fd = fd,
	    .events = POLLIN } };
	struct visitor *v;
	size_t i;

	for (i = 0; i < HTTP_CLIENTS; i++)
		visitors[i].fd = -1;
	for (;;) {
		for (i = 0; i < HTTP_CLIENTS; i++) {
			v = &visitors[i];
			fds[1 + i] = (struct pollfd){ .fd = v->fd, .events =
			    v->sent < v->len ? POLLOUT : POLLIN };
		}
		if (poll(fds, 1 + HTTP_CLIENTS, msec_left()) == -1) {
			if (errno != EINTR)
				err(1, "poll");
			continue;
		}
		for (i = 0; i < HTTP_CLIENTS; i++)
			if (visitors[i].fd != -1)
				step_visit(&visitors[i], fds[1 + i].revents,
				    page);
		if (fds[0].revents != 0)
			take_visitor(fd);
	}
}
