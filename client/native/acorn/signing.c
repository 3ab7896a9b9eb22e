/* Signatures. The token names one, so that a request that is repeated on a new helper takes no second leaf. */
#include <acorn.h>

#include "command.h"

static const struct command SIGN = {
    "sign", sizeof(struct acorn_response_sign),
    /* Then context, deterministic, passphrase. */
    .asks = {ASKS(TEXT, sign, alias), ASKS(TEXT, sign, keyhash), ASKS(BYTES, sign, message), {TOKEN, 0, 0},
             {NOTHING, 0, 0}, {ZERO, 0, 0}, {NOTHING, 0, 0}},
    .gives = {GIVES(BYTES, sign, signature, 0)},
};

static const struct command SIGN_IMMEDIATE = {
    "sign_immediate", sizeof(struct acorn_response_signImmediate),
    .asks = {ASKS(BYTES, signImmediate, privateBlob), ASKS(TEXT, signImmediate, token),
             ASKS(BYTES, signImmediate, message), {NOTHING, 0, 0}, {ZERO, 0, 0}, {NOTHING, 0, 0}},
    .gives = {GIVES(BYTES, signImmediate, signature, 0)},
};

int acorn_command_sign(const struct acorn_request_sign *request, struct acorn_response_sign *response, char **errstring)
{
    return command_run(&SIGN, request, response, errstring);
}

int acorn_cmd_sign(const char *alias, const char *keyhash, const struct acorn_buffer message,
                   struct acorn_response_sign *response, char **errstring)
{
    const struct acorn_request_sign request = {(char *)alias, (char *)keyhash, message};
    return command_run(&SIGN, &request, response, errstring);
}

void acorn_free_sign(struct acorn_request_sign *request, struct acorn_response_sign *response)
{
    command_free(&SIGN, request, response);
}

int acorn_command_signImmediate(const struct acorn_request_signImmediate *request,
                                struct acorn_response_signImmediate *response, char **errstring)
{
    return command_run(&SIGN_IMMEDIATE, request, response, errstring);
}

int acorn_cmd_signImmediate(const struct acorn_buffer privateBlob, const char *token, const struct acorn_buffer message,
                            struct acorn_response_signImmediate *response, char **errstring)
{
    const struct acorn_request_signImmediate request = {privateBlob, (char *)token, message};
    return command_run(&SIGN_IMMEDIATE, &request, response, errstring);
}

void acorn_free_signImmediate(struct acorn_request_signImmediate *request,
                              struct acorn_response_signImmediate *response)
{
    command_free(&SIGN_IMMEDIATE, request, response);
}
