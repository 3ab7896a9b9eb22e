#include "token.h"

#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "keys.h"
#include "login.h"
#include "sessions.h"

CK_RV token_check(CK_SLOT_ID slot)
{
    CK_RV rv = library_in_use();
    if (rv != CKR_OK)
        return rv;
    return slot == SLOT ? CKR_OK : CKR_SLOT_ID_INVALID;
}

CK_RV C_GetSlotList(CK_BBOOL only_with_token, CK_SLOT_ID *slots, CK_ULONG *count)
{
    (void)only_with_token;
    CK_RV rv = library_in_use();
    if (rv != CKR_OK)
        return gives(rv);
    if (count == NULL)
        return gives(CKR_ARGUMENTS_BAD);
    CK_ULONG room = *count;
    *count = 1;
    if (slots == NULL)
        return gives(CKR_OK);
    if (room < 1)
        return gives(CKR_BUFFER_TOO_SMALL);
    slots[0] = SLOT;
    return gives(CKR_OK);
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    CK_RV rv = token_check(slot);
    if (rv != CKR_OK)
        return gives(rv);
    if (info == NULL)
        return gives(CKR_ARGUMENTS_BAD);
    memset(info, 0, sizeof *info);
    padded(info->slotDescription, sizeof info->slotDescription, "seemachine fleet of mock HSMs");
    padded(info->manufacturerID, sizeof info->manufacturerID, "seemachine");
    info->flags = CKF_TOKEN_PRESENT;
    return gives(CKR_OK);
}

/* Keys that a card set protects need a login, by its passphrase; those of the module need none. */
static CK_RV login_flags(CK_FLAGS *flags)
{
    struct key_list found;
    CK_RV rv = keys_all(&found);
    if (rv != CKR_OK)
        return rv;
    for (size_t at = 0; at < found.count; at++)
        if (found.keys[at]->is_protected)
            *flags = CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
    free(found.keys);
    return CKR_OK;
}

static void count_sessions(CK_TOKEN_INFO *info)
{
    info->ulMaxSessionCount = info->ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
    info->ulSessionCount = sessions_with(0);
    info->ulRwSessionCount = sessions_with(CKF_RW_SESSION);
    info->ulTotalPublicMemory = info->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
    info->ulTotalPrivateMemory = info->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
}

CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_FLAGS login = 0;
    CK_RV rv = token_check(slot);
    if (rv != CKR_OK)
        return gives(rv);
    if (info == NULL)
        return gives(CKR_ARGUMENTS_BAD);
    rv = login_flags(&login);
    if (rv != CKR_OK)
        return gives(rv);
    memset(info, 0, sizeof *info);
    padded(info->label, sizeof info->label, "seemachine");
    padded(info->manufacturerID, sizeof info->manufacturerID, "seemachine");
    padded(info->model, sizeof info->model, "PQSDK fleet");
    padded(info->serialNumber, sizeof info->serialNumber, "1");
    padded(info->utcTime, sizeof info->utcTime, "");
    info->flags = CKF_RNG | CKF_TOKEN_INITIALIZED | login;
    info->ulMaxPinLen = MOST_PIN;
    count_sessions(info);
    return gives(CKR_OK);
}

/* Nothing ever happens in the slot. */
CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
    CK_RV rv = library_in_use();
    if (rv != CKR_OK)
        return gives(rv);
    if (slot == NULL || reserved != NULL)
        return gives(CKR_ARGUMENTS_BAD);
    return gives(flags & CKF_DONT_BLOCK ? CKR_NO_EVENT : CKR_FUNCTION_NOT_SUPPORTED);
}
