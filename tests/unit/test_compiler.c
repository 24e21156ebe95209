/* The compiler's role, as the keeper sees it: a process behind a channel. */
#include <criterion/criterion.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acl/decide.h"
#include "acl/image.h"
#include "acl/layout.h"
#include "aclfile.h"
#include "addrtext.h"
#include "chan.h"
#include "compile_text.h"
#include "compiler.h"
#include "includemsg.h"
#include "log.h"
#include "order_each.h"
#include "outlook.h"

#define NAME		"list.acl"
#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define PAGE		4096U
#define RULES	"10.0.0.1 -> a.example:TCP:80\n"			\
		"10.0.0.1 -> b.example:UDP:53\n"			\
		"fd00::/64 -> *.c.example:TCP:443\n"			\
		"127.0.0.1 -> v4.example:TCP:1\n"			\
		"::1 -> v6.example:TCP:2\n"				\
		"10.0.0.2 ~> a.example\n"

static pid_t child;
static int channel, messages, to_helper;
static uint8_t record[MSG_SIZE_MAX];
static char said[1 << 16];

/* --- memory, as the compiler gets it --- */

static unsigned int allocations;	/* so far */
static unsigned int failing;		/* the number of the one that fails */
static struct {
	void	*memory, *map;
	size_t	 size;
	size_t	 len;			/* of the memory */
} guarded[64];

void	*__real_malloc(size_t);
void	*__real_realloc(void *, size_t);
void	*__real_reallocarray(void *, size_t, size_t);
void	 __real_free(void *);
void	*__wrap_malloc(size_t);
void	*__wrap_calloc(size_t, size_t);
void	*__wrap_realloc(void *, size_t);
void	*__wrap_reallocarray(void *, size_t, size_t);
void	 __wrap_free(void *);
void	 __wrap_exit(int) __attribute__((noreturn));

void *
__wrap_malloc(size_t size)
{
	return (++allocations == failing ? NULL : __real_malloc(size));
}

/* Right before a page that nobody may touch. */
void *
__wrap_calloc(size_t n, size_t each)
{
	size_t size = (n * each + 15) & ~(size_t)15, i;
	size_t pages = (size + PAGE - 1) / PAGE * PAGE;
	uint8_t *map;

	if (++allocations == failing)
		return (NULL);
	map = mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map + pages, PAGE, PROT_NONE) == -1)
		abort();
	for (i = 0; guarded[i].memory != NULL; i++)
		;
	guarded[i].memory = map + pages - size;
	guarded[i].map = map;
	guarded[i].size = pages + PAGE;
	guarded[i].len = size;
	return (guarded[i].memory);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return (++allocations == failing ? NULL : __real_realloc(old, size));
}

void *
__wrap_reallocarray(void *old, size_t n, size_t size)
{
	void *new;
	size_t i;

	if (++allocations == failing)
		return (NULL);
	for (i = 0; old != NULL && i < 64; i++) {
		if (guarded[i].memory != old)
			continue;
		if ((new = __real_malloc(n * size)) == NULL)
			abort();
		memcpy(new, old, guarded[i].len < n * size ? guarded[i].len :
		    n * size);
		__wrap_free(old);
		return (new);
	}
	return (__real_reallocarray(old, n, size));
}

void
__wrap_free(void *memory)
{
	size_t i;

	for (i = 0; memory != NULL && i < 64; i++) {
		if (guarded[i].memory == memory) {
			munmap(guarded[i].map, guarded[i].size);
			guarded[i].memory = NULL;
			return;
		}
	}
	__real_free(memory);
}

/* Without what the test program has to say at its end. */
void
__wrap_exit(int status)
{
	_exit(status);
}

/* --- what the kernel has no room for --- */

static unsigned int of_image;		/* of an image that is under way, or 0 */
static unsigned int no_room_at;		/* step: memfd_create, write, mmap */
static unsigned int no_room_in;		/* in which of the images */

int	 __real_memfd_create(const char *, unsigned int);
ssize_t	 __real_write(int, const void *, size_t);
void	*__real_mmap64(void *, size_t, int, int, int, off_t);
int	 __wrap_memfd_create(const char *, unsigned int);
ssize_t	 __wrap_write(int, const void *, size_t);
void	*__wrap_mmap64(void *, size_t, int, int, int, off_t);

static bool
no_room(unsigned int step)
{
	errno = ENOSPC;
	return (of_image > 0 && of_image == no_room_in && step == no_room_at);
}

/* The test's own have another name. */
int
__wrap_memfd_create(const char *name, unsigned int flags)
{
	of_image += strcmp(name, "dnsfw-acl") == 0;
	return (no_room(1) ? -1 : __real_memfd_create(name, flags));
}

ssize_t
__wrap_write(int fd, const void *buf, size_t len)
{
	return (memcmp(buf, IMAGE_MAGIC, len < 8 ? len : 8) == 0 &&
	    no_room(2) ? -1 : __real_write(fd, buf, len));
}

void *
__wrap_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	return (fd != -1 && no_room(3) ? MAP_FAILED :
	    __real_mmap64(at, len, prot, flags, fd, offset));
}

#ifdef DNSFW_SANITIZE
/* The runner's own, which it has kept to its end. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return ("leak:libcriterion");
}
#endif

/* --- the process --- */

