/*
 * The compiled ACL: one position-independent block, made by the compiler,
 * sealed in a memfd, mapped read-only by every worker.  The layout is private
 * to compile.c, image.c and decide.c.
 */
#ifndef ACL_IMAGE_H
#define ACL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct acl_image;

/*
 * Check a mapped block: magic, version, sizes, and that every offset, index
 * and count inside stays inside.  Linear in the size of the image; pure.
 * Returns data as an image, or NULL with *why.
 */
const struct acl_image *acl_image_open(const void *data, size_t size,
    const char **why);

/* The number of rules (lines) in it. */
uint32_t acl_image_rules(const struct acl_image *);

#endif
