/* Chance comes from this host: none of the fleet's is given out over the network. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/random.h>

#include "journal.h"
#include "sessions.h"

enum { MOST_AT_ONCE = 256 };

static CK_RV fill(CK_BYTE *place, CK_ULONG size)
{
    while (size > 0) {
        ssize_t got = getrandom(place, size < MOST_AT_ONCE ? size : MOST_AT_ONCE, 0);
        if (got < 0 && errno != EINTR)
            return CKR_RANDOM_NO_RNG;
        if (got > 0) {
            place += got;
            size -= (CK_ULONG)got;
        }
    }
    return CKR_OK;
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE handle, CK_BYTE *place, CK_ULONG size)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    return gives(session_leave(session,
                               place == NULL && size != 0 ? CKR_ARGUMENTS_BAD : fill(place, size)));
}

CK_RV C_SeedRandom(CK_SESSION_HANDLE handle, CK_BYTE *seed, CK_ULONG size)
{
    struct session *session;
    (void)seed;
    (void)size;
    CK_RV rv = session_enter(handle, &session);
    return gives(rv != CKR_OK ? rv : session_leave(session, CKR_RANDOM_SEED_NOT_SUPPORTED));
}
