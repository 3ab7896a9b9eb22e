/* Runs kernels without Python and prints what they make, for tests/lms/engines/test_standalone.py to compare: on other processors, under
 * qemu and with the compiler's sanitizers. Inputs are patterns that the test knows too.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dispatch.h"
#include "engine.h"
#include "roots.h"

enum { LEAVES = 3, JOBS = 2, CHILDREN = 10, CLAIMS = 3, HEIGHT = 20 };

/* A pattern whose period is prime, so that swapped blocks show. */
static void paint(uint8_t *at, size_t bytes, unsigned from)
{
    for (size_t byte = 0; byte < bytes; byte++)
        at[byte] = (uint8_t)((byte + from) % 251);
}

static void print_line(const char *kernel, const char *hash, unsigned n, unsigned w, const char *what, const uint8_t *at, size_t bytes)
{
    printf("%s %s %u %u %s ", kernel, hash, n, w, what);
    for (size_t byte = 0; byte < bytes; byte++)
        printf("%02x", at[byte]);
    printf("\n");
}

/* Signatures of leaves 7, 65543 and 131079, with patterns for C, chains and path. */
static void run_roots(const struct crew *crew, const char *kernel, const char *hash, const struct ots *ots)
{
    uint8_t identifier[IDENTIFIER_BYTES], digest[MOST_BYTES], nodes[CLAIMS * MOST_BYTES];
    size_t bytes = claim_bytes(ots, HEIGHT);
    uint8_t *signatures = malloc(CLAIMS * bytes);
    struct claim claims[CLAIMS];
    if (signatures == NULL)
        exit(2);
    paint(identifier, sizeof identifier, 1);
    paint(digest, sizeof digest, 200);
    for (unsigned at = 0; at < CLAIMS; at++) {
        struct claim claim = {identifier, digest, signatures + at * bytes};
        claims[at] = claim;
        paint(signatures + at * bytes, bytes, at);
        store_be32(signatures + at * bytes, 65536 * at + 7);
    }
    if (roots(crew, ots, HEIGHT, claims, CLAIMS, nodes))
        exit(2);
    print_line(kernel, hash, ots->n, ots->w, "roots", nodes, CLAIMS * ots->n);
    free(signatures);
}

static void run_set(const struct crew *crew, const char *kernel, const char *hash, const struct ots *ots)
{
    uint8_t identifier[IDENTIFIER_BYTES], seed[MOST_SEED], digest[MOST_BYTES], children[2 * CHILDREN * MOST_BYTES];
    uint8_t nodes[(LEAVES + CHILDREN) * MOST_BYTES], keys[JOBS * MOST_BYTES];
    size_t value_bytes = (size_t)ots->p * ots->n;
    uint8_t *values = calloc(JOBS, value_bytes);
    paint(identifier, sizeof identifier, 1);
    paint(seed, sizeof seed, 50);
    paint(digest, sizeof digest, 200);
    paint(children, sizeof children, 7);
    struct orchard orchard = {ots->n, ots->w, ots->p, 20, identifier, seed, 27};
    struct job jobs[JOBS] = {{identifier, 66051, digest, seed, 24, values}, {identifier, 5, digest, seed, 32, values + value_bytes}};
    if (values == NULL || leaf_nodes(crew, &orchard, 66000, LEAVES, nodes) || walk_jobs(crew, ots, jobs, JOBS))
        exit(2);
    print_line(kernel, hash, ots->n, ots->w, "leaves", nodes, LEAVES * ots->n);
    print_line(kernel, hash, ots->n, ots->w, "sign", values, JOBS * value_bytes);
    for (unsigned job = 0; job < JOBS; job++)
        jobs[job].seed = NULL;
    if (walk_jobs(crew, ots, jobs, JOBS))
        exit(2);
    public_keys(crew, ots, jobs, JOBS, keys);
    print_line(kernel, hash, ots->n, ots->w, "recover", keys, JOBS * ots->n);
    parents(crew, ots->n, identifier, 70000, children, CHILDREN, nodes);
    print_line(kernel, hash, ots->n, ots->w, "parents", nodes, CHILDREN * ots->n);
    free(values);
}

int main(int count, char **names)
{
    static const char *const hashes[] = {"sha256", "shake"};
    for (int name = 1; name < count; name++)
        for (int hash = 0; hash < 2; hash++) {
            int number = find_kernel(names[name], hashes[hash]);
            const char *reason = number < 0 ? "not in this build" : why_not(number);
            if (reason != NULL) {
                fprintf(stderr, "%s %s: %s\n", names[name], hashes[hash], reason);
                continue;
            }
            struct crew crew = {proven_kernel(number), proven_kernel(number)};
            for (unsigned n = 24; n <= 32; n += 8)
                for (unsigned w = 1; w <= 8; w *= 2) {
                    struct ots ots;
                    if (!find_ots(&ots, n, w))
                        return 3;
                    run_set(&crew, names[name], hashes[hash], &ots);
                    run_roots(&crew, names[name], hashes[hash], &ots);
                }
        }
    return 0;
}
