/* Numbers as text, the same under every locale. */
#ifndef KVOX_CORE_NUMBER_H
#define KVOX_CORE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Room for any double in 17 digits. */
enum { KVOX_NUMBER_BYTES = 32 };

/* As kvox_extend_format and kvox_extend_parse. */
char *kvox_format_number(double value, int32_t digits, char *text, size_t size);
const char *kvox_parse_number(const char *text, double *value);

/* A number for an error sentence: `char n[KVOX_NUMBER_BYTES]; ... kvox_number(x, n)`; six digits. */
static inline const char *kvox_number(double value, char text[KVOX_NUMBER_BYTES]) {
  return kvox_format_number(value, 6, text, KVOX_NUMBER_BYTES);
}

#endif