static void
start(void)
{
	struct rlimit few = { .rlim_cur = 32, .rlim_max = 32 };
	int pair[2], bounds[2], fds[2], own;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, bounds), 0);
	cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
	cr_assert_neq(child = fork(), -1);
	if (child == 0) {
		dup2(fds[1], STDERR_FILENO);
		own = fcntl(pair[1], F_DUPFD, MSG_FD_HELPER + 1);
		dup2(bounds[1], MSG_FD_HELPER);
		dup2(own, MSG_FD_CHANNEL);
		close_range(MSG_FD_HELPER + 1, ~0U, 0);
		setrlimit(RLIMIT_NOFILE, &few);
		unsetenv("JOURNAL_STREAM");
		log_init(NULL);
		allocations = 0;
		outlook_open();
		compiler_run(NAME);
		_exit(0);
	}
	close(pair[1]);
	close(bounds[1]);
	close(fds[1]);
	channel = pair[0];
	to_helper = bounds[0];
	messages = fds[0];
}

static void
hang_up(void)
{
	close(channel);
	close(to_helper);
	close(messages);
}

/* How it ends; said is all that it has logged since last time. */
static int
status(void)
{
	ssize_t n;
	int how;

	cr_assert_eq(waitpid(child, &how, 0), child);
	n = read(messages, said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	return (WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how));
}

static void
say(const void *buf, size_t len, int fd)
{
	cr_assert_eq(chan_send(channel, buf, len, fd), (ssize_t)len);
}

static void
say_plain(enum msg_type type)
{
	struct msg_plain plain = { .type = (uint8_t)type };

	say(&plain, sizeof(plain), -1);
}

static void
reload_len(const char *text, size_t len)
{
	struct msg_plain plain = { .type = MSG_RELOAD };
	int fd = memfd_create("text", 0);

	cr_assert_eq(write(fd, text, len), (ssize_t)len);
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	say(&plain, sizeof(plain), fd);
	close(fd);
}

static void
reload(const char *text)
{
	reload_len(text, strlen(text));
}

/* The next record; its type, or 0: the channel is at its end. */
static unsigned int
hear(int *fd)
{
	ssize_t n = chan_recv(channel, record, fd, 1);

	cr_assert_geq(n, 0);
	return (n == 0 ? 0 : record[0]);
}

static void
stop(void)
{
	say_plain(MSG_STOP);
	cr_assert_eq(hear(NULL), 0);
	cr_assert_eq(status(), 0);
}

/* READY, as the first of all. */
static void
begin(void)
{
	struct msg_ready ready;

	start();
	cr_assert_eq(hear(NULL), MSG_READY);
	cr_assert_eq(msg_ready_decode(record, sizeof(ready), &ready), MSG_OK);
}

static struct order_bound told[ORDER_BOUNDS_MAX];
static size_t ntold, records;
static struct order_commit committed;

static void
hear_bounds(int chan, const void *bounds, size_t len)
{
	const uint8_t *r = bounds;

	cr_assert_eq(chan, MSG_FD_HELPER);
	records++;
	if (r[0] == ORDER_COMMIT) {
		cr_assert_eq(order_commit_decode(r, len, &committed), ORDER_OK);
		return;
	}
	cr_assert_leq(len, ORDER_BATCH_MAX * sizeof(told[0]));
	for (; len > 0; len -= sizeof(told[0]), r += sizeof(told[0]))
		cr_assert_eq(order_bound_decode(r, sizeof(told[0]),
		    &told[ntold++]), ORDER_OK);
}

/* SEALED or REJECTED; and how many bounds the helper has, complete before it. */
static unsigned int
verdict(unsigned int *bounds, int *fd)
{
	struct pollfd fds[] = { { .fd = to_helper, .events = POLLIN },
	    { .fd = channel, .events = POLLIN } };
	uint8_t order[ORDER_BATCH_MAX * sizeof(told[0])];
	unsigned int type;
	ssize_t n;

	ntold = records = 0;
	do {
		cr_assert_gt(poll(fds, 2, -1), 0);
		while ((n = recv(to_helper, order, sizeof(order),
		    MSG_DONTWAIT)) > 0)
			hear_bounds(MSG_FD_HELPER, order, (size_t)n);
	} while ((fds[1].revents & POLLIN) == 0);
	type = hear(fd);
	*bounds = (unsigned int)ntold;
	cr_assert(type != MSG_SEALED || (records > 0 &&
	    committed.bounds == ntold));
	return (type);
}

static void
sealed(const char *text)
{
	unsigned int bounds;
	int fd;

	reload(text);
	cr_assert_eq(verdict(&bounds, &fd), MSG_SEALED);
	cr_assert_neq(fd, -1);
	close(fd);
}

static unsigned int
keeps(const char *client, const char *label, uint8_t proto, uint16_t port)
{
	static uint32_t seq;
	struct msg_check m = { .type = MSG_CHECK, .proto = proto,
	    .port = port, .seq = ++seq, .family = ADDR_V4,
	    .local = client == NULL };
	struct msg_checked checked;
	struct addr a;

	if (client != NULL) {
		cr_assert_eq(addr_parse(client, strlen(client), &a), 0);
		m.family = a.family;
		memcpy(m.client, a.bytes, sizeof(m.client));
	}
	strcpy(m.label, label);
	say(&m, sizeof(m), -1);
	cr_assert_eq(hear(NULL), MSG_CHECKED);
	cr_assert_eq(msg_checked_decode(record, sizeof(checked), &checked),
	    MSG_OK);
	cr_assert_eq(checked.seq, seq);
	return (checked.keep);
}

