/* The only file that knows processors. Callers hold a lock (Python's) around everything here. */
#include "dispatch.h"

#include "engine.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#define X86 1
#else
#define X86 0
#endif

extern const struct kernel sha256_scalar_kernel, keccak_scalar_kernel, sha256_x4_kernel, sha256_avx2_kernel, keccak_avx2_kernel,
    sha256_avx512_kernel, keccak_avx512_kernel, sha256_sha_ni_kernel;

static const char *always(void)
{
    return NULL;
}

#if !HAS_VECTORS
static const char *no_vectors(void)
{
    return "built without 128-bit vectors";
}
#endif

#if X86
static const char *needs_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") ? NULL : "this processor has no AVX2";
}

static const char *needs_avx512(void)
{
    __builtin_cpu_init();
    int all = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq");
    return all ? NULL : "this processor has no AVX-512 (F, VL, BW, DQ)";
}

/* __builtin_cpu_supports("sha") is newer than the compilers that we want to build with. */
static const char *needs_sha_ni(void)
{
    unsigned a, b, c, d;
    __builtin_cpu_init();
    int has = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
    return has && __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1") ? NULL : "this processor has no SHA instructions";
}
#else
static const char *not_x86(void)
{
    return "built for another kind of processor";
}
#endif

/* SHA-NI and four narrow lanes have nothing to offer to SHAKE256; forced, they stand for their own function and leave that to plain C. */
static const struct {
    const char *name, *hash;
    const struct kernel *kernel;
    const char *(*needs)(void);
} rows[] = {
    {"scalar", "sha256", &sha256_scalar_kernel, always},
    {"scalar", "shake", &keccak_scalar_kernel, always},
#if HAS_VECTORS
    {"x4", "sha256", &sha256_x4_kernel, always},
    {"x4", "shake", &keccak_scalar_kernel, always},
#else
    {"x4", "sha256", NULL, no_vectors},
    {"x4", "shake", NULL, no_vectors},
#endif
#if X86
    {"avx2", "sha256", &sha256_avx2_kernel, needs_avx2},
    {"avx2", "shake", &keccak_avx2_kernel, needs_avx2},
    {"avx512", "sha256", &sha256_avx512_kernel, needs_avx512},
    {"avx512", "shake", &keccak_avx512_kernel, needs_avx512},
    {"sha_ni", "sha256", &sha256_sha_ni_kernel, needs_sha_ni},
    {"sha_ni", "shake", &keccak_scalar_kernel, needs_sha_ni},
#else
    {"avx2", "sha256", NULL, not_x86},
    {"avx2", "shake", NULL, not_x86},
    {"avx512", "sha256", NULL, not_x86},
    {"avx512", "shake", NULL, not_x86},
    {"sha_ni", "sha256", NULL, not_x86},
    {"sha_ni", "shake", NULL, not_x86},
#endif
};

enum { ROWS = sizeof rows / sizeof *rows, KNOWN = 3, LAST_KNOWN_LEAF = 100 };

