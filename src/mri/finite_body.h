/* For vector bodies, after cpu/vec.h: finite numbers times 0 add up to 0; one that is not leaves NaN. */
#ifndef KVOX_MRI_FINITE_BODY_H
#define KVOX_MRI_FINITE_BODY_H

#include <stdbool.h>

static inline bool all_zero(vf x) {
  float lanes[VL];
  vf_store(lanes, x);
  bool zero = true;
  for (int i = 0; i < VL; i++) {
    zero = zero && lanes[i] == 0;
  }
  return zero;
}

#endif
