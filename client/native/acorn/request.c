#include "request.h"

#include <acorn.h>
#include <string.h>

static struct sm_field text(const char *text)
{
    return (struct sm_field){text ? text : "", text ? strlen(text) : 0};
}

static struct sm_field bytes(const struct acorn_buffer *buffer)
{
    return (struct sm_field){buffer->ptr ? buffer->ptr : (const unsigned char *)"", buffer->len};
}

static struct sm_field number(unsigned char room[8], unsigned value)
{
    sm_put_number(room, value);
    return (struct sm_field){room, 8};
}

static struct sm_field token(unsigned char room[16])
{
    sm_token(room);
    return (struct sm_field){room, 16};
}

static struct sm_field field(const struct part *part, const void *structure, struct request *request)
{
    const void *member = structure ? (const char *)structure + part->offset : NULL;
    switch (part->kind) {
    case TEXT:
        return text(*(char *const *)member);
    case BYTES:
        return bytes(member);
    case NUMBER:
        return number(request->numbers[request->count], *(const unsigned *)member);
    case ZERO:
        return number(request->numbers[request->count], 0);
    case TOKEN:
        return token(request->token);
    default:
        return text("");
    }
}

static int lacks_bytes(const struct part *part, const void *structure)
{
    const struct acorn_buffer *buffer = (const void *)((const char *)structure + part->offset);
    return part->kind == BYTES && buffer->len && !buffer->ptr;
}

int request_fields(const struct command *command, const void *structure, struct request *request, char **errstring)
{
    request->count = 0;
    for (const struct part *part = command->asks; part->kind != END; part++) {
        if (structure && lacks_bytes(part, structure))
            return refuse(errstring, INVALID_PARAMETER, "a buffer has a length, and NULL where its bytes should be");
        request->fields[request->count] = field(part, structure, request);
        request->count++;
    }
    return 0;
}
