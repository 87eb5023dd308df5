/* What a reconstruction refuses, in a sentence, and what it takes: memory told and taken, no allocation once warm. */
#include "failing_heap.h"
#include "mri/scan.h"

static kvox_mri_recon *refused(kvox_context *context, const scan *s, const kvox_mri_recon_options *o,
                               kvox_status status, const char *words) {
  kvox_mri_recon *recon = NULL;
  assert_fails(status, words, kvox_mri_recon_create(context, &s->protocol, o, &recon));
  assert_null(recon);
  return NULL;
}

static void test_protocol(void **state) {
  scan s = scan_of(2, 8, 6, 1);
  const scan good = s;
  kvox_mri_recon *recon = NULL;
  assert_fails(KVOX_ERROR_ARGUMENT, "context", kvox_mri_recon_create(NULL, &s.protocol, NULL, &recon));
  assert_fails(KVOX_ERROR_ARGUMENT, "protocol", kvox_mri_recon_create(*state, NULL, NULL, &recon));
  assert_fails(KVOX_ERROR_ARGUMENT, "recon", kvox_mri_recon_create(*state, &s.protocol, NULL, NULL));
  s.protocol.trajectory = KVOX_MRI_SPIRAL;
  refused(*state, &s, NULL, KVOX_ERROR_UNSUPPORTED, "Cartesian");
  s = good;
  s.protocol.encoded_size[1] = 0;
  refused(*state, &s, NULL, KVOX_ERROR_SIZE, "along y");
  s = good;
  s.protocol.image_size[0] = (int64_t)1 << 40;
  refused(*state, &s, NULL, KVOX_ERROR_SIZE, "along x");
  s = good;
  s.protocol.image_mm[0] = 0;
  refused(*state, &s, NULL, KVOX_ERROR_ARGUMENT, "encoded_mm");
  s.protocol.image_mm[0] = NAN;
  refused(*state, &s, NULL, KVOX_ERROR_ARGUMENT, "encoded_mm");
  s.protocol.image_mm[0] = 1e-300;
  refused(*state, &s, NULL, KVOX_ERROR_SIZE, "too many");
  s.protocol.image_mm[0] = 1e300;
  refused(*state, &s, NULL, KVOX_ERROR_SIZE, "no");
  s = good;
  s.protocol.limits[KVOX_MRI_SET] = (kvox_mri_limits){3, 2, 0};
  refused(*state, &s, NULL, KVOX_ERROR_ARGUMENT, "limits[7]");
  s = good;
  s.protocol.limits[KVOX_MRI_STEP_1].center = 2;
  refused(*state, &s, NULL, KVOX_ERROR_ARGUMENT, "k = 0 at 2");
  s = good;
  for (int c = KVOX_MRI_SLICE; c < KVOX_MRI_COUNTERS; c++) {
    s.protocol.limits[c].last = INT32_MAX;
  }
  refused(*state, &s, NULL, KVOX_ERROR_SIZE, "2^63");
  s = good;
  s.protocol.limits[KVOX_MRI_SLICE].last = INT32_MAX;
  refused(*state, &s, NULL, KVOX_ERROR_SIZE, "2147483648 slices");
  s = good;
  s.protocol.coils = 5000;
  refused(*state, &s, NULL, KVOX_ERROR_ARGUMENT, "coils is 5000");
}

static void test_options(void **state) {
  const scan s = scan_of(2, 8, 6, 1);
  kvox_mri_recon_options o;
  kvox_mri_recon_options_init(&o);
  o.combine = 3;
  refused(*state, &s, &o, KVOX_ERROR_ARGUMENT, "combine is 3");
  kvox_mri_recon_options_init(&o);
  o.noise = -1;
  refused(*state, &s, &o, KVOX_ERROR_ARGUMENT, "noise is -1");
  kvox_mri_recon_options_init(&o);
  o.ghost = 9;
  refused(*state, &s, &o, KVOX_ERROR_ARGUMENT, "ghost is 9");
  kvox_mri_recon_options_init(&o);
  o.virtual_coils = -1;
  refused(*state, &s, &o, KVOX_ERROR_ARGUMENT, "virtual_coils");
  kvox_mri_recon_options_init(&o);
  o.image_size[2] = -4;
  refused(*state, &s, &o, KVOX_ERROR_ARGUMENT, "image_size along z");
  kvox_mri_recon_options_init(&o);
  o.snr_units = 1;
  o.noise = KVOX_MRI_NOISE_IGNORED;
  refused(*state, &s, &o, KVOX_ERROR_ARGUMENT, "snr_units");
  kvox_mri_recon_options_init(&o);
  o.window[0] = 77;
  refused(*state, &s, &o, KVOX_ERROR_ARGUMENT, "window");
  o.struct_size = 0;
  refused(*state, &s, &o, KVOX_ERROR_ARGUMENT, "struct_size");
}

