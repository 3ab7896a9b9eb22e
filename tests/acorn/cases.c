/* What holds of libacorn over a bridge that answers as it is told. Each argument names a case; without one the names are printed. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s, line %d, %s: not so: %s\n", now, __LINE__, on, #condition);                           \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The case, and the command that it is at. */
static const char *now, *on = "";

static const struct sm_field REFUSAL[] = {{"UnknownID(4): there is no key nope", 34}, {"", 0}};
static const union response ZEROS;

static size_t answers(const struct call *call)
{
    size_t count = 0;
    while (count < MOST_FIELDS && call->answer[count].data)
        count++;
    return count;
}

static void answer_well(const struct call *call)
{
    fake_answer(0, answers(call), call->answer);
}

static int is_zero(const struct call *call, const union response *response)
{
    return memcmp(response, &ZEROS, call->size) == 0;
}

static int holds(const struct acorn_buffer *buffer, const void *data, unsigned size)
{
    return buffer->ptr && buffer->len == size && memcmp(buffer->ptr, data, size) == 0;
}

/* The union may be larger than the response: what is beyond it is nobody's. */
static void soil(union response *response)
{
    memset(response, 0xee, sizeof *response);
}

static void each(void (*check)(const struct call *call))
{
    for (size_t i = 0; i < call_count; i++) {
        on = calls[i].name;
        check(&calls[i]);
    }
    on = "";
}

static void check_asked(const struct call *call)
{
    CHECK(strcmp(asked.operation, call->operation) == 0);
    CHECK(asked.count == call->asks);
    for (size_t i = 0; i < call->asks; i++) {
        CHECK(asked.fields[i].size == call->asked[i].size);
        CHECK(!call->asked[i].data || memcmp(asked.fields[i].data, call->asked[i].data, call->asked[i].size) == 0);
    }
}

static void check_both_forms(const struct call *call)
{
    union response response;
    char *why = (char *)"not an address to free";
    answer_well(call);
    soil(&response);
    CHECK(call->by_request(&response, &why) == 0 && !why);
    check_asked(call);
    CHECK(call->size == sizeof response || response.bytes[call->size] == 0xee);
    call->give_back(&response);
    CHECK(is_zero(call, &response));
    soil(&response);
    CHECK(call->by_members(&response, &why) == 0 && !why);
    check_asked(call);
    call->give_back(&response);
    call->give_back(&response);
    CHECK(is_zero(call, &response));
}

static void both_forms_ask_the_same(void)
{
    each(check_both_forms);
}

static void check_refused(const struct call *call)
{
    union response response;
    char *why = NULL;
    fake_answer(4, 2, REFUSAL);
    soil(&response);
    CHECK(call->by_members(&response, &why) == 4);
    CHECK(strcmp(why, "UnknownID(4): there is no key nope") == 0);
    free(why);
    CHECK(is_zero(call, &response));
    call->give_back(&response);
    CHECK(call->by_request(&response, &why) == 4);
    free(why);
    call->give_back(&response);
}

static void a_refusal_leaves_zeros_and_a_reason(void)
{
    each(check_refused);
}

static void check_nowhere(const struct call *call)
{
    char *why = NULL;
    asked.times = 0;
    CHECK(call->without_response(&why) == 24);
    CHECK(strncmp(why, "InvalidParameter(24): ", 22) == 0);
    free(why);
    CHECK(asked.times == 0);
}

static void a_command_without_a_response_asks_nothing(void)
{
    each(check_nowhere);
}

static void check_no_request(const struct call *call)
{
    union response response;
    char *why = NULL;
    int needs = call->asks > 0;
    answer_well(call);
    asked.times = 0;
    CHECK(call->without_request(&response, &why) == (needs ? 24 : 0));
    CHECK(asked.times == !needs && !why == !needs);
    free(why);
    call->give_back(&response);
}

static void only_commands_with_members_need_a_request(void)
{
    each(check_no_request);
}

