/* What the caller gets: each piece is its own, from malloc(). */
#ifndef SEEMACHINE_ACORN_MEMORY_H
#define SEEMACHINE_ACORN_MEMORY_H

#include <acorn.h>

#include "bridge.h"
#include "command.h"

/* A copy with a NUL after it, or NULL without memory. */
char *text_copy(const void *data, size_t size);

/* 0, or -1 without memory. The pointer is not NULL even for no bytes at all. */
int buffer_fill(struct acorn_buffer *buffer, const struct sm_field *field);

/* Free and zero the members of a request or a response. */
void parts_free(const struct part *parts, void *structure);

#endif
