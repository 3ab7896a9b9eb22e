/* Which versions there are, and which keys. */
#include <acorn.h>

#include "command.h"

static const struct command GET_VERSION = {
    "client_version", sizeof(struct acorn_response_getVersion),
    .gives = {GIVES(TEXT, getVersion, version, 0)},
};

static const struct command SEE_GET_VERSION = {
    "machine_version", sizeof(struct acorn_response_see_getVersion),
    .gives = {GIVES(TEXT, see_getVersion, version, 0)},
};

static const struct command LIST = {
    "list", sizeof(struct acorn_response_list),
    .gives = {{ENTRIES, 0, 0}},
};

int acorn_command_getVersion(const struct acorn_request_getVersion *request, struct acorn_response_getVersion *response,
                             char **errstring)
{
    return command_run(&GET_VERSION, request, response, errstring);
}

int acorn_cmd_getVersion(struct acorn_response_getVersion *response, char **errstring)
{
    return command_run(&GET_VERSION, NULL, response, errstring);
}

void acorn_free_getVersion(struct acorn_request_getVersion *request, struct acorn_response_getVersion *response)
{
    command_free(&GET_VERSION, request, response);
}

int acorn_command_see_getVersion(const struct acorn_request_see_getVersion *request,
                                 struct acorn_response_see_getVersion *response, char **errstring)
{
    return command_run(&SEE_GET_VERSION, request, response, errstring);
}

int acorn_cmd_see_getVersion(struct acorn_response_see_getVersion *response, char **errstring)
{
    return command_run(&SEE_GET_VERSION, NULL, response, errstring);
}

void acorn_free_see_getVersion(struct acorn_request_see_getVersion *request,
                               struct acorn_response_see_getVersion *response)
{
    command_free(&SEE_GET_VERSION, request, response);
}

int acorn_command_list(const struct acorn_request_list *request, struct acorn_response_list *response, char **errstring)
{
    return command_run(&LIST, request, response, errstring);
}

int acorn_cmd_list(struct acorn_response_list *response, char **errstring)
{
    return command_run(&LIST, NULL, response, errstring);
}

void acorn_free_list(struct acorn_request_list *request, struct acorn_response_list *response)
{
    command_free(&LIST, request, response);
}
