/* Every command with arguments of its own and an answer, in both forms. */
#ifndef CALLS_H
#define CALLS_H

#include <acorn.h>

#include "fake_bridge.h"

union response {
    unsigned char bytes[64];
    struct acorn_response_getVersion getVersion;
    struct acorn_response_list list;
    struct acorn_response_getPublic getPublic;
    struct acorn_response_getPublicHash getPublicHash;
    struct acorn_response_getKeyInfo getKeyInfo;
    struct acorn_response_generate generate;
    struct acorn_response_importKeypair importKeypair;
    struct acorn_response_sign sign;
    struct acorn_response_verify verify;
    struct acorn_response_signImmediate signImmediate;
    struct acorn_response_verifyImmediate verifyImmediate;
    struct acorn_response_see_getVersion see_getVersion;
    struct acorn_response_see_provisionLMS see_provisionLMS;
    struct acorn_response_see_infoLMS see_infoLMS;
};

struct call {
    const char *name, *operation;
    int (*by_request)(union response *response, char **errstring);
    int (*by_members)(union response *response, char **errstring);
    int (*without_request)(union response *response, char **errstring);
    int (*without_response)(char **errstring);
    void (*give_back)(union response *response);
    size_t size;
    size_t asks;                           /* fields */
    struct sm_field asked[MOST_FIELDS];    /* data NULL: whatever it is */
    size_t answers;                        /* fields that the command needs */
    struct sm_field answer[MOST_FIELDS];
};

extern const struct call calls[];
extern const size_t call_count;

#endif
