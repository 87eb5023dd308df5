/* A good guest: prints nothing, changes nothing of the process, needs little stack. */
#include <fcntl.h>
#include <fenv.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "kvox/kvox.h"
#include "test.h"

enum { SIGNALS = 65 };

static void log_nothing(void *user, int32_t level, const char *text) { (void)user, (void)level, (void)text; }

/* From a phantom to its picture, and a call that fails on the way. */
static void visit_ct(kvox_context *context) {
  enum { VIEWS = 40, ROWS = 4, COLUMNS = 65 };
  static _Thread_local float samples[VIEWS * ROWS * COLUMNS];
  kvox_ct_parallel_options beam;
  kvox_ct_parallel_options_init(&beam);
  beam.views = VIEWS, beam.rows = ROWS, beam.columns = COLUMNS;
  beam.column_pitch_mm = 1, beam.angle_step_deg = 180.0 / VIEWS;
  kvox_ct_geometry *geometry = NULL;
  kvox_phantom *phantom = NULL;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_volume *volume = NULL;
  kvox_array projections = {0};
  kvox_grid grid;
  double center_px = 0;
  assert_ok(kvox_ct_geometry_create_parallel(context, &beam, &geometry));
  assert_ok(kvox_phantom_create(context, "shepp-logan", 30, 0.02, &phantom));
  assert_ok(kvox_array_init(&projections, samples, KVOX_F32, 3, (int64_t[]){VIEWS, ROWS, COLUMNS}));
  assert_ok(kvox_ct_simulate(context, geometry, phantom, &projections));
  assert_ok(kvox_ct_find_center(context, geometry, NULL, &projections, &center_px));
  assert_ok(kvox_ct_fbp_plan_create(context, geometry, NULL, &plan));
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  assert_ok(kvox_volume_create(context, KVOX_F32, &grid, &volume));
  assert_ok(kvox_ct_fbp_execute(plan, NULL, &projections, volume));
  samples[5] = NAN;
  assert_int_equal(kvox_ct_fbp_execute(plan, NULL, &projections, volume), KVOX_ERROR_DATA);
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(plan);
  kvox_phantom_destroy(phantom);
  kvox_ct_geometry_destroy(geometry);
}

/* Successes and failures of every kind that needs no file. */
static void visit_the_house(void) {
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.log = log_nothing;
  kvox_context *context = NULL;
  kvox_workspace *workspace = NULL;
  kvox_volume *volume = NULL;
  kvox_grid grid;
  char text[2048];
  kvox_context_create(&options, &context);
  kvox_context_describe(context, text, sizeof text);
  kvox_workspace_create(context, &workspace);
  kvox_grid_init(&grid, (int64_t[]){8, 8, 8}, (double[]){1, 1, 1}, NULL);
  kvox_volume_create(context, KVOX_F32, &grid, &volume);
  kvox_volume_create(context, 99, &grid, NULL);
  visit_ct(context);
  kvox_grid_init(&grid, (int64_t[]){8, 8, -8}, (double[]){1, 1, 1}, NULL);
  options.threads = -3;
  kvox_context_create(&options, &context);
  kvox_volume_destroy(volume);
  kvox_workspace_destroy(workspace);
  kvox_context_destroy(context);
}

static void prints_nothing(void **state) {
  (void)state;
  char path[] = "core_guest_XXXXXX";
  const int file = mkstemp(path);
  assert_true(file >= 0);
  unlink(path);
  fflush(NULL);
  const int out = dup(1), error = dup(2);
  dup2(file, 1);
  dup2(file, 2);
  visit_the_house();
  fflush(NULL);
  dup2(out, 1);
  dup2(error, 2);
  close(out);
  close(error);
  assert_int_equal(lseek(file, 0, SEEK_END), 0);
  close(file);
}

static void changes_nothing(void **state) {
  (void)state;
  char folder[PATH_MAX], folder_after[PATH_MAX], locale[256];
  struct sigaction before[SIGNALS], after;
  assert_non_null(getcwd(folder, sizeof folder));
  snprintf(locale, sizeof locale, "%s", setlocale(LC_ALL, NULL));
  memset(before, 0, sizeof before);
  for (int s = 1; s < SIGNALS; s++) {
    sigaction(s, NULL, &before[s]);
  }
  fesetround(FE_DOWNWARD);
  visit_the_house();
  const int rounding = fegetround();
  fesetround(FE_TONEAREST);
  assert_int_equal(rounding, FE_DOWNWARD);
  assert_string_equal(setlocale(LC_ALL, NULL), locale);
  assert_string_equal(getcwd(folder_after, sizeof folder_after), folder);
  memset(&after, 0, sizeof after);
  for (int s = 1; s < SIGNALS; s++) {
    if (sigaction(s, NULL, &after) == 0) {
      assert_true(after.sa_handler == before[s].sa_handler);
    }
  }
}

static void *visit_in_thread(void *data) {
  (void)data;
  visit_the_house();
  return NULL;
}

/* A thread with as little stack as hosts give their workers; FFTW's planner is what needs most of it. */
static void needs_little_stack(void **state) {
  (void)state;
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  assert_int_equal(pthread_attr_setstacksize(&attributes, 128 << 10), 0);
  assert_int_equal(pthread_create(&thread, &attributes, visit_in_thread, NULL), 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(prints_nothing), cmocka_unit_test(changes_nothing),
                                     cmocka_unit_test(needs_little_stack)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
