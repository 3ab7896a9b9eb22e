/* The names of signatures. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "bridge.h"

void sm_token(unsigned char token[16]) {
    struct timespec now = {0};
    memset(token, 0, 16);
    for (size_t got = 0; got < 16;) {
        ssize_t more = getrandom(token + got, 16 - got, 0);
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0) {
            memset(token, 0, 16);
            return;
        }
        got += (size_t)more;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t milliseconds = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (int index = 0; index < 6; index++)
        token[index] = (unsigned char)(milliseconds >> (40 - 8 * index));
    token[6] = (unsigned char)((token[6] & 0x0f) | 0x70);
    token[8] = (unsigned char)((token[8] & 0x3f) | 0x80);
}
