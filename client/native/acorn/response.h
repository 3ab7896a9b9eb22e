/* The helper's answer as the response of a command. */
#ifndef SEEMACHINE_ACORN_RESPONSE_H
#define SEEMACHINE_ACORN_RESPONSE_H

#include "bridge.h"
#include "command.h"
#include "refusal.h"

/* 0 or a status; what is filled then is the caller's to free. */
int response_fill(const struct command *command, const struct sm_reply *reply, void *structure, char **errstring);

#endif
