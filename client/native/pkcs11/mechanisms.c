#include "mechanisms.h"

#include <string.h>

#include "journal.h"
#include "token.h"

enum { LEAST_ML_DSA = 1312, MOST_ML_DSA = 2592 };

static const struct row {
    CK_MECHANISM_TYPE type;
    CK_MECHANISM_INFO info;
} rows[] = {
    {CKM_HSS_KEY_PAIR_GEN, {0, 0, CKF_GENERATE_KEY_PAIR}},
    {CKM_HSS, {0, 0, CKF_SIGN | CKF_VERIFY}},
    {CKM_ML_DSA_KEY_PAIR_GEN, {LEAST_ML_DSA, MOST_ML_DSA, CKF_GENERATE_KEY_PAIR}},
    {CKM_ML_DSA, {LEAST_ML_DSA, MOST_ML_DSA, CKF_SIGN | CKF_VERIFY}},
};
enum { ROWS = sizeof rows / sizeof *rows };

CK_MECHANISM_TYPE mechanism_that_makes(CK_KEY_TYPE type)
{
    return type == CKK_HSS ? CKM_HSS_KEY_PAIR_GEN : CKM_ML_DSA_KEY_PAIR_GEN;
}

CK_MECHANISM_TYPE mechanism_that_signs(CK_KEY_TYPE type)
{
    return type == CKK_HSS ? CKM_HSS : CKM_ML_DSA;
}

/* Hedged, unless the caller says otherwise: only a deterministic signature has to be asked for. */
static CK_RV read_context(const CK_SIGN_ADDITIONAL_CONTEXT *given, struct operation *operation)
{
    if (given->hedgeVariant > CKH_DETERMINISTIC_REQUIRED || given->ulContextLen > MOST_CONTEXT ||
        (given->pContext == NULL && given->ulContextLen != 0))
        return CKR_MECHANISM_PARAM_INVALID;
    operation->is_deterministic = given->hedgeVariant == CKH_DETERMINISTIC_REQUIRED;
    operation->context_size = given->ulContextLen;
    if (given->ulContextLen != 0)
        memcpy(operation->context, given->pContext, given->ulContextLen);
    return CKR_OK;
}

CK_RV mechanism_read(const CK_MECHANISM *mechanism, const struct key *key,
                     struct operation *operation)
{
    if (mechanism->mechanism != CKM_HSS && mechanism->mechanism != CKM_ML_DSA)
        return CKR_MECHANISM_INVALID;
    if (mechanism->mechanism != mechanism_that_signs(key->type))
        return CKR_KEY_TYPE_INCONSISTENT;
    if (mechanism->pParameter == NULL && mechanism->ulParameterLen == 0)
        return CKR_OK;
    if (mechanism->mechanism == CKM_HSS || mechanism->pParameter == NULL ||
        mechanism->ulParameterLen != sizeof(CK_SIGN_ADDITIONAL_CONTEXT))
        return CKR_MECHANISM_PARAM_INVALID;
    return read_context(mechanism->pParameter, operation);
}

CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    CK_RV rv = token_check(slot);
    if (rv != CKR_OK)
        return gives(rv);
    if (count == NULL)
        return gives(CKR_ARGUMENTS_BAD);
    CK_ULONG room = *count;
    *count = ROWS;
    if (list == NULL)
        return gives(CKR_OK);
    if (room < ROWS)
        return gives(CKR_BUFFER_TOO_SMALL);
    for (size_t at = 0; at < ROWS; at++)
        list[at] = rows[at].type;
    return gives(CKR_OK);
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    CK_RV rv = token_check(slot);
    if (rv != CKR_OK)
        return gives(rv);
    if (info == NULL)
        return gives(CKR_ARGUMENTS_BAD);
    for (size_t at = 0; at < ROWS; at++)
        if (rows[at].type == type) {
            *info = rows[at].info;
            return gives(CKR_OK);
        }
    return gives(CKR_MECHANISM_INVALID);
}
