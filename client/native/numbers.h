/* Numbers of 4 bytes, big-endian, as frames have them. Private to the bridge. */
#ifndef SEEMACHINE_NUMBERS_H
#define SEEMACHINE_NUMBERS_H

#include <stdint.h>

void sm_put_u32(unsigned char *bytes, uint32_t number);
uint32_t sm_get_u32(const unsigned char *bytes);

#endif
