/* Sixteen lanes of SHA-256 and eight of SHAKE256 in the 512-bit registers of AVX-512. */
#include "kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include "constants.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

#define LANES 16
#define WAYS 2
#define N(name) sha256_avx512_##name
#include "sha256.h"

#define LANES 8
#define WAYS 1
#define N(name) keccak_avx512_##name
#include "keccak.h"
#endif
