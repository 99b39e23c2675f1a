/*
 * kill-at N [--root | --hold | --daemon] COMMAND [ARGUMENT...]
 *
 * Runs a command and kills it with SIGKILL just before the Nth system call that changes something outside of
 * it, counted over all of its threads and children; with N = 0, never. Each such call is written to
 * descriptor 3 as
 * "<index> <system call> <detail>". The process that makes the call is killed, or with --root the command
 * itself. With --hold nothing is killed: the call waits, while kill-at stops itself (SIGSTOP), until somebody
 * lets that continue (SIGCONT) or ends it (SIGKILL), and the command with it. With --daemon the same, but
 * nothing is counted before SIGUSR1, and from 0 on after each; N is one more each time. What the command says
 * to a launcher counts as a change, and what it prints does not, being a log. It is told by "daemon <process
 * id>" on descriptor 3.
 *
 * strace can inject a signal too, but counts for each system call and each thread apart ("per syscall and per
 * tracee"), so the first call of a second thread can never be hit. Here a seccomp filter stops a thread at
 * the calls of one table, and one count goes over all. A call whose effect ends with the process (setns, a
 * lock, a message to another process) is not counted: a kill there leaves what a kill at the next counted
 * call leaves.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "changes.h"

enum { LOG_FD = 3, MAX_CALLS = 64 };

/* <sys/ptrace.h> cannot be had together with <linux/ptrace.h>, whose syscall info it names differently. */
static long trace(int request, pid_t thread, uintptr_t address, uintptr_t data) {
  return syscall(SYS_ptrace, request, thread, address, data);
}

static void fail(const char* what) {
  fprintf(stderr, "kill-at: %s: %s\n", what, strerror(errno));
  exit(125);
}

enum victim { CALLER, ROOT, NOBODY };

struct run {
  pid_t root;
  long stop_at;
  enum victim victim;
  long count;
  bool is_daemon;
  struct ptrace_syscall_info last;
  pid_t last_thread;
  int root_status;
};

/* SIGUSR1 has come, and no call since. */
static volatile sig_atomic_t is_begun;

static void begin(int signal) {
  (void)signal;
  is_begun = 1;
}

static const struct call* find_call(uint64_t number) {
  for (size_t i = 0; i < call_count; i++) {
    if ((uint64_t)calls[i].number == number) {
      return &calls[i];
    }
  }
  return NULL;
}

/* A task that gets a fatal signal in a seccomp stop does not make the call (kernel/seccomp.c). */
static void strike(struct run* run, pid_t thread) {
  switch (run->victim) {
    case CALLER:
    case ROOT:
      if (kill(run->victim == ROOT ? run->root : thread, SIGKILL) < 0) {
        fail("kill");
      }
      break;
    case NOBODY:
      raise(SIGSTOP);
  }
}

/*
 * The forwarding sysctls answer -ERESTARTNOINTR while somebody else holds the RTNL lock, and the thread makes
 * the call again (restart_syscall in net/ipv4/devinet.c): that is one change, however often it is tried.
 */
static bool is_restart(struct run* run, pid_t thread, const struct ptrace_syscall_info* info,
                       const char* detail) {
  bool same = thread == run->last_thread && info->instruction_pointer == run->last.instruction_pointer &&
              memcmp(&info->seccomp, &run->last.seccomp, sizeof info->seccomp) == 0;
  run->last = *info;
  run->last_thread = thread;
  return same && strncmp(detail, "/proc/sys/", strlen("/proc/sys/")) == 0;
}

static bool is_counted(struct run* run, pid_t thread, const struct call* call, const uint64_t* args,
                       char* detail) {
  if (!run->is_daemon) {
    return is_change(thread, run->root, call, args, detail);
  }
  if (is_begun) {
    is_begun = 0;
    run->count = 0;
    run->stop_at++;
  }
  return run->count >= 0 &&
         (is_frame(thread, call, args, detail) || is_change(thread, 0, call, args, detail));
}

