/* Phase unwrapping: fields that are known, islands, residues, odd shapes, and the order of joining against a plain one.
 */
#include "mri/support.h"
#include "mri/unwrap_nodes.h"

enum { MOST = 48 * 48 * 48 };

static double truth[MOST];
static float phase[MOST], unwrapped[MOST], again[2 * MOST];
static uint8_t mask[MOST];

static kvox_array volume_of(float *data, const int64_t size[3]) {
  return array_of(data, KVOX_F32, 3, (int64_t[]){size[2], size[1], size[0]});
}

static int64_t voxels_of(const int64_t size[3]) { return size[0] * size[1] * size[2]; }

static void wrap_truth(int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    phase[i] = (float)(truth[i] - 2 * pi * rint(truth[i] / (2 * pi)));
  }
}

static void unwrap(void *context, const int64_t size[3], const kvox_array *inside) {
  const kvox_array in = volume_of(phase, size), out = volume_of(unwrapped, size);
  kvox_mri_unwrap_options options;
  kvox_mri_unwrap_options_init(&options);
  options.mask = inside;
  assert_ok(kvox_mri_unwrap(context, &options, NULL, &in, &out));
}

/* What is added are whole turns, to the rounding of the result. */
static void check_wrapped(int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const double added = (double)unwrapped[i] - phase[i];
    assert_close(added, 2 * pi * rint(added / (2 * pi)), 1e-6 + 0x1p-24 * fabs((double)unwrapped[i]));
  }
}

static int compare_floats(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* The median of those of a label is within half a turn of 0. */
static void check_median(int64_t count, uint8_t label) {
  int64_t taken = 0;
  for (int64_t i = 0; i < count; i++) {
    if (mask[i] == label) {
      again[taken++] = unwrapped[i];
    }
  }
  qsort(again, (size_t)taken, sizeof *again, compare_floats);
  assert_true(fabs((double)again[(taken - 1) / 2]) <= pi + 1e-5);
}

/* All of a label differ from the truth by one number. */
static void check_truth(int64_t count, uint8_t label) {
  double shift = 0;
  bool first = true;
  for (int64_t i = 0; i < count; i++) {
    if (mask[i] == label) {
      const double difference = unwrapped[i] - truth[i];
      shift = first ? 2 * pi * rint(difference / (2 * pi)) : shift;
      first = false;
      assert_close(difference, shift, 1e-6 + 0x1p-23 * fabs((double)unwrapped[i]));
    }
  }
}

static void check_all(void *context, const int64_t size[3]) {
  const int64_t count = voxels_of(size);
  memset(mask, 1, (size_t)count);
  wrap_truth(count);
  unwrap(context, size, NULL);
  check_wrapped(count);
  check_truth(count, 1);
  check_median(count, 1);
}

/* Slopes up to just below half a turn. */
static void test_ramps(void **state) {
  static const int64_t sizes[][3] = {{1, 1, 1},    {2, 1, 1},    {1, 7, 1},  {1, 1, 9}, {300, 1, 1},
                                     {2, 2, 1},    {2, 2, 2},    {3, 2, 1},  {1, 3, 2}, {3, 3, 3},
                                     {97, 101, 1}, {31, 17, 23}, {1, 64, 5}, {5, 1, 70}};
  static const double slopes[][3] = {{0.5, -0.3, 0.2}, {3.0, -3.1, 2.9}, {-1.7, 0, 3.13}};
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    for (size_t k = 0; k < 3; k++) {
      const int64_t *n = sizes[s];
      for (int64_t i = 0; i < voxels_of(n); i++) {
        truth[i] = slopes[k][0] * (double)(i % n[0]) + slopes[k][1] * (double)(i / n[0] % n[1]) +
                   slopes[k][2] * (double)(i / (n[0] * n[1]));
      }
      check_all(*state, n);
    }
  }
}

/* Noise of 0.3 rad on slopes up to 1.4 rad: neighbours that differ by more than half a turn are rare (4 deviations),
 * and good paths lead around them. */
