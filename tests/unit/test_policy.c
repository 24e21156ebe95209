/* The list in force, as a worker has it: also where there is no room for it (D22). */
#include <criterion/criterion.h>

#include <sys/mman.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "acl/layout.h"
#include "compile_text.h"
#include "log.h"
#include "serve/policy.h"

#define NAME	"dnsfw-list"

static bool full;			/* the kernel has no room */
static int last;			/* the descriptor that was given */

void	*__real_mmap64(void *, size_t, int, int, int, off_t);
void	*__wrap_mmap64(void *, size_t, int, int, int, off_t);

void *
__wrap_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (full) {
		errno = ENOMEM;
		return (MAP_FAILED);
	}
	return (__real_mmap64(at, len, prot, flags, fd, offset));
}

/* The keeper tells of a list of so many rules. */
static void
give(uint16_t generation, uint8_t families, unsigned int rules)
{
	struct msg_policy m = { .type = MSG_POLICY, .families = families,
	    .generation = generation };
	struct acl_compiled c;
	char text[1000] = "";
	unsigned int i;

	for (i = 0; i < rules; i++)
		sprintf(text + strlen(text), "10.0.0.%u ~> *\n", i);
	cr_assert_eq(compile_text(text, strlen(text), false, NULL, NULL, &c), 0);
	last = memfd_create(NAME, 0);
	cr_assert_eq(write(last, c.image, c.size), (ssize_t)c.size);
	m.size = c.size;
	free(c.image);
	policy_take(&m, last);
}

static void
expect(uint16_t generation, uint8_t families, unsigned int rules, bool missed)
{
	cr_assert_eq(policy.generation, generation);
	cr_assert_eq(policy.families, families);
	cr_assert_eq(policy.image->rules, rules);
	cr_assert_eq(policy.missed, missed);
}

/* How many images are mapped. */
static unsigned int
maps(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned int n = 0;

	while (fgets(line, sizeof(line), file) != NULL)
		n += strstr(line, "memfd:" NAME) != NULL;
	fclose(file);
	return (n);
}

static unsigned int
descriptors(void)
{
	DIR *all = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(all) != NULL)
		n++;
	closedir(all);
	return (n);
}

Test(policy, one_after_the_other)
{
	unsigned int i, before = descriptors();

	for (i = 0; i < 20; i++) {
		give((uint16_t)i, i % 4, i);
		expect((uint16_t)i, i % 4, i, false);
		cr_assert_eq(maps(), 1);
	}
	cr_assert_eq(descriptors(), before);
}

/* The one before is there, with all that it had, but does not count. */
Test(policy, D22_one_that_there_is_no_room_for)
{
	unsigned int before = descriptors();

	give(0, 1, 3);
	full = true;
	give(1, 2, 4);
	expect(0, 1, 3, true);
	cr_assert(!policy_again());
	expect(0, 1, 3, true);
	cr_assert_eq(descriptors(), before + 1);
	full = false;
	cr_assert(policy_again());
	expect(1, 2, 4, false);
	cr_assert_eq(maps(), 1);
	cr_assert_eq(descriptors(), before);
}

/* The last of them is the one that is in force. */
Test(policy, D22_several_that_there_is_no_room_for)
{
	unsigned int i, before = descriptors();

	give(0, 1, 3);
	full = true;
	for (i = 1; i < 10; i++)
		give((uint16_t)i, 1, i);
	expect(0, 1, 3, true);
	cr_assert_eq(descriptors(), before + 1);
	full = false;
	cr_assert(policy_again());
	expect(9, 1, 9, false);
	full = true;
	give(10, 1, 1);
	full = false;
	give(11, 1, 2);
	expect(11, 1, 2, false);
	cr_assert_eq(descriptors(), before);
	cr_assert_eq(maps(), 1);
}

/* Other chains: what is mapped is the list in force, and need not be mapped. */
Test(policy, D22_no_room_is_needed_for_other_families)
{
	unsigned int before = descriptors();

	give(3, 1, 3);
	full = true;
	give(3, 2, 3);
	expect(3, 2, 3, false);
	cr_assert_eq(descriptors(), before);
	give(4, 2, 4);
	expect(3, 2, 3, true);
	/* What was missed is missed, whatever comes of the same. */
	give(4, 1, 4);
	expect(3, 2, 3, true);
	full = false;
	cr_assert(policy_again());
	expect(4, 1, 4, false);
	cr_assert_eq(descriptors(), before);
}

/* At the start there is none to go on with. */
Test(policy, the_first_must_fit, .exit_code = 1)
{
	full = true;
	give(0, 1, 3);
}

Test(policy, one_of_another_length_ends_the_program, .exit_code = 1)
{
	struct msg_policy m = { .type = MSG_POLICY, .size = 600 };

	policy_take(&m, memfd_create(NAME, 0));
}
