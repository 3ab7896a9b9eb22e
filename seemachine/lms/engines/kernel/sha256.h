/* SHA-256 over LANES messages side by side. Included by each instruction set's file; wants LANES, WAYS, TARGET and N(name).
 *
 * A chain step is one block of which the first 20 bytes (I, q) never change within a leaf. `prefix` keeps the state after the five
 * rounds that they fill.
 */
#define WORD uint32_t
#define BLOCK_WORDS 16
#define STATE_WORDS 8
#define HEAD_WORDS 5 /* I and q; the sixth word of a head is the position: index, step and room for the first byte of the value */
#define TAIL_WORDS 9 /* the words from the position on, up to the padding; the two words of the length follow */
#define LOAD_WORD load_be32
#define STORE_WORD store_be32
#define ONE_STEP ((WORD)1 << 8)
#define INDEX(index) ((WORD)(index) << 16)
#define PADDING 0x80

#if LANES > 1
typedef WORD N(vector) __attribute__((vector_size(4 * LANES)));
#else
typedef WORD N(vector);
#endif
#define V N(vector)

#include "lane.h"

#define ROTATE(x, by) ((x) >> (by) | (x) << (32 - (by)))
#define SUM0(x) (ROTATE(x, 2) ^ ROTATE(x, 13) ^ ROTATE(x, 22))
#define SUM1(x) (ROTATE(x, 6) ^ ROTATE(x, 11) ^ ROTATE(x, 25))
#define SMALL0(x) (ROTATE(x, 7) ^ ROTATE(x, 18) ^ ((x) >> 3))
#define SMALL1(x) (ROTATE(x, 17) ^ ROTATE(x, 19) ^ ((x) >> 10))
#define CHOOSE(e, f, g) ((g) ^ ((e) & ((f) ^ (g))))
#ifndef MAJORITY /* an instruction set's file may have one instruction for it */
#define MAJORITY(a, b, c) ((((a) ^ (c)) & ((b) ^ (c))) ^ (c))
#endif

/* Two groups of lanes side by side fill the gaps that one group's long chain of additions leaves. Not unrolled, all would stay in memory. */
#define EACH_WAY _Pragma("GCC unroll 2") for (unsigned way = 0; way < ways; way++)

/* One round; the caller renames the variables instead of moving them. */
#define ROUND(a, b, c, d, e, f, g, h, kw)                                       \
    EACH_WAY                                                                    \
    {                                                                           \
        V t1 = h[way] + (kw) + CHOOSE(e[way], f[way], g[way]) + SUM1(e[way]);   \
        d[way] += t1;                                                           \
        h[way] = t1 + MAJORITY(a[way], b[way], c[way]) + SUM0(a[way]);          \
    }
#define KW(t) (w[way][(t) & 15] + k[t])
/* `then` is done after each round, with the number of its word. */
#define EIGHT_ROUNDS(t, then)                                                   \
    ROUND(a, b, c, d, e, f, g, h, KW(t)) then(t)                                \
    ROUND(h, a, b, c, d, e, f, g, KW((t) + 1)) then((t) + 1)                    \
    ROUND(g, h, a, b, c, d, e, f, KW((t) + 2)) then((t) + 2)                    \
    ROUND(f, g, h, a, b, c, d, e, KW((t) + 3)) then((t) + 3)                    \
    ROUND(e, f, g, h, a, b, c, d, KW((t) + 4)) then((t) + 4)                    \
    ROUND(d, e, f, g, h, a, b, c, KW((t) + 5)) then((t) + 5)                    \
    ROUND(c, d, e, f, g, h, a, b, KW((t) + 6)) then((t) + 6)                    \
    ROUND(b, c, d, e, f, g, h, a, KW((t) + 7)) then((t) + 7)

/* Word t of the schedule takes the place of word t - 16. */
#define NEXT(t) \
    EACH_WAY w[way][(t) & 15] += SMALL1(w[way][((t) - 2) & 15]) + w[way][((t) - 7) & 15] + SMALL0(w[way][((t) - 15) & 15]);
#define NEXT_AHEAD(t) NEXT((t) + 8)
#define NOTHING(t)
#define NEXT_EIGHT(t) NEXT(t) NEXT((t) + 1) NEXT((t) + 2) NEXT((t) + 3) NEXT((t) + 4) NEXT((t) + 5) NEXT((t) + 6) NEXT((t) + 7)

