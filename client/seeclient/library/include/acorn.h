/* The C interface of the Post-Quantum Option Pack's library, as seemachine's libacorn implements it.
 *
 * Names, types, order and layouts are those of the vendor's public header (lowRISC/opentitan-signing-infra,
 * hsmtool/acorn/vendor/acorn.h, 2015-2024, older than LMS), so that a program runs with either library. The text is
 * seemachine's, under the Apache License 2.0. What seemachine adds stands under "Ours" and is in no table.
 *
 * Each command has two forms that do the same: acorn_command_X takes a request structure, acorn_cmd_X its members.
 *
 * - A command returns 0, or the number of an nShield status; 1000 is a failure that has none.
 * - After a failure *errstring holds the reason, and the caller passes it to free(). After a success it is NULL.
 *   If errstring itself is NULL, the command prints the reason: see acorn_errstream.
 * - A command overwrites the whole response, whatever it held. After a failure it is all zero. After a success no
 *   pointer in it is NULL, even where the length is 0. The caller passes it to acorn_free_X.
 * - Strings are UTF-8. What is missing is NULL (a buffer with a length of 0) or empty.
 * - Threads may call everything at the same time. So may a child after fork().
 *
 * acorn_free_X frees what the members of a request and of a response point to, after overwriting it, and sets them to
 * zero: a second call does nothing. Either argument may be NULL. The members of a request are the caller's: pass NULL
 * unless malloc() returned each of them.
 */
#ifndef ACORN_H
#define ACORN_H

#include <stdio.h>

#if defined(__GNUC__)
#define ACORN_EXPORT __attribute__((visibility("default")))
#else
#define ACORN_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The library */

/* Run when the library is loaded and unloaded; no program needs to call them. Returns 0. */
ACORN_EXPORT int acorn_init(void);
/* Also ends the helper process. A later command starts another. */
ACORN_EXPORT void acorn_cleanup(void);

/* Where commands without errstring print why they failed: standard error at first, nowhere for NULL. */
ACORN_EXPORT void acorn_errstream(FILE *out);

/* Values */

struct acorn_buffer {
    unsigned len;       /* bytes at ptr */
    unsigned char *ptr;
};

struct acorn_object_keyEntry {
    char *alias;
    char *algorithm;    /* LMS, ML-DSA */
};

/* Numbers of bits: flags are 1 << acorn_enum_generateFlags_overwrite. */
enum acorn_enum_generateFlags {
    acorn_enum_generateFlags_overwrite = 0,     /* in place of a key of this alias */
    acorn_enum_generateFlags_exportPrivate = 1, /* give the private key out in the clear */
    acorn_enum_generateFlags__LIMIT = 2
};

/* Requests and responses, in the order of the tables */

struct acorn_request_getVersion {
    int unused;
};
struct acorn_response_getVersion {
    char *version; /* of this library */
};

struct acorn_request_list {
    int unused;
};
struct acorn_response_list {
    unsigned n_entries;
    struct acorn_object_keyEntry *entries;
};

struct acorn_request_getPublic {
    char *alias;
};
struct acorn_response_getPublic {
    struct acorn_buffer publicKey;
};

struct acorn_request_getPublicHash {
    struct acorn_buffer publicKey;
};
struct acorn_response_getPublicHash {
    char *hash; /* in hexadecimal, as keyhash takes it */
};

struct acorn_request_getKeyInfo {
    char *alias;
};
struct acorn_response_getKeyInfo {
    char *hash;
    char *algorithm;
    struct acorn_buffer publicKey;
    struct acorn_buffer privateBlob; /* encrypted by the HSM; LMS secrets stay there: the public key stands for them */
};

