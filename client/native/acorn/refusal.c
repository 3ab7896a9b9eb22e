#include "refusal.h"

#include <acorn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Its address stands for no stream; NULL for standard error, which no initializer can name. */
static char nowhere;
static _Atomic(void *) stream;

void acorn_errstream(FILE *out)
{
    atomic_store(&stream, out ? (void *)out : &nowhere);
}

static void print(const char *text)
{
    void *chosen = atomic_load(&stream);
    if (chosen != &nowhere)
        fprintf(chosen ? (FILE *)chosen : stderr, "%s\n", text);
}

/* Takes over the text, which is NULL without memory. */
static void tell(char **errstring, char *text)
{
    if (errstring) {
        *errstring = text;
        return;
    }
    print(text ? text : "Failed: no memory for the reason");
    free(text);
}

/* As the helper puts its reasons, and in one line. */
static char *joined(const char *first, const char *between, const char *second)
{
    size_t size = strlen(first) + strlen(between) + strlen(second) + 1;
    char *whole = malloc(size);
    if (whole)
        snprintf(whole, size, "%s%s%s", first, between, second);
    return whole;
}

int refuse(char **errstring, int status, const char *text)
{
    tell(errstring, joined(status == INVALID_PARAMETER ? "InvalidParameter(24)" : "Failed", ": ", text));
    return status;
}

void tell_refusal(char **errstring, const struct sm_reply *reply)
{
    enum { SENTENCE, CLASS, ADVICE };
    const char *sentence = reply->count ? reply->fields[SENTENCE].data : "Failed: the helper gave no reason";
    const char *advice = reply->count > ADVICE ? reply->fields[ADVICE].data : "";
    tell(errstring, joined(sentence, *advice ? "; " : "", advice));
}
