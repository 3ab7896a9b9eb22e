#include "recipe.h"

#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "journal.h"

enum rule { IS_TRUE, IS_FALSE, IS_FLAG, IS_EMPTY, IS_CLASS, IS_KEY_TYPE, IS_READ };
enum { PUBLIC = 1, PRIVATE = 2, BOTH = PUBLIC | PRIVATE };

/* What each half may say. IS_FLAG: either way is heard, and changes nothing. IS_READ: looked at
 * below. */
static const struct row {
    CK_ATTRIBUTE_TYPE type;
    int halves;
    enum rule rule;
} rows[] = {
    {CKA_CLASS, BOTH, IS_CLASS},
    {CKA_KEY_TYPE, BOTH, IS_KEY_TYPE},
    {CKA_TOKEN, BOTH, IS_FLAG},
    {CKA_PRIVATE, BOTH, IS_FLAG},
    {CKA_MODIFIABLE, BOTH, IS_FLAG},
    {CKA_DESTROYABLE, BOTH, IS_FLAG},
    {CKA_COPYABLE, BOTH, IS_FALSE},
    {CKA_LABEL, BOTH, IS_READ},
    {CKA_ID, BOTH, IS_READ},
    {CKA_SUBJECT, BOTH, IS_EMPTY},
    {CKA_START_DATE, BOTH, IS_EMPTY},
    {CKA_END_DATE, BOTH, IS_EMPTY},
    {CKA_DERIVE, BOTH, IS_FALSE},
    {CKA_VERIFY, PUBLIC, IS_TRUE},
    {CKA_VERIFY_RECOVER, PUBLIC, IS_FALSE},
    {CKA_ENCRYPT, PUBLIC, IS_FALSE},
    {CKA_WRAP, PUBLIC, IS_FALSE},
    {CKA_ENCAPSULATE, PUBLIC, IS_FALSE},
    {CKA_TRUSTED, PUBLIC, IS_FALSE},
    {CKA_SIGN, PRIVATE, IS_TRUE},
    {CKA_SIGN_RECOVER, PRIVATE, IS_FALSE},
    {CKA_DECRYPT, PRIVATE, IS_FALSE},
    {CKA_UNWRAP, PRIVATE, IS_FALSE},
    {CKA_DECAPSULATE, PRIVATE, IS_FALSE},
    {CKA_SENSITIVE, PRIVATE, IS_TRUE},
    {CKA_EXTRACTABLE, PRIVATE, IS_FALSE},
    {CKA_WRAP_WITH_TRUSTED, PRIVATE, IS_FLAG},
    {CKA_ALWAYS_AUTHENTICATE, PRIVATE, IS_FALSE},
    {CKA_HSS_LEVELS, BOTH, IS_READ},
    {CKA_HSS_LMS_TYPE, PUBLIC, IS_READ},
    {CKA_HSS_LMOTS_TYPE, PUBLIC, IS_READ},
    {CKA_HSS_LMS_TYPES, PRIVATE, IS_READ},
    {CKA_HSS_LMOTS_TYPES, PRIVATE, IS_READ},
    {CKA_PARAMETER_SET, BOTH, IS_READ},
};
enum { ROWS = sizeof rows / sizeof *rows };

static int is_number(const CK_ATTRIBUTE *attribute, CK_ULONG number)
{
    return attribute->ulValueLen == sizeof number &&
           memcmp(attribute->pValue, &number, sizeof number) == 0;
}

/* 2 for what is no flag. */
static int flag_of(const CK_ATTRIBUTE *attribute)
{
    if (attribute->ulValueLen != sizeof(CK_BBOOL))
        return 2;
    return *(const CK_BBOOL *)attribute->pValue != CK_FALSE;
}

