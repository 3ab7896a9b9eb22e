#define _GNU_SOURCE
#include "login.h"

#include <string.h>

#include "journal.h"
#include "refusals.h"
#include "sessions.h"

static unsigned char passphrase[MOST_PIN];
static size_t passphrase_size;
static int is_logged_in;

int logged_in(void)
{
    lock();
    int answer = is_logged_in;
    unlock();
    return answer;
}

int login_passphrase(struct bytes *copy)
{
    lock();
    int is_copied = bytes_append(copy, passphrase, passphrase_size);
    unlock();
    return is_copied;
}

void login_wipe(struct bytes *copy)
{
    if (copy->data != NULL)
        explicit_bzero(copy->data, copy->room);
    bytes_free(copy);
}

void login_forget(void)
{
    explicit_bzero(passphrase, sizeof passphrase);
    passphrase_size = 0;
    is_logged_in = 0;
}

static CK_RV remember(const CK_UTF8CHAR *pin, CK_ULONG size)
{
    lock();
    CK_RV rv = is_logged_in ? CKR_USER_ALREADY_LOGGED_IN : CKR_OK;
    if (!is_logged_in) {
        if (size != 0)
            memcpy(passphrase, pin, size);
        passphrase_size = size;
        is_logged_in = 1;
    }
    unlock();
    return rv;
}

static CK_RV log_in(CK_USER_TYPE user, const CK_UTF8CHAR *pin, CK_ULONG size)
{
    if (user == CKU_CONTEXT_SPECIFIC)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (user != CKU_USER)
        return CKR_USER_TYPE_INVALID;
    if (logged_in())
        return CKR_USER_ALREADY_LOGGED_IN;
    if (size > MOST_PIN)
        return CKR_PIN_LEN_RANGE;
    const struct sm_field fields[] = {bytes(pin, size)};
    struct sm_reply reply;
    CK_RV rv = ask("login", fields, 1, 0, &reply);
    if (rv != CKR_OK)
        return rv;
    sm_reply_free(&reply);
    return remember(pin, size);
}

CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG size)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    return gives(session_leave(
        session, pin == NULL && size != 0 ? CKR_ARGUMENTS_BAD : log_in(user, pin, size)));
}

CK_RV C_Logout(CK_SESSION_HANDLE handle)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    lock();
    rv = is_logged_in ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
    login_forget();
    unlock();
    return gives(session_leave(session, rv));
}
