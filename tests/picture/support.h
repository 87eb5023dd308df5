/* What the picture tests share. */
#ifndef KVOX_TESTS_PICTURE_SUPPORT_H
#define KVOX_TESTS_PICTURE_SUPPORT_H

#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "kvox/kvox.h"

static inline kvox_array row_of(void *data, kvox_type type, int64_t count) {
  kvox_array array;
  assert_ok(kvox_array_init(&array, data, type, 1, &count));
  return array;
}

#endif