static int follows(const CK_ATTRIBUTE *attribute, enum rule rule, int half, CK_KEY_TYPE type)
{
    switch (rule) {
    case IS_TRUE:
        return flag_of(attribute) == 1;
    case IS_FALSE:
        return flag_of(attribute) == 0;
    case IS_FLAG:
        return flag_of(attribute) < 2;
    case IS_EMPTY:
        return attribute->ulValueLen == 0;
    case IS_CLASS:
        return is_number(attribute, half == PUBLIC ? CKO_PUBLIC_KEY : CKO_PRIVATE_KEY);
    case IS_KEY_TYPE:
        return is_number(attribute, type);
    default:
        return 1;
    }
}

static CK_RV check_attribute(const CK_ATTRIBUTE *attribute, int half, CK_KEY_TYPE type)
{
    for (size_t at = 0; at < ROWS; at++)
        if (rows[at].type == attribute->type && rows[at].halves & half)
            return follows(attribute, rows[at].rule, half, type) ? CKR_OK
                                                                 : CKR_ATTRIBUTE_VALUE_INVALID;
    return CKR_ATTRIBUTE_TYPE_INVALID;
}

static void tell(CK_RV rv, CK_ATTRIBUTE_TYPE type, int half)
{
    char sentence[100];
    snprintf(sentence, sizeof sentence, "attribute 0x%lx of the %s half %s", type,
             half == PUBLIC ? "public" : "private",
             rv == CKR_ATTRIBUTE_TYPE_INVALID ? "is none that it has" : "can't have this value");
    journal_reason(rv, sentence);
}

static CK_RV check(const struct template *template, int half, CK_KEY_TYPE type)
{
    if (!template_is_whole(template))
        return CKR_ARGUMENTS_BAD;
    for (CK_ULONG at = 0; at < template->count; at++) {
        CK_RV rv = check_attribute(&template->attributes[at], half, type);
        if (rv != CKR_OK) {
            tell(rv, template->attributes[at].type, half);
            return rv;
        }
    }
    return CKR_OK;
}

/* Whether the public half says a number that is not this one. */
static int contradicts(const struct template *public_half, CK_ATTRIBUTE_TYPE type, CK_ULONG number)
{
    CK_ULONG said = number;
    return template_find(public_half, type) != NULL &&
           (!template_number(public_half, type, &said) || said != number);
}

