/*
 * Questions of many threads over one socket.
 *
 * Whoever waits reads: one of those who wait receives for all of them, hands each reply to its
 * asker, and when it has its own leaves the reading to another. So there is no thread of ours in
 * the host, and nothing runs there while nobody asks.
 *
 * The lock is never held while something may take long but the start of a helper; so `fork`, which
 * takes it, does not wait for a signature.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge.h"
#include "calls.h"
#include "frames.h"
#include "helper.h"
#include "replies.h"

enum { ATTEMPTS = 5 };

struct helper {
    struct sm_stream stream;
    unsigned users;
    bool being_read;
    bool over;
    struct sm_calls calls;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct helper *current;
static pid_t process; /* that started it */

/* ------------------------------------------------------------------ the helper, under the lock */

/* In a child the parent's helper is of no use, and must not be kept from noticing its end. */
static void leave_to_parent(void) {
    /* Its memory is left alone: a thread may have been at it. */
    if (current != NULL)
        sm_forget(&current->stream.socket);
    current = NULL;
}

static void before_fork(void) { pthread_mutex_lock(&lock); }

static void after_fork_in_parent(void) { pthread_mutex_unlock(&lock); }

static void after_fork_in_child(void) {
    leave_to_parent();
    pthread_mutex_init(&lock, NULL);
}

__attribute__((constructor)) static void watch_forks(void) {
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void release(struct helper *helper) {
    if (--helper->users > 0)
        return;
    sm_close_stream(&helper->stream);
    free(helper);
}

/* It answers nothing more. Everybody who waits for it is woken. */
static void end(struct helper *helper, enum sm_state how) {
    helper->over = true;
    sm_cut(&helper->stream.socket);
    sm_wake_all(&helper->calls, how);
    if (current == helper) {
        current = NULL;
        release(helper);
    }
}

static struct helper *start(char reason[SM_REASON_BYTES]) {
    struct helper *made = calloc(1, sizeof *made);
    if (made == NULL) {
        snprintf(reason, SM_REASON_BYTES, "there is no memory left");
        return NULL;
    }
    if (!sm_open_stream(&made->stream, reason)) {
        free(made);
        return NULL;
    }
    made->users = 1;
    process = getpid();
    return made;
}

/* The helper of this process, started if there is none. NULL: why in `reason`. */
static struct helper *get_helper(char reason[SM_REASON_BYTES]) {
    if (current != NULL && process != getpid())
        leave_to_parent(); /* a fork that told nobody */
    if (current != NULL && !sm_is_ours(&current->stream.socket))
        end(current, SM_LOST);
    if (current == NULL)
        current = start(reason);
    return current;
}

/* ------------------------------------------------------------------ waiting, under the lock */

static void enter(struct helper *helper, struct sm_call *call) {
    helper->users++;
    sm_enlist(&helper->calls, call);
}

/* The lock is left while there is nothing to do but to wait. */
static void await(struct helper *helper, struct sm_call *call) {
    while (call->state == SM_WAITING) {
        if (helper->being_read) {
            pthread_cond_wait(&call->woken, &lock);
            continue;
        }
        struct sm_frame frame;
        helper->being_read = true;
        pthread_mutex_unlock(&lock);
        bool received = sm_receive_frame(&helper->stream, &frame);
        pthread_mutex_lock(&lock);
        helper->being_read = false;
        if (received)
            sm_deliver(&helper->calls, &frame);
        else if (!helper->over)
            end(helper, SM_LOST);
    }
}

/* Who waits next reads on. */
static void leave(struct helper *helper, struct sm_call *call) {
    struct sm_call *next = sm_delist(&helper->calls, call);
    if (next != NULL && !helper->being_read)
        pthread_cond_signal(&next->woken);
    release(helper);
}

/* ------------------------------------------------------------------ asking */

static bool fits(const struct sm_request *request) {
    size_t left = SM_MAX_FRAME - 2 * SM_NOTE_BYTES - strlen(request->operation);
    for (size_t index = 0; index < request->count; index++) {
        size_t size = request->fields[index].size;
        if (size + 4 > left || size > SM_MAX_FRAME)
            return false;
        left -= size + 4;
    }
    return request->count <= SM_FIELDS;
}

/* SM_WAITING when there is no helper: why in `reason`. */
static enum sm_state attempt(struct sm_call *call, struct sm_request *request,
                             char reason[SM_REASON_BYTES]) {
    pthread_mutex_lock(&lock);
    struct helper *helper = get_helper(reason);
    if (helper == NULL) {
        pthread_mutex_unlock(&lock);
        return SM_WAITING;
    }
    enter(helper, call);
    request->id = call->id;
    request->note = (struct sm_field){call->note, call->note_size};
    pthread_mutex_unlock(&lock);
    /* When it fails, its end is read like any other, after what it said before. */
    sm_send_request(&helper->stream, request);
    pthread_mutex_lock(&lock);
    await(helper, call);
    leave(helper, call);
    pthread_mutex_unlock(&lock);
    return call->state;
}

static unsigned ask(struct sm_request *request, struct sm_reply *reply) {
    struct sm_call call = {.woken = PTHREAD_COND_INITIALIZER};
    char reason[SM_REASON_BYTES] = "", sentence[SM_REASON_BYTES + 16];
    if (!fits(request))
        return sm_refuse(reply, "Failed: that is more than a question may have (1 GiB)");
    enum sm_state state = attempt(&call, request, reason);
    request->flags = SM_AGAIN;
    for (int again = 1; again < ATTEMPTS && state == SM_LOST; again++)
        state = attempt(&call, request, reason);
    pthread_cond_destroy(&call.woken);
    free(call.note);
    if (state == SM_ANSWERED)
        return sm_unpack(call.body, call.size, reply);
    if (state == SM_CLOSED)
        return sm_refuse(reply, "Failed: the library was closed while this was asked");
    if (state == SM_LOST)
        return sm_refuse(reply, "Failed: the helper process ended again and again; see the log of"
                                " the system for who ended it");
    snprintf(sentence, sizeof sentence, "Failed: %s", reason);
    return sm_refuse(reply, sentence);
}

unsigned sm_ask(const char *operation, const struct sm_field *fields, size_t count,
                struct sm_reply *reply) {
    struct sm_request request = {.operation = operation, .fields = fields, .count = count};
    int cancel = 0, number = errno;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    unsigned status = ask(&request, reply);
    pthread_setcancelstate(cancel, NULL);
    errno = number;
    return status;
}

void sm_close(void) {
    pthread_mutex_lock(&lock);
    if (current != NULL && process != getpid())
        leave_to_parent();
    if (current != NULL)
        end(current, SM_CLOSED);
    pthread_mutex_unlock(&lock);
}

/* When the library is unloaded, or the host ends while other threads may still ask. */
__attribute__((destructor)) static void unload(void) {
    if (pthread_mutex_trylock(&lock) != 0)
        return;
    if (current != NULL && process == getpid())
        end(current, SM_CLOSED);
    pthread_mutex_unlock(&lock);
}
