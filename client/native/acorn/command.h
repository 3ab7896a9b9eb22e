/* A command is two lists: what it asks of the helper, member by member, and where the answer goes. */
#ifndef SEEMACHINE_ACORN_COMMAND_H
#define SEEMACHINE_ACORN_COMMAND_H

#include <stddef.h>

#define MOST_PARTS 8

enum kind {
    END,     /* of a list */
    TEXT,    /* char * */
    BYTES,   /* struct acorn_buffer */
    NUMBER,  /* unsigned */
    ENTRIES, /* of acorn_response_list: all fields of the answer */
    /* What requests have no member for. */
    NOTHING,
    ZERO,
    TOKEN /* the name of one new signature */
};

struct part {
    enum kind kind;
    size_t offset; /* in the structure */
    size_t field;  /* of the answer; a request's fields are in the order of its list */
};

struct command {
    const char *operation; /* of the helper */
    size_t size;           /* of the response */
    struct part asks[MOST_PARTS], gives[MOST_PARTS];
};

#define ASKS(kind, name, member) {kind, offsetof(struct acorn_request_##name, member), 0}
#define GIVES(kind, name, member, field) {kind, offsetof(struct acorn_response_##name, member), field}

/* Ask and answer as acorn.h says of every command. */
int command_run(const struct command *command, const void *request, void *response, char **errstring);

void command_free(const struct command *command, void *request, void *response);

#endif
