/* Rules of logins and of threads. */
#define _GNU_SOURCE
#include "rules.h"

#include <pthread.h>

/* The private half of a protected key is seen and used after a login with the right passphrase,
 * which goes to the helper with each signature. */
void rule_login(void)
{
    CK_OBJECT_HANDLE found[4], key;
    CK_BYTE signature[2420];
    CK_ULONG length = sizeof signature;
    fake_key("p", "mldsa44", "ops");
    start();
    CHECK(find(NULL, 0, found, 4) == 1);
    key = found[0] + 1;
    GIVES(CKR_USER_NOT_LOGGED_IN, p11->C_SignInit(session, &mldsa, key));
    GIVES(CKR_USER_NOT_LOGGED_IN, p11->C_Logout(session));
    GIVES(CKR_PIN_INCORRECT, p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"wrong", 5));
    GIVES(CKR_USER_TYPE_INVALID, p11->C_Login(session, CKU_SO, (CK_UTF8CHAR *)"open sesame", 11));
    GIVES(CKR_ARGUMENTS_BAD, p11->C_Login(session, CKU_USER, NULL, 5));
    OK(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"open sesame", 11));
    GIVES(CKR_USER_ALREADY_LOGGED_IN,
          p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"open sesame", 11));
    CHECK(find(NULL, 0, found, 4) == 2 && found[1] == key);
    OK(p11->C_SignInit(session, &mldsa, key));
    OK(p11->C_Sign(session, data, 8, signature, &length));
    CHECK(strcmp(fake.last_passphrase, "open sesame") == 0);
    OK(p11->C_Logout(session));
    GIVES(CKR_USER_NOT_LOGGED_IN, p11->C_SignInit(session, &mldsa, key));
    setenv("SEEMACHINE_PRELOADED", "x", 1);
    OK(p11->C_SignInit(session, &mldsa, key));
    OK(p11->C_Sign(session, data, 8, signature, &length));
    CHECK(fake.last_passphrase[0] == 0);
}

static void *one_thread(void *key)
{
    CK_SESSION_HANDLE own;
    CK_BYTE signature[HSS_SIGNATURE];
    CK_ULONG count;
    CK_OBJECT_HANDLE found[4];
    OK(p11->C_OpenSession(0, RW, NULL, NULL, &own));
    for (int round = 0; round < 10; round++) {
        CK_ULONG length = sizeof signature;
        OK(p11->C_FindObjectsInit(own, NULL, 0));
        OK(p11->C_FindObjects(own, found, 4, &count));
        OK(p11->C_FindObjectsFinal(own));
        OK(p11->C_SignInit(own, &hss, *(CK_OBJECT_HANDLE *)key));
        OK(p11->C_Sign(own, data, 8, signature, &length));
    }
    OK(p11->C_CloseSession(own));
    return NULL;
}

static int by_token(const void *one, const void *other)
{
    return memcmp(one, other, TOKEN);
}

/* 200 threads make 2000 signatures of 2000 names. */
void rule_threads(void)
{
    pthread_t all[200];
    CK_OBJECT_HANDLE key = lms_key();
    for (int at = 0; at < 200; at++)
        CHECK(pthread_create(&all[at], NULL, one_thread, &key) == 0);
    for (int at = 0; at < 200; at++)
        CHECK(pthread_join(all[at], NULL) == 0);
    CHECK(fake.signatures == 2000);
    qsort(fake.tokens, 2000, TOKEN, by_token);
    for (int at = 1; at < 2000; at++)
        CHECK(memcmp(fake.tokens[at - 1], fake.tokens[at], TOKEN) != 0);
}

/* A session closed by one thread while another is in a call of it ends after that call; chance is
 * not all zeros. */
void rule_closing(void)
{
    CK_OBJECT_HANDLE key = lms_key();
    CK_BYTE place[600] = {0}, zeros[600] = {0};
    pthread_t other;
    CHECK(pthread_create(&other, NULL, one_thread, &key) == 0);
    for (int round = 0; round < 100; round++) {
        OK(p11->C_GenerateRandom(session, place, sizeof place));
        CHECK(memcmp(place + 590, zeros, 10) != 0);
    }
    GIVES(CKR_RANDOM_SEED_NOT_SUPPORTED, p11->C_SeedRandom(session, place, 8));
    CHECK(pthread_join(other, NULL) == 0);
    OK(p11->C_CloseAllSessions(0));
}