static void at_call(struct run* run, pid_t thread) {
  struct ptrace_syscall_info info = {0};
  char detail[DETAIL_SIZE] = "";
  if (trace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, (uintptr_t)&info) <= 0) {
    return;
  }
  const struct call* call = find_call(info.seccomp.nr);
  if (call == NULL || !is_counted(run, thread, call, (const uint64_t*)info.seccomp.args, detail) ||
      is_restart(run, thread, &info, detail)) {
    return;
  }
  dprintf(LOG_FD, "%ld %s %s\n", ++run->count, call->name, detail);
  if (run->count == run->stop_at) {
    strike(run, thread);
  }
}

static bool is_stop_signal(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void at_stop(struct run* run, pid_t thread, int status) {
  int event = status >> 16;
  int signal = WSTOPSIG(status);
  if (event == PTRACE_EVENT_SECCOMP) {
    at_call(run, thread);
  }
  if (event == PTRACE_EVENT_STOP && is_stop_signal(signal)) {
    trace(PTRACE_LISTEN, thread, 0, 0);
    return;
  }
  trace(PTRACE_CONT, thread, 0, event == 0 ? (uintptr_t)signal : 0);
}

/* Until the command and all that it started have ended. */
static void follow(struct run* run) {
  int status;
  pid_t thread;
  while ((thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
    if (thread > 0 && WIFSTOPPED(status)) {
      at_stop(run, thread, status);
    } else if (thread == run->root) {
      run->root_status = status;
    }
  }
}

static size_t add_case(struct sock_filter* code, size_t length, int number, uint32_t verdict) {
  code[length] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1);
  code[length + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
  return length + 2;
}

/*
 * Stop at the calls of the table, let all others pass; but no io_uring, through which things would change
 * unseen (Node does well without). Root needs no PR_SET_NO_NEW_PRIVS for a filter.
 */
static void filter_calls(void) {
  struct sock_filter code[MAX_CALLS * 2 + 4];
  size_t length = 0;
  code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < call_count; i++) {
    length = add_case(code, length, calls[i].number, SECCOMP_RET_TRACE);
  }
  length = add_case(code, length, __NR_io_uring_setup, SECCOMP_RET_ERRNO | ENOSYS);
  code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {(unsigned short)length, code};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
    fail("seccomp filter (root?)");
  }
}

static pid_t start(char** command) {
  int go[2];
  char byte;
  if (pipe2(go, O_CLOEXEC) < 0) {
    fail("pipe");
  }
  fcntl(LOG_FD, F_SETFD, FD_CLOEXEC);
  pid_t child = fork();
  if (child == 0) {
    close(go[1]);
    if (read(go[0], &byte, 1) == 1) {
      filter_calls();
      execvp(*command, command);
    }
    fail(*command);
  }
  const uintptr_t options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                            PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (trace(PTRACE_SEIZE, child, 0, options) < 0 || write(go[1], "", 1) != 1) {
    fail("ptrace");
  }
  close(go[0]);
  close(go[1]);
  return child;
}

/* It counts nothing before the first SIGUSR1. */
static void await_requests(struct run* run) {
  const struct sigaction action = {.sa_handler = begin};
  sigaction(SIGUSR1, &action, NULL);
  run->is_daemon = true;
  run->count = -1;
  run->stop_at--;
  dprintf(LOG_FD, "daemon %d\n", run->root);
}

int main(int argc, char** argv) {
  struct run run = {.victim = CALLER};
  char** command = argv + 2;
  const char* option = argc > 2 && strncmp(*command, "--", 2) == 0 ? *command++ : "";
  if (argc < 3 || *command == NULL) {
    fprintf(stderr, "usage: kill-at N [--root | --hold | --daemon] COMMAND [ARGUMENT...] 3>LOG\n");
    return 125;
  }
  if (*option != '\0') {
    run.victim = strcmp(option, "--root") == 0 ? ROOT : NOBODY;
  }
  run.stop_at = atol(argv[1]);
  run.root = start(command);
  if (strcmp(option, "--daemon") == 0) {
    await_requests(&run);
  }
  follow(&run);
  return WIFSIGNALED(run.root_status) ? 128 + WTERMSIG(run.root_status) : WEXITSTATUS(run.root_status);
}
