/* The guide's pipsqueak (2.7) over libacorn: those of its lines that a C program can have.
 *
 *     library=$(seemachine library acorn)
 *     cc pipsqueak.c -I "$(seemachine library include)" "$library" -Wl,-rpath,"$(dirname "$library")" -o pipsqueak
 *
 * The vendor provides its pipsqueak "both as example code and a testing tool" (2.6); this one is example code alone.
 * What the C interface does not tell is left out: ESNs, slots, progress of a key in the making, why a signature is
 * invalid.
 */
#include <acorn.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int word_count;
static char **words;

/* The value of NAME=VALUE on the command line, or NULL. */
static const char *value(const char *name)
{
    size_t length = strlen(name);
    for (int i = 0; i < word_count; i++)
        if (strncmp(words[i], name, length) == 0 && words[i][length] == '=')
            return words[i] + length + 1;
    return NULL;
}

static const char *value_or(const char *name, const char *other)
{
    return value(name) ? value(name) : other;
}

static double now(void)
{
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Says why a command failed. Each reason is the caller's to free. */
static int failed(const char *what, char *reason)
{
    printf("%s\nERROR: %s\n", reason ? reason : "no memory for the reason", what);
    free(reason);
    return 1;
}

static void print_words(const struct acorn_buffer *bytes)
{
    for (unsigned i = 0; i < bytes->len; i++)
        printf("%s%02x%s", i % 32 == 0 ? "  " : i % 4 == 0 ? " " : "", bytes->ptr[i],
               i % 32 == 31 || i + 1 == bytes->len ? "\n" : "");
}

static int print_versions(void)
{
    struct acorn_response_getVersion library;
    struct acorn_response_see_getVersion machine;
    char *reason;
    if (acorn_cmd_getVersion(&library, &reason))
        return failed("getVersion failed", reason);
    if (acorn_cmd_see_getVersion(&machine, &reason)) {
        acorn_free_getVersion(NULL, &library);
        return failed("see_getVersion failed", reason);
    }
    printf("PQSDK: %s (%s)\n", library.version, machine.version);
    acorn_free_getVersion(NULL, &library);
    acorn_free_see_getVersion(NULL, &machine);
    return 0;
}

static int print_public_key(const char *alias)
{
    struct acorn_response_getPublic key;
    char *reason;
    if (acorn_cmd_getPublic(alias, &key, &reason))
        return failed("getPublic failed", reason);
    printf("Public key (alias: %s):\n", alias);
    print_words(&key.publicKey);
    acorn_free_getPublic(NULL, &key);
    return 0;
}

static int list(void)
{
    struct acorn_response_list keys;
    char *reason;
    if (acorn_cmd_list(&keys, &reason))
        return failed("list failed", reason);
    puts("Available Keys:");
    for (unsigned i = 0; i < keys.n_entries; i++)
        printf("  %s %s\n", keys.entries[i].alias, keys.entries[i].algorithm);
    acorn_free_list(NULL, &keys);
    return 0;
}

/* ML-DSA unless it is told otherwise (2.7.1). The name has all parameters in it, which for LMS is seemachine's way. */
static void write_algorithm(char *name, size_t size)
{
    if (strcmp(value_or("algorithm", "mldsa"), "lms") == 0)
        snprintf(name, size, "lms:%s:%s:%s:%s", value_or("lmscode", ""), value_or("lmotscode", ""),
                 value_or("expcards", "0"), value_or("explease", "0"));
    else
        snprintf(name, size, "%s", value_or("mldsacode", "mldsa87"));
}

static int generate(const char *alias)
{
    struct acorn_response_generate key;
    char algorithm[200], *reason;
    write_algorithm(algorithm, sizeof algorithm);
    if (acorn_cmd_generate(alias, algorithm, value("token"), 0, &key, &reason))
        return failed("generate failed", reason);
    acorn_free_generate(NULL, &key);
    return print_public_key(alias);
}

static int provision(const char *esn)
{
    struct acorn_response_see_provisionLMS moved;
    char *reason;
    unsigned slot = (unsigned)strtoul(value_or("slot", "0"), NULL, 10);
    printf("Attempting to provision %s from slot %u...\n", esn, slot);
    if (acorn_cmd_see_provisionLMS(esn, slot, &moved, &reason))
        return failed("provisionLMS command failed", reason);
    puts("Provision successful.");
    acorn_free_see_provisionLMS(NULL, &moved);
    return 0;
}

static int show_leaves(const char *alias)
{
    struct acorn_response_see_infoLMS lms;
    char *reason;
    if (acorn_cmd_see_infoLMS(alias, NULL, &lms, &reason))
        return failed("infoLMS failed", reason);
    printf("  %s\n  Remaining: %u signatures\n", lms.parameters, lms.remaining);
    acorn_free_see_infoLMS(NULL, &lms);
    return 0;
}

static int show_info(const char *alias)
{
    struct acorn_response_getKeyInfo key;
    char *reason;
    if (acorn_cmd_getKeyInfo(alias, &key, &reason))
        return failed("getKeyInfo failed", reason);
    printf("Alias: %s\nAlgorithm: %s\n", alias, key.algorithm);
    int status = strcmp(key.algorithm, "LMS") == 0 ? show_leaves(alias) : 0;
    acorn_free_getKeyInfo(NULL, &key);
    return status ? status : print_public_key(alias);
}

/* A whole file, whose bytes the caller frees. Returns 0, or 1 when it can't be read. */
static int read_file(const char *path, struct acorn_buffer *read)
{
    FILE *file = fopen(path, "rb");
    int whole = 0;
    *read = (struct acorn_buffer){0, NULL};
    while (file && !whole && !ferror(file)) {
        unsigned char *longer = realloc(read->ptr, read->len + 4096);
        if (!longer)
            break;
        read->ptr = longer;
        read->len += (unsigned)fread(read->ptr + read->len, 1, 4096, file);
        whole = feof(file);
    }
    if (file)
        fclose(file);
    if (!whole)
        printf("ERROR: %s can't be read\n", path);
    return !whole;
}

static int verify(const char *alias, struct acorn_buffer message, struct acorn_buffer signature)
{
    struct acorn_response_verify response;
    char *reason;
    double begin = now();
    if (acorn_cmd_verify(alias, NULL, message, signature, &response, &reason))
        return failed("verify failed", reason);
    if (response.verified)
        printf("Verify (alias: %s, time: %.3f): true\n", alias, now() - begin);
    else
        puts("ERROR: verify failed");
    return !response.verified;
}

static int keep(const char *alias, const struct acorn_buffer *signature, double seconds)
{
    const char *path = value("sigfile");
    FILE *file;
    if (!path) {
        printf("Signature (alias: %s, size: %u, time: %.3f):\n", alias, signature->len, seconds);
        print_words(signature);
        return 0;
    }
    file = fopen(path, "wb");
    size_t written = file ? fwrite(signature->ptr, 1, signature->len, file) : 0;
    if (!file || fclose(file) || written != signature->len) {
        printf("ERROR: %s can't be written\n", path);
        return 1;
    }
    printf("Signature (alias %s, size: %u, time: %.3f)\n  written to %s\n", alias, signature->len, seconds, path);
    return 0;
}

static int sign(const char *alias, struct acorn_buffer message)
{
    struct acorn_response_sign response;
    char *reason;
    double begin = now();
    if (acorn_cmd_sign(alias, NULL, message, &response, &reason))
        return failed("sign failed", reason);
    double seconds = now() - begin;
    printf("Message (%s):\n", value_or("msgfile", value_or("message", "")));
    print_words(&message);
    int status = keep(alias, &response.signature, seconds);
    if (!status)
        status = verify(alias, message, response.signature);
    acorn_free_sign(NULL, &response);
    return status;
}

static int verify_file(const char *alias, struct acorn_buffer message)
{
    struct acorn_buffer signature;
    int status = read_file(value("verify"), &signature);
    if (!status)
        status = verify(alias, message, signature);
    free(signature.ptr);
    return status;
}

static int sign_or_verify(const char *alias)
{
    const char *text = value_or("message", "");
    struct acorn_buffer message = {(unsigned)strlen(text), (unsigned char *)text}, file = {0, NULL};
    int status = print_public_key(alias);
    if (!status && value("msgfile")) {
        status = read_file(value("msgfile"), &file);
        message = file;
    }
    if (!status)
        status = value("verify") ? verify_file(alias, message) : sign(alias, message);
    free(file.ptr);
    return status;
}

static int run(int count, char **given)
{
    const char *verb = count > 1 && !strchr(given[1], '=') ? given[1] : "";
    word_count = count - 1;
    words = given + 1;
    if (print_versions())
        return 1;
    if (strcmp(verb, "list") == 0)
        return list();
    if (value("provesn"))
        return provision(value("provesn"));
    if (!value("alias"))
        return *verb ? (printf("ERROR: %s needs alias=\n", verb), 1) : 0;
    if (strcmp(verb, "generate") == 0)
        return generate(value("alias"));
    return strcmp(verb, "showinfo") == 0 ? show_info(value("alias")) : sign_or_verify(value("alias"));
}

/* Only closing it tells whether all that was printed came out; a signature may be part of it. */
int main(int count, char **given)
{
    int status = run(count, given), is_lost = ferror(stdout);
    is_lost |= fclose(stdout);
    if (is_lost)
        fputs("ERROR: the output could not be written; a leaf that a signature took is spent\n", stderr);
    return is_lost ? 1 : status;
}
