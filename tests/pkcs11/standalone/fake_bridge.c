#define _GNU_SOURCE
#include "fake_bridge.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "bridge.h"

struct fake fake;

enum { MOST_KEYS = 32, MOST_FIELDS = 6 * MOST_KEYS };
struct fake_key {
    char alias[65], algorithm[64], token[33], hash[65];
    unsigned char value[2592], id[16];
    size_t size, signature, id_size;
    int is_there;
};
static struct fake_key keys[MOST_KEYS];
static unsigned made;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void add(struct sm_reply *reply, const void *data, size_t size)
{
    unsigned char *copy = malloc(size + 1);
    if (size != 0)
        memcpy(copy, data, size);
    copy[size] = 0;
    if (reply->fields == NULL)
        reply->fields = calloc(MOST_FIELDS, sizeof *reply->fields);
    reply->fields[reply->count++] = (struct sm_field){copy, size};
}

static void add_text(struct sm_reply *reply, const char *text)
{
    add(reply, text, strlen(text));
}

static unsigned refuse(struct sm_reply *reply, unsigned status, const char *class_name)
{
    add_text(reply, "the fake refuses");
    add_text(reply, class_name);
    add_text(reply, "");
    return reply->status = status;
}

static int is(const struct sm_field *field, const char *text)
{
    return field->size == strlen(text) && strncasecmp(field->data, text, field->size) == 0;
}

static struct fake_key *find(const struct sm_field *alias, const struct sm_field *hash)
{
    for (struct fake_key *key = keys; key < keys + MOST_KEYS; key++)
        if (key->is_there && (alias->size != 0 ? is(alias, key->alias) : is(hash, key->hash)))
            return key;
    return NULL;
}

/* Of the sets that the tests use: all others are as large as the greatest. */
static void shape(struct fake_key *key)
{
    int is_lms = strncmp(key->algorithm, "lms:", 4) == 0;
    memset(key->value, (int)made, sizeof key->value);
    key->size = is_lms ? 56 : strcmp(key->algorithm, "mldsa44") == 0 ? 1312 : 2592;
    key->signature = is_lms ? 1292 : key->size == 1312 ? 2420 : 4627;
    if (is_lms)
        memcpy(key->value, "\0\0\0\5\0\0\0\4", 8);
}

void fake_loss(const char *alias)
{
    const struct sm_field field = {alias, strlen(alias)};
    find(&field, &field)->is_there = 0;
}

void fake_key(const char *alias, const char *algorithm, const char *token)
{
    struct fake_key *key = &keys[made++];
    *key = (struct fake_key){.is_there = 1};
    snprintf(key->alias, sizeof key->alias, "%s", alias);
    snprintf(key->algorithm, sizeof key->algorithm, "%s", algorithm);
    snprintf(key->token, sizeof key->token, "%s", token);
    snprintf(key->hash, sizeof key->hash, "%040x", 0xabc000 + made);
    shape(key);
}

static const char *printed(const struct fake_key *key)
{
    return strncmp(key->algorithm, "lms:", 4) == 0 ? "LMS" : "ML-DSA";
}

static void tell(const struct fake_key *key, struct sm_reply *reply)
{
    unsigned char is_protected[8];
    sm_put_number(is_protected, key->token[0] != 0);
    add_text(reply, key->alias);
    add_text(reply, printed(key));
    add_text(reply, key->hash);
    add(reply, key->value, key->size);
    add(reply, is_protected, sizeof is_protected);
    add(reply, key->id, key->id_size);
}

static unsigned show_all(struct sm_reply *reply)
{
    for (struct fake_key *key = keys; key < keys + MOST_KEYS; key++)
        if (key->is_there)
            tell(key, reply);
    return SM_OK;
}

static unsigned show(const struct sm_field *fields, struct sm_reply *reply)
{
    const struct fake_key *key = find(&fields[0], &fields[0]);
    if (key == NULL)
        return refuse(reply, 4, "");
    tell(key, reply);
    return SM_OK;
}

static unsigned identify(const struct sm_field *fields)
{
    struct fake_key *key = find(&fields[0], &fields[0]);
    key->id_size = fields[1].size;
    memcpy(key->id, fields[1].data, key->id_size);
    return SM_OK;
}

static unsigned generate(const struct sm_field *fields, struct sm_reply *reply)
{
    if (find(&fields[0], &fields[0]) != NULL)
        return refuse(reply, 6, "");
    fake_key(fields[0].data, fields[1].data, "");
    add_text(reply, fields[0].data);
    return SM_OK;
}

