/*
 * What a runtime executes as /opt/cni/bin/<plugin>: one static file, copied to every plugin's name. It
 * starts Trestle's private Node from the folder beside it, in an environment that the caller has no say in.
 *
 * The runtime folder carries its own dynamic loader and libraries, and the loader is executed by name: a node
 * needs no Node, no libnl and no particular libc. (Node's own interpreter path is absolute and would be the
 * host's.)
 *
 * From the build come RUNTIME, the folder's name, LOADER, the loader's file name, and lists of string
 * literals, each with a comma behind it: PLUGINS, LOADER_FLAGS and NODE_FLAGS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COMMAND "trestle"

/* By this the installer knows which files are ours, and which runtime folder they still start. */
__attribute__((used)) static const char marker[] = "trestle-launcher=" RUNTIME;

static const char* const plugins[] = {PLUGINS};

/* What would change how our Node runs: the loader's variables, libc's, Node's and its libraries'. */
static const char* const unwanted[] = {"LD_", "GLIBC_", "MALLOC_", "NODE_", "UV_", "OPENSSL_", "SSL_"};

static char* const plugin_environment[] = {SANITIZER "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};

static bool starts_with(const char* text, const char* prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Ends with an error as the CNI specification has it: JSON on stdout, exit status 1; code 5 is for I/O. */
static _Noreturn void fail(const char* what, const char* path) {
  const char* reason = strerror(errno);
  dprintf(STDOUT_FILENO, "{\"code\":5,\"msg\":\"%s ", what);
  for (const unsigned char* c = (const unsigned char*)path; *c; c++)
    dprintf(STDOUT_FILENO, *c < ' ' || *c == '"' || *c == '\\' ? "\\u%04x" : "%c", *c);
  dprintf(STDOUT_FILENO, ": %s\"}\n", reason);
  exit(1);
}

static char* join(const char* left, const char* right) {
  char* path;
  if (asprintf(&path, "%s/%s", left, right) < 0) fail("no memory for", right);
  return path;
}

/* Nothing that is opened later may become fd 0, 1 or 2: it would be read as the network configuration. */
static void open_standard_streams(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) memfd_create("null", 0);
}

/* The path of this file. argv[0] is only what the caller says, and so is believed where there is no /proc. */
static char* own_path(const char* argv0) {
  static char path[4096];
  if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
    strncpy(path, strchr(argv0, '/') ? argv0 : "./", sizeof path - 1);
  /* An upgrade may have replaced this file since it was started: the kernel says so at the end of the name.
   */
  static const char deleted[] = " (deleted)";
  size_t length = strlen(path);
  size_t kept = length - strlen(deleted);
  if (length > strlen(deleted) && strcmp(path + kept, deleted) == 0) path[kept] = '\0';
  return path;
}

static bool is_ours(const char* name) {
  for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++)
    if (strcmp(name, plugins[i]) == 0) return true;
  return strcmp(name, COMMAND) == 0;
}

/* A runtime passes the whole path as argv[0], and so tells a symbolic link's name from the file's. */
static const char* own_name(const char* argv0, const char* path) {
  const char* name = basename(argv0);
  return is_ours(name) ? name : basename(path);
}

/*
 * The caller's whole environment, NUL-separated, in a memory file: a delegate that is not ours gets it, as
 * the specification demands, and so does what `trestle run` runs. Returns "TRESTLE_CALLER_ENVIRON=<fd>". Node
 * marks the descriptor close-on-exec.
 */
static char* save_environment(char* const env[]) {
  int fd = memfd_create("caller-environ", 0);
  if (fd < 0) fail("cannot keep", "the caller's environment");
  for (; *env; env++) {
    for (size_t done = 0, size = strlen(*env) + 1; done < size;) {
      ssize_t written = write(fd, *env + done, size - done);
      if (written < 0) fail("cannot keep", "the caller's environment");
      done += (size_t)written;
    }
  }
  lseek(fd, 0, SEEK_SET);
  char* variable;
  if (asprintf(&variable, "TRESTLE_CALLER_ENVIRON=%d", fd) < 0) fail("no memory for", "the environment");
  return variable;
}

static bool is_wanted(const char* variable) {
  for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
    if (starts_with(variable, unwanted[i])) return false;
  return true;
}

/* A plugin sees the protocol's variables and nothing else; the command keeps the environment of who runs it,
 * less what would change Node: that is for what the command runs only.
 */
static void clean_environment(bool is_command, char* const env[], char* clean[]) {
  if (!is_command) {
    memcpy(clean, plugin_environment, sizeof plugin_environment);
    clean += sizeof plugin_environment / sizeof *plugin_environment;
  }
  *clean++ = save_environment(env);
  for (; *env; env++)
    if (is_command ? is_wanted(*env) : starts_with(*env, "CNI_")) *clean++ = *env;
  *clean = NULL;
}

/* Replaces this process by Node. The kernel bounds what a caller can pass to a fraction of the stack. */
static _Noreturn void start(const char* runtime, const char* name, int argc, char* argv[]) {
  const char* lib = join(runtime, "lib");
  const char* loader = join(lib, LOADER);
  const char* node = join(runtime, "node");
  const char* program = join(runtime, "trestle.cjs");
  /* The loader and Node would report these on stderr only, and a runtime reads stdout. */
  if (access(node, X_OK) != 0) fail("cannot execute", node);
  if (access(program, R_OK) != 0) fail("cannot read", program);

  const char* fixed[] = {
      loader, "--library-path", lib, "--inhibit-cache", LOADER_FLAGS node, NODE_FLAGS program, name};
  size_t count = sizeof fixed / sizeof *fixed;
  const char* args[count + (size_t)argc + 1];
  memcpy(args, fixed, sizeof fixed);
  for (int i = 1; i < argc; i++) args[count++] = argv[i];
  args[count] = NULL;

  size_t variables = 0;
  while (environ[variables]) variables++;
  char* clean[variables + sizeof plugin_environment / sizeof *plugin_environment + 2];
  clean_environment(strcmp(name, COMMAND) == 0, environ, clean);

  execve(loader, (char* const*)args, clean);
  fail("cannot execute", loader);
}

int main(int argc, char* argv[]) {
  open_standard_streams();
  const char* argv0 = argc > 0 ? argv[0] : "";
  char* path = own_path(argv0);
  const char* name = own_name(argv0, path);
  char* slash = strrchr(path, '/');
  if (slash) *slash = '\0';
  start(join(path, ".trestle/" RUNTIME), name, argc, argv);
}
