/* The rotation centre: noisy phantoms with known centres, the real tooth, data and geometries that cannot tell it. */
#include <math.h>
#include <stdlib.h>

#include "ct/scan.h"
#include "kvox/kvox.h"
#include "test.h"

/* The project's bar for the rotation centre, in pixels. */
static const double bar_px = 0.1;

/* A phantom whose ray sums are at most about 4, as in a scan with a well chosen energy. */
typedef struct trial {
  const char *phantom;
  double density; /* for a radius of 1 mm */
  int64_t views, columns;
  double turn_deg, offset_px, photons;
} trial;

/* `fill` of the columns' half is the radius. */
static scan scan_trial(const trial *t, double fill, const double *angles_deg) {
  scan s = scan_options(t->views, 2, t->columns);
  s.options.column_offset_px = t->offset_px;
  s.options.angle_step_deg = t->turn_deg / (double)t->views;
  s.options.angles_deg = angles_deg;
  scan_begin(&s);
  const double radius_mm = fill * 0.5 * (double)t->columns;
  scan_simulate(&s, t->phantom, radius_mm, t->density / radius_mm);
  if (t->photons > 0) {
    assert_ok(kvox_ct_add_noise(s.context, t->photons, (uint64_t)(t->views + t->columns), &s.projections));
  }
  return s;
}

static double true_center(const scan *s) { return kvox_ct_geometry_center_px(s->geometry); }

static double found_center(const scan *s) {
  double center = 0;
  assert_ok(kvox_ct_find_center(s->context, s->geometry, NULL, &s->projections, &center));
  return center;
}

/* Prints and checks the error of one trial. */
static double check_trial(const trial *t, double fill, const double *angles_deg, double tolerance) {
  scan s = scan_trial(t, fill, angles_deg);
  const double error = found_center(&s) - true_center(&s);
  if (!(fabs(error) <= tolerance)) {
    fail_msg("%s, %d views over %g degrees, %d columns, offset %g: off by %g px", t->phantom, (int)t->views,
             t->turn_deg, (int)t->columns, t->offset_px, error);
  }
  scan_end(&s);
  return fabs(error);
}

static void twenty_noisy_phantoms(void **state) {
  (void)state;
  static const trial trials[20] = {
      {"shepp-logan", 2.5, 180, 128, 180, 3.3, 1e4},
      {"shepp-logan", 2.5, 240, 255, 180, -20.41, 3e4},
      {"shepp-logan", 2.5, 360, 384, 180, 0.5, 1e5},
      {"shepp-logan", 2.5, 512, 512, 180, 51.2, 1e4},
      {"shepp-logan", 2.5, 360, 301, 360, -29.77, 1e4},
      {"shepp-logan-original", 2.0, 300, 320, 180, 11.18, 1e5},
      {"shepp-logan-original", 2.0, 200, 200, 360, 7.62, 2e4},
      {"forbild-head", 2.0, 180, 160, 180, -7.25, 1e4},
      {"forbild-head", 2.0, 361, 401, 180, 38.9, 5e4},
      {"forbild-head", 2.0, 400, 512, 180, -1.07, 1e5},
      {"forbild-head", 2.0, 320, 333, 360, 0.31, 1e4},
      {"forbild-head-plain", 2.0, 256, 256, 180, 25.6, 2e4},
      {"discs", 2.0, 180, 129, 180, -12.9, 1e4},
      {"discs", 2.0, 270, 300, 180, 17.55, 1e4},
      {"discs", 2.0, 360, 511, 180, -50.93, 1e5},
      {"discs", 2.0, 180, 220, 360, 4.04, 1e4},
      {"edge", 4.0, 180, 192, 180, -9.61, 1e4},
      {"edge", 4.0, 300, 450, 360, 33.33, 5e4},
      {"cylinder", 2.0, 200, 240, 180, 0, 2e4},
      {"cylinder", 2.0, 250, 275, 360, -13.86, 1e4},
  };
  double worst = 0, squares = 0;
  for (int i = 0; i < 20; i++) {
    const double error = check_trial(&trials[i], 0.8, NULL, bar_px);
    worst = fmax(worst, error);
    squares += error * error;
  }
  print_message("20 noisy phantoms: worst %.3f px, root mean square %.3f px\n", worst, sqrt(squares / 20));
}

