/*
 * dnsfw-proxy's other role: the ACL's text to the image that workers map.
 */
#ifndef PROXY_COMPILER_H
#define PROXY_COMPILER_H

/*
 * READY, then serve the keeper until it says STOP.  RELOAD: compile the text in
 * the descriptor and answer with its bounds and its image, in a sealed memfd;
 * or, if it is bad, log each bad line and answer REJECTED.  CHECK: decide by
 * the last image.  name is the file's, for the errors.
 */
void	compiler_run(const char *name);

#endif
