/* The rules of the standard that the module keeps by itself, one a test; argv[1] names the one to
 * run. */
#include "rules.h"

CK_FUNCTION_LIST_3_2 *p11;
CK_MECHANISM hss = {CKM_HSS, NULL, 0}, mldsa = {CKM_ML_DSA, NULL, 0};
CK_BYTE data[9] = "firmware";
CK_SESSION_HANDLE session;

void start(void)
{
    OK(p11->C_Initialize(NULL));
    OK(p11->C_OpenSession(0, RW, NULL, NULL, &session));
}

CK_ULONG find(CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *found, CK_ULONG room)
{
    CK_ULONG number;
    OK(p11->C_FindObjectsInit(session, template, count));
    OK(p11->C_FindObjects(session, found, room, &number));
    OK(p11->C_FindObjectsFinal(session));
    return number;
}

CK_OBJECT_HANDLE object(const char *alias, CK_OBJECT_CLASS class)
{
    CK_OBJECT_HANDLE found = 0;
    CK_ATTRIBUTE template[] = {{CKA_LABEL, (void *)alias, strlen(alias)},
                               {CKA_CLASS, &class, sizeof class}};
    CHECK(find(template, 2, &found, 1) == 1);
    return found;
}

CK_OBJECT_HANDLE lms_key(void)
{
    fake_key("k", "lms:sha256_m32_h5:sha256_n32_w8", "");
    start();
    return object("k", CKO_PRIVATE_KEY);
}

CK_ULONG number(CK_OBJECT_HANDLE which, CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG value = 0;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    OK(p11->C_GetAttributeValue(session, which, &attribute, 1));
    return value;
}

#define TEST(name) {#name, rule_##name}
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
    TEST(identifiers),
    TEST(session_keys),
    TEST(odd_templates),
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
