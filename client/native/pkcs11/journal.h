/* Where refusals are told in sentences, which a CK_RV has no room for. */
#ifndef SEEMACHINE_PKCS11_JOURNAL_H
#define SEEMACHINE_PKCS11_JOURNAL_H

#include "library.h"

/* Why the call that this thread is in will be refused, if that is known; the first reason is kept.
 * A call that goes on all the same, as C_CloseSession does, has it in the journal too. */
void journal_reason(CK_RV rv, const char *sentence);

/* The end of each call: adds a line for a refusal to the file that $SEEMACHINE_PKCS11_LOG names, if
 * it names one. Returns `rv`. */
CK_RV journal_end(const char *function, CK_RV rv);
#define gives(rv) journal_end(__func__, (rv))

#endif
