/* Data held against geometries: exact projections of the true scanner, read as those of a wrong one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "ct/scan.h"
#include "kvox/kvox.h"

/* A scanner that was, and how its data are read. Lengths in mm; fan and cone: to_detector is not 0. */
typedef struct scanner {
  int32_t beam;
  int64_t views, rows, columns;
  double to_axis, to_detector, turn_deg, column_offset, row_offset;
} scanner;

typedef struct reading {
  int32_t verdict, change;
  double step_factor;     /* of the angles; 0: 1 */
  double more_columns;    /* added to the offset */
  double detector_factor; /* of the distance; 0: 1 */
  bool flip_columns, flip_rows, shuffle;
} reading;

static double factor_of(double factor) { return factor != 0 ? factor : 1; }

static kvox_ct_geometry *geometry_of(kvox_context *context, const scanner *s, const reading *r) {
  kvox_ct_geometry *geometry = NULL;
  const double step = s->turn_deg / (double)s->views * factor_of(r->step_factor);
  double *angles = calloc((size_t)s->views, sizeof *angles);
  int64_t *order = calloc((size_t)s->views, sizeof *order);
  uint64_t seed = 3;
  for (int64_t v = 0; v < s->views; v++) {
    const int64_t other = (int64_t)(random_bits(&seed) % (uint64_t)(v + 1));
    order[v] = order[other];
    order[other] = v;
  }
  for (int64_t v = 0; v < s->views; v++) {
    angles[v] = 11 + step * (double)(r->shuffle ? order[v] : v);
  }
  kvox_ct_cone_options o;
  kvox_ct_cone_options_init(&o);
  o.views = s->views;
  o.rows = s->rows;
  o.columns = s->columns;
  o.source_to_axis_mm = s->to_axis;
  o.source_to_detector_mm = s->to_detector * factor_of(r->detector_factor);
  o.column_pitch_mm = 1;
  o.column_offset_px = s->column_offset + r->more_columns;
  o.row_offset_px = s->row_offset;
  o.angles_deg = angles;
  if (s->beam == KVOX_CT_PARALLEL) {
    kvox_ct_parallel_options p;
    kvox_ct_parallel_options_init(&p);
    p.views = o.views;
    p.rows = o.rows;
    p.columns = o.columns;
    p.column_pitch_mm = o.column_pitch_mm;
    p.column_offset_px = o.column_offset_px;
    p.row_offset_px = o.row_offset_px;
    p.angles_deg = angles;
    assert_ok(kvox_ct_geometry_create_parallel(context, &p, &geometry));
  } else {
    assert_ok(
        (s->beam == KVOX_CT_FAN ? kvox_ct_geometry_create_fan : kvox_ct_geometry_create_cone)(context, &o, &geometry));
  }
  free(order);
  free(angles);
  return geometry;
}

typedef struct data {
  kvox_context *context;
  scanner scanner;
  float *samples;
  kvox_array projections;
} data;

/* `radius_mm` of a phantom whose ray sums are about `most` at most; photons 0: no noise. */
static data data_of(const scanner *s, const char *phantom, double radius_mm, double most, double photons) {
  data d = {.context = context_of_threads(1), .scanner = *s};
  const reading as_it_was = {.verdict = 0};
  const int64_t shape[3] = {s->views, s->rows, s->columns};
  kvox_ct_geometry *geometry = geometry_of(d.context, s, &as_it_was);
  kvox_phantom *p = NULL;
  d.samples = calloc((size_t)(shape[0] * shape[1] * shape[2]), sizeof *d.samples);
  assert_ok(kvox_array_init(&d.projections, d.samples, KVOX_F32, 3, shape));
  assert_ok(kvox_phantom_create(d.context, phantom, radius_mm, most / radius_mm, &p));
  assert_ok(kvox_ct_simulate(d.context, geometry, p, &d.projections));
  if (photons > 0) {
    assert_ok(kvox_ct_add_noise(d.context, photons, 5, &d.projections));
  }
  kvox_phantom_destroy(p);
  kvox_ct_geometry_destroy(geometry);
  return d;
}

