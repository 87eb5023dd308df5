/* Every allocation of the measures, phantoms and windows fails once: a sentence, no result, nothing lost. */
#include "core/fail.h"
#include "failing_heap.h"
#include "kvox/kvox.h"

enum { SIZE = 96, COUNT = 9 };

static double image[SIZE][SIZE];
static const int64_t shape[3] = {1, SIZE, SIZE};

static kvox_status fill(kvox_context *context, kvox_phantom **phantom, kvox_volume **volume, kvox_array *drawn) {
  kvox_grid grid;
  KVOX_TRY(kvox_array_init(drawn, image, KVOX_F64, 3, shape));
  KVOX_TRY(kvox_grid_init(&grid, (int64_t[]){SIZE, SIZE, 1}, (double[]){1, 1, 1}, NULL));
  KVOX_TRY(kvox_phantom_create(context, "forbild-head", 48, 1, phantom)); /* its list of shapes grows several times */
  KVOX_TRY(kvox_volume_wrap(context, drawn, &grid, volume));
  KVOX_TRY(kvox_phantom_fill(*phantom, 2, *volume));
  return kvox_array_init(drawn, image, KVOX_F64, 2, shape + 1);
}

static kvox_status measure(kvox_context *context, const kvox_array *drawn) {
  double ssim = 0, nps[COUNT], mtf[COUNT], center = 0, width = 0;
  const double middle[2] = {47.5, 47.5};
  KVOX_TRY(kvox_quality_ssim(context, drawn, drawn, 1, &ssim));
  KVOX_TRY(kvox_quality_nps(context, drawn, 16, nps, COUNT));
  KVOX_TRY(kvox_quality_mtf_edge(context, drawn, middle, 38, 8, mtf, COUNT));
  return kvox_picture_auto_window(context, drawn, 0, 1, &center, &width);
}

static kvox_status scenario(const kvox_context_options *given, void *data) {
  (void)data;
  kvox_context_options options = *given;
  options.threads = 3;
  kvox_context *context = NULL;
  kvox_phantom *phantom = NULL;
  kvox_volume *volume = NULL;
  kvox_array drawn = {0};
  kvox_status status = kvox_context_create(&options, &context);
  status = status == KVOX_OK ? fill(context, &phantom, &volume, &drawn) : status;
  status = status == KVOX_OK ? measure(context, &drawn) : status;
  kvox_context_destroy(context);
  kvox_phantom_destroy(phantom);
  kvox_volume_destroy(volume);
  return status;
}

static void test_allocation(void **state) {
  (void)state;
  assert_true(failing_heap_try(scenario, NULL) >= 15);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
