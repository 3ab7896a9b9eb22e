/* The rules of the standard that the module keeps by itself, one a test; argv[1] names the one to
 * run. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_bridge.h"
#include "seemachine-pkcs11.h"

#define CHECK(fact) \
    do { \
        if (!(fact)) { \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #fact); \
            exit(1); \
        } \
    } while (0)
#define GIVES(value, call) \
    do { \
        CK_RV got = (call); \
        if (got != (value)) { \
            fprintf(stderr, "line %d: 0x%lx, not %s: %s\n", __LINE__, got, #value, #call); \
            exit(1); \
        } \
    } while (0)
#define OK(call) GIVES(CKR_OK, call)

enum { HSS_SIGNATURE = 1296, RW = CKF_SERIAL_SESSION | CKF_RW_SESSION };
static CK_FUNCTION_LIST_3_2 *p11;
static CK_MECHANISM hss = {CKM_HSS, NULL, 0}, mldsa = {CKM_ML_DSA, NULL, 0};
static CK_BYTE data[] = "firmware";
static CK_SESSION_HANDLE session;

static void start(void)
{
    OK(p11->C_Initialize(NULL));
    OK(p11->C_OpenSession(0, RW, NULL, NULL, &session));
}

static CK_ULONG find(CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *found, CK_ULONG room)
{
    CK_ULONG number;
    OK(p11->C_FindObjectsInit(session, template, count));
    OK(p11->C_FindObjects(session, found, room, &number));
    OK(p11->C_FindObjectsFinal(session));
    return number;
}

static CK_OBJECT_HANDLE object(const char *alias, CK_OBJECT_CLASS class)
{
    CK_OBJECT_HANDLE found = 0;
    CK_ATTRIBUTE template[] = {{CKA_LABEL, (void *)alias, strlen(alias)},
                               {CKA_CLASS, &class, sizeof class}};
    CHECK(find(template, 2, &found, 1) == 1);
    return found;
}

static CK_OBJECT_HANDLE lms_key(void)
{
    fake_key("k", "lms:sha256_m32_h5:sha256_n32_w8", "");
    start();
    return object("k", CKO_PRIVATE_KEY);
}

/* Sizes are those of the standard's own header on 64-bit Linux. */
static void sizes(void)
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
static void interfaces(void)
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
static void initializing(void)
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
static void slots(void)
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
    CHECK(!(token.flags & CKF_LOGIN_REQUIRED) && token.ulSessionCount == 1 &&
          token.ulRwSessionCount == 1);
    fake_key("p", "mldsa44", "ops");
    OK(p11->C_GetTokenInfo(0, &token));
    CHECK(token.flags & CKF_LOGIN_REQUIRED);
    GIVES(CKR_NO_EVENT, p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL));
}

/* Mechanisms are these four; HSS has no key sizes, ML-DSA's are of its public keys. */
static void mechanisms(void)
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
static void sessions(void)
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

/* A length question and a small buffer take no leaf and keep the operation; the signature comes
 * after, and ends it. */
static void buffers(void)
{
    CK_OBJECT_HANDLE key = lms_key();
    CK_BYTE signature[HSS_SIGNATURE];
    CK_ULONG length = 0;
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_Sign(session, data, 8, signature, &length));
    OK(p11->C_SignInit(session, &hss, key));
    for (int round = 0; round < 3; round++) {
        OK(p11->C_Sign(session, data, 8, NULL, &length));
        CHECK(length == HSS_SIGNATURE);
        length = HSS_SIGNATURE - 1;
        GIVES(CKR_BUFFER_TOO_SMALL, p11->C_Sign(session, data, 8, signature, &length));
        CHECK(length == HSS_SIGNATURE);
    }
    CHECK(fake.signatures == 0);
    OK(p11->C_Sign(session, data, 8, signature, &length));
    CHECK(fake.signatures == 1 && length == HSS_SIGNATURE && fake.last_message == 8);
    CHECK(memcmp(signature, "\0\0\0\0\10", 5) == 0);
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_Sign(session, data, 8, signature, &length));
    CHECK(fake.signatures == 1 && fake.last_alias[0] == 0 && strlen(fake.last_hash) == 40);
}

