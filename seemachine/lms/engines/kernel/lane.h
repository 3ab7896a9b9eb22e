/* From byte strings to lanes and back: word k of LANES strings is one vector. Included by sha256.h and keccak.h. */

INLINE TARGET V N(gather)(const uint8_t *const at[LANES], size_t offset)
{
    WORD word[LANES];
    V lanes;
    for (unsigned lane = 0; lane < LANES; lane++)
        word[lane] = LOAD_WORD(at[lane] + offset);
    memcpy(&lanes, word, sizeof lanes);
    return lanes;
}

INLINE TARGET WORD N(pick)(const V *lanes, unsigned lane)
{
    WORD word[LANES];
    memcpy(word, lanes, sizeof word);
    return word[lane];
}

/* The first n bytes of one lane's value. */
INLINE TARGET void N(take)(uint8_t *at, const V *value, unsigned lane, unsigned n)
{
    for (unsigned word = 0; word < n / sizeof(WORD); word++)
        STORE_WORD(at + word * sizeof(WORD), N(pick)(value + word, lane));
}
