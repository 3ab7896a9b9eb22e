/* Frames to and from one helper: see frames.h. */
#include "frames.h"

#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "secrets.h"

enum { HEAD_BYTES = 9, LENGTH_BYTES = 4 };

bool sm_open_stream(struct sm_stream *stream, char reason[SM_REASON_BYTES]) {
    if (!sm_start(&stream->socket, reason))
        return false;
    pthread_mutex_init(&stream->sending, NULL);
    stream->begin = stream->end = 0;
    return true;
}

void sm_close_stream(struct sm_stream *stream) {
    sm_forget(&stream->socket);
    pthread_mutex_destroy(&stream->sending);
    sm_overwrite(stream->bytes, sizeof stream->bytes);
}

bool sm_send_request(struct sm_stream *stream, const struct sm_request *request) {
    unsigned char head[LENGTH_BYTES + 6], sizes[SM_FIELDS + 2][4];
    struct sm_field parts[SM_PARTS], texts[SM_FIELDS + 2];
    size_t length = sizeof head - LENGTH_BYTES, used = 0;
    texts[0] = (struct sm_field){request->operation, strlen(request->operation)};
    texts[1] = request->note;
    for (size_t index = 0; index < request->count; index++)
        texts[index + 2] = request->fields[index];
    parts[used++] = (struct sm_field){head, sizeof head};
    for (size_t index = 0; index < request->count + 2; index++) {
        sm_put_u32(sizes[index], (uint32_t)texts[index].size);
        parts[used++] = (struct sm_field){sizes[index], 4};
        parts[used++] = texts[index];
        length += 4 + texts[index].size;
    }
    sm_put_u32(head, (uint32_t)length);
    sm_put_u32(head + 4, request->id);
    head[8] = SM_REQUEST;
    head[9] = (unsigned char)request->flags;
    pthread_mutex_lock(&stream->sending);
    bool sent = sm_send(&stream->socket, parts, used);
    if (!sent) /* a part of it may be on its way, and nothing can follow that */
        sm_hang_up(&stream->socket);
    pthread_mutex_unlock(&stream->sending);
    return sent;
}

/* How many bytes came: all, or fewer at the end. */
static size_t receive(struct sm_stream *stream, unsigned char *into, size_t size) {
    size_t came = 0;
    while (came < size) {
        if (stream->begin == stream->end) {
            stream->begin = 0;
            stream->end = sm_receive(&stream->socket, stream->bytes, sizeof stream->bytes);
            if (stream->end == 0)
                break;
        }
        size_t there = stream->end - stream->begin, left = size - came;
        size_t taken = there < left ? there : left;
        memcpy(into + came, stream->bytes + stream->begin, taken);
        sm_overwrite(stream->bytes + stream->begin, taken);
        stream->begin += taken;
        came += taken;
    }
    return came;
}

bool sm_receive_frame(struct sm_stream *stream, struct sm_frame *frame) {
    unsigned char head[HEAD_BYTES];
    if (receive(stream, head, sizeof head) < sizeof head)
        return false;
    uint32_t length = sm_get_u32(head);
    if (length < HEAD_BYTES - LENGTH_BYTES || length > SM_MAX_FRAME)
        return false;
    frame->id = sm_get_u32(head + 4);
    frame->kind = head[8];
    frame->size = length - (HEAD_BYTES - LENGTH_BYTES);
    frame->body = malloc(frame->size + 1);
    if (frame->body == NULL)
        return false;
    frame->body[frame->size] = 0;
    size_t came = receive(stream, frame->body, frame->size);
    if (came == frame->size)
        return true;
    /* No more than that: what never came is memory that nobody has used yet, up to 1 GiB of it. */
    sm_discard(frame->body, came);
    return false;
}
