#include "mri/echoes.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"

kvox_status kvox_mri_check_echoes(const char *name, int64_t echoes, const double *echo_times_ms) {
  char number[KVOX_NUMBER_BYTES], before[KVOX_NUMBER_BYTES];
  if (echo_times_ms == NULL) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: echo_times_ms is NULL", name);
  }
  if (echoes < 2) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: there is %" PRId64 " echo, two or more are needed", name, echoes);
  }
  for (int64_t e = 0; e < echoes; e++) {
    const double time = echo_times_ms[e];
    if (!(time >= 0 && isfinite(time)) || (e > 0 && !(time > echo_times_ms[e - 1]))) {
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "%s: echo_times_ms[%" PRId64 "] is %s, must be finite, not negative and greater than %s", name,
                       e, kvox_number(time, number), e > 0 ? kvox_number(echo_times_ms[e - 1], before) : "nothing");
    }
  }
  return KVOX_OK;
}

double kvox_mri_shortest_step(int64_t echoes, const double *echo_times_ms) {
  double shortest = INFINITY;
  for (int64_t e = 1; e < echoes; e++) {
    shortest = fmin(shortest, echo_times_ms[e] - echo_times_ms[e - 1]);
  }
  return shortest;
}

kvox_status kvox_mri_check_map(const kvox_ocl *ocl, const kvox_array *map, const char *name, const kvox_array *images,
                               int32_t axes) {
  int64_t shape[KVOX_MAX_RANK] = {0};
  const int32_t rank = images->rank - axes, leading = rank - 3;
  memcpy(shape, images->shape, sizeof *shape * (size_t)leading);
  memcpy(shape + leading, images->shape + images->rank - 3, sizeof *shape * 3);
  KVOX_TRY(
      kvox_array_check_shape(map, name, KVOX_TYPE_BIT(KVOX_F32) | (ocl != NULL ? KVOX_ON_DEVICE_TOO : 0), rank, shape));
  KVOX_TRY(kvox_ocl_check_place(ocl, map, name));
  KVOX_TRY(kvox_array_check_result(map, name));
  return kvox_array_check_apart(images, "the images", map, "the map");
}
