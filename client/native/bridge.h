/*
 * The bridge between a C library and the helper process that runs seeclient for it.
 *
 * All rules of safety are in the client that the helper runs; C only asks and gives back.
 */
#ifndef SEEMACHINE_BRIDGE_H
#define SEEMACHINE_BRIDGE_H

#include <stddef.h>

/* Statuses besides those of nShield: what failed is a sentence in the first field. */
#define SM_OK 0u
#define SM_FAILED 1000u

struct sm_field {
    const void *data;
    size_t size;
};

/*
 * A refusal has as fields its sentence, the name of its class or nothing, and advice or nothing.
 * After each field is a zero byte that `size` does not count, so a text can be used as it is.
 */
struct sm_reply {
    unsigned status;
    size_t count;
    struct sm_field *fields;
    void *block; /* owns the memory of all of it */
};

/*
 * Ask the helper, and wait for its reply; `sm_reply_free` it. Returns reply->status.
 *
 * The first question starts the helper. When one dies, the question is put to a new one, a bounded
 * number of times: every operation can be repeated, or refuses by itself. Never prints, never
 * raises SIGPIPE. Any thread may ask, also in a child after fork, which starts a helper of its own.
 */
unsigned sm_ask(const char *operation, const struct sm_field *fields, size_t count,
                struct sm_reply *reply);

/* Overwrites what was there: it may be a private key. A reply of zeros may be freed too. */
void sm_reply_free(struct sm_reply *reply);

/*
 * The name of one signature: a UUID of version 7 (RFC 9562). All zeros without a source of chance.
 */
void sm_token(unsigned char token[16]);

/*
 * End the helper, if there is one; who still waits for it is refused. A later question starts one.
 */
void sm_close(void);

/* A number as a field has it: 8 bytes, big-endian. `sm_number` of a field of another size is 0. */
void sm_put_number(unsigned char bytes[8], unsigned long long number);
unsigned long long sm_number(const struct sm_field *field);

#endif