/* Parts are signed as their whole, with the same rules of buffers; both ways are not mixed. */
static void parts(void)
{
    CK_OBJECT_HANDLE key = lms_key();
    CK_BYTE signature[HSS_SIGNATURE];
    CK_ULONG length = 0;
    OK(p11->C_SignInit(session, &hss, key));
    OK(p11->C_SignUpdate(session, data, 5));
    OK(p11->C_SignUpdate(session, data, 0));
    OK(p11->C_SignUpdate(session, data, 3));
    GIVES(CKR_OPERATION_ACTIVE, p11->C_Sign(session, data, 8, signature, &length));
    OK(p11->C_SignFinal(session, NULL, &length));
    length = 512;
    GIVES(CKR_BUFFER_TOO_SMALL, p11->C_SignFinal(session, signature, &length));
    CHECK(fake.signatures == 0);
    OK(p11->C_SignFinal(session, signature, &length));
    CHECK(fake.signatures == 1 && fake.last_message == 8);
}

/* Each C_SignInit has a name of its own, and asks for one signature at most, whatever comes back.
 */
static void names(void)
{
    CK_OBJECT_HANDLE key = lms_key();
    CK_BYTE signature[HSS_SIGNATURE];
    CK_ULONG length = sizeof signature;
    fake.refuse = "sign";
    fake.refuse_status = 73;
    for (int round = 0; round < 20; round++) {
        fake.signature_is_short = round == 19;
        fake.refuse = round == 18 ? NULL : fake.refuse;
        OK(p11->C_SignInit(session, &hss, key));
        GIVES(CKR_OPERATION_ACTIVE, p11->C_SignInit(session, &hss, key));
        CK_RV rv = p11->C_Sign(session, data, 8, signature, &length);
        CHECK(rv == (round < 18 ? CKR_DEVICE_ERROR : round == 18 ? CKR_OK : CKR_GENERAL_ERROR));
        GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_Sign(session, data, 8, signature, &length));
    }
    CHECK(fake.signatures == 20);
    for (int one = 0; one < 20; one++)
        for (int other = 0; other < one; other++)
            CHECK(memcmp(fake.tokens[one], fake.tokens[other], TOKEN) != 0);
}

/* Refusals are told as the standard names them. */
static void refusals(void)
{
    static const struct {
        unsigned status;
        const char *class_name;
        CK_RV value;
    } rows[] = {
        {73, "UsedUp", CKR_KEY_EXHAUSTED},     {73, "NotProvisioned", CKR_KEY_EXHAUSTED},
        {73, "Unreachable", CKR_DEVICE_ERROR}, {7, "", CKR_KEY_EXHAUSTED},
        {5, "", CKR_USER_NOT_LOGGED_IN},       {24, "", CKR_DATA_INVALID},
        {1000, "", CKR_FUNCTION_FAILED},       {57, "", CKR_DEVICE_ERROR},
        {4, "", CKR_KEY_HANDLE_INVALID},
    };
    CK_OBJECT_HANDLE key = lms_key();
    CK_BYTE signature[HSS_SIGNATURE];
    CK_ULONG length = sizeof signature;
    fake.refuse = "sign";
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        fake.refuse_status = rows[at].status;
        fake.refuse_class = rows[at].class_name;
        OK(p11->C_SignInit(session, &hss, key));
        CK_RV rv = p11->C_Sign(session, data, 8, signature, &length);
        CHECK(rv == rows[at].value);
    }
    GIVES(CKR_KEY_HANDLE_INVALID, p11->C_SignInit(session, &hss, key));
}

