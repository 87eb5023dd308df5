/* Joseph's pair: an exact adjoint, line integrals, the same bits however the work is cut. */
#include "ct/rays_scans.h"

/* Odd sizes, voxels unlike in every direction, parts of the grid beside the rays. */
static const rays_case cases[] = {
    {SCAN_CONE, {23, 19, 31}, {33, 29, 21}, {1.1, 0.9, 1.3}, {3, -2, 1}},
    {SCAN_CONE, {9, 5, 7}, {70, 41, 50}, {0.7, 1.1, 0.4}, {20, -12, 9}},
    {SCAN_SHORT_OFFSET, {31, 17, 33}, {37, 41, 19}, {0.8, 0.8, 2.2}, {0, 0, 0}},
    {SCAN_FAN, {27, 7, 39}, {35, 36, 9}, {1, 1.2, 1.5}, {-4, 5, 0.3}},
    {SCAN_PARALLEL, {20, 9, 33}, {29, 31, 11}, {1, 1.2, 0.8}, {1.3, -2.1, 0.4}},
    {SCAN_SAGGING, {17, 21, 29}, {31, 33, 23}, {1.1, 0.9, 1.3}, {3, -2, 1}},
    {SCAN_MATRICES, {13, 20, 27}, {40, 27, 21}, {0.8, 1.4, 1.3}, {15, -2, 1}},
    {SCAN_FLIPPED, {23, 19, 31}, {33, 29, 21}, {1.1, 0.9, 1.3}, {3, -2, 1}},
    {SCAN_TILTED, {15, 21, 29}, {31, 33, 23}, {1.1, 0.9, 1.3}, {0, -2, 1}},
    {SCAN_ALONG_Z, {15, 21, 29}, {31, 33, 23}, {1.1, 0.9, 1.3}, {0, -2, 1}},
    {SCAN_STEEP, {11, 13, 17}, {31, 33, 23}, {1.1, 0.9, 1.3}, {0, -2, 1}},
    {SCAN_CONE, {5, 7, 9}, {40, 37, 3}, {0.5, 0.5, 1.3}, {0, 0, 0}}, /* a tile is wider than all else is long */
    {SCAN_FAN, {5, 1, 12}, {31, 33, 1}, {0.5, 0.5, 1.3}, {0, 0, 0}},
    {SCAN_CONE, {3, 1, 1}, {1, 1, 1}, {2, 2, 2}, {0, 0, 0}},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* |<A x, y> - <x, A^T y>| / (|A x| |y|) < 1e-5: the bar of every operator here. */
static void transposes_are_exact(void **state) {
  (void)state;
  for (int32_t level = KVOX_CPU_REF; level <= KVOX_CPU_AVX512; level++) {
    double worst = 0;
    for (int i = 0; has_level(level) && i < CASES; i++) {
      rays_pair p = make_rays_pair(&cases[i], level, 2, 0);
      run_pair(&p);
      const double left = dot_of(p.forward, p.y, p.samples);
      const double right = dot_of(volume_samples(p.x), volume_samples(p.back), p.voxels);
      const double size = sqrt(dot_of(p.forward, p.forward, p.samples)) * sqrt(dot_of(p.y, p.y, p.samples));
      assert_true(size > 0);
      assert_close((left - right) / size, 0, 1e-5);
      worst = fmax(worst, fabs(left - right) / size);
      drop_rays_pair(&p);
    }
    if (has_level(level)) {
      print_message("adjoint, %s: at most %.2g\n", kvox_cpu_level_name(level), worst);
    }
  }
}

static double most_of(const float *values, int64_t count) {
  double most = 0;
  for (int64_t i = 0; i < count; i++) {
    most = fmax(most, fabs((double)values[i]));
  }
  return most;
}

static void compare_to(const float *got, const float *want, int64_t count) {
  const double bound = 1e-5 * most_of(want, count);
  for (int64_t i = 0; i < count; i++) {
    assert_close((double)got[i], (double)want[i], bound);
  }
}

/* The pair at every level is the oracle's: 1e-5 of the range. */
static void levels_agree(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    rays_pair want = make_rays_pair(&cases[i], KVOX_CPU_REF, 2, 0);
    run_pair(&want);
    for (int32_t level = KVOX_CPU_REF + 1; level <= KVOX_CPU_AVX512; level++) {
      if (has_level(level)) {
        rays_pair p = make_rays_pair(&cases[i], level, 2, 0);
        run_pair(&p);
        compare_to(p.forward, want.forward, p.samples);
        compare_to(volume_samples(p.back), volume_samples(want.back), p.voxels);
        drop_rays_pair(&p);
      }
    }
    drop_rays_pair(&want);
  }
}

