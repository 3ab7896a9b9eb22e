/* The keys of acorn_response_list. */
#ifndef SEEMACHINE_ACORN_ENTRIES_H
#define SEEMACHINE_ACORN_ENTRIES_H

#include <acorn.h>

#include "bridge.h"

/* From fields alias, algorithm, alias, ... 0, or -1 without memory: what is filled then is for entries_free. */
int entries_fill(struct acorn_response_list *list, const struct sm_reply *reply);

void entries_free(struct acorn_response_list *list);

#endif
