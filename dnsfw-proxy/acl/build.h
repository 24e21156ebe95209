/*
 * An image under construction, private to compile.c, ancestors.c and emit.c:
 * what the text has said so far.
 */
#ifndef ACL_BUILD_H
#define ACL_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

/* All rules of one subnet and one pattern; becomes a record. */
struct pattern {
	uint64_t	hash;
	uint32_t	subnet;		/* index */
	uint32_t	line;		/* of the first rule */
	uint32_t	name;		/* offset in build.names */
	uint32_t	ports;		/* index in build.ports + 1; 0: none */
	uint32_t	record;		/* where it is emitted, in the image */
	uint16_t	nports;
	uint8_t		flags;		/* RECORD_* */
	uint8_t		name_len;
	uint8_t		local[16];
};

/* A pattern's ports are a list, since its rules may stand anywhere. */
struct port_link {
	struct image_port port;
	uint32_t	next;		/* index in build.ports + 1; 0: none */
};

/* A name above that of an allowed pattern: its name from that offset on. */
struct ancestor {
	uint64_t	hash;
	uint32_t	pattern;	/* index */
	uint8_t		offset;
};

/*
 * What the text has said so far.  Arrays have room for what lines with one name and
 * port make; those with more let them grow.
 */
struct build {
	/* acl_error_fn of compile.h, and its argument. */
	void		(*error)(void *arg, unsigned int line,
			    unsigned int column, const char *text);
	void		*arg;
	bool		 failed;
	uint32_t	 rules;
	struct image_subnet *subnets;
	uint32_t	 nsubnets;
	uint32_t	*subnet_slots;	/* index + 1; 0: empty */
	uint32_t	 subnets_max;	/* half of the slots, here and below */
	struct pattern	*patterns;
	uint32_t	 npatterns;
	uint32_t	*pattern_slots;	/* index + 1; 0: empty */
	uint32_t	 patterns_max;
	struct port_link *ports;
	uint32_t	 nports;
	uint32_t	 ports_max;
	uint8_t		*names;
	uint32_t	 names_len;
	uint32_t	 names_max;
	struct ancestor	*ancestors;	/* ancestors.c */
	uint32_t	 nancestors;
	uint32_t	 ancestors_max;
	uint32_t	*ancestor_slots; /* 2 * ancestors_max; index + 1 */
};

/* Say what is wrong there; line 0: with the whole. */
void	build_report(struct build *, unsigned int line, size_t at,
	    const char *text);

/*
 * Make an array of n things, of that size, larger if it has no room for more of
 * them; false, and reported: there is no memory, or too much is asked for.
 */
bool	build_room(struct build *, void *array, uint64_t n, uint32_t *max,
	    size_t size);

/* The slot behind i in a table of n. */
static inline uint32_t
slot_after(uint32_t i, uint32_t n)
{
	return (i + 1 < n ? i + 1 : 0);
}

#endif