static void check_short(const struct call *call)
{
    union response response;
    char *why = NULL;
    for (size_t count = 0; count < call->answers; count++) {
        fake_answer(0, count, call->answer);
        CHECK(call->by_request(&response, &why) == 1000);
        CHECK(strstr(why, "install the library and seeclient together"));
        free(why);
        CHECK(is_zero(call, &response));
    }
}

static void an_answer_that_is_too_short_is_refused(void)
{
    each(check_short);
    on = "list";
    union response response;
    char *why = NULL;
    fake_answer(0, 3, calls[1].answer);
    CHECK(calls[1].by_members(&response, &why) == 1000);
    free(why);
}

static void check_lack(const struct call *call)
{
    union response response;
    char *why;
    long lacking = 0;
    int status;
    answer_well(call);
    do {
        soil(&response);
        fake_lack(lacking++);
        status = call->by_request(&response, &why);
        fake_lack(-1);
        CHECK(!status || (status == 1000 && is_zero(call, &response)));
        CHECK(!status || strstr(why, "no memory"));
        free(why);
        call->give_back(&response);
    } while (status);
}

static void a_lack_of_memory_is_refused_and_leaks_nothing(void)
{
    each(check_lack);
}

static void check_lack_of_reason(const struct call *call)
{
    union response response;
    char *why = NULL;
    fake_answer(4, 2, REFUSAL);
    fake_lack(0);
    CHECK(call->by_request(&response, &why) == 4 && !why);
    fake_lack(-1);
    call->give_back(&response);
}

static void without_memory_for_the_reason_the_status_is_told(void)
{
    each(check_lack_of_reason);
}

