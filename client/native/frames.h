/*
 * Frames to and from one helper, over its socket. What they are is in seeclient/bridge/frames.py.
 * Private to the bridge.
 */
#ifndef SEEMACHINE_FRAMES_H
#define SEEMACHINE_FRAMES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge.h"
#include "helper.h"

enum { SM_REQUEST = 1, SM_REPLY = 2, SM_NOTE = 3 };
enum { SM_AGAIN = 1 }; /* a flag of a request */
enum { SM_READ_BYTES = 1 << 16 };

struct sm_stream {
    struct sm_socket socket;
    pthread_mutex_t sending;
    size_t begin, end; /* of what was received and not yet taken, in `bytes`: its reader's alone */
    unsigned char bytes[SM_READ_BYTES];
};

struct sm_frame {
    uint32_t id;
    unsigned kind;
    unsigned char *body; /* and a zero byte */
    size_t size;
};

struct sm_request {
    uint32_t id;
    unsigned flags;
    const char *operation;
    struct sm_field note; /* the last one about it, or nothing */
    const struct sm_field *fields;
    size_t count; /* at most SM_FIELDS */
};

/* To a helper that is started for it. On failure false, and why in `reason`. */
bool sm_open_stream(struct sm_stream *stream, char reason[SM_REASON_BYTES]);

/* When nobody sends or reads any more. Overwrites what was received. */
void sm_close_stream(struct sm_stream *stream);

/* Any thread may. False when the helper is gone: then nothing follows it, and its end is read. */
bool sm_send_request(struct sm_stream *stream, const struct sm_request *request);

/* One thread at a time. `body` is the caller's. False at the end. */
bool sm_receive_frame(struct sm_stream *stream, struct sm_frame *frame);

#endif
