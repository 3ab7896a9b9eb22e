/*
 * PKCS #11 3.2 as far as seemachine's module speaks it: types, numbers and functions by the names
 * of the standard (OASIS, "PKCS #11 Specification Version 3.2"). For programs that have no header
 * of their own; it can't be used beside another one.
 */
#ifndef SEEMACHINE_PKCS11_H
#define SEEMACHINE_PKCS11_H

#include "seemachine-pkcs11-functions.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned char CK_BYTE, CK_CHAR, CK_UTF8CHAR, CK_BBOOL;
typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV, CK_FLAGS, CK_SLOT_ID, CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_USER_TYPE,
    CK_STATE, CK_NOTIFICATION, CK_OBJECT_CLASS, CK_KEY_TYPE, CK_ATTRIBUTE_TYPE, CK_MECHANISM_TYPE,
    CK_HEDGE_TYPE, CK_ML_DSA_PARAMETER_SET_TYPE, CK_SESSION_VALIDATION_FLAGS_TYPE;

#define CK_FALSE 0
#define CK_TRUE 1
#define CK_INVALID_HANDLE 0UL
#define CK_UNAVAILABLE_INFORMATION (~0UL)
#define CK_EFFECTIVELY_INFINITE 0UL

typedef struct {
    CK_BYTE major, minor;
} CK_VERSION;

typedef struct {
    CK_VERSION cryptokiVersion;
    CK_UTF8CHAR manufacturerID[32];
    CK_FLAGS flags;
    CK_UTF8CHAR libraryDescription[32];
    CK_VERSION libraryVersion;
} CK_INFO;

typedef struct {
    CK_UTF8CHAR slotDescription[64], manufacturerID[32];
    CK_FLAGS flags;
    CK_VERSION hardwareVersion, firmwareVersion;
} CK_SLOT_INFO;

typedef struct {
    CK_UTF8CHAR label[32], manufacturerID[32], model[16];
    CK_CHAR serialNumber[16];
    CK_FLAGS flags;
    CK_ULONG ulMaxSessionCount, ulSessionCount, ulMaxRwSessionCount, ulRwSessionCount;
    CK_ULONG ulMaxPinLen, ulMinPinLen;
    CK_ULONG ulTotalPublicMemory, ulFreePublicMemory, ulTotalPrivateMemory, ulFreePrivateMemory;
    CK_VERSION hardwareVersion, firmwareVersion;
    CK_CHAR utcTime[16];
} CK_TOKEN_INFO;

typedef struct {
    CK_SLOT_ID slotID;
    CK_STATE state;
    CK_FLAGS flags;
    CK_ULONG ulDeviceError;
} CK_SESSION_INFO;

typedef struct {
    CK_ATTRIBUTE_TYPE type;
    void *pValue;
    CK_ULONG ulValueLen;
} CK_ATTRIBUTE;

typedef struct {
    CK_MECHANISM_TYPE mechanism;
    void *pParameter;
    CK_ULONG ulParameterLen;
} CK_MECHANISM;

typedef struct {
    CK_ULONG ulMinKeySize, ulMaxKeySize;
    CK_FLAGS flags;
} CK_MECHANISM_INFO;

/* The parameter of CKM_ML_DSA; it may be left out. */
typedef struct {
    CK_HEDGE_TYPE hedgeVariant;
    CK_BYTE *pContext;
    CK_ULONG ulContextLen;
} CK_SIGN_ADDITIONAL_CONTEXT;

typedef struct {
    CK_ULONG ulVersion;
    CK_BYTE *pValue;
    CK_ULONG ulValue;
    CK_OBJECT_HANDLE hObject, hAdditionalObject;
} CK_ASYNC_DATA;

typedef CK_RV (*CK_NOTIFY)(CK_SESSION_HANDLE, CK_NOTIFICATION, void *);

typedef struct {
    CK_RV (*CreateMutex)(void **);
    CK_RV (*DestroyMutex)(void *);
    CK_RV (*LockMutex)(void *);
    CK_RV (*UnlockMutex)(void *);
    CK_FLAGS flags;
    void *pReserved;
} CK_C_INITIALIZE_ARGS;

typedef struct {
    CK_UTF8CHAR *pInterfaceName;
    void *pFunctionList;
    CK_FLAGS flags;
} CK_INTERFACE;

typedef struct CK_FUNCTION_LIST CK_FUNCTION_LIST;
typedef struct CK_FUNCTION_LIST_3_0 CK_FUNCTION_LIST_3_0;
typedef struct CK_FUNCTION_LIST_3_2 CK_FUNCTION_LIST_3_2;

