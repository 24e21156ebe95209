/*
 * The compiled ACL: one position-independent block, made by the compiler,
 * sealed in a memfd, mapped read-only by every worker.  Its layout (layout.h)
 * is private to this folder.
 */
#ifndef ACL_IMAGE_H
#define ACL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct acl_image;

/*
 * Take a mapped block as an image: its magic, version, sizes and prefix
 * lengths are right.  What follows them is looked at by acl_decide() when it
 * comes there, so that no block leads it outside; a worker does not stall over
 * a million rules.  Pure.  Returns data as an image, or NULL with *why.
 */
const struct acl_image *acl_image_open(const void *data, size_t size,
    const char **why);

/*
 * Check all of it, for its maker: every offset, index, count and flag.  Linear
 * in the size of the image; pure.  Returns NULL, or what is wrong.
 */
const char *acl_image_check(const struct acl_image *);

/* The number of rules (lines) in it. */
uint32_t acl_image_rules(const struct acl_image *);

/*
 * Which line of which file is *line of the list?  Sets *line, and returns the
 * file's path below the list's directory, shorter than ACLPATH_SIZE; "" is that of
 * acl_image_file().
 */
const char *acl_image_place(const struct acl_image *, uint32_t *line);

#define ACL_COMMENT_SIZE 61	/* with NUL */

/* The comment of that line of the list, in printable ASCII, or "". */
const char *acl_image_comment(const struct acl_image *, uint32_t line);

/* The TTL within the bounds that the rule of an acl_port sets. */
uint32_t acl_image_ttl(const struct acl_image *, uint8_t times, uint32_t ttl);

/* The file that it was made of, for logs; "" if nobody has said it. */
const char *acl_image_file(const struct acl_image *);

#endif
