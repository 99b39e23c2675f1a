// Who asks and who answers on a port of TCP, UDP or SCTP. An answer is a line: "<name> <address of the
// asker>".
#ifndef TRESTLE_TEST_PORT_PEER_H
#define TRESTLE_TEST_PORT_PEER_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE = 128 };

// "web 192.0.2.2\n"; an IPv4 address is written as such, also where an IPv6 socket has it. Returns its
// length.
size_t answer_line(char line[LINE], const char* name, const struct sockaddr_in6* asker);

// SCTP by raw sockets, as many kernels are built without it: an INIT is answered by an INIT ACK whose cookie
// is the line.
void sctp_listen(int sockets[2]);
void sctp_answer(int socket, int family, const char* name, const uint16_t* ports, size_t count);
void sctp_ask(int socket, uint16_t from, uint16_t to);
// The length of the line that has arrived for the asker; 0 if it was something else.
size_t sctp_hear(int socket, int family, uint16_t from, char line[LINE]);

_Noreturn void die(const char* what);

#endif