#ifdef SEEMACHINE_PKCS11_BUILD
#define CK_EXPORTED __attribute__((visibility("protected")))
#else
#define CK_EXPORTED
#endif
#define CK_DECLARE(name, types) CK_EXPORTED CK_RV name types;
SEEMACHINE_FUNCTIONS_2_40(CK_DECLARE)
SEEMACHINE_FUNCTIONS_3_0(CK_DECLARE)
SEEMACHINE_FUNCTIONS_3_2(CK_DECLARE)
#undef CK_DECLARE
#undef CK_EXPORTED

#define CK_MEMBER(name, types) CK_RV(*name) types;
struct CK_FUNCTION_LIST {
    CK_VERSION version;
    SEEMACHINE_FUNCTIONS_2_40(CK_MEMBER)
};
struct CK_FUNCTION_LIST_3_0 {
    CK_VERSION version;
    SEEMACHINE_FUNCTIONS_2_40(CK_MEMBER)
    SEEMACHINE_FUNCTIONS_3_0(CK_MEMBER)
};
struct CK_FUNCTION_LIST_3_2 {
    CK_VERSION version;
    SEEMACHINE_FUNCTIONS_2_40(CK_MEMBER)
    SEEMACHINE_FUNCTIONS_3_0(CK_MEMBER)
    SEEMACHINE_FUNCTIONS_3_2(CK_MEMBER)
};
#undef CK_MEMBER

/* Object classes, key types, parameter sets. */
#define CKO_PUBLIC_KEY 0x2UL
#define CKO_PRIVATE_KEY 0x3UL
#define CKK_HSS 0x46UL
#define CKK_ML_DSA 0x4aUL
#define CKP_ML_DSA_44 1UL
#define CKP_ML_DSA_65 2UL
#define CKP_ML_DSA_87 3UL

/* Mechanisms, and what CKM_ML_DSA draws on. */
#define CKM_ML_DSA_KEY_PAIR_GEN 0x1cUL
#define CKM_ML_DSA 0x1dUL
#define CKM_HSS_KEY_PAIR_GEN 0x4032UL
#define CKM_HSS 0x4033UL
#define CKH_HEDGE_PREFERRED 0UL
#define CKH_HEDGE_REQUIRED 1UL
#define CKH_DETERMINISTIC_REQUIRED 2UL

/* Attributes. */
#define CKA_CLASS 0x0UL
#define CKA_TOKEN 0x1UL
#define CKA_PRIVATE 0x2UL
#define CKA_LABEL 0x3UL
#define CKA_UNIQUE_ID 0x4UL
#define CKA_VALUE 0x11UL
#define CKA_TRUSTED 0x86UL
#define CKA_KEY_TYPE 0x100UL
#define CKA_SUBJECT 0x101UL
#define CKA_ID 0x102UL
#define CKA_SENSITIVE 0x103UL
#define CKA_ENCRYPT 0x104UL
#define CKA_DECRYPT 0x105UL
#define CKA_WRAP 0x106UL
#define CKA_UNWRAP 0x107UL
#define CKA_SIGN 0x108UL
#define CKA_SIGN_RECOVER 0x109UL
#define CKA_VERIFY 0x10aUL
#define CKA_VERIFY_RECOVER 0x10bUL
#define CKA_DERIVE 0x10cUL
#define CKA_START_DATE 0x110UL
#define CKA_END_DATE 0x111UL
#define CKA_PUBLIC_KEY_INFO 0x129UL
#define CKA_EXTRACTABLE 0x162UL
#define CKA_LOCAL 0x163UL
#define CKA_NEVER_EXTRACTABLE 0x164UL
#define CKA_ALWAYS_SENSITIVE 0x165UL
#define CKA_KEY_GEN_MECHANISM 0x166UL
#define CKA_MODIFIABLE 0x170UL
#define CKA_COPYABLE 0x171UL
#define CKA_DESTROYABLE 0x172UL
#define CKA_ALWAYS_AUTHENTICATE 0x202UL
#define CKA_WRAP_WITH_TRUSTED 0x210UL
#define CKA_HSS_LEVELS 0x617UL
#define CKA_HSS_LMS_TYPE 0x618UL
#define CKA_HSS_LMOTS_TYPE 0x619UL
#define CKA_HSS_LMS_TYPES 0x61aUL
#define CKA_HSS_LMOTS_TYPES 0x61bUL
#define CKA_HSS_KEYS_REMAINING 0x61cUL
#define CKA_PARAMETER_SET 0x61dUL
#define CKA_ENCAPSULATE 0x633UL
#define CKA_DECAPSULATE 0x634UL
#define CKA_SEED 0x637UL
#define CKA_ALLOWED_MECHANISMS 0x40000600UL

