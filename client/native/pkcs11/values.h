/* Return values, as the journal names and explains them. */
#ifndef SEEMACHINE_PKCS11_VALUES_H
#define SEEMACHINE_PKCS11_VALUES_H

#include "library.h"

/* What it means here, where nothing more is known; an unknown one has an empty name. */
struct meaning {
    CK_RV value;
    const char *name, *sentence;
};

const struct meaning *value_meaning(CK_RV value);

#endif
