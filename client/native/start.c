/*
 * Starting a helper: `PYTHON -P -m seeclient.bridge 3`, with its end of a socket pair as descriptor
 * 3 and nothing of the host's standard streams.
 *
 * The process that is started leaves the helper behind and ends at once, so the host has no child
 * that it knows nothing of: it may wait for all of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper.h"

/* The helper says something every few seconds while it is at work. */
#ifndef SM_SILENCE_SECONDS
#define SM_SILENCE_SECONDS 60
#endif
/* Clear of standard streams, which a host may have closed, and of what it has opened by number. */
#define LOWEST 64
#define ATTEMPTS 5

extern char **environ;

static int moved_up(int fd) {
    int up = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST);
    if (up < 0) /* so few descriptors are allowed */
        up = fcntl(fd, F_DUPFD_CLOEXEC, 4);
    int why = errno;
    close(fd);
    errno = why;
    return up;
}

static bool make_pair(int pair[2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    pair[0] = moved_up(pair[0]);
    pair[1] = moved_up(pair[1]);
    if (pair[0] >= 0 && pair[1] >= 0)
        return true;
    int why = errno;
    for (int end = 0; end < 2; end++)
        if (pair[end] >= 0)
            close(pair[end]);
    errno = why;
    return false;
}

static int spawn(pid_t *pid, char *python, int fd) {
    char *words[] = {python, "-P", "-m", "seeclient.bridge", "3", NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, fd, 3);
    posix_spawnattr_init(&attributes);
    /* The host's masks are its own; what it ignores is not ignored there. */
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    /* A Ctrl-C at the host's terminal is for the host. */
    posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                  POSIX_SPAWN_SETSID));
    int failed = posix_spawn(pid, python, &files, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return failed;
}

/*
 * Its exit code; 0 where a handler of the host's got it first, or it had to be killed. It has said
 * that it is done, or has hung up.
 */
static int reap(pid_t pid) {
    const struct timespec moment = {0, 10000000};
    int status = 0;
    for (int look = 0; look < 200; look++) {
        pid_t found = waitpid(pid, &status, WNOHANG);
        if (found == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        if (found < 0 && errno != EINTR)
            return 0;
        nanosleep(&moment, NULL);
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return 0;
}

/* What becomes of a start. DIED: it began as it should, and was ended by somebody. */
enum outcome { GREETED, DIED, FAILED };

/* Whether the helper says something before the limit, hangs up, or does neither. */
static enum outcome hear(const struct sm_socket *end) {
    char byte;
    ssize_t seen;
    do
        seen = recv(end->fd, &byte, 1, MSG_PEEK);
    while (seen < 0 && errno == EINTR);
    return seen > 0 ? GREETED : seen == 0 ? DIED : FAILED;
}

static void describe(struct sm_socket *made, int fd) {
    struct stat found = {0};
    struct timeval silence = {SM_SILENCE_SECONDS, 0};
    fstat(fd, &found);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
    *made = (struct sm_socket){fd, found.st_dev, found.st_ino};
}

/* Start it on the other end of the pair, which is closed here. */
static enum outcome begin(char *python, const struct sm_socket *end, int other,
                          char reason[SM_REASON_BYTES]) {
    pid_t pid = 0;
    int failed = spawn(&pid, python, other);
    close(other);
    if (failed != 0) {
        snprintf(reason, SM_REASON_BYTES, "%.250s could not be started: %s", python,
                 strerror(failed));
        return FAILED;
    }
    enum outcome heard = hear(end);
    int code = reap(pid);
    if (heard != GREETED)
        snprintf(reason, SM_REASON_BYTES,
                 "%.250s did not run seemachine (exit code %d); to see why: %.250s -P -m"
                 " seeclient.bridge; SEEMACHINE_PYTHON names another Python",
                 python, code, python);
    return heard == DIED && code != 0 ? FAILED : heard;
}

bool sm_start(struct sm_socket *made, char reason[SM_REASON_BYTES]) {
    char python[PATH_MAX];
    int pair[2];
    /* Its environment, which Python obeys, is of somebody who must not have its rights. */
    if (getauxval(AT_SECURE) != 0) {
        snprintf(reason, SM_REASON_BYTES,
                 "a program that has the rights of another user than who started it (setuid, setgid,"
                 " capabilities) gets no helper");
        return false;
    }
    enum outcome heard = DIED;
    if (!sm_python(python, sizeof python, reason))
        return false;
    for (int again = 0; again < ATTEMPTS && heard == DIED; again++) {
        if (!make_pair(pair)) {
            snprintf(reason, SM_REASON_BYTES, "no socket for the helper process: %s",
                     strerror(errno));
            return false;
        }
        describe(made, pair[0]);
        heard = begin(python, made, pair[1], reason);
        if (heard != GREETED)
            sm_forget(made);
    }
    return heard == GREETED;
}