/* Users and states of sessions. */
#define CKU_SO 0UL
#define CKU_USER 1UL
#define CKU_CONTEXT_SPECIFIC 2UL
#define CKS_RO_PUBLIC_SESSION 0UL
#define CKS_RO_USER_FUNCTIONS 1UL
#define CKS_RW_PUBLIC_SESSION 2UL
#define CKS_RW_USER_FUNCTIONS 3UL

/* Flags: of slots, tokens, sessions, mechanisms, C_Initialize, C_SessionCancel, interfaces. */
#define CKF_TOKEN_PRESENT 0x1UL
#define CKF_RNG 0x1UL
#define CKF_LOGIN_REQUIRED 0x4UL
#define CKF_USER_PIN_INITIALIZED 0x8UL
#define CKF_TOKEN_INITIALIZED 0x400UL
#define CKF_RW_SESSION 0x2UL
#define CKF_SERIAL_SESSION 0x4UL
#define CKF_FIND_OBJECTS 0x40UL
#define CKF_SIGN 0x800UL
#define CKF_VERIFY 0x2000UL
#define CKF_GENERATE_KEY_PAIR 0x10000UL
#define CKF_DONT_BLOCK 0x1UL
#define CKF_LIBRARY_CANT_CREATE_OS_THREADS 0x1UL
#define CKF_OS_LOCKING_OK 0x2UL
#define CKF_INTERFACE_FORK_SAFE 0x1UL

/* Return values. */
#define CKR_OK 0x0UL
#define CKR_HOST_MEMORY 0x2UL
#define CKR_SLOT_ID_INVALID 0x3UL
#define CKR_GENERAL_ERROR 0x5UL
#define CKR_FUNCTION_FAILED 0x6UL
#define CKR_ARGUMENTS_BAD 0x7UL
#define CKR_NO_EVENT 0x8UL
#define CKR_CANT_LOCK 0xaUL
#define CKR_ATTRIBUTE_READ_ONLY 0x10UL
#define CKR_ATTRIBUTE_SENSITIVE 0x11UL
#define CKR_ATTRIBUTE_TYPE_INVALID 0x12UL
#define CKR_ATTRIBUTE_VALUE_INVALID 0x13UL
#define CKR_ACTION_PROHIBITED 0x1bUL
#define CKR_DATA_INVALID 0x20UL
#define CKR_DATA_LEN_RANGE 0x21UL
#define CKR_DEVICE_ERROR 0x30UL
#define CKR_FUNCTION_NOT_PARALLEL 0x51UL
#define CKR_FUNCTION_NOT_SUPPORTED 0x54UL
#define CKR_KEY_HANDLE_INVALID 0x60UL
#define CKR_KEY_TYPE_INCONSISTENT 0x63UL
#define CKR_KEY_FUNCTION_NOT_PERMITTED 0x68UL
#define CKR_MECHANISM_INVALID 0x70UL
#define CKR_MECHANISM_PARAM_INVALID 0x71UL
#define CKR_OBJECT_HANDLE_INVALID 0x82UL
#define CKR_OPERATION_ACTIVE 0x90UL
#define CKR_OPERATION_NOT_INITIALIZED 0x91UL
#define CKR_PIN_INCORRECT 0xa0UL
#define CKR_PIN_LEN_RANGE 0xa2UL
#define CKR_SESSION_CLOSED 0xb0UL
#define CKR_SESSION_HANDLE_INVALID 0xb3UL
#define CKR_SESSION_PARALLEL_NOT_SUPPORTED 0xb4UL
#define CKR_SESSION_READ_ONLY 0xb5UL
#define CKR_SIGNATURE_INVALID 0xc0UL
#define CKR_SIGNATURE_LEN_RANGE 0xc1UL
#define CKR_TEMPLATE_INCOMPLETE 0xd0UL
#define CKR_TEMPLATE_INCONSISTENT 0xd1UL
#define CKR_USER_ALREADY_LOGGED_IN 0x100UL
#define CKR_USER_NOT_LOGGED_IN 0x101UL
#define CKR_USER_PIN_NOT_INITIALIZED 0x102UL
#define CKR_USER_TYPE_INVALID 0x103UL
#define CKR_RANDOM_SEED_NOT_SUPPORTED 0x120UL
#define CKR_RANDOM_NO_RNG 0x121UL
#define CKR_BUFFER_TOO_SMALL 0x150UL
#define CKR_CRYPTOKI_NOT_INITIALIZED 0x190UL
#define CKR_CRYPTOKI_ALREADY_INITIALIZED 0x191UL
#define CKR_FUNCTION_REJECTED 0x200UL
#define CKR_KEY_EXHAUSTED 0x203UL
#define CKR_PARAMETER_SET_NOT_SUPPORTED 0x209UL

#ifdef __cplusplus
}
#endif

#endif
