#include "parameters.h"

#include <stdio.h>

/* Typecodes go by hash and length in one order: SHA-256 and SHAKE256, 32 and 24 bytes. */
static const struct family {
    const char *hash;
    unsigned n;
    unsigned chains[4]; /* p of w = 1, 2, 4, 8 */
} families[] = {
    {"sha256", 32, {265, 133, 67, 34}},
    {"sha256", 24, {200, 101, 51, 26}},
    {"shake", 32, {265, 133, 67, 34}},
    {"shake", 24, {200, 101, 51, 26}},
};
enum { FAMILIES = 4, HEIGHTS = 5, WIDTHS = 4, FIRST_LMS = 5, FIRST_LMOTS = 1 };

/* Of both typecodes, when they are of one family; else NULL. */
static const struct family *family_of(CK_ULONG lms_type, CK_ULONG lmots_type)
{
    if (lms_type < FIRST_LMS || lmots_type < FIRST_LMOTS)
        return NULL;
    CK_ULONG family = (lms_type - FIRST_LMS) / HEIGHTS;
    return family < FAMILIES && family == (lmots_type - FIRST_LMOTS) / WIDTHS ? &families[family]
                                                                              : NULL;
}

static unsigned height_of(CK_ULONG lms_type)
{
    return 5 * (unsigned)((lms_type - FIRST_LMS) % HEIGHTS + 1);
}

int lms_algorithm(char name[NAME_ROOM], CK_ULONG lms_type, CK_ULONG lmots_type)
{
    const struct family *family = family_of(lms_type, lmots_type);
    if (family == NULL)
        return 0;
    unsigned width = 1u << (lmots_type - FIRST_LMOTS) % WIDTHS;
    snprintf(name, NAME_ROOM, "lms:%s_m%u_h%u:%s_n%u_w%u", family->hash, family->n,
             height_of(lms_type), family->hash, family->n, width);
    return 1;
}

/* RFC 8554 5.4 and 6.2: no levels below, leaf, LM-OTS typecode, C, chains, LMS typecode, path. */
size_t hss_signature_size(CK_ULONG lms_type, CK_ULONG lmots_type)
{
    const struct family *family = family_of(lms_type, lmots_type);
    if (family == NULL)
        return 0;
    size_t chains = family->chains[(lmots_type - FIRST_LMOTS) % WIDTHS];
    return LEVEL_BYTES + 12 + family->n * (1 + chains + height_of(lms_type));
}

static const struct mldsa_set sets[] = {
    {CKP_ML_DSA_44, "mldsa44", 1312, 2420},
    {CKP_ML_DSA_65, "mldsa65", 1952, 3309},
    {CKP_ML_DSA_87, "mldsa87", 2592, 4627},
};
enum { SETS = sizeof sets / sizeof *sets };

const struct mldsa_set *mldsa_numbered(CK_ULONG number)
{
    for (size_t index = 0; index < SETS; index++)
        if (sets[index].number == number)
            return &sets[index];
    return NULL;
}

const struct mldsa_set *mldsa_sized(size_t public_key)
{
    for (size_t index = 0; index < SETS; index++)
        if (sets[index].public_key == public_key)
            return &sets[index];
    return NULL;
}
