/* SHA-256 with the instructions that x86 processors have for it: four chains at a time, because each waits for its own last round.
 *
 * A register holds four words. A "number" has the first word in the highest lane, as the processor wants the state: its ABEF and CDGH
 * put together are the digest as one big-endian number, and moving a digest by some bytes is one instruction. "Words" have the first
 * in the lowest lane, as the schedule wants them.
 */
#include "kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "constants.h"

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

enum { STREAMS = 4, BLOCK_BYTES = 64, VALUE_OFFSET = HEAD_BYTES - 1, LENGTH_OFFSET = BLOCK_BYTES - 8 };

/* What is kept of the value and put behind it in words 8 to 11 and 12 to 15, as numbers. */
struct ending {
    __m128i keep8, pad8, keep12, pad12;
};

/* A chain under way: a message of one block, of which the first sixteen bytes (I) have been dealt with. */
struct stream {
    __m128i abef, cdgh;   /* after the four rounds of I */
    __m128i plus16;       /* I's and q's share in words 16 to 19 */
    __m128i position;     /* words 4 to 7 without the value: q, index, step; a number */
    __m128i upper, lower; /* the value, a number */
    struct ending ending;
    const struct job *job;
    const struct chain *chain;
    unsigned left; /* links to make before somebody must look */
    int seeded;    /* the link being made is that from the seed */
};

INLINE TARGET __m128i backwards(__m128i words)
{
    return _mm_shuffle_epi32(words, 0x1b);
}

INLINE TARGET __m128i load_words(const uint8_t *at)
{
    const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)at), swap);
}

INLINE TARGET __m128i load_number(const uint8_t *at)
{
    return backwards(load_words(at));
}

INLINE TARGET void store_number(uint8_t *at, __m128i number)
{
    const __m128i swap = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    _mm_storeu_si128((__m128i *)at, _mm_shuffle_epi8(number, swap));
}

INLINE TARGET __m128i start_abef(void)
{
    return _mm_set_epi32((int)sha256_start[0], (int)sha256_start[1], (int)sha256_start[4], (int)sha256_start[5]);
}

INLINE TARGET __m128i start_cdgh(void)
{
    return _mm_set_epi32((int)sha256_start[2], (int)sha256_start[3], (int)sha256_start[6], (int)sha256_start[7]);
}

/* Four rounds with the words m. */
#define ROUNDS(round, m)                                                                                    \
    do {                                                                                                    \
        __m128i kw = _mm_add_epi32(m, _mm_loadu_si128((const __m128i *)(sha256_constants + (round))));      \
        cdgh[s] = _mm_sha256rnds2_epu32(cdgh[s], abef[s], kw);                                              \
        abef[s] = _mm_sha256rnds2_epu32(abef[s], cdgh[s], _mm_shuffle_epi32(kw, 0x0e));                     \
    } while (0)

/* Sixteen words of schedule turn round in a, b, c, d. The oldest four, a, have had their sha256msg1 with b; the new ones replace them. */
#define NEXT(a, c, d) (a) = _mm_sha256msg2_epu32(_mm_add_epi32(a, _mm_alignr_epi8(d, c, 4)), d)

#define EACH_STREAM _Pragma("GCC unroll 4") for (unsigned s = 0; s < streams; s++)
#define FOUR(round, a, b, c, d)                    \
    EACH_STREAM                                    \
    {                                              \
        NEXT(a[s], c[s], d[s]);                    \
        b[s] = _mm_sha256msg1_epu32(b[s], c[s]);   \
        ROUNDS(round, a[s]);                       \
    }
#define SIXTEEN(round)                             \
    FOUR(round, m0, m1, m2, m3)                    \
    FOUR((round) + 4, m1, m2, m3, m0)              \
    FOUR((round) + 8, m2, m3, m0, m1)              \
    FOUR((round) + 12, m3, m0, m1, m2)
#define LAST_SIXTEEN                               \
    FOUR(48, m0, m1, m2, m3)                       \
    FOUR(52, m1, m2, m3, m0)                       \
    FOUR(56, m2, m3, m0, m1)                       \
    EACH_STREAM                                    \
    {                                              \
        NEXT(m3[s], m1[s], m2[s]);                 \
        ROUNDS(60, m3[s]);                         \
    }

/* One block of any message. */
static TARGET void compress(__m128i *state, const uint8_t *block)
{
    enum { streams = 1 };
    __m128i abef[1] = {state[0]}, cdgh[1] = {state[1]};
    __m128i m0[1] = {load_words(block)}, m1[1] = {load_words(block + 16)};
    __m128i m2[1] = {load_words(block + 32)}, m3[1] = {load_words(block + 48)};
    EACH_STREAM
    {
        ROUNDS(0, m0[s]);
        ROUNDS(4, m1[s]);
        ROUNDS(8, m2[s]);
        ROUNDS(12, m3[s]);
        m0[s] = _mm_sha256msg1_epu32(m0[s], m1[s]);
    }
    SIXTEEN(16)
    SIXTEEN(32)
    LAST_SIXTEEN
    state[0] = _mm_add_epi32(state[0], abef[0]);
    state[1] = _mm_add_epi32(state[1], cdgh[0]);
}