static void make_bowl(const int64_t n[3], double noise, uint64_t seed) {
  const double most = 1.4;
  for (int64_t i = 0; i < voxels_of(n); i++) {
    const double at[3] = {(double)(i % n[0]), (double)(i / n[0] % n[1]), (double)(i / (n[0] * n[1]))};
    truth[i] = 0;
    for (int d = 0; d < 3; d++) {
      const double x = at[d] - 0.45 * (double)n[d];
      truth[i] += (d == 1 ? -1 : 1) * x * x * most / (1.1 * (double)n[d]);
    }
    truth[i] += noise * sqrt(2) * creal(random_normal(&seed));
  }
}

static void test_noisy_bowls(void **state) {
  for (uint64_t seed = 1; seed <= 3; seed++) {
    make_bowl((int64_t[]){180, 173, 1}, 0.3, seed);
    check_all(*state, (int64_t[]){180, 173, 1});
    make_bowl((int64_t[]){43, 48, 45}, 0.3, seed);
    check_all(*state, (int64_t[]){43, 48, 45});
  }
}

/* Two discs, and two voxels that touch at a corner alone; around them noise and what is no number. */
static void test_islands(void **state) {
  const int64_t n[3] = {90, 60, 1};
  uint64_t seed = 5;
  for (int64_t i = 0; i < voxels_of(n); i++) {
    const double x = (double)(i % n[0]), y = (double)(i / n[0]);
    const bool a = hypot(x - 25, y - 30) < 20.2, b = hypot(x - 66, y - 28) < 15.5;
    mask[i] = a ? 1 : b ? 2 : i == 89 ? 3 : i == 88 + 90 ? 4 : 0;
    truth[i] = a ? 0.9 * x + 0.4 * y + 40 : b ? 0.03 * x * y - 30 : 100 * x;
  }
  wrap_truth(voxels_of(n));
  for (int64_t i = 0; i < voxels_of(n); i++) {
    phase[i] = mask[i] == 0 ? (i % 3 == 0 ? NAN : (float)(pi * random_signed(&seed))) : phase[i];
  }
  const kvox_array inside = array_of(mask, KVOX_U8, 3, (int64_t[]){1, n[1], n[0]});
  unwrap(*state, n, &inside);
  for (uint8_t label = 1; label <= 4; label++) {
    check_truth(voxels_of(n), label);
    check_median(voxels_of(n), label);
  }
  for (int64_t i = 0; i < voxels_of(n); i++) {
    assert_true(mask[i] != 0 || unwrapped[i] == 0);
  }
  assert_true(unwrapped[89] == phase[89] && unwrapped[88 + 90] == phase[88 + 90]);
}

/* Around a residue values cannot fit everywhere: there is one seam from it, and whole turns are added nevertheless. */
static void test_residues(void **state) {
  const int64_t n[3] = {120, 110, 1};
  for (int64_t i = 0; i < voxels_of(n); i++) {
    const double x = (double)(i % n[0]) - 70.5, y = (double)(i / n[0]) - 40.5;
    phase[i] = (float)atan2(y, x);
  }
  unwrap(*state, n, NULL);
  check_wrapped(voxels_of(n));
  int seam = 0;
  for (int64_t i = 0; i < voxels_of(n); i++) {
    seam += i % n[0] + 1 < n[0] && fabs((double)unwrapped[i + 1] - unwrapped[i]) > pi;
    seam += i / n[0] + 1 < n[1] && fabs((double)unwrapped[i + n[0]] - unwrapped[i]) > pi;
  }
  assert_true(seam >= 39 && seam <= 400);
  /* Noise alone: residues everywhere. */
  uint64_t seed = 3;
  for (int64_t i = 0; i < MOST; i++) {
    phase[i] = (float)(pi * random_signed(&seed));
  }
  unwrap(*state, (int64_t[]){48, 48, 48}, NULL);
  check_wrapped(MOST);
}

