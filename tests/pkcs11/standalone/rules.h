/* What the rules share: checks, one session, and how to come to a key. */
#ifndef RULES_H
#define RULES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_bridge.h"
#include "seemachine-pkcs11.h"

#define CHECK(fact) \
    do { \
        if (!(fact)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #fact); \
            exit(1); \
        } \
    } while (0)
#define GIVES(value, call) \
    do { \
        CK_RV got = (call); \
        if (got != (value)) { \
            fprintf(stderr, "%s:%d: 0x%lx, not %s: %s\n", __FILE__, __LINE__, got, #value, #call); \
            exit(1); \
        } \
    } while (0)
#define OK(call) GIVES(CKR_OK, call)

enum { HSS_SIGNATURE = 1296, RW = CKF_SERIAL_SESSION | CKF_RW_SESSION };

extern CK_FUNCTION_LIST_3_2 *p11;
extern CK_MECHANISM hss, mldsa;
extern CK_BYTE data[9];
extern CK_SESSION_HANDLE session;

/* Initialize, and open the session. */
void start(void);

/* All that a template finds, up to `room` of them; one half of a key; a number that an object has.
 */
CK_ULONG find(CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *found, CK_ULONG room);
CK_OBJECT_HANDLE object(const char *alias, CK_OBJECT_CLASS class);
CK_ULONG number(CK_OBJECT_HANDLE which, CK_ATTRIBUTE_TYPE type);

/* Start with one LMS key, `k`; its private half. */
CK_OBJECT_HANDLE lms_key(void);

void rule_sizes(void);
void rule_interfaces(void);
void rule_initializing(void);
void rule_slots(void);
void rule_mechanisms(void);
void rule_sessions(void);
void rule_buffers(void);
void rule_parts(void);
void rule_names(void);
void rule_refusals(void);
void rule_keys(void);
void rule_contexts(void);
void rule_verifying(void);
void rule_attributes(void);
void rule_finding(void);
void rule_generating(void);
void rule_generating_mldsa(void);
void rule_identifiers(void);
void rule_session_keys(void);
void rule_odd_templates(void);
void rule_strangers(void);
void rule_login(void);
void rule_forks(void);
void rule_threads(void);
void rule_closing(void);
void rule_journal(void);

#endif