/* All of it is the private half's to say (PKCS #11 6.66); arrays of one are numbers. */
static CK_RV read_hss(char algorithm[NAME_ROOM], const struct template *public_half,
                      const struct template *private_half)
{
    CK_ULONG levels, lms_type, lmots_type;
    if (template_find(private_half, CKA_HSS_LEVELS) == NULL ||
        template_find(private_half, CKA_HSS_LMS_TYPES) == NULL ||
        template_find(private_half, CKA_HSS_LMOTS_TYPES) == NULL)
        return CKR_TEMPLATE_INCOMPLETE;
    if (!template_number(private_half, CKA_HSS_LEVELS, &levels) || levels != 1)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (!template_number(private_half, CKA_HSS_LMS_TYPES, &lms_type) ||
        !template_number(private_half, CKA_HSS_LMOTS_TYPES, &lmots_type))
        return CKR_TEMPLATE_INCONSISTENT;
    if (contradicts(public_half, CKA_HSS_LEVELS, levels) ||
        contradicts(public_half, CKA_HSS_LMS_TYPE, lms_type) ||
        contradicts(public_half, CKA_HSS_LMOTS_TYPE, lmots_type))
        return CKR_TEMPLATE_INCONSISTENT;
    return lms_algorithm(algorithm, lms_type, lmots_type) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* The public half names the set. */
static CK_RV read_mldsa(char algorithm[NAME_ROOM], const struct template *public_half,
                        const struct template *private_half)
{
    CK_ULONG number;
    if (template_find(public_half, CKA_PARAMETER_SET) == NULL)
        return CKR_TEMPLATE_INCOMPLETE;
    if (!template_number(public_half, CKA_PARAMETER_SET, &number))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (contradicts(private_half, CKA_PARAMETER_SET, number))
        return CKR_TEMPLATE_INCONSISTENT;
    const struct mldsa_set *set = mldsa_numbered(number);
    if (set == NULL)
        return CKR_PARAMETER_SET_NOT_SUPPORTED;
    snprintf(algorithm, NAME_ROOM, "%s", set->name);
    return CKR_OK;
}

/* Names of keys of sessions begin so, too. */
static void name_by_chance(char alias[ALIAS_ROOM], const char *head)
{
    unsigned char chance[16];
    size_t at = (size_t)snprintf(alias, ALIAS_ROOM, "%s", head);
    sm_token(chance);
    for (size_t byte = 0; byte < sizeof chance; byte++)
        at += (size_t)snprintf(alias + at, ALIAS_ROOM - at, "%02x", chance[byte]);
}

/* What either half says, when they agree; NULL when none says anything. */
static CK_RV agreed(const CK_ATTRIBUTE **said, CK_ATTRIBUTE_TYPE type,
                    const struct template *public_half, const struct template *private_half)
{
    const CK_ATTRIBUTE *one = template_find(private_half, type);
    const CK_ATTRIBUTE *other = template_find(public_half, type);
    one = one == NULL || one->ulValueLen == 0 ? other : one;
    other = other == NULL || other->ulValueLen == 0 ? one : other;
    *said = one == NULL || one->ulValueLen == 0 ? NULL : one;
    if (*said == NULL || (one->ulValueLen == other->ulValueLen &&
                          memcmp(one->pValue, other->pValue, one->ulValueLen) == 0))
        return CKR_OK;
    return CKR_TEMPLATE_INCONSISTENT;
}

/* The label of a key of the token is its alias. */
static CK_RV name_key(struct recipe *recipe)
{
    const CK_ATTRIBUTE *label = recipe->label;
    if (recipe->is_of_session)
        name_by_chance(recipe->alias, "pkcs11-session-");
    else if (label == NULL)
        name_by_chance(recipe->alias, "pkcs11-");
    else if (label->ulValueLen >= ALIAS_ROOM || memchr(label->pValue, 0, label->ulValueLen) != NULL)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    else
        snprintf(recipe->alias, ALIAS_ROOM, "%.*s", (int)label->ulValueLen,
                 (const char *)label->pValue);
    return CKR_OK;
}

/* Without a word a key is one of the session (PKCS #11 4.4). */
static CK_RV read_owner(struct recipe *recipe, const struct template *public_half,
                        const struct template *private_half)
{
    const CK_ATTRIBUTE *one = template_find(private_half, CKA_TOKEN);
    const CK_ATTRIBUTE *other = template_find(public_half, CKA_TOKEN);
    recipe->is_of_session = one == NULL || !flag_of(one);
    return other == NULL || recipe->is_of_session != flag_of(other) ? CKR_OK
                                                                    : CKR_TEMPLATE_INCONSISTENT;
}

CK_RV recipe_read(struct recipe *recipe, CK_MECHANISM_TYPE mechanism,
                  const struct template *public_half, const struct template *private_half)
{
    int is_hss = mechanism == CKM_HSS_KEY_PAIR_GEN;
    CK_KEY_TYPE type = is_hss ? CKK_HSS : CKK_ML_DSA;
    CK_RV rv = check(public_half, PUBLIC, type);
    rv = rv == CKR_OK ? check(private_half, PRIVATE, type) : rv;
    rv = rv == CKR_OK ? read_owner(recipe, public_half, private_half) : rv;
    if (rv == CKR_OK)
        rv = (is_hss ? read_hss : read_mldsa)(recipe->algorithm, public_half, private_half);
    rv = rv == CKR_OK ? agreed(&recipe->label, CKA_LABEL, public_half, private_half) : rv;
    rv = rv == CKR_OK ? agreed(&recipe->id, CKA_ID, public_half, private_half) : rv;
    return rv == CKR_OK ? name_key(recipe) : rv;
}
