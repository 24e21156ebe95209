/* A reload from the signal to its end (A9), against a compiler that a test plays. */
#include <criterion/criterion.h>

#include <sys/mman.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keep/children.h"
#include "keep/conf.h"
#include "keep/hosts.h"
#include "keep/include.h"
#include "keep/policy.h"
#include "keepconf.h"

#define SIZE	100		/* of an image */
#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static struct keepconf the_conf = { .acl_path = "list" };
const struct keepconf *conf = &the_conf;

/* --- the compiler --- */

struct child children_compiler = { .name = "compiler" };

static uint8_t said[MSG_SIZE_MAX];	/* its next record */
static size_t said_len;
static int said_fd = -1;
static unsigned int asked;		/* RELOADs */

size_t
children_receive(struct child *c, void *buf, int *fd)
{
	size_t n = said_len;

	(void)c;
	memcpy(buf, said, n);
	*fd = said_fd;
	said_fd = -1;
	said_len = 0;
	return (n);
}

size_t
children_wait(struct child *c, void *buf, int *fd)
{
	return (children_receive(c, buf, fd));
}

/* As many as a test says are awaited. */
static unsigned int pongs;

enum msg_err
children_pong(struct child *c, const void *buf, size_t len)
{
	struct msg_plain pong;

	(void)c;
	if (pongs == 0)
		return (MSG_EVALUE);
	pongs--;
	return (msg_plain_decode(buf, len, MSG_PONG, &pong));
}

void
children_wait_ready(struct child *c)
{
	(void)c;
}

void
children_send_plain(struct child *c, enum msg_type type, int fd)
{
	cr_assert_eq(c, &children_compiler);
	cr_assert_eq(type, MSG_RELOAD);
	cr_assert_neq(fcntl(fd, F_GETFD), -1);
	asked++;
}

static int sent_fd = -1;		/* to workers */
static struct msg_policy sent;

void
children_send(struct child *c, const void *buf, size_t len, int fd)
{
	(void)c;
	cr_assert_eq(len, sizeof(sent));
	memcpy(&sent, buf, len);
	sent_fd = fd;
}

void
children_log(const struct child *c)
{
	(void)c;
}

void
children_malformed(const struct child *c, const char *why)
{
	(void)c;
	(void)why;
	exit(7);
}

static unsigned int begun, included;	/* lists; INCLUDEs that were served */

void
include_begin(void)
{
	begun++;
}

void
include_serve(const uint8_t *buf, size_t n)
{
	cr_assert(n == 1 && buf[0] == MSG_INCLUDE);
	included++;
}

/* --- --- */

static void
say(const void *record, size_t len, int fd)
{
	memcpy(said, record, len);
	said_len = len;
	said_fd = fd;
}

