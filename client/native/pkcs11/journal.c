#define _GNU_SOURCE
#include "journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "values.h"

enum { LINE = 2000 };

static _Thread_local struct {
    CK_RV value; /* CKR_OK where there is none */
    char sentence[LINE];
} reason;

void journal_reason(CK_RV rv, const char *sentence)
{
    if (reason.value != CKR_OK)
        return;
    reason.value = rv;
    snprintf(reason.sentence, sizeof reason.sentence, "%s", sentence);
}

static void line_write(const char *path, const char *line, size_t length)
{
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return;
    if (write(file, line, length) < 0) { /* nobody could be told */
    }
    close(file);
}

/* One write of one line: lines of several processes do not mix. */
static void journal(const char *function, CK_RV rv, const char *sentence)
{
    const char *path = secure_getenv("SEEMACHINE_PKCS11_LOG");
    if (path == NULL || *path == 0)
        return;
    char line[LINE], when[sizeof "2026-01-01T00:00:00Z"];
    time_t now = time(NULL);
    struct tm parts;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
    int length = snprintf(line, sizeof line, "%s %ld %s %s %s\n", when, (long)getpid(), function,
                          value_meaning(rv)->name, sentence);
    if (length >= LINE)
        line[(length = LINE - 1) - 1] = '\n';
    line_write(path, line, (size_t)length);
}

/* Answers that programs ask for in the ordinary course. */
static int is_ordinary(CK_RV rv)
{
    return rv == CKR_OK || rv == CKR_NO_EVENT || rv == CKR_FUNCTION_NOT_PARALLEL ||
           rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE;
}

CK_RV journal_end(const char *function, CK_RV rv)
{
    if (reason.value != CKR_OK)
        journal(function, rv == CKR_OK ? reason.value : rv, reason.sentence);
    else if (!is_ordinary(rv))
        journal(function, rv, value_meaning(rv)->sentence);
    reason.value = CKR_OK;
    return rv;
}
