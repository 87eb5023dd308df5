/* What a slice holds of a disc about its middle, for the bars of uniformity. */
#ifndef KVOX_TESTS_CT_DISC_H
#define KVOX_TESTS_CT_DISC_H

#include <math.h>
#include <stdint.h>

typedef struct disc_values {
  double mean, highest, lowest; /* of 5 x 5 means */
} disc_values;

static inline disc_values look_at(const float *slice, int64_t n, double radius) {
  const double middle = 0.5 * (double)(n - 1);
  double sum = 0, count = 0;
  disc_values v = {0, -1e30, 1e30};
  for (int64_t j = 2; j < n - 2; j++) {
    for (int64_t i = 2; i < n - 2; i++) {
      if (hypot((double)i - middle, (double)j - middle) >= radius) {
        continue;
      }
      double block = 0;
      for (int64_t y = -2; y <= 2; y++) {
        for (int64_t x = -2; x <= 2; x++) {
          block += (double)slice[(j + y) * n + i + x] / 25;
        }
      }
      v.highest = fmax(v.highest, block);
      v.lowest = fmin(v.lowest, block);
      sum += (double)slice[j * n + i];
      count++;
    }
  }
  v.mean = sum / count;
  return v;
}

#endif
