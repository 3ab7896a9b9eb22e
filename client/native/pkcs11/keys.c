#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include "claims.h"
#include "refusals.h"
#include "told.h"

enum { MOST_ALIAS = 64 };

static struct key *first;
static CK_ULONG last_number;

static int same(const struct key *one, const struct key *other)
{
    return strcmp(one->alias, other->alias) == 0 && one->value.size == other->value.size &&
           memcmp(one->value.data, other->value.data, one->value.size) == 0;
}

/* A new one, with what is claimed for it. */
static void enlist(struct key *key)
{
    const struct claim *claim = claim_of(key->alias);
    if (claim != NULL)
        key_claim(key, claim);
    key->number = ++last_number;
    key->next = first;
    first = key;
}

/* The key that was met before, or this one as a new one. Takes it. */
static struct key *met(struct key *key)
{
    lock();
    struct key *known = first;
    while (known != NULL && !same(known, key))
        known = known->next;
    if (known == NULL) {
        enlist(key);
        known = key;
    } else {
        known->is_gone = 0;
        key_free(key);
    }
    unlock();
    return known;
}

/* Add the key of an alias to a list. */
static CK_RV look_up(const void *alias, size_t size, struct key_list *found)
{
    const struct sm_field fields[] = {bytes(alias, size), text("")};
    struct sm_reply reply;
    CK_RV rv = ask("key", fields, 2, KEY_FIELDS, &reply);
    if (rv != CKR_OK)
        return rv;
    struct key *key = key_told(&reply);
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

void keys_are_gone(const char *alias)
{
    lock();
    for (struct key *key = first; key != NULL; key = key->next)
        if (strcmp(key->alias, alias) == 0)
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
        key_free(key);
    }
}
