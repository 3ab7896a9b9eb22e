/*
 * A host of the bridge, in plain C: `host VERB ALIAS ...`. What it prints is for the tests beside.
 *
 * "ready" and then a line from standard input are where the tests do something to the helper.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"

static const char *alias;
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;
static volatile sig_atomic_t signals;

static struct sm_field text(const char *value) { return (struct sm_field){value, strlen(value)}; }

static void must(int right, const char *what) {
    if (!right) {
        fprintf(stderr, "not so: %s\n", what);
        _exit(1);
    }
}

/* One line: who, and the signature in hex, or the refusal. */
static void told(const char *who, const struct sm_reply *reply) {
    pthread_mutex_lock(&printing);
    printf("%s ", who);
    const unsigned char *bytes = reply->fields[0].data;
    if (reply->status != SM_OK)
        printf("refused %u %s", reply->status, (const char *)bytes);
    else
        for (size_t index = 0; index < reply->fields[0].size; index++)
            printf("%02x", bytes[index]);
    printf("\n");
    fflush(stdout);
    pthread_mutex_unlock(&printing);
}

/* Its message is who asks. */
static unsigned sign(const char *who) {
    unsigned char token[16], no[8];
    struct sm_reply reply;
    sm_token(token);
    sm_put_number(no, 0);
    struct sm_field fields[] = {text(alias), text(""), text(who), {token, sizeof token},
                                text(""),    {no, 8},  text("")};
    unsigned status = sm_ask("sign", fields, 7, &reply);
    told(who, &reply);
    sm_reply_free(&reply);
    return status;
}

static void wait_for_test(void) {
    pthread_mutex_lock(&printing);
    printf("ready\n");
    fflush(stdout);
    pthread_mutex_unlock(&printing);
    while (getchar() != '\n')
        ;
}

/* ------------------------------------------------------------------ threads */

static int each;

static void *signer(void *number) {
    char who[64];
    for (int turn = 0; turn < each; turn++) {
        snprintf(who, sizeof who, "%d.%d", *(int *)number, turn);
        sign(who);
    }
    return NULL;
}

static int threads(int count) {
    pthread_t *made = calloc((size_t)count, sizeof *made);
    int *numbers = calloc((size_t)count, sizeof *numbers);
    for (int index = 0; index < count; index++) {
        numbers[index] = index;
        must(pthread_create(&made[index], NULL, signer, &numbers[index]) == 0, "a thread");
    }
    for (int index = 0; index < count; index++)
        pthread_join(made[index], NULL);
    free(made);
    free(numbers);
    sm_close();
    return 0;
}

static volatile sig_atomic_t enough;

static void *signs_on(void *number) {
    const struct timespec moment = {0, 10000000};
    char who[64];
    for (int turn = 0; !enough; turn++) {
        snprintf(who, sizeof who, "%d.%d", *(int *)number, turn);
        sign(who);
        nanosleep(&moment, NULL);
    }
    return NULL;
}

/* Threads that sign until the test says that it is enough. */
static int signs(void) {
    pthread_t made[4];
    int numbers[] = {0, 1, 2, 3};
    for (int index = 0; index < 4; index++)
        must(pthread_create(&made[index], NULL, signs_on, &numbers[index]) == 0, "a thread");
    wait_for_test();
    enough = 1;
    for (int index = 0; index < 4; index++)
        pthread_join(made[index], NULL);
    sm_close();
    return 0;
}

/* ------------------------------------------------------------------ children */

