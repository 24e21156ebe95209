/* The policy and the compiler. */
#include "policy.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "children.h"
#include "log.h"
#include "syscalls.h"

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static struct child *compiler;
static const char *acl_path, *acl_name;

static struct bounds *bounds;		/* in force */
static struct bounds *coming;		/* of the policy that is being made */
static struct msg_sealed sealed;
static int image = -1;			/* in force */
static uint16_t generation;
static bool making, again;		/* asked for; and for another one */

const struct bounds *
policy_bounds(void)
{
	return (bounds);
}

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

/* Returns -1 with errno. */
static int
send_acl(void)
{
	int fd = openat(FD_ACL_DIR, acl_name, ACL_OPEN_FLAGS);

	if (fd == -1)
		return (-1);
	bounds_clear(coming);
	children_send_plain(compiler, MSG_RELOAD, fd);
	close(fd);
	making = true;
	return (0);
}

/* Why the ACL cannot be opened, by errno. */
static const char *
open_trouble(void)
{
	if (errno != EACCES)
		return (strerrordesc_np(errno));
	/* That no file has this name is told to those who may enter. */
	if (openat(FD_ACL_DIR, "\n", ACL_OPEN_FLAGS) == -1 && errno == ENOENT)
		return ("the user of --priv-user may not read the file "
		    "('chmod o+r', or give it to the user's group), or it is "
		    "a link that leads out of its directory");
	return ("the user of --priv-user may not enter its directory "
	    "('chmod o+x', or give it to the user's group)");
}

void
policy_reload(void)
{
	again = making;
	if (!making && send_acl() == -1)
		log_error("cannot open the ACL \"%s\": %s; the old one stays",
		    acl_path, open_trouble());
}

bool
policy_reloading(void)
{
	return (making);
}

/* The compiler is done with one, and may have been asked for another. */
static void
made(void)
{
	making = false;
	if (again)
		policy_reload();
}

/* Nobody can change the image any more, and it is as long as was said. */
static void
check_image(int fd, const struct msg_sealed *said)
{
	struct stat st;

	if (fd == -1)
		children_malformed(compiler, "SEALED without a descriptor");
	if (fcntl(fd, F_GET_SEALS) == -1 ||
	    (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS)
		children_malformed(compiler, "the image is not sealed");
	if (fstat(fd, &st) == -1 || (uint64_t)st.st_size != said->size)
		children_malformed(compiler,
		    "the image does not have the size that was said");
}

/* The new policy is complete: it is in force from here on. */
static void
take_image(const void *buf, size_t n, int fd)
{
	struct bounds *old = bounds;
	struct msg_sealed said;
	enum msg_err err;

	if ((err = msg_sealed_decode(buf, n, &said)) != MSG_OK)
		children_malformed(compiler, msg_strerror(err));
	check_image(fd, &said);
	if (image != -1)
		close(image);
	image = fd;
	sealed = said;
	bounds = coming;
	coming = old;
	generation++;
	made();
}

static void
take_bound(const void *buf, size_t n)
{
	struct msg_bound bound;
	enum msg_err err;

	if ((err = msg_bound_decode(buf, n, &bound)) != MSG_OK)
		children_malformed(compiler, msg_strerror(err));
	if (bounds_add(coming, &bound) == -1)
		children_malformed(compiler, "too many bounds");
}

static void
take_rejected(const void *buf, size_t n)
{
	struct msg_plain rejected;
	enum msg_err err;

	err = msg_plain_decode(buf, n, MSG_REJECTED, &rejected);
	if (err != MSG_OK)
		children_malformed(compiler, msg_strerror(err));
	if (bounds == NULL) {
		log_error("the ACL \"%s\" has errors", acl_path);
		exit(2);	/* another start would find them again (O2) */
	}
	log_error("the ACL \"%s\" has errors: the old one stays", acl_path);
	made();
}

enum policy_event
policy_receive(bool *more, struct msg_checked *checked)
{
	uint8_t buf[MSG_SIZE_MAX];
	enum msg_err err;
	int fd = -1;
	size_t n;

	n = bounds == NULL ? children_wait(compiler, buf, &fd) :
	    children_receive(compiler, buf, &fd);
	*more = n > 0;
	if (n == 0)
		return (POLICY_NOTHING);
	if (making && buf[0] == MSG_SEALED) {
		take_image(buf, n, fd);
		return (POLICY_NEW);
	}
	if (fd != -1)
		children_malformed(compiler,
		    "a descriptor where none belongs");
	if (making && buf[0] == MSG_BOUND)
		take_bound(buf, n);
	else if (making && buf[0] == MSG_REJECTED)
		take_rejected(buf, n);
	else {
		err = msg_checked_decode(buf, n, checked);
		if (err != MSG_OK)
			children_malformed(compiler, msg_strerror(err));
		return (POLICY_CHECKED);
	}
	return (POLICY_NOTHING);
}

void
policy_start(struct child *c, const char *path, const char *name)
{
	struct msg_checked checked;
	bool more;

	compiler = c;
	acl_path = path;
	acl_name = name;
	coming = bounds_new();
	generation = UINT16_MAX;	/* the first one is 0 */
	children_wait_ready(c);
	if (send_acl() == -1) {
		log_error("cannot open the ACL \"%s\" (--acl-file): %s", path,
		    open_trouble());
		exit(2);
	}
	while (bounds == NULL) {
		if (policy_receive(&more, &checked) == POLICY_CHECKED)
			children_malformed(c, "CHECKED without a CHECK");
	}
	coming = bounds_new();
	log_info("the ACL has %u rule%s", sealed.rules, log_s(sealed.rules));
}

void
policy_send(struct child *worker, uint8_t families)
{
	struct msg_policy policy = { .type = MSG_POLICY,
	    .families = families, .generation = generation,
	    .size = sealed.size };

	children_send(worker, &policy, sizeof(policy), image);
}
