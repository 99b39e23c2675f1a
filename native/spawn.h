// A program that runs in a network namespace, with this process's own standard streams and terminal.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "fields.h"
#include "result.h"

namespace trestle {

struct Program {
  std::string netns;
  std::vector<std::string> args;  // its name first
  std::vector<std::string> env;   // "NAME=value"
};

Program ParseProgram(Fields& fields);

// What became of an attempt to execute a program.
struct Spawned {
  pid_t pid = 0;
  int error = 0;  // the errno of execve; then there is no process
};

// Takes the calling thread into the program's namespaces and starts it. It is killed when this thread ends
// before it, so the thread has to wait for it. Never to be called on the main thread or on one that others
// share.
Result<Spawned> Spawn(const Program& program);

}  // namespace trestle
