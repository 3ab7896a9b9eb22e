/* Loading starts nothing; the first command that needs the helper does. */
#include <acorn.h>

#include "bridge.h"

__attribute__((constructor)) int acorn_init(void)
{
    return 0;
}

__attribute__((destructor)) void acorn_cleanup(void)
{
    sm_close();
}
