#include "calls.h"

#define F(text) {text, sizeof text - 1}
#define N(digit) {"\0\0\0\0\0\0\0" digit, 8}
#define ANY(size) {NULL, size}
#define BUFFER(text) {sizeof text - 1, (unsigned char *)text}
#define ARGUMENTS(...) __VA_ARGS__,

/* The request is what the braces hold; so are the members. */
#define FORMS(name, REQUEST, MEMBERS)                                                                                  \
    static int request_##name(union response *response, char **errstring)                                              \
    {                                                                                                                  \
        const struct acorn_request_##name request = REQUEST;                                                           \
        return acorn_command_##name(&request, &response->name, errstring);                                             \
    }                                                                                                                  \
    static int members_##name(union response *response, char **errstring)                                              \
    {                                                                                                                  \
        return acorn_cmd_##name(MEMBERS & response->name, errstring);                                                  \
    }                                                                                                                  \
    static int lacks_request_##name(union response *response, char **errstring)                                        \
    {                                                                                                                  \
        return acorn_command_##name(NULL, &response->name, errstring);                                                 \
    }                                                                                                                  \
    static int lacks_response_##name(char **errstring)                                                                 \
    {                                                                                                                  \
        const struct acorn_request_##name request = REQUEST;                                                           \
        return acorn_command_##name(&request, NULL, errstring);                                                        \
    }                                                                                                                  \
    static void free_##name(union response *response)                                                                  \
    {                                                                                                                  \
        acorn_free_##name(NULL, &response->name);                                                                      \
    }

#define OF(name)                                                                                                       \
    request_##name, members_##name, lacks_request_##name, lacks_response_##name, free_##name,                          \
        sizeof(struct acorn_response_##name)

#define BRACED(...) {__VA_ARGS__}
#define PUBLIC ((struct acorn_buffer)BUFFER("pub\0lic"))
#define SECRET ((struct acorn_buffer)BUFFER("sec\0ret"))
#define MESSAGE ((struct acorn_buffer)BUFFER("mes\0sage"))
#define SIGNATURE ((struct acorn_buffer)BUFFER("signature"))

FORMS(getVersion, {0}, )
FORMS(list, {0}, )
FORMS(getPublic, {"alias"}, ARGUMENTS("alias"))
FORMS(getPublicHash, {PUBLIC}, ARGUMENTS(PUBLIC))
FORMS(getKeyInfo, {"alias"}, ARGUMENTS("alias"))
FORMS(generate, BRACED("alias", "mldsa87", "cards", 3), ARGUMENTS("alias", "mldsa87", "cards", 3))
FORMS(importKeypair, BRACED("alias", "mldsa44", PUBLIC, SECRET, "cards", 1),
      ARGUMENTS("alias", "mldsa44", PUBLIC, SECRET, "cards", 1))
FORMS(sign, BRACED("alias", "hash", MESSAGE), ARGUMENTS("alias", "hash", MESSAGE))
FORMS(verify, BRACED("alias", "hash", MESSAGE, SIGNATURE), ARGUMENTS("alias", "hash", MESSAGE, SIGNATURE))
FORMS(signImmediate, BRACED(SECRET, "cards", MESSAGE), ARGUMENTS(SECRET, "cards", MESSAGE))
FORMS(verifyImmediate, BRACED(PUBLIC, "LMS", MESSAGE, SIGNATURE), ARGUMENTS(PUBLIC, "LMS", MESSAGE, SIGNATURE))
FORMS(see_getVersion, {0}, )
FORMS(see_provisionLMS, BRACED("5F08-02E0-D947", 2), ARGUMENTS("5F08-02E0-D947", 2))
FORMS(see_infoLMS, BRACED("alias", "hash"), ARGUMENTS("alias", "hash"))

#define KEY {F("alias"), F("LMS"), F("cafe"), F("pub\0lic"), F("blob"), F("sha256_m32_h5"), F("")}

const struct call calls[] = {
    {"getVersion", "client_version", OF(getVersion), 0, {{0}}, 1, {F("1.4.1")}},
    {"list", "list", OF(list), 0, {{0}}, 0, {F("a"), F("LMS"), F("b"), F("ML-DSA")}},
    {"getPublic", "key", OF(getPublic), 2, {F("alias"), F("")}, 4, KEY},
    {"getPublicHash", "public_hash", OF(getPublicHash), 1, {F("pub\0lic")}, 1, {F("cafe")}},
    {"getKeyInfo", "key", OF(getKeyInfo), 2, {F("alias"), F("")}, 5, KEY},
    {"generate", "generate", OF(generate), 4, {F("alias"), F("mldsa87"), F("cards"), N("\3")}, 4,
     {F("alias"), F("cafe"), F("blob"), F("sec\0ret")}},
    {"importKeypair", "import", OF(importKeypair), 6,
     {F("alias"), F("mldsa44"), F("pub\0lic"), F("sec\0ret"), F("cards"), N("\1")}, 3, {F("alias"), F("cafe"), F("blob")}},
    {"sign", "sign", OF(sign), 7, {F("alias"), F("hash"), F("mes\0sage"), ANY(16), F(""), N("\0"), F("")}, 1,
     {F("signa\0ture")}},
    {"verify", "verify", OF(verify), 5, {F("alias"), F("hash"), F("mes\0sage"), F("signature"), F("")}, 1, {N("\1")}},
    {"signImmediate", "sign_immediate", OF(signImmediate), 6,
     {F("sec\0ret"), F("cards"), F("mes\0sage"), F(""), N("\0"), F("")}, 1, {F("signa\0ture")}},
    {"verifyImmediate", "verify_immediate", OF(verifyImmediate), 5,
     {F("pub\0lic"), F("LMS"), F("mes\0sage"), F("signature"), F("")}, 1, {N("\1")}},
    {"see_getVersion", "machine_version", OF(see_getVersion), 0, {{0}}, 1, {F("1.4.1")}},
    {"see_provisionLMS", "provision", OF(see_provisionLMS), 2, {F("5F08-02E0-D947"), N("\2")}, 0, {{0}}},
    {"see_infoLMS", "info_lms", OF(see_infoLMS), 2, {F("alias"), F("hash")}, 2, {F("sha256_m32_h5"), N("\5")}},
};
const size_t call_count = sizeof calls / sizeof *calls;
