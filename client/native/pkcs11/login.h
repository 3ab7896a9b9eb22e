/* The one login of the application: the passphrase of the card sets that protect keys. */
#ifndef SEEMACHINE_PKCS11_LOGIN_H
#define SEEMACHINE_PKCS11_LOGIN_H

#include "bytes.h"
#include "library.h"

enum { MOST_PIN = 255 };

int logged_in(void);

/* A copy of the passphrase, empty without a login; `login_wipe` it. Whether there was memory for
 * it. */
int login_passphrase(struct bytes *copy);
void login_wipe(struct bytes *copy);

/* Under the lock. */
void login_forget(void);

#endif