struct acorn_request_generate {
    char *alias;     /* one is made up when it is missing */
    char *algorithm; /* mldsa44, mldsa65, mldsa87, or ML-DSA for mldsa87; or as ours lms:LMSCODE:LMOTSCODE[:EXPCARDS:EXPLEASE] */
    char *token;     /* name of the card set that protects the key; the module does when it is missing */
    unsigned flags;  /* see acorn_enum_generateFlags */
};
struct acorn_response_generate {
    char *alias;
    char *hash;
    struct acorn_buffer privateBlob;
    struct acorn_buffer privateKey; /* the seed of 32 bytes (FIPS 204); empty without exportPrivate */
};

struct acorn_request_importKeypair {
    char *alias; /* as for generate; so are algorithm and token */
    char *algorithm;
    struct acorn_buffer publicKey;
    struct acorn_buffer privateKey; /* the seed of 32 bytes, or the expanded key */
    char *token;
    unsigned overwrite; /* 0 or 1, not a set of flags */
};
struct acorn_response_importKeypair {
    char *alias;
    char *hash;
    struct acorn_buffer privateBlob;
};

struct acorn_request_sign {
    char *alias;
    char *keyhash; /* only looked at when alias is missing */
    struct acorn_buffer message;
};
struct acorn_response_sign {
    struct acorn_buffer signature;
};

struct acorn_request_verify {
    char *alias;
    char *keyhash; /* only looked at when alias is missing */
    struct acorn_buffer message;
    struct acorn_buffer signature;
};
struct acorn_response_verify {
    unsigned verified; /* 1 for a valid signature, 0 for an invalid one, which is not a failure */
};

struct acorn_request_signImmediate {
    struct acorn_buffer privateBlob; /* as generate, importKeypair and getKeyInfo give it */
    char *token;
    struct acorn_buffer message;
};
struct acorn_response_signImmediate {
    struct acorn_buffer signature;
};

struct acorn_request_verifyImmediate {
    struct acorn_buffer publicKey;
    char *algorithm; /* as getKeyInfo or generate have it */
    struct acorn_buffer message;
    struct acorn_buffer signature;
};
struct acorn_response_verifyImmediate {
    unsigned verified;
};

struct acorn_request_see_getVersion {
    int unused;
};
struct acorn_response_see_getVersion {
    char *version; /* of the SEE machine, on the first HSM that answers */
};

/* Commands, request form */

typedef int (*acorn_commandfn_getVersion)(const struct acorn_request_getVersion *request,
                                          struct acorn_response_getVersion *response, char **errstring);
typedef int (*acorn_commandfn_list)(const struct acorn_request_list *request, struct acorn_response_list *response,
                                    char **errstring);
typedef int (*acorn_commandfn_getPublic)(const struct acorn_request_getPublic *request,
                                         struct acorn_response_getPublic *response, char **errstring);
typedef int (*acorn_commandfn_getPublicHash)(const struct acorn_request_getPublicHash *request,
                                             struct acorn_response_getPublicHash *response, char **errstring);
typedef int (*acorn_commandfn_getKeyInfo)(const struct acorn_request_getKeyInfo *request,
                                          struct acorn_response_getKeyInfo *response, char **errstring);
typedef int (*acorn_commandfn_generate)(const struct acorn_request_generate *request,
                                        struct acorn_response_generate *response, char **errstring);
typedef int (*acorn_commandfn_importKeypair)(const struct acorn_request_importKeypair *request,
                                             struct acorn_response_importKeypair *response, char **errstring);
typedef int (*acorn_commandfn_sign)(const struct acorn_request_sign *request, struct acorn_response_sign *response,
                                    char **errstring);
typedef int (*acorn_commandfn_verify)(const struct acorn_request_verify *request,
                                      struct acorn_response_verify *response, char **errstring);
typedef int (*acorn_commandfn_signImmediate)(const struct acorn_request_signImmediate *request,
                                             struct acorn_response_signImmediate *response, char **errstring);
typedef int (*acorn_commandfn_verifyImmediate)(const struct acorn_request_verifyImmediate *request,
                                               struct acorn_response_verifyImmediate *response, char **errstring);
