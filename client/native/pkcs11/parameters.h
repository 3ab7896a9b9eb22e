/* Parameter sets by number: their names as the helper has them, and how long signatures are. */
#ifndef SEEMACHINE_PKCS11_PARAMETERS_H
#define SEEMACHINE_PKCS11_PARAMETERS_H

#include "library.h"

enum { NAME_ROOM = 64, LEVEL_BYTES = 4 };

/* The algorithm of typecodes (RFC 8554, SP 800-208), such as lms:sha256_m32_h10:sha256_n32_w8.
 * Whether there is one. */
int lms_algorithm(char name[NAME_ROOM], CK_ULONG lms_type, CK_ULONG lmots_type);

/* Bytes of an HSS signature of one level; 0 for typecodes that nobody knows. */
size_t hss_signature_size(CK_ULONG lms_type, CK_ULONG lmots_type);

/* FIPS 204 table 2. */
struct mldsa_set {
    CK_ULONG number;
    const char *name;
    size_t public_key, signature;
};

/* By number or by the size of a public key; NULL when there is none. */
const struct mldsa_set *mldsa_numbered(CK_ULONG number);
const struct mldsa_set *mldsa_sized(size_t public_key);

#endif
