/* What an object says of itself. */
#ifndef SEEMACHINE_PKCS11_ATTRIBUTES_H
#define SEEMACHINE_PKCS11_ATTRIBUTES_H

#include "objects.h"

/* Bytes of the key, or a number or flag that it holds itself, where `data` is NULL. */
struct value {
    const void *data;
    size_t size;
    CK_ULONG number;
    CK_BBOOL flag;
};

/* CKR_OK, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_SENSITIVE, or what a machine refused. */
CK_RV attribute_of(const struct object *object, CK_ATTRIBUTE_TYPE type, struct value *value);

/* Its `size` bytes. */
void value_copy(const struct value *value, void *place);
int value_is(const struct value *value, const CK_ATTRIBUTE *attribute);

#endif