/* --- what it says of a list --- */

/* More than a record of them, before the image (U11). */
Test(compiler, U11_hosts_of_a_list, .timeout = 20)
{
	const struct msg_host *m = (const void *)record;
	char text[40 * 64];
	unsigned int i, n, bounds;
	int fd, len = 0;

	for (i = 0; i < 33; i++)
		len += sprintf(text + len, "@h%u = host 10.0.0.%u, fd00::%x\n",
		    i, i, i + 1);
	begin();
	reload(text);
	for (i = 0; i < 66; i += n) {
		cr_assert_eq(hear(NULL), MSG_HOST);
		n = i == 0 ? 64 : 2;
		cr_assert_eq(m[0].host, i % 33);
		cr_assert_eq(m[n - 1].base[m[n - 1].family == ADDR_V4 ? 3 : 15],
		    i == 0 ? 31 : 33);
	}
	cr_assert_eq(verdict(&bounds, &fd), MSG_SEALED);
	close(fd);
	stop();
}

/* In any order, but all before the image. */
Test(compiler, bounds_and_image_of_a_list, .timeout = 20)
{
	static const struct addr client = { ADDR_V4, { 10, 0, 0, 1 } };
	unsigned int ports[5] = { 80, 53, 443, 1, 2 }, i, seen = 0, bounds;
	const struct order_bound *b;
	struct msg_sealed m;
	struct acl_decision d;
	struct dns_name name;
	const struct acl_image *image;
	const char *why;
	size_t bad;
	int fd;
	void *map;

	begin();
	reload(RULES);
	cr_assert_eq(verdict(&bounds, &fd), MSG_SEALED);
	for (b = told; b < told + bounds; b++) {
		if (b->family == 0)
			continue;
		for (i = 0; i < 5 && ports[i] != b->port; i++)
			;
		cr_assert_lt(i, 5);
		seen |= 1U << i;
		cr_assert_eq(b->proto, i == 1 ? IPPROTO_UDP : IPPROTO_TCP);
		cr_assert_eq(b->family, i == 2 || i == 4 ? ADDR_V6 : ADDR_V4);
		cr_assert_eq(b->prefix, ((unsigned int[]){ 32, 32, 64, 32,
		    128 })[i]);
		cr_assert_eq(b->base[0], ((unsigned int[]){ 10, 10, 0xfd, 127,
		    0 })[i]);
	}
	cr_assert_eq(seen, 31);
	cr_assert_eq(bounds, 5 + 2);
	cr_assert_eq(msg_sealed_decode(record, sizeof(m), &m), MSG_OK);
	cr_assert_eq(m.rules, 6);
	cr_assert_eq(fcntl(fd, F_GET_SEALS), SEALS);
	map = mmap(NULL, m.size, PROT_READ, MAP_PRIVATE, fd, 0);
	cr_assert_neq(map, MAP_FAILED);
	cr_assert_neq(image = acl_image_open(map, m.size, &why), NULL);
	cr_assert_null(acl_image_check(image));
	cr_assert_str_eq(acl_image_file(image), NAME);
	cr_assert_eq(dns_name_parse("a.example", 9, &name, &bad), DNS_OK);
	acl_decide(image, &client, &name, &d);
	cr_assert_eq(d.verdict, ACL_ALLOW);
	cr_assert_eq(d.nports, 1);
	cr_assert_eq(d.ports[0].port, 80);
	stop();
	cr_assert_str_eq(said, "");
}

Test(compiler, an_empty_list_is_one, .timeout = 20)
{
	unsigned int bounds;
	int fd;

	begin();
	reload("");
	cr_assert_eq(verdict(&bounds, &fd), MSG_SEALED);
	cr_assert_eq(bounds, 0);
	cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP, 80), 0);
	stop();
}

/* Each is said, nothing of the list leaves, and the one before stays. */
Test(compiler, errors_of_a_list, .timeout = 20)
{
	unsigned int bounds;
	int fd;

	begin();
	reload("10.0.0.1 -> a.example:TCP:80\nx\n10.0.0.1 ~> -\n\n"
	    "10.0.0.1 -| a.example");
	cr_assert_eq(verdict(&bounds, &fd), MSG_REJECTED);
	cr_assert_eq(bounds, 0);
	cr_assert_eq(fd, -1);
	sealed(RULES);
	reload("bad");
	cr_assert_eq(verdict(&bounds, &fd), MSG_REJECTED);
	cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP, 80), 1);
	stop();
	cr_assert_eq(strncmp(said, "[ERROR] " NAME ":2:1: ", 22), 0);
	cr_assert_neq(strstr(said, "[ERROR] " NAME ":5:13: "), NULL);
	cr_assert_neq(strstr(said, "[ERROR] " NAME ":1:1: "), NULL);
}

