/* Making key pairs. The call returns when the key is made: for a tall tree that takes as long as it
 * takes `pipsqueak`. */
#include <stdlib.h>
#include <string.h>

#include "claims.h"
#include "journal.h"
#include "objects.h"
#include "recipe.h"
#include "refusals.h"
#include "sessions.h"

static CK_RV make(const struct recipe *recipe)
{
    static const unsigned char no_flags[8] = {0};
    const struct sm_field fields[] = {text(recipe->alias), text(recipe->algorithm), text(""),
                                      bytes(no_flags, sizeof no_flags)};
    struct sm_reply reply;
    CK_RV rv = ask("generate", fields, 4, 1, &reply);
    if (rv == CKR_OK)
        sm_reply_free(&reply);
    return rv;
}

/* The world keeps the ID of a key that stays. Without it the key is not what was asked for. */
static CK_RV identify(const struct recipe *recipe)
{
    if (recipe->is_of_session || recipe->id == NULL)
        return CKR_OK;
    const struct sm_field fields[] = {text(recipe->alias),
                                      bytes(recipe->id->pValue, recipe->id->ulValueLen)};
    struct sm_reply reply;
    CK_RV rv = ask("identify", fields, 2, 0, &reply);
    if (rv == CKR_OK)
        sm_reply_free(&reply);
    else
        key_destroy(recipe->alias);
    return rv;
}

static CK_RV give_handles(const struct recipe *recipe, CK_OBJECT_HANDLE *public_key,
                          CK_OBJECT_HANDLE *private_key)
{
    struct key_list made;
    CK_RV rv = keys_named(recipe->alias, strlen(recipe->alias), &made);
    if (rv != CKR_OK)
        return rv;
    if (made.count == 1) {
        *public_key = object_handle(made.keys[0], CKO_PUBLIC_KEY);
        *private_key = object_handle(made.keys[0], CKO_PRIVATE_KEY);
    }
    free(made.keys);
    return made.count == 1 ? CKR_OK : CKR_FUNCTION_FAILED;
}

/* The key is claimed before it is made: nobody takes it for one of the token meanwhile. */
static CK_RV claim(const struct recipe *recipe, CK_SESSION_HANDLE session)
{
    struct claim *made = calloc(1, sizeof *made);
    if (made == NULL)
        return CKR_HOST_MEMORY;
    made->session = session;
    memcpy(made->alias, recipe->alias, sizeof made->alias);
    if ((recipe->label != NULL &&
         !bytes_append(&made->label, recipe->label->pValue, recipe->label->ulValueLen)) ||
        (recipe->id != NULL &&
         !bytes_append(&made->id, recipe->id->pValue, recipe->id->ulValueLen))) {
        claim_free(made);
        return CKR_HOST_MEMORY;
    }
    claims_add(made);
    return CKR_OK;
}

static CK_RV generate(const struct session *session, const CK_MECHANISM *mechanism,
                      const struct template *public_half, const struct template *private_half,
                      struct recipe *recipe)
{
    if (mechanism->mechanism != CKM_HSS_KEY_PAIR_GEN &&
        mechanism->mechanism != CKM_ML_DSA_KEY_PAIR_GEN)
        return CKR_MECHANISM_INVALID;
    if (mechanism->pParameter != NULL || mechanism->ulParameterLen != 0)
        return CKR_MECHANISM_PARAM_INVALID;
    CK_RV rv = recipe_read(recipe, mechanism->mechanism, public_half, private_half);
    if (rv == CKR_OK && recipe->is_of_session)
        rv = claim(recipe, session->handle);
    else if (rv == CKR_OK && !(session->flags & CKF_RW_SESSION))
        rv = CKR_SESSION_READ_ONLY;
    rv = rv == CKR_OK ? make(recipe) : rv;
    return rv == CKR_OK ? identify(recipe) : rv;
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism,
                        CK_ATTRIBUTE *public_attributes, CK_ULONG public_count,
                        CK_ATTRIBUTE *private_attributes, CK_ULONG private_count,
                        CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    struct session *session;
    struct recipe recipe;
    const struct template public_half = {public_attributes, public_count},
                          private_half = {private_attributes, private_count};
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    if (mechanism == NULL || public_key == NULL || private_key == NULL)
        return gives(session_leave(session, CKR_ARGUMENTS_BAD));
    rv = generate(session, mechanism, &public_half, &private_half, &recipe);
    return gives(session_leave(session,
                               rv == CKR_OK ? give_handles(&recipe, public_key, private_key) : rv));
}
