#define _DEFAULT_SOURCE /* explicit_bzero */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "entries.h"

char *text_copy(const void *data, size_t size)
{
    char *copy = malloc(size + 1);
    if (!copy)
        return NULL;
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

int buffer_fill(struct acorn_buffer *buffer, const struct sm_field *field)
{
    buffer->ptr = (unsigned char *)text_copy(field->data, field->size);
    buffer->len = buffer->ptr ? (unsigned)field->size : 0;
    return buffer->ptr ? 0 : -1;
}

/* It may be a private key. */
static void buffer_free(struct acorn_buffer *buffer)
{
    if (buffer->ptr)
        explicit_bzero(buffer->ptr, buffer->len);
    free(buffer->ptr);
    *buffer = (struct acorn_buffer){0};
}

static void text_free(char **text)
{
    free(*text);
    *text = NULL;
}

void parts_free(const struct part *parts, void *structure)
{
    for (const struct part *part = parts; part->kind != END; part++) {
        void *member = (char *)structure + part->offset;
        if (part->kind == TEXT)
            text_free(member);
        else if (part->kind == BYTES)
            buffer_free(member);
        else if (part->kind == NUMBER)
            *(unsigned *)member = 0;
        else if (part->kind == ENTRIES)
            entries_free(member);
    }
}
