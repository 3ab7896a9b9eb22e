/* A bridge without a helper: it keeps what is asked, and answers what it was told to. malloc() of the library fails when
 * it is told to; free() looks at what it gets.
 */
#ifndef FAKE_BRIDGE_H
#define FAKE_BRIDGE_H

#include "bridge.h"

#define MOST_FIELDS 8

struct asked {
    int times;
    char operation[32];
    size_t count;
    struct {
        size_t size;
        unsigned char data[256];
    } fields[MOST_FIELDS];
};

extern struct asked asked;

/* What the next questions are answered; the texts stay the caller's. */
void fake_answer(unsigned status, size_t count, const struct sm_field *fields);

/* The so many-th malloc() from now fails, 0 for the next; -1 for none. Returns what was left to go. */
long fake_lack(long mallocs);

/* Whether free() gets these bytes overwritten with zeros. */
void fake_watch(const void *secret, size_t size);
int fake_wiped(void);

/* How often a helper was ended. */
extern int fake_closes;

/* 0: tokens are all zeros. */
extern int fake_has_chance;

#endif
