#define _GNU_SOURCE /* newlocale, strtod_l */
#include "core/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *kvox_format_number(double value, int32_t digits, char *text, size_t size) {
  if (size == 0) {
    return text;
  }
  char raw[64];
  snprintf(raw, sizeof raw, "%.*g", digits < 1 ? 1 : digits > 17 ? 17 : (int)digits, value);
  size_t used = 0;
  for (const char *c = raw; *c != '\0' && used + 1 < size; c++) {
    const int plain = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || *c == '-' || *c == '+';
    /* Anything else is the locale's decimal mark, perhaps of several bytes. */
    if (plain) {
      text[used++] = *c;
    } else if (used == 0 || text[used - 1] != '.') {
      text[used++] = '.';
    }
  }
  text[used] = '\0';
  return text;
}

const char *kvox_parse_number(const char *text, double *value) {
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (plain == (locale_t)0) {
    return NULL;
  }
  char *end = NULL;
  const double parsed = strtod_l(text, &end, plain);
  freelocale(plain);
  if (end == text) {
    return NULL;
  }
  *value = parsed;
  return end;
}
