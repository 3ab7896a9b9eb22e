/* Chains of up to MOST_JOBS jobs, one in each lane. Included by lanes.h.
 *
 * What the chains of a job have in common is worked out once a job, LANES jobs side by side, and kept in a table. Then a chain is put
 * into its lane by looking up words, which costs little even where chains are short.
 */

/* What chains take from their jobs. */
struct N(origin) {
    struct N(fixed) fixed;
    V position;
    V seed_bytes, seeds[TAIL_WORDS]; /* where there are seeds */
};

enum {
    N(ORIGIN_WORDS) = sizeof(struct N(origin)) / sizeof(V),
    N(SEEDLESS_WORDS) = N(ORIGIN_WORDS) - 1 - TAIL_WORDS,
};

/* Word by word, for all jobs; MOST_JOBS is a multiple of LANES. */
struct N(table) {
    WORD word[N(ORIGIN_WORDS)][MOST_JOBS];
};

/* Of `count` jobs, at most LANES; further lanes repeat the last. */
static TARGET void N(tell_origin)(struct N(origin) *origin, const struct job *jobs, size_t count)
{
    uint8_t head[LANES][HEAD_BYTES];
    const uint8_t *seed[LANES];
    unsigned seed_bytes[LANES];
    struct N(heads) heads;
    for (unsigned lane = 0; lane < LANES; lane++) {
        const struct job *job = jobs + (lane < count ? lane : count - 1);
        put_head(head[lane], job->identifier, job->leaf, 0);
        seed[lane] = job->seed;
        seed_bytes[lane] = job->seed_bytes;
    }
    N(load_heads)(&heads, head);
    N(fix)(&origin->fixed, heads.word);
    origin->position = heads.word[HEAD_WORDS];
    if (jobs->seed == NULL)
        return;
    WORD bytes[LANES];
    for (unsigned lane = 0; lane < LANES; lane++)
        bytes[lane] = seed_bytes[lane];
    origin->seed_bytes = N(line_up)(bytes);
    N(load_seeds)(origin->seeds, seed, seed_bytes);
}

static TARGET void N(tabulate)(struct N(table) *table, const struct job *jobs, size_t count)
{
    V words[N(ORIGIN_WORDS)] = {0};
    struct N(origin) origin;
    memset(&origin, 0, sizeof origin);
    for (size_t done = 0; done < count; done += LANES) {
        N(tell_origin)(&origin, jobs + done, count - done);
        memcpy(words, &origin, sizeof words);
        for (unsigned word = 0; word < N(ORIGIN_WORDS); word++)
            memcpy(table->word[word] + done, words + word, sizeof words[word]);
    }
    wipe(words, sizeof words);
    wipe(&origin, sizeof origin);
}

INLINE uint8_t *N(value_of)(const struct job *jobs, const struct chain *chain, unsigned n)
{
    return jobs[chain->job].values + (size_t)chain->index * n;
}

/* The values that a group of chains starts with. */
static TARGET void N(load_values)(struct N(group) *group, const struct job *jobs, const struct chain *const chain[LANES], unsigned n)
{
    const uint8_t *at[LANES];
    for (unsigned lane = 0; lane < LANES; lane++)
        at[lane] = N(value_of)(jobs, chain[lane], n);
    memset(group->value, 0, sizeof group->value);
    LOAD_ROWS(group->value, at, 0, n);
}

/* The values of chains `from` to `to`, all at their ends: of a full group at once, else one by one. */
static TARGET void N(read_out)(const struct N(group) *group, const struct job *jobs, const struct chain *chain, unsigned from, unsigned to,
                               unsigned n)
{
    while (from < to) {
        const V *value = group[from / LANES].value;
        if (from % LANES == 0 && to - from >= LANES) {
            uint8_t *at[LANES];
            for (unsigned lane = 0; lane < LANES; lane++)
                at[lane] = N(value_of)(jobs, chain + from + lane, n);
            STORE_ROWS(at, value, n);
            from += LANES;
        } else {
            N(take)(N(value_of)(jobs, chain + from, n), value, from % LANES, n);
            from++;
        }
    }
}

