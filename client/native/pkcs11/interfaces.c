/* The tables of functions, and who asks for which. */
#include "journal.h"
#include "library.h"

#include <string.h>

#define NAMED(name, types) .name = name,

static CK_FUNCTION_LIST version_2_40 = {.version = {2, 40}, SEEMACHINE_FUNCTIONS_2_40(NAMED)};
static CK_FUNCTION_LIST_3_0 version_3_0 = {
    .version = {3, 0}, SEEMACHINE_FUNCTIONS_2_40(NAMED) SEEMACHINE_FUNCTIONS_3_0(NAMED)};
static CK_FUNCTION_LIST_3_2 version_3_2 = {.version = {3, 2},
                                           SEEMACHINE_FUNCTIONS_2_40(NAMED)
                                               SEEMACHINE_FUNCTIONS_3_0(NAMED)
                                                   SEEMACHINE_FUNCTIONS_3_2(NAMED)};

static CK_UTF8CHAR standard[] = "PKCS 11";

/* The first is the default. None is fork-tolerant: a child starts anew. */
static CK_INTERFACE interfaces[] = {
    {standard, &version_3_2, 0}, {standard, &version_3_0, 0}, {standard, &version_2_40, 0}};
enum { INTERFACES = sizeof interfaces / sizeof *interfaces };

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    if (list == NULL)
        return gives(CKR_ARGUMENTS_BAD);
    *list = &version_2_40;
    return gives(CKR_OK);
}

CK_RV C_GetInterfaceList(CK_INTERFACE *list, CK_ULONG *count)
{
    if (count == NULL)
        return gives(CKR_ARGUMENTS_BAD);
    CK_ULONG room = *count;
    *count = INTERFACES;
    if (list == NULL)
        return gives(CKR_OK);
    if (room < INTERFACES)
        return gives(CKR_BUFFER_TOO_SMALL);
    memcpy(list, interfaces, sizeof interfaces);
    return gives(CKR_OK);
}

static int is_asked(const CK_INTERFACE *each, const CK_UTF8CHAR *name, const CK_VERSION *version,
                    CK_FLAGS flags)
{
    if (name != NULL && strcmp((const char *)name, (const char *)each->pInterfaceName) != 0)
        return 0;
    if (version != NULL && memcmp(version, each->pFunctionList, sizeof *version) != 0)
        return 0;
    return (each->flags & flags) == flags;
}

CK_RV C_GetInterface(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **chosen, CK_FLAGS flags)
{
    if (chosen == NULL)
        return gives(CKR_ARGUMENTS_BAD);
    for (CK_INTERFACE *each = interfaces; each < interfaces + INTERFACES; each++)
        if (is_asked(each, name, version, flags)) {
            *chosen = each;
            return gives(CKR_OK);
        }
    return gives(CKR_FUNCTION_FAILED);
}
