/* The ACL's text to the image that workers map. */
#include "compiler.h"

#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acl/compile.h"
#include "acl/decide.h"
#include "acl/image.h"
#include "chan.h"
#include "log.h"
#include "outlook.h"

#define TEXT_FIRST	(64UL << 10)	/* bytes; doubled as they come */
#define TEXT_MAX	(1UL << 30)

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The whole text, or NULL after logging why. */
static char *
read_text(int fd, const char *name, size_t *len)
{
	size_t size = TEXT_FIRST;
	char *text = malloc(size), *more;
	ssize_t n;

	*len = 0;
	if (text == NULL)
		log_error("no memory for the ACL \"%s\"", name);
	while (text != NULL) {
		n = read(fd, text + *len, size - *len);
		if (n == 0)
			return (text);
		if (n == -1 && errno != EINTR) {
			log_error("cannot read the ACL \"%s\": %m", name);
			break;
		}
		if (n > 0)
			*len += (size_t)n;
		if (*len < size)
			continue;
		if (size >= TEXT_MAX) {
			log_error("the ACL \"%s\" is longer than 1 GiB", name);
			break;
		}
		size *= 2;
		if ((more = realloc(text, size)) == NULL)
			log_error("no memory for the ACL \"%s\"", name);
		else
			text = more;
		if (more == NULL)
			break;
	}
	free(text);
	return (NULL);
}

/* Wait while the peer is behind. */
static void
send_waiting(int chan, const void *record, size_t len, int fd)
{
	struct pollfd pfd = { .fd = chan, .events = POLLOUT };
	ssize_t n;

	while ((n = chan_send(chan, record, len, fd)) == CHAN_AGAIN) {
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
			fatal("poll");
	}
	if (n != (ssize_t)len)
		exit(1);	/* it is gone; the worker says so */
}

static void
send_record(const void *record, size_t len, int fd)
{
	send_waiting(MSG_FD_CHANNEL, record, len, fd);
}

static void
send_helper(int chan, const void *record, size_t len)
{
	send_waiting(chan, record, len, -1);
}

