/* For vector bodies: finite numbers times 0 add up to 0; one that is not leaves NaN. (A maximum would swallow it.) */
#ifndef KVOX_CPU_VEC_FINITE_H
#define KVOX_CPU_VEC_FINITE_H

#include <stdbool.h>

#include "cpu/vec.h"

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
