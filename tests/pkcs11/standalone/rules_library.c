/* Rules of the library, its slot and its sessions. */
#define _GNU_SOURCE
#include "rules.h"

#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sizes are those of the standard's own header on 64-bit Linux. */
void rule_sizes(void)
{
    CHECK(sizeof(CK_ULONG) == 8 && sizeof(CK_VERSION) == 2 && sizeof(CK_INFO) == 88);
    CHECK(sizeof(CK_SLOT_INFO) == 112 && sizeof(CK_TOKEN_INFO) == 208 &&
          sizeof(CK_SESSION_INFO) == 32);
    CHECK(sizeof(CK_ATTRIBUTE) == 24 && sizeof(CK_MECHANISM) == 24 &&
          sizeof(CK_MECHANISM_INFO) == 24);
    CHECK(sizeof(CK_SIGN_ADDITIONAL_CONTEXT) == 24 && sizeof(CK_C_INITIALIZE_ARGS) == 48 &&
          sizeof(CK_INTERFACE) == 24);
    CHECK(sizeof(CK_FUNCTION_LIST) == 8 * 69 && sizeof(CK_FUNCTION_LIST_3_0) == 8 * 93);
    CHECK(sizeof(CK_FUNCTION_LIST_3_2) == 8 * 105);
    CHECK(offsetof(CK_FUNCTION_LIST_3_2, C_Sign) == 8 * 44 &&
          offsetof(CK_FUNCTION_LIST_3_2, C_SessionCancel) == 8 * 72);
}

/* Interfaces are found by name, version and flags; the old list is 2.40's; no table has a hole. */
void rule_interfaces(void)
{
    CK_FUNCTION_LIST *old;
    CK_INTERFACE list[3], *one;
    CK_ULONG count = 2;
    CK_VERSION version = {3, 0};
    OK(C_GetFunctionList(&old));
    CHECK(old->version.major == 2 && old->version.minor == 40);
    GIVES(CKR_BUFFER_TOO_SMALL, C_GetInterfaceList(list, &count));
    CHECK(count == 3);
    OK(C_GetInterfaceList(list, &count));
    CHECK(strcmp((char *)list[0].pInterfaceName, "PKCS 11") == 0);
    OK(C_GetInterface(NULL, &version, &one, 0));
    CHECK(((CK_VERSION *)one->pFunctionList)->major == 3 &&
          ((CK_VERSION *)one->pFunctionList)->minor == 0);
    version.minor = 9;
    GIVES(CKR_FUNCTION_FAILED, C_GetInterface((CK_UTF8CHAR *)"PKCS 11", &version, &one, 0));
    GIVES(CKR_FUNCTION_FAILED, C_GetInterface((CK_UTF8CHAR *)"Vendor X", NULL, &one, 0));
    GIVES(CKR_FUNCTION_FAILED, C_GetInterface(NULL, NULL, &one, CKF_INTERFACE_FORK_SAFE));
    void (**functions)(void) = (void (**)(void))p11;
    for (size_t at = 1; at < sizeof *p11 / sizeof *functions; at++)
        CHECK(functions[at] != NULL);
}

/* C_Initialize takes the system's locks or none, and says so; nothing else works before it, or
 * after C_Finalize. */
void rule_initializing(void)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_INFO info;
    CK_ULONG count;
    GIVES(CKR_CRYPTOKI_NOT_INITIALIZED, p11->C_GetInfo(&info));
    GIVES(CKR_CRYPTOKI_NOT_INITIALIZED, p11->C_DigestInit(0, NULL));
    GIVES(CKR_CRYPTOKI_NOT_INITIALIZED, p11->C_Finalize(NULL));
    args.pReserved = &info;
    GIVES(CKR_ARGUMENTS_BAD, p11->C_Initialize(&args));
    args.pReserved = NULL;
    args.LockMutex = (CK_RV (*)(void *))p11->C_Finalize;
    GIVES(CKR_ARGUMENTS_BAD, p11->C_Initialize(&args));
    args.CreateMutex = (CK_RV (*)(void **))p11->C_Finalize;
    args.DestroyMutex = args.UnlockMutex = args.LockMutex;
    args.flags = 0;
    GIVES(CKR_CANT_LOCK, p11->C_Initialize(&args));
    args.flags = CKF_OS_LOCKING_OK;
    OK(p11->C_Initialize(&args));
    GIVES(CKR_CRYPTOKI_ALREADY_INITIALIZED, p11->C_Initialize(NULL));
    OK(p11->C_GetInfo(&info));
    CHECK(info.cryptokiVersion.major == 3 && memcmp(info.manufacturerID, "seemachine ", 11) == 0);
    GIVES(CKR_FUNCTION_NOT_SUPPORTED, p11->C_DigestInit(0, NULL));
    GIVES(CKR_ARGUMENTS_BAD, p11->C_Finalize(&info));
    CHECK(fake.asked == 0);
    OK(p11->C_Finalize(NULL));
    CHECK(fake.closed == 1);
    GIVES(CKR_CRYPTOKI_NOT_INITIALIZED, p11->C_GetSlotList(0, NULL, &count));
    OK(p11->C_Initialize(NULL));
}

