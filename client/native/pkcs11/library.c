#include "library.h"

#include <pthread.h>
#include <string.h>

#include "bridge.h"
#include "claims.h"
#include "journal.h"
#include "keys.h"
#include "login.h"
#include "sessions.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t watched = PTHREAD_ONCE_INIT;
static int is_initialized;

void lock(void)
{
    pthread_mutex_lock(&mutex);
}

void unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

CK_RV library_in_use(void)
{
    lock();
    int answer = is_initialized;
    unlock();
    return answer ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}

/* A child has none of the other threads. What they were in the middle of is left as it is: only
 * forgotten, never freed. */
static void forget_the_parent(void)
{
    pthread_mutex_init(&mutex, NULL);
    is_initialized = 0;
    sessions_abandon();
    claims_abandon();
    keys_abandon();
    login_forget();
}

static void watch_forks(void)
{
    pthread_atfork(lock, unlock, forget_the_parent);
}

/* Whether we can lock as it wants: the system's mutexes, or none. Those of the application alone
 * would serve too little. */
static CK_RV check_arguments(const CK_C_INITIALIZE_ARGS *args)
{
    int supplied =
        !!args->CreateMutex + !!args->DestroyMutex + !!args->LockMutex + !!args->UnlockMutex;
    if (args->pReserved != NULL || (supplied != 0 && supplied != 4))
        return CKR_ARGUMENTS_BAD;
    return supplied && !(args->flags & CKF_OS_LOCKING_OK) ? CKR_CANT_LOCK : CKR_OK;
}

/* Starts no helper: many programs load every module that they find, and use one. */
CK_RV C_Initialize(void *arguments)
{
    CK_RV rv = arguments == NULL ? CKR_OK : check_arguments(arguments);
    if (rv != CKR_OK)
        return gives(rv);
    pthread_once(&watched, watch_forks);
    lock();
    rv = is_initialized ? CKR_CRYPTOKI_ALREADY_INITIALIZED : CKR_OK;
    is_initialized = 1;
    unlock();
    return gives(rv);
}

/* Whether it was in use, and whether nobody is in a call any more. */
static int leave(int *is_free)
{
    lock();
    int was_initialized = is_initialized;
    is_initialized = 0;
    *is_free = sessions_close_all();
    login_forget();
    unlock();
    return was_initialized;
}

/* Keys of sessions end before the helper does, and memory that nobody uses after it. */
CK_RV C_Finalize(void *reserved)
{
    int is_free;
    if (reserved != NULL)
        return gives(CKR_ARGUMENTS_BAD);
    if (!leave(&is_free))
        return gives(CKR_CRYPTOKI_NOT_INITIALIZED);
    claims_end(CK_INVALID_HANDLE);
    sm_close();
    lock();
    if (is_free)
        keys_free();
    else
        keys_abandon();
    unlock();
    return gives(CKR_OK);
}

void padded(CK_UTF8CHAR *field, size_t size, const char *text)
{
    size_t length = strlen(text);
    memset(field, ' ', size);
    memcpy(field, text, length < size ? length : size);
}

CK_RV C_GetInfo(CK_INFO *info)
{
    CK_RV rv = library_in_use();
    if (rv != CKR_OK)
        return gives(rv);
    if (info == NULL)
        return gives(CKR_ARGUMENTS_BAD);
    memset(info, 0, sizeof *info);
    info->cryptokiVersion = (CK_VERSION){3, 2};
    info->libraryVersion = (CK_VERSION){1, 4};
    padded(info->manufacturerID, sizeof info->manufacturerID, "seemachine");
    padded(info->libraryDescription, sizeof info->libraryDescription, "seemachine mock HSM fleet");
    return gives(CKR_OK);
}
