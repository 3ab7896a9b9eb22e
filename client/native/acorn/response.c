#include "response.h"

#include <limits.h>

#include "entries.h"
#include "memory.h"

#define OTHER_VERSION "the helper's answer is not that of this version: install the library and seeclient together"

static int text_fill(char **text, const struct sm_field *field)
{
    *text = text_copy(field->data, field->size);
    return *text ? 0 : -1;
}

static int number_fill(unsigned *number, const struct sm_field *field)
{
    unsigned long long whole = sm_number(field);
    *number = whole > UINT_MAX ? UINT_MAX : (unsigned)whole;
    return 0;
}

static int part_fill(const struct part *part, const struct sm_reply *reply, void *member)
{
    const struct sm_field *field = &reply->fields[part->field];
    switch (part->kind) {
    case TEXT:
        return text_fill(member, field);
    case BYTES:
        return buffer_fill(member, field);
    case ENTRIES:
        return entries_fill(member, reply);
    default:
        return number_fill(member, field);
    }
}

/* A list of no keys has no fields, and odd ones have no meaning. */
static int is_there(const struct part *part, const struct sm_reply *reply)
{
    if (part->kind == ENTRIES)
        return reply->count % 2 == 0;
    if (part->field >= reply->count)
        return 0;
    return part->kind != NUMBER || reply->fields[part->field].size == 8;
}

int response_fill(const struct command *command, const struct sm_reply *reply, void *structure, char **errstring)
{
    for (const struct part *part = command->gives; part->kind != END; part++) {
        if (!is_there(part, reply))
            return refuse(errstring, SM_FAILED, OTHER_VERSION);
        if (part_fill(part, reply, (char *)structure + part->offset))
            return refuse(errstring, SM_FAILED, "no memory for the response");
    }
    return 0;
}
