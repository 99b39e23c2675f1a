// Sends one Ethernet frame as it is: send-frame INTERFACE HEXADECIMAL
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char* argv[]) {
  unsigned char frame[ETH_FRAME_LEN] = {0};
  if (argc != 3) return 2;
  size_t length = strlen(argv[2]) / 2;
  if (length > sizeof frame) return 2;
  for (size_t i = 0; i < length; i++) {
    if (sscanf(argv[2] + 2 * i, "%2hhx", &frame[i]) != 1) return 2;
  }
  const struct sockaddr_ll link = {
      .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1]), .sll_halen = ETH_ALEN};
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (length < ETH_ZLEN) length = ETH_ZLEN;
  if (fd < 0 || sendto(fd, frame, length, 0, (const struct sockaddr*)&link, sizeof link) < 0) {
    perror("send-frame");
    return 1;
  }
  return 0;
}