typedef int (*acorn_commandfn_see_getVersion)(const struct acorn_request_see_getVersion *request,
                                              struct acorn_response_see_getVersion *response, char **errstring);

ACORN_EXPORT int acorn_command_getVersion(const struct acorn_request_getVersion *request,
                                          struct acorn_response_getVersion *response, char **errstring);
ACORN_EXPORT int acorn_command_list(const struct acorn_request_list *request, struct acorn_response_list *response,
                                    char **errstring);
ACORN_EXPORT int acorn_command_getPublic(const struct acorn_request_getPublic *request,
                                         struct acorn_response_getPublic *response, char **errstring);
ACORN_EXPORT int acorn_command_getPublicHash(const struct acorn_request_getPublicHash *request,
                                             struct acorn_response_getPublicHash *response, char **errstring);
ACORN_EXPORT int acorn_command_getKeyInfo(const struct acorn_request_getKeyInfo *request,
                                          struct acorn_response_getKeyInfo *response, char **errstring);
ACORN_EXPORT int acorn_command_generate(const struct acorn_request_generate *request,
                                        struct acorn_response_generate *response, char **errstring);
ACORN_EXPORT int acorn_command_importKeypair(const struct acorn_request_importKeypair *request,
                                             struct acorn_response_importKeypair *response, char **errstring);
ACORN_EXPORT int acorn_command_sign(const struct acorn_request_sign *request, struct acorn_response_sign *response,
                                    char **errstring);
ACORN_EXPORT int acorn_command_verify(const struct acorn_request_verify *request,
                                      struct acorn_response_verify *response, char **errstring);
ACORN_EXPORT int acorn_command_signImmediate(const struct acorn_request_signImmediate *request,
                                             struct acorn_response_signImmediate *response, char **errstring);
ACORN_EXPORT int acorn_command_verifyImmediate(const struct acorn_request_verifyImmediate *request,
                                               struct acorn_response_verifyImmediate *response, char **errstring);
ACORN_EXPORT int acorn_command_see_getVersion(const struct acorn_request_see_getVersion *request,
                                              struct acorn_response_see_getVersion *response, char **errstring);

/* Commands, inline form */

typedef int (*acorn_cmdfn_getVersion)(struct acorn_response_getVersion *response, char **errstring);
typedef int (*acorn_cmdfn_list)(struct acorn_response_list *response, char **errstring);
typedef int (*acorn_cmdfn_getPublic)(const char *alias, struct acorn_response_getPublic *response, char **errstring);
typedef int (*acorn_cmdfn_getPublicHash)(const struct acorn_buffer publicKey,
                                         struct acorn_response_getPublicHash *response, char **errstring);
typedef int (*acorn_cmdfn_getKeyInfo)(const char *alias, struct acorn_response_getKeyInfo *response,
                                      char **errstring);
typedef int (*acorn_cmdfn_generate)(const char *alias, const char *algorithm, const char *token, unsigned flags,
                                    struct acorn_response_generate *response, char **errstring);
typedef int (*acorn_cmdfn_importKeypair)(const char *alias, const char *algorithm, const struct acorn_buffer publicKey,
                                         const struct acorn_buffer privateKey, const char *token, unsigned overwrite,
                                         struct acorn_response_importKeypair *response, char **errstring);
typedef int (*acorn_cmdfn_sign)(const char *alias, const char *keyhash, const struct acorn_buffer message,
                                struct acorn_response_sign *response, char **errstring);
typedef int (*acorn_cmdfn_verify)(const char *alias, const char *keyhash, const struct acorn_buffer message,
                                  const struct acorn_buffer signature, struct acorn_response_verify *response,
                                  char **errstring);
typedef int (*acorn_cmdfn_signImmediate)(const struct acorn_buffer privateBlob, const char *token,
                                         const struct acorn_buffer message,
                                         struct acorn_response_signImmediate *response, char **errstring);