static void check_empty(const struct call *call)
{
    static const struct sm_field empty[MOST_FIELDS] = {{"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0}};
    union response response;
    for (size_t i = 0; i < answers(call); i++)
        if (call->answer[i].size == 8)
            return; /* a number is never empty */
    fake_answer(0, strcmp(call->name, "list") == 0 ? 0 : answers(call), empty);
    CHECK(call->by_request(&response, NULL) == 0);
    for (size_t at = 0; at < call->size; at += sizeof(struct acorn_buffer)) {
        const struct acorn_buffer *pair = (const void *)&response.bytes[at];
        CHECK(call->size < sizeof *pair || pair->ptr);
    }
    call->give_back(&response);
}

static void what_is_empty_is_not_null(void)
{
    each(check_empty);
}

static void responses_hold_the_answer(void)
{
    union response got;
    for (size_t i = 0; i < call_count; i++) {
        const char *name = on = calls[i].name;
        answer_well(&calls[i]);
        CHECK(calls[i].by_members(&got, NULL) == 0);
        if (strcmp(name, "getVersion") == 0 || strcmp(name, "see_getVersion") == 0)
            CHECK(strcmp(got.getVersion.version, "1.4.1") == 0);
        if (strcmp(name, "list") == 0) {
            CHECK(got.list.n_entries == 2);
            CHECK(strcmp(got.list.entries[0].alias, "a") == 0 && strcmp(got.list.entries[0].algorithm, "LMS") == 0);
            CHECK(strcmp(got.list.entries[1].alias, "b") == 0 && strcmp(got.list.entries[1].algorithm, "ML-DSA") == 0);
        }
        if (strcmp(name, "getPublic") == 0)
            CHECK(holds(&got.getPublic.publicKey, "pub\0lic", 7));
        if (strcmp(name, "getPublicHash") == 0)
            CHECK(strcmp(got.getPublicHash.hash, "cafe") == 0);
        if (strcmp(name, "getKeyInfo") == 0) {
            CHECK(strcmp(got.getKeyInfo.hash, "cafe") == 0 && strcmp(got.getKeyInfo.algorithm, "LMS") == 0);
            CHECK(holds(&got.getKeyInfo.publicKey, "pub\0lic", 7) && holds(&got.getKeyInfo.privateBlob, "blob", 4));
        }
        if (strcmp(name, "generate") == 0) {
            CHECK(strcmp(got.generate.alias, "alias") == 0 && strcmp(got.generate.hash, "cafe") == 0);
            CHECK(holds(&got.generate.privateBlob, "blob", 4) && holds(&got.generate.privateKey, "sec\0ret", 7));
        }
        if (strcmp(name, "importKeypair") == 0) {
            CHECK(strcmp(got.importKeypair.alias, "alias") == 0 && strcmp(got.importKeypair.hash, "cafe") == 0);
            CHECK(holds(&got.importKeypair.privateBlob, "blob", 4));
        }
        if (strcmp(name, "sign") == 0 || strcmp(name, "signImmediate") == 0)
            CHECK(holds(&got.sign.signature, "signa\0ture", 10));
        if (strcmp(name, "verify") == 0 || strcmp(name, "verifyImmediate") == 0)
            CHECK(got.verify.verified == 1);
        if (strcmp(name, "see_infoLMS") == 0)
            CHECK(strcmp(got.see_infoLMS.parameters, "sha256_m32_h5") == 0 && got.see_infoLMS.remaining == 5);
        calls[i].give_back(&got);
    }
}

static void an_invalid_signature_is_no_failure(void)
{
    static const struct sm_field no[] = {{"\0\0\0\0\0\0\0\0", 8}};
    struct acorn_response_verify response = {7};
    char *why = NULL;
    fake_answer(0, 1, no);
    CHECK(acorn_cmd_verify("a", NULL, (struct acorn_buffer){0}, (struct acorn_buffer){0}, &response, &why) == 0);
    CHECK(response.verified == 0 && !why);
}

static void missing_texts_and_buffers_are_empty(void)
{
    struct acorn_response_sign response;
    answer_well(&calls[7]);
    CHECK(acorn_cmd_sign(NULL, NULL, (struct acorn_buffer){0}, &response, NULL) == 0);
    CHECK(asked.fields[0].size == 0 && asked.fields[1].size == 0 && asked.fields[2].size == 0);
    acorn_free_sign(NULL, &response);
}

static void a_length_without_bytes_is_refused(void)
{
    struct acorn_response_sign response;
    char *why = NULL;
    asked.times = 0;
    CHECK(acorn_cmd_sign("a", NULL, (struct acorn_buffer){5, NULL}, &response, &why) == 24);
    CHECK(strcmp(why, "InvalidParameter(24): a buffer has a length, and NULL where its bytes should be") == 0);
    CHECK(asked.times == 0 && !response.signature.ptr);
    free(why);
}

static void without_chance_no_key_gets_a_name_that_another_may_have(void)
{
    struct acorn_response_generate made;
    struct acorn_response_importKeypair taken;
    const struct acorn_buffer none = {0, NULL};
    char *reason;
    memset(&made, 0xaa, sizeof made);
    memset(&taken, 0xaa, sizeof taken);
    fake_has_chance = 0;
    CHECK(acorn_cmd_generate(NULL, "mldsa44", NULL, 1, &made, &reason) == SM_FAILED);
    CHECK(strstr(reason, "give an alias") && !made.alias && !asked.times);
    free(reason);
    CHECK(acorn_cmd_importKeypair("", "mldsa44", none, none, NULL, 1, &taken, &reason) == SM_FAILED);
    CHECK(strstr(reason, "give an alias") && !taken.alias && !asked.times);
    free(reason);
}

static void each_signature_has_a_token_of_its_own(void)
{
    struct acorn_response_sign response;
    unsigned char first[16];
    answer_well(&calls[7]);
    CHECK(acorn_cmd_sign("a", NULL, (struct acorn_buffer){0}, &response, NULL) == 0);
    acorn_free_sign(NULL, &response);
    memcpy(first, asked.fields[3].data, sizeof first);
    CHECK(acorn_cmd_sign("a", NULL, (struct acorn_buffer){0}, &response, NULL) == 0);
    acorn_free_sign(NULL, &response);
    CHECK(memcmp(first, asked.fields[3].data, sizeof first) != 0);
}

static void check_made_up(void)
{
    CHECK(asked.fields[0].size == 36 && memcmp(asked.fields[0].data, "key-abab", 8) == 0);
}

static void a_new_key_without_an_alias_gets_one(void)
{
    struct acorn_response_generate made;
    struct acorn_response_importKeypair imported;
    unsigned char first[36];
    answer_well(&calls[5]);
    CHECK(acorn_cmd_generate(NULL, "mldsa87", NULL, 0, &made, NULL) == 0);
    acorn_free_generate(NULL, &made);
    check_made_up();
    memcpy(first, asked.fields[0].data, sizeof first);
    CHECK(acorn_cmd_generate("", "mldsa87", NULL, 0, &made, NULL) == 0);
    acorn_free_generate(NULL, &made);
    check_made_up();
    CHECK(memcmp(first, asked.fields[0].data, sizeof first) != 0);
    answer_well(&calls[6]);
    CHECK(acorn_cmd_importKeypair(NULL, "mldsa87", (struct acorn_buffer){0}, (struct acorn_buffer){0}, NULL, 0,
                                  &imported, NULL) == 0);
    acorn_free_importKeypair(NULL, &imported);
    check_made_up();
}

static char *text(const char *value)
{
    return strcpy(malloc(strlen(value) + 1), value);
}

static struct acorn_buffer bytes(const char *value)
{
    return (struct acorn_buffer){(unsigned)strlen(value), (unsigned char *)text(value)};
}

static void a_request_from_malloc_is_freed_once(void)
{
    struct acorn_request_importKeypair import = {text("a"), text("mldsa44"), bytes("public"), bytes("secret"), NULL, 1};
    struct acorn_request_sign sign = {text("a"), NULL, bytes("message")};
    struct acorn_request_list list = {0};
    acorn_free_importKeypair(&import, NULL);
    acorn_free_importKeypair(&import, NULL);
    CHECK(!import.alias && !import.privateKey.ptr && !import.privateKey.len && !import.overwrite);
    acorn_free_sign(&sign, NULL);
    acorn_free_sign(NULL, NULL);
    acorn_free_list(&list, NULL);
    CHECK(!sign.alias && !sign.message.ptr);
}

static void private_keys_are_overwritten_before_they_are_freed(void)
{
    struct acorn_request_importKeypair import = {0};
    struct acorn_response_generate made;
    import.privateKey = bytes("secret");
    fake_watch(import.privateKey.ptr, import.privateKey.len);
    acorn_free_importKeypair(&import, NULL);
    CHECK(fake_wiped());
    answer_well(&calls[5]);
    CHECK(acorn_cmd_generate("a", "mldsa87", NULL, 2, &made, NULL) == 0);
    fake_watch(made.privateKey.ptr, made.privateKey.len);
    acorn_free_generate(NULL, &made);
    CHECK(fake_wiped());
}

static void a_number_that_is_too_great_is_the_greatest(void)
{
    static const struct sm_field many[] = {{"x", 1}, {"\0\0\0\1\0\0\0\0", 8}}, odd[] = {{"x", 1}, {"\0\1", 2}};
    struct acorn_response_see_infoLMS response;
    fake_answer(0, 2, many);
    CHECK(acorn_cmd_see_infoLMS("a", NULL, &response, NULL) == 0 && response.remaining == UINT_MAX);
    acorn_free_see_infoLMS(NULL, &response);
    char *why = NULL;
    fake_answer(0, 2, odd);
    CHECK(acorn_cmd_see_infoLMS("a", NULL, &response, &why) == 1000);
    free(why);
}

static size_t written(FILE *stream)
{
    fflush(stream);
    return (size_t)ftell(stream);
}

static void without_an_errstring_the_reason_is_printed(void)
{
    struct acorn_response_list response;
    char line[80] = "";
    FILE *stream = tmpfile();
    fake_answer(4, 2, REFUSAL);
    acorn_errstream(stream);
    CHECK(acorn_cmd_list(&response, NULL) == 4);
    rewind(stream);
    CHECK(fgets(line, sizeof line, stream) && strcmp(line, "UnknownID(4): there is no key nope\n") == 0);
    size_t before = written(stream);
    char *why = NULL;
    CHECK(acorn_cmd_list(&response, &why) == 4 && written(stream) == before);
    free(why);
    acorn_errstream(NULL);
    CHECK(acorn_cmd_list(&response, NULL) == 4 && written(stream) == before);
    fclose(stream);
}

static void advice_follows_the_reason(void)
{
    static const struct sm_field refusal[] = {{"NotAvailable(73): none", 22}, {"UsedUp", 6}, {"make another", 12}};
    struct acorn_response_list response;
    char *why = NULL;
    fake_answer(73, 3, refusal);
    CHECK(acorn_cmd_list(&response, &why) == 73);
    CHECK(strcmp(why, "NotAvailable(73): none; make another") == 0);
    free(why);
}

static void a_refusal_without_a_text_has_a_reason(void)
{
    struct acorn_response_list response;
    char *why = NULL;
    fake_answer(1000, 0, NULL);
    CHECK(acorn_cmd_list(&response, &why) == 1000);
    CHECK(strcmp(why, "Failed: the helper gave no reason") == 0);
    free(why);
}

static void tables_have_the_commands_in_their_order(void)
{
    struct acorn_commandlist by_request;
    struct acorn_cmdlist by_members;
    char *why = (char *)"not an address to free";
    CHECK(acorn_getcommandlist(&by_request, &why) == 0 && !why);
    CHECK(acorn_getcmdlist(&by_members, NULL) == 0);
#define HAS(place, name)                                                                                               \
    CHECK(((void (**)(void))&by_request)[place] == (void (*)(void))acorn_command_##name);                              \
    CHECK(((void (**)(void))&by_members)[place] == (void (*)(void))(place == 11 ? (void (*)(void))acorn_command_##name \
                                                                                : (void (*)(void))acorn_cmd_##name))
    HAS(0, getVersion);
    HAS(1, list);
    HAS(2, getPublic);
    HAS(3, getPublicHash);
    HAS(4, getKeyInfo);
    HAS(5, generate);
    HAS(6, importKeypair);
    HAS(7, sign);
    HAS(8, verify);
    HAS(9, signImmediate);
    HAS(10, verifyImmediate);
    HAS(11, see_getVersion);
    CHECK(acorn_getcommandlist(NULL, &why) == 24 && why);
    free(why);
    CHECK(acorn_getcmdlist(NULL, &why) == 24 && why);
    free(why);
}

static void only_cleanup_ends_the_helper(void)
{
    CHECK(acorn_init() == 0 && fake_closes == 0);
    acorn_cleanup();
    CHECK(fake_closes == 1);
}

#define CASE(name) {#name, name}
static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    CASE(both_forms_ask_the_same),
    CASE(responses_hold_the_answer),
    CASE(an_invalid_signature_is_no_failure),
    CASE(what_is_empty_is_not_null),
    CASE(missing_texts_and_buffers_are_empty),
    CASE(a_length_without_bytes_is_refused),
    CASE(a_command_without_a_response_asks_nothing),
    CASE(only_commands_with_members_need_a_request),
    CASE(a_refusal_leaves_zeros_and_a_reason),
    CASE(advice_follows_the_reason),
    CASE(a_refusal_without_a_text_has_a_reason),
    CASE(an_answer_that_is_too_short_is_refused),
    CASE(a_lack_of_memory_is_refused_and_leaks_nothing),
    CASE(without_memory_for_the_reason_the_status_is_told),
    CASE(without_chance_no_key_gets_a_name_that_another_may_have),
    CASE(each_signature_has_a_token_of_its_own),
    CASE(a_new_key_without_an_alias_gets_one),
    CASE(a_request_from_malloc_is_freed_once),
    CASE(private_keys_are_overwritten_before_they_are_freed),
    CASE(a_number_that_is_too_great_is_the_greatest),
    CASE(without_an_errstring_the_reason_is_printed),
    CASE(tables_have_the_commands_in_their_order),
    CASE(only_cleanup_ends_the_helper),
};

int main(int count, char **names)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (count == 1)
            puts(cases[i].name);
        for (int j = 1; j < count; j++)
            if (strcmp(names[j], cases[i].name) == 0) {
                now = cases[i].name;
                cases[i].run();
                return 0;
            }
    }
    return count != 1;
}
