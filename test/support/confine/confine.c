/*
 * confine FAMILY,... PROGRAM [ARGUMENT...]
 *
 * Runs a program that can open sockets of these address families only (numbers), as systemd's
 * RestrictAddressFamilies= has it: socket(2) of another one fails with EAFNOSUPPORT.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif
#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
/* Skips so many of the following instructions if what was loaded is the value, and so many if not. */
#define IF(value, equal, other) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, equal, other)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)

enum { MAX_FAMILIES = 32 };

static int fail(const char* what) {
  perror(what);
  return 127;
}

/* Appends a test for each family of the list, and returns how many instructions that took. */
static unsigned short allow(struct sock_filter* filter, char* list) {
  unsigned short count = 0;
  for (char* end; *list && count < 2 * MAX_FAMILIES; list = *end ? end + 1 : end) {
    filter[count++] = (struct sock_filter)IF((unsigned)strtoul(list, &end, 10), 0, 1);
    filter[count++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
  }
  return count;
}

int main(int argc, char* argv[]) {
  if (argc < 3) return fprintf(stderr, "confine FAMILY,... PROGRAM [ARGUMENT...]\n"), 2;
  struct sock_filter filter[2 * MAX_FAMILIES + 8] = {
      FIELD(arch),          IF(NATIVE, 0, 2),          FIELD(nr),
      IF(SYS_socket, 1, 0), RETURN(SECCOMP_RET_ALLOW), FIELD(args[0])};
  unsigned short count = 6;
  count += allow(filter + count, argv[1]);
  filter[count++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT);
  struct sock_fprog program = {.len = count, .filter = filter};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) return fail("confine: seccomp");
  execvp(argv[2], argv + 2);
  return fail(argv[2]);
}
