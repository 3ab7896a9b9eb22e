/* Why a command failed: to the caller's errstring, else to the stream. */
#ifndef SEEMACHINE_ACORN_REFUSAL_H
#define SEEMACHINE_ACORN_REFUSAL_H

#include "bridge.h"

/* Of nShield. */
#define INVALID_PARAMETER 24

/* Tell a reason of this side; returns the status. */
int refuse(char **errstring, int status, const char *text);

/* Tell the helper's, with its advice. */
void tell_refusal(char **errstring, const struct sm_reply *reply);

#endif
