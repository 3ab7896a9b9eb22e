/* Those who wait for a reply of one helper: see calls.h. */
#include "calls.h"

#include <stdlib.h>

#include "secrets.h"

enum { NOBODY = 0 }; /* whose notes say that the helper is alive */

void sm_enlist(struct sm_calls *calls, struct sm_call *call) {
    if (++calls->last_id == NOBODY)
        ++calls->last_id;
    call->id = calls->last_id;
    call->state = SM_WAITING;
    call->next = calls->first;
    calls->first = call;
}

struct sm_call *sm_delist(struct sm_calls *calls, struct sm_call *call) {
    struct sm_call **link = &calls->first;
    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    struct sm_call *next = calls->first;
    while (next != NULL && next->state != SM_WAITING)
        next = next->next;
    return next;
}

void sm_deliver(const struct sm_calls *calls, struct sm_frame *frame) {
    struct sm_call *call = calls->first;
    while (call != NULL && call->id != frame->id)
        call = call->next;
    if (call != NULL && frame->kind == SM_REPLY && call->state == SM_WAITING) {
        call->body = frame->body;
        call->size = frame->size;
        call->state = SM_ANSWERED;
        pthread_cond_signal(&call->woken);
        return;
    }
    if (call != NULL && frame->kind == SM_NOTE && frame->size <= SM_NOTE_BYTES) {
        free(call->note);
        call->note = frame->body;
        call->note_size = frame->size;
        return;
    }
    sm_discard(frame->body, frame->size);
}

void sm_wake_all(const struct sm_calls *calls, enum sm_state why) {
    for (struct sm_call *call = calls->first; call != NULL; call = call->next)
        if (call->state == SM_WAITING) {
            call->state = why;
            pthread_cond_signal(&call->woken);
        }
}
