/* Messages of any length, one in each lane. Included by lanes.h. */

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
    for (size_t offset = 0; offset < body_bytes; offset += n) {
        V value[STATE_WORDS];
        LOAD_ROWS(value, body, offset, n);
        for (unsigned word = 0; word < n / sizeof(WORD); word++)
            N(absorb)(&message, value[word]);
    }
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
