/* A helper of the tests: a world of keys in memory, and what it was asked. */
#ifndef FAKE_BRIDGE_H
#define FAKE_BRIDGE_H

#include <stddef.h>

enum { MOST_SIGNATURES = 4096, TOKEN = 16 };

struct fake {
    unsigned asked, closed; /* how often */
    unsigned signatures;    /* asked for, under these names */
    unsigned char tokens[MOST_SIGNATURES][TOKEN];
    char last_hash[65], last_alias[65], last_context[256];
    unsigned long long last_deterministic, remaining;
    char last_passphrase[256];
    size_t last_message;
    const char *refuse, *refuse_class; /* the operation that is refused, and how */
    unsigned refuse_status;
    int signature_is_short;
};
extern struct fake fake;

/* Make a key without the module. `token` is the name of a card set, or nothing. */
void fake_key(const char *alias, const char *algorithm, const char *token);

/* Somebody else destroys it. */
void fake_loss(const char *alias);

#endif
