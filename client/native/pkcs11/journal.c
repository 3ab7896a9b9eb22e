#define _GNU_SOURCE
#include "journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 2000 };

/* One write of one line: lines of several processes do not mix. */
void journal(const char *operation, CK_RV rv, const char *sentence)
{
    const char *path = secure_getenv("SEEMACHINE_PKCS11_LOG");
    if (path == NULL || *path == 0)
        return;
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return;
    char line[LINE], when[sizeof "2026-01-01T00:00:00Z"];
    time_t now = time(NULL);
    struct tm parts;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
    int length = snprintf(line, sizeof line, "%s %ld %s 0x%lx %s\n", when, (long)getpid(),
                          operation, rv, sentence);
    if (length >= LINE)
        line[(length = LINE - 1) - 1] = '\n';
    if (write(file, line, (size_t)length) < 0) { /* nobody could be told */
    }
    close(file);
}
