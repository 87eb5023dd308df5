#include "ct/fixed.h"

#include <math.h>

#include "core/size.h"

static int64_t to_fixed(double columns) { return llround(ldexp(columns, KVOX_FIXED_BITS)); }

bool kvox_fixed_line_make(const kvox_ct_line *line, const int64_t end[2], kvox_fixed_line *fixed) {
  const double x = (double)(kvox_round_up(end[0], KVOX_TILE) - 1), y = (double)(kvox_round_up(end[1], KVOX_TILE) - 1);
  const double corners[] = {line->c, line->c + line->a * x, line->c + line->b * y, line->c + line->a * x + line->b * y};
  for (int i = 0; i < 4; i++) {
    /* NaN too. */
    if (!(fabs(corners[i]) <= (double)KVOX_FIXED_COLUMNS)) {
      return false;
    }
  }
  *fixed = (kvox_fixed_line){to_fixed(line->a), to_fixed(line->b), to_fixed(line->c)};
  return true;
}

/* Sums on the way may pass 64 bits, what they come to does not: unsigned numbers wrap. */
kvox_fixed_place kvox_fixed_line_place(const kvox_fixed_line *line, const int64_t corner[2]) {
  const uint64_t a = (uint64_t)line->a, b = (uint64_t)line->b;
  const uint64_t s = a * (uint64_t)corner[0] + b * (uint64_t)corner[1] + (uint64_t)line->c;
  const uint64_t across = a * (KVOX_TILE - 1), down = b * (KVOX_TILE - 1);
  const uint64_t lowest = s + (line->a < 0 ? across : 0) + (line->b < 0 ? down : 0);
  const uint64_t highest = s + (line->a < 0 ? 0 : across) + (line->b < 0 ? 0 : down);
  const int64_t column = (int64_t)lowest >> KVOX_FIXED_BITS;
  return (kvox_fixed_place){
      .column = column,
      .lowest = (int64_t)lowest,
      .highest = (int64_t)highest,
      .base = ldexpf((float)(int64_t)(s - ((uint64_t)column << KVOX_FIXED_BITS)), -KVOX_FIXED_BITS)};
}
