/* The correction of a real scan, the tooth, against the formula in double on the raw frames. */
#include <math.h>
#include <stdlib.h>

#include "core/array.h"
#include "ct/correct_cases.h"
#include "kvox/io.h"

static double mean_frame(const kvox_array *frames, int64_t row, int64_t column) {
  double sum = 0;
  for (int64_t i = 0; i < frames->shape[0]; i++) {
    sum += kvox_element(kvox_array_at(frames, 3, (const int64_t[]){i, row, column}), frames->type);
  }
  return sum / (double)frames->shape[0];
}

/* Three roundings of 2^-24 and 1 ulp of the logarithm; the counts have 16 bits. */
static void compare_row(const kvox_io_scan *scan, int64_t view, int64_t row, const float *got) {
  const kvox_array *counts = kvox_io_scan_projections(scan);
  for (int64_t i = 0; i < counts->shape[2]; i++) {
    const double dark = mean_frame(kvox_io_scan_dark(scan), row, i);
    const double flat = mean_frame(kvox_io_scan_flat(scan), row, i);
    const double count = kvox_element(kvox_array_at(counts, 3, (const int64_t[]){view, row, i}), counts->type);
    const double truth = log((flat - dark) / fmax(count - dark, 1));
    assert_close((double)got[i], truth, 4 * 0x1p-24 + fabs(truth) * 0x1p-23);
  }
}

static void test_tooth(void **state) {
  const char *folder = getenv("KVOX_DATA");
  if (folder == NULL || folder[0] == '\0') {
    printf("skipped: the real tooth, because KVOX_DATA is not set\n");
    skip();
  }
  char path[4096];
  snprintf(path, sizeof path, "%s/ct/tooth.h5", folder);
  kvox_io_scan *scan = NULL;
  assert_ok(kvox_io_read_scan(*state, path, &scan));
  kvox_ct_correction *correction = correction_of(*state, kvox_io_scan_dark(scan), kvox_io_scan_flat(scan), NULL, 0);
  assert_int_equal(kvox_ct_correction_bad_pixels(correction), 0);
  const kvox_array *counts = kvox_io_scan_projections(scan);
  const int64_t *shape = counts->shape;
  float *result = malloc((size_t)kvox_array_elements(counts) * sizeof *result);
  assert_non_null(result);
  const kvox_array out = dense(result, KVOX_F32, 3, shape[0], shape[1], shape[2]);
  assert_ok(kvox_ct_correct(*state, correction, counts, &out));

  enum { AIR = 10 }; /* columns on either side that the object never reaches */
  double air = 0, thickest = 0;
  for (int64_t view = 0; view < shape[0]; view++) {
    for (int64_t row = 0; row < shape[1]; row++) {
      const float *line = result + (view * shape[1] + row) * shape[2];
      compare_row(scan, view, row, line);
      for (int64_t i = 0; i < AIR; i++) {
        air += (double)line[i] + (double)line[shape[2] - 1 - i];
      }
      for (int64_t i = 0; i < shape[2]; i++) {
        thickest = fmax(thickest, (double)line[i]);
      }
    }
  }
  air /= (double)(2 * AIR * shape[0] * shape[1]);
  printf("the tooth: %.4f in air, at most %.3f\n", air, thickest);
  /* Air attenuates nothing: what is left is the drift of the beam between flat frames and scan. */
  assert_close(air, 0, 0.02 * thickest);
  free(result);
  kvox_ct_correction_destroy(correction);
  kvox_io_scan_destroy(scan);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_tooth)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
