#include "roots.h"

#include <stdlib.h>

enum { CLAIMS_AT_ONCE = 64, TYPE_BYTES = 4 };

/* Claims that climb side by side: the node that each has reached, and the pair of children that it is made of. */
struct climbers {
    unsigned n, h;
    const struct job *jobs;
    const struct claim *claims;
    size_t path; /* where it begins in a signature */
    uint8_t *nodes;
    uint8_t bodies[CLAIMS_AT_ONCE * 2 * MOST_BYTES];
};

size_t claim_bytes(const struct ots *ots, unsigned h)
{
    return 3 * TYPE_BYTES + (size_t)ots->n * (1 + ots->p + h);
}

uint32_t claim_leaf(const uint8_t *signature)
{
    return load_be32(signature);
}

/* T[2^h + q] = H(I || u32(2^h + q) || D_LEAF || Kc), with Kc in the place of the node. */
static void to_leaves(const struct crew *crew, struct climbers *all, size_t count)
{
    struct message messages[CLAIMS_AT_ONCE];
    memcpy(all->bodies, all->nodes, count * all->n);
    for (size_t at = 0; at < count; at++) {
        uint32_t number = ((uint32_t)1 << all->h) + all->jobs[at].leaf;
        struct message message = {all->jobs[at].identifier, number, TAG_LEAF, all->bodies + at * all->n, all->nodes + at * all->n};
        messages[at] = message;
    }
    hash_messages(crew, messages, count, all->n, all->n);
}

/* From the nodes at a height to their parents; 0 is the height of the leaves. */
static void up(const struct crew *crew, struct climbers *all, unsigned height, size_t count)
{
    struct message messages[CLAIMS_AT_ONCE];
    unsigned n = all->n;
    for (size_t at = 0; at < count; at++) {
        uint32_t number = (((uint32_t)1 << all->h) + all->jobs[at].leaf) >> height;
        uint8_t *node = all->nodes + at * n, *body = all->bodies + at * 2 * n;
        memcpy(body + (number & 1 ? n : 0), node, n);
        memcpy(body + (number & 1 ? 0 : n), all->claims[at].signature + all->path + (size_t)height * n, n);
        struct message message = {all->jobs[at].identifier, number >> 1, TAG_INNER, body, node};
        messages[at] = message;
    }
    hash_messages(crew, messages, count, 2 * (size_t)n, n);
}

/* Of at most CLAIMS_AT_ONCE claims; `values` has room for their chains. */
static int some_roots(const struct crew *crew, const struct ots *ots, unsigned h, const struct claim *claims, size_t count,
                      uint8_t *values, uint8_t *nodes)
{
    struct job jobs[CLAIMS_AT_ONCE];
    size_t chain_bytes = (size_t)ots->p * ots->n, chains = 2 * TYPE_BYTES + ots->n;
    struct climbers all = {ots->n, h, jobs, claims, chains + chain_bytes + TYPE_BYTES, nodes, {0}};
    for (size_t at = 0; at < count; at++) {
        struct job job = {claims[at].identifier, claim_leaf(claims[at].signature), claims[at].digest, NULL, 0, values + at * chain_bytes};
        jobs[at] = job;
        memcpy(job.values, claims[at].signature + chains, chain_bytes);
    }
    if (walk_jobs(crew, ots, jobs, count))
        return -1;
    public_keys(crew, ots, jobs, count, nodes);
    to_leaves(crew, &all, count);
    for (unsigned height = 0; height < h; height++)
        up(crew, &all, height, count);
    return 0;
}

int roots(const struct crew *crew, const struct ots *ots, unsigned h, const struct claim *claims, size_t count, uint8_t *nodes)
{
    size_t most = count < CLAIMS_AT_ONCE ? count : CLAIMS_AT_ONCE;
    uint8_t *values = malloc(most * ots->p * ots->n + 1);
    int failed = values == NULL ? -1 : 0;
    while (count && !failed) {
        size_t some = count < CLAIMS_AT_ONCE ? count : CLAIMS_AT_ONCE;
        failed = some_roots(crew, ots, h, claims, some, values, nodes);
        claims += some, count -= some, nodes += some * ots->n;
    }
    free(values);
    return failed;
}
