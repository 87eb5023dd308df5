/* Every allocation of a reconstruction fails once: noise, EPI with navigators, compression, the adaptive combination.
 */
#include "core/fail.h"
#include "failing_heap.h"
#include "mri/scan.h"

enum { COILS = 5, X = 24, Y = 20 };

static kvox_status push(kvox_mri_recon *recon, scan *s, uint32_t flags, int32_t y) {
  s->flags = flags;
  kvox_mri_readout r = scan_readout(s, 0, 0, 0, y);
  r.sample_time_us = 2;
  return kvox_mri_recon_push(recon, &r);
}

static kvox_status push_all(kvox_mri_recon *recon, scan *s, bool noise) {
  for (int32_t y = 0; y < Y && noise; y++) {
    KVOX_TRY(push(recon, s, KVOX_MRI_NOISE, y));
  }
  for (int32_t y = 0; y < 3; y++) {
    KVOX_TRY(push(recon, s, KVOX_MRI_PHASE_CORRECTION | (y % 2 == 0 ? KVOX_MRI_REVERSE : 0), y));
  }
  for (int32_t y = 0; y < Y; y++) {
    KVOX_TRY(push(recon, s, y % 2 == 0 ? KVOX_MRI_REVERSE : 0, y));
  }
  return KVOX_OK;
}

typedef struct scene {
  scan *scan;
  bool noise;
  kvox_mri_recon_options options;
} scene;

static kvox_status scenario(const kvox_context_options *given, void *data) {
  static float complex pixels[COILS * X * Y];
  scene *s = data;
  kvox_context_options options = *given;
  kvox_context *context = NULL;
  kvox_mri_recon *recon = NULL;
  kvox_workspace *workspace = NULL;
  const bool separate = s->options.combine == KVOX_MRI_SEPARATE;
  const int64_t shape[4] = {separate ? COILS : 1, 1, Y, X};
  const kvox_array images = array_of(pixels, KVOX_C64, 4, shape);
  options.threads = 2;
  kvox_status status;
  KVOX_TRY_CLEANUP(kvox_context_create(&options, &context));
  KVOX_TRY_CLEANUP(kvox_workspace_create(context, &workspace));
  KVOX_TRY_CLEANUP(kvox_mri_recon_create(context, &s->scan->protocol, &s->options, &recon));
  KVOX_TRY_CLEANUP(push_all(recon, s->scan, s->noise));
  KVOX_TRY_CLEANUP(kvox_mri_recon_image(recon, workspace, &images));
  KVOX_TRY_CLEANUP(kvox_mri_recon_image(recon, NULL, &images));
  /* A text that there is no memory for is empty. */
  if (kvox_mri_recon_provenance(recon)[0] == '\0') {
    status = kvox_fail(KVOX_ERROR_MEMORY, "no memory for the provenance");
  }
cleanup:
  /* The context goes first: what was made with it keeps its allocator alive. */
  kvox_context_destroy(context);
  kvox_workspace_destroy(workspace);
  kvox_mri_recon_destroy(recon);
  return status;
}

static void test_allocation(void **state) {
  (void)state;
  scan s = scan_of(COILS, X, Y, 1);
  scan_fill(&s, 5);
  for (int how = 0; how < 4; how++) {
    scene one = {.scan = &s, .noise = how < 2};
    kvox_mri_recon_options_init(&one.options);
    const int32_t combine[4] = {KVOX_MRI_ROOT_SUM_OF_SQUARES, KVOX_MRI_ADAPTIVE, KVOX_MRI_ROOT_SUM_OF_SQUARES,
                                KVOX_MRI_SEPARATE};
    one.options.combine = combine[how];
    one.options.noise = how == 2 ? KVOX_MRI_NOISE_FROM_EDGES : KVOX_MRI_NOISE_AS_MEASURED;
    one.options.virtual_coils = how == 1 || how == 2 ? 3 : 0;
    s.protocol.trajectory = how == 3 ? KVOX_MRI_EPI : KVOX_MRI_CARTESIAN;
    s.protocol.ramps = (kvox_mri_ramps){.up_us = how == 3 ? 10 : 0, .flat_us = how == 3 ? 20 : 0};
    s.protocol.ramps.down_us = s.protocol.ramps.up_us;
    s.protocol.ramps.dwell_us = how == 3 ? 1.6 : 0;
    assert_true(failing_heap_try(scenario, &one) >= 20);
  }
  scan_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
