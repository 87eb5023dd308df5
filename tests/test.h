/* cmocka with what it needs before it, and what every test of a status says. */
#ifndef KVOX_TESTS_TEST_H
#define KVOX_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* After those. */
#include <cmocka.h>

#include "kvox/base.h"

/* The call succeeds; its sentence is shown when it does not. */
#define assert_ok(call)                                                               \
  do {                                                                                \
    const kvox_status status_ = (call);                                               \
    if (status_ != KVOX_OK) {                                                         \
      fail_msg("%s: %s (%s)", #call, kvox_status_string(status_), kvox_last_error()); \
    }                                                                                 \
  } while (0)

/* The call fails with this status, and its sentence holds these words. */
#define assert_fails(expected, words, call)                                                                  \
  do {                                                                                                       \
    const kvox_status status_ = (call);                                                                      \
    if (status_ != (expected) || strstr(kvox_last_error(), (words)) == NULL) {                               \
      fail_msg("%s: %s (%s), must be %s with \"%s\"", #call, kvox_status_string(status_), kvox_last_error(), \
               kvox_status_string(expected), (words));                                                       \
    }                                                                                                        \
  } while (0)

/* Two doubles within a tolerance; NaN never is. */
#define assert_close(a, b, tolerance)                                                    \
  do {                                                                                   \
    const double a_ = (a), b_ = (b);                                                     \
    if (!(a_ - b_ <= (tolerance) && b_ - a_ <= (tolerance))) {                           \
      fail_msg("%s is %.17g, must be %.17g within %g", #a, a_, b_, (double)(tolerance)); \
    }                                                                                    \
  } while (0)

#endif