/* Keys and mechanisms fit together, and halves do what they can. */
static void keys(void)
{
    CK_OBJECT_HANDLE private_key = lms_key(), public_key = object("k", CKO_PUBLIC_KEY);
    CK_SIGN_ADDITIONAL_CONTEXT context = {CKH_HEDGE_PREFERRED, data, 8};
    CK_MECHANISM with_context = {CKM_HSS, &context, sizeof context}, unknown = {0x1, NULL, 0};
    GIVES(CKR_KEY_FUNCTION_NOT_PERMITTED, p11->C_SignInit(session, &hss, public_key));
    GIVES(CKR_KEY_FUNCTION_NOT_PERMITTED, p11->C_VerifyInit(session, &hss, private_key));
    GIVES(CKR_KEY_TYPE_INCONSISTENT, p11->C_SignInit(session, &mldsa, private_key));
    GIVES(CKR_MECHANISM_INVALID, p11->C_SignInit(session, &unknown, private_key));
    GIVES(CKR_MECHANISM_PARAM_INVALID, p11->C_SignInit(session, &with_context, private_key));
    GIVES(CKR_KEY_HANDLE_INVALID, p11->C_SignInit(session, &hss, 4000));
    GIVES(CKR_ARGUMENTS_BAD, p11->C_SignInit(session, NULL, private_key));
    OK(p11->C_SignInit(session, &hss, private_key));
    OK(p11->C_SignInit(session, NULL, private_key));
    OK(p11->C_SignInit(session, &hss, private_key));
    OK(p11->C_SessionCancel(session, CKF_SIGN));
    OK(p11->C_SignInit(session, &hss, private_key));
}

/* ML-DSA takes a context of up to 255 bytes and a way of hedging, and passes them on; nothing is
 * left of a refused start. */
static void contexts(void)
{
    CK_BYTE signature[2420], long_context[256] = {0};
    CK_ULONG length = sizeof signature;
    CK_SIGN_ADDITIONAL_CONTEXT context = {CKH_DETERMINISTIC_REQUIRED, (CK_BYTE *)"boot", 4};
    CK_MECHANISM mechanism = {CKM_ML_DSA, &context, sizeof context};
    fake_key("m", "mldsa44", "");
    start();
    CK_OBJECT_HANDLE key = object("m", CKO_PRIVATE_KEY);
    OK(p11->C_SignInit(session, &mechanism, key));
    OK(p11->C_Sign(session, data, 8, signature, &length));
    CHECK(strcmp(fake.last_context, "boot") == 0 && fake.last_deterministic == 1 && length == 2420);
    context = (CK_SIGN_ADDITIONAL_CONTEXT){CKH_HEDGE_REQUIRED, long_context, 256};
    GIVES(CKR_MECHANISM_PARAM_INVALID, p11->C_SignInit(session, &mechanism, key));
    context = (CK_SIGN_ADDITIONAL_CONTEXT){3, long_context, 1};
    GIVES(CKR_MECHANISM_PARAM_INVALID, p11->C_SignInit(session, &mechanism, key));
    context = (CK_SIGN_ADDITIONAL_CONTEXT){CKH_HEDGE_REQUIRED, NULL, 1};
    GIVES(CKR_MECHANISM_PARAM_INVALID, p11->C_SignInit(session, &mechanism, key));
    OK(p11->C_SignInit(session, &mldsa, key));
    OK(p11->C_Sign(session, data, 8, signature, &length));
    CHECK(fake.last_context[0] == 0 && fake.last_deterministic == 0);
}