static int child_ended_well(pid_t child) {
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int forks(void) {
    sign("before");
    pid_t child = fork();
    if (child == 0) {
        sign("child");
        wait_for_test();
        sm_close();
        _exit(0);
    }
    must(child_ended_well(child), "the child ends");
    must(waitpid(-1, NULL, WNOHANG) == -1, "no child is left that the host did not make");
    sign("after");
    wait_for_test();
    sm_close();
    return 0;
}

/* A child that never asks, and outlives the parent. */
static int quiet_child(void) {
    sign("before");
    pid_t child = fork();
    if (child == 0) {
        sleep(60);
        _exit(0);
    }
    printf("%d\n", (int)child);
    wait_for_test();
    return 0;
}

/* Children come while other threads wait for signatures. */
static int forks_among_threads(int count) {
    pthread_t made[4];
    int numbers[] = {0, 1, 2, 3};
    for (int index = 0; index < 4; index++)
        must(pthread_create(&made[index], NULL, signer, &numbers[index]) == 0, "a thread");
    for (int index = 0; index < count; index++) {
        pid_t child = fork();
        if (child == 0) {
            struct sm_reply reply;
            unsigned status = sm_ask("list", NULL, 0, &reply);
            sm_reply_free(&reply);
            sm_close();
            _exit(status != SM_OK);
        }
        must(child_ended_well(child), "a child asks and ends");
    }
    for (int index = 0; index < 4; index++)
        pthread_join(made[index], NULL);
    sm_close();
    return 0;
}

/* ------------------------------------------------------------------ descriptors */

static int closes(const char *path) {
    struct stat found;
    sign("before");
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    sign("closed");
    int file = open(path, O_RDWR | O_CREAT, 0600);
    for (int fd = 3; fd < 128; fd++)
        if (fd != file)
            dup2(file, fd);
    sign("over");
    must(fstat(file, &found) == 0 && found.st_size == 0, "nothing is written to the host's file");
    for (int fd = 3; fd < 128; fd++)
        must(fcntl(fd, F_GETFD) >= 0, "the host's descriptors stay");
    sm_close();
    for (int fd = 3; fd < 128; fd++)
        must(fcntl(fd, F_GETFD) >= 0, "the host's descriptors stay after the end");
    return 0;
}

static int without_standard_streams(const char *path) {
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    unsigned char no[8], token[16];
    struct sm_reply reply;
    sm_token(token);
    sm_put_number(no, 0);
    struct sm_field fields[] = {text(alias), text(""), text("m"), {token, sizeof token},
                                text(""),    {no, 8},  text("")};
    unsigned status = sm_ask("sign", fields, 7, &reply);
    sm_reply_free(&reply);
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            status = 1;
    FILE *file = fopen(path, "w");
    fprintf(file, "%u\n", status);
    return fclose(file);
}

/* ------------------------------------------------------------------ signals */

static void count_signal(int number) {
    (void)number;
    signals++;
}

static int pipes(const char *how) {
    if (strcmp(how, "handled") == 0)
        signal(SIGPIPE, count_signal);
    else
        signal(SIGPIPE, strcmp(how, "ignored") == 0 ? SIG_IGN : SIG_DFL);
    sign("before");
    wait_for_test();
    sign("after");
    must(signals == 0, "no SIGPIPE");
    sm_close();
    return 0;
}

int main(int count, char **words) {
    must(count >= 3, "host VERB ALIAS ...");
    const char *verb = words[1], *more = count > 3 ? words[3] : "";
    alias = words[2];
    each = count > 4 ? atoi(words[4]) : 1;
    if (strcmp(verb, "threads") == 0)
        return threads(atoi(more));
    if (strcmp(verb, "signs") == 0)
        return signs();
    if (strcmp(verb, "forks") == 0)
        return forks();
    if (strcmp(verb, "quiet-child") == 0)
        return quiet_child();
    if (strcmp(verb, "forks-among-threads") == 0)
        return forks_among_threads(atoi(more));
    if (strcmp(verb, "closes") == 0)
        return closes(more);
    if (strcmp(verb, "without-standard-streams") == 0)
        return without_standard_streams(more);
    if (strcmp(verb, "pipes") == 0)
        return pipes(more);
    must(strcmp(verb, "waits") == 0, "a verb");
    sign("before");
    wait_for_test();
    sign("after");
    wait_for_test();
    return 0;
}