/* Each is refused with its counters, has no part in the image, and what comes after it has. */
static void test_readouts(void **state) {
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(2, 8, 6, 2);
  scan_fill(&s, 3);
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  assert_fails(KVOX_ERROR_ARGUMENT, "readout", kvox_mri_recon_push(recon, NULL));
  for (int i = 0; i < 12; i++) {
    kvox_mri_readout r = scan_readout(&s, 0, 0, i / 6, i % 6);
    const kvox_mri_readout good = r;
    if (i > 0) {
      r.coils = 1;
      assert_fails(KVOX_ERROR_SIZE, "it has 1 coils, those before it 2", kvox_mri_recon_push(recon, &r));
      r = good;
      r.samples = 7;
      assert_fails(KVOX_ERROR_SIZE, "it has 7 samples, those before it 8", kvox_mri_recon_push(recon, &r));
    }
    r = good;
    r.counters[KVOX_MRI_STEP_1] = 6;
    assert_fails(KVOX_ERROR_DATA, "readout of line 6, ", kvox_mri_recon_push(recon, &r));
    r = good;
    r.counters[KVOX_MRI_STEP_2] = -1;
    assert_fails(KVOX_ERROR_DATA, "limits for the partition are 0 to 1", kvox_mri_recon_push(recon, &r));
    r = good;
    r.counters[KVOX_MRI_REPETITION] = 1;
    assert_fails(KVOX_ERROR_DATA, "repetition 1, ", kvox_mri_recon_push(recon, &r));
    r = good;
    r.counters[KVOX_MRI_SEGMENT] = 1000; /* has no limits */
    r.data = NULL;
    assert_fails(KVOX_ERROR_ARGUMENT, "no samples", kvox_mri_recon_push(recon, &r));
    r = good;
    r.center_sample = 5;
    assert_fails(KVOX_ERROR_DATA, "k = 0 at 5", kvox_mri_recon_push(recon, &r));
    r.center_sample = -7;
    assert_fails(KVOX_ERROR_DATA, "k = 0 at -7", kvox_mri_recon_push(recon, &r));
    r = good;
    r.discard_before = 8;
    assert_fails(KVOX_ERROR_ARGUMENT, "discarded", kvox_mri_recon_push(recon, &r));
    r = good;
    r.sample_time_us = NAN;
    assert_fails(KVOX_ERROR_ARGUMENT, "sample_time_us", kvox_mri_recon_push(recon, &r));
    r = good;
    s.line[8 + 3] = (float)INFINITY;
    assert_fails(KVOX_ERROR_DATA, "sample 3 of coil 1 is NaN or infinite", kvox_mri_recon_push(recon, &r));
    s.line[8 + 3] = -1e30F;
    assert_fails(KVOX_ERROR_DATA, "sample 3 of coil 1 is beyond 1e15", kvox_mri_recon_push(recon, &r));
    scan_push(&s, recon, 0, 0, i / 6, i % 6);
  }
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  scan_compare(&s, &o, NULL, images, 2e-6);
  free(images);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

static void test_noise(void **state) {
  kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(2, 8, 6, 1);
  kvox_array images;
  static float complex data[2 * 8 * 6];
  int64_t shape[5];
  scan_fill(&s, 3);
  o.snr_units = 1;
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  scan_push_all(&s, recon);
  assert_ok(kvox_mri_recon_shape(recon, shape));
  assert_ok(kvox_array_init(&images, data, KVOX_C64, 5, shape));
  assert_fails(KVOX_ERROR_DATA, "no noise readout", kvox_mri_recon_image(recon, NULL, &images));
  kvox_mri_recon_destroy(recon);
  /* Silent coils, and readouts of other coils than the noise's. */
  recon = recon_of(*state, &s, &o);
  s.flags = KVOX_MRI_NOISE;
  kvox_mri_readout noise = scan_readout(&s, 0, 0, 0, 0);
  memset(s.line, 0, sizeof s.line);
  assert_ok(kvox_mri_recon_push(recon, &noise));
  s.flags = 0;
  kvox_mri_readout r = scan_readout(&s, 0, 0, 0, 0);
  assert_fails(KVOX_ERROR_DATA, "zero", kvox_mri_recon_push(recon, &r));
  r.coils = 1;
  assert_fails(KVOX_ERROR_SIZE, "coils", kvox_mri_recon_push(recon, &r));
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

static void test_images(void **state) {
  scan s = scan_of(2, 8, 6, 1);
  static float data[2 * 2 * 8 * 6];
  const int64_t shapes[][5] = {{1, 1, 1, 6, 8}, {1, 1, 6, 8}, {1, 6, 8}, {1, 1, 1, 6, 7}, {2, 1, 6, 8}, {6, 8}};
  const int32_t ranks[] = {5, 4, 3, 5, 4, 2};
  scan_fill(&s, 3);
  kvox_mri_recon *recon = recon_of(*state, &s, NULL);
  scan_push_all(&s, recon);
  for (int i = 0; i < 6; i++) {
    const kvox_array images = array_of(data, i % 2 == 0 ? KVOX_F32 : KVOX_C64, ranks[i], shapes[i]);
    if (i < 3) {
      assert_ok(kvox_mri_recon_image(recon, NULL, &images));
    } else {
      assert_fails(KVOX_ERROR_SIZE, "[1, 1, 1, 6, 8]", kvox_mri_recon_image(recon, NULL, &images));
    }
  }
  const kvox_array wrong = array_of(data, KVOX_F64, 3, shapes[2]);
  assert_fails(KVOX_ERROR_ARGUMENT, "images", kvox_mri_recon_image(recon, NULL, &wrong));
  assert_fails(KVOX_ERROR_ARGUMENT, "images", kvox_mri_recon_image(recon, NULL, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "recon", kvox_mri_recon_image(NULL, NULL, &wrong));
  kvox_mri_recon_destroy(recon);
  kvox_mri_recon_destroy(NULL);
  scan_free(&s);
}

/* Images may have any strides: backwards along every axis. */
static void test_strides(void **state) {
  scan s = scan_of(2, 8, 6, 1);
  s.slices = 3;
  scan_fill(&s, 3);
  kvox_mri_recon *recon = recon_of(*state, &s, NULL);
  scan_push_all(&s, recon);
  float *dense = recon_images(recon, KVOX_F32, NULL);
  static float data[3 * 6 * 8];
  kvox_array images = array_of(data, KVOX_F32, 3, (int64_t[]){3, 6, 8});
  images.data = data + 3 * 6 * 8 - 1;
  for (int d = 0; d < 3; d++) {
    images.strides[d] = -images.strides[d];
  }
  assert_ok(kvox_mri_recon_image(recon, NULL, &images));
  for (int i = 0; i < 3 * 6 * 8; i++) {
    assert_true(data[3 * 6 * 8 - 1 - i] == dense[i]);
  }
  free(dense);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

static int32_t stop_at_half(void *user, double fraction) {
  (void)user;
  return fraction > 0.5;
}

/* Told more than once before all is done, never backwards; then the host wants no more. */
static int32_t stop_in_the_middle(void *user, double fraction) {
  double *last = user;
  assert_true(fraction >= *last);
  *last = fraction;
  return fraction > 0.2 && fraction < 1;
}

/* One slab is not finished first. */
static void test_cancelled_slab(void **state) {
  for (int partial = KVOX_MRI_ZERO_FILL; partial <= KVOX_MRI_POCS; partial += KVOX_MRI_POCS) {
    scan s = scan_of(2, 24, 20, 16);
    kvox_mri_recon_options o;
    kvox_workspace *workspace = NULL;
    static float data[16 * 20 * 24];
    double last = 0;
    const kvox_array images = array_of(data, KVOX_F32, 3, (int64_t[]){16, 20, 24});
    kvox_mri_recon_options_init(&o);
    o.partial = partial;
    s.protocol.limits[0].first = 4;
    scan_fill(&s, 3);
    kvox_mri_recon *recon = recon_of(*state, &s, &o);
    scan_push_all(&s, recon);
    assert_ok(kvox_workspace_create(*state, &workspace));
    kvox_workspace_set_progress(workspace, stop_in_the_middle, &last);
    assert_int_equal(kvox_mri_recon_image(recon, workspace, &images), KVOX_ERROR_CANCELLED);
    assert_true(last > 0.2 && last < 1);
    kvox_workspace_set_progress(workspace, NULL, NULL);
    assert_ok(kvox_mri_recon_image(recon, workspace, &images));
    kvox_workspace_destroy(workspace);
    kvox_mri_recon_destroy(recon);
    scan_free(&s);
  }
}

static void test_cancelled(void **state) {
  scan s = scan_of(2, 8, 6, 1);
  kvox_workspace *workspace = NULL;
  static float data[4 * 6 * 8];
  const kvox_array images = array_of(data, KVOX_F32, 3, (int64_t[]){4, 6, 8});
  s.slices = 4;
  scan_fill(&s, 3);
  kvox_mri_recon *recon = recon_of(*state, &s, NULL);
  scan_push_all(&s, recon);
  assert_ok(kvox_workspace_create(*state, &workspace));
  kvox_workspace_set_progress(workspace, stop_at_half, NULL);
  assert_int_equal(kvox_mri_recon_image(recon, workspace, &images), KVOX_ERROR_CANCELLED);
  kvox_workspace_set_progress(workspace, NULL, NULL);
  assert_ok(kvox_mri_recon_image(recon, workspace, &images));
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "fourier");
  kvox_workspace_destroy(workspace);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

static void test_not_parallel(void **state) {
  scan s = scan_of(1, 8, 6, 1);
  kvox_grid grid;
  s.slices = 2;
  scan_fill(&s, 3);
  kvox_mri_recon *recon = recon_of(*state, &s, NULL);
  scan_push(&s, recon, 0, 0, 0, 0);
  kvox_mri_readout r = scan_readout(&s, 0, 1, 0, 0);
  const double read[3] = {0, 0, 1}, slice[3] = {1, 0, 0};
  memcpy(r.read_axis, read, sizeof read);
  memcpy(r.slice_axis, slice, sizeof slice);
  assert_ok(kvox_mri_recon_grid(recon, &grid, NULL));
  const kvox_mri_readout turned = r;
  memcpy(r.read_axis, slice, sizeof slice); /* along the slice axis: these axes are no frame, and tell nothing */
  assert_ok(kvox_mri_recon_push(recon, &r));
  assert_ok(kvox_mri_recon_grid(recon, &grid, NULL));
  assert_close(grid.axes[0][0], 1, 0);
  r = turned;
  assert_ok(kvox_mri_recon_push(recon, &r));
  assert_fails(KVOX_ERROR_GEOMETRY, "not parallel", kvox_mri_recon_grid(recon, &grid, NULL));
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

/* ---- Memory ---- */

/* All of a scan on a heap that counts; options by number. */
static void check_memory(int how) {
  failing_heap *heap = failing_heap_create();
  kvox_context_options options = failing_heap_options(heap);
  kvox_context *context = NULL;
  kvox_mri_recon *recon = NULL;
  kvox_workspace *workspace = NULL;
  kvox_memory_use told, later;
  kvox_mri_recon_options o;
  static float data[2 * 60 * 64];
  const kvox_array images = array_of(data, KVOX_F32, 4, (int64_t[]){2, 1, 60, 64});
  scan s = scan_of(8, 64, 60, 1);
  s.frames = 2;
  scan_fill(&s, 3);
  kvox_mri_recon_options_init(&o);
  o.combine = how == 1 ? KVOX_MRI_ADAPTIVE : KVOX_MRI_ROOT_SUM_OF_SQUARES;
  o.virtual_coils = how == 2 || how == 4 ? 3 : 0;
  o.noise = how == 4 ? KVOX_MRI_NOISE_FROM_EDGES : KVOX_MRI_NOISE_IGNORED; /* what is measured may come or not */
  o.partial = how == 5 ? KVOX_MRI_POCS : KVOX_MRI_ZERO_FILL;
  s.protocol.limits[0].first = how == 5 ? 12 : 0;
  s.protocol.trajectory = how == 3 ? KVOX_MRI_EPI : KVOX_MRI_CARTESIAN;
  options.threads = 2;
  options.backend = KVOX_BACKEND_CPU;
  assert_ok(kvox_context_create(&options, &context));
  assert_ok(kvox_workspace_create(context, &workspace));
  const int64_t before = heap->bytes;
  assert_ok(kvox_mri_recon_create(context, &s.protocol, &o, &recon));
  assert_ok(kvox_mri_recon_memory(recon, &told));
  scan_push_all(&s, recon);
  assert_ok(kvox_mri_recon_image(recon, workspace, &images));
  assert_ok(kvox_mri_recon_memory(recon, &later));
  assert_true(later.plan == told.plan && later.workspace == told.workspace);
  assert_true(heap->most_bytes - before <= (int64_t)(told.plan + told.workspace));
  /* Not more than a twentieth too much; navigators that could come are as much again. */
  assert_true((int64_t)(told.plan + told.workspace) <= (heap->most_bytes - before) / 20 * (how == 3 ? 22 : 21));
  assert_true(kvox_workspace_bytes(workspace) == told.workspace);
  /* Warm: pushes and images allocate nothing, also where matrices and ghosts are found anew. */
  int64_t calls = heap->calls;
  scan_push_all(&s, recon);
  assert_ok(kvox_mri_recon_image(recon, workspace, &images));
  assert_true(heap->calls == calls);
  kvox_mri_recon_destroy(recon);
  /* Nor does the first image, where only the caller's workspace is warm, nor a push after the first line. */
  assert_ok(kvox_mri_recon_create(context, &s.protocol, &o, &recon));
  scan_push(&s, recon, 0, 0, 0, 12);
  calls = heap->calls;
  scan_push_all(&s, recon);
  assert_ok(kvox_mri_recon_image(recon, workspace, &images));
  assert_true(heap->calls == calls);
  kvox_mri_recon_destroy(recon);
  /* What was told is enough; next to nothing is not. */
  o.memory_limit = told.plan + told.workspace;
  assert_ok(kvox_mri_recon_create(context, &s.protocol, &o, &recon));
  kvox_mri_recon_destroy(recon);
  o.memory_limit = 1;
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "at least", kvox_mri_recon_create(context, &s.protocol, &o, &recon));
  s.protocol.coils = 0;
  assert_ok(kvox_mri_recon_create(context, &s.protocol, &o, &recon));
  assert_fails(KVOX_ERROR_ARGUMENT, "not known", kvox_mri_recon_memory(recon, &told));
  const kvox_mri_readout r = scan_readout(&s, 0, 0, 0, 12);
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "at least", kvox_mri_recon_push(recon, &r));
  kvox_mri_recon_destroy(recon);
  kvox_workspace_destroy(workspace);
  kvox_context_destroy(context);
  failing_heap_destroy(heap);
  scan_free(&s);
}

/* The least that a sentence names does, one byte less does not, whichever limit was tried first; with it the image is
 * the same. */
static void test_least_memory(void **state) {
  kvox_mri_recon_options o;
  scan s = scan_of(2, 32, 28, 24);
  scan_fill(&s, 3);
  kvox_mri_recon_options_init(&o);
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  scan_push_all(&s, recon);
  int64_t count;
  float *must = recon_images(recon, KVOX_F32, &count);
  kvox_mri_recon_destroy(recon);
  uint64_t least = 0;
  for (int i = 0; i < 2; i++) {
    o.memory_limit = i == 0 ? 1 : least - 1;
    assert_fails(KVOX_ERROR_MEMORY_LIMIT, "at least", kvox_mri_recon_create(*state, &s.protocol, &o, &recon));
    const char *number = strstr(kvox_last_error(), "at least ") + strlen("at least ");
    const uint64_t named = strtoull(number, NULL, 10);
    assert_true(i == 0 || named == least);
    least = named;
  }
  for (uint64_t more = 0; more < 100000; more += 33333) {
    kvox_memory_use told;
    o.memory_limit = least + more;
    recon = recon_of(*state, &s, &o);
    assert_ok(kvox_mri_recon_memory(recon, &told));
    assert_true(told.plan + told.workspace <= o.memory_limit);
    scan_push_all(&s, recon);
    float *is = recon_images(recon, KVOX_F32, NULL);
    assert_memory_equal(is, must, (size_t)count * sizeof *is);
    free(is);
    kvox_mri_recon_destroy(recon);
  }
  free(must);
  scan_free(&s);
}

static void test_memory(void **state) {
  (void)state;
  for (int how = 0; how < 6; how++) {
    check_memory(how);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_protocol),  cmocka_unit_test(test_options),        cmocka_unit_test(test_readouts),
      cmocka_unit_test(test_noise),     cmocka_unit_test(test_images),         cmocka_unit_test(test_strides),
      cmocka_unit_test(test_cancelled), cmocka_unit_test(test_cancelled_slab), cmocka_unit_test(test_not_parallel),
      cmocka_unit_test(test_memory),    cmocka_unit_test(test_least_memory),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
