/* The policy and the compiler. */
#include "policy.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aclfile.h"
#include "children.h"
#include "conf.h"
#include "hosts.h"
#include "include.h"
#include "log.h"

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static struct msg_sealed sealed;
static int acl_image = -1;			/* in force */
static uint16_t generation;
static bool making, reload_wanted;		/* asked for; to be asked for */
static bool was_read, was_taken;		/* the last one */

uint16_t
policy_generation(void)
{
	return (generation);
}

uint32_t
policy_rules(void)
{
	return (sealed.rules);
}

uint32_t
policy_sum(void)
{
	return (sealed.sum);
}

/* Returns -1 with errno. */
static int
policy_open(void)
{
	int fd = openat(KEEP_FD_ACL_DIR, conf->acl_path + conf->acl_name,
	    ACLFILE_FLAGS);
	struct stat st;

	if (fd == -1)
		return (-1);
	/* What nobody has written to yet would be a list without rules. */
	if (fstat(fd, &st) == -1 || S_ISFIFO(st.st_mode) ||
	    S_ISCHR(st.st_mode)) {
		close(fd);
		errno = 0;
		return (-1);
	}
	children_send_plain(&children_compiler, MSG_RELOAD, fd);
	close(fd);
	include_begin();
	hosts_begin();
	making = was_read = true;
	return (0);
}

/* Why the ACL cannot be opened, by errno. */
static const char *
open_trouble(void)
{
	if (errno == 0)
		return (aclfile_text(ACLFILE_KIND));
	if (errno != EACCES)
		return (strerrordesc_np(errno));
	/* That no file has this name is told to those who may enter. */
	if (openat(KEEP_FD_ACL_DIR, "\n", ACLFILE_FLAGS) == -1 && errno == ENOENT)
		return ("the user of --keeper-user may not read the file "
		    "('chmod o+r', or give it to the user's group), or it is "
		    "a link that leads out of its directory");
	return ("the user of --keeper-user may not enter its directory "
	    "('chmod o+x', or give it to the user's group)");
}

void
policy_reload(void)
{
	reload_wanted = true;
}

bool
policy_due(void)
{
	return (reload_wanted && !making);
}

void
policy_ask(void)
{
	if (!policy_due())
		return;
	reload_wanted = false;
	if (policy_open() == -1) {
		was_read = was_taken = false;
		log_error("cannot open the ACL \"%s\": %s; the old one stays",
		    conf->acl_path, open_trouble());
	}
}

bool
policy_was_read(void)
{
	return (was_read);
}

bool
policy_was_taken(void)
{
	return (was_taken);
}

bool
policy_reloading(void)
{
	return (making || reload_wanted);
}

