/* Memory that may hold secrets. */
#include "secrets.h"

#include <stdlib.h>

void sm_overwrite(void *memory, size_t size) {
    volatile unsigned char *bytes = memory;
    while (size-- > 0)
        *bytes++ = 0;
}

void sm_discard(unsigned char *body, size_t size) {
    if (body != NULL)
        sm_overwrite(body, size);
    free(body);
}
