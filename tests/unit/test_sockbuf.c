/* Buffers of sockets, with CAP_NET_ADMIN over the host and without. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <sys/syscall.h>

#include <linux/capability.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "sockbuf.h"

#define LARGE	(1 << 28)	/* more than any system's limit */

TestSuite(sockbuf, .timeout = 30);

static int
size_of(int fd, int option)
{
	socklen_t len = sizeof(int);
	int size;

	cr_assert_eq(getsockopt(fd, SOL_SOCKET, option, &size, &len), 0);
	return (size);
}

static int
new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	cr_assert_neq(fd, -1);
	return (fd);
}

static void
drop_capabilities(void)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];

	memset(data, 0, sizeof(data));
	cr_assert_eq(syscall(SYS_capset, &hdr, data), 0);
}

static int
limit(const char *path)
{
	FILE *f = fopen(path, "r");
	int n;

	cr_assert_neq(f, NULL);
	cr_assert_eq(fscanf(f, "%d", &n), 1);
	fclose(f);
	return (n);
}

Test(sockbuf, beyond_the_limits_with_the_capability)
{
	int fd = new_socket();

	sockbuf_send(fd, LARGE);
	sockbuf_receive(fd, LARGE);
	cr_assert_eq(size_of(fd, SO_SNDBUF), 2 * LARGE);
	cr_assert_eq(size_of(fd, SO_RCVBUF), 2 * LARGE);
}

Test(sockbuf, up_to_the_limits_without_it)
{
	int fd = new_socket();

	drop_capabilities();
	sockbuf_send(fd, LARGE);
	sockbuf_receive(fd, LARGE);
	cr_assert_eq(size_of(fd, SO_SNDBUF),
	    2 * limit("/proc/sys/net/core/wmem_max"));
	cr_assert_eq(size_of(fd, SO_RCVBUF),
	    2 * limit("/proc/sys/net/core/rmem_max"));
}

Test(sockbuf, one_warning_if_it_is_too_little, .init = cr_redirect_stderr)
{
	int fd = new_socket();

	log_init(NULL);
	drop_capabilities();
	sockbuf_send(fd, SOCKBUF_ENOUGH);
	sockbuf_send(fd, SOCKBUF_ENOUGH - 1);
	sockbuf_receive(fd, SOCKBUF_ENOUGH - 1);
	fflush(stderr);
	cr_assert_stderr_eq_str("[WARN ] socket buffers are limited to 212991 "
	    "bytes (net.core.wmem_max): under load queries can get lost, and "
	    "dnsfw can end; at least 212992 are needed\n");
}
