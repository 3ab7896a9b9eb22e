#include "fake_bridge.h"

#include <stdlib.h>
#include <string.h>

struct asked asked;
int fake_closes;
int fake_has_chance = 1;

static struct {
    unsigned status;
    size_t count;
    const struct sm_field *fields;
} answer;
static long lack = -1;
static struct {
    const unsigned char *secret;
    size_t size;
    int wiped;
} watch;

void *__real_malloc(size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void __wrap_free(void *memory);

void *__wrap_malloc(size_t size)
{
    if (lack >= 0 && lack-- == 0)
        return NULL;
    return __real_malloc(size);
}

void __wrap_free(void *memory)
{
    if (memory && memory == watch.secret) {
        watch.wiped = 1;
        for (size_t i = 0; i < watch.size; i++)
            watch.wiped &= watch.secret[i] == 0;
        watch.secret = NULL;
    }
    __real_free(memory);
}

long fake_lack(long mallocs)
{
    long left = lack;
    lack = mallocs;
    return left;
}

void fake_watch(const void *secret, size_t size)
{
    watch.secret = secret;
    watch.size = size;
    watch.wiped = 0;
}

int fake_wiped(void)
{
    return watch.wiped;
}

void fake_answer(unsigned status, size_t count, const struct sm_field *fields)
{
    answer.status = status;
    answer.count = count;
    answer.fields = fields;
}

unsigned sm_ask(const char *operation, const struct sm_field *fields, size_t count, struct sm_reply *reply)
{
    asked.times++;
    strncpy(asked.operation, operation, sizeof asked.operation - 1);
    asked.count = count;
    for (size_t i = 0; i < count; i++) {
        asked.fields[i].size = fields[i].size;
        memset(asked.fields[i].data, 0, sizeof asked.fields[i].data);
        memcpy(asked.fields[i].data, fields[i].data, fields[i].size);
    }
    /* A block of its own, and no longer there after sm_reply_free: who keeps a pointer into it is found out. */
    reply->status = answer.status;
    reply->count = answer.count;
    reply->fields = __real_malloc((answer.count + 1) * sizeof *reply->fields);
    size_t size = 1;
    for (size_t i = 0; i < answer.count; i++)
        size += answer.fields[i].size + 1;
    unsigned char *data = reply->block = __real_malloc(size);
    for (size_t i = 0; i < answer.count; i++) {
        reply->fields[i] = (struct sm_field){data, answer.fields[i].size};
        memcpy(data, answer.fields[i].data, answer.fields[i].size);
        data[answer.fields[i].size] = 0;
        data += answer.fields[i].size + 1;
    }
    return answer.status;
}

void sm_reply_free(struct sm_reply *reply)
{
    __real_free(reply->fields);
    __real_free(reply->block);
    memset(reply, 0, sizeof *reply);
}

void sm_token(unsigned char token[16])
{
    static unsigned char next;
    memset(token, fake_has_chance ? 0xab : 0, 16);
    token[15] = fake_has_chance ? ++next : 0;
}

void sm_close(void)
{
    fake_closes++;
}

void sm_put_number(unsigned char bytes[8], unsigned long long number)
{
    for (int i = 8; i-- > 0; number >>= 8)
        bytes[i] = (unsigned char)(number & 0xff);
}

unsigned long long sm_number(const struct sm_field *field)
{
    unsigned long long number = 0;
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | ((const unsigned char *)field->data)[i];
    return number;
}