/* Kept out of the compiler's sight, the table is read as it is needed instead of being built up in registers. */
INLINE TARGET const uint32_t *N(constants)(void)
{
    const uint32_t *k = sha256_constants;
#if defined(__GNUC__)
    __asm__("" : "+r"(k));
#endif
    return k;
}

static TARGET void N(compress)(V state[STATE_WORDS], const V block[BLOCK_WORDS])
{
    enum { ways = 1 };
    const uint32_t *k = N(constants)();
    V w[1][16], a[1] = {state[0]}, b[1] = {state[1]}, c[1] = {state[2]}, d[1] = {state[3]};
    V e[1] = {state[4]}, f[1] = {state[5]}, g[1] = {state[6]}, h[1] = {state[7]};
    memcpy(w, block, sizeof w);
    EIGHT_ROUNDS(0, NOTHING)
    EIGHT_ROUNDS(8, NOTHING)
    for (unsigned more = 3; more; more--) {
        k += 16;
        NEXT_EIGHT(0)
        EIGHT_ROUNDS(0, NEXT_AHEAD)
        EIGHT_ROUNDS(8, NOTHING)
    }
    state[0] += a[0], state[1] += b[0], state[2] += c[0], state[3] += d[0];
    state[4] += e[0], state[5] += f[0], state[6] += g[0], state[7] += h[0];
}

/* All that a link needs of the words that never change within a leaf. */
struct N(fixed) {
    V state[STATE_WORDS]; /* after six rounds, of which the last had 0 for its word; the next has had its constant */
    V share[HEAD_WORDS];  /* of words 0 to 4 in words 16 to 20 */
};

struct N(prefix) {
    struct N(fixed) fixed;
    V bits; /* the length of the message */
};

static TARGET void N(measure)(struct N(prefix) *prefix, V message_bytes)
{
    prefix->bits = message_bytes << 3;
}

static TARGET void N(fix)(struct N(fixed) *fixed, const V head[HEAD_WORDS])
{
    enum { ways = 1 };
    const uint32_t *k = sha256_constants;
    const uint32_t *iv = sha256_start;
    const V zero = {0};
    V a[1] = {zero + iv[0]}, b[1] = {zero + iv[1]}, c[1] = {zero + iv[2]}, d[1] = {zero + iv[3]};
    V e[1] = {zero + iv[4]}, f[1] = {zero + iv[5]}, g[1] = {zero + iv[6]}, h[1] = {zero + iv[7]};
    ROUND(a, b, c, d, e, f, g, h, head[0] + k[0])
    ROUND(h, a, b, c, d, e, f, g, head[1] + k[1])
    ROUND(g, h, a, b, c, d, e, f, head[2] + k[2])
    ROUND(f, g, h, a, b, c, d, e, head[3] + k[3])
    ROUND(e, f, g, h, a, b, c, d, head[4] + k[4])
    ROUND(d, e, f, g, h, a, b, c, k[5])
    V state[STATE_WORDS] = {a[0], b[0] + k[6], c[0], d[0], e[0], f[0], g[0], h[0]};
    V share[HEAD_WORDS] = {head[0] + SMALL0(head[1]), head[1] + SMALL0(head[2]), head[2] + SMALL0(head[3]), head[3] + SMALL0(head[4]),
                           head[4]};
    memcpy(fixed->state, state, sizeof state);
    memcpy(fixed->share, share, sizeof share);
}

/* Digests of messages of one block: the fixed head, then the tail. Word 14 is 0: no such message has 2^29 bytes. The first words of the
 * schedule are written apart, because much of them is 0 or known.
 *
 * The last 48 rounds are a loop on purpose: 14 KB of code for two ways. With 20 or 28 KB some copies of the same program, about one in
 * fifty, ran at less than half the speed every time, it seems by where their pages lay in memory.
 */
