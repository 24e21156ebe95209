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
#include "acl/hosts.h"
#include "acl/image.h"
#include "acl/texts.h"
#include "aclfile.h"
#include "chan.h"
#include "includemsg.h"
#include "log.h"
#include "outlook.h"
#include "readtext.h"

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

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

/* False, with errno: there is no room for all of it. */
static bool
write_all(int fd, const char *p, size_t left)
{
	ssize_t n;

	while (left > 0) {
		n = write(fd, p, left);
		if (n == -1 && errno != EINTR)
			return (false);
		if (n > 0) {
			p += n;
			left -= (size_t)n;
		}
	}
	return (true);
}

/*
 * An image in memory that nobody can change any more, and where it is mapped.  -1:
 * there is no room for it, and the log says so.
 */
static int
seal(const struct acl_compiled *c, void **map)
{
	int fd = memfd_create("dnsfw-acl", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	*map = MAP_FAILED;
	if (fd != -1 && write_all(fd, c->image, c->size) &&
	    fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		*map = mmap(NULL, c->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (*map != MAP_FAILED)
		return (fd);
	log_error("no room for the ACL's image: %s", strerrordesc_np(errno));
	if (fd != -1)
		close(fd);
	return (-1);
}

/* The image of the list in force, and how often what happened. */
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
keep_image(void *map, size_t size)
{
	const char *why;

	if (image != NULL)
		munmap((void *)(uintptr_t)image, image_size);
	image = acl_image_open(map, size, &why);
	if (image == NULL)
		fatalx("the ACL's image is bad: %s", why);
	image_size = size;
}

/* Before SEALED: the keeper is to know who asks for whom. */
static void
tell_hosts(const struct acl_compiled *compiled)
{
	struct msg_host m[MSG_BATCH_MAX];
	struct addr_net net;
	uint32_t i, host, n = 0;

	for (i = 0; acl_hosts_at(compiled->image, i, &net, &host); i++) {
		m[n] = (struct msg_host){ .type = MSG_HOST,
		    .family = net.base.family, .prefix = net.prefix,
		    .host = host };
		memcpy(m[n++].base, net.base.bytes, sizeof(net.base.bytes));
		if (n == MSG_BATCH_MAX) {
			send_record(m, sizeof(m), -1);
			n = 0;
		}
	}
	if (n > 0)
		send_record(m, n * sizeof(m[0]), -1);
}

/* What can fail comes before the first word: then the list of before stays. */
static bool
report(const struct acl_compiled *compiled)
{
	struct msg_sealed sealed = { .type = MSG_SEALED,
	    .rules = compiled->rules, .size = compiled->size,
	    .sum = compiled->sum };
	void *map;
	int fd;

	if ((fd = seal(compiled, &map)) == -1)
		return (false);
	/* Before SEALED: no grant by the new list meets the old bounds. */
	if (outlook_wanted() && outlook_tell(compiled, send_helper))
		log_warn("the ACL has more than %u combinations of subnet, "
		    "protocol and port: dnsfw-priv checks grants against "
		    "fewer and wider ones", OUTLOOK_MAX);
	tell_hosts(compiled);
	send_record(&sealed, sizeof(sealed), fd);
	keep_image(map, compiled->size);
	close(fd);
	return (true);
}

/* --- the texts --- */

static struct texts texts;	/* of the list that is being made */
static bool asked;		/* an INCLUDE has no INCLUDED so far */

static void
on_error(void *arg, unsigned int line, unsigned int column, const char *text)
{
	const char *file = arg;

	if (line != 0)
		file = texts_place(&texts, &line)->shown;
	log_error("%s:%u:%u: %s", file, line, column, text);
}

static void
reject(void)
{
	struct msg_plain rejected = { .type = MSG_REJECTED };

	send_record(&rejected, sizeof(rejected), -1);
}

static void
compile(const char *name)
{
	struct acl_compiled compiled;
	int rc;

	rc = acl_compile(&texts, false, on_error, (void *)(uintptr_t)name,
	    &compiled);
	texts_free(&texts);
	if (rc == -1) {
		reject();
		return;
	}
	acl_compiled_file(&compiled, name);
	check_image(&compiled);
	if (!report(&compiled)) {
		/* Another start may find room: that is no wrong list (O2). */
		if (image == NULL)
			fatalx("no room for the first list");
		reject();
	}
	free(compiled.image);
}

/* Ask for the next file of the list, or compile what there is. */
static void
go_on(const char *name)
{
	struct msg_include m = { .type = MSG_INCLUDE };
	struct texts_ask ask;

	asked = texts_next(&texts, &ask);
	if (!asked) {
		compile(name);
		return;
	}
	m.directory = ask.directory;
	memcpy(m.path, ask.path, sizeof(m.path));
	memcpy(m.after, ask.after, sizeof(m.after));
	send_record(&m, sizeof(m), -1);
}

static void
begin_list(int fd, const char *name)
{
	const char *why;
	size_t len;
	char *text;

	compilations++;
	text = readtext(fd, &len, &why);
	close(fd);
	if (text == NULL) {
		log_error("cannot read the ACL \"%s\": %s", name, why);
		reject();
		return;
	}
	texts_begin(&texts, name, text, len);
	go_on(name);
}

/* What the keeper has opened, or why not. */
static void
take_included(const struct msg_included *m, int fd)
{
	const char *why = aclfile_text(m->trouble);
	size_t len = 0;
	char *text = NULL;

	if (fd != -1) {
		text = readtext(fd, &len, &why);
		close(fd);
	}
	if (text != NULL)
		texts_give(&texts, m->name, text, len);
	else if (m->trouble == ACLFILE_END)
		texts_end(&texts, why);
	else
		texts_refuse(&texts, m->name, why);
}

static enum msg_err
included(const uint8_t *buf, size_t len, int fd, const char *name)
{
	struct msg_included m;
	enum msg_err err = msg_included_decode(buf, len, &m);

	if (err == MSG_OK && (m.trouble == ACLFILE_OK) != (fd != -1))
		err = MSG_EVALUE;
	if (err != MSG_OK)
		return (err);
	take_included(&m, fd);
	go_on(name);
	return (MSG_OK);
}

/* --- questions about it --- */

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

static enum msg_err
pong(const uint8_t *buf, size_t len)
{
	static const struct msg_plain answer = { .type = MSG_PONG };
	struct msg_plain ping;
	enum msg_err err = msg_plain_decode(buf, len, MSG_PING, &ping);

	if (err == MSG_OK)
		send_record(&answer, sizeof(answer), -1);
	return (err);
}

/* One message; false after STOP. */
static bool
compiler_take(const uint8_t *buf, size_t len, int fd, const char *name)
{
	struct msg_plain plain;
	enum msg_err err = MSG_ETYPE;

	if (buf[0] != MSG_INCLUDED && (buf[0] == MSG_RELOAD) != (fd != -1))
		fatalx("a descriptor from the keeper where none belongs");
	if (buf[0] == MSG_RELOAD && !asked) {
		err = msg_plain_decode(buf, len, MSG_RELOAD, &plain);
		if (err == MSG_OK)
			begin_list(fd, name);
	} else if (buf[0] == MSG_INCLUDED && asked)
		err = included(buf, len, fd, name);
	else if (buf[0] == MSG_CHECK && image != NULL)
		err = check(buf, len);
	else if (buf[0] == MSG_PING)
		err = pong(buf, len);
	else if (buf[0] == MSG_STATS) {
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
