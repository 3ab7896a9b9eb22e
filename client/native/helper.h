/* One helper process: how it is started, and the socket to it. Private to the bridge. */
#ifndef SEEMACHINE_HELPER_H
#define SEEMACHINE_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bridge.h"

#define SM_REASON_BYTES 1024
#define SM_FIELDS 16
/* Of a request as it is sent: its head; operation, note and each field with its size before it. */
#define SM_PARTS (1 + 2 * (2 + SM_FIELDS))
/* Of a frame, without its own length. */
#define SM_MAX_FRAME (1u << 30)

/*
 * The end of a socket pair, and what tells it from another file that the host puts under its
 * number.
 */
struct sm_socket {
    int fd;
    dev_t device;
    ino_t inode;
};

/* Start a helper. On failure false, and why in `reason`. */
bool sm_start(struct sm_socket *made, char reason[SM_REASON_BYTES]);

/* Whether its number still means the socket: a host may close all descriptors, or reuse them. */
bool sm_is_ours(const struct sm_socket *end);

/*
 * Send all parts as one, of which there are at most SM_PARTS. False when the other end is gone, or
 * has taken nothing for SM_SILENCE_SECONDS, or the number is no longer ours.
 */
bool sm_send(const struct sm_socket *end, struct sm_field *parts, size_t count);

/*
 * Receive what there is, at least one byte. 0 at the end: the helper is gone, has said nothing for
 * SM_SILENCE_SECONDS, or the number is no longer ours.
 */
size_t sm_receive(const struct sm_socket *end, void *bytes, size_t size);

/* No more questions: the helper ends. What it sent before can still be received. */
void sm_hang_up(const struct sm_socket *end);

/* Nothing more in either direction: who receives is woken. */
void sm_cut(const struct sm_socket *end);

/* Close the number, if it is still ours. */
void sm_forget(struct sm_socket *end);

/* The Python of the installation that the library belongs to. False: why in `reason`. */
bool sm_python(char *path, size_t size, char reason[SM_REASON_BYTES]);

#endif