/* Nobody can change the image any more, and it is as long as was said. */
static void
policy_vet(int fd, const struct msg_sealed *said)
{
	struct stat st;

	if (fd == -1)
		children_malformed(&children_compiler, "SEALED without a descriptor");
	if (fcntl(fd, F_GET_SEALS) == -1 ||
	    (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS)
		children_malformed(&children_compiler, "the image is not sealed");
	if (fstat(fd, &st) == -1 || (uint64_t)st.st_size != said->size)
		children_malformed(&children_compiler,
		    "the image does not have the size that was said");
}

/* The new policy is complete: it is in force from here on. */
static void
policy_take(const void *buf, size_t n, int fd)
{
	struct msg_sealed said;
	enum msg_err err;

	if ((err = msg_sealed_decode(buf, n, &said)) != MSG_OK)
		children_malformed(&children_compiler, msg_strerror(err));
	policy_vet(fd, &said);
	if (acl_image != -1)
		close(acl_image);
	acl_image = fd;
	sealed = said;
	hosts_commit(conf->nworkers);
	generation++;
	making = false;
	was_taken = true;
}

static void
policy_rejected(const void *buf, size_t n)
{
	struct msg_plain rejected;
	enum msg_err err;

	err = msg_plain_decode(buf, n, MSG_REJECTED, &rejected);
	if (err != MSG_OK)
		children_malformed(&children_compiler, msg_strerror(err));
	children_log(&children_compiler);
	if (acl_image == -1) {
		log_error("the ACL \"%s\" has errors", conf->acl_path);
		exit(2);	/* another start would find them again (O2) */
	}
	log_error("the ACL \"%s\" has errors: the old one stays", conf->acl_path);
	making = was_taken = false;
}

static void
policy_answers(const uint8_t *buf, size_t len, struct policy_checked *checked)
{
	enum msg_err err;
	size_t at, size;

	checked->n = 0;
	for (at = 0; at < len; at += size) {
		size = len - at < sizeof(checked->at[0]) ? len - at :
		    sizeof(checked->at[0]);
		err = checked->n == MSG_BATCH_MAX ? MSG_ESIZE :
		    msg_checked_decode(buf + at, size,
		    &checked->at[checked->n++]);
		if (err != MSG_OK)
			children_malformed(&children_compiler,
			    msg_strerror(err));
	}
}

/* Addresses of hosts of the list that is being made. */
static void
policy_hosts(const uint8_t *buf, size_t len)
{
	struct msg_host m;
	enum msg_err err;
	size_t size;

	for (; len > 0; buf += size, len -= size) {
		size = len < sizeof(m) ? len : sizeof(m);
		err = msg_host_decode(buf, size, &m);
		if (err == MSG_OK && !hosts_take(&m))
			err = MSG_EVALUE;
		if (err != MSG_OK)
			children_malformed(&children_compiler,
			    msg_strerror(err));
	}
}

/* That it came is what counts (alive.h). */
static void
policy_pong(const uint8_t *buf, size_t n)
{
	enum msg_err err = children_pong(&children_compiler, buf, n);

	if (err != MSG_OK)
		children_malformed(&children_compiler, msg_strerror(err));
}

enum policy_event
policy_receive(struct policy_checked *checked)
{
	struct child *compiler = &children_compiler;
	uint8_t buf[MSG_SIZE_MAX];
	int fd = -1;
	size_t n;

	n = acl_image == -1 ? children_wait(compiler, buf, &fd) :
	    children_receive(compiler, buf, &fd);
	if (n == 0)
		return (POLICY_NOTHING);
	if (making && buf[0] == MSG_SEALED) {
		policy_take(buf, n, fd);
		return (POLICY_NEW);
	}
	if (fd != -1)
		children_malformed(compiler,
		    "a descriptor where none belongs");
	if (making && buf[0] == MSG_REJECTED) {
		policy_rejected(buf, n);
		return (POLICY_SEEN_TO);
	}
	if (making && buf[0] == MSG_INCLUDE) {
		include_serve(buf, n);
		return (POLICY_SEEN_TO);
	}
	if (making && buf[0] == MSG_HOST) {
		policy_hosts(buf, n);
		return (POLICY_SEEN_TO);
	}
	if (buf[0] == MSG_PONG) {
		policy_pong(buf, n);
		return (POLICY_SEEN_TO);
	}
	policy_answers(buf, n, checked);
	return (POLICY_CHECKED);
}

void
policy_start(void)
{
	static struct policy_checked checked;

	generation = UINT16_MAX;	/* the first one is 0 */
	children_wait_ready(&children_compiler);
	if (policy_open() == -1) {
		log_error("cannot open the ACL \"%s\" (--acl-file): %s",
		    conf->acl_path, open_trouble());
		exit(2);
	}
	while (acl_image == -1) {
		if (policy_receive(&checked) == POLICY_CHECKED)
			children_malformed(&children_compiler,
			    "CHECKED without a CHECK");
	}
	log_info("the ACL has %u rule%s", sealed.rules, log_s(sealed.rules));
}

void
policy_send(struct child *worker, uint8_t families)
{
	struct msg_policy policy = { .type = MSG_POLICY,
	    .families = families, .generation = generation,
	    .size = sealed.size };

	children_send(worker, &policy, sizeof(policy), acl_image);
}