Test(compiler, a_text_that_cannot_be_read, .timeout = 20)
{
	struct msg_plain plain = { .type = MSG_RELOAD };
	int fd = open("/", O_RDONLY | O_DIRECTORY);

	begin();
	say(&plain, sizeof(plain), fd);
	cr_assert_eq(hear(NULL), MSG_REJECTED);
	sealed(RULES);
	stop();
	cr_assert_str_eq(said,
	    "[ERROR] cannot read the ACL \"" NAME "\": Is a directory\n");
}

/* Comments up to each side of what the buffer has at first, and has then. */
Test(compiler, a_text_of_any_length, .timeout = 20)
{
	static char text[(256 << 10) + 100];
	static const size_t around[] = { 64 << 10, 128 << 10, 256 << 10 };
	static const char rule[] = "\n10.0.0.1 -> a.example:TCP:80";
	size_t i, len;
	int d, fd;
	unsigned int bounds;

	begin();
	for (i = 0; i < 3; i++) {
		for (d = -1; d <= 1; d++) {
			len = around[i] + (size_t)d;
			memset(text, '\n', len);
			memcpy(text + len - strlen(rule), rule, strlen(rule));
			reload_len(text, len);
			cr_assert_eq(verdict(&bounds, &fd), MSG_SEALED);
			cr_assert_eq(bounds, 1);
			close(fd);
		}
	}
	stop();
}

/* --- grants under a new list --- */

Test(compiler, grants_are_checked_by_the_last_list, .timeout = 20)
{
	begin();
	sealed(RULES);
	cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP, 80), 1);
	cr_assert_eq(keeps("10.0.0.1", "a.example.", IPPROTO_TCP, 80), 1);
	cr_assert_eq(keeps("10.0.0.1", "b.example", IPPROTO_UDP, 53), 1);
	cr_assert_eq(keeps("fd00::9", "x.c.example", IPPROTO_TCP, 443), 1);
	/* Each fact counts. */
	cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_UDP, 80), 0);
	cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP, 81), 0);
	cr_assert_eq(keeps("10.0.0.1", "b.example", IPPROTO_TCP, 80), 0);
	cr_assert_eq(keeps("10.0.0.3", "a.example", IPPROTO_TCP, 80), 0);
	cr_assert_eq(keeps("fd00::9", "c.example", IPPROTO_TCP, 443), 0);
	/* "~>" grants nothing; neither does a label that is not all. */
	cr_assert_eq(keeps("10.0.0.2", "a.example", IPPROTO_TCP, 80), 0);
	cr_assert_eq(keeps("fd00::9", "*.c.example", IPPROTO_TCP, 443), 0);
	/* This host: what either of its loopback addresses may. */
	cr_assert_eq(keeps(NULL, "v4.example", IPPROTO_TCP, 1), 1);
	cr_assert_eq(keeps(NULL, "v6.example", IPPROTO_TCP, 2), 1);
	cr_assert_eq(keeps(NULL, "v4.example", IPPROTO_TCP, 2), 0);
	cr_assert_eq(keeps(NULL, "a.example", IPPROTO_TCP, 80), 0);
	sealed("10.0.0.1 -| a.example\n10.0.0.0/8 -> *:TCP:80\n");
	cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP, 80), 0);
	cr_assert_eq(keeps("10.0.0.1", "b.example", IPPROTO_TCP, 80), 1);
	stop();
}

/* Who may use more ports than a decision holds gets none of them (A4). */
/* As many in a record as there may be, answered in one, in their order. */
Test(compiler, grants_are_checked_many_at_once, .timeout = 20)
{
	struct msg_check m[MSG_BATCH_MAX];
	struct msg_checked checked;
	unsigned int i;

	begin();
	sealed(RULES);
	for (i = 0; i < MSG_BATCH_MAX; i++)
		m[i] = (struct msg_check){ .type = MSG_CHECK, .seq = 7 + i,
		    .proto = IPPROTO_TCP, .port = i % 3 == 0 ? 80 : 81,
		    .family = ADDR_V4, .client = { 10, 0, 0, 1 },
		    .label = "a.example" };
	say(m, sizeof(m), -1);
	cr_assert_eq(hear(NULL), MSG_CHECKED);
	for (i = 0; i < MSG_BATCH_MAX; i++) {
		cr_assert_eq(msg_checked_decode(record + i * sizeof(checked),
		    sizeof(checked), &checked), MSG_OK);
		cr_assert_eq(checked.seq, 7 + i);
		cr_assert_eq(checked.keep, i % 3 == 0);
	}
	stop();
}

Test(compiler, more_ports_than_a_decision_holds, .timeout = 20)
{
	static char text[2 * ACL_PORTS_MAX * 64];
	unsigned int i, n, round;

	begin();
	for (round = 0; round < 2; round++) {
		for (i = n = 0; i < ACL_PORTS_MAX; i++)
			n += (unsigned int)sprintf(text + n,
			    "10.0.0.1 -> a.example:TCP:%u\n", i + 1);
		if (round == 1)
			sprintf(text + n, "10.0.0.0/8 -> *:TCP:9999\n");
		sealed(text);
		cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP, 1),
		    1 - round);
		cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP,
		    ACL_PORTS_MAX), 1 - round);
	}
	stop();
}

