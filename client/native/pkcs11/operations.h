/* A signature that a session is making or checking: its start, its parts, its end. */
#ifndef SEEMACHINE_PKCS11_OPERATIONS_H
#define SEEMACHINE_PKCS11_OPERATIONS_H

#include "keys.h"

enum { TOKEN_BYTES = 16, MOST_CONTEXT = 255 };

/* Its token is the name of the one signature that it may take. */
struct operation {
    int is_active, has_parts, has_signature, is_deterministic;
    struct key *key;
    struct bytes message, signature;
    unsigned char token[TOKEN_BYTES], context[MOST_CONTEXT];
    size_t context_size;
};

/* Start with the half of a key that can do it; a mechanism of NULL ends what is under way. */
CK_RV operation_begin(struct operation *operation, const CK_MECHANISM *mechanism,
                      CK_OBJECT_HANDLE key, CK_OBJECT_CLASS half);

/* Parts are kept until the last: the algorithms need all of a message at once. */
CK_RV operation_add(struct operation *operation, const CK_BYTE *part, CK_ULONG size);

void operation_end(struct operation *operation);

#endif
