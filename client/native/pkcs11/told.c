#include "told.h"

#include <stdlib.h>
#include <string.h>

#include "parameters.h"

enum { ALIAS, ALGORITHM, HASH, PUBLIC, PROTECTED, IDENTIFIER };
enum { LMS_HEAD = 8 };

void key_free(struct key *key)
{
    free(key->alias);
    free(key->hash);
    free(key->private_name);
    bytes_free(&key->label);
    bytes_free(&key->id);
    bytes_free(&key->value);
    free(key);
}

static CK_ULONG big_endian(const unsigned char *bytes)
{
    return (CK_ULONG)bytes[0] << 24 | (CK_ULONG)bytes[1] << 16 | (CK_ULONG)bytes[2] << 8 | bytes[3];
}

static char *text_of(const struct sm_field *field, const char *suffix)
{
    struct bytes joined = {0};
    if (!bytes_append(&joined, field->data, field->size) ||
        !bytes_append(&joined, suffix, strlen(suffix) + 1))
        bytes_free(&joined);
    return (char *)joined.data;
}

static unsigned digit(char character)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = strchr(digits, character);
    return found == NULL || character == 0 ? 0 : (unsigned)(found - digits);
}

/* As it was given, else the hash, which is the same on every host. */
static int set_id(struct key *key, const struct sm_field *given)
{
    if (given->size != 0)
        return bytes_append(&key->id, given->data, given->size);
    for (const char *at = key->hash; at[0] != 0 && at[1] != 0; at += 2) {
        unsigned char byte = (unsigned char)(digit(at[0]) << 4 | digit(at[1]));
        if (!bytes_append(&key->id, &byte, 1))
            return 0;
    }
    return 1;
}

static int set_value(struct key *key, const void *head, size_t head_size,
                     const struct sm_field *public_key)
{
    return bytes_append(&key->value, head, head_size) &&
           bytes_append(&key->value, public_key->data, public_key->size);
}

/* An HSS public key of one level: their number, then the LMS public key (RFC 8554 6.1). */
static int set_hss(struct key *key, const struct sm_field *public_key)
{
    static const unsigned char one_level[LEVEL_BYTES] = {0, 0, 0, 1};
    if (public_key->size < LMS_HEAD || !set_value(key, one_level, sizeof one_level, public_key))
        return 0;
    key->type = CKK_HSS;
    key->lms_type = big_endian(key->value.data + LEVEL_BYTES);
    key->lmots_type = big_endian(key->value.data + LEVEL_BYTES + 4);
    key->signature_size = hss_signature_size(key->lms_type, key->lmots_type);
    return key->signature_size != 0;
}

static int set_mldsa(struct key *key, const struct sm_field *public_key)
{
    const struct mldsa_set *set = mldsa_sized(public_key->size);
    if (set == NULL || !set_value(key, "", 0, public_key))
        return 0;
    key->type = CKK_ML_DSA;
    key->parameter_set = set->number;
    key->signature_size = set->signature;
    return 1;
}

/* A key as a reply tells it; NULL when the module can't use it, or memory is short. */
struct key *key_told(const struct sm_field fields[KEY_FIELDS])
{
    struct key *key = calloc(1, sizeof *key);
    if (key == NULL)
        return NULL;
    key->alias = text_of(&fields[ALIAS], "");
    key->hash = text_of(&fields[HASH], "");
    key->private_name = text_of(&fields[HASH], "-private");
    key->is_protected = sm_number(&fields[PROTECTED]) != 0;
    int is_lms = strcmp(fields[ALGORITHM].data, "LMS") == 0;
    int is_mldsa = strcmp(fields[ALGORITHM].data, "ML-DSA") == 0;
    int is_named = key->alias != NULL && key->hash != NULL && key->private_name != NULL &&
                   set_id(key, &fields[IDENTIFIER]) &&
                   bytes_append(&key->label, key->alias, strlen(key->alias));
    int is_usable = is_named && ((is_lms && set_hss(key, &fields[PUBLIC])) ||
                                 (is_mldsa && set_mldsa(key, &fields[PUBLIC])));
    if (is_usable)
        return key;
    key_free(key);
    return NULL;
}

static void replace(struct bytes *own, const struct bytes *claimed)
{
    struct bytes copy = {0};
    if (claimed->size == 0 || !bytes_append(&copy, claimed->data, claimed->size))
        return;
    bytes_free(own);
    *own = copy;
}

void key_claim(struct key *key, const struct claim *claim)
{
    key->session = claim->session;
    replace(&key->label, &claim->label);
    replace(&key->id, &claim->id);
}