Test(compiler, statistics, .timeout = 20)
{
	static const char expected[] = "[INFO ] compiled 2, grants checked 1, "
	    "octets of the image 6";
	struct msg_plain plain = { .type = MSG_STATS };

	begin();
	sealed("10.0.0.1 -> a.example:TCP:80\n");
	sealed("10.0.0.1 -> a.example:TCP:80\n");
	keeps("10.0.0.1", "a.example", IPPROTO_TCP, 80);
	say(&plain, sizeof(plain), -1);
	stop();
	cr_assert_eq(strncmp(said, expected, strlen(expected)), 0, "%s", said);
}

/* Before it has a list, too. */
Test(compiler, O3_it_lives, .timeout = 20)
{
	struct msg_plain plain = { .type = MSG_PING };
	unsigned int i;

	begin();
	for (i = 0; i < 3; i++) {
		say(&plain, sizeof(plain), -1);
		cr_assert_eq(hear(NULL), MSG_PONG);
		cr_assert_eq(msg_plain_decode(record, sizeof(plain), MSG_PONG,
		    &plain), MSG_OK);
		plain.type = MSG_PING;
		sealed("10.0.0.1 -> a.example:TCP:80\n");
	}
	stop();
}

/* --- files that a list includes (U11) --- */

/* It asks for that, and nothing else. */
static void
expect_ask(unsigned int directory, const char *path, const char *after)
{
	struct msg_include m;
	int fd;

	cr_assert_eq(hear(&fd), MSG_INCLUDE);
	cr_assert_eq(fd, -1);
	cr_assert_eq(msg_include_decode(record, sizeof(m), &m), MSG_OK);
	cr_assert_eq(m.directory, directory);
	cr_assert_str_eq(m.path, path);
	cr_assert_str_eq(m.after, after);
}

/* Answer with a text, or with what is wrong. */
static void
include(const char *name, const char *text, enum aclfile_trouble trouble)
{
	struct msg_included m = { .type = MSG_INCLUDED,
	    .trouble = (uint8_t)trouble };
	int fd = -1;

	strcpy(m.name, name);
	if (text != NULL) {
		cr_assert_neq(fd = memfd_create("text", 0), -1);
		cr_assert_eq(write(fd, text, strlen(text)),
		    (ssize_t)strlen(text));
		cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	}
	say(&m, sizeof(m), fd);
	if (fd != -1)
		close(fd);
}

Test(compiler, U11_files_are_asked_for_one_after_the_other, .timeout = 20)
{
	unsigned int bounds;
	int fd;

	begin();
	sealed("10.0.0.1 -> old.example:TCP:80\n");
	reload("include a.acl\ninclude d\n10.0.0.1 -> c.example:TCP:80\n");
	expect_ask(0, "a.acl", "");
	/* It goes on with all else while it waits, by the list of before. */
	cr_assert_eq(keeps("10.0.0.1", "old.example", IPPROTO_TCP, 80), 1);
	include("", "include x/b.acl\n10.0.0.1 -> a.example:TCP:80", 0);
	expect_ask(0, "x/b.acl", "");
	include("", "10.0.0.1 -> b.example:TCP:80", 0);
	expect_ask(1, "d", "");
	include("1.acl", "10.0.0.1 -> d.example:TCP:80", 0);
	expect_ask(1, "d", "1.acl");
	include("2.acl", "", 0);
	expect_ask(1, "d", "2.acl");
	include("", NULL, ACLFILE_END);
	cr_assert_eq(verdict(&bounds, &fd), MSG_SEALED);
	close(fd);
	cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP, 80), 1);
	cr_assert_eq(keeps("10.0.0.1", "b.example", IPPROTO_TCP, 80), 1);
	cr_assert_eq(keeps("10.0.0.1", "c.example", IPPROTO_TCP, 80), 1);
	cr_assert_eq(keeps("10.0.0.1", "d.example", IPPROTO_TCP, 80), 1);
	cr_assert_eq(keeps("10.0.0.1", "old.example", IPPROTO_TCP, 80), 0);
	stop();
	cr_assert_str_eq(said, "");
}

Test(compiler, U11_errors_of_included_files, .timeout = 20)
{
	unsigned int bounds;
	int fd;

	begin();
	reload("\ninclude a.acl\ninclude d\n");
	expect_ask(0, "a.acl", "");
	include("", "\n10.0.0.1\n", 0);
	expect_ask(1, "d", "");
	include("x.acl", NULL, ACLFILE_DENIED);
	expect_ask(1, "d", "x.acl");
	include("", NULL, ACLFILE_END);
	cr_assert_eq(verdict(&bounds, &fd), MSG_REJECTED);
	sealed("10.0.0.1 -> a.example:TCP:80\n");
	stop();
	cr_assert_str_eq(said,
	    "[ERROR] a.acl:2:9: expected \"->\", \"~>\" or \"-|\"\n"
	    "[ERROR] " NAME ":3:9: cannot include \"d/x.acl\": permission "
	    "denied, or a link that leads out of the list's directory\n");
}

