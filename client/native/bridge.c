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
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"
#include "helper.h"

enum { REQUEST = 1, REPLY = 2, NOTE = 3 };
enum { HEAD_BYTES = 9, LENGTH_BYTES = 4, READ_BYTES = 1 << 16, ATTEMPTS = 5 };
/* Notes are short: longer ones are not kept. */
enum { NOTE_BYTES = 1 << 20 };
enum { AGAIN = 1 };
enum { NOBODY = 0 }; /* whose notes say that the helper is alive */

enum state { WAITING, ANSWERED, LOST, CLOSED };

/* One question on its way; on the stack of its asker. */
struct call {
    struct call *next;
    uint32_t id;
    enum state state;
    pthread_cond_t woken;
    unsigned char *body; /* of its reply, and a zero byte */
    size_t size;
    unsigned char *note; /* the last one, over all attempts */
    size_t note_size;
};

struct helper {
    struct sm_socket socket;
    unsigned users;
    bool being_read;
    bool over;
    uint32_t last_id;
    struct call *calls;
    pthread_mutex_t sending;
    size_t begin, end; /* of what was received and not yet taken, in `bytes`: its reader's alone */
    unsigned char bytes[READ_BYTES];
};

struct frame {
    uint32_t id;
    unsigned kind;
    unsigned char *body;
    size_t size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct helper *current;
static pid_t process; /* that started it */

/* ------------------------------------------------------------------ numbers */

static void put_u32(unsigned char *bytes, uint32_t number) {
    for (int index = 0; index < 4; index++)
        bytes[index] = (unsigned char)(number >> (24 - 8 * index));
}

static uint32_t get_u32(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

void sm_put_number(unsigned char bytes[8], unsigned long long number) {
    put_u32(bytes, (uint32_t)(number >> 32));
    put_u32(bytes + 4, (uint32_t)number);
}

unsigned long long sm_number(const struct sm_field *field) {
    const unsigned char *bytes = field->data;
    if (field->size != 8)
        return 0;
    return (unsigned long long)get_u32(bytes) << 32 | get_u32(bytes + 4);
}

void sm_token(unsigned char token[16]) {
    struct timespec now = {0};
    memset(token, 0, 16);
    for (size_t got = 0; got < 16;) {
        ssize_t more = getrandom(token + got, 16 - got, 0);
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0) {
            memset(token, 0, 16);
            return;
        }
        got += (size_t)more;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t milliseconds = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (int index = 0; index < 6; index++)
        token[index] = (unsigned char)(milliseconds >> (40 - 8 * index));
    token[6] = (unsigned char)((token[6] & 0x0f) | 0x70);
    token[8] = (unsigned char)((token[8] & 0x3f) | 0x80);
}

/* ------------------------------------------------------------------ memory that may hold secrets */

static void overwrite(void *memory, size_t size) {
    volatile unsigned char *bytes = memory;
    while (size-- > 0)
        *bytes++ = 0;
}

static void discard(unsigned char *body, size_t size) {
    if (body != NULL)
        overwrite(body, size);
    free(body);
}

/* ------------------------------------------------------------------ the helper, under the lock */

/* In a child the parent's helper is of no use, and must not be kept from noticing its end. */
static void leave_to_parent(void) {
    if (current != NULL)
        sm_forget(&current->socket); /* its memory is left alone: a thread may have been at it */
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
    sm_forget(&helper->socket);
    pthread_mutex_destroy(&helper->sending);
    overwrite(helper->bytes, sizeof helper->bytes);
    free(helper);
}

/* It answers nothing more. Everybody who waits for it is woken. */
static void end(struct helper *helper, enum state how) {
    helper->over = true;
    sm_cut(&helper->socket);
    for (struct call *call = helper->calls; call != NULL; call = call->next)
        if (call->state == WAITING) {
            call->state = how;
            pthread_cond_signal(&call->woken);
        }
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
    if (!sm_start(&made->socket, reason)) {
        free(made);
        return NULL;
    }
    pthread_mutex_init(&made->sending, NULL);
    made->users = 1;
    process = getpid();
    return made;
}

/* The helper of this process, started if there is none. NULL: why in `reason`. */
static struct helper *get_helper(char reason[SM_REASON_BYTES]) {
    if (current != NULL && process != getpid())
        leave_to_parent(); /* a fork that told nobody */
    if (current != NULL && !sm_is_ours(&current->socket))
        end(current, LOST);
    if (current == NULL)
        current = start(reason);
    return current;
}

/* ------------------------------------------------------------------ sending */

static bool send_request(struct helper *helper, const struct call *call, unsigned flags,
                         const char *operation, const struct sm_field *fields, size_t count) {
    unsigned char head[LENGTH_BYTES + 6], sizes[SM_FIELDS + 2][4];
    struct sm_field parts[SM_PARTS], texts[SM_FIELDS + 2];
    size_t length = sizeof head - LENGTH_BYTES, used = 0;
    texts[0] = (struct sm_field){operation, strlen(operation)};
    texts[1] = (struct sm_field){call->note, call->note_size};
    for (size_t index = 0; index < count; index++)
        texts[index + 2] = fields[index];
    parts[used++] = (struct sm_field){head, sizeof head};
    for (size_t index = 0; index < count + 2; index++) {
        put_u32(sizes[index], (uint32_t)texts[index].size);
        parts[used++] = (struct sm_field){sizes[index], 4};
        parts[used++] = texts[index];
        length += 4 + texts[index].size;
    }
    put_u32(head, (uint32_t)length);
    put_u32(head + 4, call->id);
    head[8] = REQUEST;
    head[9] = (unsigned char)flags;
    pthread_mutex_lock(&helper->sending);
    bool sent = sm_send(&helper->socket, parts, used);
    if (!sent) /* a part of it may be on its way, and nothing can follow that */
        sm_hang_up(&helper->socket);
    pthread_mutex_unlock(&helper->sending);
    return sent;
}

/* ------------------------------------------------------------------ receiving, by one at a time */

/* How many bytes came: all, or fewer at the end. */
static size_t receive(struct helper *helper, unsigned char *into, size_t size) {
    size_t came = 0;
    while (came < size) {
        if (helper->begin == helper->end) {
            helper->begin = 0;
            helper->end = sm_receive(&helper->socket, helper->bytes, sizeof helper->bytes);
            if (helper->end == 0)
                break;
        }
        size_t there = helper->end - helper->begin, left = size - came;
        size_t taken = there < left ? there : left;
        memcpy(into + came, helper->bytes + helper->begin, taken);
        overwrite(helper->bytes + helper->begin, taken);
        helper->begin += taken;
        came += taken;
    }
    return came;
}

static bool receive_frame(struct helper *helper, struct frame *frame) {
    unsigned char head[HEAD_BYTES];
    if (receive(helper, head, sizeof head) < sizeof head)
        return false;
    uint32_t length = get_u32(head);
    if (length < HEAD_BYTES - LENGTH_BYTES || length > SM_MAX_FRAME)
        return false;
    frame->id = get_u32(head + 4);
    frame->kind = head[8];
    frame->size = length - (HEAD_BYTES - LENGTH_BYTES);
    frame->body = malloc(frame->size + 1);
    if (frame->body == NULL)
        return false;
    frame->body[frame->size] = 0;
    size_t came = receive(helper, frame->body, frame->size);
    if (came == frame->size)
        return true;
    /* No more than that: what never came is memory that nobody has used yet, up to 1 GiB of it. */
    discard(frame->body, came);
    return false;
}

static void deliver(struct helper *helper, struct frame *frame) {
    struct call *call = helper->calls;
    while (call != NULL && call->id != frame->id)
        call = call->next;
    if (call != NULL && frame->kind == REPLY && call->state == WAITING) {
        call->body = frame->body;
        call->size = frame->size;
        call->state = ANSWERED;
        pthread_cond_signal(&call->woken);
        return;
    }
    if (call != NULL && frame->kind == NOTE && frame->size <= NOTE_BYTES) {
        free(call->note);
        call->note = frame->body;
        call->note_size = frame->size;
        return;
    }
    discard(frame->body, frame->size);
}

/* Under the lock, which is left while there is nothing to do but to wait. */
static void await(struct helper *helper, struct call *call) {
    while (call->state == WAITING) {
        if (helper->being_read) {
            pthread_cond_wait(&call->woken, &lock);
            continue;
        }
        struct frame frame;
        helper->being_read = true;
        pthread_mutex_unlock(&lock);
        bool received = receive_frame(helper, &frame);
        pthread_mutex_lock(&lock);
        helper->being_read = false;
        if (received)
            deliver(helper, &frame);
        else if (!helper->over)
            end(helper, LOST);
    }
}

static void enlist(struct helper *helper, struct call *call) {
    helper->users++;
    if (++helper->last_id == NOBODY)
        ++helper->last_id;
    call->id = helper->last_id;
    call->state = WAITING;
    call->next = helper->calls;
    helper->calls = call;
}

/* Who waits next reads on. */
static void delist(struct helper *helper, struct call *call) {
    struct call **link = &helper->calls;
    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    struct call *next = helper->calls;
    while (next != NULL && next->state != WAITING)
        next = next->next;
    if (next != NULL && !helper->being_read)
        pthread_cond_signal(&next->woken);
    release(helper);
}

/* ------------------------------------------------------------------ replies */

/* A reply that the helper did not make. */
static unsigned refuse(struct sm_reply *reply, const char *sentence) {
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
        if (size - at < 4 || size - at - 4 < get_u32(bytes + at))
            return SIZE_MAX;
        at += 4 + (size_t)get_u32(bytes + at);
    }
    return count;
}

/* Its fields stay where they are: the size of the next one gives way to the zero byte. */
static void point_at_fields(unsigned char *bytes, size_t size, struct sm_field *fields) {
    size_t index = 0;
    for (size_t at = 0; at < size; index++) {
        size_t length = get_u32(bytes + at);
        bytes[at] = 0;
        fields[index] = (struct sm_field){bytes + at + 4, length};
        at += 4 + length;
    }
}

static unsigned unpack(struct call *call, struct sm_reply *reply) {
    size_t count = call->size < 4 ? SIZE_MAX : count_fields(call->body + 4, call->size - 4);
    struct sm_field *fields = count == SIZE_MAX ? NULL : calloc(count + 1, sizeof *fields);
    if (fields == NULL) {
        discard(call->body, call->size);
        return refuse(reply, "the reply of the helper process is damaged, or memory is short");
    }
    point_at_fields(call->body + 4, call->size - 4, fields);
    *reply = (struct sm_reply){get_u32(call->body), count, fields, call->body};
    return reply->status;
}

/* The last field ends where the block does. */
void sm_reply_free(struct sm_reply *reply) {
    for (size_t index = 0; index < reply->count; index++)
        overwrite((void *)(size_t)reply->fields[index].data, reply->fields[index].size);
    free(reply->block);
    free(reply->fields);
    *reply = (struct sm_reply){0};
}

/* ------------------------------------------------------------------ asking */

static bool fits(const char *operation, const struct sm_field *fields, size_t count) {
    size_t left = SM_MAX_FRAME - 2 * NOTE_BYTES - strlen(operation);
    for (size_t index = 0; index < count; index++) {
        if (fields[index].size + 4 > left || fields[index].size > SM_MAX_FRAME)
            return false;
        left -= fields[index].size + 4;
    }
    return count <= SM_FIELDS;
}

/* WAITING when there is no helper: why in `reason`. */
static enum state attempt(struct call *call, unsigned flags, const char *operation,
                          const struct sm_field *fields, size_t count,
                          char reason[SM_REASON_BYTES]) {
    pthread_mutex_lock(&lock);
    struct helper *helper = get_helper(reason);
    if (helper == NULL) {
        pthread_mutex_unlock(&lock);
        return WAITING;
    }
    enlist(helper, call);
    pthread_mutex_unlock(&lock);
    /* When it fails, its end is read like any other, after what it said before. */
    send_request(helper, call, flags, operation, fields, count);
    pthread_mutex_lock(&lock);
    await(helper, call);
    delist(helper, call);
    pthread_mutex_unlock(&lock);
    return call->state;
}

static unsigned ask(const char *operation, const struct sm_field *fields, size_t count,
                    struct sm_reply *reply) {
    struct call call = {.woken = PTHREAD_COND_INITIALIZER};
    char reason[SM_REASON_BYTES] = "";
    if (!fits(operation, fields, count))
        return refuse(reply, "Failed: that is more than a question may have (1 GiB)");
    enum state state = LOST;
    for (int again = 0; again < ATTEMPTS && state == LOST; again++)
        state = attempt(&call, again ? AGAIN : 0, operation, fields, count, reason);
    pthread_cond_destroy(&call.woken);
    free(call.note);
    if (state == ANSWERED)
        return unpack(&call, reply);
    if (state == CLOSED)
        return refuse(reply, "Failed: the library was closed while this was asked");
    if (state == LOST)
        return refuse(reply, "Failed: the helper process ended again and again; see the log of the"
                             " system for who ended it");
    char sentence[SM_REASON_BYTES + 16];
    snprintf(sentence, sizeof sentence, "Failed: %s", reason);
    return refuse(reply, sentence);
}

unsigned sm_ask(const char *operation, const struct sm_field *fields, size_t count,
                struct sm_reply *reply) {
    int cancel = 0, number = errno;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    unsigned status = ask(operation, fields, count, reply);
    pthread_setcancelstate(cancel, NULL);
    errno = number;
    return status;
}

void sm_close(void) {
    pthread_mutex_lock(&lock);
    if (current != NULL && process != getpid())
        leave_to_parent();
    if (current != NULL)
        end(current, CLOSED);
    pthread_mutex_unlock(&lock);
}

/* When the library is unloaded, or the host ends while other threads may still ask. */
__attribute__((destructor)) static void unload(void) {
    if (pthread_mutex_trylock(&lock) != 0)
        return;
    if (current != NULL && process == getpid())
        end(current, CLOSED);
    pthread_mutex_unlock(&lock);
}
