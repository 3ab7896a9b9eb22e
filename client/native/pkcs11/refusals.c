#include "refusals.h"

#include <stdio.h>
#include <string.h>

#include "journal.h"

/* nShield status numbers, as far as they mean something of their own here. */
enum {
    UNKNOWN_ID = 4,
    ACCESS_DENIED = 5,
    OBJECT_IN_USE = 6,
    USE_LIMIT_EXCEEDED = 7,
    INVALID_PARAMETER = 24,
};

/* The first row that fits; NULL and 0 fit all. UnknownID is said of keys and of machines: only
 * where the world alone is asked it is surely of a key. A machine that can't be reached is an error
 * of the device, which a caller may try again. */
static const struct row {
    const char *operation, *class_name;
    unsigned status;
    CK_RV value;
} rows[] = {
    {NULL, "UsedUp", 0, CKR_KEY_EXHAUSTED},
    {NULL, "NotProvisioned", 0, CKR_KEY_EXHAUSTED},
    {NULL, "Unreachable", 0, CKR_DEVICE_ERROR},
    {"sign", NULL, USE_LIMIT_EXCEEDED, CKR_KEY_EXHAUSTED},
    {"sign", NULL, ACCESS_DENIED, CKR_USER_NOT_LOGGED_IN},
    {"sign", NULL, INVALID_PARAMETER, CKR_DATA_INVALID},
    {"login", NULL, ACCESS_DENIED, CKR_PIN_INCORRECT},
    {"generate", NULL, OBJECT_IN_USE, CKR_ATTRIBUTE_VALUE_INVALID},
    {"generate", NULL, INVALID_PARAMETER, CKR_ATTRIBUTE_VALUE_INVALID},
    {"identify", NULL, INVALID_PARAMETER, CKR_ATTRIBUTE_VALUE_INVALID},
    {"object", NULL, UNKNOWN_ID, CKR_OBJECT_HANDLE_INVALID},
    {NULL, NULL, SM_FAILED, CKR_FUNCTION_FAILED},
    {NULL, NULL, 0, CKR_DEVICE_ERROR},
};

static int fits(const struct row *row, const char *operation, const char *class_name,
                unsigned status)
{
    if (row->operation != NULL && strcmp(row->operation, operation) != 0)
        return 0;
    if (row->class_name != NULL && strcmp(row->class_name, class_name) != 0)
        return 0;
    return row->status == 0 || row->status == status;
}

static const char *word(const struct sm_reply *reply, size_t index)
{
    return index < reply->count ? reply->fields[index].data : "";
}

static CK_RV translated(const char *operation, const struct sm_reply *reply)
{
    const struct row *row = rows;
    while (!fits(row, operation, word(reply, 1), reply->status))
        row++;
    return row->value;
}

/* The sentence, and after it the advice where there is some. */
static void tell(CK_RV rv, const struct sm_reply *reply)
{
    enum { SENTENCE, CLASS, ADVICE, MOST = 2000 };
    char whole[MOST];
    const char *advice = word(reply, ADVICE);
    snprintf(whole, sizeof whole, "%s%s%s", word(reply, SENTENCE), *advice ? "; " : "", advice);
    journal_reason(rv, whole);
}

CK_RV ask(const char *operation, const struct sm_field *fields, size_t count, size_t least,
          struct sm_reply *reply)
{
    CK_RV rv = CKR_OK;
    if (sm_ask(operation, fields, count, reply) != SM_OK) {
        rv = translated(operation, reply);
        if (rv != CKR_OBJECT_HANDLE_INVALID) /* a search that finds nothing is no refusal */
            tell(rv, reply);
    } else if (reply->count < least) {
        rv = CKR_GENERAL_ERROR;
        journal_reason(rv, "the helper gave too few fields: it is of another version");
    }
    if (rv != CKR_OK)
        sm_reply_free(reply);
    return rv;
}

struct sm_field text(const char *characters)
{
    return (struct sm_field){characters, strlen(characters)};
}

struct sm_field bytes(const void *data, size_t size)
{
    return (struct sm_field){data == NULL ? "" : data, size};
}