/* Each way of verifying gives the same verdict; lengths and levels are looked at first. */
static void verifying(void)
{
    CK_BYTE good[HSS_SIGNATURE] = {0}, bad[HSS_SIGNATURE] = {0}, levels[HSS_SIGNATURE] = {0};
    lms_key();
    CK_OBJECT_HANDLE key = object("k", CKO_PUBLIC_KEY);
    memset(good + 4, 8, sizeof good - 4);
    memset(bad + 4, 7, sizeof bad - 4);
    memset(levels, 8, sizeof levels);
    const struct {
        CK_BYTE *signature;
        CK_ULONG length;
        CK_RV verdict;
    } rows[] = {
        {good, sizeof good, CKR_OK},
        {bad, sizeof bad, CKR_SIGNATURE_INVALID},
        {levels, sizeof levels, CKR_SIGNATURE_INVALID},
        {good, sizeof good - 1, CKR_SIGNATURE_LEN_RANGE},
    };
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        CK_BYTE *signature = rows[at].signature;
        CK_ULONG length = rows[at].length;
        OK(p11->C_VerifyInit(session, &hss, key));
        GIVES(CKR_OPERATION_ACTIVE, p11->C_VerifySignature(session, data, 8));
        CHECK(p11->C_Verify(session, data, 8, signature, length) == rows[at].verdict);
        OK(p11->C_VerifyInit(session, &hss, key));
        OK(p11->C_VerifyUpdate(session, data, 4));
        OK(p11->C_VerifyUpdate(session, data, 4));
        CHECK(p11->C_VerifyFinal(session, signature, length) == rows[at].verdict);
        OK(p11->C_VerifySignatureInit(session, &hss, key, signature, length));
        GIVES(CKR_OPERATION_ACTIVE, p11->C_Verify(session, data, 8, signature, length));
        CHECK(p11->C_VerifySignature(session, data, 8) == rows[at].verdict);
        OK(p11->C_VerifySignatureInit(session, &hss, key, signature, length));
        OK(p11->C_VerifySignatureUpdate(session, data, 8));
        CHECK(p11->C_VerifySignatureFinal(session) == rows[at].verdict);
        GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_VerifyFinal(session, signature, length));
    }
    CHECK(fake.signatures == 0);
}

static CK_ULONG number(CK_OBJECT_HANDLE which, CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG value = 0;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    OK(p11->C_GetAttributeValue(session, which, &attribute, 1));
    return value;
}

/* Objects of HSS keys have what 6.66 says; secrets are refused one by one, and the rest is read all
 * the same. */
static void attributes(void)
{
    CK_OBJECT_HANDLE private_key = lms_key(), public_key = object("k", CKO_PUBLIC_KEY);
    CK_BYTE value[60];
    CK_BBOOL flag = 7;
    CK_ATTRIBUTE mixed[] = {{CKA_VALUE, value, sizeof value},
                            {CKA_EXTRACTABLE, &flag, 1},
                            {CKA_HSS_LMS_TYPE, NULL, 0},
                            {CKA_ID, value, 3},
                            {CKA_ID, NULL, 0}};
    CHECK(number(public_key, CKA_HSS_LEVELS) == 1 && number(public_key, CKA_HSS_LMS_TYPE) == 5);
    CHECK(number(public_key, CKA_HSS_LMOTS_TYPE) == 4 &&
          number(public_key, CKA_KEY_TYPE) == CKK_HSS);
    CHECK(number(private_key, CKA_HSS_LMS_TYPES) == 5 &&
          number(private_key, CKA_CLASS) == CKO_PRIVATE_KEY);
    fake.remaining = 31;
    CHECK(number(private_key, CKA_HSS_KEYS_REMAINING) == 31);
    fake.remaining = 1ull << 40;
    CHECK(number(private_key, CKA_HSS_KEYS_REMAINING) == 0xffffffff);
    OK(p11->C_GetAttributeValue(session, public_key, mixed, 1));
    CHECK(mixed[0].ulValueLen == 60 && memcmp(value, "\0\0\0\1\0\0\0\5\0\0\0\4", 12) == 0);
    GIVES(CKR_ATTRIBUTE_SENSITIVE, p11->C_GetAttributeValue(session, private_key, mixed, 5));
    CHECK(mixed[0].ulValueLen == CK_UNAVAILABLE_INFORMATION && flag == CK_FALSE &&
          mixed[1].ulValueLen == 1);
    CHECK(mixed[2].ulValueLen == CK_UNAVAILABLE_INFORMATION &&
          mixed[3].ulValueLen == CK_UNAVAILABLE_INFORMATION);
    CHECK(mixed[4].ulValueLen == 20);
    GIVES(CKR_OBJECT_HANDLE_INVALID, p11->C_GetAttributeValue(session, 4000, mixed, 1));
}

