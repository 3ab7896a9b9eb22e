/* Keys of sessions: where their names are known before they are made, and until their session ends.
 */
#ifndef SEEMACHINE_PKCS11_CLAIMS_H
#define SEEMACHINE_PKCS11_CLAIMS_H

#include "bytes.h"
#include "library.h"

enum { ALIAS_ROOM = 65 };

/* What the world does not keep of such a key. */
struct claim {
    char alias[ALIAS_ROOM];
    CK_SESSION_HANDLE session;
    struct bytes label, id;
    struct claim *next;
};

/* Takes the claim, which is from malloc. From then on a key of that alias is one of its session. */
void claims_add(struct claim *claim);

/* Whether there are any. */
int claims_are_there(void);

/* Forget that of a key that is destroyed. */
void claims_drop(const char *alias);

/* Destroy the keys of a session, or, of CK_INVALID_HANDLE, of all. Not under the lock. */
void claims_end(CK_SESSION_HANDLE session);

/* Destroy the key of an alias, as far as that can be done now. */
void key_destroy(const char *alias);

/* Under the lock: the claim of an alias, or NULL. */
const struct claim *claim_of(const char *alias);
void claims_abandon(void);

void claim_free(struct claim *claim);

#endif
