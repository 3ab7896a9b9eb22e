/* One lane: plain C for any processor and any compiler. */
#include "kernel.h"
#include "constants.h"

#define TARGET

#define LANES 1
#define WAYS 1
#define N(name) sha256_scalar_##name
#include "sha256.h"

#define LANES 1
#define WAYS 1
#define N(name) keccak_scalar_##name
#include "keccak.h"