/* Objects are found by what they say, and by labels in letters of either case; a search has one
 * end. */
static void finding(void)
{
    CK_OBJECT_HANDLE found[10], id_owner;
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = CKK_ML_DSA;
    CK_BYTE id[20];
    CK_ULONG count;
    CK_ATTRIBUTE by_class[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type}};
    CK_ATTRIBUTE by_id = {CKA_ID, id, sizeof id}, by_label = {CKA_LABEL, "K", 1},
                 odd = {CKA_LABEL, "a b", 3};
    fake_key("m", "mldsa44", "");
    id_owner = lms_key();
    CHECK(find(NULL, 0, found, 10) == 4);
    CHECK(find(by_class, 1, found, 10) == 2 && find(by_class, 2, found, 10) == 1);
    OK(p11->C_GetAttributeValue(session, id_owner, &by_id, 1));
    CHECK(find(&by_id, 1, found, 10) == 2 && found[1] == id_owner);
    CHECK(find(&by_label, 1, found, 10) == 2 && find(&odd, 1, found, 10) == 0);
    OK(p11->C_FindObjectsInit(session, NULL, 0));
    GIVES(CKR_OPERATION_ACTIVE, p11->C_FindObjectsInit(session, NULL, 0));
    OK(p11->C_FindObjects(session, found, 3, &count));
    CHECK(count == 3);
    OK(p11->C_FindObjects(session, found, 3, &count));
    CHECK(count == 1);
    OK(p11->C_FindObjects(session, found, 3, &count));
    CHECK(count == 0);
    OK(p11->C_FindObjectsFinal(session));
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_FindObjectsFinal(session));
    fake.refuse = "list";
    fake.refuse_status = 1000;
    GIVES(CKR_FUNCTION_FAILED, p11->C_FindObjectsInit(session, NULL, 0));
}

/* A pair is made of what its templates say, in an R/W session, and of nothing that a fleet's key
 * can't be. */
