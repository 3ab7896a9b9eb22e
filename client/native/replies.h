/* What a question comes back with. Private to the bridge. */
#ifndef SEEMACHINE_REPLIES_H
#define SEEMACHINE_REPLIES_H

#include "bridge.h"

/* A reply that the helper did not make. Returns its status. */
unsigned sm_refuse(struct sm_reply *reply, const char *sentence);

/* A reply of the body that the helper sent, which it takes. Returns its status. */
unsigned sm_unpack(unsigned char *body, size_t size, struct sm_reply *reply);

#endif
