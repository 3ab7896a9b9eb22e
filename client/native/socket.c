/* The socket to the helper: whole frames out, bytes in, and nothing into files of the host. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "helper.h"

bool sm_is_ours(const struct sm_socket *end) {
    struct stat found;
    return end->fd >= 0 && fstat(end->fd, &found) == 0 && S_ISSOCK(found.st_mode) &&
           found.st_dev == end->device && found.st_ino == end->inode;
}

/* Leave out what was sent. Returns how many parts are left. */
static size_t skip(struct iovec *parts, size_t count, size_t sent) {
    size_t gone = 0;
    while (gone < count && sent >= parts[gone].iov_len) {
        sent -= parts[gone].iov_len;
        gone++;
    }
    memmove(parts, parts + gone, (count - gone) * sizeof *parts);
    if (gone < count) {
        parts[0].iov_base = (char *)parts[0].iov_base + sent;
        parts[0].iov_len -= sent;
    }
    return count - gone;
}

bool sm_send(const struct sm_socket *end, struct sm_field *parts, size_t count) {
    struct iovec left[SM_PARTS];
    if (count > sizeof left / sizeof left[0])
        return false;
    for (size_t index = 0; index < count; index++)
        left[index] = (struct iovec){(void *)(size_t)parts[index].data, parts[index].size};
    while (count > 0) {
        struct msghdr message = {.msg_iov = left, .msg_iovlen = count};
        ssize_t sent = sm_is_ours(end) ? sendmsg(end->fd, &message, MSG_NOSIGNAL) : -1;
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        count = skip(left, count, (size_t)sent);
    }
    return true;
}

size_t sm_receive(const struct sm_socket *end, void *bytes, size_t size) {
    for (;;) {
        ssize_t received = sm_is_ours(end) ? recv(end->fd, bytes, size, 0) : 0;
        if (received < 0 && errno == EINTR)
            continue;
        return received > 0 ? (size_t)received : 0;
    }
}

void sm_hang_up(const struct sm_socket *end) {
    if (sm_is_ours(end))
        shutdown(end->fd, SHUT_WR);
}

void sm_cut(const struct sm_socket *end) {
    if (sm_is_ours(end))
        shutdown(end->fd, SHUT_RDWR);
}

void sm_forget(struct sm_socket *end) {
    if (sm_is_ours(end))
        close(end->fd);
    end->fd = -1;
}
