/* Rules of objects: what they say, and how they are found. */
#include "rules.h"

/* Objects of HSS keys have what 6.66 says; secrets are refused one by one, and the rest is read all
 * the same. */
void rule_attributes(void)
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
void rule_finding(void)
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
    fake.refuse = "objects";
    fake.refuse_status = 1000;
    GIVES(CKR_FUNCTION_FAILED, p11->C_FindObjectsInit(session, NULL, 0));
}

/* A handle means the key that it was given for, never another one that has come under its alias. */
void rule_strangers(void)
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

static unsigned long chance(void)
{
    static unsigned long state = 88172645463325252UL;
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* An attribute of a type that means something, most often, with a value of any size, or none. */
static CK_ATTRIBUTE any_attribute(CK_BYTE *place, size_t room)
{
    static const CK_ATTRIBUTE_TYPE types[] = {
        CKA_CLASS,          CKA_TOKEN,           CKA_PRIVATE,       CKA_LABEL,  CKA_ID,
        CKA_KEY_TYPE,       CKA_HSS_LEVELS,      CKA_HSS_LMS_TYPES, CKA_VALUE,  CKA_SIGN,
        CKA_HSS_LMOTS_TYPE, CKA_HSS_LMOTS_TYPES, CKA_PARAMETER_SET, CKA_VERIFY, 0x80001234UL,
    };
    static const size_t sizes[] = {0, 1, 2, sizeof(CK_ULONG), 64, 255};
    CK_ATTRIBUTE made = {types[chance() % (sizeof types / sizeof *types)], place, 0};
    made.ulValueLen = sizes[chance() % (sizeof sizes / sizeof *sizes)];
    memset(place, 0, room);
    place[0] = (CK_BYTE)(chance() % 7);
    if (chance() % 8 == 0)
        made.pValue = NULL;
    return made;
}

/* No template, however odd, does more than to be refused: the sanitizers watch. */
void rule_odd_templates(void)
{
    enum { MOST = 5, ROOM = 256 };
    CK_BYTE places[2][MOST][ROOM];
    CK_ATTRIBUTE one[MOST], other[MOST];
    CK_OBJECT_HANDLE found[4], pair[2];
    CK_ULONG number;
    CK_OBJECT_HANDLE key = lms_key();
    fake.refuse = "generate";
    fake.refuse_status = 73;
    for (int round = 0; round < 20000; round++) {
        CK_ULONG counts[2] = {chance() % MOST, chance() % MOST};
        CK_MECHANISM mechanism = {chance() % 2 ? CKM_HSS_KEY_PAIR_GEN : CKM_ML_DSA_KEY_PAIR_GEN,
                                  NULL, 0};
        for (CK_ULONG at = 0; at < MOST; at++) {
            one[at] = any_attribute(places[0][at], ROOM);
            other[at] = any_attribute(places[1][at], ROOM);
        }
        CK_RV rv = p11->C_GenerateKeyPair(session, &mechanism, one, counts[0], other, counts[1],
                                          &pair[0], &pair[1]);
        CHECK(rv != CKR_OK && rv != CKR_GENERAL_ERROR && rv != CKR_HOST_MEMORY);
        rv = p11->C_FindObjectsInit(session, one, counts[0]);
        CHECK(rv == CKR_OK || rv == CKR_ARGUMENTS_BAD);
        if (rv == CKR_OK) {
            OK(p11->C_FindObjects(session, found, 4, &number));
            OK(p11->C_FindObjectsFinal(session));
        }
        rv = p11->C_GetAttributeValue(session, key, one, counts[0]);
        CHECK(rv == CKR_OK || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
              rv == CKR_BUFFER_TOO_SMALL);
    }
}