static void generating(void)
{
    CK_ULONG one = 1, two = 2, lms = 5, lmots = 4, wrong = 99, arrays[2] = {5, 5};
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    CK_SESSION_HANDLE reader;
    CK_MECHANISM mechanism = {CKM_HSS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE pub[] = {{CKA_LABEL, "New", 3}, {CKA_VERIFY, &yes, 1}};
    CK_ATTRIBUTE whole[] = {{CKA_TOKEN, &yes, 1},
                            {CKA_HSS_LEVELS, &one, sizeof one},
                            {CKA_HSS_LMS_TYPES, &lms, sizeof lms},
                            {CKA_HSS_LMOTS_TYPES, &lmots, sizeof lmots},
                            {CKA_SENSITIVE, &yes, 1}};
    CK_ATTRIBUTE priv[5];
    const struct {
        int at;
        CK_ATTRIBUTE attribute;
        CK_RV value;
    } rows[] = {
        {0, {CKA_TOKEN, &no, 1}, CKR_ATTRIBUTE_VALUE_INVALID},
        {0, {CKA_PRIVATE, &yes, 1}, CKR_TEMPLATE_INCOMPLETE},
        {1, {CKA_HSS_LEVELS, &two, sizeof two}, CKR_ATTRIBUTE_VALUE_INVALID},
        {1, {CKA_SIGN, &yes, 1}, CKR_TEMPLATE_INCOMPLETE},
        {2, {CKA_HSS_LMS_TYPES, &wrong, sizeof wrong}, CKR_ATTRIBUTE_VALUE_INVALID},
        {2, {CKA_HSS_LMS_TYPES, arrays, sizeof arrays}, CKR_TEMPLATE_INCONSISTENT},
        {3, {CKA_SIGN, &yes, 1}, CKR_TEMPLATE_INCOMPLETE},
        {4, {CKA_EXTRACTABLE, &yes, 1}, CKR_ATTRIBUTE_VALUE_INVALID},
        {4, {CKA_SENSITIVE, &no, 1}, CKR_ATTRIBUTE_VALUE_INVALID},
        {4, {0x12345, &yes, 1}, CKR_ATTRIBUTE_TYPE_INVALID},
        {4, {CKA_LABEL, "other", 5}, CKR_TEMPLATE_INCONSISTENT},
    };
    start();
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        memcpy(priv, whole, sizeof whole);
        priv[rows[at].at] = rows[at].attribute;
        CHECK(p11->C_GenerateKeyPair(session, &mechanism, pub, 2, priv, 5, &public_key,
                                     &private_key) == rows[at].value);
    }
    OK(p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &reader));
    GIVES(CKR_SESSION_READ_ONLY,
          p11->C_GenerateKeyPair(reader, &mechanism, pub, 2, whole, 5, &public_key, &private_key));
    CHECK(fake.asked == 0);
    OK(p11->C_GenerateKeyPair(session, &mechanism, pub + 1, 1, whole, 5, &public_key,
                              &private_key));
    CHECK(number(public_key, CKA_HSS_LMS_TYPE) == 5 &&
          number(private_key, CKA_HSS_LMOTS_TYPES) == 4);
    fake_key("taken", "mldsa44", "");
    pub[0] = (CK_ATTRIBUTE){CKA_LABEL, "taken", 5};
    GIVES(CKR_ATTRIBUTE_VALUE_INVALID,
          p11->C_GenerateKeyPair(session, &mechanism, pub, 2, whole, 5, &public_key, &private_key));
    GIVES(CKR_SESSION_READ_ONLY, p11->C_DestroyObject(reader, private_key));
    GIVES(CKR_ACTION_PROHIBITED, p11->C_DestroyObject(session, public_key));
    OK(p11->C_DestroyObject(session, private_key));
    GIVES(CKR_OBJECT_HANDLE_INVALID, p11->C_DestroyObject(session, private_key));
    GIVES(CKR_KEY_HANDLE_INVALID, p11->C_VerifyInit(session, &hss, public_key));
}

/* A handle means the key that it was given for, never another one that has come under its alias. */
static void strangers(void)
{
    CK_OBJECT_HANDLE old_key = lms_key(), new_key;
    CK_BYTE signature[HSS_SIGNATURE];
    CK_ULONG length = sizeof signature, count = 0;
    CK_ATTRIBUTE remaining = {CKA_HSS_KEYS_REMAINING, &count, sizeof count};
    fake_loss("k");
    fake_key("k", "lms:sha256_m32_h5:sha256_n32_w8", "");
    OK(p11->C_SignInit(session, &hss, old_key));
    GIVES(CKR_KEY_HANDLE_INVALID, p11->C_Sign(session, data, 8, signature, &length));
    new_key = object("k", CKO_PRIVATE_KEY);
    CHECK(new_key != old_key);
    GIVES(CKR_OBJECT_HANDLE_INVALID, p11->C_DestroyObject(session, old_key));
    OK(p11->C_GetAttributeValue(session, new_key, &remaining, 1));
    fake_loss("k");
    fake_key("k", "lms:sha256_m32_h5:sha256_n32_w8", "");
    GIVES(CKR_OBJECT_HANDLE_INVALID, p11->C_GetAttributeValue(session, new_key, &remaining, 1));
    CHECK(object("k", CKO_PRIVATE_KEY) != new_key);
}

