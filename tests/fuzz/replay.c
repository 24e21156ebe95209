/*
 * Runs a harness without libFuzzer: every file of the directories given, then
 * mutants of them from a pseudo-random generator with a printed seed.
 * DNSFW_FUZZ_RUNS and DNSFW_FUZZ_SEED change the number of mutants and the
 * seed, so that a failure can be had again.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_DEFAULT	20000
#define SEED_DEFAULT	1
#define GROWTH_MAX	512	/* octets that a mutant may be longer */
#define STEPS_MAX	8	/* changes in one mutant */

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t	*bytes;
	size_t	 size;
};

static struct input *inputs;
static size_t ninputs;
static uint64_t state;

/* splitmix64: a counter, mixed. */
static uint64_t
draw(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15U);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return (z ^ z >> 31);
}

static size_t
below(size_t n)
{
	return ((size_t)(draw() % n));
}

/* A copy of exactly its size, so that AddressSanitizer sees the end of it. */
static void
run(const uint8_t *bytes, size_t size)
{
	uint8_t *copy;

	if ((copy = malloc(size)) == NULL && size > 0)
		err(1, "malloc");
	if (size > 0)
		memcpy(copy, bytes, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void
add_file(const char *path)
{
	struct input in;
	struct stat st;
	FILE *f;

	if ((f = fopen(path, "rb")) == NULL || fstat(fileno(f), &st) == -1)
		err(1, "%s", path);
	in.size = (size_t)st.st_size;
	if ((in.bytes = malloc(in.size + 1)) == NULL)
		err(1, "malloc");
	if (fread(in.bytes, 1, in.size, f) != in.size)
		errx(1, "%s: cannot be read", path);
	fclose(f);
	inputs = reallocarray(inputs, ninputs + 1, sizeof(*inputs));
	if (inputs == NULL)
		err(1, "reallocarray");
	inputs[ninputs++] = in;
}

static int
is_visible(const struct dirent *entry)
{
	return (entry->d_name[0] != '.');
}

/* Names in order of their bytes, whatever the locale. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return (strcmp((*a)->d_name, (*b)->d_name));
}

static void
add_directory(const char *directory)
{
	char path[PATH_MAX];
	struct dirent **entries;
	int i, n;

	if ((n = scandir(directory, &entries, is_visible, by_name)) == -1)
		err(1, "%s", directory);
	for (i = 0; i < n; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", directory,
		    entries[i]->d_name) >= (int)sizeof(path))
			errx(1, "%s: path too long", directory);
		add_file(path);
		free(entries[i]);
	}
	free(entries);
}

/* Values at the borders of what fields hold. */
static uint8_t
odd_byte(void)
{
	static const uint8_t odd[] = { 0x00, 0x01, 0x0c, 0x3f, 0x40, 0x7f,
	    0x80, 0xc0, 0xfe, 0xff };

	return (odd[below(sizeof(odd))]);
}

/* Move the octets from one place to another, over what is there. */
static void
copy_within(uint8_t *buf, size_t size)
{
	size_t from = below(size), to = below(size), n;

	n = 1 + below(size - (from > to ? from : to));
	memmove(buf + to, buf + from, n);
}

/* One change to the size octets in buf, which has room; the new size. */
static size_t
mutate(uint8_t *buf, size_t size, size_t room)
{
	size_t at = size == 0 ? 0 : below(size), n;

	switch (size == 0 ? 3 : below(6)) {
	case 0:
		buf[at] ^= (uint8_t)(1U << below(8));
		return (size);
	case 1:
		buf[at] = odd_byte();
		return (size);
	case 2:
		buf[at] = (uint8_t)draw();
		return (size);
	case 3:				/* put some in */
		n = 1 + below(8);
		if (n > room - size)
			return (size);
		memmove(buf + at + n, buf + at, size - at);
		for (size += n; n > 0; n--)
			buf[at + n - 1] = (uint8_t)draw();
		return (size);
	case 4:				/* take some out, or all of the end */
		n = below(4) == 0 ? size - at : 1 + below(8);
		if (n > size - at)
			n = size - at;
		memmove(buf + at, buf + at + n, size - at - n);
		return (size - n);
	default:
		copy_within(buf, size);
		return (size);
	}
}

static void
run_mutant(const struct input *in)
{
	size_t room = in->size + GROWTH_MAX, size = in->size, steps;
	uint8_t *buf;

	if ((buf = malloc(room)) == NULL)
		err(1, "malloc");
	memcpy(buf, in->bytes, size);
	for (steps = 1 + below(STEPS_MAX); steps > 0; steps--)
		size = mutate(buf, size, room);
	run(buf, size);
	free(buf);
}

static uint64_t
number(const char *name, const char *text, uint64_t fallback)
{
	char *end;
	uint64_t v;

	if (text == NULL || *text == '\0')
		return (fallback);
	v = strtoull(text, &end, 10);
	if (*text == '-' || *end != '\0')
		errx(2, "%s: \"%s\" is not a number", name, text);
	return (v);
}

int
main(int argc, char **argv)
{
	uint64_t runs, seed, i;
	size_t n;
	int arg;

	if (argc < 2)
		errx(2, "usage: %s directory ...", argv[0]);
	runs = number("DNSFW_FUZZ_RUNS", getenv("DNSFW_FUZZ_RUNS"),
	    RUNS_DEFAULT);
	seed = number("DNSFW_FUZZ_SEED", getenv("DNSFW_FUZZ_SEED"),
	    SEED_DEFAULT);
	for (arg = 1; arg < argc; arg++)
		add_directory(argv[arg]);
	if (ninputs == 0)
		errx(1, "no seeds");
	/* Before the first run, so that a crash leaves it on the screen. */
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	state = seed;
	for (n = 0; n < ninputs; n++)
		run(inputs[n].bytes, inputs[n].size);
	for (i = 0; i < runs; i++)
		run_mutant(&inputs[i % ninputs]);
	printf("%zu files, %" PRIu64 " mutants\n", ninputs, runs);
	for (n = 0; n < ninputs; n++)
		free(inputs[n].bytes);
	free(inputs);
	return (0);
}
