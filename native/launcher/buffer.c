#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

void reserve(struct buffer* buffer, size_t more) {
  size_t wanted = buffer->size + more;
  if (wanted <= buffer->capacity) return;
  /* Twice as much each time, so that what comes in pieces is not copied for each of them. */
  if (wanted < 2 * buffer->capacity) wanted = 2 * buffer->capacity;
  char* bytes = realloc(buffer->bytes, wanted);
  if (!bytes) fail("no memory for", "a request");
  buffer->bytes = bytes;
  buffer->capacity = wanted;
}

void append(struct buffer* buffer, const void* bytes, size_t size) {
  reserve(buffer, size);
  memcpy(buffer->bytes + buffer->size, bytes, size);
  buffer->size += size;
}

void append_variable(struct buffer* buffer, const char* format, ...) {
  reserve(buffer, VARIABLE_SIZE);
  va_list values;
  va_start(values, format);
  int length = vsnprintf(buffer->bytes + buffer->size, VARIABLE_SIZE, format, values);
  va_end(values);
  buffer->size += (size_t)length + 1;
}
