/* The two halves of each key as objects, by handle. */
#ifndef SEEMACHINE_PKCS11_OBJECTS_H
#define SEEMACHINE_PKCS11_OBJECTS_H

#include "keys.h"

struct object {
    struct key *key;
    CK_OBJECT_CLASS class;
};

CK_OBJECT_HANDLE object_handle(const struct key *key, CK_OBJECT_CLASS class);

/* Whether there is such an object, and the application may see it. */
int object_at(CK_OBJECT_HANDLE handle, struct object *object);

/* The private half of a key that a card set protects is seen after a login, or under `preload`. */
int object_is_visible(const struct object *object);

#endif
