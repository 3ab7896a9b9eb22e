/* Signs with the key "forked" before a fork, and after it in the parent and in children that are there at one time.
 * Prints the number of each leaf.
 */
#define _POSIX_C_SOURCE 200809L
#include <acorn.h>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 4

static int sign_once(void)
{
    struct acorn_response_sign response;
    char *reason = NULL;
    unsigned char message[] = "message";
    if (acorn_cmd_sign("forked", NULL, (struct acorn_buffer){sizeof message, message}, &response, &reason)) {
        fprintf(stderr, "%s\n", reason);
        free(reason);
        return 1;
    }
    /* One write for each line, for the lines of all processes are in one pipe. */
    printf("%u\n", (unsigned)response.signature.ptr[2] << 8 | response.signature.ptr[3]);
    fflush(stdout);
    acorn_free_sign(NULL, &response);
    return 0;
}

int main(void)
{
    int status = sign_once(), worst = 0;
    for (int i = 0; i < CHILDREN; i++)
        if (fork() == 0)
            exit(sign_once() || sign_once());
    status |= sign_once();
    for (int i = 0; i < CHILDREN; i++) {
        wait(&worst);
        status |= worst;
    }
    return status || sign_once();
}
