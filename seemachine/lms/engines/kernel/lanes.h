/* The work of a kernel, for either hash function and any number of lanes. Included at the end of sha256.h and of keccak.h.
 *
 * A lane is one leaf when whole groups of leaves are made, one chain when chains are walked, one message when messages are hashed.
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

static TARGET void N(run32)(struct N(group) *group, unsigned steps)
{
    N(run_of)(group, steps, 32, WAYS);
}

static TARGET void N(run24)(struct N(group) *group, unsigned steps)
{
    N(run_of)(group, steps, 24, WAYS);
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
#else
#define RUN_FIRST_IS_RUN
#endif

/* All groups, or the first of them alone, which takes less time. */
static TARGET void N(run)(struct N(group) *group, unsigned steps, unsigned n, int all)
{
#ifndef RUN_FIRST_IS_RUN
    if (!all) {
        (n == 32 ? N(run_first32) : N(run_first24))(group, steps);
        return;
    }
#endif
    (void)all;
    (n == 32 ? N(run32) : N(run24))(group, steps);
}
#undef RUN_FIRST_IS_RUN

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

/* x[i] = H(I || u32(q) || u16(i) || 0xff || seed); `seeds` as loaded above. */
static TARGET void N(derive)(const struct N(prefix) *prefix, V position, const V seeds[TAIL_WORDS], V *value)
{
    V tail[1][TAIL_WORDS], result[1][STATE_WORDS];
    memcpy(tail, seeds, sizeof tail);
    tail[0][0] |= position + STEP_OF_SEED * ONE_STEP;
    N(once)(&prefix, tail, result, 1);
    memcpy(value, result, sizeof result);
    wipe(tail, sizeof tail);
    wipe(result, sizeof result);
}

static TARGET V N(message_bytes)(const unsigned value_bytes[LANES])
{
    WORD bytes[LANES];
    V lanes;
    for (unsigned lane = 0; lane < LANES; lane++)
        bytes[lane] = HEAD_BYTES - 1 + value_bytes[lane];
    memcpy(&lanes, bytes, sizeof lanes);
    return lanes;
}

/* What is kept of LANES leaves from chain to chain. */
struct N(grove) {
    struct N(heads) leaf;
    struct N(prefix) seeded;
    struct N(message) key;
};

static TARGET void N(open_tagged)(struct N(message) *message, const uint8_t *identifier, uint32_t number, uint16_t tag)
{
    uint8_t head[LANES][HEAD_BYTES];
    struct N(heads) heads;
    for (unsigned lane = 0; lane < LANES; lane++)
        put_head(head[lane], identifier, number + lane, tag);
    N(load_heads)(&heads, head);
    N(open)(message, heads.word);
}

static TARGET void N(plant)(struct N(grove) *grove, struct N(group) *group, const struct orchard *orchard, uint32_t first)
{
    uint8_t head[LANES][HEAD_BYTES];
    unsigned seed_bytes[LANES], value_bytes[LANES];
    for (unsigned lane = 0; lane < LANES; lane++) {
        put_head(head[lane], orchard->identifier, first + lane, 0);
        seed_bytes[lane] = orchard->seed_bytes;
        value_bytes[lane] = orchard->n;
    }
    N(load_heads)(&grove->leaf, head);
    N(fix)(&grove->seeded, grove->leaf.word, N(message_bytes)(seed_bytes));
    N(fix)(&group->prefix, grove->leaf.word, N(message_bytes)(value_bytes));
    N(open_tagged)(&grove->key, orchard->identifier, first, TAG_PUBLIC);
}

/* The public keys of the leaves are in `key`: hash them into nodes. */
static TARGET void N(harvest)(struct N(message) *key, const struct orchard *orchard, uint32_t first, uint8_t *nodes)
{
    V value[STATE_WORDS];
    N(close)(key, value);
    N(open_tagged)(key, orchard->identifier, ((uint32_t)1 << orchard->h) + first, TAG_LEAF);
    for (unsigned word = 0; word < orchard->n / sizeof(WORD); word++)
        N(absorb)(key, value[word]);
    N(close)(key, value);
    for (unsigned lane = 0; lane < LANES; lane++)
        N(take)(nodes + lane * orchard->n, value, lane, orchard->n);
}

static TARGET void N(leaves)(const struct orchard *orchard, uint32_t first, uint8_t *nodes)
{
    struct N(grove) grove[WAYS];
    struct N(group) group[WAYS];
    V seeds[TAIL_WORDS];
    const uint8_t *seed[LANES];
    unsigned n = orchard->n, seed_bytes[LANES];
    for (unsigned lane = 0; lane < LANES; lane++) {
        seed[lane] = orchard->seed;
        seed_bytes[lane] = orchard->seed_bytes;
    }
    N(load_seeds)(seeds, seed, seed_bytes);
    for (unsigned way = 0; way < WAYS; way++)
        N(plant)(&grove[way], &group[way], orchard, first + way * LANES);
    for (unsigned index = 0; index < orchard->p; index++) {
        for (unsigned way = 0; way < WAYS; way++) {
            group[way].position = grove[way].leaf.word[HEAD_WORDS] + INDEX(index);
            N(derive)(&grove[way].seeded, group[way].position, seeds, group[way].value);
        }
        N(run)(group, (1u << orchard->w) - 1, n, 1);
        for (unsigned way = 0; way < WAYS; way++)
            for (unsigned word = 0; word < n / sizeof(WORD); word++)
                N(absorb)(&grove[way].key, group[way].value[word]);
    }
    for (unsigned way = 0; way < WAYS; way++)
        N(harvest)(&grove[way].key, orchard, first + way * LANES, nodes + way * LANES * n);
    wipe(seeds, sizeof seeds);
    wipe(grove, sizeof grove);
    wipe(group, sizeof group);
}

