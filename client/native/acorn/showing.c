/* What is public of one key. */
#include <acorn.h>

#include "command.h"

/* The answer of "key", of which each command takes a part. */
enum { KEY_ALIAS, KEY_ALGORITHM, KEY_HASH, KEY_PUBLIC, KEY_BLOB };

static const struct command GET_PUBLIC = {
    "key", sizeof(struct acorn_response_getPublic),
    .asks = {ASKS(TEXT, getPublic, alias), {NOTHING, 0, 0}},
    .gives = {GIVES(BYTES, getPublic, publicKey, KEY_PUBLIC)},
};

static const struct command GET_PUBLIC_HASH = {
    "public_hash", sizeof(struct acorn_response_getPublicHash),
    .asks = {ASKS(BYTES, getPublicHash, publicKey)},
    .gives = {GIVES(TEXT, getPublicHash, hash, 0)},
};

static const struct command GET_KEY_INFO = {
    "key", sizeof(struct acorn_response_getKeyInfo),
    .asks = {ASKS(TEXT, getKeyInfo, alias), {NOTHING, 0, 0}},
    .gives = {GIVES(TEXT, getKeyInfo, hash, KEY_HASH), GIVES(TEXT, getKeyInfo, algorithm, KEY_ALGORITHM),
              GIVES(BYTES, getKeyInfo, publicKey, KEY_PUBLIC), GIVES(BYTES, getKeyInfo, privateBlob, KEY_BLOB)},
};

int acorn_command_getPublic(const struct acorn_request_getPublic *request, struct acorn_response_getPublic *response,
                            char **errstring)
{
    return command_run(&GET_PUBLIC, request, response, errstring);
}

int acorn_cmd_getPublic(const char *alias, struct acorn_response_getPublic *response, char **errstring)
{
    const struct acorn_request_getPublic request = {(char *)alias};
    return command_run(&GET_PUBLIC, &request, response, errstring);
}

void acorn_free_getPublic(struct acorn_request_getPublic *request, struct acorn_response_getPublic *response)
{
    command_free(&GET_PUBLIC, request, response);
}

int acorn_command_getPublicHash(const struct acorn_request_getPublicHash *request,
                                struct acorn_response_getPublicHash *response, char **errstring)
{
    return command_run(&GET_PUBLIC_HASH, request, response, errstring);
}

int acorn_cmd_getPublicHash(const struct acorn_buffer publicKey, struct acorn_response_getPublicHash *response,
                            char **errstring)
{
    const struct acorn_request_getPublicHash request = {publicKey};
    return command_run(&GET_PUBLIC_HASH, &request, response, errstring);
}

void acorn_free_getPublicHash(struct acorn_request_getPublicHash *request,
                              struct acorn_response_getPublicHash *response)
{
    command_free(&GET_PUBLIC_HASH, request, response);
}

int acorn_command_getKeyInfo(const struct acorn_request_getKeyInfo *request, struct acorn_response_getKeyInfo *response,
                             char **errstring)
{
    return command_run(&GET_KEY_INFO, request, response, errstring);
}

int acorn_cmd_getKeyInfo(const char *alias, struct acorn_response_getKeyInfo *response, char **errstring)
{
    const struct acorn_request_getKeyInfo request = {(char *)alias};
    return command_run(&GET_KEY_INFO, &request, response, errstring);
}

void acorn_free_getKeyInfo(struct acorn_request_getKeyInfo *request, struct acorn_response_getKeyInfo *response)
{
    command_free(&GET_KEY_INFO, request, response);
}
