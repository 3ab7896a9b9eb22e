/* Compiles only where the header lays out what programs for the vendor's library were compiled for (LP64). */
#include <acorn.h>
#include <stddef.h>

#define SIZE(type, bytes) _Static_assert(sizeof(struct acorn_##type) == bytes, #type)
#define PLACE(type, member, bytes) _Static_assert(offsetof(struct acorn_##type, member) == bytes, #type "." #member)

SIZE(buffer, 16);
PLACE(buffer, ptr, 8);
SIZE(object_keyEntry, 16);
SIZE(request_getVersion, 4);
SIZE(request_list, 4);
SIZE(request_getPublic, 8);
SIZE(request_getPublicHash, 16);
SIZE(request_getKeyInfo, 8);
SIZE(request_generate, 32);
PLACE(request_generate, flags, 24);
SIZE(request_importKeypair, 64);
PLACE(request_importKeypair, publicKey, 16);
PLACE(request_importKeypair, token, 48);
PLACE(request_importKeypair, overwrite, 56);
SIZE(request_sign, 32);
SIZE(request_verify, 48);
SIZE(request_signImmediate, 40);
PLACE(request_signImmediate, token, 16);
SIZE(request_verifyImmediate, 56);
PLACE(request_verifyImmediate, algorithm, 16);
SIZE(request_see_getVersion, 4);
SIZE(response_getVersion, 8);
SIZE(response_list, 16);
PLACE(response_list, entries, 8);
SIZE(response_getPublic, 16);
SIZE(response_getPublicHash, 8);
SIZE(response_getKeyInfo, 48);
PLACE(response_getKeyInfo, publicKey, 16);
PLACE(response_getKeyInfo, privateBlob, 32);
SIZE(response_generate, 48);
PLACE(response_generate, privateKey, 32);
SIZE(response_importKeypair, 32);
SIZE(response_sign, 16);
SIZE(response_verify, 4);
SIZE(response_signImmediate, 16);
SIZE(response_verifyImmediate, 4);
SIZE(response_see_getVersion, 8);
SIZE(commandlist, 96);
SIZE(cmdlist, 96);
PLACE(commandlist, sign, 56);
PLACE(cmdlist, see_getVersion, 88);

_Static_assert(acorn_enum_generateFlags_overwrite == 0, "a bit number");
_Static_assert(acorn_enum_generateFlags_exportPrivate == 1, "a bit number");
_Static_assert(acorn_enum_generateFlags__LIMIT == 2, "how many there are");

/* The table of inline forms has one request form. */
static struct acorn_cmdlist list;
_Static_assert(_Generic(list.see_getVersion, acorn_commandfn_see_getVersion: 1, default: 0), "three arguments");

int main(void)
{
    return list.sign != NULL;
}