static void data_end(data *d) {
  free(d->samples);
  kvox_context_destroy(d->context);
}

static kvox_array flipped(const kvox_array *array, int axis) {
  kvox_array a = *array;
  a.data = (char *)a.data + (a.shape[axis] - 1) * a.strides[axis];
  a.strides[axis] = -a.strides[axis];
  return a;
}

static kvox_status check(const data *d, const reading *r, kvox_ct_consistency *result, char *text, size_t size) {
  kvox_ct_geometry *geometry = geometry_of(d->context, &d->scanner, r);
  kvox_array array = d->projections;
  array = r->flip_columns ? flipped(&array, 2) : array;
  array = r->flip_rows ? flipped(&array, 1) : array;
  kvox_ct_consistency_init(result);
  const kvox_status status = kvox_ct_data_check(d->context, geometry, NULL, &array, text, size, NULL, result);
  kvox_ct_geometry_destroy(geometry);
  return status;
}

/* The verdict, the change and the status that go with it. */
static kvox_ct_consistency expect(const data *d, const char *name, const reading *r) {
  kvox_ct_consistency result;
  char text[4096];
  const kvox_status status = check(d, r, &result, text, sizeof text);
  const bool refused = result.verdict == KVOX_CT_DATA_FIT_ANOTHER || result.verdict == KVOX_CT_DATA_FIT_NONE;
  if (result.verdict != r->verdict || result.change != r->change || (status == KVOX_ERROR_GEOMETRY) != refused ||
      (status != KVOX_OK) != refused) {
    fail_msg("%s, beam %d over %g degrees, offset %g: status %d, verdict %d, change %d by %g\n%s", name,
             d->scanner.beam, d->scanner.turn_deg, d->scanner.column_offset, status, result.verdict, result.change,
             result.amount, text);
  }
  return result;
}

/* Every single mistake is named, and the right geometry passes; with a mirror image there is nothing to name. */
static void check_mistakes(const data *d, int *distances) {
  const scanner *s = &d->scanner;
  const bool parallel = s->beam == KVOX_CT_PARALLEL, centered = s->column_offset == 0;
  const bool half = s->turn_deg < 360;
  expect(d, "right", &(reading){.verdict = KVOX_CT_DATA_FIT});
  expect(d, "a part of a column", &(reading){.more_columns = 0.2});
  expect(d, "both flipped", &(reading){.step_factor = -1, .flip_columns = true, .more_columns = -2 * s->column_offset});
  expect(d, "shuffled", &(reading){.verdict = KVOX_CT_DATA_FIT_NONE, .shuffle = true});
  const kvox_ct_consistency moved =
      expect(d, "offset",
             &(reading){.verdict = KVOX_CT_DATA_FIT_ANOTHER, .change = KVOX_CT_COLUMN_OFFSET, .more_columns = 6.3});
  assert_close(moved.amount, -6.3, 0.5);
  if (!half || parallel) {
    const kvox_ct_consistency wide =
        expect(d, "half the steps",
               &(reading){.verdict = KVOX_CT_DATA_FIT_ANOTHER, .change = KVOX_CT_ANGLE_STEP, .step_factor = 0.5});
    assert_close(wide.amount, 2, 0);
  }
  if (parallel) {
    expect(d, "direction", &(reading){.step_factor = -1});
    return;
  }
  expect(d, "direction",
         &(reading){.verdict = KVOX_CT_DATA_FIT_ANOTHER, .change = KVOX_CT_DIRECTION, .step_factor = -1});
  expect(d, "columns",
         &(reading){.verdict = KVOX_CT_DATA_FIT_ANOTHER,
                    .change = centered ? KVOX_CT_DIRECTION : KVOX_CT_COLUMNS_FLIPPED,
                    .flip_columns = true});
  /* The distance changes pairs of rays little: it is named where the object tells it, and nothing else ever is. */
  const reading far = {.detector_factor = 1.4};
  kvox_ct_consistency result;
  const kvox_status status = check(d, &far, &result, NULL, 0);
  assert_true(status == KVOX_OK || (result.change == KVOX_CT_SOURCE_DISTANCE && fabs(result.amount - 1 / 1.4) < 0.08));
  *distances += status != KVOX_OK;
}

