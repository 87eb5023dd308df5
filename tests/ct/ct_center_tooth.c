/* The rotation centre of a real scan, the tooth, published as near column 296. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/array.h"
#include "kvox/io.h"
#include "kvox/kvox.h"
#include "test.h"

typedef struct tooth {
  kvox_context *context;
  kvox_io_scan *scan;
  float *samples; /* line integrals */
  kvox_array projections;
} tooth;

/* False, and said so, where there is no data. */
static bool open_tooth(tooth *t) {
  const char *folder = getenv("KVOX_DATA");
  if (folder == NULL || folder[0] == '\0') {
    printf("skipped: the real tooth, because KVOX_DATA is not set\n");
    return false;
  }
  char path[4096];
  snprintf(path, sizeof path, "%s/ct/tooth.h5", folder);
  assert_ok(kvox_context_create(NULL, &t->context));
  assert_ok(kvox_io_read_scan(t->context, path, &t->scan));
  kvox_ct_correction_options options;
  kvox_ct_correction *correction = NULL;
  kvox_ct_correction_options_init(&options);
  options.dark = kvox_io_scan_dark(t->scan);
  options.flat = kvox_io_scan_flat(t->scan);
  assert_ok(kvox_ct_correction_create(t->context, &options, &correction));
  const kvox_array *counts = kvox_io_scan_projections(t->scan);
  t->samples = malloc((size_t)kvox_array_elements(counts) * sizeof *t->samples);
  assert_ok(kvox_array_init(&t->projections, t->samples, KVOX_F32, 3, counts->shape));
  assert_ok(kvox_ct_correct(t->context, correction, counts, &t->projections));
  kvox_ct_correction_destroy(correction);
  return true;
}

static void close_tooth(tooth *t) {
  free(t->samples);
  kvox_io_scan_destroy(t->scan);
  kvox_context_destroy(t->context);
}

/* The center in a part of the projections; with a negative step the columns run from right to left. */
static double center_of(const tooth *t, int64_t first_row, int64_t rows, int64_t first_column, int64_t columns,
                        int64_t column_step) {
  kvox_array part = t->projections;
  part.data = kvox_array_at(&t->projections, 3, (const int64_t[]){0, first_row, first_column});
  part.shape[1] = rows;
  part.shape[2] = columns;
  part.strides[2] *= column_step;
  kvox_ct_parallel_options options;
  kvox_ct_parallel_options_init(&options);
  options.views = part.shape[0];
  options.rows = rows;
  options.columns = columns;
  options.angles_deg = kvox_io_scan_angles_deg(t->scan);
  kvox_ct_geometry *geometry = NULL;
  double center = 0;
  assert_ok(kvox_ct_geometry_create_parallel(t->context, &options, &geometry));
  assert_ok(kvox_ct_find_center(t->context, geometry, NULL, &part, &center));
  kvox_ct_geometry_destroy(geometry);
  return center;
}

static void center_of_the_tooth(void **state) {
  (void)state;
  tooth t = {0};
  if (!open_tooth(&t)) {
    skip();
  }
  const double both = center_of(&t, 0, 2, 0, 640, 1);
  const double first = center_of(&t, 0, 1, 0, 640, 1), second = center_of(&t, 1, 1, 0, 640, 1);
  const double mirrored = center_of(&t, 0, 2, 639, 640, -1), cropped = center_of(&t, 0, 2, 15, 610, 1);
  printf("the tooth: center %.3f; rows %.3f, %.3f; mirrored %.3f, cropped %.3f\n", both, first, second, 639 - mirrored,
         15 + cropped);
  assert_close(both, 296, 0.5);
  /* One axis, whichever rows, seen from behind, on a narrower detector. */
  assert_close(first, second, 0.05);
  assert_close(639 - mirrored, both, 1e-3);
  assert_close(15 + cropped, both, 0.05);
  close_tooth(&t);
}

/* The real scan fits its geometry with the axis where it is, and is refused with the axis in the middle. */
static void tooth_fits_its_geometry(void **state) {
  (void)state;
  tooth t = {0};
  if (!open_tooth(&t)) {
    skip();
  }
  for (int right = 0; right < 2; right++) {
    kvox_ct_parallel_options options;
    kvox_ct_geometry *geometry = NULL;
    kvox_ct_consistency result;
    kvox_ct_parallel_options_init(&options);
    kvox_ct_consistency_init(&result);
    options.views = t.projections.shape[0];
    options.rows = t.projections.shape[1];
    options.columns = t.projections.shape[2];
    options.angles_deg = kvox_io_scan_angles_deg(t.scan);
    options.column_offset_px = right ? 296 - 0.5 * (double)(options.columns - 1) : 0;
    assert_ok(kvox_ct_geometry_create_parallel(t.context, &options, &geometry));
    char text[4096];
    const kvox_status status =
        kvox_ct_data_check(t.context, geometry, NULL, &t.projections, text, sizeof text, NULL, &result);
    printf("%s", text);
    assert_int_equal(status, right ? KVOX_OK : KVOX_ERROR_GEOMETRY);
    assert_int_equal(result.verdict, right ? KVOX_CT_DATA_FIT : KVOX_CT_DATA_FIT_ANOTHER);
    if (!right) {
      assert_int_equal(result.change, KVOX_CT_COLUMN_OFFSET);
      assert_close(result.amount, 296 - 0.5 * (double)(options.columns - 1), 2);
    }
    kvox_ct_geometry_destroy(geometry);
  }
  close_tooth(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(center_of_the_tooth), cmocka_unit_test(tooth_fits_its_geometry)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
