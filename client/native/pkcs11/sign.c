/*
 * Signing. C_SignInit names the signature; a leaf is taken, at most one, when data and a buffer
 * that holds the signature have come: never for a question of its length, never for a buffer that
 * is too small. The helper asks again under the same name when a reply is lost.
 */
#include <string.h>

#include "journal.h"
#include "login.h"
#include "parameters.h"
#include "refusals.h"
#include "sessions.h"

CK_RV C_SignInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    return gives(session_leave(
        session, operation_begin(&session->signing, mechanism, key, CKO_PRIVATE_KEY)));
}

/* The key is named by its hash: another one that has come under its alias must not sign. */
static CK_RV ask_for(const struct operation *operation, const void *message, size_t size,
                     struct sm_reply *reply)
{
    unsigned char deterministic[8];
    struct bytes passphrase = {0};
    if (operation->key->is_protected && !login_passphrase(&passphrase))
        return CKR_HOST_MEMORY;
    sm_put_number(deterministic, (unsigned)operation->is_deterministic);
    const struct sm_field fields[] = {
        text(""),
        text(operation->key->hash),
        bytes(message, size),
        bytes(operation->token, TOKEN_BYTES),
        bytes(operation->context, operation->context_size),
        bytes(deterministic, sizeof deterministic),
        bytes(passphrase.data, passphrase.size),
    };
    CK_RV rv = ask("sign", fields, sizeof fields / sizeof *fields, 1, reply);
    login_wipe(&passphrase);
    return rv;
}

/* RFC 8554 6.2: a signature of one level says first that there are no levels below. */
static CK_RV deliver(const struct key *key, const struct sm_field *signature, CK_BYTE *place)
{
    size_t head = key->type == CKK_HSS ? LEVEL_BYTES : 0;
    if (head + signature->size != key->signature_size)
        return CKR_GENERAL_ERROR;
    memset(place, 0, head);
    memcpy(place + head, signature->data, signature->size);
    return CKR_OK;
}

/* Whatever comes of it, the operation is over. */
static CK_RV sign(struct operation *operation, const void *message, size_t size, CK_BYTE *place,
                  CK_ULONG *length)
{
    struct sm_reply reply;
    struct key *key = operation->key;
    CK_RV rv = ask_for(operation, message, size, &reply);
    if (rv == CKR_DEVICE_ERROR && key_check(key) == CKR_OBJECT_HANDLE_INVALID)
        rv = CKR_KEY_HANDLE_INVALID;
    if (rv == CKR_OK) {
        rv = deliver(key, &reply.fields[0], place);
        sm_reply_free(&reply);
    }
    *length = key->signature_size;
    operation_end(operation);
    return rv;
}

/* Whether the call asks only for the length, or its buffer is too small: nothing happens, and the
 * operation goes on. */
static int is_only_asked(const struct operation *operation, const CK_BYTE *place, CK_ULONG *length,
                         CK_RV *rv)
{
    size_t needed = operation->key->signature_size;
    if (place != NULL && *length >= needed)
        return 0;
    *length = needed;
    *rv = place == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
    return 1;
}

static CK_RV bad_arguments(struct operation *operation)
{
    operation_end(operation);
    return CKR_ARGUMENTS_BAD;
}

static CK_RV sign_whole(struct operation *operation, const CK_BYTE *data, CK_ULONG size,
                        CK_BYTE *place, CK_ULONG *length)
{
    CK_RV rv;
    if (!operation->is_active)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (operation->has_parts)
        return CKR_OPERATION_ACTIVE;
    if (length == NULL || (data == NULL && size != 0 && place != NULL))
        return bad_arguments(operation);
    return is_only_asked(operation, place, length, &rv)
               ? rv
               : sign(operation, data, size, place, length);
}

CK_RV C_Sign(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature,
             CK_ULONG *length)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    return gives(
        session_leave(session, sign_whole(&session->signing, data, size, signature, length)));
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG size)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    return gives(rv != CKR_OK
                     ? rv
                     : session_leave(session, operation_add(&session->signing, part, size)));
}

static CK_RV sign_parts(struct operation *operation, CK_BYTE *place, CK_ULONG *length)
{
    CK_RV rv;
    if (!operation->is_active)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (length == NULL)
        return bad_arguments(operation);
    if (is_only_asked(operation, place, length, &rv))
        return rv;
    return sign(operation, operation->message.data, operation->message.size, place, length);
}

CK_RV C_SignFinal(CK_SESSION_HANDLE handle, CK_BYTE *signature, CK_ULONG *length)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    return gives(rv != CKR_OK
                     ? rv
                     : session_leave(session, sign_parts(&session->signing, signature, length)));
}
