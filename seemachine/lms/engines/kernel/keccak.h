/* SHAKE256 over LANES messages side by side. Included by each instruction set's file; wants LANES, WAYS, TARGET and N(name).
 *
 * Every chain step is one permutation. Its first round meets mostly zeros and of its last only four words are wanted, so both are
 * written apart from the loop and the compiler drops what is not needed.
 */
#define WORD uint64_t
#define BLOCK_WORDS 17
#define STATE_WORDS 4 /* of the digest */
#define HEAD_WORDS 2 /* I; the third word of a head is the position: q, index, step and room for the first byte of the value */
#define TAIL_WORDS 5 /* the words from the position on, up to the padding; the last word of the block has the padding's last bit */
#define LOAD_WORD load_le64
#define STORE_WORD store_le64
#define ONE_STEP ((WORD)1 << 48)
#define INDEX(index) ((WORD)((index) >> 8 | ((index) & 0xff) << 8) << 32)
#define PADDING 0x1f

#if LANES > 1
typedef WORD N(vector) __attribute__((vector_size(8 * LANES)));
#else
typedef WORD N(vector);
#endif
#define V N(vector)

#include "lane.h"

#define ROTATE(x, by) ((x) << (by) | (x) >> (64 - (by)))
#define LAST_BIT ((WORD)0x80 << 56)

/* One row of the result: what rho and pi bring to it, then chi. */
#define CHI(o0, o1, o2, o3, o4)                                    \
    do {                                                           \
        o0 = b0 ^ (~b1 & b2);                                      \
        o1 = b1 ^ (~b2 & b3);                                      \
        o2 = b2 ^ (~b3 & b4);                                      \
        o3 = b3 ^ (~b4 & b0);                                      \
        o4 = b4 ^ (~b0 & b1);                                      \
    } while (0)

