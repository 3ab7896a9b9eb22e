/* Eight lanes of SHA-256 and four of SHAKE256 in the 256-bit registers of AVX2. */
#include "kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include "constants.h"

#define TARGET __attribute__((target("avx2")))

#define LANES 8
#define WAYS 1
#define N(name) sha256_avx2_##name
#include "sha256.h"

#define LANES 4
#define WAYS 1
#define N(name) keccak_avx2_##name
#include "keccak.h"
#endif