typedef int (*acorn_cmdfn_verifyImmediate)(const struct acorn_buffer publicKey, const char *algorithm,
                                           const struct acorn_buffer message, const struct acorn_buffer signature,
                                           struct acorn_response_verifyImmediate *response, char **errstring);
typedef int (*acorn_cmdfn_see_getVersion)(struct acorn_response_see_getVersion *response, char **errstring);

ACORN_EXPORT int acorn_cmd_getVersion(struct acorn_response_getVersion *response, char **errstring);
ACORN_EXPORT int acorn_cmd_list(struct acorn_response_list *response, char **errstring);
ACORN_EXPORT int acorn_cmd_getPublic(const char *alias, struct acorn_response_getPublic *response, char **errstring);
ACORN_EXPORT int acorn_cmd_getPublicHash(const struct acorn_buffer publicKey,
                                         struct acorn_response_getPublicHash *response, char **errstring);
ACORN_EXPORT int acorn_cmd_getKeyInfo(const char *alias, struct acorn_response_getKeyInfo *response,
                                      char **errstring);
ACORN_EXPORT int acorn_cmd_generate(const char *alias, const char *algorithm, const char *token, unsigned flags,
                                    struct acorn_response_generate *response, char **errstring);
ACORN_EXPORT int acorn_cmd_importKeypair(const char *alias, const char *algorithm, const struct acorn_buffer publicKey,
                                         const struct acorn_buffer privateKey, const char *token, unsigned overwrite,
                                         struct acorn_response_importKeypair *response, char **errstring);
ACORN_EXPORT int acorn_cmd_sign(const char *alias, const char *keyhash, const struct acorn_buffer message,
                                struct acorn_response_sign *response, char **errstring);
ACORN_EXPORT int acorn_cmd_verify(const char *alias, const char *keyhash, const struct acorn_buffer message,
                                  const struct acorn_buffer signature, struct acorn_response_verify *response,
                                  char **errstring);
ACORN_EXPORT int acorn_cmd_signImmediate(const struct acorn_buffer privateBlob, const char *token,
                                         const struct acorn_buffer message,
                                         struct acorn_response_signImmediate *response, char **errstring);
ACORN_EXPORT int acorn_cmd_verifyImmediate(const struct acorn_buffer publicKey, const char *algorithm,
                                           const struct acorn_buffer message, const struct acorn_buffer signature,
                                           struct acorn_response_verifyImmediate *response, char **errstring);
ACORN_EXPORT int acorn_cmd_see_getVersion(struct acorn_response_see_getVersion *response, char **errstring);

/* What gives memory back */

ACORN_EXPORT void acorn_free_getVersion(struct acorn_request_getVersion *request,
                                        struct acorn_response_getVersion *response);
ACORN_EXPORT void acorn_free_list(struct acorn_request_list *request, struct acorn_response_list *response);
ACORN_EXPORT void acorn_free_getPublic(struct acorn_request_getPublic *request,
                                       struct acorn_response_getPublic *response);
ACORN_EXPORT void acorn_free_getPublicHash(struct acorn_request_getPublicHash *request,
                                           struct acorn_response_getPublicHash *response);
ACORN_EXPORT void acorn_free_getKeyInfo(struct acorn_request_getKeyInfo *request,
                                        struct acorn_response_getKeyInfo *response);
ACORN_EXPORT void acorn_free_generate(struct acorn_request_generate *request,
                                      struct acorn_response_generate *response);
ACORN_EXPORT void acorn_free_importKeypair(struct acorn_request_importKeypair *request,
                                           struct acorn_response_importKeypair *response);
ACORN_EXPORT void acorn_free_sign(struct acorn_request_sign *request, struct acorn_response_sign *response);
ACORN_EXPORT void acorn_free_verify(struct acorn_request_verify *request, struct acorn_response_verify *response);
ACORN_EXPORT void acorn_free_signImmediate(struct acorn_request_signImmediate *request,
                                           struct acorn_response_signImmediate *response);
