#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include "parameters.h"
#include "refusals.h"

/* Fields of a reply to `key`. */
enum { ALIAS, ALGORITHM, HASH, PUBLIC, BLOB, PARAMETERS, TOKEN, FIELDS };
enum { LMS_HEAD = 8, MOST_ALIAS = 64 };

static struct key *first;
static CK_ULONG last_number;

static void free_key(struct key *key)
{
    free(key->alias);
    free(key->hash);
    free(key->private_name);
    free(key->id);
    free(key->value);
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

/* CKA_ID: the key's hash, which is the same on every host. */
static int set_id(struct key *key)
{
    key->id_size = strlen(key->hash) / 2;
    key->id = malloc(key->id_size + 1);
    for (size_t at = 0; key->id != NULL && at < key->id_size; at++)
        key->id[at] = (unsigned char)(digit(key->hash[2 * at]) << 4 | digit(key->hash[2 * at + 1]));
    return key->id != NULL;
}

static int set_value(struct key *key, const void *head, size_t head_size,
                     const struct sm_field *public_key)
{
    key->value_size = head_size + public_key->size;
    key->value = malloc(key->value_size + 1);
    if (key->value == NULL)
        return 0;
    memcpy(key->value, head, head_size);
    memcpy(key->value + head_size, public_key->data, public_key->size);
    return 1;
}

/* An HSS public key of one level: their number, then the LMS public key (RFC 8554 6.1). */
static int set_hss(struct key *key, const struct sm_field *public_key)
{
    static const unsigned char one_level[LEVEL_BYTES] = {0, 0, 0, 1};
    if (public_key->size < LMS_HEAD || !set_value(key, one_level, sizeof one_level, public_key))
        return 0;
    key->type = CKK_HSS;
    key->lms_type = big_endian(key->value + LEVEL_BYTES);
    key->lmots_type = big_endian(key->value + LEVEL_BYTES + 4);
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
static struct key *told(const struct sm_reply *reply)
{
    struct key *key = calloc(1, sizeof *key);
    if (key == NULL)
        return NULL;
    key->alias = text_of(&reply->fields[ALIAS], "");
    key->hash = text_of(&reply->fields[HASH], "");
    key->private_name = text_of(&reply->fields[HASH], "-private");
    key->is_protected = reply->fields[TOKEN].size != 0;
    int is_lms = strcmp(reply->fields[ALGORITHM].data, "LMS") == 0;
    int is_mldsa = strcmp(reply->fields[ALGORITHM].data, "ML-DSA") == 0;
    int is_usable = key->alias != NULL && key->hash != NULL && key->private_name != NULL &&
                    set_id(key) &&
                    ((is_lms && set_hss(key, &reply->fields[PUBLIC])) ||
                     (is_mldsa && set_mldsa(key, &reply->fields[PUBLIC])));
    if (is_usable)
        return key;
    free_key(key);
    return NULL;
}

static int same(const struct key *one, const struct key *other)
{
    return strcmp(one->alias, other->alias) == 0 && one->value_size == other->value_size &&
           memcmp(one->value, other->value, one->value_size) == 0;
}

/* The key that was met before, or this one as a new one. Takes it. */
static struct key *met(struct key *key)
{
    lock();
    struct key *known = first;
    while (known != NULL && !same(known, key))
        known = known->next;
    if (known == NULL) {
        key->number = ++last_number;
        key->next = first;
        first = known = key;
    } else {
        known->is_gone = 0;
        free_key(key);
    }
    unlock();
    return known;
}

/* Add the key of an alias to a list. */
static CK_RV look_up(const void *alias, size_t size, struct key_list *found)
{
    const struct sm_field fields[] = {bytes(alias, size), text("")};
    struct sm_reply reply;
    CK_RV rv = ask("key", fields, 2, FIELDS, &reply);
    if (rv != CKR_OK)
        return rv;
    struct key *key = told(&reply);
    sm_reply_free(&reply);
    if (key != NULL)
        found->keys[found->count++] = met(key);
    return CKR_OK;
}

/* Letters, digits and hyphens, 1 to 64 of them: no other text names a key. */
static int is_alias(const char *text, size_t size)
{
    if (size < 1 || size > MOST_ALIAS)
        return 0;
    for (size_t at = 0; at < size; at++) {
        char folded = (char)(text[at] | ' ');
        if (text[at] != '-' && !(text[at] >= '0' && text[at] <= '9') &&
            !(folded >= 'a' && folded <= 'z'))
            return 0;
    }
    return 1;
}

CK_RV keys_named(const void *alias, size_t size, struct key_list *found)
{
    *found = (struct key_list){malloc(sizeof *found->keys), 0};
    if (found->keys == NULL)
        return CKR_HOST_MEMORY;
    CK_RV rv = is_alias(alias, size) ? look_up(alias, size, found) : CKR_OK;
    if (rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_OK)
        return CKR_OK;
    free(found->keys);
    return rv;
}

CK_RV key_check(struct key *key)
{
    struct key_list found;
    CK_RV rv = keys_named(key->alias, strlen(key->alias), &found);
    if (rv != CKR_OK)
        return rv;
    int is_it = found.count == 1 && found.keys[0] == key;
    free(found.keys);
    if (!is_it)
        key_is_gone(key);
    return is_it ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

/* A helper that fails ends the round; a key that can't be read does not. */
CK_RV keys_all(struct key_list *found)
{
    struct sm_reply reply;
    CK_RV rv = ask("list", NULL, 0, 0, &reply);
    if (rv != CKR_OK)
        return rv;
    *found = (struct key_list){malloc((reply.count / 2 + 1) * sizeof *found->keys), 0};
    if (found->keys == NULL)
        rv = CKR_HOST_MEMORY;
    for (size_t at = 0; at + 1 < reply.count && rv != CKR_HOST_MEMORY && rv != CKR_FUNCTION_FAILED;
         at += 2)
        rv = look_up(reply.fields[at].data, reply.fields[at].size, found);
    sm_reply_free(&reply);
    if (rv != CKR_HOST_MEMORY && rv != CKR_FUNCTION_FAILED)
        return CKR_OK;
    free(found->keys);
    return rv;
}

struct key *key_numbered(CK_ULONG number)
{
    lock();
    struct key *key = first;
    while (key != NULL && (key->number != number || key->is_gone))
        key = key->next;
    unlock();
    return key;
}

void key_is_gone(struct key *key)
{
    lock();
    key->is_gone = 1;
    unlock();
}

void keys_abandon(void)
{
    first = NULL;
}

/* Numbers go on, so that no handle from before means another key. */
void keys_free(void)
{
    while (first != NULL) {
        struct key *key = first;
        first = key->next;
        free_key(key);
    }
}