/* After "include a.acl". */
static void
expect_malformed(const struct msg_included *m, size_t len, bool text)
{
	int fd = text ? memfd_create("text", 0) : -1;

	begin();
	reload("include a.acl\n");
	expect_ask(0, "a.acl", "");
	say(m, len, fd);
	cr_assert_eq(hear(NULL), 0);
	cr_assert_eq(status(), 1);
	cr_assert(strstr(said, "malformed message from the keeper") != NULL,
	    "%s", said);
	hang_up();
	if (fd != -1)
		close(fd);
}

Test(compiler, U11_answers_that_end_the_program, .timeout = 20)
{
	struct msg_included m = { .type = MSG_INCLUDED };

	expect_malformed(&m, sizeof(m), false);	/* no trouble, and no file */
	m.trouble = ACLFILE_MISSING;
	expect_malformed(&m, sizeof(m), true);
	expect_malformed(&m, sizeof(m) - 1, false);
	m.type = MSG_RELOAD;			/* and it waits for another */
	expect_malformed(&m, 4, true);
	/* Nothing was asked for. */
	begin();
	m.type = MSG_INCLUDED;
	say(&m, sizeof(m), -1);
	cr_assert_eq(hear(NULL), 0);
	cr_assert_eq(status(), 1);
}

/* --- limits --- */

/* Exactly as many bounds as there may be, to a helper that is behind. */
Test(compiler, P7_as_many_bounds_as_are_taken, .timeout = 60)
{
	static char text[(OUTLOOK_MAX + 1) * 40];
	unsigned int i, bounds, n = 0;
	int fd;

	begin();
	for (i = 0; i < OUTLOOK_MAX; i++)
		n += (unsigned int)sprintf(text + n, "10.0.%u.%u -> a:TCP:1\n",
		    i >> 8, i & 255);
	reload(text);
	cr_assert_eq(verdict(&bounds, &fd), MSG_SEALED);
	cr_assert_eq(bounds, OUTLOOK_MAX);
	close(fd);
	sprintf(text + n, "10.0.0.0 -> a:UDP:1\n");
	reload(text);
	cr_assert_eq(verdict(&bounds, &fd), MSG_SEALED);
	cr_assert_eq(bounds, OUTLOOK_MAX);
	close(fd);
	stop();
	cr_assert_eq(strncmp(said, "[WARN ] the ACL has more than 65536 ", 36),
	    0);
	cr_assert_eq(strchr(said, '\n') + 1 - said, (ssize_t)strlen(said));
}

/* --- what it tells the helper --- */

static bool
tell(const char *text)
{
	struct acl_compiled c;
	bool coarsened;

	ntold = records = 0;
	cr_assert_eq(compile_text(text, strlen(text), false, NULL, NULL,
	    &c), 0);
	coarsened = outlook_tell(&c, hear_bounds);
	cr_assert_eq(committed.bounds, ntold);
	return (coarsened);
}

/* Strictly ascending; those of loopback once more, for this host (G5). */
Test(compiler, P7_bounds_for_the_helper)
{
	size_t i, local = 0;

	cr_assert_not(tell(RULES "127.0.0.2 -> v4.example:TCP:1\n"
	    "0.0.0.0/0 -> any.example:UDP:9\n"
	    "128.0.0.0/1 -> far.example:UDP:10\n"));
	cr_assert_eq(records, 2);
	cr_assert_eq(ntold, 8 + 3);
	for (i = 0; i < ntold; i++) {
		cr_assert(i == 0 || memcmp(&told[i - 1], &told[i],
		    sizeof(told[0])) < 0);
		local += told[i].family == 0;
	}
	cr_assert_eq(local, 3);
	cr_assert_not(tell(""));
	cr_assert_eq(ntold, 0);
	cr_assert_eq(records, 1);
}

/* As many as there may be, and twice as many with those of this host. */
Test(compiler, P7_as_many_bounds_as_the_helper_takes)
{
	static char text[(OUTLOOK_MAX + 1) * 40];
	unsigned int i, n = 0;

	for (i = 1; i < OUTLOOK_MAX; i++)
		n += (unsigned int)sprintf(text + n, "127.0.0.1 -> a%u:TCP:%u\n",
		    i / 64, i);
	n += (unsigned int)sprintf(text + n, "127.0.0.1 -> b:UDP:1\n");
	cr_assert_not(tell(text));
	cr_assert_eq(ntold, ORDER_BOUNDS_MAX);
	cr_assert_eq(records, ORDER_BOUNDS_MAX / ORDER_BATCH_MAX + 1);
	sprintf(text + n, "127.0.0.1 -> b:UDP:2\n");
	cr_assert(tell(text));
	cr_assert_eq(ntold, 2);
}

/* Rules cannot be shorter than these, so no more fit into a text. */
Test(compiler, the_shortest_rules, .timeout = 20)
{
	char text[27 * 6 + 1];
	unsigned int i, bounds, n = 0;
	int fd;

	begin();
	for (i = 0; i < 27; i++)
		n += (unsigned int)sprintf(text + n, "::~>%c%s",
		    "abcdefghijklmnopqrstuvwxyz_"[i], i < 26 ? "\n" : "");
	reload(text);
	cr_assert_eq(verdict(&bounds, &fd), MSG_SEALED);
	cr_assert_eq(((struct msg_sealed *)record)->rules, 27);
	stop();
}

