#include <acorn.h>

#include "refusal.h"

int acorn_getcommandlist(struct acorn_commandlist *list, char **errstring)
{
    if (errstring)
        *errstring = NULL;
    if (!list)
        return refuse(errstring, INVALID_PARAMETER, "needs a place for the table, not NULL");
    *list = (struct acorn_commandlist){
        .getVersion = acorn_command_getVersion,
        .list = acorn_command_list,
        .getPublic = acorn_command_getPublic,
        .getPublicHash = acorn_command_getPublicHash,
        .getKeyInfo = acorn_command_getKeyInfo,
        .generate = acorn_command_generate,
        .importKeypair = acorn_command_importKeypair,
        .sign = acorn_command_sign,
        .verify = acorn_command_verify,
        .signImmediate = acorn_command_signImmediate,
        .verifyImmediate = acorn_command_verifyImmediate,
        .see_getVersion = acorn_command_see_getVersion,
    };
    return 0;
}

int acorn_getcmdlist(struct acorn_cmdlist *list, char **errstring)
{
    if (errstring)
        *errstring = NULL;
    if (!list)
        return refuse(errstring, INVALID_PARAMETER, "needs a place for the table, not NULL");
    *list = (struct acorn_cmdlist){
        .getVersion = acorn_cmd_getVersion,
        .list = acorn_cmd_list,
        .getPublic = acorn_cmd_getPublic,
        .getPublicHash = acorn_cmd_getPublicHash,
        .getKeyInfo = acorn_cmd_getKeyInfo,
        .generate = acorn_cmd_generate,
        .importKeypair = acorn_cmd_importKeypair,
        .sign = acorn_cmd_sign,
        .verify = acorn_cmd_verify,
        .signImmediate = acorn_cmd_signImmediate,
        .verifyImmediate = acorn_cmd_verifyImmediate,
        .see_getVersion = acorn_command_see_getVersion,
    };
    return 0;
}
