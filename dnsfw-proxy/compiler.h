/*
 * dnsfw-proxy's other role: the ACL's text to the image that workers map.
 */
#ifndef PROXY_COMPILER_H
#define PROXY_COMPILER_H

/*
 * READY, then compile what MSG_FD_ACL holds and send its bounds and its image,
 * in a sealed memfd, to dnsfw-priv.  name is the file's, for the errors.  Ends
 * the program with status 1 if the text is bad, after logging each bad line.
 */
void	compiler_run(const char *name);

#endif
