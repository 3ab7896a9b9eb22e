/* Numbers of frames and of their fields. */
#include "numbers.h"

#include "bridge.h"

void sm_put_u32(unsigned char *bytes, uint32_t number) {
    for (int index = 0; index < 4; index++)
        bytes[index] = (unsigned char)(number >> (24 - 8 * index));
}

uint32_t sm_get_u32(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

void sm_put_number(unsigned char bytes[8], unsigned long long number) {
    sm_put_u32(bytes, (uint32_t)(number >> 32));
    sm_put_u32(bytes + 4, (uint32_t)number);
}

unsigned long long sm_number(const struct sm_field *field) {
    const unsigned char *bytes = field->data;
    if (field->size != 8)
        return 0;
    return (unsigned long long)sm_get_u32(bytes) << 32 | sm_get_u32(bytes + 4);
}