/* Steps that 180 degrees hold no whole number of, views beyond the turn, either sense, angles in any order. */
static void other_arcs(void **state) {
  (void)state;
  const trial wide = {"shepp-logan", 2.5, 300, 200, 210, 6.3, 2e4}, odd = {"discs", 2.0, 260, 200, 182, -6.3, 2e4};
  const trial over = {"discs", 2.0, 390, 200, 390, 9.9, 2e4}, ends = {"shepp-logan", 2.5, 181, 180, 181, 5.2, 2e4};
  const trial back = {"shepp-logan", 2.5, 200, 180, -180, 5.2, 2e4}, two = {"discs", 2.0, 400, 160, 270.3, 5.2, 2e4};
  check_trial(&wide, 0.8, NULL, bar_px);
  check_trial(&odd, 0.8, NULL, bar_px);
  check_trial(&over, 0.8, NULL, bar_px);
  check_trial(&ends, 0.8, NULL, bar_px);
  check_trial(&back, 0.8, NULL, bar_px);
  check_trial(&two, 0.8, NULL, bar_px);

  /* Very few views. */
  const trial eight = {"shepp-logan", 2.5, 8, 200, 360, 4.1, 2e4}, thirty = {"discs", 2.0, 30, 200, 180, -8.7, 2e4};
  check_trial(&eight, 0.8, NULL, bar_px);
  check_trial(&thirty, 0.8, NULL, bar_px);

  double shuffled[180];
  for (int i = 0; i < 180; i++) {
    shuffled[i] = i * 77 % 180;
  }
  const trial mixed = {"discs", 2.0, 180, 150, 0, -4.4, 2e4};
  check_trial(&mixed, 0.8, shuffled, bar_px);
}

/* Golden angles: no equal steps, so the centres of mass are used. */
static void unequal_steps(void **state) {
  (void)state;
  double golden[200];
  for (int i = 0; i < 200; i++) {
    golden[i] = fmod(111.246117975 * i, 180);
  }
  const trial t[] = {{"shepp-logan", 2.5, 200, 180, 0, 5.21, 3e4}, {"discs", 2.0, 200, 255, 0, -19.7, 3e4}};
  check_trial(&t[0], 0.8, golden, bar_px);
  check_trial(&t[1], 0.8, golden, bar_px);
  /* Written as they go on, their steps are equal: but neighbours lie on either side of the object. */
  for (int i = 0; i < 200; i++) {
    golden[i] = 137.50776405 * i;
  }
  check_trial(&t[0], 0.8, golden, bar_px);
  check_trial(&t[1], 0.8, golden, bar_px);
  /* The same beyond the detector. */
  scan s = scan_trial(&t[1], 1.5, golden);
  double center;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "not equal and the object reaches beyond",
               kvox_ct_find_center(s.context, s.geometry, NULL, &s.projections, &center));
  scan_end(&s);
  /* Within a few degrees a sinusoid is a line. */
  for (int i = 0; i < 200; i++) {
    golden[i] = 0.1 * i * i / 200;
  }
  s = scan_trial(&t[0], 0.8, golden);
  assert_fails(KVOX_ERROR_GEOMETRY, "too little of a turn",
               kvox_ct_find_center(s.context, s.geometry, NULL, &s.projections, &center));
  scan_end(&s);
}

/* With a full turn an object that reaches beyond the detector is no matter; with half a turn a pixel is promised. */
static void beyond_the_detector(void **state) {
  (void)state;
  const trial full[] = {{"shepp-logan", 2.5, 360, 200, 360, 8.3, 2e4},
                        {"discs", 2.0, 300, 255, 360, -13.4, 2e4},
                        {"forbild-head", 2.0, 360, 200, 360, -55.7, 2e4}};
  const trial half[] = {{"shepp-logan", 2.5, 180, 200, 180, 8.3, 2e4}, {"discs", 2.0, 240, 255, 180, -13.4, 2e4}};
  for (int i = 0; i < 3; i++) {
    print_message("truncated, full turn: %.3f px\n", check_trial(&full[i], 1.5, NULL, bar_px));
  }
  for (int i = 0; i < 2; i++) {
    print_message("truncated, half a turn: %.3f px\n", check_trial(&half[i], 1.5, NULL, 1));
  }
}

/* A beam that is not even and drifts: half a percent of the greatest ray sum. */
static void uneven_beam(void **state) {
  (void)state;
  const trial t = {"shepp-logan", 2.5, 240, 240, 180, -17.3, 3e4};
  scan s = scan_trial(&t, 0.8, NULL);
  for (int64_t view = 0; view < 240; view++) {
    for (int64_t i = 0; i < 2 * 240; i++) {
      s.samples[view * 480 + i] += 0.01f * ((float)(i % 240) / 240 - 0.5f) + 0.01f * (float)view / 240;
    }
  }
  assert_close(found_center(&s), true_center(&s), bar_px);
  scan_end(&s);
}

