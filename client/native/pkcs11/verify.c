/* Verifying, in the helper on this host: no machine is asked. */
#include <string.h>

#include "journal.h"
#include "parameters.h"
#include "refusals.h"
#include "sessions.h"

/* Key and signature as the algorithm has them, without what HSS puts before them. */
static CK_RV ask_whether(const struct operation *operation, const void *message, size_t size,
                         const CK_BYTE *signature)
{
    const struct key *key = operation->key;
    size_t head = key->type == CKK_HSS ? LEVEL_BYTES : 0;
    const struct sm_field fields[] = {
        bytes(key->value.data + head, key->value.size - head),
        text(key->type == CKK_HSS ? "LMS" : "ML-DSA"),
        bytes(message, size),
        bytes(signature + head, key->signature_size - head),
        bytes(operation->context, operation->context_size),
    };
    struct sm_reply reply;
    CK_RV rv = ask("verify_immediate", fields, sizeof fields / sizeof *fields, 1, &reply);
    if (rv != CKR_OK)
        return rv;
    unsigned long long is_good = sm_number(&reply.fields[0]);
    sm_reply_free(&reply);
    return is_good == 1 ? CKR_OK : CKR_SIGNATURE_INVALID;
}

static CK_RV check(const struct operation *operation, const void *message, size_t size,
                   const CK_BYTE *signature, CK_ULONG length)
{
    static const CK_BYTE no_levels[LEVEL_BYTES] = {0};
    if (signature == NULL || (message == NULL && size != 0))
        return CKR_ARGUMENTS_BAD;
    if (length != operation->key->signature_size)
        return CKR_SIGNATURE_LEN_RANGE;
    if (operation->key->type == CKK_HSS && memcmp(signature, no_levels, sizeof no_levels) != 0)
        return CKR_SIGNATURE_INVALID;
    return ask_whether(operation, message, size, signature);
}

/* Whatever comes of it, the operation is over. */
static CK_RV verify(struct operation *operation, const void *message, size_t size,
                    const CK_BYTE *signature, CK_ULONG length)
{
    CK_RV rv = check(operation, message, size, signature, length);
    operation_end(operation);
    return rv;
}

/* Whether such a call may come now: one way of giving the signature, and one of giving the data,
 * for each operation. */
static CK_RV check_turn(const struct operation *operation, int has_signature, int may_have_parts)
{
    if (!operation->is_active)
        return CKR_OPERATION_NOT_INITIALIZED;
    return operation->has_signature != has_signature || (operation->has_parts && !may_have_parts)
               ? CKR_OPERATION_ACTIVE
               : CKR_OK;
}

CK_RV C_VerifyInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    return gives(session_leave(
        session, operation_begin(&session->verifying, mechanism, key, CKO_PUBLIC_KEY)));
}

CK_RV C_Verify(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature,
               CK_ULONG length)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    rv = check_turn(&session->verifying, 0, 0);
    return gives(session_leave(
        session, rv != CKR_OK ? rv : verify(&session->verifying, data, size, signature, length)));
}

static CK_RV add_part(CK_SESSION_HANDLE handle, int has_signature, const CK_BYTE *part,
                      CK_ULONG size)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return rv;
    rv = check_turn(&session->verifying, has_signature, 1);
    return session_leave(session,
                         rv != CKR_OK ? rv : operation_add(&session->verifying, part, size));
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG size)
{
    return gives(add_part(handle, 0, part, size));
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE handle, CK_BYTE *signature, CK_ULONG length)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    struct operation *operation = &session->verifying;
    rv = check_turn(operation, 0, 1);
    if (rv == CKR_OK)
        rv = verify(operation, operation->message.data, operation->message.size, signature, length);
    return gives(session_leave(session, rv));
}

static CK_RV begin_with(struct operation *operation, const CK_MECHANISM *mechanism,
                        CK_OBJECT_HANDLE key, const CK_BYTE *signature, CK_ULONG length)
{
    if (mechanism != NULL && signature == NULL)
        return CKR_ARGUMENTS_BAD;
    CK_RV rv = operation_begin(operation, mechanism, key, CKO_PUBLIC_KEY);
    if (rv != CKR_OK || mechanism == NULL)
        return rv;
    operation->has_signature = 1;
    if (bytes_append(&operation->signature, signature, length))
        return CKR_OK;
    operation_end(operation);
    return CKR_HOST_MEMORY;
}

CK_RV C_VerifySignatureInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                            CK_BYTE *signature, CK_ULONG length)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    return gives(session_leave(session,
                               begin_with(&session->verifying, mechanism, key, signature, length)));
}

CK_RV C_VerifySignature(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG size)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    struct operation *operation = &session->verifying;
    rv = check_turn(operation, 1, 0);
    if (rv == CKR_OK)
        rv = verify(operation, data, size, operation->signature.data, operation->signature.size);
    return gives(session_leave(session, rv));
}

CK_RV C_VerifySignatureUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG size)
{
    return gives(add_part(handle, 1, part, size));
}

CK_RV C_VerifySignatureFinal(CK_SESSION_HANDLE handle)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    struct operation *operation = &session->verifying;
    rv = check_turn(operation, 1, 1);
    if (rv == CKR_OK)
        rv = verify(operation, operation->message.data, operation->message.size,
                    operation->signature.data, operation->signature.size);
    return gives(session_leave(session, rv));
}