/* How often the process has an image in its memory. */
static unsigned int
images(void)
{
	char path[32], line[512];
	unsigned int n = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", child);
	cr_assert_neq(maps = fopen(path, "r"), NULL);
	while (fgets(line, sizeof(line), maps) != NULL)
		n += strstr(line, "memfd:dnsfw-acl") != NULL;
	fclose(maps);
	return (n);
}

static unsigned int
open_descriptors(void)
{
	char path[32];
	unsigned int n = 0;
	DIR *all;

	snprintf(path, sizeof(path), "/proc/%d/fd", child);
	cr_assert_neq(all = opendir(path), NULL);
	while (readdir(all) != NULL)
		n++;
	closedir(all);
	return (n);
}

/* Ten times as many lists as it may have descriptors. */
Test(compiler, lists_leave_nothing_behind, .timeout = 60)
{
	unsigned int i, bounds;
	int fd;

	begin();
	for (i = 0; i < 320; i++) {
		sealed(RULES);
		reload("bad");
		cr_assert_eq(verdict(&bounds, &fd), MSG_REJECTED);
		cr_assert_gt(read(messages, said, sizeof(said)), 0);
	}
	cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP, 80), 1);
	cr_assert_eq(images(), 1);
	stop();
}

/*
 * Whichever allocation fails: bad, or only wider bounds than that number; the next is
 * good.  Returns how often it was bad.
 */
static unsigned int
try_without_memory(const char *text, unsigned int most, unsigned int normal)
{
	unsigned int bounds, type, refused = 0, before;
	int fd;

	for (failing = 1; failing <= most; failing++) {
		before = refused;
		begin();
		reload(text);
		type = verdict(&bounds, &fd);
		cr_assert(type == MSG_SEALED || type == MSG_REJECTED, "%u",
		    failing);
		/* Wider ones are all of IPv4, and so this host, too. */
		if (type == MSG_SEALED)
			cr_assert(bounds == normal || bounds == 2, "%u",
			    bounds);
		else
			cr_assert_eq(bounds, 0);
		cr_assert_eq(fd != -1, type == MSG_SEALED);
		if (fd != -1)
			close(fd);
		refused += type == MSG_REJECTED;
		/* Or one of these fails, if the first took less. */
		reload(RULES);
		type = verdict(&bounds, &fd);
		if (fd != -1)
			close(fd);
		refused += type == MSG_REJECTED;
		sealed(RULES);
		cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP, 80),
		    1);
		stop();
		if (refused > before)
			cr_assert_neq(strstr(said, "memory"), NULL, "%s",
			    said);
		hang_up();
	}
	return (refused);
}

Test(compiler, memory_that_is_not_there, .timeout = 60)
{
	static char text[300000];
	unsigned int n = 0, i;

	for (i = 0; i < 5000; i++)
		n += (unsigned int)sprintf(text + n,
		    "10.0.0.1 -> a%u.example:TCP:80\n", i);
	cr_assert_gt(try_without_memory(text, 26, 1), 8);
}

/* What a line with one name and port has room for grows. */
Test(compiler, U11_memory_that_is_not_there_for_groups, .timeout = 60)
{
	static char text[30000];
	unsigned int n, i;

	n = (unsigned int)sprintf(text, "@lan = 10.0.0.1");
	for (i = 2; i < 100; i++)
		n += (unsigned int)sprintf(text + n, ",10.0.0.%u", i);
	for (i = 0; i < 70; i++)
		n += (unsigned int)sprintf(text + n, "\n@web%u = x%u.example, "
		    "*", i, i);
	sprintf(text + n, "\n@lan -> @web1,y.example:TCP:80-89\n"
	    "10.0.0.1 -> @web2:TCP:80\n10.0.0.2 ~> y.example\n");
	cr_assert_gt(try_without_memory(text, 46, 990), 20);
}

/* The helper's bounds, too, are those of the list that stays (A9, P7). */
Test(compiler, D22_no_room_for_the_image, .timeout = 60)
{
	unsigned int bounds, step, before;
	int fd;

	for (step = 1; step <= 3; step++) {
		no_room_at = step;
		no_room_in = 2;
		begin();
		sealed(RULES);
		keeps("10.0.0.1", "a.example", IPPROTO_TCP, 80);
		before = open_descriptors();
		reload("@h = host 10.0.0.9\n@h -> z.example:TCP:80\n");
		cr_assert_eq(verdict(&bounds, &fd), MSG_REJECTED);
		cr_assert_eq(records, 0);
		cr_assert_eq(fd, -1);
		cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP, 80),
		    1);
		cr_assert_eq(images(), 1);
		cr_assert_eq(open_descriptors(), before);
		sealed("10.0.0.9 -> z.example:TCP:80\n");
		cr_assert_eq(keeps("10.0.0.1", "a.example", IPPROTO_TCP, 80),
		    0);
		stop();
		cr_assert_str_eq(said, "[ERROR] no room for the ACL's image: "
		    "No space left on device\n");
		hang_up();
	}
}

/* It is no bad list, so the start fails, and the next one may find room (O2). */
Test(compiler, D22_no_room_for_the_first_image, .timeout = 20)
{
	no_room_at = no_room_in = 1;
	begin();
	reload(RULES);
	cr_assert_eq(hear(NULL), 0);
	cr_assert_eq(status(), 1);
	cr_assert_neq(strstr(said, "no room for the first list"), NULL, "%s", said);
	hang_up();
}

