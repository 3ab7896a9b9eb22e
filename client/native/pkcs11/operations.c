#include "operations.h"

#include <string.h>

#include "mechanisms.h"
#include "objects.h"
#include "refusals.h"

void operation_end(struct operation *operation)
{
    bytes_free(&operation->message);
    bytes_free(&operation->signature);
    *operation = (struct operation){0};
}

static CK_RV check_key(CK_OBJECT_HANDLE which, CK_OBJECT_CLASS half, struct object *object)
{
    int is_seen = object_at(which, object);
    if (object->key == NULL)
        return CKR_KEY_HANDLE_INVALID;
    if (!is_seen)
        return CKR_USER_NOT_LOGGED_IN;
    return object->class == half ? CKR_OK : CKR_KEY_FUNCTION_NOT_PERMITTED;
}

/* Without a source of chance there is no name, and two signatures of one name would be one. */
static CK_RV name_signature(struct operation *operation)
{
    static const unsigned char no_name[TOKEN_BYTES];
    sm_token(operation->token);
    return memcmp(operation->token, no_name, TOKEN_BYTES) == 0 ? CKR_GENERAL_ERROR : CKR_OK;
}

static CK_RV start(struct operation *operation, const CK_MECHANISM *mechanism,
                   CK_OBJECT_HANDLE which, CK_OBJECT_CLASS half)
{
    struct object object;
    CK_RV rv = check_key(which, half, &object);
    rv = rv == CKR_OK ? mechanism_read(mechanism, object.key, operation) : rv;
    rv = rv == CKR_OK ? name_signature(operation) : rv;
    operation->key = object.key;
    operation->is_active = rv == CKR_OK;
    if (rv != CKR_OK)
        operation_end(operation);
    return rv;
}

CK_RV operation_begin(struct operation *operation, const CK_MECHANISM *mechanism,
                      CK_OBJECT_HANDLE key, CK_OBJECT_CLASS half)
{
    if (mechanism != NULL)
        return operation->is_active ? CKR_OPERATION_ACTIVE : start(operation, mechanism, key, half);
    if (!operation->is_active)
        return CKR_ARGUMENTS_BAD;
    operation_end(operation);
    return CKR_OK;
}

CK_RV operation_add(struct operation *operation, const CK_BYTE *part, CK_ULONG size)
{
    CK_RV rv = CKR_OK;
    if (!operation->is_active)
        return CKR_OPERATION_NOT_INITIALIZED;
    operation->has_parts = 1;
    if (part == NULL && size != 0)
        rv = CKR_ARGUMENTS_BAD;
    else if (!bytes_append(&operation->message, part, size))
        rv = CKR_HOST_MEMORY;
    if (rv != CKR_OK)
        operation_end(operation);
    return rv;
}