static void every_cut_gives_the_same_bits(void **state) {
  (void)state;
  for (int32_t level = KVOX_CPU_REF; level <= KVOX_CPU_AVX512; level++) {
    for (int i = 0; has_level(level) && i < CASES - 1; i++) {
      rays_pair first = make_rays_pair(&cases[i], level, 1, 0);
      run_pair(&first);
      kvox_memory_use use;
      assert_ok(kvox_ct_operator_memory(first.operation, &use));
      for (int32_t n = 0; n < 3; n++) {
        static const int32_t threads[] = {7, 1, 2};
        /* One worker, and a few views at once. */
        const uint64_t limit = n == 0 ? 0 : use.workspace * (n == 1 ? 3 : 4) / 4;
        kvox_ct_operator *tried = NULL;
        kvox_ct_operator_options options;
        kvox_ct_operator_options_init(&options);
        options.grid = &first.grid;
        options.memory_limit = limit;
        options.method = KVOX_CT_OPERATOR_JOSEPH;
        if (limit > 0 && kvox_ct_operator_create(first.context, first.geometry, &options, &tried) != KVOX_OK) {
          continue; /* one view is all there is */
        }
        kvox_ct_operator_destroy(tried);
        rays_pair p = make_rays_pair(&cases[i], level, threads[n], limit);
        run_pair(&p);
        assert_memory_equal(p.forward, first.forward, (size_t)p.samples * sizeof(float));
        assert_memory_equal(volume_samples(p.back), volume_samples(first.back), (size_t)p.voxels * sizeof(float));
        drop_rays_pair(&p);
      }
      drop_rays_pair(&first);
    }
  }
}

/* A ray along an axis gets the length of the box of whole voxels; one beside it fades over a voxel. */
static void boxes_give_chords(void **state) {
  static const kvox_ct_view along[3] = {
      {0, {1, 0, 0}, {0, 0, 0}, {0, 1, 0}, {0, 0, 1}},
      {0, {0, -1, 0}, {0, 0, 0}, {1, 0, 0}, {0, 0, 1}},
      {0, {0, 0, 1}, {0, 0, 0}, {1, 0, 0}, {0, 1, 0}},
  };
  const int64_t shape[3] = {3, 3, 5}, size[3] = {14, 12, 6};
  const double spacing_mm[3] = {1.5, 0.5, 1}, want[3] = {21, 6, 6};
  const rays_case what = {SCAN_CONE, {1, 1, 1}, {14, 12, 6}, {1.5, 0.5, 1}, {0, 0, 0}};
  (void)state;
  for (int32_t level = KVOX_CPU_REF; level <= KVOX_CPU_AVX512; level++) {
    if (!has_level(level)) {
      continue;
    }
    rays_pair p = make_rays_pair(&what, level, 2, 0);
    kvox_ct_geometry *geometry = NULL;
    kvox_ct_operator *operation = NULL;
    kvox_ct_operator_options options;
    float samples[45];
    kvox_array array;
    assert_ok(kvox_grid_init(&p.grid, size, spacing_mm, NULL));
    kvox_ct_operator_options_init(&options);
    options.grid = &p.grid;
    assert_ok(kvox_ct_geometry_create_views(p.context, KVOX_CT_PARALLEL, shape[1], shape[2], along, 3, &geometry));
    assert_ok(kvox_ct_operator_create(p.context, geometry, &options, &operation));
    assert_ok(kvox_array_init(&array, samples, KVOX_F32, 3, shape));
    for (int64_t i = 0; i < p.voxels; i++) {
      volume_samples(p.x)[i] = 1;
    }
    assert_ok(kvox_ct_project(operation, NULL, p.x, &array));
    for (int i = 0; i < 45; i++) {
      assert_close((double)samples[i], want[i / 15], 1e-5);
    }
    kvox_ct_operator_destroy(operation);
    kvox_ct_geometry_destroy(geometry);
    drop_rays_pair(&p);
  }
}