ACORN_EXPORT void acorn_free_verifyImmediate(struct acorn_request_verifyImmediate *request,
                                             struct acorn_response_verifyImmediate *response);
ACORN_EXPORT void acorn_free_see_getVersion(struct acorn_request_see_getVersion *request,
                                            struct acorn_response_see_getVersion *response);

/* Tables, for programs that load the library by name */

struct acorn_commandlist {
    acorn_commandfn_getVersion getVersion;
    acorn_commandfn_list list;
    acorn_commandfn_getPublic getPublic;
    acorn_commandfn_getPublicHash getPublicHash;
    acorn_commandfn_getKeyInfo getKeyInfo;
    acorn_commandfn_generate generate;
    acorn_commandfn_importKeypair importKeypair;
    acorn_commandfn_sign sign;
    acorn_commandfn_verify verify;
    acorn_commandfn_signImmediate signImmediate;
    acorn_commandfn_verifyImmediate verifyImmediate;
    acorn_commandfn_see_getVersion see_getVersion;
};

struct acorn_cmdlist {
    acorn_cmdfn_getVersion getVersion;
    acorn_cmdfn_list list;
    acorn_cmdfn_getPublic getPublic;
    acorn_cmdfn_getPublicHash getPublicHash;
    acorn_cmdfn_getKeyInfo getKeyInfo;
    acorn_cmdfn_generate generate;
    acorn_cmdfn_importKeypair importKeypair;
    acorn_cmdfn_sign sign;
    acorn_cmdfn_verify verify;
    acorn_cmdfn_signImmediate signImmediate;
    acorn_cmdfn_verifyImmediate verifyImmediate;
    acorn_commandfn_see_getVersion see_getVersion; /* in its request form here, too */
};

/* Fill a table. Return as commands do; only a NULL table fails. */
ACORN_EXPORT int acorn_getcommandlist(struct acorn_commandlist *list, char **errstring);
ACORN_EXPORT int acorn_getcmdlist(struct acorn_cmdlist *list, char **errstring);

/* Ours */

/* The vendor's header of a release with LMS is not public. It surely has commands for these; theirs will differ. */

/* Moves a lease from a smart card into an HSM (guide 2.7.2). */
struct acorn_request_see_provisionLMS {
    char *esn;     /* such as 5F08-02E0-D947 */
    unsigned slot; /* of that HSM */
};
struct acorn_response_see_provisionLMS {
    int unused;
};

/* What showinfo of the guide prints beside getKeyInfo. */
struct acorn_request_see_infoLMS {
    char *alias;
    char *keyhash; /* only looked at when alias is missing */
};
struct acorn_response_see_infoLMS {
    char *parameters;   /* sha256_m32_h5 sha256_n32_w8 */
    unsigned remaining; /* signatures, on the HSMs that answer */
};

ACORN_EXPORT int acorn_command_see_provisionLMS(const struct acorn_request_see_provisionLMS *request,
                                                struct acorn_response_see_provisionLMS *response, char **errstring);
ACORN_EXPORT int acorn_cmd_see_provisionLMS(const char *esn, unsigned slot,
                                            struct acorn_response_see_provisionLMS *response, char **errstring);
ACORN_EXPORT void acorn_free_see_provisionLMS(struct acorn_request_see_provisionLMS *request,
                                              struct acorn_response_see_provisionLMS *response);

ACORN_EXPORT int acorn_command_see_infoLMS(const struct acorn_request_see_infoLMS *request,
                                           struct acorn_response_see_infoLMS *response, char **errstring);
ACORN_EXPORT int acorn_cmd_see_infoLMS(const char *alias, const char *keyhash,
                                       struct acorn_response_see_infoLMS *response, char **errstring);
ACORN_EXPORT void acorn_free_see_infoLMS(struct acorn_request_see_infoLMS *request,
                                         struct acorn_response_see_infoLMS *response);

#ifdef __cplusplus
}
#endif

#endif
