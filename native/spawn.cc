#include "spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "handle.h"
#include "netns.h"

namespace trestle {
namespace {

// MAX_ARG_STRLEN of the kernel, without the NUL.
constexpr size_t kMaxString = 32 * size_t{4096} - 1;

using Pointers = std::vector<char*>;

// As execve takes them. The strings must outlive the list.
Pointers PointersTo(const std::vector<std::string>& texts) {
  Pointers pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// As `ip netns exec` does: a /sys that tells of the namespace's links. Where that is not allowed (in a user
// namespace, say) the program sees the host's, and is no worse off than in a container.
void MountOwnSysfs() {
  struct statvfs present {};
  // A read-only /sys cannot be covered by a writable one.
  const bool read_only = statvfs("/sys", &present) == 0 && (present.f_flag & ST_RDONLY) != 0;
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (read_only ? MS_RDONLY : 0);
  const bool apart = unshare(CLONE_NEWNS) == 0 && mount("", "/", "none", MS_SLAVE | MS_REC, nullptr) == 0;
  if (apart) mount("sysfs", "/sys", "sysfs", flags, nullptr);
}

Status EnterNetns(const std::string& path) {
  auto netns = OpenNetns(path);
  if (!netns) return netns.fault();
  if (setns(netns->get(), CLONE_NEWNET) != 0) return KernelFault("enter network namespace " + path, errno);
  return Done{};
}

// Node ignores SIGPIPE, and a program expects a signal that nobody told it to ignore to end it.
void ResetSignals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Node keeps its own from every program that it does not give them to.
void KeepStandardStreams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) fcntl(fd, F_SETFD, 0);
}

// In the child, where another thread's locks are held for ever: nothing here takes one.
[[noreturn]] void Execute(const Pointers& args, const Pointers& env, pid_t parent, int complaints) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(EXIT_FAILURE);
  ResetSignals();
  KeepStandardStreams();
  // execvp looks for the program along this environment's PATH, and gives it this environment.
  environ = const_cast<char**>(env.data());
  execvp(args.front(), args.data());
  const int error = errno;
  [[maybe_unused]] const ssize_t told = write(complaints, &error, sizeof error);
  _exit(EXIT_FAILURE);
}

// The errno that the child tells of, or 0 when its end was closed by a successful execve.
int ReadComplaint(int complaints) {
  int error = 0;
  ssize_t length = 0;
  do length = read(complaints, &error, sizeof error);
  while (length < 0 && errno == EINTR);
  return length == sizeof error ? error : 0;
}

void Reap(pid_t pid) {
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
}

}  // namespace

Program ParseProgram(Fields& fields) {
  Program program{fields.Text("netns", 4095), fields.Texts("args", kMaxString),
                  fields.Texts("env", kMaxString)};
  if (program.args.empty()) fields.Complain("args", "has not even the program's name");
  return program;
}

Result<Spawned> Spawn(const Program& program) {
  if (auto entered = EnterNetns(program.netns); !entered) return entered.fault();
  MountOwnSysfs();
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return KernelFault("make a pipe", errno);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const Pointers args = PointersTo(program.args);
  const Pointers env = PointersTo(program.env);
  // Until the child has reset its signals none may reach it: Node's handlers would tell the parent of it.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return KernelFault("start a process", errno);
  if (pid == 0) Execute(args, env, parent, writing.get());
  writing = Fd();
  const int error = ReadComplaint(reading.get());
  if (error == 0) return Spawned{pid, 0};
  Reap(pid);
  return Spawned{0, error};
}

}  // namespace trestle
