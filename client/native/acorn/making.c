/* Keys are made here, or come from elsewhere. */
#include <acorn.h>
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "command.h"
#include "refusal.h"

#define NAME_SIZE sizeof "key-00112233445566778899aabbccddeeff"

static const struct command GENERATE = {
    "generate", sizeof(struct acorn_response_generate),
    .asks = {ASKS(TEXT, generate, alias), ASKS(TEXT, generate, algorithm), ASKS(TEXT, generate, token),
             ASKS(NUMBER, generate, flags)},
    .gives = {GIVES(TEXT, generate, alias, 0), GIVES(TEXT, generate, hash, 1), GIVES(BYTES, generate, privateBlob, 2),
              GIVES(BYTES, generate, privateKey, 3)},
};

static const struct command IMPORT_KEYPAIR = {
    "import", sizeof(struct acorn_response_importKeypair),
    .asks = {ASKS(TEXT, importKeypair, alias), ASKS(TEXT, importKeypair, algorithm),
             ASKS(BYTES, importKeypair, publicKey), ASKS(BYTES, importKeypair, privateKey),
             ASKS(TEXT, importKeypair, token), ASKS(NUMBER, importKeypair, overwrite)},
    .gives = {GIVES(TEXT, importKeypair, alias, 0), GIVES(TEXT, importKeypair, hash, 1),
              GIVES(BYTES, importKeypair, privateBlob, 2)},
};

/*
 * The alias that was asked for, or one that no other key has. NULL without a source of chance: a
 * name that came before would be that of a key which could be written over.
 */
static char *named(char *alias, char made_up[NAME_SIZE])
{
    unsigned char token[16], all = 0;
    if (alias && *alias)
        return alias;
    sm_token(token);
    int written = snprintf(made_up, NAME_SIZE, "key-");
    for (size_t i = 0; i < sizeof token; i++) {
        written += snprintf(made_up + written, NAME_SIZE - (size_t)written, "%02x", token[i]);
        all |= token[i];
    }
    return all ? made_up : NULL;
}

static int nameless(void *response, size_t size, char **errstring)
{
    if (errstring)
        *errstring = NULL;
    if (response)
        memset(response, 0, size);
    return refuse(errstring, SM_FAILED, "there is no source of chance for a name; give an alias");
}

int acorn_command_generate(const struct acorn_request_generate *request, struct acorn_response_generate *response,
                           char **errstring)
{
    char made_up[NAME_SIZE];
    struct acorn_request_generate whole;
    if (request) {
        whole = *request;
        whole.alias = named(request->alias, made_up);
        if (!whole.alias)
            return nameless(response, sizeof *response, errstring);
    }
    return command_run(&GENERATE, request ? &whole : NULL, response, errstring);
}

int acorn_cmd_generate(const char *alias, const char *algorithm, const char *token, unsigned flags,
                       struct acorn_response_generate *response, char **errstring)
{
    const struct acorn_request_generate request = {(char *)alias, (char *)algorithm, (char *)token, flags};
    return acorn_command_generate(&request, response, errstring);
}

void acorn_free_generate(struct acorn_request_generate *request, struct acorn_response_generate *response)
{
    command_free(&GENERATE, request, response);
}

int acorn_command_importKeypair(const struct acorn_request_importKeypair *request,
                                struct acorn_response_importKeypair *response, char **errstring)
{
    char made_up[NAME_SIZE];
    struct acorn_request_importKeypair whole;
    if (request) {
        whole = *request;
        whole.alias = named(request->alias, made_up);
        if (!whole.alias)
            return nameless(response, sizeof *response, errstring);
    }
    return command_run(&IMPORT_KEYPAIR, request ? &whole : NULL, response, errstring);
}

int acorn_cmd_importKeypair(const char *alias, const char *algorithm, const struct acorn_buffer publicKey,
                            const struct acorn_buffer privateKey, const char *token, unsigned overwrite,
                            struct acorn_response_importKeypair *response, char **errstring)
{
    const struct acorn_request_importKeypair request = {(char *)alias, (char *)algorithm, publicKey,
                                                        privateKey,    (char *)token,     overwrite};
    return acorn_command_importKeypair(&request, response, errstring);
}

void acorn_free_importKeypair(struct acorn_request_importKeypair *request,
                              struct acorn_response_importKeypair *response)
{
    command_free(&IMPORT_KEYPAIR, request, response);
}
