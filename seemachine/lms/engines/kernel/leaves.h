/* Leaves of one seed, WAYS x LANES at a time. Included by lanes.h.
 *
 * All lanes are at the same chain and the same step; only the number of the leaf differs.
 */

/* What is kept of LANES leaves from chain to chain. */
struct N(grove) {
    V start; /* the position before chain 0 */
    struct N(prefix) seeded, plain;
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

static TARGET void N(plant)(struct N(grove) *grove, const struct orchard *orchard, uint32_t first)
{
    uint8_t head[LANES][HEAD_BYTES];
    struct N(heads) heads;
    for (unsigned lane = 0; lane < LANES; lane++)
        put_head(head[lane], orchard->identifier, first + lane, 0);
    N(load_heads)(&heads, head);
    grove->start = heads.word[HEAD_WORDS];
    N(fix)(&grove->plain.fixed, heads.word);
    grove->seeded = grove->plain;
    N(measure)(&grove->plain, N(message_bytes)(N(fill)(orchard->n)));
    N(measure)(&grove->seeded, N(message_bytes)(N(fill)(orchard->seed_bytes)));
    N(open_tagged)(&grove->key, orchard->identifier, first, TAG_PUBLIC);
}

/* Chain `index` of every leaf, from its seed to its end, which is hashed into the leaf's public key. */
static TARGET void N(grow)(struct N(grove) *grove, V seeds[WAYS][TAIL_WORDS], const struct orchard *orchard, unsigned index)
{
    struct N(group) group[WAYS];
    for (unsigned way = 0; way < WAYS; way++) {
        group[way].prefix = grove[way].seeded;
        group[way].position = grove[way].start + INDEX(index);
    }
    N(derive)(group, seeds, WAYS);
    for (unsigned way = 0; way < WAYS; way++)
        group[way].prefix = grove[way].plain;
    N(run)(group, (1u << orchard->w) - 1, orchard->n, WAYS);
    for (unsigned way = 0; way < WAYS; way++)
        for (unsigned word = 0; word < orchard->n / sizeof(WORD); word++)
            N(absorb)(&grove[way].key, group[way].value[word]);
    wipe(group, sizeof group);
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
    V seeds[WAYS][TAIL_WORDS];
    const uint8_t *seed[LANES];
    unsigned seed_bytes[LANES];
    for (unsigned lane = 0; lane < LANES; lane++) {
        seed[lane] = orchard->seed;
        seed_bytes[lane] = orchard->seed_bytes;
    }
    for (unsigned way = 0; way < WAYS; way++) {
        N(load_seeds)(seeds[way], seed, seed_bytes);
        N(plant)(&grove[way], orchard, first + way * LANES);
    }
    for (unsigned index = 0; index < orchard->p; index++)
        N(grow)(grove, seeds, orchard, index);
    for (unsigned way = 0; way < WAYS; way++)
        N(harvest)(&grove[way].key, orchard, first + way * LANES, nodes + way * LANES * orchard->n);
    wipe(seeds, sizeof seeds);
    wipe(grove, sizeof grove);
}
