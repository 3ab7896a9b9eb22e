/* What a pair of templates asks for, checked against what a key of a fleet can be. */
#ifndef SEEMACHINE_PKCS11_RECIPE_H
#define SEEMACHINE_PKCS11_RECIPE_H

#include "claims.h"
#include "parameters.h"
#include "template.h"

/* As the helper wants them. Label and ID are in the templates, or NULL. */
struct recipe {
    char alias[ALIAS_ROOM], algorithm[NAME_ROOM];
    int is_of_session;
    const CK_ATTRIBUTE *label, *id;
};

CK_RV recipe_read(struct recipe *recipe, CK_MECHANISM_TYPE mechanism,
                  const struct template *public_half, const struct template *private_half);

#endif
