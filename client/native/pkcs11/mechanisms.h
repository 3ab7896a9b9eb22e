/* What can be done with keys of each type, and the parameters of it. */
#ifndef SEEMACHINE_PKCS11_MECHANISMS_H
#define SEEMACHINE_PKCS11_MECHANISMS_H

#include "operations.h"

CK_MECHANISM_TYPE mechanism_that_makes(CK_KEY_TYPE type);
CK_MECHANISM_TYPE mechanism_that_signs(CK_KEY_TYPE type);

/* Take the parameters of a signature, to be made or checked, into its operation. */
CK_RV mechanism_read(const CK_MECHANISM *mechanism, const struct key *key,
                     struct operation *operation);

#endif
