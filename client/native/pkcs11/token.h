/* The one slot, and in it the one token: the fleet that the environment names. */
#ifndef SEEMACHINE_PKCS11_TOKEN_H
#define SEEMACHINE_PKCS11_TOKEN_H

#include "library.h"

enum { SLOT = 0 };

/* CKR_OK when the library is in use and the slot is the one. */
CK_RV token_check(CK_SLOT_ID slot);

#endif
