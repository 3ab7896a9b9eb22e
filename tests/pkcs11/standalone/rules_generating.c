/* Rules of key pairs that are made and destroyed. */
#define _GNU_SOURCE
#include "rules.h"

#include <sys/wait.h>
#include <unistd.h>

/* A pair is made of what its templates say, in an R/W session, and of nothing that a fleet's key
 * can't be. */
void rule_generating(void)
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
        {0, {CKA_TOKEN, &no, 2}, CKR_ATTRIBUTE_VALUE_INVALID},
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

/* ML-DSA's parameter set is the public half's to say. */
void rule_generating_mldsa(void)
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

/* A key that stays keeps the ID that it is given; if it can't, there is no key. */
void rule_identifiers(void)
{
    CK_ULONG set = CKP_ML_DSA_44;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE public_key, private_key, found[4];
    CK_MECHANISM mechanism = {CKM_ML_DSA_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE pub[] = {{CKA_PARAMETER_SET, &set, sizeof set}, {CKA_ID, "\1\2", 2}};
    CK_ATTRIBUTE priv[] = {{CKA_TOKEN, &yes, 1}, {CKA_ID, "\1\2", 2}}, other = {CKA_ID, "\3", 1};
    start();
    OK(p11->C_GenerateKeyPair(session, &mechanism, pub, 2, priv, 2, &public_key, &private_key));
    CHECK(find(&pub[1], 1, found, 4) == 2 && found[1] == private_key);
    OK(p11->C_Finalize(NULL));
    start();
    CHECK(find(&pub[1], 1, found, 4) == 2 && find(&other, 1, found, 4) == 0);
    priv[1] = other;
    GIVES(CKR_TEMPLATE_INCONSISTENT,
          p11->C_GenerateKeyPair(session, &mechanism, pub, 2, priv, 2, &public_key, &private_key));
    fake.refuse = "identify";
    fake.refuse_status = 57;
    GIVES(CKR_DEVICE_ERROR,
          p11->C_GenerateKeyPair(session, &mechanism, pub, 1, priv, 2, &public_key, &private_key));
    CHECK(find(NULL, 0, found, 4) == 2);
}

/* Without CKA_TOKEN a pair is its session's: any session of the application sees it, with label and
   ID as given, a session to read makes it, and it ends with its own, but with no child after fork.
 */
void rule_session_keys(void)
{
    CK_ULONG set = CKP_ML_DSA_44;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE, flag = 7;
    CK_BYTE name[20];
    CK_OBJECT_HANDLE public_key, private_key, found[4], other;
    CK_SESSION_HANDLE reader;
    int status;
    CK_MECHANISM mechanism = {CKM_ML_DSA_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE pub[] = {{CKA_PARAMETER_SET, &set, sizeof set}, {CKA_LABEL, "A Label!", 8}};
    CK_ATTRIBUTE priv[] = {{CKA_ID, "\1\2", 2}, {CKA_TOKEN, &no, 1}};
    CK_ATTRIBUTE both[] = {{CKA_PARAMETER_SET, &set, sizeof set}, {CKA_TOKEN, &yes, 1}};
    CK_ATTRIBUTE what = {CKA_TOKEN, &flag, 1};
    CK_ATTRIBUTE id = {CKA_ID, name, sizeof name};
    start();
    GIVES(CKR_TEMPLATE_INCONSISTENT,
          p11->C_GenerateKeyPair(session, &mechanism, both, 2, priv, 2, &public_key, &private_key));
    OK(p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &reader));
    for (int round = 0; round < 2; round++)
        OK(p11->C_GenerateKeyPair(reader, &mechanism, pub, 2, priv, 2, &public_key, &private_key));
    OK(p11->C_GetAttributeValue(session, private_key, &what, 1));
    OK(p11->C_GetAttributeValue(session, public_key, &id, 1));
    CHECK(flag == CK_FALSE && id.ulValueLen == 2 && memcmp(name, "\1\2", 2) == 0);
    CHECK(find(&pub[1], 1, found, 4) == 4 && find(priv, 1, found, 4) == 4);
    OK(p11->C_GenerateKeyPair(session, &mechanism, pub, 1, priv + 1, 1, &other, found));
    OK(p11->C_DestroyObject(reader, private_key));
    CHECK(find(&pub[1], 1, found, 4) == 2);
    pid_t child = fork();
    if (child == 0) {
        OK(p11->C_Initialize(NULL));
        OK(p11->C_Finalize(NULL));
        start();
        CHECK(find(NULL, 0, found, 4) == 4);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    unsigned asked = fake.asked;
    OK(p11->C_CloseSession(reader));
    CHECK(fake.asked == asked + 1);
    CHECK(find(&pub[1], 1, found, 4) == 0 && find(NULL, 0, found, 4) == 2);
    OK(p11->C_Finalize(NULL));
    start();
    CHECK(find(NULL, 0, found, 4) == 0);
}
