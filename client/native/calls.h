/*
 * Those who wait for a reply of one helper. All of it is under the lock of bridge.c. Private to the
 * bridge.
 */
#ifndef SEEMACHINE_CALLS_H
#define SEEMACHINE_CALLS_H

#include <pthread.h>
#include <stdint.h>

#include "frames.h"

/* Notes are short: longer ones are not kept. */
enum { SM_NOTE_BYTES = 1 << 20 };

enum sm_state { SM_WAITING, SM_ANSWERED, SM_LOST, SM_CLOSED };

/* One question on its way; on the stack of its asker. */
struct sm_call {
    struct sm_call *next;
    uint32_t id;
    enum sm_state state;
    pthread_cond_t woken;
    unsigned char *body; /* of its reply, and a zero byte */
    size_t size;
    unsigned char *note; /* the last one, over all attempts */
    size_t note_size;
};

struct sm_calls {
    uint32_t last_id;
    struct sm_call *first;
};

/* It waits from now on, under an id of its own. */
void sm_enlist(struct sm_calls *calls, struct sm_call *call);

/* It waits no more. Returns who waits next, or NULL. */
struct sm_call *sm_delist(struct sm_calls *calls, struct sm_call *call);

/* Give a frame to whom it is for, and wake them when it is the reply. Takes its body. */
void sm_deliver(const struct sm_calls *calls, struct sm_frame *frame);

/* Nothing more comes. Everybody who waits is woken. */
void sm_wake_all(const struct sm_calls *calls, enum sm_state why);

#endif
