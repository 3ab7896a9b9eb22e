/* Where refusals are told in sentences, which a CK_RV has no room for. */
#ifndef SEEMACHINE_PKCS11_JOURNAL_H
#define SEEMACHINE_PKCS11_JOURNAL_H

#include "library.h"

/* Add a line to the file that $SEEMACHINE_PKCS11_LOG names, if it names one. */
void journal(const char *operation, CK_RV rv, const char *sentence);

#endif
