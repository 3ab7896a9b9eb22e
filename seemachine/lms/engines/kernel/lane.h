/* From byte strings to lanes and back: word k of LANES strings is one vector. Included by sha256.h and keccak.h.
 *
 * An instruction set's file may have faster forms of LOAD_ROWS, STORE_ROWS and LOOK_UP.
 */

/* The same word in every lane. */
INLINE TARGET V N(fill)(WORD word)
{
    return (V){0} + word;
}

/* One word for each lane. */
INLINE TARGET V N(line_up)(const WORD word[LANES])
{
    V lanes;
    memcpy(&lanes, word, sizeof lanes);
    return lanes;
}

INLINE TARGET V N(gather)(const uint8_t *const at[LANES], size_t offset)
{
    WORD word[LANES];
    for (unsigned lane = 0; lane < LANES; lane++)
        word[lane] = LOAD_WORD(at[lane] + offset);
    return N(line_up)(word);
}

/* The first n bytes of one lane's value. */
INLINE TARGET void N(take)(uint8_t *at, const V *value, unsigned lane, unsigned n)
{
    for (unsigned word = 0; word < n / sizeof(WORD); word++) {
        WORD taken;
        memcpy(&taken, (const uint8_t *)(value + word) + lane * sizeof(WORD), sizeof taken);
        STORE_WORD(at + word * sizeof(WORD), taken);
    }
}

/* Rows of n bytes, one for each lane. */
#ifndef LOAD_ROWS
#define LOAD_ROWS N(load_rows)
INLINE TARGET void N(load_rows)(V *value, const uint8_t *const at[LANES], size_t offset, unsigned n)
{
    for (unsigned word = 0; word < n / sizeof(WORD); word++)
        value[word] = N(gather)(at, offset + word * sizeof(WORD));
}
#endif

#ifndef STORE_ROWS
#define STORE_ROWS N(store_rows)
INLINE TARGET void N(store_rows)(uint8_t *const at[LANES], const V *value, unsigned n)
{
    for (unsigned lane = 0; lane < LANES; lane++)
        N(take)(at[lane], value, lane, n);
}
#endif

/* For each lane the word of its job. */
#ifndef LOOK_UP
#define LOOK_UP N(look_up)
INLINE TARGET V N(look_up)(const WORD *of, const uint8_t job[LANES])
{
    WORD word[LANES];
    for (unsigned lane = 0; lane < LANES; lane++)
        word[lane] = of[job[lane]];
    return N(line_up)(word);
}
#endif
