/* How the launcher itself fails. */
#ifndef TRESTLE_REPORT_H
#define TRESTLE_REPORT_H

/*
 * Ends with an error as the CNI specification has it: JSON on stdout, exit status 1; code 5 is for I/O. The
 * message is `what`, `path` and what errno says.
 */
_Noreturn void fail(const char* what, const char* path);

#endif