/* Counts with dark, flat and a dead pixel give what their line integrals give. */
static void counts(void **state) {
  (void)state;
  const trial t = {"discs", 2.0, 180, 144, 180, 9.37, 0};
  scan s = scan_trial(&t, 0.8, NULL);
  const double center = found_center(&s);
  assert_close(center, true_center(&s), bar_px);
  float dark[2 * 144], flat[2 * 144];
  for (int i = 0; i < 2 * 144; i++) {
    dark[i] = (float)(100 + i % 7);
    flat[i] = i == 70 ? dark[i] : (float)(20100 + 50 * (i % 11));
  }
  for (int64_t i = 0; i < 180 * 2 * 144; i++) {
    const int64_t pixel = i % (2 * 144);
    s.samples[i] = dark[pixel] + (flat[pixel] - dark[pixel]) * expf(-s.samples[i]);
  }
  kvox_array dark_array, flat_array;
  assert_ok(kvox_array_init(&dark_array, dark, KVOX_F32, 2, (int64_t[]){2, 144}));
  assert_ok(kvox_array_init(&flat_array, flat, KVOX_F32, 2, (int64_t[]){2, 144}));
  kvox_ct_correction_options options;
  kvox_ct_correction_options_init(&options);
  options.dark = &dark_array;
  options.flat = &flat_array;
  kvox_ct_correction *correction = NULL;
  assert_ok(kvox_ct_correction_create(s.context, &options, &correction));
  double corrected = 0;
  assert_ok(kvox_ct_find_center(s.context, s.geometry, correction, &s.projections, &corrected));
  assert_close(corrected, center, 0.005); /* the bridged pixel */
  kvox_ct_correction_destroy(correction);
  scan_end(&s);
}

/* The same bits from any number of threads and any memory limit that suffices; a limit that does not names the least.
 */
static void threads_and_memory(void **state) {
  (void)state;
  const trial t[] = {{"discs", 2.0, 180, 144, 180, 9.37, 1e4},
                     {"discs", 2.0, 180, 144, 360, 9.37, 1e4},
                     {"discs", 2.0, 180, 144, 360, 9.37, 1e4}};
  for (int i = 0; i < 3; i++) {
    scan s = scan_trial(&t[i], i == 2 ? 1.5 : 0.8, NULL);
    const double center = found_center(&s);
    for (int32_t threads = 1; threads <= 7; threads += 3) {
      kvox_context *context = context_of_threads(threads);
      double again = 0;
      assert_ok(kvox_ct_find_center(context, s.geometry, NULL, &s.projections, &again));
      assert_true(again == center);
      kvox_context_destroy(context);
    }
    kvox_context_options options;
    kvox_context_options_init(&options);
    options.memory_limit = 2000000;
    kvox_context *context = NULL;
    double again = 0;
    assert_ok(kvox_context_create(&options, &context));
    assert_ok(kvox_ct_find_center(context, s.geometry, NULL, &s.projections, &again));
    assert_true(again == center);
    kvox_context_destroy(context);
    options.memory_limit = 5000;
    assert_ok(kvox_context_create(&options, &context));
    assert_fails(KVOX_ERROR_MEMORY_LIMIT, "the memory limit is 5000",
                 kvox_ct_find_center(context, s.geometry, NULL, &s.projections, &again));
    kvox_context_destroy(context);
    scan_end(&s);
  }
}

static void refuse_samples(float value, float slope, float noise, kvox_status status, const char *words) {
  for (int full = 0; full < 2; full++) {
    scan s = scan_options(90, 1, 100);
    s.options.angle_step_deg = full ? 4 : 2;
    scan_begin(&s);
    fill_noise(s.samples, 90 * 100, 12);
    for (int i = 0; i < 90 * 100; i++) {
      s.samples[i] = value + slope * (float)(i % 100) + noise * s.samples[i];
    }
    double center = -5;
    assert_fails(status, words, kvox_ct_find_center(s.context, s.geometry, NULL, &s.projections, &center));
    assert_true(center == -5);
    scan_end(&s);
  }
}

static void samples_that_tell_nothing(void **state) {
  (void)state;
  refuse_samples(0, 0, 0, KVOX_ERROR_DATA, "no object");
  refuse_samples(1.7f, 0, 0, KVOX_ERROR_DATA, "no object");
  refuse_samples(1.7f, 0.01f, 0, KVOX_ERROR_DATA, "no object");
  refuse_samples(0, 0, 0.01f, KVOX_ERROR_DATA, "only noise");
  refuse_samples(2, 0.01f, 0.01f, KVOX_ERROR_DATA, "only noise");
  refuse_samples(NAN, 0, 0, KVOX_ERROR_DATA, "NaN");
  refuse_samples(INFINITY, 0, 0, KVOX_ERROR_DATA, "infinite");
}