/* Leaves 98 to 100 of a tree of height 10 at w=2, with I = 00 01 .. 0f and seed = 64 65 .. 83: what the Python engine makes of them. */
static const uint8_t known_sha256[KNOWN][32] = {
    {0x53, 0xcc, 0x0f, 0xfa, 0xdb, 0xde, 0x09, 0x1a, 0x7c, 0x0a, 0x5d, 0x33, 0xcd, 0x5c, 0x00, 0xc8,
     0x9c, 0xef, 0xa9, 0xee, 0x6c, 0xf2, 0x8d, 0xd1, 0xc8, 0x93, 0xe8, 0x86, 0x73, 0x16, 0x00, 0xf3},
    {0x7c, 0xc7, 0x89, 0x81, 0x9f, 0x32, 0xe7, 0x4b, 0x16, 0x9b, 0xec, 0x71, 0x14, 0x07, 0x6e, 0xf5,
     0x98, 0x75, 0x04, 0xe3, 0x07, 0x74, 0x60, 0x84, 0x87, 0x19, 0x5b, 0x0e, 0xe7, 0x22, 0xde, 0x39},
    {0x93, 0xc6, 0xa2, 0x57, 0xa4, 0x19, 0x23, 0x7a, 0xed, 0xcd, 0x9e, 0x91, 0x55, 0x4f, 0x14, 0x8c,
     0x4a, 0x3f, 0x02, 0x1f, 0x90, 0x46, 0x18, 0xaa, 0xcd, 0x00, 0xce, 0x4c, 0x43, 0xb7, 0x7b, 0x90},
};
static const uint8_t known_shake[KNOWN][32] = {
    {0x25, 0x3c, 0x13, 0xc4, 0x79, 0x35, 0x47, 0xb5, 0xc5, 0x99, 0x06, 0x4b, 0x19, 0x81, 0x3d, 0xd5,
     0x62, 0x4c, 0x5e, 0x19, 0xa9, 0x14, 0x0f, 0xe1, 0x0e, 0x19, 0x8a, 0xee, 0x4e, 0xc6, 0x0c, 0xc0},
    {0xe7, 0xf3, 0xff, 0xc5, 0xb4, 0xb4, 0x80, 0x36, 0xa2, 0xff, 0x2b, 0xd6, 0x0f, 0xba, 0xc5, 0xce,
     0x06, 0xcc, 0x9a, 0x97, 0x01, 0x03, 0x28, 0xaa, 0x43, 0xce, 0x27, 0x6f, 0xb3, 0x1b, 0xfe, 0xe6},
    {0xbe, 0x09, 0x80, 0x6e, 0xd0, 0xfb, 0x46, 0x07, 0x5d, 0x42, 0x20, 0xe3, 0x53, 0x06, 0xb3, 0x19,
     0x96, 0x70, 0xba, 0x47, 0x92, 0xa7, 0x83, 0x83, 0xa6, 0xdb, 0xbb, 0xa1, 0x6b, 0xb5, 0x5b, 0xb9},
};

static enum { UNPROVEN, PROVEN, WRONG } proofs[ROWS];

/* A group that fills the lanes, of which the last is known, and two leaves more, which are walked chain by chain. */
static int makes_known_leaves(const struct kernel *kernel, const uint8_t known[KNOWN][32])
{
    uint8_t identifier[IDENTIFIER_BYTES], seed[MOST_SEED], nodes[(MOST_LANES + 2) * MOST_BYTES];
    struct orchard orchard = {32, 2, 133, 10, identifier, seed, sizeof seed};
    for (unsigned at = 0; at < sizeof seed; at++)
        seed[at] = (uint8_t)(100 + at);
    for (unsigned at = 0; at < sizeof identifier; at++)
        identifier[at] = (uint8_t)at;
    const struct crew crew = {kernel, kernel};
    unsigned count = kernel->leaves == NULL ? KNOWN : kernel->lanes + 2;
    if (leaf_nodes(&crew, &orchard, LAST_KNOWN_LEAF + 1 - count, count, nodes))
        return 0;
    return memcmp(nodes + (count - KNOWN) * MOST_BYTES, known, KNOWN * sizeof *known) == 0;
}

int find_kernel(const char *name, const char *hash)
{
    for (int number = 0; number < ROWS; number++)
        if (strcmp(rows[number].name, name) == 0 && strcmp(rows[number].hash, hash) == 0)
            return number;
    return -1;
}

const char *why_not(int number)
{
    /* Where this is a virtual machine, asking the processor takes longer than signing. */
    const char *missing = proofs[number] == UNPROVEN ? rows[number].needs() : NULL;
    if (missing != NULL)
        return missing;
    if (proofs[number] == UNPROVEN) {
        const uint8_t(*known)[32] = strcmp(rows[number].hash, "shake") == 0 ? known_shake : known_sha256;
        proofs[number] = makes_known_leaves(rows[number].kernel, known) ? PROVEN : WRONG;
    }
    return proofs[number] == PROVEN ? NULL : "it made a wrong leaf of a known seed";
}

const struct kernel *proven_kernel(int number)
{
    return number >= 0 && number < ROWS && proofs[number] == PROVEN ? rows[number].kernel : NULL;
}
