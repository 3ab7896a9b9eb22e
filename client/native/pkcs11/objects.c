#include "objects.h"

#include <stdlib.h>

#include "attributes.h"
#include "claims.h"
#include "journal.h"
#include "login.h"
#include "refusals.h"
#include "sessions.h"

CK_OBJECT_HANDLE object_handle(const struct key *key, CK_OBJECT_CLASS class)
{
    return 2 * key->number + (class == CKO_PRIVATE_KEY);
}

int object_is_visible(const struct object *object)
{
    const char *preloaded = getenv("SEEMACHINE_PRELOADED");
    if (object->class == CKO_PUBLIC_KEY || !object->key->is_protected)
        return 1;
    return logged_in() || (preloaded != NULL && *preloaded != 0);
}

int object_at(CK_OBJECT_HANDLE handle, struct object *object)
{
    object->key = key_numbered(handle / 2);
    object->class = handle % 2 ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY;
    return object->key != NULL && object_is_visible(object);
}

/* Into the caller's buffer, as 5.7.5 has it: a length of -1 says which attributes are not to be
 * had. */
static CK_RV give(CK_ATTRIBUTE *attribute, const struct value *value)
{
    CK_ULONG room = attribute->ulValueLen;
    attribute->ulValueLen = value->size;
    if (attribute->pValue == NULL)
        return CKR_OK;
    if (room < value->size) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    value_copy(value, attribute->pValue);
    return CKR_OK;
}

static CK_RV read_attributes(const struct object *object, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_RV first = CKR_OK;
    for (CK_ULONG at = 0; at < count; at++) {
        struct value value;
        CK_RV rv = attribute_of(object, attributes[at].type, &value);
        if (rv == CKR_OK)
            rv = give(&attributes[at], &value);
        else
            attributes[at].ulValueLen = CK_UNAVAILABLE_INFORMATION;
        first = first == CKR_OK ? rv : first;
    }
    return first;
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE which,
                          CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    struct session *session;
    struct object object;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    if (attributes == NULL && count != 0)
        return gives(session_leave(session, CKR_ARGUMENTS_BAD));
    if (!object_at(which, &object))
        return gives(session_leave(session, CKR_OBJECT_HANDLE_INVALID));
    return gives(session_leave(session, read_attributes(&object, attributes, count)));
}

static CK_RV destroy(const struct session *session, CK_OBJECT_HANDLE which)
{
    struct object object;
    struct sm_reply reply;
    if (!object_at(which, &object))
        return CKR_OBJECT_HANDLE_INVALID;
    if (object.key->session == CK_INVALID_HANDLE && !(session->flags & CKF_RW_SESSION))
        return CKR_SESSION_READ_ONLY;
    if (object.class == CKO_PUBLIC_KEY)
        return CKR_ACTION_PROHIBITED;
    CK_RV rv = key_check(object.key);
    if (rv != CKR_OK)
        return rv;
    const struct sm_field fields[] = {text(object.key->alias)};
    rv = ask("destroy", fields, 1, 0, &reply);
    if (rv != CKR_OK)
        return rv;
    sm_reply_free(&reply);
    key_is_gone(object.key);
    claims_drop(object.key->alias);
    return CKR_OK;
}

/* A key goes by its private half, and takes the public one with it. */
CK_RV C_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE which)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    return gives(rv != CKR_OK ? rv : session_leave(session, destroy(session, which)));
}