/* ---- The order of joining ---- */

static int compare_words(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* All pairs sorted, groups renumbered whole: O(n^2), but plain. */
static void join_plainly(const kvox_unwrap *u, int64_t *group, int64_t *offset) {
  static uint64_t words[3 * 4096];
  const int64_t *n = u->size, steps[3] = {1, n[0], n[0] * n[1]};
  int64_t count = 0;
  for (int64_t v = 0; v < u->voxels; v++) {
    const int64_t at[3] = {v % n[0], v / n[0] % n[1], v / (n[0] * n[1])};
    group[v] = v;
    offset[v] = 0;
    for (int a = 0; a < 3; a++) {
      if (at[a] + 1 < n[a] && !isnan(u->turns[v]) && !isnan(u->turns[v + steps[a]])) {
        const float sum = u->reliability[v] + u->reliability[v + steps[a]];
        uint32_t bits;
        memcpy(&bits, &sum, sizeof bits);
        words[count++] = (uint64_t)((0x7f800000u - (bits & ~31u)) >> 5) << 38 | (uint64_t)(a * u->voxels + v);
      }
    }
  }
  qsort(words, (size_t)count, sizeof *words, compare_words);
  for (int64_t i = 0; i < count; i++) {
    const int64_t edge = (int64_t)(words[i] & ((UINT64_C(1) << 38) - 1)), a = edge % u->voxels;
    const int64_t b = a + steps[edge / u->voxels];
    const int64_t from = group[b], to = group[a];
    const int64_t shift = offset[a] - offset[b] - (int64_t)rint((double)u->turns[b] - (double)u->turns[a]);
    for (int64_t v = 0; from != to && v < u->voxels; v++) {
      if (group[v] == from) {
        group[v] = to;
        offset[v] += shift;
      }
    }
  }
}

static void compare_joining(const kvox_threads *threads, const int64_t size[3], const int64_t parts[3], bool flat,
                            uint64_t seed) {
  static int64_t group[4096], offset[4096], roots[4096];
  kvox_unwrap u = {.size = {size[0], size[1], size[2]}, .voxels = voxels_of(size), .threads = threads};
  memcpy(u.parts, parts, sizeof u.parts);
  void *block = aligned_alloc(64, (size_t)(kvox_unwrap_bytes(&u, threads->limit) + 63) / 64 * 64);
  assert_non_null(block);
  kvox_unwrap_lay(&u, block);
  for (int64_t v = 0; v < u.voxels; v++) {
    const double value = flat ? 0.2 : 0.5 * random_signed(&seed);
    u.turns[v] = random_bits(&seed) % 8 == 0 ? NAN : (float)value;
  }
  for (int64_t row = 0; row < size[1] * size[2]; row++) {
    kvox_unwrap_rate(&u, row);
  }
  join_plainly(&u, group, offset);
  assert_ok(kvox_unwrap_join(&u, NULL));
  for (int64_t v = 0; v < u.voxels; v++) {
    int64_t mine;
    roots[v] = kvox_unwrap_find(u.nodes, v, &mine);
    /* The same groups, and the same difference to a group's first voxel. */
    int64_t first = 0, first_offset;
    while (group[first] != group[v]) {
      first++;
    }
    assert_int_equal(kvox_unwrap_find(u.nodes, first, &first_offset), roots[v]);
    assert_int_equal(mine - first_offset, offset[v] - offset[first]);
  }
  free(block);
}

/* Any blocks give the same, down to one voxel each. */
static void test_order(void **state) {
  (void)state;
  static const int64_t cases[][2][3] = {
      {{60, 61, 1}, {1, 1, 1}},     {{60, 61, 1}, {7, 4, 1}},  {{60, 61, 1}, {30, 61, 1}},
      {{13, 11, 17}, {1, 1, 1}},    {{13, 11, 17}, {2, 1, 3}}, {{13, 11, 17}, {3, 5, 4}},
      {{13, 11, 17}, {13, 11, 17}}, {{1, 1, 50}, {1, 1, 6}},   {{7, 2, 3}, {3, 2, 1}}};
  kvox_context *context = context_of_threads(3);
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    for (uint64_t seed = 77; seed < 80; seed++) {
      compare_joining(&context->threads, cases[c][0], cases[c][1], seed == 77, seed);
    }
  }
  kvox_context_destroy(context);
}

