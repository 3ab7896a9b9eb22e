/* Finding objects: what the world has when the search begins. */
#include <stdlib.h>
#include <string.h>

#include "attributes.h"
#include "claims.h"
#include "journal.h"
#include "sessions.h"
#include "template.h"

static unsigned char folded(unsigned char character)
{
    return character >= 'A' && character <= 'Z' ? character | ' ' : character;
}

/* The label of a key of the token is its alias, which goes by letters of either case. */
static int is_label(const struct key *key, const CK_ATTRIBUTE *label)
{
    const unsigned char *asked = label->pValue;
    if (label->ulValueLen != key->label.size)
        return 0;
    for (size_t at = 0; at < label->ulValueLen; at++) {
        unsigned char one = key->session == CK_INVALID_HANDLE ? folded(asked[at]) : asked[at];
        if (one != key->label.data[at])
            return 0;
    }
    return 1;
}

static int is_asked(const struct object *object, const struct template *template)
{
    for (CK_ULONG at = 0; at < template->count; at++) {
        const CK_ATTRIBUTE *each = &template->attributes[at];
        struct value value;
        if (each->type == CKA_LABEL
                ? !is_label(object->key, each)
                : attribute_of(object, each->type, &value) != CKR_OK || !value_is(&value, each))
            return 0;
    }
    return 1;
}

static void gather(struct session *session, const struct key_list *keys,
                   const struct template *template)
{
    static const CK_OBJECT_CLASS halves[] = {CKO_PUBLIC_KEY, CKO_PRIVATE_KEY};
    for (size_t at = 0; at < keys->count; at++)
        for (size_t half = 0; half < 2; half++) {
            struct object object = {keys->keys[at], halves[half]};
            if (object_is_visible(&object) && is_asked(&object, template))
                session->found[session->found_count++] = object_handle(object.key, object.class);
        }
}

static CK_RV find(struct session *session, const struct template *template)
{
    if (!template_is_whole(template))
        return CKR_ARGUMENTS_BAD;
    if (session->is_finding)
        return CKR_OPERATION_ACTIVE;
    struct key_list keys;
    const CK_ATTRIBUTE *label = template_find(template, CKA_LABEL);
    int is_alias = label != NULL && !claims_are_there();
    CK_RV rv = is_alias ? keys_named(label->pValue, label->ulValueLen, &keys) : keys_all(&keys);
    if (rv != CKR_OK)
        return rv;
    session->found_count = session->found_next = 0;
    session->found = malloc((2 * keys.count + 1) * sizeof *session->found);
    session->is_finding = session->found != NULL;
    if (session->is_finding)
        gather(session, &keys, template);
    free(keys.keys);
    return session->is_finding ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    struct session *session;
    const struct template template = {attributes, count};
    CK_RV rv = session_enter(handle, &session);
    return gives(rv != CKR_OK ? rv : session_leave(session, find(session, &template)));
}

CK_RV C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *objects, CK_ULONG most,
                    CK_ULONG *count)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    if (count == NULL || (objects == NULL && most != 0))
        return gives(session_leave(session, CKR_ARGUMENTS_BAD));
    if (!session->is_finding)
        return gives(session_leave(session, CKR_OPERATION_NOT_INITIALIZED));
    for (*count = 0; *count < most && session->found_next < session->found_count; (*count)++)
        objects[*count] = session->found[session->found_next++];
    return gives(session_leave(session, CKR_OK));
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    rv = session->is_finding ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
    finding_end(session);
    return gives(session_leave(session, rv));
}