/* A round from the words a.. to the words e..; the caller swaps the names instead of moving the words. */
#define ROUND(a, e, constant)                                      \
    do {                                                           \
        V b0, b1, b2, b3, b4;                                      \
        V c0 = a##0 ^ a##5 ^ a##10 ^ a##15 ^ a##20;                \
        V c1 = a##1 ^ a##6 ^ a##11 ^ a##16 ^ a##21;                \
        V c2 = a##2 ^ a##7 ^ a##12 ^ a##17 ^ a##22;                \
        V c3 = a##3 ^ a##8 ^ a##13 ^ a##18 ^ a##23;                \
        V c4 = a##4 ^ a##9 ^ a##14 ^ a##19 ^ a##24;                \
        V d0 = c4 ^ ROTATE(c1, 1), d1 = c0 ^ ROTATE(c2, 1);        \
        V d2 = c1 ^ ROTATE(c3, 1), d3 = c2 ^ ROTATE(c4, 1);        \
        V d4 = c3 ^ ROTATE(c0, 1);                                 \
        b0 = a##0 ^ d0;                                            \
        b1 = ROTATE(a##6 ^ d1, 44);                                \
        b2 = ROTATE(a##12 ^ d2, 43);                               \
        b3 = ROTATE(a##18 ^ d3, 21);                               \
        b4 = ROTATE(a##24 ^ d4, 14);                               \
        CHI(e##0, e##1, e##2, e##3, e##4);                         \
        e##0 ^= constant;                                          \
        b0 = ROTATE(a##3 ^ d3, 28);                                \
        b1 = ROTATE(a##9 ^ d4, 20);                                \
        b2 = ROTATE(a##10 ^ d0, 3);                                \
        b3 = ROTATE(a##16 ^ d1, 45);                               \
        b4 = ROTATE(a##22 ^ d2, 61);                               \
        CHI(e##5, e##6, e##7, e##8, e##9);                         \
        b0 = ROTATE(a##1 ^ d1, 1);                                 \
        b1 = ROTATE(a##7 ^ d2, 6);                                 \
        b2 = ROTATE(a##13 ^ d3, 25);                               \
        b3 = ROTATE(a##19 ^ d4, 8);                                \
        b4 = ROTATE(a##20 ^ d0, 18);                               \
        CHI(e##10, e##11, e##12, e##13, e##14);                    \
        b0 = ROTATE(a##4 ^ d4, 27);                                \
        b1 = ROTATE(a##5 ^ d0, 36);                                \
        b2 = ROTATE(a##11 ^ d1, 10);                               \
        b3 = ROTATE(a##17 ^ d2, 15);                               \
        b4 = ROTATE(a##23 ^ d3, 56);                               \
        CHI(e##15, e##16, e##17, e##18, e##19);                    \
        b0 = ROTATE(a##2 ^ d2, 62);                                \
        b1 = ROTATE(a##8 ^ d3, 55);                                \
        b2 = ROTATE(a##14 ^ d4, 39);                               \
        b3 = ROTATE(a##15 ^ d0, 41);                               \
        b4 = ROTATE(a##21 ^ d1, 2);                                \
        CHI(e##20, e##21, e##22, e##23, e##24);                    \
    } while (0)

/* The 25 words under names: an array would be kept in memory. */
#define NAMES(a)                                                   \
    a##0, a##1, a##2, a##3, a##4, a##5, a##6, a##7, a##8, a##9, a##10, a##11, a##12, a##13, a##14, a##15, a##16, a##17, a##18, \
        a##19, a##20, a##21, a##22, a##23, a##24

/* Twenty-two rounds, all but the first and the last. */
#define MIDDLE_ROUNDS(a, e)                                        \
    for (unsigned round = 1; round < 23; round += 2) {             \
        ROUND(a, e, keccak_constants[round]);                      \
        ROUND(e, a, keccak_constants[round + 1]);                  \
    }

static TARGET void N(permute)(V s[25])
{
    V NAMES(e);
    V a0 = s[0], a1 = s[1], a2 = s[2], a3 = s[3], a4 = s[4], a5 = s[5], a6 = s[6], a7 = s[7], a8 = s[8], a9 = s[9];
    V a10 = s[10], a11 = s[11], a12 = s[12], a13 = s[13], a14 = s[14], a15 = s[15], a16 = s[16], a17 = s[17], a18 = s[18];
    V a19 = s[19], a20 = s[20], a21 = s[21], a22 = s[22], a23 = s[23], a24 = s[24];
    for (unsigned round = 0; round < 24; round += 2) {
        ROUND(a, e, keccak_constants[round]);
        ROUND(e, a, keccak_constants[round + 1]);
    }
    V result[25] = {NAMES(a)};
    memcpy(s, result, sizeof result);
}

struct N(fixed) {
    V head[HEAD_WORDS];
};

struct N(prefix) {
    struct N(fixed) fixed;
};

static TARGET void N(measure)(struct N(prefix) *prefix, V message_bytes)
{
    (void)prefix;
    (void)message_bytes;
}

static TARGET void N(fix)(struct N(fixed) *fixed, const V head[HEAD_WORDS])
{
    memcpy(fixed->head, head, sizeof fixed->head);
}

/* Digests of messages of one block that end within the tail. */
INLINE TARGET void N(once)(const struct N(prefix) *const *prefix, V tail[][TAIL_WORDS], V digest[][STATE_WORDS], const unsigned ways)
{
    for (unsigned way = 0; way < ways; way++) {
        V NAMES(e);
        const V zero = tail[way][0] ^ tail[way][0];
        V a0 = prefix[way]->fixed.head[0], a1 = prefix[way]->fixed.head[1];
        V a2 = tail[way][0], a3 = tail[way][1], a4 = tail[way][2], a5 = tail[way][3], a6 = tail[way][4], a7 = zero, a8 = zero;
        V a9 = zero, a10 = zero, a11 = zero, a12 = zero, a13 = zero, a14 = zero, a15 = zero, a16 = zero + LAST_BIT;
        V a17 = zero, a18 = zero, a19 = zero, a20 = zero, a21 = zero, a22 = zero, a23 = zero, a24 = zero;
        ROUND(a, e, keccak_constants[0]);
        MIDDLE_ROUNDS(e, a)
        ROUND(e, a, keccak_constants[23]);
        digest[way][0] = a0, digest[way][1] = a1, digest[way][2] = a2, digest[way][3] = a3;
    }
}

/* A value of n bytes behind the 23 bytes of position: everything moves by seven bytes. */
INLINE TARGET void N(skew)(V tail[TAIL_WORDS], V position, const V *value, unsigned n)
{
    const V zero = position ^ position;
    tail[0] = position | value[0] << 56;
    tail[1] = value[0] >> 8 | value[1] << 56;
    tail[2] = value[1] >> 8 | value[2] << 56;
    tail[3] = n == 32 ? (value[2] >> 8 | value[3] << 56) : (value[2] >> 8 | (WORD)PADDING << 56);
    tail[4] = n == 32 ? (value[3] >> 8 | (WORD)PADDING << 56) : zero;
}

/* A longer message, given word by word. The head fills six bytes of its last word, so `carry` is always six bytes behind. */
struct N(message) {
    V state[25], carry;
    unsigned words; /* of the block at hand */
};

static TARGET void N(open)(struct N(message) *message, const V head[HEAD_WORDS + 1])
{
    memset(message->state, 0, sizeof message->state);
    memcpy(message->state, head, HEAD_WORDS * sizeof(V));
    message->carry = head[HEAD_WORDS];
    message->words = HEAD_WORDS;
}

static TARGET void N(absorb)(struct N(message) *message, V word)
{
    message->state[message->words] ^= message->carry | word << 48;
    message->carry = word >> 16;
    if (++message->words == BLOCK_WORDS) {
        N(permute)(message->state);
        message->words = 0;
    }
}

static TARGET void N(close)(struct N(message) *message, V digest[STATE_WORDS])
{
    message->state[message->words] ^= message->carry | (WORD)PADDING << 48;
    message->state[BLOCK_WORDS - 1] ^= LAST_BIT;
    N(permute)(message->state);
    memcpy(digest, message->state, STATE_WORDS * sizeof(V));
}

#include "lanes.h"

#undef ROTATE
#undef LAST_BIT
#undef CHI
#undef ROUND
#undef NAMES
#undef MIDDLE_ROUNDS
#include "undefine.h"
