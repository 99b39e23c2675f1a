/* Bytes that become more. There is no freeing: a launcher ends, or becomes another program. */
#ifndef TRESTLE_BUFFER_H
#define TRESTLE_BUFFER_H

#include <stddef.h>

struct buffer {
  char* bytes;
  size_t size;
  size_t capacity;
};

/* Makes room for `more` bytes behind those that are there. Where there is no memory, the process fails. */
void reserve(struct buffer* buffer, size_t more);

void append(struct buffer* buffer, const void* bytes, size_t size);

/* A variable as in an environment: text as of printf, at most VARIABLE_SIZE - 1 bytes, and a NUL. */
#define VARIABLE_SIZE 256
__attribute__((format(printf, 2, 3))) void append_variable(struct buffer* buffer, const char* format, ...);

#endif
