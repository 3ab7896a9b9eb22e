#include "command.h"

#include <string.h>

#include "bridge.h"
#include "memory.h"
#include "refusal.h"
#include "request.h"
#include "response.h"

static int has_members(const struct command *command)
{
    return command->asks[0].kind >= TEXT && command->asks[0].kind <= NUMBER;
}

static int answered(const struct command *command, const struct request *fields, void *response, char **errstring)
{
    struct sm_reply reply;
    int status = (int)sm_ask(command->operation, fields->fields, fields->count, &reply);
    if (status)
        tell_refusal(errstring, &reply);
    else
        status = response_fill(command, &reply, response, errstring);
    sm_reply_free(&reply);
    return status;
}

static int tried(const struct command *command, const void *request, void *response, char **errstring)
{
    struct request fields;
    if (!response)
        return refuse(errstring, INVALID_PARAMETER, "a command needs a place for its response, not NULL");
    memset(response, 0, command->size);
    if (!request && has_members(command))
        return refuse(errstring, INVALID_PARAMETER, "this command needs a request, not NULL");
    int status = request_fields(command, request, &fields, errstring);
    return status ? status : answered(command, &fields, response, errstring);
}

int command_run(const struct command *command, const void *request, void *response, char **errstring)
{
    if (errstring)
        *errstring = NULL;
    int status = tried(command, request, response, errstring);
    if (status && response)
        command_free(command, NULL, response);
    return status;
}

void command_free(const struct command *command, void *request, void *response)
{
    if (request)
        parts_free(command->asks, request);
    if (response)
        parts_free(command->gives, response);
}