/* There is one slot, numbered 0, with a token that needs a login only where a card set protects a
 * key. */
void rule_slots(void)
{
    CK_ULONG count = 0;
    CK_SLOT_ID slot = 9;
    CK_SLOT_INFO info;
    CK_TOKEN_INFO token;
    start();
    OK(p11->C_GetSlotList(CK_TRUE, NULL, &count));
    CHECK(count == 1);
    OK(p11->C_GetSlotList(CK_TRUE, &slot, &count));
    CHECK(slot == 0);
    OK(p11->C_GetSlotInfo(0, &info));
    CHECK(info.flags == CKF_TOKEN_PRESENT);
    GIVES(CKR_SLOT_ID_INVALID, p11->C_GetSlotInfo(1, &info));
    OK(p11->C_GetTokenInfo(0, &token));
    CHECK(!(token.flags & (CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED)));
    CHECK(token.ulSessionCount == 1 && token.ulRwSessionCount == 1);
    fake_key("p", "mldsa44", "ops");
    OK(p11->C_GetTokenInfo(0, &token));
    CHECK(token.flags & CKF_LOGIN_REQUIRED && token.flags & CKF_USER_PIN_INITIALIZED);
    GIVES(CKR_NO_EVENT, p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL));
}

/* Mechanisms are these four; HSS has no key sizes, ML-DSA's are of its public keys. */
void rule_mechanisms(void)
{
    CK_MECHANISM_TYPE list[4];
    CK_MECHANISM_INFO info;
    CK_ULONG count = 4;
    start();
    OK(p11->C_GetMechanismList(0, list, &count));
    CHECK(count == 4 && list[0] == CKM_HSS_KEY_PAIR_GEN && list[3] == CKM_ML_DSA);
    OK(p11->C_GetMechanismInfo(0, CKM_HSS, &info));
    CHECK(info.ulMinKeySize == 0 && info.ulMaxKeySize == 0 &&
          info.flags == (CKF_SIGN | CKF_VERIFY));
    OK(p11->C_GetMechanismInfo(0, CKM_ML_DSA, &info));
    CHECK(info.ulMinKeySize == 1312 && info.ulMaxKeySize == 2592);
    GIVES(CKR_MECHANISM_INVALID, p11->C_GetMechanismInfo(0, 0, &info));
}

/* A session ends by its handle, and handles are never used again; the last one takes the login with
 * it. */
void rule_sessions(void)
{
    CK_SESSION_HANDLE other;
    CK_SESSION_INFO info;
    fake_key("p", "mldsa44", "ops");
    start();
    GIVES(CKR_SESSION_PARALLEL_NOT_SUPPORTED, p11->C_OpenSession(0, 0, NULL, NULL, &other));
    OK(p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &other));
    OK(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"open sesame", 11));
    OK(p11->C_GetSessionInfo(other, &info));
    CHECK(info.state == CKS_RO_USER_FUNCTIONS);
    OK(p11->C_GetSessionInfo(session, &info));
    CHECK(info.state == CKS_RW_USER_FUNCTIONS);
    OK(p11->C_CloseSession(session));
    GIVES(CKR_SESSION_HANDLE_INVALID, p11->C_GetSessionInfo(session, &info));
    OK(p11->C_CloseSession(other));
    OK(p11->C_OpenSession(0, RW, NULL, NULL, &session));
    CHECK(session > other);
    OK(p11->C_GetSessionInfo(session, &info));
    CHECK(info.state == CKS_RW_PUBLIC_SESSION);
    OK(p11->C_CloseAllSessions(0));
    GIVES(CKR_SESSION_HANDLE_INVALID, p11->C_FindObjectsFinal(session));
}

