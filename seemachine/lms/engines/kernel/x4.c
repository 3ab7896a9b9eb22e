/* Four lanes of SHA-256 in 128-bit registers, which every 64-bit processor of today has: SSE2, NEON, VSX. */
#include "kernel.h"

#if defined(__GNUC__)
#include "constants.h"

#define TARGET

#define LANES 4
#define WAYS 1
#define N(name) sha256_x4_##name
#include "sha256.h"
#endif
