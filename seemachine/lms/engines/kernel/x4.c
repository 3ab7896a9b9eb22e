/* Four lanes of SHA-256 in 128-bit registers, which most processors have: SSE2, NEON, VSX and others. */
#include "kernel.h"

#if HAS_VECTORS
#include "constants.h"

#define TARGET

#define LANES 4
#define WAYS 1
#define N(name) sha256_x4_##name
#include "sha256.h"
#endif