static void
say_sealed(uint32_t rules, off_t size, int seals)
{
	const struct msg_sealed m = { .type = MSG_SEALED, .rules = rules,
	    .size = SIZE, .sum = rules };
	int fd = memfd_create("image", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	cr_assert_neq(fd, -1);
	cr_assert_eq(ftruncate(fd, size), 0);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	say(&m, sizeof(m), fd);
}

static struct policy_checked checked;
static char dir[] = "/tmp/dnsfw-policy.XXXXXX", path[64];

static void
set_up(void)
{
	int fd;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/list", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	cr_assert_neq(fd, -1);
	close(fd);
	fd = open(dir, O_PATH | O_DIRECTORY);
	cr_assert_neq(dup2(fd, KEEP_FD_ACL_DIR), -1);
	say_sealed(1, SIZE, SEALS);
	policy_start();
	cr_assert_eq(asked, 1);
	cr_assert_eq(policy_generation(), 0);
}

static void
clean_up(void)
{
	(void)unlink(path);
	cr_assert_eq(rmdir(dir), 0);
}

TestSuite(keep_policy, .init = set_up, .fini = clean_up, .timeout = 30);

static void
reload(void)
{
	policy_reload();
	cr_assert(policy_due());
	cr_assert(policy_reloading());
	policy_ask();
}

Test(keep_policy, A9_a_new_one)
{
	cr_assert_not(policy_reloading());
	policy_ask();
	cr_assert_eq(asked, 1, "nobody wants one");
	reload();
	cr_assert_eq(asked, 2);
	cr_assert(policy_was_read());
	cr_assert(policy_reloading());
	cr_assert_eq(policy_receive(&checked), POLICY_NOTHING);
	say_sealed(5, SIZE, SEALS);
	cr_assert_eq(policy_receive(&checked), POLICY_NEW);
	cr_assert_eq(policy_generation(), 1);
	cr_assert_eq(policy_rules(), 5);
	cr_assert_eq(policy_sum(), 5);
	cr_assert_not(policy_reloading());
	cr_assert(policy_was_taken());
	policy_send(NULL, MSG_FAMILY_V6);
	cr_assert(sent.generation == 1 && sent.size == SIZE &&
	    sent.families == MSG_FAMILY_V6);
	cr_assert_neq(fcntl(sent_fd, F_GETFD), -1);
}

/* Each needs one, and the one before goes: else they were all used up some day. */
Test(keep_policy, A9_wear_of_descriptors)
{
	unsigned int i;
	int fd;

	for (i = 0; i < 3; i++) {
		policy_send(NULL, MSG_FAMILY_V4);
		fd = sent_fd;
		cr_assert_neq(fcntl(fd, F_GETFD), -1);
		reload();
		say_sealed(5, SIZE, SEALS);
		cr_assert_eq(policy_receive(&checked), POLICY_NEW);
		cr_assert_eq(fcntl(fd, F_GETFD), -1, "round %u", i);
	}
}

/* The file may have been changed after it was read. */
Test(keep_policy, A9_a_signal_during_a_reload_is_another_reload)
{
	reload();
	policy_reload();
	policy_reload();
	cr_assert_not(policy_due());
	policy_ask();
	cr_assert_eq(asked, 2);
	say_sealed(5, SIZE, SEALS);
	cr_assert_eq(policy_receive(&checked), POLICY_NEW);
	cr_assert(policy_reloading());
	cr_assert(policy_due());
	policy_ask();
	policy_ask();
	cr_assert_eq(asked, 3);
}

Test(keep_policy, A9_a_bad_one_changes_nothing)
{
	const struct msg_plain rejected = { .type = MSG_REJECTED };

	reload();
	policy_reload();
	say(&rejected, sizeof(rejected), -1);
	cr_assert_eq(policy_receive(&checked), POLICY_SEEN_TO);
	cr_assert_eq(policy_generation(), 0);
	cr_assert_eq(policy_rules(), 1);
	cr_assert_not(policy_was_taken());
	/* Nor is it the last one. */
	cr_assert(policy_due());
	policy_ask();
	say_sealed(6, SIZE, SEALS);
	cr_assert_eq(policy_receive(&checked), POLICY_NEW);
	cr_assert_eq(policy_rules(), 6);
	cr_assert(policy_was_taken());
}

Test(keep_policy, A9_a_file_that_is_gone_changes_nothing)
{
	cr_assert_eq(unlink(path), 0);
	reload();
	cr_assert_eq(asked, 1);
	cr_assert_not(policy_reloading());
	cr_assert_not(policy_was_read());
	cr_assert_not(policy_was_taken());
}

Test(keep_policy, A9_answers)
{
	const struct msg_checked answers[] = {
	    { .type = MSG_CHECKED, .seq = 4, .keep = 1 },
	    { .type = MSG_CHECKED, .seq = 5 } };

	say(answers, sizeof(answers), -1);
	cr_assert_eq(policy_receive(&checked), POLICY_CHECKED);
	cr_assert_eq(checked.n, 2);
	cr_assert(checked.at[0].seq == 4 && checked.at[1].seq == 5);
}

/* With a list under way, and without. */
Test(keep_policy, O3_it_lives)
{
	const struct msg_plain pong = { .type = MSG_PONG };

	pongs = 2;
	say(&pong, sizeof(pong), -1);
	cr_assert_eq(policy_receive(&checked), POLICY_SEEN_TO);
	policy_reload();
	policy_ask();
	say(&pong, sizeof(pong), -1);
	cr_assert_eq(policy_receive(&checked), POLICY_SEEN_TO);
	cr_assert(policy_reloading());
}

Test(keep_policy, O3_a_longer_pong_ends_the_program, .exit_code = 7)
{
	const uint8_t pong[sizeof(struct msg_plain) + 1] = { MSG_PONG };

	pongs = 1;
	say(pong, sizeof(pong), -1);
	clean_up();
	(void)policy_receive(&checked);
}

Test(keep_policy, O3_a_pong_that_nobody_wanted, .exit_code = 7)
{
	const struct msg_plain pong = { .type = MSG_PONG };

	say(&pong, sizeof(pong), -1);
	clean_up();
	(void)policy_receive(&checked);
}

/* Each list may include as many files as the first one. */
Test(keep_policy, U11_files_that_it_includes)
{
	const uint8_t m = MSG_INCLUDE;

	cr_assert_eq(begun, 1);
	reload();
	cr_assert_eq(begun, 2);
	say(&m, sizeof(m), -1);
	cr_assert_eq(policy_receive(&checked), POLICY_SEEN_TO);
	cr_assert_eq(included, 1);
	cr_assert(policy_reloading());
}

static const struct msg_host hosts[] = {
	{ .type = MSG_HOST, .family = ADDR_V4, .base = { 10, 0, 0, 1 },
	    .prefix = 32 },
	{ .type = MSG_HOST, .family = ADDR_V4, .base = { 10, 0, 0, 2 },
	    .prefix = 32, .host = 1 },
	{ .type = MSG_HOST, .family = ADDR_V6, .base = { 0xfd },
	    .prefix = MSG_HOST_NET, .host = 0 },
	{ .type = MSG_HOST, .family = ADDR_V6, .base = { 0xfd, [15] = 1 },
	    .prefix = 128, .host = 1 }
};

static const uint8_t *
first_of(uint8_t family, uint8_t first, uint8_t last)
{
	static struct addr a;

	a = (struct addr){ .family = family, .bytes = { first } };
	a.bytes[family == ADDR_V4 ? 3 : 15] = last;
	return (hosts_first(&a) ? a.bytes : NULL);
}

/* They hold from the list on that they are of (U11). */
Test(keep_policy, U11_hosts_of_a_list)
{
	const struct msg_plain rejected = { .type = MSG_REJECTED };

	reload();
	say(hosts, 2 * sizeof(hosts[0]), -1);
	cr_assert_eq(policy_receive(&checked), POLICY_SEEN_TO);
	say(&hosts[2], 2 * sizeof(hosts[0]), -1);
	cr_assert_eq(policy_receive(&checked), POLICY_SEEN_TO);
	cr_assert_null(first_of(ADDR_V4, 10, 1));
	say_sealed(2, SIZE, SEALS);
	cr_assert_eq(policy_receive(&checked), POLICY_NEW);
	cr_assert_eq(memcmp(first_of(ADDR_V4, 10, 1), hosts[0].base, 16), 0);
	cr_assert_eq(memcmp(first_of(ADDR_V6, 0xfd, 2), hosts[0].base, 16), 0);
	cr_assert_eq(memcmp(first_of(ADDR_V6, 0xfd, 1), hosts[1].base, 16), 0);
	cr_assert_null(first_of(ADDR_V4, 10, 3));
	cr_assert_null(first_of(ADDR_V6, 0xfe, 1));
	/* A list that is bad has none. */
	reload();
	say(&hosts[1], sizeof(hosts[0]), -1);
	said[offsetof(struct msg_host, host)] = 0;
	cr_assert_eq(policy_receive(&checked), POLICY_SEEN_TO);
	say(&rejected, sizeof(rejected), -1);
	cr_assert_eq(policy_receive(&checked), POLICY_SEEN_TO);
	cr_assert_not_null(first_of(ADDR_V4, 10, 1));
	reload();
	say_sealed(2, SIZE, SEALS);
	cr_assert_eq(policy_receive(&checked), POLICY_NEW);
	cr_assert_null(first_of(ADDR_V4, 10, 1));
}

Test(keep_policy, U11_as_many_addresses_of_hosts_as_there_can_be)
{
	struct msg_host m = hosts[0];
	uint32_t i;

	hosts_begin();
	for (i = 0; i <= MSG_HOSTS_MAX; i++) {
		m.base[2] = (uint8_t)(i >> 8);
		m.base[3] = (uint8_t)i;
		cr_assert_eq(hosts_take(&m), i < MSG_HOSTS_MAX);
	}
}

/* --- what a compiler in the wrong hands might say --- */

static void
say_hosts(size_t first, size_t then, uint32_t host)
{
	struct msg_host m[] = { hosts[first], hosts[then] };

	m[1].host = host;
	reload();
	say(m, sizeof(m), -1);
	clean_up();
	(void)policy_receive(&checked);
}

Test(keep_policy, P7_hosts_out_of_order, .exit_code = 7)
{
	say_hosts(1, 0, 0);
}

Test(keep_policy, P7_hosts_twice, .exit_code = 7)
{
	say_hosts(0, 0, 0);
}

Test(keep_policy, P7_hosts_of_a_later_one, .exit_code = 7)
{
	say_hosts(0, 1, 2);
}

Test(keep_policy, P7_hosts_that_nobody_wanted, .exit_code = 7)
{
	say(hosts, sizeof(hosts[0]), -1);
	clean_up();
	(void)policy_receive(&checked);
}

/* No file is for it when it makes no list. */
Test(keep_policy, P7_a_file_that_nobody_wanted, .exit_code = 7)
{
	const uint8_t m = MSG_INCLUDE;

	say(&m, sizeof(m), -1);
	clean_up();
	(void)policy_receive(&checked);
}

Test(keep_policy, P7_an_image_that_can_be_changed, .exit_code = 7)
{
	reload();
	say_sealed(5, SIZE, SEALS & ~F_SEAL_WRITE);
	clean_up();
	(void)policy_receive(&checked);
}

Test(keep_policy, P7_an_image_of_another_size, .exit_code = 7)
{
	reload();
	say_sealed(5, SIZE - 1, SEALS);
	clean_up();
	(void)policy_receive(&checked);
}

Test(keep_policy, P7_an_image_that_is_none, .exit_code = 7)
{
	const struct msg_sealed m = { .type = MSG_SEALED, .size = SIZE };

	reload();
	say(&m, sizeof(m), -1);
	clean_up();
	(void)policy_receive(&checked);
}

Test(keep_policy, P7_an_image_that_nobody_wanted, .exit_code = 7)
{
	say_sealed(5, SIZE, SEALS);
	clean_up();
	(void)policy_receive(&checked);
}

Test(keep_policy, P7_no_descriptor_belongs_to_an_answer, .exit_code = 7)
{
	const struct msg_checked m = { .type = MSG_CHECKED };

	say(&m, sizeof(m), KEEP_FD_ACL_DIR);
	clean_up();
	(void)policy_receive(&checked);
}
