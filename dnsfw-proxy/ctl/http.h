/*
 * A small HTTP server (RFC 9112) of one page, for clients of any kind: each has a
 * connection for one request, a few seconds, and a few kilobytes; if too many are
 * connected, the oldest goes.
 */
#ifndef CTL_HTTP_H
#define CTL_HTTP_H

#include <stddef.h>

#define HTTP_CLIENTS		16
#define HTTP_SECONDS		5	/* from connect to close */
#define HTTP_REQUEST_MAX	4096	/* octets, of line and headers */
#define HTTP_PAGE_MAX		16384

struct http_page {
	const char	*path;		/* "/metrics" */
	/*
	 * Write it into buf of HTTP_PAGE_MAX octets, with its length to *len, and
	 * return its type.  request is the whole one, with NUL.
	 */
	const char	*(*make)(void *arg, const char *request, char *buf,
			    size_t *len);
	void		*arg;
};

/* Serve at that socket, which listens and does not block.  Does not return. */
void	http_serve(int fd, const struct http_page *) __attribute__((noreturn));

#endif
