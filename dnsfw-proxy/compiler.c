/* The ACL's text to the image that workers map. */
#include "compiler.h"

#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acl/compile.h"
#include "chan.h"
#include "log.h"

#define TEXT_FIRST	(64UL << 10)	/* bytes; doubled as they come */
#define TEXT_MAX	(1UL << 30)
#define BOUNDS_MAX	65536		/* what dnsfw-priv takes (P7) */
#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static char *
read_text(const char *name, size_t *len)
{
	size_t size = TEXT_FIRST;
	char *text = malloc(size);
	ssize_t n;

	*len = 0;
	while (text != NULL) {
		n = read(MSG_FD_ACL, text + *len, size - *len);
		if (n == 0)
			return (text);
		if (n == -1 && errno != EINTR)
			fatal("cannot read the ACL \"%s\"", name);
		if (n > 0)
			*len += (size_t)n;
		if (*len < size)
			continue;
		if (size >= TEXT_MAX)
			fatalx("the ACL \"%s\" is longer than 1 GiB", name);
		size *= 2;
		text = realloc(text, size);
	}
	fatalx("no memory for the ACL \"%s\"", name);
}

/* Wait while dnsfw-priv is behind. */
static void
send_record(const void *record, size_t len, int fd)
{
	struct pollfd pfd = { .fd = MSG_FD_CHANNEL, .events = POLLOUT };
	ssize_t n;

	while ((n = chan_send(MSG_FD_CHANNEL, record, len, fd)) == CHAN_AGAIN) {
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
			fatal("poll");
	}
	if (n != (ssize_t)len)
		fatalx("dnsfw-priv died: stopping");
}

static void
on_error(void *name, unsigned int line, unsigned int column, const char *text)
{
	log_error("%s:%u:%u: %s", (const char *)name, line, column, text);
}

static void
on_bound(void *arg, const struct addr_net *client, uint8_t proto,
    uint16_t port)
{
	struct msg_bound bound = { .type = MSG_BOUND,
	    .family = client->base.family, .prefix = client->prefix,
	    .proto = proto, .port = port };

	(void)arg;
	memcpy(bound.base, client->base.bytes, sizeof(bound.base));
	send_record(&bound, sizeof(bound), -1);
}

/* The image in memory that nobody can change any more. */
static int
seal(const struct acl_compiled *c)
{
	const char *p = c->image;
	size_t left = c->size;
	ssize_t n;
	int fd;

	fd = memfd_create("dnsfw-acl", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		fatal("memfd_create");
	while (left > 0) {
		n = write(fd, p, left);
		if (n == -1 && errno != EINTR)
			fatal("cannot write the ACL's image");
		if (n > 0) {
			p += n;
			left -= (size_t)n;
		}
	}
	if (fcntl(fd, F_ADD_SEALS, SEALS) == -1)
		fatal("cannot seal the ACL's image");
	return (fd);
}

void
compiler_run(const char *name)
{
	struct msg_ready ready = { .type = MSG_READY, .version = MSG_VERSION };
	struct msg_sealed sealed = { .type = MSG_SEALED };
	struct acl_compiled compiled;
	int coarsened;
	char *text;
	size_t len;

	send_record(&ready, sizeof(ready), -1);
	text = read_text(name, &len);
	if (acl_compile(text, len, on_error, (void *)(uintptr_t)name,
	    &compiled) == -1)
		fatalx("the ACL \"%s\" is not used", name);
	free(text);
	acl_bounds(&compiled, BOUNDS_MAX, on_bound, NULL, &coarsened);
	if (coarsened)
		log_warn("the ACL has more than %d combinations of subnet, "
		    "protocol and port: dnsfw-priv checks grants against "
		    "fewer and wider ones", BOUNDS_MAX);
	sealed.rules = compiled.rules;
	sealed.size = compiled.size;
	send_record(&sealed, sizeof(sealed), seal(&compiled));
}
