/* Complex numbers of the filter's oracle. */
#ifndef KVOX_CT_FILTER_REF_H
#define KVOX_CT_FILTER_REF_H

#include "ct/filter.h"

typedef struct number {
  float re, im;
} number;

static inline number plus(number a, number b) { return (number){a.re + b.re, a.im + b.im}; }
static inline number minus(number a, number b) { return (number){a.re - b.re, a.im - b.im}; }

/* a plus and minus i b */
static inline number plus_i(number a, number b) { return (number){a.re - b.im, a.im + b.re}; }
static inline number minus_i(number a, number b) { return (number){a.re + b.im, a.im - b.re}; }

static inline number lane_get(const float *at) { return (number){at[0], at[KVOX_FILTER_LANES]}; }

static inline void lane_put(float *at, number x) {
  at[0] = x.re;
  at[KVOX_FILTER_LANES] = x.im;
}

#endif
