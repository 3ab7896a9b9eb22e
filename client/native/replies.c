/* Replies: see replies.h. */
#include "replies.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "secrets.h"

unsigned sm_refuse(struct sm_reply *reply, const char *sentence) {
    size_t size = strlen(sentence);
    char *text = malloc(size + 1);
    struct sm_field *fields = calloc(3, sizeof *fields);
    *reply = (struct sm_reply){.status = SM_FAILED};
    if (text == NULL || fields == NULL) {
        free(text);
        free(fields);
        return SM_FAILED;
    }
    memcpy(text, sentence, size + 1);
    fields[0] = (struct sm_field){text, size};
    fields[1] = fields[2] = (struct sm_field){text + size, 0};
    *reply = (struct sm_reply){SM_FAILED, 3, fields, text};
    return SM_FAILED;
}

/* How many fields there are; SIZE_MAX when the bytes are not fields. */
static size_t count_fields(const unsigned char *bytes, size_t size) {
    size_t count = 0;
    for (size_t at = 0; at < size; count++) {
        if (size - at < 4 || size - at - 4 < sm_get_u32(bytes + at))
            return SIZE_MAX;
        at += 4 + (size_t)sm_get_u32(bytes + at);
    }
    return count;
}

/* Its fields stay where they are: the size of the next one gives way to the zero byte. */
static void point_at_fields(unsigned char *bytes, size_t size, struct sm_field *fields) {
    size_t index = 0;
    for (size_t at = 0; at < size; index++) {
        size_t length = sm_get_u32(bytes + at);
        bytes[at] = 0;
        fields[index] = (struct sm_field){bytes + at + 4, length};
        at += 4 + length;
    }
}

unsigned sm_unpack(unsigned char *body, size_t size, struct sm_reply *reply) {
    size_t count = size < 4 ? SIZE_MAX : count_fields(body + 4, size - 4);
    struct sm_field *fields = count == SIZE_MAX ? NULL : calloc(count + 1, sizeof *fields);
    if (fields == NULL) {
        sm_discard(body, size);
        return sm_refuse(reply, "the reply of the helper process is damaged, or memory is short");
    }
    point_at_fields(body + 4, size - 4, fields);
    *reply = (struct sm_reply){sm_get_u32(body), count, fields, body};
    return reply->status;
}

/* The last field ends where the block does. */
void sm_reply_free(struct sm_reply *reply) {
    for (size_t index = 0; index < reply->count; index++)
        sm_overwrite((void *)(size_t)reply->fields[index].data, reply->fields[index].size);
    free(reply->block);
    free(reply->fields);
    *reply = (struct sm_reply){0};
}