/* ML-DSA's parameter set is the public half's to say. */
static void generating_mldsa(void)
{
    CK_ULONG set = CKP_ML_DSA_44, none = 4;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE public_key, private_key;
    CK_MECHANISM mechanism = {CKM_ML_DSA_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE pub = {CKA_PARAMETER_SET, &none, sizeof none}, priv = {CKA_TOKEN, &yes, 1};
    start();
    GIVES(
        CKR_PARAMETER_SET_NOT_SUPPORTED,
        p11->C_GenerateKeyPair(session, &mechanism, &pub, 1, &priv, 1, &public_key, &private_key));
    GIVES(CKR_TEMPLATE_INCOMPLETE, p11->C_GenerateKeyPair(session, &mechanism, NULL, 0, &priv, 1,
                                                          &public_key, &private_key));
    pub.pValue = &set;
    OK(p11->C_GenerateKeyPair(session, &mechanism, &pub, 1, &priv, 1, &public_key, &private_key));
    CHECK(number(private_key, CKA_PARAMETER_SET) == CKP_ML_DSA_44 &&
          number(public_key, CKA_PARAMETER_SET) == CKP_ML_DSA_44);
    CHECK(number(public_key, CKA_KEY_TYPE) == CKK_ML_DSA);
}

/* The private half of a protected key is seen and used after a login with the right passphrase,
 * which goes to the helper with each signature. */
static void login(void)
{
    CK_OBJECT_HANDLE found[4], key;
    CK_BYTE signature[2420];
    CK_ULONG length = sizeof signature;
    fake_key("p", "mldsa44", "ops");
    start();
    CHECK(find(NULL, 0, found, 4) == 1);
    key = found[0] + 1;
    GIVES(CKR_USER_NOT_LOGGED_IN, p11->C_SignInit(session, &mldsa, key));
    GIVES(CKR_USER_NOT_LOGGED_IN, p11->C_Logout(session));
    GIVES(CKR_PIN_INCORRECT, p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"wrong", 5));
    GIVES(CKR_USER_TYPE_INVALID, p11->C_Login(session, CKU_SO, (CK_UTF8CHAR *)"open sesame", 11));
    GIVES(CKR_ARGUMENTS_BAD, p11->C_Login(session, CKU_USER, NULL, 5));
    OK(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"open sesame", 11));
    GIVES(CKR_USER_ALREADY_LOGGED_IN,
          p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"open sesame", 11));
    CHECK(find(NULL, 0, found, 4) == 2 && found[1] == key);
    OK(p11->C_SignInit(session, &mldsa, key));
    OK(p11->C_Sign(session, data, 8, signature, &length));
    CHECK(strcmp(fake.last_passphrase, "open sesame") == 0);
    OK(p11->C_Logout(session));
    GIVES(CKR_USER_NOT_LOGGED_IN, p11->C_SignInit(session, &mldsa, key));
    setenv("SEEMACHINE_PRELOADED", "x", 1);
    OK(p11->C_SignInit(session, &mldsa, key));
    OK(p11->C_Sign(session, data, 8, signature, &length));
    CHECK(fake.last_passphrase[0] == 0);
}

/* A child after fork has to initialize for itself, and disturbs nothing of its parent's. */
static void forks(void)
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

static void *one_thread(void *key)
{
    CK_SESSION_HANDLE own;
    CK_BYTE signature[HSS_SIGNATURE];
    CK_ULONG count;
    CK_OBJECT_HANDLE found[4];
    OK(p11->C_OpenSession(0, RW, NULL, NULL, &own));
    for (int round = 0; round < 10; round++) {
        CK_ULONG length = sizeof signature;
        OK(p11->C_FindObjectsInit(own, NULL, 0));
        OK(p11->C_FindObjects(own, found, 4, &count));
        OK(p11->C_FindObjectsFinal(own));
        OK(p11->C_SignInit(own, &hss, *(CK_OBJECT_HANDLE *)key));
        OK(p11->C_Sign(own, data, 8, signature, &length));
    }
    OK(p11->C_CloseSession(own));
    return NULL;
}

