/* What every file of the native engine shares: words, byte order, wiping, and the three things a kernel can do.
 *
 * The Python engine (portable.py) is the definition; the files here must give the same bytes. Reading order: this file, lanes.h with
 * leaves.h, chains.h and messages.h (the work of a kernel, told once), sha256.h and keccak.h (the two hash functions, told once for any
 * number of lanes), then the files per instruction set, which only choose a width. engine.c cuts whole requests into work for a kernel; dispatch.c alone knows processors.
 */
#ifndef SEEMACHINE_KERNEL_H
#define SEEMACHINE_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    IDENTIFIER_BYTES = 16,
    HEAD_BYTES = 24, /* I || u32 || u16, and two bytes of room */
    LEAST_SEED = 24,
    MOST_SEED = 32,
    MOST_BYTES = 32, /* of a hash value */
    MOST_LANES = 32,
    MOST_JOBS = 64, /* whose chains are walked together */
    TAG_PUBLIC = 0x8080,
    TAG_LEAF = 0x8282,
    TAG_INNER = 0x8383,
    STEP_OF_SEED = 0xff, /* stands where a chain has its step number */
};

/* One signature to make (with a seed) or to check (without); `values` are its p chains, joined. */
struct job {
    const uint8_t *identifier;
    uint32_t leaf;
    const uint8_t *digest;
    const uint8_t *seed; /* of every job of a call, or of none */
    unsigned seed_bytes;
    uint8_t *values;
};

/* Chain `index` of a job: `steps` hashes of its value from step number `start` on. With a seed, the value is first derived from it. */
struct chain {
    uint16_t index;
    uint8_t job; /* its place among the jobs of the call */
    uint8_t start;
    uint8_t steps;
};

/* One hash of I || u32(number) || u16(tag) || body: a public key of a leaf, a leaf of the tree, an inner node. */
struct message {
    const uint8_t *identifier;
    uint32_t number;
    uint16_t tag;
    const uint8_t *body;
    uint8_t *digest;
};

/* Everything about a run of leaves but where it starts. */
struct orchard {
    unsigned n, w, p, h;
    const uint8_t *identifier;
    const uint8_t *seed;
    unsigned seed_bytes;
};

struct kernel {
    unsigned lanes;
    /* The nodes of `lanes` leaves from `first` on. NULL in a kernel that works on chains only. */
    void (*leaves)(const struct orchard *, uint32_t first, uint8_t *nodes);
    /* At most MOST_JOBS jobs. Chains with the most steps come first, so that chains side by side are of about equal length. */
    void (*walk)(const struct job *, size_t jobs, const struct chain *, size_t count, unsigned n);
    /* All bodies of a call have the same length, a multiple of n; n bytes of each digest are wanted. */
    void (*hash)(const struct message *, size_t count, size_t body_bytes, unsigned n);
};

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* Where the compiler has 128-bit vectors to work with; elsewhere it would take them apart, which is slower than plain C. */
#if defined(__GNUC__) && (defined(__SSE2__) || defined(__ARM_NEON) || defined(__ALTIVEC__) || defined(__VX__))
#define HAS_VECTORS 1
#else
#define HAS_VECTORS 0
#endif

/* Byte by byte: right on any machine, and compilers make one instruction of it. */
INLINE uint32_t load_be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

INLINE void store_be32(uint8_t *at, uint32_t word)
{
    at[0] = (uint8_t)(word >> 24);
    at[1] = (uint8_t)(word >> 16);
    at[2] = (uint8_t)(word >> 8);
    at[3] = (uint8_t)word;
}

INLINE uint64_t load_le64(const uint8_t *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 | (uint64_t)at[4] << 32 |
           (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

INLINE void store_le64(uint8_t *at, uint64_t word)
{
    for (unsigned byte = 0; byte < 8; byte++)
        at[byte] = (uint8_t)(word >> 8 * byte);
}

/* I || u32(number) || u16(half) || 0 || 0 */
INLINE void put_head(uint8_t head[HEAD_BYTES], const uint8_t *identifier, uint32_t number, uint16_t half)
{
    memcpy(head, identifier, IDENTIFIER_BYTES);
    store_be32(head + 16, number);
    store_be32(head + 20, (uint32_t)half << 16);
}

/* Writes that no compiler may leave out. Copies in registers and in spill slots are beyond its reach. */
INLINE void wipe(void *secret, size_t bytes)
{
#if defined(__GNUC__)
    memset(secret, 0, bytes);
    __asm__ volatile("" : : "r"(secret) : "memory");
#else
    volatile uint8_t *at = secret;
    while (bytes--)
        *at++ = 0;
#endif
}

#endif