static void keep(char *place, size_t room, const struct sm_field *field)
{
    snprintf(place, room, "%.*s", (int)field->size,
             field->data == NULL ? "" : (const char *)field->data);
}

static unsigned sign(const struct sm_field *fields, struct sm_reply *reply)
{
    const struct fake_key *key = find(&fields[0], &fields[1]);
    if (key == NULL)
        return refuse(reply, 4, "");
    keep(fake.last_alias, sizeof fake.last_alias, &fields[0]);
    keep(fake.last_hash, sizeof fake.last_hash, &fields[1]);
    keep(fake.last_context, sizeof fake.last_context, &fields[4]);
    keep(fake.last_passphrase, sizeof fake.last_passphrase, &fields[6]);
    fake.last_message = fields[2].size;
    fake.last_deterministic = sm_number(&fields[5]);
    unsigned char signature[4627];
    memset(signature, (int)fields[2].size, sizeof signature);
    add(reply, signature, key->signature - (size_t)fake.signature_is_short);
    return SM_OK;
}

/* Good is what `sign` gave for a message of this length. */
static unsigned verify(const struct sm_field *fields, struct sm_reply *reply)
{
    const unsigned char *signature = fields[3].data;
    unsigned char good[8];
    sm_put_number(good, signature[0] == (unsigned char)fields[2].size);
    add(reply, good, sizeof good);
    return SM_OK;
}

static unsigned destroy(const struct sm_field *fields, struct sm_reply *reply)
{
    struct fake_key *key = find(&fields[0], &fields[0]);
    if (key == NULL)
        return refuse(reply, 4, "");
    key->is_there = 0;
    return SM_OK;
}

static unsigned remaining(struct sm_reply *reply)
{
    unsigned char number[8];
    sm_put_number(number, fake.remaining);
    add(reply, number, sizeof number);
    return SM_OK;
}

static unsigned answer(const char *operation, const struct sm_field *fields, struct sm_reply *reply)
{
    if (strcmp(operation, "sign") == 0)
        memcpy(fake.tokens[fake.signatures++ % MOST_SIGNATURES], fields[3].data, TOKEN);
    if (fake.refuse != NULL && strcmp(fake.refuse, operation) == 0)
        return refuse(reply, fake.refuse_status,
                      fake.refuse_class == NULL ? "" : fake.refuse_class);
    if (strcmp(operation, "objects") == 0)
        return show_all(reply);
    if (strcmp(operation, "object") == 0)
        return show(fields, reply);
    if (strcmp(operation, "identify") == 0)
        return identify(fields);
    if (strcmp(operation, "generate") == 0)
        return generate(fields, reply);
    if (strcmp(operation, "sign") == 0)
        return sign(fields, reply);
    if (strcmp(operation, "verify_immediate") == 0)
        return verify(fields, reply);
    if (strcmp(operation, "destroy") == 0)
        return destroy(fields, reply);
    if (strcmp(operation, "remaining") == 0)
        return remaining(reply);
    if (strcmp(operation, "login") == 0)
        return is(&fields[0], "open sesame") ? SM_OK : refuse(reply, 5, "");
    return refuse(reply, SM_FAILED, "");
}

unsigned sm_ask(const char *operation, const struct sm_field *fields, size_t count,
                struct sm_reply *reply)
{
    (void)count;
    pthread_mutex_lock(&mutex);
    fake.asked++;
    *reply = (struct sm_reply){0};
    unsigned status = answer(operation, fields, reply);
    pthread_mutex_unlock(&mutex);
    return status;
}

void sm_reply_free(struct sm_reply *reply)
{
    for (size_t at = 0; at < reply->count; at++)
        free((void *)reply->fields[at].data);
    free(reply->fields);
    *reply = (struct sm_reply){0};
}

void sm_token(unsigned char token[16])
{
    if (getrandom(token, 16, 0) != 16)
        abort();
}

void sm_close(void)
{
    fake.closed++;
}

void sm_put_number(unsigned char bytes[8], unsigned long long number)
{
    for (int at = 7; at >= 0; at--, number >>= 8)
        bytes[at] = (unsigned char)number;
}

unsigned long long sm_number(const struct sm_field *field)
{
    unsigned long long number = 0;
    for (size_t at = 0; field->size == 8 && at < 8; at++)
        number = number << 8 | ((const unsigned char *)field->data)[at];
    return number;
}