static void
on_error(void *name, unsigned int line, unsigned int column, const char *text)
{
	log_error("%s:%u:%u: %s", (const char *)name, line, column, text);
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

/* The image that was sealed last, and how often what happened. */
static const struct acl_image *image;
static size_t image_size;
static unsigned long compilations, checks;

/* Nobody else looks at all of it: it is right before it is sent. */
static void
check_image(const struct acl_compiled *c)
{
	const char *why;

	if (acl_image_open(c->image, c->size, &why) == NULL ||
	    (why = acl_image_check(c->image)) != NULL)
		fatalx("the ACL's image is bad: %s", why);
}

/* Keep the image by its descriptor: it is in memory once. */
static void
keep_image(int fd, size_t size)
{
	const char *why;
	void *map;

	if (image != NULL)
		munmap((void *)(uintptr_t)image, image_size);
	map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		fatal("cannot map the ACL's image");
	image = acl_image_open(map, size, &why);
	if (image == NULL)
		fatalx("the ACL's image is bad: %s", why);
	image_size = size;
}

static void
report(const struct acl_compiled *compiled)
{
	struct msg_sealed sealed = { .type = MSG_SEALED,
	    .rules = compiled->rules, .size = compiled->size,
	    .sum = compiled->sum };
	int fd;

	/* Before SEALED: no grant by the new list meets the old bounds. */
	if (outlook_wanted() && outlook_tell(compiled, send_helper))
		log_warn("the ACL has more than %u combinations of subnet, "
		    "protocol and port: dnsfw-priv checks grants against "
		    "fewer and wider ones", OUTLOOK_MAX);
	fd = seal(compiled);
	send_record(&sealed, sizeof(sealed), fd);
	keep_image(fd, compiled->size);
	close(fd);
}

static void
compile(int fd, const char *name)
{
	struct msg_plain rejected = { .type = MSG_REJECTED };
	struct acl_compiled compiled;
	char *text;
	size_t len;
	int rc = -1;

	compilations++;
	text = read_text(fd, name, &len);
	close(fd);
	if (text != NULL)
		rc = acl_compile(text, len, on_error,
		    (void *)(uintptr_t)name, &compiled);
	free(text);
	if (rc == -1) {
		send_record(&rejected, sizeof(rejected), -1);
		return;
	}
	acl_compiled_file(&compiled, name);
	check_image(&compiled);
	report(&compiled);
	free(compiled.image);
}

static bool
allows(const struct addr *client, const struct dns_name *name,
    const struct msg_check *m)
{
	struct acl_decision d;
	unsigned int i;

	acl_decide(image, client, name, &d);
	for (i = 0; d.verdict == ACL_ALLOW && !d.overflow && i < d.nports;
	    i++) {
		if (d.ports[i].proto == m->proto &&
		    d.ports[i].port == m->port)
			return (true);
	}
	return (false);
}

/*
 * A label that is not the whole name (it has an asterisk then) says nothing
 * that could be allowed.
 */
static bool
keeps(const struct msg_check *m)
{
	static const struct addr loopback[] = {
		{ .family = ADDR_V4, .bytes = { 127, 0, 0, 1 } },
		{ .family = ADDR_V6, .bytes = { [15] = 1 } }
	};
	struct addr client = { .family = m->family };
	struct dns_name name;
	size_t at;

	memcpy(client.bytes, m->client, sizeof(client.bytes));
	if (dns_name_parse(m->label, strlen(m->label), &name, &at) != DNS_OK)
		return (false);
	if (m->local)
		return (allows(&loopback[0], &name, m) ||
		    allows(&loopback[1], &name, m));
	return (allows(&client, &name, m));
}

/* One record of them, and one of the answers. */
static enum msg_err
check(const uint8_t *buf, size_t len)
{
	struct msg_checked checked[MSG_BATCH_MAX];
	struct msg_check m;
	enum msg_err err;
	size_t at, size, n;

	for (at = n = 0; at < len; at += size) {
		size = len - at < sizeof(m) ? len - at : sizeof(m);
		err = n == MSG_BATCH_MAX ? MSG_ESIZE :
		    msg_check_decode(buf + at, size, &m);
		if (err != MSG_OK)
			return (err);
		checked[n++] = (struct msg_checked){ .type = MSG_CHECKED,
		    .keep = keeps(&m), .seq = m.seq };
	}
	checks += n;
	send_record(checked, n * sizeof(checked[0]), -1);
	return (MSG_OK);
}

/* One message; false after STOP. */
static bool
compiler_take(const uint8_t *buf, size_t len, int fd, const char *name)
{
	struct msg_plain plain;
	enum msg_err err = MSG_ETYPE;

	if ((buf[0] == MSG_RELOAD) != (fd != -1))
		fatalx("a descriptor from the keeper where none belongs");
	if (buf[0] == MSG_RELOAD) {
		err = msg_plain_decode(buf, len, MSG_RELOAD, &plain);
		if (err == MSG_OK)
			compile(fd, name);
	} else if (buf[0] == MSG_CHECK && image != NULL) {
		err = check(buf, len);
	} else if (buf[0] == MSG_STATS) {
		err = msg_plain_decode(buf, len, MSG_STATS, &plain);
		log_info("compiled %lu, grants checked %lu, octets of the "
		    "image %zu", compilations, checks, image_size);
	} else if (buf[0] == MSG_STOP)
		err = msg_plain_decode(buf, len, MSG_STOP, &plain);
	if (err != MSG_OK)
		fatalx("malformed message from the keeper: %s",
		    msg_strerror(err));
	return (buf[0] != MSG_STOP);
}

void
compiler_run(const char *name)
{
	struct msg_ready ready = { .type = MSG_READY, .version = MSG_VERSION };
	uint8_t buf[MSG_SIZE_MAX];
	ssize_t n;
	int fd;

	send_record(&ready, sizeof(ready), -1);
	do {
		n = chan_recv(MSG_FD_CHANNEL, buf, &fd, 1);
		if (n <= 0)
			exit(1);
	} while (compiler_take(buf, (size_t)n, fd, name));
}
