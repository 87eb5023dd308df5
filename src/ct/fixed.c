#include "ct/fixed.h"

#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "core/size.h"

static int64_t to_fixed(double columns) { return llround(ldexp(columns, KVOX_FIXED_BITS)); }

/* Farther than any column. */
static const int64_t beyond = (2 * KVOX_FIXED_COLUMNS) << KVOX_FIXED_BITS;

bool kvox_fixed_line_make(const kvox_ct_line *line, const int64_t end[2], kvox_fixed_line *fixed) {
  const double x = line->a * (double)(kvox_round_up(end[0], KVOX_TILE) - 1);
  const double y = line->b * (double)(kvox_round_up(end[1], KVOX_TILE) - 1);
  const double most = (double)KVOX_FIXED_COLUMNS;
  const double lowest = line->c + fmin(x, 0) + fmin(y, 0), highest = line->c + fmax(x, 0) + fmax(y, 0);
  if (lowest > most || highest < -most) {
    *fixed = (kvox_fixed_line){.c = lowest > most ? beyond : -beyond};
    return true;
  }
  /* NaN too. */
  if (!(lowest >= -most && highest <= most)) {
    return false;
  }
  *fixed = (kvox_fixed_line){to_fixed(line->a), to_fixed(line->b), to_fixed(line->c)};
  return true;
}

kvox_status kvox_fixed_line_fail(const char *name, int64_t view) {
  return kvox_fail(KVOX_ERROR_GEOMETRY,
                   "%s: the grid reaches over the detector and more than %" PRId64 " columns beyond it in view %" PRId64
                   "; check the units of spacing",
                   name, KVOX_FIXED_COLUMNS, view);
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

bool kvox_fixed_place_meets(const kvox_fixed_place *place, int64_t columns) {
  const int64_t one = (int64_t)1 << KVOX_FIXED_BITS;
  /* s in float is the sum of five numbers that were each rounded to 2^-24 of what is at most the tile's reach. */
  const int64_t rounding = (place->highest - place->lowest + 2 * one) >> 20;
  return place->highest + rounding > -one && (place->lowest - rounding) >> KVOX_FIXED_BITS < columns;
}