static void refused_arguments(void **state) {
  (void)state;
  const trial t = {"discs", 2.0, 90, 100, 180, 2, 0};
  scan s = scan_trial(&t, 0.8, NULL);
  double center = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL",
               kvox_ct_find_center(NULL, s.geometry, NULL, &s.projections, &center));
  assert_fails(KVOX_ERROR_ARGUMENT, "geometry is NULL",
               kvox_ct_find_center(s.context, NULL, NULL, &s.projections, &center));
  assert_fails(KVOX_ERROR_ARGUMENT, "center_px is NULL",
               kvox_ct_find_center(s.context, s.geometry, NULL, &s.projections, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "projections", kvox_ct_find_center(s.context, s.geometry, NULL, NULL, &center));
  kvox_array other = s.projections;
  other.shape[2] = 99;
  assert_fails(KVOX_ERROR_SIZE, "90 x 2 x 100", kvox_ct_find_center(s.context, s.geometry, NULL, &other, &center));
  scan_end(&s);

  const trial bad[] = {
      {"discs", 2.0, 170, 100, 170, 2, 0}, {"discs", 2.0, 5, 100, 180, 2, 0}, {"discs", 2.0, 2, 100, 180, 2, 0}};
  static const struct {
    kvox_status status;
    const char *words;
  } as[] = {{KVOX_ERROR_GEOMETRY, "span 169 degrees by steps of 1"},
            {KVOX_ERROR_GEOMETRY, "fewer than"},
            {KVOX_ERROR_UNSUPPORTED, "2 views of 100 columns"}};
  const double mean_step[] = {1, 36, 90};
  for (int i = 0; i < 3; i++) {
    s = scan_options(bad[i].views, 1, bad[i].columns);
    s.options.angle_step_deg = mean_step[i];
    scan_begin(&s);
    scan_simulate(&s, "discs", 40, 0.05);
    assert_fails(as[i].status, as[i].words, kvox_ct_find_center(s.context, s.geometry, NULL, &s.projections, &center));
    scan_end(&s);
  }
}

/* ---- failing allocations ---- */

typedef struct counter {
  int64_t live, calls, fail_at;
} counter;

static void *count_allocate(void *user, size_t bytes, size_t alignment) {
  counter *c = user;
  void *memory = NULL;
  if (++c->calls == c->fail_at || posix_memalign(&memory, alignment, bytes) != 0) {
    return NULL;
  }
  c->live++;
  return memory;
}

static void count_release(void *user, void *memory) {
  ((counter *)user)->live--;
  free(memory);
}

/* Every allocation of every method fails in turn: the call says so and keeps nothing. */
static void failing_allocation(void **state) {
  (void)state;
  double golden[60];
  for (int i = 0; i < 60; i++) {
    golden[i] = fmod(111.246117975 * i, 180);
  }
  const trial t[] = {{"discs", 2.0, 60, 64, 180, 2, 0},
                     {"discs", 2.0, 60, 64, 360, 2, 0},
                     {"discs", 2.0, 60, 64, 360, 2, 0},
                     {"discs", 2.0, 60, 64, 0, 2, 0}};
  for (int i = 0; i < 4; i++) {
    scan s = scan_trial(&t[i], i == 2 ? 1.5 : 0.8, i == 3 ? golden : NULL);
    counter count = {0};
    kvox_context_options options;
    kvox_context_options_init(&options);
    options.threads = 1;
    options.allocate = count_allocate;
    options.release = count_release;
    options.allocator_user = &count;
    kvox_context *context = NULL;
    assert_ok(kvox_context_create(&options, &context));
    const int64_t live = count.live;
    kvox_status status = KVOX_ERROR_MEMORY;
    int64_t tried = 0;
    for (; status != KVOX_OK; tried++) {
      double center = 0;
      count.calls = 0;
      count.fail_at = tried + 1;
      status = kvox_ct_find_center(context, s.geometry, NULL, &s.projections, &center);
      assert_true(status == KVOX_OK || status == KVOX_ERROR_MEMORY);
      assert_int_equal(count.live, live);
    }
    assert_true(tried > 4);
    kvox_context_destroy(context);
    assert_int_equal(count.live, 0);
    scan_end(&s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(twenty_noisy_phantoms), cmocka_unit_test(other_arcs),
      cmocka_unit_test(unequal_steps),         cmocka_unit_test(beyond_the_detector),
      cmocka_unit_test(uneven_beam),           cmocka_unit_test(counts),
      cmocka_unit_test(threads_and_memory),    cmocka_unit_test(samples_that_tell_nothing),
      cmocka_unit_test(refused_arguments),     cmocka_unit_test(failing_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
