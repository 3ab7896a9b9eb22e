/* Ours: what LMS keys need beside the vendor's public commands. */
#include <acorn.h>

#include "command.h"

static const struct command PROVISION = {
    "provision", sizeof(struct acorn_response_see_provisionLMS),
    .asks = {ASKS(TEXT, see_provisionLMS, esn), ASKS(NUMBER, see_provisionLMS, slot)},
};

static const struct command INFO = {
    "info_lms", sizeof(struct acorn_response_see_infoLMS),
    .asks = {ASKS(TEXT, see_infoLMS, alias), ASKS(TEXT, see_infoLMS, keyhash)},
    .gives = {GIVES(TEXT, see_infoLMS, parameters, 0), GIVES(NUMBER, see_infoLMS, remaining, 1)},
};

int acorn_command_see_provisionLMS(const struct acorn_request_see_provisionLMS *request,
                                   struct acorn_response_see_provisionLMS *response, char **errstring)
{
    return command_run(&PROVISION, request, response, errstring);
}

int acorn_cmd_see_provisionLMS(const char *esn, unsigned slot, struct acorn_response_see_provisionLMS *response,
                               char **errstring)
{
    const struct acorn_request_see_provisionLMS request = {(char *)esn, slot};
    return command_run(&PROVISION, &request, response, errstring);
}

void acorn_free_see_provisionLMS(struct acorn_request_see_provisionLMS *request,
                                 struct acorn_response_see_provisionLMS *response)
{
    command_free(&PROVISION, request, response);
}

int acorn_command_see_infoLMS(const struct acorn_request_see_infoLMS *request,
                              struct acorn_response_see_infoLMS *response, char **errstring)
{
    return command_run(&INFO, request, response, errstring);
}

int acorn_cmd_see_infoLMS(const char *alias, const char *keyhash, struct acorn_response_see_infoLMS *response,
                          char **errstring)
{
    const struct acorn_request_see_infoLMS request = {(char *)alias, (char *)keyhash};
    return command_run(&INFO, &request, response, errstring);
}

void acorn_free_see_infoLMS(struct acorn_request_see_infoLMS *request, struct acorn_response_see_infoLMS *response)
{
    command_free(&INFO, request, response);
}
