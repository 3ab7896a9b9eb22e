/* Whole requests, independent of any kernel. Lengths have been checked; nothing here calls Python. */
#ifndef SEEMACHINE_ENGINE_H
#define SEEMACHINE_ENGINE_H

#include "kernel.h"

/* An LM-OTS set (RFC 8554 4.1). */
struct ots {
    unsigned n, w, p, ls;
};

/* Who works: `wide` does the chains and all that fills its lanes; `narrow` hashes what comes in ones and twos. They may be the same. */
struct crew {
    const struct kernel *wide, *narrow;
};

/* The set with this n and w; 0 when there is none. */
int find_ots(struct ots *ots, unsigned n, unsigned w);

/* These return 0, or -1 when memory is short. */
int leaf_nodes(const struct crew *crew, const struct orchard *orchard, uint32_t first, size_t count, uint8_t *nodes);
int walk_jobs(const struct crew *crew, const struct ots *ots, const struct job *jobs, size_t count);

void parents(const struct crew *crew, unsigned n, const uint8_t *identifier, uint32_t number, const uint8_t *children, size_t count,
             uint8_t *nodes);
void public_keys(const struct crew *crew, const struct ots *ots, const struct job *jobs, size_t count, uint8_t *keys);

/* Bodies as kernel.h says of `hash`. */
void hash_messages(const struct crew *crew, const struct message *messages, size_t count, size_t body_bytes, unsigned n);

#endif
