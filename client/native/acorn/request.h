/* A request as fields of the bridge, which point into the caller's memory. */
#ifndef SEEMACHINE_ACORN_REQUEST_H
#define SEEMACHINE_ACORN_REQUEST_H

#include "bridge.h"
#include "command.h"
#include "refusal.h"

struct request {
    size_t count;
    struct sm_field fields[MOST_PARTS];
    unsigned char numbers[MOST_PARTS][8], token[16];
};

/* 0, or the status of a buffer that has a length and no bytes. */
int request_fields(const struct command *command, const void *structure, struct request *request, char **errstring);

#endif
