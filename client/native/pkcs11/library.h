/* The library as a whole: whether it is in use, and the one lock over what its threads share. */
#ifndef SEEMACHINE_PKCS11_LIBRARY_H
#define SEEMACHINE_PKCS11_LIBRARY_H

#define SEEMACHINE_PKCS11_BUILD
#include "seemachine-pkcs11.h"

#include <stddef.h>

/* Never held while the helper is asked. */
void lock(void);
void unlock(void);

/* CKR_OK, or CKR_CRYPTOKI_NOT_INITIALIZED: before C_Initialize, and in a child after fork. */
CK_RV library_in_use(void);

/* A text as fixed fields have it: padded with blanks, without an end. */
void padded(CK_UTF8CHAR *field, size_t size, const char *text);

#endif