/* Puts LANES chains into their lanes. Where there are seeds, they are in `seeds` then, and the group is ready to derive its values. */
static TARGET void N(set_out)(struct N(group) *group, V seeds[TAIL_WORDS], const struct N(table) *table, const struct job *jobs,
                              const struct chain *const chain[LANES], unsigned n)
{
    struct N(origin) origin;
    V words[N(ORIGIN_WORDS)];
    WORD offset[LANES];
    uint8_t job[LANES];
    for (unsigned lane = 0; lane < LANES; lane++) {
        job[lane] = chain[lane]->job;
        offset[lane] = INDEX(chain[lane]->index) + chain[lane]->start * ONE_STEP;
    }
    for (unsigned word = 0; word < (jobs->seed ? N(ORIGIN_WORDS) : N(SEEDLESS_WORDS)); word++)
        words[word] = LOOK_UP(table->word[word], job);
    memcpy(&origin, words, sizeof origin);
    group->prefix.fixed = origin.fixed;
    group->position = origin.position + N(line_up)(offset);
    if (jobs->seed == NULL) {
        N(load_values)(group, jobs, chain, n);
        N(measure)(&group->prefix, N(message_bytes)(N(fill)(n)));
    } else {
        memcpy(seeds, origin.seeds, sizeof origin.seeds);
        N(measure)(&group->prefix, N(message_bytes)(origin.seed_bytes));
    }
    wipe(words, sizeof words);
    wipe(&origin, sizeof origin);
}

/* The values of all chains from their seeds. */
static TARGET void N(sprout)(struct N(group) group[WAYS], V seeds[WAYS][TAIL_WORDS], unsigned n, unsigned ways)
{
    N(derive)(group, seeds, ways);
    for (unsigned way = 0; way < ways; way++)
        N(measure)(&group[way].prefix, N(message_bytes)(N(fill)(n)));
}

/* Up to WAYS x LANES chains, longest first. All lanes run together; a chain at its end is read out and its lane runs on unread. */
static TARGET void N(walk_together)(const struct N(table) *table, const struct job *jobs, const struct chain *first, unsigned count,
                                    unsigned n)
{
    struct N(group) group[WAYS];
    V seeds[WAYS][TAIL_WORDS];
    unsigned done = 0, ways = 0;
    for (; ways < WAYS && ways * LANES < count; ways++) {
        const struct chain *chain[LANES];
        for (unsigned lane = 0; lane < LANES; lane++)
            chain[lane] = first + (ways * LANES + lane < count ? ways * LANES + lane : count - 1);
        N(set_out)(&group[ways], seeds[ways], table, jobs, chain, n);
    }
    if (jobs->seed != NULL)
        N(sprout)(group, seeds, n, ways);
    for (unsigned to = count; to > 0;) {
        unsigned steps = first[to - 1].steps, from = to - 1;
        while (from > 0 && first[from - 1].steps == steps)
            from--;
        if (steps > done)
            N(run)(group, steps - done, n, to > LANES ? WAYS : 1);
        N(read_out)(group, jobs, first, from, to, n);
        done = steps, to = from;
    }
    wipe(seeds, sizeof seeds);
    wipe(group, sizeof group);
}

static TARGET void N(walk)(const struct job *jobs, size_t job_count, const struct chain *chain, size_t count, unsigned n)
{
    struct N(table) table;
    N(tabulate)(&table, jobs, job_count);
    for (; count > WAYS * LANES; chain += WAYS * LANES, count -= WAYS * LANES)
        N(walk_together)(&table, jobs, chain, WAYS * LANES, n);
    if (count)
        N(walk_together)(&table, jobs, chain, (unsigned)count, n);
    wipe(&table, sizeof table);
}
