/* The work of a kernel, for either hash function and any number of lanes. Included at the end of sha256.h and of keccak.h.
 *
 * A lane is one leaf when whole groups of leaves are made (leaves.h), one chain when chains are walked (chains.h), one message when
 * messages are hashed (messages.h). Here is what leaves and chains have in common: groups of lanes that make a link at a time.
 */

struct N(heads) {
    V word[HEAD_WORDS + 1];
};

static TARGET void N(load_heads)(struct N(heads) *heads, uint8_t bytes[LANES][HEAD_BYTES])
{
    const uint8_t *at[LANES];
    for (unsigned lane = 0; lane < LANES; lane++)
        at[lane] = bytes[lane];
    for (unsigned word = 0; word <= HEAD_WORDS; word++)
        heads->word[word] = N(gather)(at, word * sizeof(WORD));
}

/* Where the chains of one group of lanes stand. */
struct N(group) {
    struct N(prefix) prefix;
    V position, value[STATE_WORDS];
};

/* `steps` links of the chain in every lane of `ways` groups. */
INLINE TARGET void N(run_of)(struct N(group) *group, unsigned steps, unsigned n, const unsigned ways)
{
    const struct N(prefix) *prefix[WAYS];
    V position[WAYS], tail[WAYS][TAIL_WORDS], value[WAYS][STATE_WORDS];
    for (unsigned way = 0; way < ways; way++) {
        prefix[way] = &group[way].prefix;
        position[way] = group[way].position;
        memcpy(value[way], group[way].value, sizeof value[way]);
    }
    for (; steps; steps--) {
        for (unsigned way = 0; way < ways; way++) {
            N(skew)(tail[way], position[way], value[way], n);
            position[way] += ONE_STEP;
        }
        N(once)(prefix, tail, value, ways);
    }
    for (unsigned way = 0; way < ways; way++) {
        group[way].position = position[way];
        memcpy(group[way].value, value[way], sizeof value[way]);
    }
}

/* A seed as the tail of its message; the position is still to be put in. */
static TARGET void N(load_seeds)(V tail[TAIL_WORDS], const uint8_t *const seed[LANES], const unsigned seed_bytes[LANES])
{
    enum { LEAD = HEAD_BYTES - 1 - HEAD_WORDS * sizeof(WORD) };
    uint8_t bytes[LANES][TAIL_WORDS * sizeof(WORD)] = {{0}};
    const uint8_t *at[LANES];
    for (unsigned lane = 0; lane < LANES; lane++) {
        memcpy(bytes[lane] + LEAD, seed[lane], seed_bytes[lane]);
        bytes[lane][LEAD + seed_bytes[lane]] = PADDING;
        at[lane] = bytes[lane];
    }
    for (unsigned word = 0; word < TAIL_WORDS; word++)
        tail[word] = N(gather)(at, word * sizeof(WORD));
    wipe(bytes, sizeof bytes);
}

/* What is hashed of a link: the head, the step number and a value or a seed. */
INLINE TARGET V N(message_bytes)(V bytes)
{
    return bytes + HEAD_BYTES - 1;
}

/* x[i] = H(I || u32(q) || u16(i) || 0xff || seed) in every lane of `ways` groups; `seeds` as loaded above. */
INLINE TARGET void N(derive_of)(struct N(group) *group, V seeds[][TAIL_WORDS], const unsigned ways)
{
    const struct N(prefix) *prefix[WAYS];
    V tail[WAYS][TAIL_WORDS], value[WAYS][STATE_WORDS];
    for (unsigned way = 0; way < ways; way++) {
        prefix[way] = &group[way].prefix;
        memcpy(tail[way], seeds[way], sizeof tail[way]);
        tail[way][0] |= group[way].position + STEP_OF_SEED * ONE_STEP;
    }
    N(once)(prefix, tail, value, ways);
    for (unsigned way = 0; way < ways; way++)
        memcpy(group[way].value, value[way], sizeof value[way]);
    wipe(tail, sizeof tail);
    wipe(value, sizeof value);
}

/* Each with n and the number of groups known to the compiler. One group alone takes less time. */
static TARGET void N(run32)(struct N(group) *group, unsigned steps)
{
    N(run_of)(group, steps, 32, WAYS);
}

static TARGET void N(run24)(struct N(group) *group, unsigned steps)
{
    N(run_of)(group, steps, 24, WAYS);
}

static TARGET void N(derive_all)(struct N(group) *group, V seeds[][TAIL_WORDS])
{
    N(derive_of)(group, seeds, WAYS);
}

#if WAYS > 1
static TARGET void N(run_first32)(struct N(group) *group, unsigned steps)
{
    N(run_of)(group, steps, 32, 1);
}

static TARGET void N(run_first24)(struct N(group) *group, unsigned steps)
{
    N(run_of)(group, steps, 24, 1);
}

static TARGET void N(derive_first)(struct N(group) *group, V seeds[][TAIL_WORDS])
{
    N(derive_of)(group, seeds, 1);
}
#else
#define ONE_WAY
#endif

static TARGET void N(run)(struct N(group) *group, unsigned steps, unsigned n, unsigned ways)
{
#ifndef ONE_WAY
    if (ways == 1) {
        (n == 32 ? N(run_first32) : N(run_first24))(group, steps);
        return;
    }
#endif
    (void)ways;
    (n == 32 ? N(run32) : N(run24))(group, steps);
}

static TARGET void N(derive)(struct N(group) *group, V seeds[][TAIL_WORDS], unsigned ways)
{
#ifndef ONE_WAY
    if (ways == 1) {
        N(derive_first)(group, seeds);
        return;
    }
#endif
    (void)ways;
    N(derive_all)(group, seeds);
}
#undef ONE_WAY

#include "leaves.h"

#include "chains.h"

#include "messages.h"

const struct kernel N(kernel) = {WAYS * LANES, N(leaves), N(walk), N(hash)};
