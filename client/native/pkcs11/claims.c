#include "claims.h"

#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "keys.h"
#include "refusals.h"

static struct claim *first;

void claim_free(struct claim *claim)
{
    bytes_free(&claim->label);
    bytes_free(&claim->id);
    free(claim);
}

void claims_add(struct claim *claim)
{
    lock();
    claim->next = first;
    first = claim;
    unlock();
}

int claims_are_there(void)
{
    lock();
    int answer = first != NULL;
    unlock();
    return answer;
}

const struct claim *claim_of(const char *alias)
{
    const struct claim *claim = first;
    while (claim != NULL && strcmp(claim->alias, alias) != 0)
        claim = claim->next;
    return claim;
}

void claims_abandon(void)
{
    first = NULL;
}

/* Of this alias, or where it is NULL of this session, or where that is none of any. */
static struct claim *take(const char *alias, CK_SESSION_HANDLE session)
{
    lock();
    struct claim **place = &first;
    while (*place != NULL &&
           (alias != NULL ? strcmp((*place)->alias, alias) != 0
                          : session != CK_INVALID_HANDLE && (*place)->session != session))
        place = &(*place)->next;
    struct claim *claim = *place;
    if (claim != NULL)
        *place = claim->next;
    unlock();
    return claim;
}

void claims_drop(const char *alias)
{
    struct claim *claim = take(alias, CK_INVALID_HANDLE);
    if (claim != NULL)
        claim_free(claim);
}

/* A key that an HSM does not let go now stays in the world under its alias; the journal tells. */
void key_destroy(const char *alias)
{
    const struct sm_field fields[] = {text(alias)};
    struct sm_reply reply;
    if (ask("destroy", fields, 1, 0, &reply) == CKR_OK)
        sm_reply_free(&reply);
    keys_are_gone(alias);
}

void claims_end(CK_SESSION_HANDLE session)
{
    struct claim *claim;
    while ((claim = take(NULL, session)) != NULL) {
        key_destroy(claim->alias);
        journal_end("C_CloseSession", CKR_OK);
        claim_free(claim);
    }
}