/* ---- The rest of the contract ---- */

static void test_threads_strides_and_place(void **state) {
  (void)state;
  const int64_t n[3] = {43, 48, 45};
  make_bowl(n, 1.2, 11);
  wrap_truth(voxels_of(n));
  kvox_context *three = context_of_threads(3), *one = context_of_threads(1);
  unwrap(three, n, NULL);
  const kvox_array in = volume_of(phase, n);
  kvox_array spread = volume_of(again, n);
  for (int d = 0; d < 3; d++) {
    spread.strides[d] *= 2;
  }
  assert_ok(kvox_mri_unwrap(one, NULL, NULL, &in, &spread));
  for (int64_t i = 0; i < voxels_of(n); i++) {
    assert_memory_equal(&again[2 * i], &unwrapped[i], sizeof *again);
  }
  assert_ok(kvox_mri_unwrap(three, NULL, NULL, &in, &in));
  assert_memory_equal(phase, unwrapped, (size_t)voxels_of(n) * sizeof *phase);
  kvox_context_destroy(one);
  kvox_context_destroy(three);
}

/* Slices are unwrapped as each alone, side by side; a period of another unit scales. */
static void test_slices_and_period(void **state) {
  const int64_t n[3] = {61, 50, 12}, plane = 61 * 50;
  make_bowl(n, 0.8, 21);
  wrap_truth(voxels_of(n));
  const kvox_array in = volume_of(phase, n), out = volume_of(unwrapped, n);
  kvox_mri_unwrap_options options;
  kvox_mri_unwrap_options_init(&options);
  options.dimensions = 2;
  assert_ok(kvox_mri_unwrap(*state, &options, NULL, &in, &out));
  for (int64_t z = 0; z < n[2]; z++) {
    const kvox_array slice = volume_of(phase + z * plane, (int64_t[]){61, 50, 1});
    const kvox_array alone = volume_of(again, (int64_t[]){61, 50, 1});
    assert_ok(kvox_mri_unwrap(*state, NULL, NULL, &slice, &alone));
    assert_memory_equal(again, unwrapped + z * plane, (size_t)plane * sizeof *again);
  }
  for (int64_t i = 0; i < voxels_of(n); i++) {
    phase[i] = (float)(phase[i] * 250 / pi);
  }
  options.period = 500;
  const kvox_array hertz = volume_of(again, n);
  assert_ok(kvox_mri_unwrap(*state, &options, NULL, &in, &hertz));
  for (int64_t i = 0; i < voxels_of(n); i++) {
    assert_close(again[i], unwrapped[i] * 250 / pi, 1e-3);
  }
}

/* Values that come wrapped to 0 ... 2 pi, or to nothing: the median decides. */
static void test_other_ranges(void **state) {
  const int64_t n[3] = {50, 40, 1};
  memset(mask, 1, MOST);
  for (int64_t i = 0; i < voxels_of(n); i++) {
    truth[i] = 0.4 * (double)(i % n[0]) - 100 + 1e-3 * (double)i;
    phase[i] = (float)(truth[i] - 2 * pi * floor(truth[i] / (2 * pi)));
  }
  unwrap(*state, n, NULL);
  check_truth(voxels_of(n), 1);
  check_median(voxels_of(n), 1);
  for (int64_t i = 0; i < voxels_of(n); i++) {
    phase[i] = (float)pi;
  }
  unwrap(*state, n, NULL);
  assert_memory_equal(unwrapped, phase, (size_t)voxels_of(n) * sizeof *phase);
}

