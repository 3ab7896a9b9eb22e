/* Whether a signature is valid. The last field that each asks is the context of ML-DSA. */
#include <acorn.h>

#include "command.h"

static const struct command VERIFY = {
    "verify", sizeof(struct acorn_response_verify),
    .asks = {ASKS(TEXT, verify, alias), ASKS(TEXT, verify, keyhash), ASKS(BYTES, verify, message),
             ASKS(BYTES, verify, signature), {NOTHING, 0, 0}},
    .gives = {GIVES(NUMBER, verify, verified, 0)},
};

static const struct command VERIFY_IMMEDIATE = {
    "verify_immediate", sizeof(struct acorn_response_verifyImmediate),
    .asks = {ASKS(BYTES, verifyImmediate, publicKey), ASKS(TEXT, verifyImmediate, algorithm),
             ASKS(BYTES, verifyImmediate, message), ASKS(BYTES, verifyImmediate, signature), {NOTHING, 0, 0}},
    .gives = {GIVES(NUMBER, verifyImmediate, verified, 0)},
};

int acorn_command_verify(const struct acorn_request_verify *request, struct acorn_response_verify *response,
                         char **errstring)
{
    return command_run(&VERIFY, request, response, errstring);
}

int acorn_cmd_verify(const char *alias, const char *keyhash, const struct acorn_buffer message,
                     const struct acorn_buffer signature, struct acorn_response_verify *response, char **errstring)
{
    const struct acorn_request_verify request = {(char *)alias, (char *)keyhash, message, signature};
    return command_run(&VERIFY, &request, response, errstring);
}

void acorn_free_verify(struct acorn_request_verify *request, struct acorn_response_verify *response)
{
    command_free(&VERIFY, request, response);
}

int acorn_command_verifyImmediate(const struct acorn_request_verifyImmediate *request,
                                  struct acorn_response_verifyImmediate *response, char **errstring)
{
    return command_run(&VERIFY_IMMEDIATE, request, response, errstring);
}

int acorn_cmd_verifyImmediate(const struct acorn_buffer publicKey, const char *algorithm,
                              const struct acorn_buffer message, const struct acorn_buffer signature,
                              struct acorn_response_verifyImmediate *response, char **errstring)
{
    const struct acorn_request_verifyImmediate request = {publicKey, (char *)algorithm, message, signature};
    return command_run(&VERIFY_IMMEDIATE, &request, response, errstring);
}

void acorn_free_verifyImmediate(struct acorn_request_verifyImmediate *request,
                                struct acorn_response_verifyImmediate *response)
{
    command_free(&VERIFY_IMMEDIATE, request, response);
}
