#include "engine.h"

#include <stdlib.h>

enum { MOST_CHAINS = 265, LEAVES_AT_ONCE = 16, MESSAGES_AT_ONCE = 64, MOST_STEPS = 255 };

int find_ots(struct ots *ots, unsigned n, unsigned w)
{
    static const struct ots sets[] = {{32, 1, 265, 7}, {32, 2, 133, 6}, {32, 4, 67, 4}, {32, 8, 34, 0},
                                      {24, 1, 200, 8}, {24, 2, 101, 6}, {24, 4, 51, 4}, {24, 8, 26, 0}};
    for (size_t set = 0; set < sizeof sets / sizeof *sets; set++)
        if (sets[set].n == n && sets[set].w == w) {
            *ots = sets[set];
            return 1;
        }
    return 0;
}

/* Number `index` of w bits in a byte string. */
static unsigned coefficient(const uint8_t *bytes, unsigned index, unsigned w)
{
    unsigned bit = index * w;
    return bytes[bit / 8] >> (8 - w - bit % 8) & ((1u << w) - 1);
}

/* How far each chain goes: Q, then its checksum (RFC 8554 4.4). */
static void coefficients(const struct ots *ots, const uint8_t *digest, uint8_t steps[MOST_CHAINS])
{
    unsigned parts = 8 * ots->n / ots->w, top = (1u << ots->w) - 1, sum = 0;
    for (unsigned index = 0; index < parts; index++) {
        steps[index] = (uint8_t)coefficient(digest, index, ots->w);
        sum += top - steps[index];
    }
    sum <<= ots->ls;
    const uint8_t checksum[2] = {(uint8_t)(sum >> 8), (uint8_t)sum};
    for (unsigned index = parts; index < ots->p; index++)
        steps[index] = (uint8_t)coefficient(checksum, index - parts, ots->w);
}

/* Chains in the order that kernels want, longest first: counted first, then each to its place. */
static void sort_chains(struct chain *sorted, const struct chain *chains, size_t count)
{
    size_t place[MOST_STEPS + 2] = {0};
    for (size_t at = 0; at < count; at++)
        place[MOST_STEPS - chains[at].steps + 1]++;
    for (unsigned steps = 1; steps <= MOST_STEPS; steps++)
        place[steps] += place[steps - 1];
    for (size_t at = 0; at < count; at++)
        sorted[place[MOST_STEPS - chains[at].steps]++] = chains[at];
}

/* All chains of a job. Making a signature goes from the private value on; checking it goes from there to the end. */
static void lay_chains(struct chain *chain, const struct ots *ots, const struct job *job, uint8_t number)
{
    uint8_t steps[MOST_CHAINS];
    unsigned top = (1u << ots->w) - 1;
    coefficients(ots, job->digest, steps);
    for (unsigned index = 0; index < ots->p; index++, chain++) {
        chain->index = (uint16_t)index;
        chain->job = number;
        chain->start = job->seed ? 0 : steps[index];
        chain->steps = (uint8_t)(job->seed ? steps[index] : top - steps[index]);
    }
}

int walk_jobs(const struct crew *crew, const struct ots *ots, const struct job *jobs, size_t count)
{
    size_t most = (count < MOST_JOBS ? count : MOST_JOBS) * ots->p;
    struct chain *chains = malloc(2 * most * sizeof *chains), *sorted;
    if (chains == NULL)
        return -1;
    sorted = chains + most;
    while (count) {
        size_t some = count < MOST_JOBS ? count : MOST_JOBS;
        for (size_t job = 0; job < some; job++)
            lay_chains(chains + job * ots->p, ots, jobs + job, (uint8_t)job);
        sort_chains(sorted, chains, some * ots->p);
        crew->wide->walk(jobs, some, sorted, some * ots->p, ots->n);
        jobs += some, count -= some;
    }
    free(chains);
    return 0;
}

/* All lanes take the time of one, and one lane takes about as long as four messages one by one. */
void hash_messages(const struct crew *crew, const struct message *messages, size_t count, size_t body_bytes, unsigned n)
{
    const struct kernel *kernel = 4 * count < crew->wide->lanes ? crew->narrow : crew->wide;
    kernel->hash(messages, count, body_bytes, n);
}