INLINE TARGET void N(once)(const struct N(prefix) *const *prefix, V tail[][TAIL_WORDS], V digest[][STATE_WORDS], const unsigned ways)
{
    const uint32_t *k = N(constants)();
    const uint32_t *iv = sha256_start;
    V w[WAYS][16], a[WAYS], b[WAYS], c[WAYS], d[WAYS], e[WAYS], f[WAYS], g[WAYS], h[WAYS];
    EACH_WAY
    {
        const struct N(fixed) *p = &prefix[way]->fixed;
        memcpy(w[way], p->share, sizeof p->share);
        memcpy(w[way] + HEAD_WORDS, tail[way], sizeof tail[way]);
        w[way][14] = (V){0}, w[way][15] = prefix[way]->bits;
        a[way] = p->state[0], b[way] = p->state[1], c[way] = p->state[2] + w[way][5], d[way] = p->state[3];
        e[way] = p->state[4], f[way] = p->state[5], g[way] = p->state[6] + w[way][5], h[way] = p->state[7];
    }
    ROUND(c, d, e, f, g, h, a, b, w[way][6])
    ROUND(b, c, d, e, f, g, h, a, KW(7))
    EIGHT_ROUNDS(8, NOTHING)
    EACH_WAY
    {
        V *v = w[way];
        v[0] += v[9];
        v[1] += v[10] + SMALL1(v[15]);
        v[2] += SMALL1(v[0]) + v[11];
        v[3] += SMALL1(v[1]) + v[12];
        v[4] += SMALL1(v[2]) + v[13] + SMALL0(v[5]);
        v[5] += SMALL1(v[3]) + SMALL0(v[6]);
    }
    NEXT(6) NEXT(7)
    _Pragma("GCC unroll 1") for (unsigned more = 3; more; more--) {
        k += 16;
        EIGHT_ROUNDS(0, NEXT_AHEAD)
        EIGHT_ROUNDS(8, NOTHING)
        if (more == 1)
            break;
        NEXT_EIGHT(0)
    }
    EACH_WAY
    {
        digest[way][0] = a[way] + iv[0], digest[way][1] = b[way] + iv[1], digest[way][2] = c[way] + iv[2];
        digest[way][3] = d[way] + iv[3], digest[way][4] = e[way] + iv[4], digest[way][5] = f[way] + iv[5];
        digest[way][6] = g[way] + iv[6], digest[way][7] = h[way] + iv[7];
    }
}

/* A value of n bytes behind the 23 bytes of position: everything moves by one byte. */
INLINE TARGET void N(skew)(V tail[TAIL_WORDS], V position, const V *value, unsigned n)
{
    V zero = position ^ position;
    tail[0] = position | value[0] >> 24;
    tail[1] = value[0] << 8 | value[1] >> 24;
    tail[2] = value[1] << 8 | value[2] >> 24;
    tail[3] = value[2] << 8 | value[3] >> 24;
    tail[4] = value[3] << 8 | value[4] >> 24;
    tail[5] = value[4] << 8 | value[5] >> 24;
    tail[6] = n == 32 ? (value[5] << 8 | value[6] >> 24) : (value[5] << 8 | PADDING);
    tail[7] = n == 32 ? (value[6] << 8 | value[7] >> 24) : zero;
    tail[8] = n == 32 ? (value[7] << 8 | PADDING) : zero;
}

/* A longer message, given word by word. The head leaves half a word over, so `carry` is always two bytes behind. */
struct N(message) {
    V state[STATE_WORDS], block[BLOCK_WORDS], carry;
    size_t words;
};

static TARGET void N(put)(struct N(message) *message, V word)
{
    message->block[message->words++ % BLOCK_WORDS] = word;
    if (message->words % BLOCK_WORDS == 0)
        N(compress)(message->state, message->block);
}

static TARGET void N(open)(struct N(message) *message, const V head[HEAD_WORDS + 1])
{
    V zero = head[0] ^ head[0];
    for (unsigned word = 0; word < STATE_WORDS; word++)
        message->state[word] = zero + sha256_start[word];
    for (unsigned word = 0; word < HEAD_WORDS; word++)
        message->block[word] = head[word];
    message->carry = head[HEAD_WORDS];
    message->words = HEAD_WORDS;
}

static TARGET void N(absorb)(struct N(message) *message, V word)
{
    N(put)(message, message->carry | word >> 16);
    message->carry = word << 16;
}

static TARGET void N(close)(struct N(message) *message, V digest[STATE_WORDS])
{
    V zero = message->carry ^ message->carry;
    uint32_t bits = 32 * (uint32_t)message->words + 16;
    N(put)(message, message->carry | (WORD)PADDING << 8);
    while (message->words % BLOCK_WORDS != BLOCK_WORDS - 1)
        N(put)(message, zero);
    N(put)(message, zero + bits);
    memcpy(digest, message->state, sizeof message->state);
}

#include "lanes.h"

#undef ROTATE
#undef SUM0
#undef SUM1
#undef SMALL0
#undef SMALL1
#undef CHOOSE
#undef ROUND
#undef KW
#undef EACH_WAY
#undef EIGHT_ROUNDS
#undef NEXT
#undef NEXT_EIGHT
#undef NOTHING
#undef NEXT_AHEAD
#include "undefine.h"