static const scanner scanners[] = {
    {KVOX_CT_PARALLEL, 180, 3, 160, 0, 0, 180, 3.3, 0},  {KVOX_CT_PARALLEL, 270, 3, 160, 0, 0, 360, 3.3, 0},
    {KVOX_CT_FAN, 270, 3, 160, 320, 640, 360, 0, 0},     {KVOX_CT_FAN, 270, 3, 160, 320, 640, 360, 3.3, 0},
    {KVOX_CT_FAN, 215, 3, 160, 320, 640, 215, 0, 0},     {KVOX_CT_FAN, 300, 3, 160, 320, 640, 400, 3.3, 0},
    {KVOX_CT_CONE, 270, 11, 160, 320, 640, 360, 3.3, 2},
};

static void mistakes_of(double photons, int least_distances) {
  static const char *const phantoms[] = {"shepp-logan", "discs"};
  int distances = 0;
  for (size_t i = 0; i < sizeof scanners / sizeof scanners[0]; i++) {
    for (int p = 0; p < 2; p++) {
      data d = data_of(&scanners[i], phantoms[p], scanners[i].beam == KVOX_CT_PARALLEL ? 64 : 30, 2, photons);
      check_mistakes(&d, &distances);
      data_end(&d);
    }
  }
  assert_true(distances >= least_distances);
}

static void mistakes(void **state) {
  (void)state;
  mistakes_of(0, 3);
}

static void mistakes_with_noise(void **state) {
  (void)state;
  mistakes_of(1e4, 1);
}

/* Columns of a detector to one side, and rows whose middle is not the source's plane. */
static void flips_of_offset_detectors(void **state) {
  (void)state;
  const scanner aside = {KVOX_CT_FAN, 300, 1, 160, 320, 640, 360, 32, 0};
  data d = data_of(&aside, "shepp-logan", 30, 2, 1e4);
  expect(&d, "aside", &(reading){.verdict = KVOX_CT_DATA_FIT});
  expect(&d, "aside, flipped",
         &(reading){.verdict = KVOX_CT_DATA_FIT_ANOTHER, .change = KVOX_CT_COLUMNS_FLIPPED, .flip_columns = true});
  data_end(&d);
  const scanner above = {KVOX_CT_CONE, 300, 61, 160, 320, 640, 360, 0, 14};
  d = data_of(&above, "shepp-logan-3d", 30, 2, 1e4);
  expect(&d, "above", &(reading){.verdict = KVOX_CT_DATA_FIT});
  expect(&d, "above, flipped",
         &(reading){.verdict = KVOX_CT_DATA_FIT_ANOTHER, .change = KVOX_CT_ROWS_FLIPPED, .flip_rows = true});
  data_end(&d);
  /* z to -z is a mirror image. */
  const scanner level = {KVOX_CT_CONE, 300, 61, 160, 320, 640, 360, 0, 0};
  d = data_of(&level, "shepp-logan-3d", 30, 2, 1e4);
  expect(&d, "level, flipped", &(reading){.flip_rows = true});
  data_end(&d);
}

