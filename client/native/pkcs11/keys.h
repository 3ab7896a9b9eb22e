/* The keys that this process has met. One key is two objects: its public and its private half. */
#ifndef SEEMACHINE_PKCS11_KEYS_H
#define SEEMACHINE_PKCS11_KEYS_H

#include "bytes.h"
#include "library.h"

struct key {
    CK_ULONG number;
    CK_KEY_TYPE type;
    CK_SESSION_HANDLE session; /* whose key it is; CK_INVALID_HANDLE for one of the token */
    /* Texts; the hash is in hexadecimal digits, and the last names the private half. */
    char *alias, *hash, *private_name;
    struct bytes label, id, value; /* CKA_LABEL, CKA_ID, CKA_VALUE of the public half */
    size_t signature_size;
    CK_ULONG lms_type, lmots_type, parameter_set; /* those of its type */
    int is_protected;                             /* by a card set */
    int is_gone;                                  /* under the lock */
    struct key *next;
};

/* Keys found, in an array that the caller frees; the keys stay. */
struct key_list {
    struct key **keys;
    size_t count;
};

/* Look at the world: all its keys, or the one of an alias. None of them is found as an empty list,
   and so is a key of an algorithm that the module does not know, or one whose file is damaged while
   others are asked for. */
CK_RV keys_all(struct key_list *found);
CK_RV keys_named(const void *alias, size_t size, struct key_list *found);

/* CKR_OK while its alias means this key and no other that was made after it. */
CK_RV key_check(struct key *key);

/* A key met before, or NULL; one that is gone is not met again. */
struct key *key_numbered(CK_ULONG number);
void key_is_gone(struct key *key);
void keys_are_gone(const char *alias);

/* Under the lock. */
void keys_free(void);
void keys_abandon(void);

#endif