/* `count` links in every stream. */
static TARGET void link_all(struct stream *stream, unsigned count)
{
    enum { streams = STREAMS };
    const __m128i one_step = _mm_set_epi32(0, 1 << 8, 0, 0);
    for (; count; count--) {
        __m128i abef[STREAMS], cdgh[STREAMS], m0[STREAMS], m1[STREAMS], m2[STREAMS], m3[STREAMS];
        EACH_STREAM
        {
            const struct ending *ending = &stream[s].ending;
            __m128i upper = stream[s].upper, lower = stream[s].lower;
            m0[s] = stream[s].plus16;
            m1[s] = backwards(_mm_or_si128(_mm_srli_si128(upper, 7), stream[s].position));
            m2[s] = backwards(_mm_or_si128(_mm_and_si128(_mm_alignr_epi8(upper, lower, 7), ending->keep8), ending->pad8));
            m3[s] = backwards(_mm_or_si128(_mm_and_si128(_mm_slli_si128(lower, 9), ending->keep12), ending->pad12));
            abef[s] = stream[s].abef;
            cdgh[s] = stream[s].cdgh;
            stream[s].position = _mm_add_epi32(stream[s].position, one_step);
        }
        EACH_STREAM ROUNDS(4, m1[s]);
        EACH_STREAM ROUNDS(8, m2[s]);
        EACH_STREAM ROUNDS(12, m3[s]);
        SIXTEEN(16)
        SIXTEEN(32)
        LAST_SIXTEEN
        EACH_STREAM
        {
            abef[s] = _mm_add_epi32(abef[s], start_abef());
            cdgh[s] = _mm_add_epi32(cdgh[s], start_cdgh());
            stream[s].upper = _mm_unpackhi_epi64(cdgh[s], abef[s]);
            stream[s].lower = _mm_unpacklo_epi64(cdgh[s], abef[s]);
        }
    }
}

/* The ending of a message whose value has `bytes` bytes, here 24 or 32. */
static TARGET struct ending value_ending(unsigned bytes)
{
    const __m128i all = _mm_set1_epi32(-1);
    const int bits = 8 * (VALUE_OFFSET + (int)bytes);
    struct ending whole = {all, _mm_setzero_si128(), all, _mm_set_epi32(0, 0x80, 0, bits)};
    struct ending short_one = {_mm_set_epi32(-1, -1, -1, ~0xff), _mm_set_epi32(0, 0, 0, 0x80), _mm_setzero_si128(),
                               _mm_set_epi32(0, 0, 0, bits)};
    return bytes == MOST_BYTES ? whole : short_one;
}

/* Of a seed, which may have any length: its padding stands in the value, unless the value is full. */
static TARGET struct ending seed_ending(unsigned bytes)
{
    const __m128i all = _mm_set1_epi32(-1);
    const int bits = 8 * (VALUE_OFFSET + (int)bytes);
    struct ending ending = {all, _mm_setzero_si128(), all, _mm_set_epi32(0, bytes == MOST_SEED ? 0x80 : 0, 0, bits)};
    return ending;
}

/* Loads `bytes` bytes of value, with the padding behind them as far as there is room. */
static TARGET void load_value(struct stream *stream, const uint8_t *value, unsigned bytes)
{
    uint8_t padded[MOST_SEED + 1] = {0};
    memcpy(padded, value, bytes);
    padded[bytes] = 0x80;
    stream->upper = load_number(padded);
    stream->lower = load_number(padded + 16);
    wipe(padded, sizeof padded);
}

/* From the head of a chain to what its stream keeps of it. */
static TARGET void load_head(struct stream *stream, const struct job *job, unsigned index)
{
    enum { streams = 1 };
    uint8_t head[2 * 16] = {0};
    put_head(head, job->identifier, job->leaf, (uint16_t)index);
    __m128i abef[1] = {start_abef()}, cdgh[1] = {start_cdgh()};
    __m128i identifier = load_words(head);
    EACH_STREAM ROUNDS(0, identifier);
    stream->abef = abef[0];
    stream->cdgh = cdgh[0];
    stream->plus16 = _mm_sha256msg1_epu32(identifier, load_words(head + 16));
    stream->position = load_number(head + 16);
}

static TARGET __m128i step_number(unsigned step)
{
    return _mm_set_epi32(0, (int)(step << 8), 0, 0);
}

static TARGET uint8_t *value_of(const struct stream *stream, unsigned n)
{
    return stream->job->values + (size_t)stream->chain->index * n;
}

