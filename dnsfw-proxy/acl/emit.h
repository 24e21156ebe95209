/* What the text has said, as an image. */
#ifndef ACL_EMIT_H
#define ACL_EMIT_H

struct acl_image;
struct build;

/* The image, to be freed; NULL: what is wrong is reported. */
struct acl_image *build_emit(struct build *);

#endif
