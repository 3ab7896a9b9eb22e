#include "attributes.h"

#include <string.h>

#include "mechanisms.h"
#include "refusals.h"

enum { PUBLIC = 1, PRIVATE = 2, BOTH = PUBLIC | PRIVATE };
enum { HSS = 1, ML_DSA = 2, ANY = HSS | ML_DSA };

/* Attributes that are the same for all objects of these halves and key types. */
static const struct constant {
    CK_ATTRIBUTE_TYPE type;
    int halves;
    CK_BBOOL flag;
} constants[] = {
    {CKA_MODIFIABLE, BOTH, CK_FALSE},
    {CKA_COPYABLE, BOTH, CK_FALSE},
    {CKA_DESTROYABLE, PUBLIC, CK_FALSE},
    {CKA_DESTROYABLE, PRIVATE, CK_TRUE},
    {CKA_DERIVE, BOTH, CK_FALSE},
    {CKA_LOCAL, BOTH, CK_TRUE},
    {CKA_PRIVATE, PUBLIC, CK_FALSE},
    {CKA_TRUSTED, PUBLIC, CK_FALSE},
    {CKA_ENCRYPT, PUBLIC, CK_FALSE},
    {CKA_VERIFY, PUBLIC, CK_TRUE},
    {CKA_VERIFY_RECOVER, PUBLIC, CK_FALSE},
    {CKA_WRAP, PUBLIC, CK_FALSE},
    {CKA_ENCAPSULATE, PUBLIC, CK_FALSE},
    {CKA_DECRYPT, PRIVATE, CK_FALSE},
    {CKA_SIGN, PRIVATE, CK_TRUE},
    {CKA_SIGN_RECOVER, PRIVATE, CK_FALSE},
    {CKA_UNWRAP, PRIVATE, CK_FALSE},
    {CKA_DECAPSULATE, PRIVATE, CK_FALSE},
    {CKA_SENSITIVE, PRIVATE, CK_TRUE},
    {CKA_EXTRACTABLE, PRIVATE, CK_FALSE},
    {CKA_ALWAYS_SENSITIVE, PRIVATE, CK_TRUE},
    {CKA_NEVER_EXTRACTABLE, PRIVATE, CK_TRUE},
    {CKA_WRAP_WITH_TRUSTED, PRIVATE, CK_FALSE},
    {CKA_ALWAYS_AUTHENTICATE, PRIVATE, CK_FALSE},
};

/* Which half of which key type has the others. */
static const struct varying {
    CK_ATTRIBUTE_TYPE type;
    int halves, key_types;
} varyings[] = {
    {CKA_CLASS, BOTH, ANY},
    {CKA_TOKEN, BOTH, ANY},
    {CKA_KEY_TYPE, BOTH, ANY},
    {CKA_LABEL, BOTH, ANY},
    {CKA_UNIQUE_ID, BOTH, ANY},
    {CKA_ID, BOTH, ANY},
    {CKA_SUBJECT, BOTH, ANY},
    {CKA_START_DATE, BOTH, ANY},
    {CKA_END_DATE, BOTH, ANY},
    {CKA_PUBLIC_KEY_INFO, BOTH, ANY},
    {CKA_KEY_GEN_MECHANISM, BOTH, ANY},
    {CKA_ALLOWED_MECHANISMS, BOTH, ANY},
    {CKA_PRIVATE, PRIVATE, ANY},
    {CKA_VALUE, BOTH, ANY},
    {CKA_SEED, PRIVATE, ML_DSA},
    {CKA_PARAMETER_SET, BOTH, ML_DSA},
    {CKA_HSS_LEVELS, BOTH, HSS},
    {CKA_HSS_LMS_TYPE, PUBLIC, HSS},
    {CKA_HSS_LMOTS_TYPE, PUBLIC, HSS},
    {CKA_HSS_LMS_TYPES, PRIVATE, HSS},
    {CKA_HSS_LMOTS_TYPES, PRIVATE, HSS},
    {CKA_HSS_KEYS_REMAINING, PRIVATE, HSS},
};
enum {
    CONSTANTS = sizeof constants / sizeof *constants,
    VARYINGS = sizeof varyings / sizeof *varyings
};
static const CK_ULONG MOST_REMAINING = 0xffffffffUL;

