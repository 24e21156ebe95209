/*
 * Asks the C library for a name, and prints what it said and how long it took:
 * "ADDRESS ..." or "error: TEXT", then the seconds.  conftest.py compiles
 * it with musl.
 */
#include <sys/socket.h>

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

static void
print_addresses(const struct addrinfo *ai)
{
	char text[NI_MAXHOST];

	for (; ai != NULL; ai = ai->ai_next) {
		if (getnameinfo(ai->ai_addr, ai->ai_addrlen, text,
		    sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
			strcpy(text, "?");
		printf("%s ", text);
	}
}

int
main(int argc, char **argv)
{
	struct addrinfo *list, hints = { .ai_socktype = SOCK_STREAM };
	double begin;
	int error;

	if (argc != 2)
		return (2);
	begin = now();
	error = getaddrinfo(argv[1], NULL, &hints, &list);
	if (error == 0) {
		print_addresses(list);
		freeaddrinfo(list);
	} else
		printf("error: %s ", gai_strerror(error));
	printf("%.3f\n", now() - begin);
	return (error != 0);
}
