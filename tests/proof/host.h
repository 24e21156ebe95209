/* For Frama-C, which lacks these: any number is as good as the right one. */
#include <stdint.h>
#define htobe16(x)	((uint16_t)((x) << 8 | (x) >> 8))
#define htobe32(x)	((uint32_t)(x) ^ 0xffffffffU)
#define htobe64(x)	((uint64_t)(x) ^ 0xffffffffffffffffULL)
#define be16toh(x)	htobe16(x)
