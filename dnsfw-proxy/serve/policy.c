/* The list that is in force. */
#include "policy.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <stddef.h>
#include <unistd.h>

#include "../acl/decide.h"
#include "../acl/image.h"
#include "log.h"

struct policy policy;

void
policy_take(const struct msg_policy *m, int fd)
{
	static size_t image_size;
	const char *why;
	struct stat st;
	void *map;

	if (fstat(fd, &st) == -1 || (uint64_t)st.st_size != m->size)
		fatalx("the ACL's image is not as long as it should be");
	map = mmap(NULL, m->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		fatal("cannot map the ACL's image");
	close(fd);
	if (policy.image != NULL)
		munmap((void *)(uintptr_t)policy.image, image_size);
	policy.image = acl_image_open(map, m->size, &why);
	if (policy.image == NULL)
		fatalx("the ACL's image is bad: %s", why);
	image_size = m->size;
	policy.families = m->families;
	policy.generation = m->generation;
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
