/* Questions to the helper, and how PKCS #11 says its refusals: the one place that does. */
#ifndef SEEMACHINE_PKCS11_REFUSALS_H
#define SEEMACHINE_PKCS11_REFUSALS_H

#include "bridge.h"
#include "library.h"

/* Ask for an operation. On CKR_OK the reply has at least `least` fields, and the caller frees it;
 * else there is nothing to free. */
CK_RV ask(const char *operation, const struct sm_field *fields, size_t count, size_t least,
          struct sm_reply *reply);

/* Fields of a text that ends with zero, and of bytes, where NULL is none of them. */
struct sm_field text(const char *characters);
struct sm_field bytes(const void *data, size_t size);

#endif