/* --- a peer that is wrong, or gone --- */

static void
expect_end(const void *buf, size_t len, int fd, const char *why)
{
	begin();
	say(buf, len, fd);
	cr_assert_eq(hear(NULL), 0);
	cr_assert_eq(status(), 1);
	cr_assert_neq(strstr(said, why), NULL, "%s", said);
	hang_up();
}

Test(compiler, malformed_messages_end_it, .timeout = 60)
{
	static const uint8_t types[] = { MSG_RELOAD, MSG_CHECK, MSG_STATS,
	    MSG_PING, MSG_STOP };
	uint8_t longer[sizeof(struct msg_plain) + 1] = { 0 };
	struct msg_plain plain;
	struct msg_check check = { .type = MSG_CHECK, .family = ADDR_V4,
	    .proto = IPPROTO_TCP, .port = 1, .label = "a" };
	int fd = open("/dev/null", O_RDONLY);
	unsigned int type, i;

	/* None of these, whatever its length. */
	for (type = 0; type < 256; type++) {
		if (memchr(types, (int)type, sizeof(types)) != NULL)
			continue;
		longer[0] = (uint8_t)type;
		expect_end(longer, sizeof(plain), -1, "malformed message");
	}
	/* Right but for its length, or for what must be zero. */
	for (i = 0; i < sizeof(types); i++) {
		plain = (struct msg_plain){ .type = types[i] };
		type = longer[0] = types[i];
		expect_end(longer, sizeof(plain) + 1, type == MSG_RELOAD ? fd :
		    -1, "malformed message");
		expect_end(longer, sizeof(plain) - 1, type == MSG_RELOAD ? fd :
		    -1, "malformed message");
		plain.pad[2] = 1;
		expect_end(&plain, sizeof(plain), type == MSG_RELOAD ? fd :
		    -1, "malformed message");
	}
	/* A grant, before there is a list. */
	expect_end(&check, sizeof(check), -1, "malformed message");
	/* A descriptor too many, or too few. */
	plain = (struct msg_plain){ .type = MSG_RELOAD };
	expect_end(&plain, sizeof(plain), -1, "a descriptor");
	plain.type = MSG_STOP;
	expect_end(&plain, sizeof(plain), fd, "a descriptor");
	/* An empty record reads as the end. */
	expect_end(&plain, 0, -1, "");
}

Test(compiler, a_malformed_grant_ends_it, .timeout = 20)
{
	struct msg_check check = { .type = MSG_CHECK, .family = 9,
	    .proto = IPPROTO_TCP, .port = 1, .label = "a" };

	begin();
	sealed(RULES);
	say(&check, sizeof(check), -1);
	cr_assert_eq(hear(NULL), 0);
	cr_assert_eq(status(), 1);
	cr_assert_neq(strstr(said, "malformed message"), NULL);
}

/* After any number of records that it has sent: it ends, and in silence. */
Test(compiler, a_peer_that_is_gone_ends_it, .timeout = 60)
{
	unsigned int taken, i;
	int fd;

	for (taken = 0; taken <= 3; taken++) {
		begin();
		reload(RULES);
		reload(RULES);
		reload(RULES);
		for (i = 0; i < taken; i++) {
			cr_assert_eq(hear(&fd), MSG_SEALED);
			close(fd);
		}
		close(channel);
		cr_assert_eq(status(), 1, "%u", taken);
		cr_assert_str_eq(said, "");
		close(to_helper);
		close(messages);
	}
}

/* The same while it waits, as the peer takes nothing. */
Test(compiler, a_peer_that_takes_nothing_and_is_gone, .timeout = 60)
{
	struct msg_check m = { .type = MSG_CHECK, .family = ADDR_V4,
	    .proto = IPPROTO_TCP, .port = 80, .label = "a.example" };

	begin();
	sealed(RULES);
	while (chan_send(channel, &m, sizeof(m), -1) == (ssize_t)sizeof(m))
		m.seq++;
	cr_assert_eq(hear(NULL), MSG_CHECKED);
	close(channel);
	cr_assert_eq(status(), 1);
	cr_assert_str_eq(said, "");
}

Test(compiler, a_helper_that_is_gone_ends_it, .timeout = 20)
{
	begin();
	close(to_helper);
	reload(RULES);
	cr_assert_eq(hear(NULL), 0);
	cr_assert_eq(status(), 1);
	cr_assert_str_eq(said, "");
}

Test(compiler, a_helper_that_takes_nothing_and_is_gone, .timeout = 60)
{
	static char text[OUTLOOK_MAX * 40];
	struct pollfd pfd;
	unsigned int i, n = 0;

	begin();
	for (i = 0; i < OUTLOOK_MAX; i++)
		n += (unsigned int)sprintf(text + n, "10.0.%u.%u -> a:TCP:1\n",
		    i >> 8, i & 255);
	reload(text);
	pfd = (struct pollfd){ .fd = to_helper, .events = POLLIN };
	cr_assert_eq(poll(&pfd, 1, -1), 1);
	close(to_helper);
	cr_assert_eq(hear(NULL), 0);
	cr_assert_eq(status(), 1);
	cr_assert_str_eq(said, "");
}
