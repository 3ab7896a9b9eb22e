/* A key as the helper tells of it. */
#ifndef SEEMACHINE_PKCS11_TOLD_H
#define SEEMACHINE_PKCS11_TOLD_H

#include "bridge.h"
#include "claims.h"
#include "keys.h"

/* Fields that tell of a key: alias, algorithm, hash, public key, whether a card set protects it,
 * identifier. */
enum { KEY_FIELDS = 6 };

/* NULL when the module can't use the key, or memory is short. */
struct key *key_told(const struct sm_field fields[KEY_FIELDS]);

/* Make it a key of a session. Memory that is short leaves it its own label and ID. */
void key_claim(struct key *key, const struct claim *claim);

void key_free(struct key *key);

#endif
