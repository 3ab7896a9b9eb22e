#include "values.h"

#define MEANS(value, sentence) {value, #value, sentence},

static const struct meaning meanings[] = {
    MEANS(CKR_ACTION_PROHIBITED, "destroy the private half: the public one goes with it")
    MEANS(CKR_ARGUMENTS_BAD, "an argument is NULL, or contradicts another")
    MEANS(CKR_ATTRIBUTE_SENSITIVE, "a private key is not given out")
    MEANS(CKR_ATTRIBUTE_TYPE_INVALID, "keys have no such attribute")
    MEANS(CKR_ATTRIBUTE_VALUE_INVALID, "an attribute has a value that no key can have")
    MEANS(CKR_BUFFER_TOO_SMALL, "the length says now how many bytes are needed; nothing is spent")
    MEANS(CKR_CANT_LOCK, "the module locks with the system's mutexes: set CKF_OS_LOCKING_OK")
    MEANS(CKR_CRYPTOKI_ALREADY_INITIALIZED, "C_Initialize was called before")
    MEANS(CKR_CRYPTOKI_NOT_INITIALIZED, "call C_Initialize first, after a fork again")
    MEANS(CKR_DATA_INVALID, "the message or what goes with it can't be signed")
    MEANS(CKR_DEVICE_ERROR, "no HSM could do it")
    MEANS(CKR_FUNCTION_FAILED, "there is no such interface, or a new key was not found again")
    MEANS(CKR_FUNCTION_NOT_PARALLEL, "nothing runs beside its caller")
    MEANS(CKR_FUNCTION_NOT_SUPPORTED, "the module does not have this function")
    MEANS(CKR_GENERAL_ERROR, "this host has no random numbers, or a signature has a wrong length")
    MEANS(CKR_HOST_MEMORY, "there is no memory for it")
    MEANS(CKR_KEY_EXHAUSTED, "all signatures of the key are used up")
    MEANS(CKR_KEY_FUNCTION_NOT_PERMITTED, "the private half signs, the public half verifies")
    MEANS(CKR_KEY_HANDLE_INVALID, "the key was destroyed, or was never there")
    MEANS(CKR_KEY_TYPE_INCONSISTENT, "the mechanism is one for keys of another type")
    MEANS(CKR_MECHANISM_INVALID, "there is no such mechanism, or not for this function")
    MEANS(CKR_MECHANISM_PARAM_INVALID, "the mechanism does not take this parameter")
    MEANS(CKR_NO_EVENT, "nothing ever happens in the slot")
    MEANS(CKR_OBJECT_HANDLE_INVALID, "the object was destroyed, or was never there")
    MEANS(CKR_OPERATION_ACTIVE, "the session is in the middle of such an operation: end it first")
    MEANS(CKR_OPERATION_NOT_INITIALIZED, "call the function that begins the operation first")
    MEANS(CKR_PARAMETER_SET_NOT_SUPPORTED, "there are CKP_ML_DSA_44, CKP_ML_DSA_65 and _87")
    MEANS(CKR_PIN_INCORRECT, "the passphrase is not that of each card set whose keys are here")
    MEANS(CKR_PIN_LEN_RANGE, "a passphrase has up to 255 bytes")
    MEANS(CKR_RANDOM_NO_RNG, "this host has no random numbers")
    MEANS(CKR_RANDOM_SEED_NOT_SUPPORTED, "random numbers take no seed")
    MEANS(CKR_SESSION_CLOSED, "the session was closed meanwhile")
    MEANS(CKR_SESSION_HANDLE_INVALID, "there is no such session")
    MEANS(CKR_SESSION_PARALLEL_NOT_SUPPORTED, "set CKF_SERIAL_SESSION")
    MEANS(CKR_SESSION_READ_ONLY, "keys that stay need a session with CKF_RW_SESSION")
    MEANS(CKR_SIGNATURE_INVALID, "the signature is not one of this message and key")
    MEANS(CKR_SIGNATURE_LEN_RANGE, "signatures of this key have another length")
    MEANS(CKR_SLOT_ID_INVALID, "the only slot is number 0")
    MEANS(CKR_TEMPLATE_INCOMPLETE, "HSS needs CKA_HSS_LEVELS, CKA_HSS_LMS_TYPES and"
                                   " CKA_HSS_LMOTS_TYPES, ML-DSA needs CKA_PARAMETER_SET")
    MEANS(CKR_TEMPLATE_INCONSISTENT, "the halves contradict each other, or HSS has several levels")
    MEANS(CKR_USER_ALREADY_LOGGED_IN, "C_Logout comes before another C_Login")
    MEANS(CKR_USER_NOT_LOGGED_IN, "a card set protects the key: C_Login with its passphrase")
    MEANS(CKR_USER_TYPE_INVALID, "the only user is CKU_USER")
};
enum { MEANINGS = sizeof meanings / sizeof *meanings };

const struct meaning *value_meaning(CK_RV value)
{
    static const struct meaning unknown = {CKR_OK, "", ""};
    for (size_t at = 0; at < MEANINGS; at++)
        if (meanings[at].value == value)
            return &meanings[at];
    return &unknown;
}
