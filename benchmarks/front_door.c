/*
 * Signs with an LMS key through a C library, in so many threads for so many seconds:
 * `front_door acorn|pkcs11 LIBRARY ALIAS THREADS SECONDS`. Prints one line of JSON: milliseconds from
 * the start of the process to the first signature, and of each signature after it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acorn.h"
#include "seemachine-pkcs11.h"

enum { MOST = 1 << 20 };

static double took[MOST];
static unsigned made;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static double until;
static char *alias;
static int is_acorn;
static __typeof__(acorn_cmd_sign) *acorn_sign;
static __typeof__(acorn_free_sign) *acorn_free;
static CK_FUNCTION_LIST *tokens;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

/* Since boot, as the kernel knows it, to 10 ms. */
static double begun(void) {
    unsigned long long ticks = 0;
    struct timespec time;
    FILE *file = fopen("/proc/self/stat", "r");
    if (file == NULL || fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u"
                                     " %*u %*d %*d %*d %*d %*d %*d %llu",
                               &ticks) != 1)
        exit(2);
    fclose(file);
    clock_gettime(CLOCK_BOOTTIME, &time);
    return now() - (1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec - 10.0 * (double)ticks);
}

static void check(unsigned long status, const char *what) {
    if (status == 0)
        return;
    fprintf(stderr, "%s: 0x%lx\n", what, status);
    exit(1);
}

static void sign_by_acorn(void) {
    unsigned char message[32] = {0};
    struct acorn_response_sign signed_by = {0};
    char *why = NULL;
    struct acorn_buffer buffer = {sizeof message, message};
    if (acorn_sign(alias, NULL, buffer, &signed_by, &why) != 0) {
        fprintf(stderr, "%s\n", why ? why : "?");
        exit(1);
    }
    acorn_free(NULL, &signed_by);
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE session) {
    CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted[] = {{CKA_LABEL, alias, strlen(alias)}, {CKA_CLASS, &private, sizeof private}};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    check(tokens->C_FindObjectsInit(session, wanted, 2), "C_FindObjectsInit");
    check(tokens->C_FindObjects(session, &key, 1, &count), "C_FindObjects");
    check(tokens->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    check(count != 1, "no key");
    return key;
}

static void sign_by_token(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
    unsigned char message[32] = {0}, signature[8192];
    CK_ULONG size = sizeof signature;
    CK_MECHANISM mechanism = {CKM_HSS, NULL, 0};
    check(tokens->C_SignInit(session, &mechanism, key), "C_SignInit");
    check(tokens->C_Sign(session, message, sizeof message, signature, &size), "C_Sign");
}

static void *signs(void *unused) {
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE key = 0;
    if (!is_acorn) {
        check(tokens->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
        key = find(session);
    }
    do {
        double before = now();
        is_acorn ? sign_by_acorn() : sign_by_token(session, key);
        double after = now();
        pthread_mutex_lock(&lock);
        if (made < MOST)
            took[made++] = after - before;
        pthread_mutex_unlock(&lock);
    } while (now() < until);
    return unused;
}

static void open_library(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    check(library == NULL, "dlopen");
    if (is_acorn) {
        *(void **)&acorn_sign = dlsym(library, "acorn_cmd_sign");
        *(void **)&acorn_free = dlsym(library, "acorn_free_sign");
        return;
    }
    CK_C_INITIALIZE_ARGS threads = {.flags = CKF_OS_LOCKING_OK};
    CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
    *(void **)&list = dlsym(library, "C_GetFunctionList");
    check(list(&tokens), "C_GetFunctionList");
    check(tokens->C_Initialize(&threads), "C_Initialize");
}

int main(int count, char **words) {
    double start = begun();
    if (count != 6)
        return 2;
    is_acorn = strcmp(words[1], "acorn") == 0;
    alias = words[3];
    int threads = atoi(words[4]);
    open_library(words[2]);
    signs(NULL); /* the first: nothing was asked before it */
    double first = now() - start;
    made = 0;
    double begin = now();
    until = begin + 1e3 * atof(words[5]);
    pthread_t running[64];
    for (int index = 0; index < threads; index++)
        pthread_create(&running[index], NULL, signs, NULL);
    for (int index = 0; index < threads; index++)
        pthread_join(running[index], NULL);
    printf("{\"first\": %.3f, \"seconds\": %.6f, \"milliseconds\": [", first, (now() - begin) / 1e3);
    for (unsigned index = 0; index < made; index++)
        printf("%s%.4f", index ? ", " : "", took[index]);
    printf("]}\n");
    return 0;
}
