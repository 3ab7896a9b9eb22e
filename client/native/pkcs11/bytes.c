#include "bytes.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST_ROOM = 64 };

static int make_room(struct bytes *bytes, size_t needed)
{
    size_t room = bytes->room < LEAST_ROOM ? LEAST_ROOM : bytes->room;
    while (room < needed)
        room = room > (size_t)-1 / 2 ? needed : 2 * room;
    unsigned char *data = realloc(bytes->data, room);
    if (data == NULL)
        return 0;
    bytes->data = data;
    bytes->room = room;
    return 1;
}

int bytes_append(struct bytes *bytes, const void *data, size_t size)
{
    if (size == 0)
        return 1;
    if (size > (size_t)-1 - bytes->size)
        return 0;
    if (bytes->size + size > bytes->room && !make_room(bytes, bytes->size + size))
        return 0;
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    return 1;
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}
