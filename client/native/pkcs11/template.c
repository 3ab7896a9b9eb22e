#include "template.h"

#include <string.h>

int template_is_whole(const struct template *template)
{
    if (template->attributes == NULL)
        return template->count == 0;
    for (CK_ULONG at = 0; at < template->count; at++)
        if (template->attributes[at].pValue == NULL && template->attributes[at].ulValueLen != 0)
            return 0;
    return 1;
}

const CK_ATTRIBUTE *template_find(const struct template *template, CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG at = 0; at < template->count; at++)
        if (template->attributes[at].type == type)
            return &template->attributes[at];
    return NULL;
}

int template_number(const struct template *template, CK_ATTRIBUTE_TYPE type, CK_ULONG *number)
{
    const CK_ATTRIBUTE *found = template_find(template, type);
    if (found == NULL || found->ulValueLen != sizeof *number)
        return 0;
    memcpy(number, found->pValue, sizeof *number);
    return 1;
}
