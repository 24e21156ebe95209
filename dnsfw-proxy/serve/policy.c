/* The list that is in force. */
#include "policy.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "../acl/decide.h"
#include "../acl/image.h"
#include "log.h"

struct policy policy;

/* What the keeper gave last, until it is mapped. */
static struct msg_policy next;
static int next_image = -1;

bool
policy_again(void)
{
	static size_t image_size;
	const struct acl_image *image;
	const char *why;
	void *map;

	map = mmap(NULL, next.size, PROT_READ, MAP_PRIVATE, next_image, 0);
	if (map == MAP_FAILED)
		return (false);
	close(next_image);
	next_image = -1;
	if ((image = acl_image_open(map, next.size, &why)) == NULL)
		fatalx("the ACL's image is bad: %s", why);
	if (policy.image != NULL)
		munmap((void *)(uintptr_t)policy.image, image_size);
	image_size = next.size;
	policy.image = image;
	policy.families = next.families;
	policy.generation = next.generation;
	if (policy.missed)
		log_info("the ACL's image is mapped now: this worker answers "
		    "again");
	policy.missed = false;
	return (true);
}

void
policy_take(const struct msg_policy *m, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || (uint64_t)st.st_size != m->size)
		fatalx("the ACL's image is not as long as it should be");
	/* What is mapped need not be mapped again: only the chains are others. */
	if (policy.image != NULL && !policy.missed &&
	    m->generation == policy.generation) {
		policy.families = m->families;
		close(fd);
		return;
	}
	if (next_image != -1)
		close(next_image);
	next = *m;
	next_image = fd;
	if (policy_again())
		return;
	if (policy.image == NULL)
		fatal("cannot map the ACL's image");
	if (!policy.missed)
		log_error("cannot map the ACL's image: %s; until it can, this "
		    "worker answers SERVFAIL", strerrordesc_np(errno));
	policy.missed = true;
}

const char *
policy_place(uint32_t *line)
{
	return (acl_image_place(policy.image, line));
}

const char *
policy_comment(uint32_t line)
{
	return (acl_image_comment(policy.image, line));
}

uint32_t
policy_ttl(const struct acl_port *port, uint32_t ttl)
{
	return (acl_image_ttl(policy.image, port->times, ttl));
}
