/* The vector body; see correct.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec_finite.h"
#include "cpu/vec_math.h"
#include "ct/correct.h"

static inline vf line_integrals(vf count, vf dark, vf inverse_gain, vf least) {
  const vf above = vf_max(least, vf_sub(count, dark));
  const vf p = vf_sub(vf_zero(), vf_log(vf_mul(above, inverse_gain)));
  return vf_fma(count, vf_zero(), p); /* p, or NaN where the count is not finite */
}

static bool counts(const float *dark, const float *inverse_gain, float least, int64_t columns, float *samples) {
  const vf lowest = vf_set(least);
  vf sum = vf_zero();
  int64_t i = 0;
  for (; i + VL <= columns; i += VL) {
    const vf p = line_integrals(vf_load(samples + i), vf_load(dark + i), vf_load(inverse_gain + i), lowest);
    sum = vf_fma(p, vf_zero(), sum);
    vf_store(samples + i, p);
  }
  if (i < columns) {
    const int64_t left = columns - i;
    const vf p = line_integrals(vf_load_part(samples + i, left), vf_load_part(dark + i, left),
                                vf_load_part(inverse_gain + i, left), lowest);
    sum = vf_fma(p, vf_zero(), sum);
    vf_store_part(samples + i, p, left);
  }
  return all_zero(sum);
}

static bool finite(int64_t columns, const float *samples) {
  vf sum = vf_zero();
  int64_t i = 0;
  for (; i + VL <= columns; i += VL) {
    sum = vf_fma(vf_load(samples + i), vf_zero(), sum);
  }
  if (i < columns) {
    sum = vf_fma(vf_load_part(samples + i, columns - i), vf_zero(), sum);
  }
  return all_zero(sum);
}

const kvox_correct_kernels KERNELS = {counts, finite};
