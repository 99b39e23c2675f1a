#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"

// RFC 9260, section 3.3.2 and 3.3.3: the common header, and an INIT or INIT ACK with one parameter.
struct packet {
  uint16_t source, destination;
  uint32_t tag, checksum;
  uint8_t type, flags;
  uint16_t length;
  uint32_t initiate_tag, window;
  uint16_t outbound, inbound;
  uint32_t first_tsn;
  uint16_t parameter, parameter_length;
  char cookie[LINE];
};

enum { INIT = 1, INIT_ACK = 2, STATE_COOKIE = 7 };

static const size_t header = offsetof(struct packet, type);
static const size_t bare = offsetof(struct packet, parameter);

// CRC32c, which goes into the packet with its lowest byte first (RFC 9260, appendix A).
static uint32_t checksum(const void* data, size_t length) {
  uint32_t crc = ~0U;
  for (size_t i = 0; i < length; i++) {
    crc ^= ((const uint8_t*)data)[i];
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78U & -(crc & 1));
  }
  return ~crc;
}

static struct packet packet_of(uint8_t type, uint16_t source, uint16_t destination, uint32_t tag) {
  struct packet packet = {.source = source, .destination = destination, .tag = tag, .type = type};
  packet.length = htons((uint16_t)(bare - header));
  packet.initiate_tag = htonl(0x7e57);
  packet.window = htonl(1 << 16);
  packet.outbound = packet.inbound = htons(1);
  return packet;
}

static void send_packet(int fd, struct packet* packet, size_t size, const struct sockaddr* to,
                        socklen_t length) {
  packet->checksum = 0;
  packet->checksum = checksum(packet, size);
  // ECONNREFUSED and the like are told of what was sent before: whoever asks goes on, or hears nothing.
  sendto(fd, packet, size, 0, to, length);
}

void sctp_listen(int sockets[2]) {
  sockets[0] = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_SCTP);
  sockets[1] = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_SCTP);
  if (sockets[0] < 0 || sockets[1] < 0) die("raw socket");
}

// Reads a packet; its sender is told as an IPv6 address. False when it is none of ours.
static int receive(int fd, int family, struct packet* packet, struct sockaddr_in6* sender) {
  char data[512];
  struct sockaddr_storage from;
  socklen_t length = sizeof from;
  ssize_t size = recvfrom(fd, data, sizeof data, 0, (struct sockaddr*)&from, &length);
  // A raw socket of IPv4 gives the IP header, too.
  size_t skip = size > 0 && family == AF_INET ? (size_t)(data[0] & 15) * 4 : 0;
  if (size < 0 || (size_t)size < skip + bare) return 0;
  memset(packet, 0, sizeof *packet);
  size_t rest = (size_t)size - skip;
  memcpy(packet, data + skip, rest < sizeof *packet ? rest : sizeof *packet);
  if (family == AF_INET6) {
    memcpy(sender, &from, sizeof *sender);
  } else {
    uint32_t words[4] = {0, 0, htonl(0xffff), ((struct sockaddr_in*)&from)->sin_addr.s_addr};
    memcpy(&sender->sin6_addr, words, sizeof words);
  }
  return 1;
}

static int serves(uint16_t port, const uint16_t* ports, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (htons(ports[i]) == port) return 1;
  return 0;
}

void sctp_answer(int fd, int family, const char* name, const uint16_t* ports, size_t count) {
  struct packet init;
  struct sockaddr_in6 asker;
  if (!receive(fd, family, &init, &asker) || init.type != INIT || !serves(init.destination, ports, count))
    return;
  struct packet ack = packet_of(INIT_ACK, init.destination, init.source, init.initiate_tag);
  size_t cookie = answer_line(ack.cookie, name, &asker);
  ack.parameter = htons(STATE_COOKIE);
  ack.parameter_length = htons((uint16_t)(4 + cookie));
  size_t padded = (cookie + 3) & ~(size_t)3;
  ack.length = htons((uint16_t)(bare - header + 4 + padded));
  struct sockaddr_in to4 = {.sin_family = AF_INET};
  memcpy(&to4.sin_addr, asker.sin6_addr.s6_addr + 12, 4);
  asker.sin6_port = 0;
  const void* to = family == AF_INET ? (const void*)&to4 : &asker;
  send_packet(fd, &ack, bare + 4 + padded, to, family == AF_INET ? sizeof to4 : sizeof asker);
}

void sctp_ask(int fd, uint16_t from, uint16_t to) {
  struct packet init = packet_of(INIT, htons(from), htons(to), 0);
  send_packet(fd, &init, bare, NULL, 0);
}

size_t sctp_hear(int fd, int family, uint16_t from, char line[LINE]) {
  struct packet ack;
  struct sockaddr_in6 sender;
  if (!receive(fd, family, &ack, &sender) || ack.type != INIT_ACK || ack.destination != htons(from)) return 0;
  size_t length = ntohs(ack.parameter_length);
  if (length < 4 || length - 4 > sizeof ack.cookie) return 0;
  memcpy(line, ack.cookie, length - 4);
  return length - 4;
}