static void test_memory(void **state) {
  (void)state;
  const int64_t n[3] = {43, 48, 45};
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.memory_limit = 1 << 20;
  kvox_context *context = NULL, *unlimited = context_of_threads(2);
  assert_ok(kvox_context_create(&options, &context));
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(unlimited, &workspace));
  kvox_memory_use use;
  const kvox_array in = volume_of(phase, n), out = volume_of(unwrapped, n);
  make_bowl(n, 0.1, 3);
  wrap_truth(voxels_of(n));
  assert_ok(kvox_mri_unwrap_memory(unlimited, NULL, 3, in.shape, &use));
  assert_ok(kvox_mri_unwrap(unlimited, NULL, workspace, &in, &out));
  assert_int_equal(use.workspace, kvox_workspace_bytes(workspace));
  assert_true(use.workspace <= (uint64_t)(24 * voxels_of(n)) + 2 * (5 << 18) + (1 << 18));
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "limit", kvox_mri_unwrap(context, NULL, NULL, &in, &out));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "2^36",
               kvox_mri_unwrap_memory(context, NULL, 3, (int64_t[]){1 << 20, 1 << 10, 1 << 10}, &use));
  kvox_workspace_destroy(workspace);
  kvox_context_destroy(unlimited);
  kvox_context_destroy(context);
}

static int32_t stop(void *user, double fraction) {
  double *last = user;
  assert_true(fraction >= *last);
  *last = fraction;
  return fraction > 0.5;
}

static void test_cancelled(void **state) {
  const int64_t n[3] = {43, 48, 45};
  double last = 0;
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(*state, &workspace));
  kvox_workspace_set_progress(workspace, stop, &last);
  const kvox_array in = volume_of(phase, n), out = volume_of(unwrapped, n);
  assert_fails(KVOX_ERROR_CANCELLED, "cancelled", kvox_mri_unwrap(*state, NULL, workspace, &in, &out));
  kvox_workspace_destroy(workspace);
}

static void test_refused(void **state) {
  const int64_t n[3] = {20, 10, 4};
  kvox_array in = volume_of(phase, n);
  const kvox_array out = volume_of(unwrapped, n);
  kvox_mri_unwrap_options options;
  kvox_mri_unwrap_options_init(&options);
  memset(phase, 0, sizeof phase);
  options.dimensions = 4;
  assert_fails(KVOX_ERROR_ARGUMENT, "dimensions is 4, must be 2, or 3",
               kvox_mri_unwrap(*state, &options, NULL, &in, &out));
  options.dimensions = 0;
  options.period = -1;
  assert_fails(KVOX_ERROR_ARGUMENT, "period is -1", kvox_mri_unwrap(*state, &options, NULL, &in, &out));
  options.period = 0;
  const kvox_array small = array_of(mask, KVOX_U8, 3, (int64_t[]){4, 10, 19});
  options.mask = &small;
  assert_fails(KVOX_ERROR_SIZE, "must be 4 x 10 x 20", kvox_mri_unwrap(*state, &options, NULL, &in, &out));
  phase[20 * 10 * 2 + 20 * 3 + 4] = INFINITY;
  assert_fails(KVOX_ERROR_DATA, "volume 0 at z 2, y 3, x 4", kvox_mri_unwrap(*state, NULL, NULL, &in, &out));
  const kvox_array shifted = volume_of(phase + 1, n);
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_unwrap(*state, NULL, NULL, &in, &shifted));
  in.rank = 2;
  assert_fails(KVOX_ERROR_ARGUMENT, "[.., z, y, x]", kvox_mri_unwrap(*state, NULL, NULL, &in, &out));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ramps),
      cmocka_unit_test(test_noisy_bowls),
      cmocka_unit_test(test_islands),
      cmocka_unit_test(test_residues),
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_threads_strides_and_place),
      cmocka_unit_test(test_slices_and_period),
      cmocka_unit_test(test_other_ranges),
      cmocka_unit_test(test_memory),
      cmocka_unit_test(test_cancelled),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
