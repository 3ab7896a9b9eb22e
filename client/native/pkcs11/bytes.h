/* A string of bytes that grows. */
#ifndef SEEMACHINE_PKCS11_BYTES_H
#define SEEMACHINE_PKCS11_BYTES_H

#include <stddef.h>

struct bytes {
    unsigned char *data;
    size_t size, room;
};

/* Whether there was memory for it. */
int bytes_append(struct bytes *bytes, const void *data, size_t size);
void bytes_free(struct bytes *bytes);

#endif
