#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include "claims.h"
#include "refusals.h"
#include "told.h"

enum { MOST_ALIAS = 64 };

static struct key *first;
static CK_ULONG last_number;

static int equal(const struct bytes *one, const struct bytes *other)
{
    return one->size == other->size && memcmp(one->data, other->data, one->size) == 0;
}

/* A key of a session has an ID that the world does not know. */
static int same(const struct key *one, const struct key *other)
{
    return strcmp(one->alias, other->alias) == 0 && equal(&one->value, &other->value) &&
           (one->session != CK_INVALID_HANDLE || equal(&one->id, &other->id));
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

static void add(struct key_list *found, const struct sm_field fields[KEY_FIELDS])
{
    struct key *key = key_told(fields);
    if (key != NULL)
        found->keys[found->count++] = met(key);
}

static CK_RV look_up(const void *alias, size_t size, struct key_list *found)
{
    const struct sm_field fields[] = {bytes(alias, size)};
    struct sm_reply reply;
    CK_RV rv = ask("object", fields, 1, KEY_FIELDS, &reply);
    if (rv != CKR_OK)
        return rv;
    add(found, reply.fields);
    sm_reply_free(&reply);
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

CK_RV keys_all(struct key_list *found)
{
    struct sm_reply reply;
    CK_RV rv = ask("objects", NULL, 0, 0, &reply);
    if (rv != CKR_OK)
        return rv;
    *found = (struct key_list){malloc((reply.count / KEY_FIELDS + 1) * sizeof *found->keys), 0};
    for (size_t at = 0; found->keys != NULL && at + KEY_FIELDS <= reply.count; at += KEY_FIELDS)
        add(found, &reply.fields[at]);
    sm_reply_free(&reply);
    return found->keys != NULL ? CKR_OK : CKR_HOST_MEMORY;
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
