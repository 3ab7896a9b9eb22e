/* Sessions, and the operations that each has under way. */
#ifndef SEEMACHINE_PKCS11_SESSIONS_H
#define SEEMACHINE_PKCS11_SESSIONS_H

#include <pthread.h>

#include "library.h"
#include "operations.h"

struct session {
    CK_SESSION_HANDLE handle;
    CK_FLAGS flags;
    pthread_mutex_t mutex; /* one call at a time */
    unsigned calls;        /* under the library's lock, as the next two */
    int is_closed;
    struct session *next;
    struct operation signing, verifying;
    int is_finding;
    CK_OBJECT_HANDLE *found; /* what is left of it starts at found_next */
    size_t found_count, found_next;
};

/* Between the two the session is the caller's alone. `session_leave` returns what it was given. */
CK_RV session_enter(CK_SESSION_HANDLE handle, struct session **session);
CK_RV session_leave(struct session *session, CK_RV rv);

void finding_end(struct session *session);

/* How many there are with all of these flags. */
CK_ULONG sessions_with(CK_FLAGS flags);

/* Under the lock. Whether none was in a call; else the last call frees what it uses. */
int sessions_close_all(void);
void sessions_abandon(void);

#endif
