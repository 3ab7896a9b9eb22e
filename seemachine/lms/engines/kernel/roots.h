/* Whole signatures to check: the roots that they lead to (RFC 8554 5.4.2, algorithm 6a). */
#ifndef SEEMACHINE_ROOTS_H
#define SEEMACHINE_ROOTS_H

#include "engine.h"

/* What a signature says: that a key of `identifier` signed what hashes to `digest`. `signature` is encoded as in RFC 8554 5.4. */
struct claim {
    const uint8_t *identifier;
    const uint8_t *digest;
    const uint8_t *signature;
};

/* The length of each signature of a set and a tree of height `h`. */
size_t claim_bytes(const struct ots *ots, unsigned h);

/* The leaf that a signature names. */
uint32_t claim_leaf(const uint8_t *signature);

/* The root that each of `count` claims leads to, n bytes each. 0, or -1 when memory is short. */
int roots(const struct crew *crew, const struct ots *ots, unsigned h, const struct claim *claims, size_t count, uint8_t *nodes);

#endif
