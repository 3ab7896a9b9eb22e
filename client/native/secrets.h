/* Memory that may hold a private key or a passphrase. Private to the bridge. */
#ifndef SEEMACHINE_SECRETS_H
#define SEEMACHINE_SECRETS_H

#include <stddef.h>

/* With zeros, which no compiler leaves out. */
void sm_overwrite(void *memory, size_t size);

/* Overwrite and free it; NULL is nothing to do. */
void sm_discard(unsigned char *body, size_t size);

#endif
