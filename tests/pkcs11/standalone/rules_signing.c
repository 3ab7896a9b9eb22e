/* Rules of signatures, made and checked. */
#include "rules.h"

/* A length question and a small buffer take no leaf and keep the operation; the signature comes
 * after, and ends it. */
void rule_buffers(void)
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
void rule_parts(void)
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
void rule_names(void)
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
void rule_refusals(void)
{
    static const struct {
        unsigned status;
        const char *class_name;
        CK_RV value;
    } rows[] = {
        {73, "UsedUp", CKR_KEY_EXHAUSTED},
        {73, "NotProvisioned", CKR_KEY_EXHAUSTED},
        {73, "Unreachable", CKR_DEVICE_ERROR},
        {7, "", CKR_KEY_EXHAUSTED},
        {5, "", CKR_USER_NOT_LOGGED_IN},
        {24, "", CKR_DATA_INVALID},
        {1000, "", CKR_FUNCTION_FAILED},
        {57, "", CKR_DEVICE_ERROR},
        {4, "", CKR_DEVICE_ERROR},
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
    fake_loss("k");
    OK(p11->C_SignInit(session, &hss, key));
    GIVES(CKR_KEY_HANDLE_INVALID, p11->C_Sign(session, data, 8, signature, &length));
    GIVES(CKR_KEY_HANDLE_INVALID, p11->C_SignInit(session, &hss, key));
}

/* Keys and mechanisms fit together, and halves do what they can. */
void rule_keys(void)
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
void rule_contexts(void)
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
void rule_verifying(void)
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
