/* Templates that an application gives. */
#ifndef SEEMACHINE_PKCS11_TEMPLATE_H
#define SEEMACHINE_PKCS11_TEMPLATE_H

#include "library.h"

struct template
{
    const CK_ATTRIBUTE *attributes;
    CK_ULONG count;
};

/* Whether each value is where its length says. */
int template_is_whole(const struct template *template);

/* NULL when the template does not name it. */
const CK_ATTRIBUTE *template_find(const struct template *template, CK_ATTRIBUTE_TYPE type);

/* Whether it names it, as a number of one CK_ULONG. */
int template_number(const struct template *template, CK_ATTRIBUTE_TYPE type, CK_ULONG *number);

#endif