static void the_pair_is_linear(void **state) {
  (void)state;
  rays_pair p = make_rays_pair(&cases[0], KVOX_CPU_AUTO, 2, 0);
  float *x = volume_samples(p.x), *both = malloc((size_t)p.samples * sizeof *both);
  run_pair(&p);
  memcpy(both, p.forward, (size_t)p.samples * sizeof *both);
  for (int64_t i = 0; i < p.voxels; i++) {
    x[i] = 3 * x[i] + 0.5f;
  }
  run_pair(&p);
  for (int64_t i = 0; i < p.samples; i++) {
    both[i] = p.forward[i] - 3 * both[i];
  }
  for (int64_t i = 0; i < p.voxels; i++) {
    x[i] = 0.5f;
  }
  run_pair(&p);
  compare_to(both, p.forward, p.samples);
  free(both);
  drop_rays_pair(&p);
}

/* Root mean square of A (voxel averages) - exact line integrals, as a part of the largest integral. */
static double error_of(scan_kind kind, const char *name, double radius_mm, int64_t size, int32_t level) {
  const rays_case what = {kind,
                          {8, 21, 33},
                          {size, size, size},
                          {48.0 / (double)size, 48.0 / (double)size, 48.0 / (double)size},
                          {0, 0, 0}};
  rays_pair p = make_rays_pair(&what, level, 2, 0);
  kvox_phantom *phantom = NULL;
  assert_ok(kvox_phantom_create(p.context, name, radius_mm, 1, &phantom));
  assert_ok(kvox_phantom_fill(phantom, 6, p.x));
  assert_ok(kvox_ct_project(p.operation, NULL, p.x, &p.forward_array));
  assert_ok(kvox_ct_simulate(p.context, p.geometry, phantom, &p.y_array));
  double sum = 0, most = most_of(p.y, p.samples);
  for (int64_t i = 0; i < p.samples; i++) {
    sum += ((double)p.forward[i] - (double)p.y[i]) * ((double)p.forward[i] - (double)p.y[i]);
  }
  kvox_phantom_destroy(phantom);
  drop_rays_pair(&p);
  return sqrt(sum / (double)(8 * 21 * 33)) / most;
}

/*
 * Voxel averages of bodies with edges: where a ray runs within a voxel of one the error is what the voxel smooths, so
 * that it falls about as h; the skull of the head, 1.5 voxels thin, is the worst.
 */
static void projects_line_integrals(void **state) {
  static const struct {
    const char *name;
    double radius_mm, bound;
  } phantoms[] = {{"spheres", 22, 0.03}, {"cylinder-3d", 22, 0.025}, {"shepp-logan-3d", 22, 0.065}};
  static const scan_kind kinds[] = {SCAN_CONE, SCAN_FAN, SCAN_SAGGING, SCAN_TILTED, SCAN_PARALLEL};
  (void)state;
  for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
    for (size_t n = 0; n < sizeof phantoms / sizeof phantoms[0]; n++) {
      const double radius = phantoms[n].radius_mm;
      const double coarse = error_of(kinds[k], phantoms[n].name, radius, 32, KVOX_CPU_AUTO);
      const double fine = error_of(kinds[k], phantoms[n].name, radius, 64, KVOX_CPU_AUTO);
      print_message("scan %d, %s: error %.2g, of voxels half as large %.2g\n", (int)kinds[k], phantoms[n].name, coarse,
                    fine);
      assert_true(coarse < phantoms[n].bound);
      assert_true(fine < 0.62 * coarse);
    }
  }
}