static int by_token(const void *one, const void *other)
{
    return memcmp(one, other, TOKEN);
}

/* 200 threads make 2000 signatures of 2000 names. */
static void threads(void)
{
    pthread_t all[200];
    CK_OBJECT_HANDLE key = lms_key();
    for (int at = 0; at < 200; at++)
        CHECK(pthread_create(&all[at], NULL, one_thread, &key) == 0);
    for (int at = 0; at < 200; at++)
        CHECK(pthread_join(all[at], NULL) == 0);
    CHECK(fake.signatures == 2000);
    qsort(fake.tokens, 2000, TOKEN, by_token);
    for (int at = 1; at < 2000; at++)
        CHECK(memcmp(fake.tokens[at - 1], fake.tokens[at], TOKEN) != 0);
}

/* A session closed by one thread while another is in a call of it ends after that call; chance is
 * not all zeros. */
static void closing(void)
{
    CK_OBJECT_HANDLE key = lms_key();
    CK_BYTE place[600] = {0}, zeros[600] = {0};
    pthread_t other;
    CHECK(pthread_create(&other, NULL, one_thread, &key) == 0);
    for (int round = 0; round < 100; round++) {
        OK(p11->C_GenerateRandom(session, place, sizeof place));
        CHECK(memcmp(place + 590, zeros, 10) != 0);
    }
    GIVES(CKR_RANDOM_SEED_NOT_SUPPORTED, p11->C_SeedRandom(session, place, 8));
    CHECK(pthread_join(other, NULL) == 0);
    OK(p11->C_CloseAllSessions(0));
}

/* What refusals say is written to the file that is named for it, a line each. */
static void journal(void)
{
    char path[] = "/tmp/journal-XXXXXX", line[200] = "";
    CHECK(close(mkstemp(path)) == 0 && setenv("SEEMACHINE_PKCS11_LOG", path, 1) == 0);
    start();
    GIVES(CKR_PIN_INCORRECT, p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"wrong", 5));
    FILE *file = fopen(path, "r");
    CHECK(file != NULL && fgets(line, sizeof line, file) != NULL && fgetc(file) == EOF &&
          fclose(file) == 0);
    CHECK(strstr(line, " login 0xa0 the fake refuses\n") != NULL && strstr(line, "wrong") == NULL);
    unlink(path);
}

#define TEST(name) {#name, name}
static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    TEST(sizes),
    TEST(interfaces),
    TEST(initializing),
    TEST(slots),
    TEST(mechanisms),
    TEST(sessions),
    TEST(buffers),
    TEST(parts),
    TEST(names),
    TEST(refusals),
    TEST(keys),
    TEST(contexts),
    TEST(verifying),
    TEST(attributes),
    TEST(finding),
    TEST(generating),
    TEST(generating_mldsa),
    TEST(strangers),
    TEST(login),
    TEST(forks),
    TEST(threads),
    TEST(closing),
    TEST(journal),
};

int main(int count, char **words)
{
    CK_INTERFACE *interface;
    OK(C_GetInterface((CK_UTF8CHAR *)"PKCS 11", NULL, &interface, 0));
    p11 = interface->pFunctionList;
    for (size_t at = 0; at < sizeof tests / sizeof *tests; at++) {
        if (count < 2)
            puts(tests[at].name);
        else if (strcmp(tests[at].name, words[1]) == 0) {
            tests[at].run();
            CK_RV rv = p11->C_Finalize(NULL);
            CHECK(rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED);
            return 0;
        }
    }
    return count < 2 ? 0 : 2;
}