/* What the object, the arc or the detector does not tell is no mistake. */
static void nothing_to_tell(void **state) {
  (void)state;
  const reading reversed = {.verdict = KVOX_CT_DATA_CANNOT_TELL, .step_factor = -1};
  const reading right = {.verdict = KVOX_CT_DATA_CANNOT_TELL};
  for (size_t i = 0; i < sizeof scanners / sizeof scanners[0]; i++) {
    for (int noise = 0; noise < 2; noise++) {
      data d = data_of(&scanners[i], "cylinder", scanners[i].beam == KVOX_CT_PARALLEL ? 50 : 25, 2, noise ? 1e4 : 0);
      expect(&d, "cylinder", &right);
      expect(&d, "cylinder, reversed", &reversed);
      data_end(&d);
    }
  }
  const scanner brief = {KVOX_CT_FAN, 120, 1, 160, 320, 640, 150, 0, 0};
  const scanner beside = {KVOX_CT_CONE, 270, 11, 160, 320, 640, 360, 0, 20};
  const scanner few = {KVOX_CT_FAN, 6, 1, 160, 320, 640, 360, 0, 0};
  const scanner coarse = {KVOX_CT_FAN, 200, 1, 20, 320, 640, 360, -8, 0}; /* an overlap of five columns */
  const scanner *const blind[] = {&brief, &beside, &few, &coarse};
  for (int i = 0; i < 4; i++) {
    data d = data_of(blind[i], "shepp-logan-3d", 30, 2, 1e4);
    expect(&d, "blind", &right);
    expect(&d, "blind, reversed", &reversed);
    data_end(&d);
  }
}

/* Noise is strongest where the object is thickest, which is all that a detector to one side sees twice. */
static void noise_alone(void **state) {
  (void)state;
  static const struct {
    scanner scanner;
    const char *phantom;
    double most, photons;
  } scans[] = {
      {{KVOX_CT_FAN, 300, 1, 160, 320, 640, 360, 32, 0}, "shepp-logan", 2, 100},
      {{KVOX_CT_FAN, 180, 1, 160, 320, 640, 360, 32, 0}, "shepp-logan", 4, 100},
      {{KVOX_CT_CONE, 180, 3, 160, 320, 640, 360, 40, 0}, "forbild-head", 1, 100},
  };
  for (size_t i = 0; i < sizeof scans / sizeof *scans; i++) {
    data d = data_of(&scans[i].scanner, scans[i].phantom, 30, scans[i].most, scans[i].photons);
    kvox_ct_consistency result;
    assert_ok(check(&d, &(reading){.verdict = 0}, &result, NULL, 0));
    data_end(&d);
  }
}

/* Views too few to be read between for a thin rod far from the axis: no mistake. */
static void too_few_to_read_between(void **state) {
  (void)state;
  const scanner sparse = {KVOX_CT_PARALLEL, 41, 1, 160, 0, 0, 360, 30, 0};
  const double distance = 30, radius = 1.6, degree = 3.14159265358979 / 180;
  data d = data_of(&sparse, "wire", 100, 1, 0);
  for (int64_t v = 0; v < sparse.views; v++) {
    const double at = distance * cos((11 + 360.0 / (double)sparse.views * (double)v) * degree);
    for (int64_t u = 0; u < sparse.columns; u++) {
      const double beside = (double)u - 0.5 * (double)(sparse.columns - 1) - sparse.column_offset - at;
      d.samples[v * sparse.columns + u] = (float)(2 * sqrt(fmax(radius * radius - beside * beside, 0)));
    }
  }
  kvox_ct_consistency result;
  assert_ok(check(&d, &(reading){.verdict = 0}, &result, NULL, 0));
  data_end(&d);
}

/* An object beyond the detector: what both rays saw is compared. */
static void beyond_the_detector(void **state) {
  (void)state;
  for (size_t i = 1; i < 4; i++) {
    data d = data_of(&scanners[i], "shepp-logan", scanners[i].beam == KVOX_CT_PARALLEL ? 110 : 50, 2, 1e4);
    const bool parallel = scanners[i].beam == KVOX_CT_PARALLEL;
    expect(&d, "beyond", &(reading){.verdict = KVOX_CT_DATA_FIT});
    expect(&d, "beyond, reversed",
           &(reading){.verdict = parallel ? KVOX_CT_DATA_FIT : KVOX_CT_DATA_FIT_ANOTHER,
                      .change = parallel ? KVOX_CT_AS_GIVEN : KVOX_CT_DIRECTION,
                      .step_factor = -1});
    expect(&d, "beyond, moved",
           &(reading){.verdict = KVOX_CT_DATA_FIT_ANOTHER, .change = KVOX_CT_COLUMN_OFFSET, .more_columns = 6.3});
    data_end(&d);
  }
}