/* A smooth body, a Gaussian of 6 mm: the error of linear interpolation and of sums over planes falls as h^2. */
static double gaussian_error(scan_kind kind, int64_t size) {
  const double h = 60.0 / (double)size, sigma = 6, middle[3] = {2, -3, 1};
  const rays_case what = {kind, {8, 21, 33}, {size, size, size}, {h, h, h}, {0, 0, 0}};
  rays_pair p = make_rays_pair(&what, KVOX_CPU_AUTO, 2, 0);
  float *x = volume_samples(p.x);
  for (int64_t i = 0; i < p.voxels; i++) {
    const int64_t index[3] = {i % size, i / size % size, i / (size * size)};
    double square = 0;
    for (int a = 0; a < 3; a++) {
      const double d = p.grid.origin_mm[a] + h * (double)index[a] - middle[a];
      square += d * d;
    }
    x[i] = (float)exp(-square / (2 * sigma * sigma));
  }
  assert_ok(kvox_ct_project(p.operation, NULL, p.x, &p.forward_array));
  double sum = 0;
  for (int64_t i = 0; i < p.samples; i++) {
    kvox_ct_view v;
    double from[3], along[3], square = 0, dot = 0, length = 0;
    const double column = (double)(i % 33) - 16, row = (double)(i / 33 % 21) - 10;
    assert_ok(kvox_ct_geometry_view(p.geometry, i / (33 * 21), &v));
    for (int a = 0; a < 3; a++) {
      const double pixel = v.detector_mm[a] + column * v.column_step_mm[a] + row * v.row_step_mm[a];
      from[a] = kvox_ct_geometry_beam(p.geometry) == KVOX_CT_PARALLEL ? pixel : v.source_mm[a];
      along[a] = kvox_ct_geometry_beam(p.geometry) == KVOX_CT_PARALLEL ? v.source_mm[a] : pixel - v.source_mm[a];
      length += along[a] * along[a];
    }
    for (int a = 0; a < 3; a++) {
      dot += (middle[a] - from[a]) * along[a] / sqrt(length);
      square += (middle[a] - from[a]) * (middle[a] - from[a]);
    }
    const double want = sigma * sqrt(2 * 3.14159265358979323846) * exp(-(square - dot * dot) / (2 * sigma * sigma));
    sum += ((double)p.forward[i] - want) * ((double)p.forward[i] - want);
  }
  drop_rays_pair(&p);
  return sqrt(sum / (8 * 21 * 33)) / (sigma * sqrt(2 * 3.14159265358979323846));
}

static void smooth_bodies_converge_at_second_order(void **state) {
  static const scan_kind kinds[] = {SCAN_CONE, SCAN_SAGGING, SCAN_TILTED, SCAN_ALONG_Z};
  (void)state;
  for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
    const double coarse = gaussian_error(kinds[k], 30), fine = gaussian_error(kinds[k], 60);
    print_message("scan %d, Gaussian: error %.2g, of voxels half as large %.2g\n", (int)kinds[k], coarse, fine);
    assert_true(coarse < 0.01);
    assert_true(fine < 0.27 * coarse);
  }
}

static void samples_that_are_no_numbers_are_told(void **state) {
  static const scan_kind kinds[] = {SCAN_CONE, SCAN_SAGGING};
  (void)state;
  for (int k = 0; k < 2; k++) {
    rays_case what = cases[0];
    what.kind = kinds[k];
    rays_pair p = make_rays_pair(&what, KVOX_CPU_AUTO, 2, 0);
    p.y[(4 * 19 + 3) * 31 + 7] = NAN;
    assert_fails(KVOX_ERROR_DATA, "view 4, row 3, column 7",
                 kvox_ct_backproject(p.operation, NULL, &p.y_array, p.back));
    p.y[(4 * 19 + 3) * 31 + 7] = -INFINITY;
    assert_fails(KVOX_ERROR_DATA, "view 4, row 3, column 7",
                 kvox_ct_backproject(p.operation, NULL, &p.y_array, p.back));
    drop_rays_pair(&p);
  }
}

static void refuse(const rays_pair *p, const kvox_grid *grid, uint64_t limit, kvox_status status, const char *words) {
  kvox_ct_operator_options options;
  kvox_ct_operator *operation = NULL;
  kvox_ct_operator_options_init(&options);
  options.grid = grid;
  options.memory_limit = limit;
  assert_fails(status, words, kvox_ct_operator_create(p->context, p->geometry, &options, &operation));
  assert_null(operation);
}