/* A child after fork has to initialize for itself, and disturbs nothing of its parent's. */
void rule_forks(void)
{
    CK_OBJECT_HANDLE key = lms_key();
    CK_BYTE signature[HSS_SIGNATURE];
    CK_ULONG length = sizeof signature, count;
    OK(p11->C_SignInit(session, &hss, key));
    pid_t child = fork();
    if (child == 0) {
        GIVES(CKR_CRYPTOKI_NOT_INITIALIZED, p11->C_Sign(session, data, 8, signature, &length));
        GIVES(CKR_CRYPTOKI_NOT_INITIALIZED, p11->C_GetSlotList(0, NULL, &count));
        GIVES(CKR_CRYPTOKI_NOT_INITIALIZED, p11->C_Finalize(NULL));
        CK_SESSION_HANDLE before = session;
        start();
        CHECK(session != before);
        GIVES(CKR_SESSION_HANDLE_INVALID, p11->C_Sign(before, data, 8, signature, &length));
        OK(p11->C_SignInit(session, &hss, object("k", CKO_PRIVATE_KEY)));
        OK(p11->C_Sign(session, data, 8, signature, &length));
        OK(p11->C_Finalize(NULL));
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    OK(p11->C_Sign(session, data, 8, signature, &length));
}

/* Refusals, the helper's and the module's own, are written to the file that is named for it: a line
 * each, of the function, the value and a sentence. What programs ask for in the ordinary course is
 * not among them. */
void rule_journal(void)
{
    static const char *const expected[] = {
        " C_Login CKR_PIN_INCORRECT the fake refuses\n",
        " C_SignInit CKR_OPERATION_ACTIVE the session is in the middle of such an operation",
        " C_Verify CKR_OPERATION_NOT_INITIALIZED call the function that begins",
        " C_CloseSession CKR_SESSION_HANDLE_INVALID there is no such session\n",
        " C_GetSlotInfo CKR_SLOT_ID_INVALID the only slot is number 0\n",
        " C_GenerateKeyPair CKR_ATTRIBUTE_TYPE_INVALID attribute 0x90 of the public half is none",
        " C_GenerateKeyPair CKR_TEMPLATE_INCOMPLETE HSS needs CKA_HSS_LEVELS",
        " C_Sign CKR_KEY_EXHAUSTED the fake refuses\n",
        " C_Encrypt CKR_FUNCTION_NOT_SUPPORTED the module does not have this function\n",
    };
    CK_BYTE signature[HSS_SIGNATURE];
    CK_ULONG length = sizeof signature;
    CK_SLOT_INFO info;
    CK_MECHANISM making = {CKM_HSS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE none = {0x90, NULL, 0}, value = {CKA_VALUE, NULL, 0};
    CK_OBJECT_HANDLE key = lms_key(), halves[2];
    char path[] = "/tmp/journal-XXXXXX", line[200] = "";
    CHECK(close(mkstemp(path)) == 0 && setenv("SEEMACHINE_PKCS11_LOG", path, 1) == 0);
    GIVES(CKR_PIN_INCORRECT, p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"wrong", 5));
    OK(p11->C_SignInit(session, &hss, key));
    GIVES(CKR_OPERATION_ACTIVE, p11->C_SignInit(session, &hss, key));
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_Verify(session, data, 8, signature, length));
    GIVES(CKR_SESSION_HANDLE_INVALID, p11->C_CloseSession(999));
    GIVES(CKR_SLOT_ID_INVALID, p11->C_GetSlotInfo(1, &info));
    GIVES(CKR_ATTRIBUTE_SENSITIVE, p11->C_GetAttributeValue(session, key, &value, 1));
    GIVES(CKR_ATTRIBUTE_TYPE_INVALID,
          p11->C_GenerateKeyPair(session, &making, &none, 1, NULL, 0, halves, halves + 1));
    GIVES(CKR_TEMPLATE_INCOMPLETE,
          p11->C_GenerateKeyPair(session, &making, NULL, 0, NULL, 0, halves, halves + 1));
    fake.refuse = "sign";
    fake.refuse_class = "UsedUp";
    fake.refuse_status = 73;
    GIVES(CKR_KEY_EXHAUSTED, p11->C_Sign(session, data, 8, signature, &length));
    GIVES(CKR_FUNCTION_NOT_SUPPORTED, p11->C_Encrypt(session, data, 8, signature, &length));
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    for (size_t at = 0; at < sizeof expected / sizeof *expected; at++) {
        CHECK(fgets(line, sizeof line, file) != NULL);
        CHECK(strstr(line, expected[at]) != NULL && strstr(line, "wrong") == NULL);
    }
    CHECK(fgetc(file) == EOF && fclose(file) == 0);
    unlink(path);
}
