#include "sessions.h"

#include <stdlib.h>

#include "claims.h"
#include "journal.h"
#include "login.h"
#include "token.h"

static struct session *first;
static CK_SESSION_HANDLE last_handle;

void finding_end(struct session *session)
{
    free(session->found);
    session->found = NULL;
    session->is_finding = 0;
}

static void free_session(struct session *session)
{
    operation_end(&session->signing);
    operation_end(&session->verifying);
    finding_end(session);
    pthread_mutex_destroy(&session->mutex);
    free(session);
}

static struct session **place_of(CK_SESSION_HANDLE handle)
{
    struct session **place = &first;
    while (*place != NULL && (*place)->handle != handle)
        place = &(*place)->next;
    return place;
}

/* Take it from the list. Whether nobody was in a call. Under the lock. */
static int close_at(struct session **place)
{
    struct session *session = *place;
    *place = session->next;
    session->is_closed = 1;
    if (session->calls != 0)
        return 0;
    free_session(session);
    return 1;
}

static int is_closed(const struct session *session)
{
    lock();
    int answer = session->is_closed;
    unlock();
    return answer;
}

CK_RV session_enter(CK_SESSION_HANDLE handle, struct session **session)
{
    CK_RV rv = library_in_use();
    if (rv != CKR_OK)
        return rv;
    lock();
    *session = *place_of(handle);
    if (*session != NULL)
        (*session)->calls++;
    unlock();
    if (*session == NULL)
        return CKR_SESSION_HANDLE_INVALID;
    pthread_mutex_lock(&(*session)->mutex);
    return is_closed(*session) ? session_leave(*session, CKR_SESSION_CLOSED) : CKR_OK;
}

CK_RV session_leave(struct session *session, CK_RV rv)
{
    pthread_mutex_unlock(&session->mutex);
    lock();
    if (--session->calls == 0 && session->is_closed)
        free_session(session);
    unlock();
    return rv;
}

CK_ULONG sessions_with(CK_FLAGS flags)
{
    CK_ULONG count = 0;
    lock();
    for (struct session *each = first; each != NULL; each = each->next)
        count += (each->flags & flags) == flags;
    unlock();
    return count;
}

int sessions_close_all(void)
{
    int is_free = 1;
    while (first != NULL)
        is_free &= close_at(&first);
    return is_free;
}

void sessions_abandon(void)
{
    first = NULL;
}

static void add(struct session *session)
{
    lock();
    session->handle = ++last_handle;
    session->next = first;
    first = session;
    unlock();
}

CK_RV C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                    CK_SESSION_HANDLE *handle)
{
    (void)application;
    (void)notify;
    CK_RV rv = token_check(slot);
    if (rv != CKR_OK)
        return gives(rv);
    if (handle == NULL)
        return gives(CKR_ARGUMENTS_BAD);
    if (!(flags & CKF_SERIAL_SESSION))
        return gives(CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    if (flags & ~(CKF_SERIAL_SESSION | CKF_RW_SESSION))
        return gives(CKR_ARGUMENTS_BAD);
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return gives(CKR_HOST_MEMORY);
    session->flags = flags;
    pthread_mutex_init(&session->mutex, NULL);
    add(session);
    *handle = session->handle;
    return gives(CKR_OK);
}

/* A session takes its keys with it, the last one the login. */
CK_RV C_CloseSession(CK_SESSION_HANDLE handle)
{
    CK_RV rv = library_in_use();
    if (rv != CKR_OK)
        return gives(rv);
    lock();
    struct session **place = place_of(handle);
    if (*place == NULL)
        rv = CKR_SESSION_HANDLE_INVALID;
    else
        close_at(place);
    if (first == NULL)
        login_forget();
    unlock();
    if (rv == CKR_OK)
        claims_end(handle);
    return gives(rv);
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot)
{
    CK_RV rv = token_check(slot);
    if (rv != CKR_OK)
        return gives(rv);
    lock();
    sessions_close_all();
    login_forget();
    unlock();
    claims_end(CK_INVALID_HANDLE);
    return gives(CKR_OK);
}

static CK_STATE state_of(const struct session *session)
{
    if (session->flags & CKF_RW_SESSION)
        return logged_in() ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION;
    return logged_in() ? CKS_RO_USER_FUNCTIONS : CKS_RO_PUBLIC_SESSION;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    if (info == NULL)
        return gives(session_leave(session, CKR_ARGUMENTS_BAD));
    *info = (CK_SESSION_INFO){.slotID = SLOT, .state = state_of(session), .flags = session->flags};
    return gives(session_leave(session, CKR_OK));
}

CK_RV C_SessionCancel(CK_SESSION_HANDLE handle, CK_FLAGS flags)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    if (rv != CKR_OK)
        return gives(rv);
    if (flags & CKF_SIGN)
        operation_end(&session->signing);
    if (flags & CKF_VERIFY)
        operation_end(&session->verifying);
    if (flags & CKF_FIND_OBJECTS)
        finding_end(session);
    return gives(session_leave(session, CKR_OK));
}

/* Nothing has ever run beside its caller (PKCS #11 5.20). */
CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE handle)
{
    struct session *session;
    CK_RV rv = session_enter(handle, &session);
    return gives(rv != CKR_OK ? rv : session_leave(session, CKR_FUNCTION_NOT_PARALLEL));
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE handle)
{
    return C_GetFunctionStatus(handle);
}