/* The private values of a group of chains, from their seeds. */
static TARGET void N(sprout)(struct N(group) *group, const V head[HEAD_WORDS], const struct chain *const chain[LANES])
{
    const uint8_t *seed[LANES];
    unsigned seed_bytes[LANES];
    struct N(prefix) seeded;
    V seeds[TAIL_WORDS];
    for (unsigned lane = 0; lane < LANES; lane++) {
        seed[lane] = chain[lane]->seed;
        seed_bytes[lane] = chain[lane]->seed_bytes;
    }
    N(load_seeds)(seeds, seed, seed_bytes);
    N(fix)(&seeded, head, N(message_bytes)(seed_bytes));
    N(derive)(&seeded, group->position, seeds, group->value);
    wipe(seeds, sizeof seeds);
}

/* The values that a group of chains starts with. */
static TARGET void N(load_values)(struct N(group) *group, const struct chain *const chain[LANES], unsigned n)
{
    const uint8_t *at[LANES];
    memset(group->value, 0, sizeof group->value);
    for (unsigned lane = 0; lane < LANES; lane++)
        at[lane] = chain[lane]->value;
    for (unsigned word = 0; word < n / sizeof(WORD); word++)
        group->value[word] = N(gather)(at, word * sizeof(WORD));
}

/* Puts LANES chains into their lanes. */
static TARGET void N(set_out)(struct N(group) *group, const struct chain *const chain[LANES], unsigned n)
{
    uint8_t head[LANES][HEAD_BYTES];
    struct N(heads) heads;
    unsigned value_bytes[LANES];
    WORD start[LANES];
    V steps;
    for (unsigned lane = 0; lane < LANES; lane++) {
        put_head(head[lane], chain[lane]->identifier, chain[lane]->leaf, chain[lane]->index);
        value_bytes[lane] = n;
        start[lane] = chain[lane]->start * ONE_STEP;
    }
    N(load_heads)(&heads, head);
    group->position = heads.word[HEAD_WORDS];
    if (chain[0]->seed)
        N(sprout)(group, heads.word, chain);
    else
        N(load_values)(group, chain, n);
    N(fix)(&group->prefix, heads.word, N(message_bytes)(value_bytes));
    memcpy(&steps, start, sizeof steps);
    group->position += steps;
}

/* Up to WAYS x LANES chains, longest first. All lanes run together; a chain at its end is read out and its lane runs on unread. */
static TARGET void N(walk_together)(const struct chain *first, unsigned count, unsigned n)
{
    struct N(group) group[WAYS];
    unsigned done = 0;
    for (unsigned way = 0; way < WAYS && way * LANES < count; way++) {
        const struct chain *chain[LANES];
        for (unsigned lane = 0; lane < LANES; lane++)
            chain[lane] = first + (way * LANES + lane < count ? way * LANES + lane : count - 1);
        N(set_out)(&group[way], chain, n);
    }
    for (unsigned at = count; at-- > 0;) {
        N(run)(group, first[at].steps - done, n, at >= LANES);
        done = first[at].steps;
        N(take)(first[at].value, group[at / LANES].value, at % LANES, n);
    }
    wipe(group, sizeof group);
}

static TARGET void N(walk)(const struct chain *chain, size_t count, unsigned n)
{
    for (; count > WAYS * LANES; chain += WAYS * LANES, count -= WAYS * LANES)
        N(walk_together)(chain, WAYS * LANES, n);
    if (count)
        N(walk_together)(chain, (unsigned)count, n);
}

static TARGET void N(hash_group)(const struct message *first, unsigned count, size_t body_bytes, unsigned n)
{
    struct N(heads) heads;
    struct N(message) message;
    V digest[STATE_WORDS];
    uint8_t head[LANES][HEAD_BYTES];
    const uint8_t *body[LANES];
    for (unsigned lane = 0; lane < LANES; lane++) {
        const struct message *given = first + (lane < count ? lane : count - 1);
        put_head(head[lane], given->identifier, given->number, given->tag);
        body[lane] = given->body;
    }
    N(load_heads)(&heads, head);
    N(open)(&message, heads.word);
    for (size_t offset = 0; offset < body_bytes; offset += sizeof(WORD))
        N(absorb)(&message, N(gather)(body, offset));
    N(close)(&message, digest);
    for (unsigned lane = 0; lane < count; lane++)
        N(take)(first[lane].digest, digest, lane, n);
}

static TARGET void N(hash)(const struct message *message, size_t count, size_t body_bytes, unsigned n)
{
    for (; count > LANES; message += LANES, count -= LANES)
        N(hash_group)(message, LANES, body_bytes, n);
    if (count)
        N(hash_group)(message, (unsigned)count, body_bytes, n);
}

const struct kernel N(kernel) = {WAYS * LANES, N(leaves), N(walk), N(hash)};
