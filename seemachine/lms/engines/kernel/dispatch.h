/* Which kernels this processor runs. */
#ifndef SEEMACHINE_DISPATCH_H
#define SEEMACHINE_DISPATCH_H

#include "kernel.h"

/* Number of the kernel `name` for `hash`, or -1 when there is none of that name. */
int find_kernel(const char *name, const char *hash);

/* Why this kernel is not to be used, or NULL. The first time the kernel makes known leaves; later answers are remembered. */
const char *why_not(int number);

/* The kernel of a number that why_not has nothing against; NULL for any other number. */
const struct kernel *proven_kernel(int number);

#endif