static void wrong_geometries_get_a_sentence(void **state) {
  (void)state;
  rays_pair p = make_rays_pair(&cases[0], KVOX_CPU_AUTO, 2, 0);
  kvox_grid grid = p.grid;
  grid.spacing_mm[0] = 20;
  refuse(&p, &grid, 0, KVOX_ERROR_GEOMETRY, "reaches the source");
  grid = p.grid;
  grid.origin_mm[2] = 200;
  refuse(&p, &grid, 0, KVOX_ERROR_GEOMETRY, "no ray of any view meets the grid");
  grid = p.grid;
  grid.axes[0][0] = 0.8;
  grid.axes[0][1] = 0.6;
  refuse(&p, &grid, 0, KVOX_ERROR_UNSUPPORTED, "axes");
  grid = p.grid;
  grid.spacing_mm[0] = grid.spacing_mm[1] = grid.spacing_mm[2] = 1e-300;
  refuse(&p, &grid, 0, KVOX_ERROR_GEOMETRY, "check the units");
  grid = p.grid;
  grid.size[2] = INT64_MAX / 2;
  grid.spacing_mm[2] = 1e-20;
  refuse(&p, &grid, 0, KVOX_ERROR_SIZE, "voxels");
  refuse(&p, &p.grid, 1000, KVOX_ERROR_MEMORY_LIMIT, "1000");
  /* Slices and pixels beside the rays are zero. */
  assert_ok(kvox_ct_project(p.operation, NULL, p.x, &p.forward_array));
  drop_rays_pair(&p);
}

static void the_least_limit_that_is_named_works(void **state) {
  (void)state;
  rays_pair p = make_rays_pair(&cases[0], KVOX_CPU_AUTO, 2, 0);
  refuse(&p, &p.grid, 1, KVOX_ERROR_MEMORY_LIMIT, "least");
  const char *digits = kvox_last_error();
  uint64_t least = 0;
  for (; *digits != '\0'; digits++) {
    const uint64_t number = strtoull(digits, NULL, 10);
    least = number > least ? number : least;
  }
  rays_pair tight = make_rays_pair(&cases[0], KVOX_CPU_AUTO, 2, least);
  kvox_memory_use use;
  assert_ok(kvox_ct_operator_memory(tight.operation, &use));
  assert_true(use.workspace <= least);
  refuse(&p, &p.grid, least - 1, KVOX_ERROR_MEMORY_LIMIT, "least");
  drop_rays_pair(&tight);
  drop_rays_pair(&p);
}

static void the_provenance_names_the_beam(void **state) {
  (void)state;
  rays_pair p = make_rays_pair(&cases[3], KVOX_CPU_AUTO, 2, 0);
  run_pair(&p);
  assert_non_null(strstr(kvox_volume_provenance(p.back), "adjoint of Joseph's projector, fan beam"));
  assert_int_equal(kvox_volume_unit(p.back), KVOX_UNIT_PER_MM);
  drop_rays_pair(&p);
}

static void progress_rises_and_cancels(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    rays_pair p = make_rays_pair(&cases[i == 0 ? 0 : 5], KVOX_CPU_AUTO, 2, 0);
    kvox_workspace *workspace = NULL;
    watcher all = {.stop_at = 2}, some = {.stop_at = 0.4};
    assert_ok(kvox_workspace_create(p.context, &workspace));
    kvox_workspace_set_progress(workspace, watch, &all);
    assert_ok(kvox_ct_project(p.operation, workspace, p.x, &p.forward_array));
    assert_true(all.calls > 0 && all.last == 1);
    all.last = 0;
    assert_ok(kvox_ct_backproject(p.operation, workspace, &p.y_array, p.back));
    assert_true(all.last == 1);
    kvox_workspace_set_progress(workspace, watch, &some);
    assert_int_equal(kvox_ct_project(p.operation, workspace, p.x, &p.forward_array), KVOX_ERROR_CANCELLED);
    kvox_workspace_destroy(workspace);
    drop_rays_pair(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transposes_are_exact),
      cmocka_unit_test(levels_agree),
      cmocka_unit_test(every_cut_gives_the_same_bits),
      cmocka_unit_test(boxes_give_chords),
      cmocka_unit_test(the_pair_is_linear),
      cmocka_unit_test(projects_line_integrals),
      cmocka_unit_test(smooth_bodies_converge_at_second_order),
      cmocka_unit_test(samples_that_are_no_numbers_are_told),
      cmocka_unit_test(wrong_geometries_get_a_sentence),
      cmocka_unit_test(the_least_limit_that_is_named_works),
      cmocka_unit_test(the_provenance_names_the_beam),
      cmocka_unit_test(progress_rises_and_cancels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
