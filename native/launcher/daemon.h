/* The launcher's side of protocol.h. */
#ifndef TRESTLE_DAEMON_H
#define TRESTLE_DAEMON_H

#include "request.h"

/*
 * Lets the daemon serve a call: prints what it answers, and ends this process. Returns where the cold process
 * is to serve it: false if the daemon has changed nothing, true if it may have begun; then `token` is the
 * request's.
 */
bool ask_daemon(const struct call* call, char token[TOKEN_SIZE]);

#endif