static CK_RV number(struct value *value, CK_ULONG of)
{
    *value = (struct value){NULL, sizeof(CK_ULONG), of, 0};
    return CKR_OK;
}

static CK_RV flag(struct value *value, CK_BBOOL of)
{
    *value = (struct value){NULL, sizeof(CK_BBOOL), 0, of};
    return CKR_OK;
}

static CK_RV string(struct value *value, const void *data, size_t size)
{
    *value = (struct value){data, size, 0, 0};
    return CKR_OK;
}

/* What reachable machines hold. */
static CK_RV remaining(struct key *key, struct value *value)
{
    CK_RV rv = key_check(key);
    if (rv != CKR_OK)
        return rv;
    const struct sm_field fields[] = {text(key->alias)};
    struct sm_reply reply;
    rv = ask("remaining", fields, 1, 1, &reply);
    if (rv != CKR_OK)
        return rv;
    unsigned long long count = sm_number(&reply.fields[0]);
    sm_reply_free(&reply);
    return number(value, count < MOST_REMAINING ? (CK_ULONG)count : MOST_REMAINING);
}

static CK_RV varying_of(const struct object *object, CK_ATTRIBUTE_TYPE type, struct value *value)
{
    struct key *key = object->key;
    int is_private = object->class == CKO_PRIVATE_KEY;
    switch (type) {
    case CKA_CLASS:
        return number(value, object->class);
    case CKA_TOKEN:
        return flag(value, key->session == CK_INVALID_HANDLE ? CK_TRUE : CK_FALSE);
    case CKA_KEY_TYPE:
        return number(value, key->type);
    case CKA_LABEL:
        return string(value, key->label.data, key->label.size);
    case CKA_UNIQUE_ID:
        return string(value, is_private ? key->private_name : key->hash,
                      strlen(is_private ? key->private_name : key->hash));
    case CKA_ID:
        return string(value, key->id.data, key->id.size);
    case CKA_KEY_GEN_MECHANISM:
        return number(value, mechanism_that_makes(key->type));
    case CKA_ALLOWED_MECHANISMS:
        return number(value, mechanism_that_signs(key->type));
    case CKA_PRIVATE:
        return flag(value, key->is_protected ? CK_TRUE : CK_FALSE);
    case CKA_VALUE:
        return is_private ? CKR_ATTRIBUTE_SENSITIVE
                          : string(value, key->value.data, key->value.size);
    case CKA_SEED:
        return CKR_ATTRIBUTE_SENSITIVE;
    case CKA_PARAMETER_SET:
        return number(value, key->parameter_set);
    case CKA_HSS_LEVELS:
        return number(value, 1);
    case CKA_HSS_LMS_TYPE:
    case CKA_HSS_LMS_TYPES:
        return number(value, key->lms_type);
    case CKA_HSS_LMOTS_TYPE:
    case CKA_HSS_LMOTS_TYPES:
        return number(value, key->lmots_type);
    case CKA_HSS_KEYS_REMAINING:
        return remaining(key, value);
    default:
        return string(value, "", 0);
    }
}

CK_RV attribute_of(const struct object *object, CK_ATTRIBUTE_TYPE type, struct value *value)
{
    int half = object->class == CKO_PUBLIC_KEY ? PUBLIC : PRIVATE;
    int key_type = object->key->type == CKK_HSS ? HSS : ML_DSA;
    for (size_t at = 0; at < CONSTANTS; at++)
        if (constants[at].type == type && constants[at].halves & half)
            return flag(value, constants[at].flag);
    for (size_t at = 0; at < VARYINGS; at++)
        if (varyings[at].type == type && varyings[at].halves & half &&
            varyings[at].key_types & key_type)
            return varying_of(object, type, value);
    return CKR_ATTRIBUTE_TYPE_INVALID;
}

/* Where it is: in the key, or in itself. */
static const void *place_of(const struct value *value)
{
    if (value->data != NULL)
        return value->data;
    return value->size == sizeof value->flag ? (const void *)&value->flag : &value->number;
}

void value_copy(const struct value *value, void *place)
{
    memcpy(place, place_of(value), value->size);
}

int value_is(const struct value *value, const CK_ATTRIBUTE *attribute)
{
    if (attribute->ulValueLen != value->size)
        return 0;
    return value->size == 0 || (attribute->pValue != NULL &&
                                memcmp(place_of(value), attribute->pValue, value->size) == 0);
}
