/* The functions of the standard that the module does not have: one answer under many names, each of
 * which the journal tells. */
#include "journal.h"
#include "library.h"

static CK_RV not_supported(const char *name)
{
    CK_RV rv = library_in_use();
    return journal_end(name, rv == CKR_OK ? CKR_FUNCTION_NOT_SUPPORTED : rv);
}

/* Caller and callee agree on where arguments are, and this callee looks at none. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wattribute-alias"
#endif
#define UNSUPPORTED(name)                                                                          \
    __attribute__((used)) static CK_RV no_##name(void)                                             \
    {                                                                                              \
        return not_supported(#name);                                                               \
    }                                                                                              \
    extern __typeof__(name) name __attribute__((alias("no_" #name)));

UNSUPPORTED(C_InitToken)
UNSUPPORTED(C_InitPIN)
UNSUPPORTED(C_SetPIN)
UNSUPPORTED(C_GetOperationState)
UNSUPPORTED(C_SetOperationState)
UNSUPPORTED(C_CreateObject)
UNSUPPORTED(C_CopyObject)
UNSUPPORTED(C_GetObjectSize)
UNSUPPORTED(C_SetAttributeValue)
UNSUPPORTED(C_EncryptInit)
UNSUPPORTED(C_Encrypt)
UNSUPPORTED(C_EncryptUpdate)
UNSUPPORTED(C_EncryptFinal)
UNSUPPORTED(C_DecryptInit)
UNSUPPORTED(C_Decrypt)
UNSUPPORTED(C_DecryptUpdate)
UNSUPPORTED(C_DecryptFinal)
UNSUPPORTED(C_DigestInit)
UNSUPPORTED(C_Digest)
UNSUPPORTED(C_DigestUpdate)
UNSUPPORTED(C_DigestKey)
UNSUPPORTED(C_DigestFinal)
UNSUPPORTED(C_SignRecoverInit)
UNSUPPORTED(C_SignRecover)
UNSUPPORTED(C_VerifyRecoverInit)
UNSUPPORTED(C_VerifyRecover)
UNSUPPORTED(C_DigestEncryptUpdate)
UNSUPPORTED(C_DecryptDigestUpdate)
UNSUPPORTED(C_SignEncryptUpdate)
UNSUPPORTED(C_DecryptVerifyUpdate)
UNSUPPORTED(C_GenerateKey)
UNSUPPORTED(C_WrapKey)
UNSUPPORTED(C_UnwrapKey)
UNSUPPORTED(C_DeriveKey)
UNSUPPORTED(C_LoginUser)
UNSUPPORTED(C_MessageEncryptInit)
UNSUPPORTED(C_EncryptMessage)
UNSUPPORTED(C_EncryptMessageBegin)
UNSUPPORTED(C_EncryptMessageNext)
UNSUPPORTED(C_MessageEncryptFinal)
UNSUPPORTED(C_MessageDecryptInit)
UNSUPPORTED(C_DecryptMessage)
UNSUPPORTED(C_DecryptMessageBegin)
UNSUPPORTED(C_DecryptMessageNext)
UNSUPPORTED(C_MessageDecryptFinal)
UNSUPPORTED(C_MessageSignInit)
UNSUPPORTED(C_SignMessage)
UNSUPPORTED(C_SignMessageBegin)
UNSUPPORTED(C_SignMessageNext)
UNSUPPORTED(C_MessageSignFinal)
UNSUPPORTED(C_MessageVerifyInit)
UNSUPPORTED(C_VerifyMessage)
UNSUPPORTED(C_VerifyMessageBegin)
UNSUPPORTED(C_VerifyMessageNext)
UNSUPPORTED(C_MessageVerifyFinal)
UNSUPPORTED(C_EncapsulateKey)
UNSUPPORTED(C_DecapsulateKey)
UNSUPPORTED(C_GetSessionValidationFlags)
UNSUPPORTED(C_AsyncComplete)
UNSUPPORTED(C_AsyncGetID)
UNSUPPORTED(C_AsyncJoin)
UNSUPPORTED(C_WrapKeyAuthenticated)
UNSUPPORTED(C_UnwrapKeyAuthenticated)
