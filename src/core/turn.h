/* Complex numbers of modulus 1 by their turns. */
#ifndef KVOX_CORE_TURN_H
#define KVOX_CORE_TURN_H

#include <math.h>

/* exp(2 pi i cycles). Whole turns are taken off first: they are exact, and large arguments lose digits. */
static inline void kvox_turn(double cycles, double out[2]) {
  const double angle = 6.283185307179586 * (cycles - nearbyint(cycles));
  out[0] = cos(angle);
  out[1] = sin(angle);
}

#endif
