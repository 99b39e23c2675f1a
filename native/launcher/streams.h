/* The three standard streams, whatever the caller has made of them. */
#ifndef TRESTLE_STREAMS_H
#define TRESTLE_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"

/* Nothing that is opened later may become fd 0, 1 or 2: it would be read as the network configuration. */
void open_standard_streams(void);

/*
 * Reads standard input up to its end, or up to one byte more than a configuration may have. False, with
 * nothing read, where it cannot be read at all.
 */
bool read_stdin(struct buffer* input);

/* Makes `input` the standard input, as if nobody had read it. */
void replace_stdin(const struct buffer* input);

/* A file in memory, which a program that is executed inherits. -1 where there cannot be one. */
int make_memory_file(const char* name);

/* False, and errno says why, where not everything can be written. */
bool write_whole(int fd, const char* bytes, size_t size);

/* From now on, to write where nobody reads any more fails like any other write, and does not end us. */
void outlive_readers(void);

/* Ends this process with what the runtime is to get. */
_Noreturn void answer(const char* output, size_t size, int status);

#endif