/* Puts a chain on a stream, its seed first if it has one. */
static TARGET void set_out(struct stream *stream, const struct job *jobs, const struct chain *chain, unsigned n)
{
    const struct job *job = jobs + chain->job;
    load_head(stream, job, chain->index);
    stream->job = job;
    stream->chain = chain;
    stream->seeded = job->seed != NULL;
    stream->left = stream->seeded ? 1 : chain->steps;
    if (stream->seeded)
        load_value(stream, job->seed, job->seed_bytes);
    else
        load_value(stream, value_of(stream, n), n);
    stream->ending = stream->seeded ? seed_ending(job->seed_bytes) : value_ending(n);
    stream->position = _mm_add_epi32(stream->position, step_number(stream->seeded ? STEP_OF_SEED : chain->start));
}

/* The private value has been made of the seed: go on with the chain itself. */
static TARGET void leave_seed(struct stream *stream, unsigned n)
{
    const __m128i no_step = _mm_set_epi32(-1, (int)0xffff0000, -1, -1);
    stream->seeded = 0;
    stream->left = stream->chain->steps;
    stream->ending = value_ending(n);
    /* The step number has overflowed into the index: take it back before clearing. */
    stream->position = _mm_sub_epi32(stream->position, step_number(STEP_OF_SEED + 1));
    stream->position = _mm_add_epi32(_mm_and_si128(stream->position, no_step), step_number(stream->chain->start));
}

static TARGET void read_out(const struct stream *stream, unsigned n)
{
    uint8_t value[MOST_BYTES];
    store_number(value, stream->upper);
    store_number(value + 16, stream->lower);
    memcpy(value_of(stream, n), value, n);
}

/* Brings a stream to where it has links to make: on with its chain, or with the next one, or (0) to rest. */
static TARGET int refill(struct stream *stream, const struct job *jobs, const struct chain **next, const struct chain *end, unsigned n)
{
    while (stream->left == 0) {
        if (stream->seeded) {
            leave_seed(stream, n);
            continue;
        }
        if (stream->chain)
            read_out(stream, n);
        stream->chain = NULL;
        if (*next == end)
            return 0;
        set_out(stream, jobs, (*next)++, n);
    }
    return 1;
}

static TARGET void sha_ni_walk(const struct job *jobs, size_t job_count, const struct chain *chain, size_t count, unsigned n)
{
    (void)job_count;
    const struct chain *end = chain + count;
    struct stream stream[STREAMS];
    memset(stream, 0, sizeof stream);
    for (;;) {
        unsigned least = 0;
        for (unsigned s = 0; s < STREAMS; s++)
            if (refill(&stream[s], jobs, &chain, end, n) && (least == 0 || stream[s].left < least))
                least = stream[s].left;
        if (least == 0)
            break;
        link_all(stream, least); /* a stream at rest links on unread */
        for (unsigned s = 0; s < STREAMS; s++)
            stream[s].left -= stream[s].left ? least : 0;
    }
    wipe(stream, sizeof stream);
}

/* Bytes `from` to `from` + 64 of head, body, padding and length. */
static void cut_block(uint8_t *block, const uint8_t *head, const uint8_t *body, size_t body_bytes, size_t from)
{
    enum { TAGGED = HEAD_BYTES - 2 };
    size_t room = BLOCK_BYTES, at = 0, bytes = TAGGED + body_bytes;
    memset(block, 0, BLOCK_BYTES);
    if (from == 0) {
        memcpy(block, head, TAGGED);
        at = TAGGED;
    }
    if (from + at < bytes) {
        size_t copied = bytes - from - at < room - at ? bytes - from - at : room - at;
        memcpy(block + at, body + (from + at - TAGGED), copied);
        at += copied;
    }
    if (bytes >= from && bytes < from + BLOCK_BYTES)
        block[bytes - from] = 0x80;
    if (bytes + 9 <= from + BLOCK_BYTES)
        store_be32(block + BLOCK_BYTES - 4, (uint32_t)bytes * 8);
}

static TARGET void hash_one(const struct message *message, size_t body_bytes, unsigned n)
{
    __m128i state[2] = {start_abef(), start_cdgh()};
    uint8_t head[HEAD_BYTES], block[BLOCK_BYTES], digest[MOST_BYTES];
    put_head(head, message->identifier, message->number, message->tag);
    for (size_t from = 0; from < HEAD_BYTES - 2 + body_bytes + 9; from += BLOCK_BYTES) {
        cut_block(block, head, message->body, body_bytes, from);
        compress(state, block);
    }
    store_number(digest, _mm_unpackhi_epi64(state[1], state[0]));
    store_number(digest + 16, _mm_unpacklo_epi64(state[1], state[0]));
    memcpy(message->digest, digest, n);
}

static TARGET void sha_ni_hash(const struct message *message, size_t count, size_t body_bytes, unsigned n)
{
    for (; count; message++, count--)
        hash_one(message, body_bytes, n);
}

const struct kernel sha256_sha_ni_kernel = {STREAMS, NULL, sha_ni_walk, sha_ni_hash};
#endif
