/* The constants of FIPS 180-4 and FIPS 202, one copy for all kernels. */
#ifndef SEEMACHINE_CONSTANTS_H
#define SEEMACHINE_CONSTANTS_H

#include <stdint.h>

extern const uint32_t sha256_start[8];
extern const uint32_t sha256_constants[64];
extern const uint64_t keccak_constants[24];

#endif
