/* What dnsfw has told this process. */
#include "conf.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stddef.h>

#include "log.h"

#define CONF_SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |	\
	F_SEAL_WRITE)

const struct keepconf *conf;
const struct limits *conf_limits;

/* NULL: it is not there, or not what it should be. */
static const void *
map_sealed(int fd, size_t size)
{
	struct stat st;
	void *map;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals == -1 || (seals & CONF_SEALS) != CONF_SEALS ||
	    fstat(fd, &st) == -1 || (uint64_t)st.st_size != size)
		return (NULL);
	map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	return (map == MAP_FAILED ? NULL : map);
}

void
conf_open(void)
{
	const struct stamps *stamps;

	conf = map_sealed(KEEP_FD_CONFIG, sizeof(*conf));
	if (conf == NULL || conf->version != KEEPCONF_VERSION ||
	    conf->size != sizeof(*conf))
		fatalx("the keeper is started by dnsfw; see dnsfw(8)");
	if (conf->firewall == KEEPCONF_NONE || conf->check_only)
		return;
	stamps = map_sealed(KEEP_FD_STAMPS, sizeof(*stamps));
	if (stamps == NULL || stamps->version != ORDER_VERSION ||
	    stamps->size != sizeof(*stamps))
		fatalx("dnsfw and the keeper are not of one build");
	conf_limits = &stamps->limits;
}