static const char beyond_words[] = "The object reaches beyond the detector";

static void expect_beyond(const data *d, const kvox_ct_geometry *geometry, bool beyond) {
  kvox_ct_consistency result;
  char text[4096];
  kvox_ct_consistency_init(&result);
  assert_ok(kvox_ct_data_check(d->context, geometry, NULL, &d->projections, text, sizeof text, NULL, &result));
  assert_int_equal(result.beyond > 0, beyond);
  assert_int_equal(strstr(text, beyond_words) != NULL, beyond);
}

/* The same views, each given by itself. */
static kvox_ct_geometry *one_by_one(const data *d, const kvox_ct_geometry *geometry) {
  const scanner *s = &d->scanner;
  kvox_ct_view *views = calloc((size_t)s->views, sizeof *views);
  kvox_ct_geometry *made = NULL;
  for (int64_t v = 0; v < s->views; v++) {
    assert_ok(kvox_ct_geometry_view(geometry, v, &views[v]));
  }
  assert_ok(kvox_ct_geometry_create_views(d->context, s->beam, s->rows, s->columns, views, s->views, &made));
  free(views);
  return made;
}

/* Columns end where the object does not. What the short side of a detector beside the axis misses, a full turn sees
 * with the other; noise around a small object is no object. */
static void too_small_a_detector(void **state) {
  (void)state;
  static const scanner aside = {KVOX_CT_FAN, 300, 1, 160, 320, 640, 360, 32, 0};
  const struct {
    const scanner *scanner;
    const char *phantom;
    double radius_mm, photons;
    bool beyond;
  } cases[] = {
      {&scanners[2], "shepp-logan", 34, 1e4, false}, {&scanners[2], "shepp-logan", 50, 1e4, true},
      {&scanners[4], "shepp-logan", 34, 1e4, false}, {&scanners[4], "shepp-logan", 50, 1e4, true},
      {&scanners[6], "spheres", 34, 1e4, false},     {&scanners[6], "cylinder", 60, 1e4, true},
      {&aside, "shepp-logan", 42, 1e4, false},       {&aside, "shepp-logan", 65, 1e4, true},
      {&scanners[4], "edge", 5, 50, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    data d = data_of(cases[i].scanner, cases[i].phantom, cases[i].radius_mm, 2, cases[i].photons);
    kvox_ct_geometry *circle = geometry_of(d.context, &d.scanner, &(reading){.verdict = 0});
    expect_beyond(&d, circle, cases[i].beyond);
    if (d.scanner.beam == KVOX_CT_CONE) {
      kvox_ct_geometry *views = one_by_one(&d, circle);
      expect_beyond(&d, views, cases[i].beyond);
      kvox_ct_geometry_destroy(views);
    }
    kvox_ct_geometry_destroy(circle);
    data_end(&d);
  }
}

/* u16 counts with a flat field are line integrals within their rounding. */
static void counts(void **state) {
  (void)state;
  data d = data_of(&scanners[3], "shepp-logan", 30, 2, 1e4);
  const int64_t elements = kvox_array_elements(&d.projections), pixels = 3 * 160;
  uint16_t *counted = calloc((size_t)elements, sizeof *counted);
  float *flat = calloc((size_t)pixels, sizeof *flat);
  for (int64_t i = 0; i < pixels; i++) {
    flat[i] = (float)(30000 + 300 * (i % 17));
  }
  for (int64_t i = 0; i < elements; i++) {
    counted[i] = (uint16_t)lrintf(flat[i % pixels] * expf(-d.samples[i]));
  }
  kvox_array array, flat_array;
  kvox_ct_correction_options options;
  kvox_ct_correction *correction = NULL;
  kvox_ct_consistency result, direct;
  char text[4096];
  assert_ok(kvox_array_init(&array, counted, KVOX_U16, 3, d.projections.shape));
  assert_ok(kvox_array_init(&flat_array, flat, KVOX_F32, 2, (int64_t[]){3, 160}));
  kvox_ct_correction_options_init(&options);
  options.flat = &flat_array;
  assert_ok(kvox_ct_correction_create(d.context, &options, &correction));
  kvox_ct_geometry *geometry = geometry_of(d.context, &d.scanner, &(reading){.step_factor = -1});
  kvox_ct_consistency_init(&result);
  assert_fails(KVOX_ERROR_GEOMETRY, "the angles ran in the other direction",
               kvox_ct_data_check(d.context, geometry, correction, &array, text, sizeof text, NULL, &result));
  assert_true(strstr(text, "If the angles ran in the other direction") != NULL);
  assert_int_equal(check(&d, &(reading){.step_factor = -1}, &direct, NULL, 0), KVOX_ERROR_GEOMETRY);
  assert_close(result.misfit, direct.misfit, 1e-3);
  kvox_ct_geometry_destroy(geometry);
  kvox_ct_correction_destroy(correction);
  free(counted);
  free(flat);
  data_end(&d);
}

static void same_bits(void **state) {
  (void)state;
  data d = data_of(&scanners[5], "discs", 30, 2, 1e4);
  kvox_ct_consistency first, other;
  char text[4096], again[4096];
  assert_ok(check(&d, &(reading){.verdict = 0}, &first, text, sizeof text));
  for (int32_t threads = 1; threads <= 7; threads += 3) {
    kvox_context *context = d.context;
    d.context = context_of_threads(threads);
    assert_ok(check(&d, &(reading){.verdict = 0}, &other, again, sizeof again));
    assert_memory_equal(&first, &other, sizeof first);
    assert_string_equal(text, again);
    kvox_context_destroy(d.context);
    d.context = context;
  }
  data_end(&d);
}

static void refused(void **state) {
  (void)state;
  data d = data_of(&scanners[2], "discs", 30, 2, 0);
  kvox_ct_geometry *g = geometry_of(d.context, &d.scanner, &(reading){.verdict = 0});
  const kvox_array *p = &d.projections;
  size_t length = 0;
  char small[20];
  assert_ok(kvox_ct_data_check(d.context, g, NULL, p, small, sizeof small, &length, NULL));
  assert_true(length > 200 && strlen(small) == 19);
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_ct_data_check(NULL, g, NULL, p, NULL, 0, NULL, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "geometry is NULL",
               kvox_ct_data_check(d.context, NULL, NULL, p, NULL, 0, NULL, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "projections", kvox_ct_data_check(d.context, g, NULL, NULL, NULL, 0, NULL, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "text is NULL", kvox_ct_data_check(d.context, g, NULL, p, NULL, 9, NULL, NULL));
  for (int64_t i = 0; i < kvox_array_elements(p); i++) {
    d.samples[i] = 1.5f;
  }
  assert_fails(KVOX_ERROR_DATA, "no object", kvox_ct_data_check(d.context, g, NULL, p, NULL, 0, NULL, NULL));
  fill_noise(d.samples, kvox_array_elements(p), 3);
  assert_fails(KVOX_ERROR_DATA, "only noise", kvox_ct_data_check(d.context, g, NULL, p, NULL, 0, NULL, NULL));
  d.samples[160] = NAN;
  assert_fails(KVOX_ERROR_DATA, "NaN", kvox_ct_data_check(d.context, g, NULL, p, NULL, 0, NULL, NULL));
  kvox_ct_geometry_destroy(g);
  data_end(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mistakes),
      cmocka_unit_test(mistakes_with_noise),
      cmocka_unit_test(nothing_to_tell),
      cmocka_unit_test(flips_of_offset_detectors),
      cmocka_unit_test(counts),
      cmocka_unit_test(beyond_the_detector),
      cmocka_unit_test(same_bits),
      cmocka_unit_test(refused),
      cmocka_unit_test(noise_alone),
      cmocka_unit_test(too_few_to_read_between),
      cmocka_unit_test(too_small_a_detector),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