void public_keys(const struct crew *crew, const struct ots *ots, const struct job *jobs, size_t count, uint8_t *keys)
{
    struct message messages[MESSAGES_AT_ONCE];
    while (count) {
        size_t some = count < MESSAGES_AT_ONCE ? count : MESSAGES_AT_ONCE;
        for (size_t at = 0; at < some; at++, jobs++, keys += ots->n) {
            struct message message = {jobs->identifier, jobs->leaf, TAG_PUBLIC, jobs->values, keys};
            messages[at] = message;
        }
        hash_messages(crew, messages, some, (size_t)ots->p * ots->n, ots->n);
        count -= some;
    }
}

/* Nodes `number` to `number` + `count`, each above `body_bytes` of what is below. */
static void nodes_above(const struct crew *crew, unsigned n, const uint8_t *identifier, uint32_t number, uint16_t tag,
                        const uint8_t *bodies, size_t body_bytes, size_t count, uint8_t *nodes)
{
    struct message messages[MESSAGES_AT_ONCE];
    while (count) {
        size_t some = count < MESSAGES_AT_ONCE ? count : MESSAGES_AT_ONCE;
        for (size_t at = 0; at < some; at++, number++, bodies += body_bytes, nodes += n) {
            struct message message = {identifier, number, tag, bodies, nodes};
            messages[at] = message;
        }
        hash_messages(crew, messages, some, body_bytes, n);
        count -= some;
    }
}

void parents(const struct crew *crew, unsigned n, const uint8_t *identifier, uint32_t number, const uint8_t *children, size_t count,
             uint8_t *nodes)
{
    nodes_above(crew, n, identifier, number, TAG_INNER, children, 2 * (size_t)n, count, nodes);
}

/* Leaves that don't fill the lanes of a kernel one by one: their chains do. At most LEAVES_AT_ONCE of them. */
static int few_leaves(const struct crew *crew, const struct orchard *orchard, uint32_t first, size_t count, uint8_t *nodes)
{
    const struct ots ots = {orchard->n, orchard->w, orchard->p, 0};
    size_t chain_count = count * orchard->p, value_bytes = chain_count * orchard->n;
    struct chain *chains = malloc(chain_count * sizeof *chains + value_bytes);
    struct job jobs[LEAVES_AT_ONCE];
    uint8_t *values, keys[LEAVES_AT_ONCE * MOST_BYTES];
    if (chains == NULL)
        return -1;
    values = (uint8_t *)(chains + chain_count);
    for (size_t at = 0; at < count; at++) {
        struct job job = {orchard->identifier, first + (uint32_t)at, NULL, orchard->seed, orchard->seed_bytes,
                          values + at * orchard->p * orchard->n};
        jobs[at] = job;
    }
    for (size_t at = 0; at < chain_count; at++) {
        struct chain chain = {(uint16_t)(at % orchard->p), (uint8_t)(at / orchard->p), 0, (uint8_t)((1u << orchard->w) - 1)};
        chains[at] = chain;
    }
    crew->wide->walk(jobs, count, chains, chain_count, orchard->n);
    public_keys(crew, &ots, jobs, count, keys);
    nodes_above(crew, orchard->n, orchard->identifier, ((uint32_t)1 << orchard->h) + first, TAG_LEAF, keys, orchard->n, count, nodes);
    wipe(values, value_bytes);
    free(chains);
    return 0;
}

int leaf_nodes(const struct crew *crew, const struct orchard *orchard, uint32_t first, size_t count, uint8_t *nodes)
{
    while (count) {
        size_t some = crew->wide->lanes;
        if (crew->wide->leaves != NULL && count >= some) {
            crew->wide->leaves(orchard, first, nodes);
        } else {
            some = count < LEAVES_AT_ONCE ? count : LEAVES_AT_ONCE;
            if (few_leaves(crew, orchard, first, some, nodes))
                return -1;
        }
        first += (uint32_t)some, count -= some, nodes += some * orchard->n;
    }
    return 0;
}
