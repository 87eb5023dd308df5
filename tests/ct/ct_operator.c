#include "ct/scan.h"

typedef struct pair {
  scan s;
  kvox_grid grid;
  kvox_ct_operator *operation;
  kvox_volume *x, *back;
  float *y, *forward;
  kvox_array y_array, forward_array;
} pair;

static pair make_pair(int32_t threads, const int64_t shape[3], const int64_t size[3], double spacing, double z_spacing,
                      uint64_t limit) {
  const double spacing_mm[3] = {spacing, 0.9 * spacing, z_spacing}, center[3] = {1.3, -2.1, 0};
  const int64_t samples = shape[0] * shape[1] * shape[2];
  pair p = {.s = scan_options(shape[0], shape[1], shape[2])};
  kvox_context_destroy(p.s.context);
  p.s.context = context_of_threads(threads);
  p.s.options.column_offset_px = 0.37;
  p.s.options.angle_start_deg = 11;
  scan_begin(&p.s);
  assert_ok(kvox_grid_init(&p.grid, size, spacing_mm, center));
  kvox_ct_operator_options options;
  kvox_ct_operator_options_init(&options);
  options.grid = &p.grid;
  options.memory_limit = limit;
  assert_ok(kvox_ct_operator_create(p.s.context, p.s.geometry, &options, &p.operation));
  assert_ok(kvox_volume_create(p.s.context, KVOX_F32, &p.grid, &p.x));
  assert_ok(kvox_volume_create(p.s.context, KVOX_F32, &p.grid, &p.back));
  p.y = malloc((size_t)samples * sizeof(float));
  p.forward = malloc((size_t)samples * sizeof(float));
  assert_ok(kvox_array_init(&p.y_array, p.y, KVOX_F32, 3, shape));
  assert_ok(kvox_array_init(&p.forward_array, p.forward, KVOX_F32, 3, shape));
  fill_noise(volume_samples(p.x), size[0] * size[1] * size[2], 5);
  fill_noise(p.y, samples, 6);
  return p;
}

static void drop_pair(pair *p) {
  kvox_ct_operator_destroy(p->operation);
  kvox_volume_destroy(p->x);
  kvox_volume_destroy(p->back);
  free(p->y);
  free(p->forward);
  scan_end(&p->s);
}

static double dot(const float *a, const float *b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += (double)a[i] * (double)b[i];
  }
  return sum;
}

/* |<A x, y> - <x, A^T y>| / (|A x| |y|) < 1e-5: the bar of every operator here. */
static void transposes_are_exact(void **state) {
  (void)state;
  static const struct {
    int64_t shape[3], size[3];
    double spacing, z_spacing;
    uint64_t limit;
  } cases[] = {
      {{37, 1, 61}, {53, 47, 1}, 1, 1, 0},        {{40, 20, 33}, {35, 41, 19}, 0.8, 1, 0},
      {{30, 9, 50}, {23, 29, 17}, 3.1, 0.5, 0},   {{64, 3, 40}, {33, 65, 3}, 0.5, 0.9, 400000},
      {{20, 17, 90}, {97, 33, 17}, 1, 1, 900000}, {{7, 5, 3}, {1, 1, 5}, 1, 1, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    pair p = make_pair(2, cases[i].shape, cases[i].size, cases[i].spacing, cases[i].z_spacing, cases[i].limit);
    const int64_t voxels = cases[i].size[0] * cases[i].size[1] * cases[i].size[2];
    const int64_t samples = cases[i].shape[0] * cases[i].shape[1] * cases[i].shape[2];
    assert_ok(kvox_ct_project(p.operation, NULL, p.x, &p.forward_array));
    assert_ok(kvox_ct_backproject(p.operation, NULL, &p.y_array, p.back));
    const double left = dot(p.forward, p.y, samples), right = dot(volume_samples(p.x), volume_samples(p.back), voxels);
    const double size = sqrt(dot(p.forward, p.forward, samples)) * sqrt(dot(p.y, p.y, samples));
    assert_true(size > 0);
    assert_close((left - right) / size, 0, 1e-5);
    drop_pair(&p);
  }
}

/* What a projection collects is what the volume holds, for every view that sees all of it. */
static void mass_is_kept(void **state) {
  (void)state;
  const int64_t shape[3] = {31, 1, 121}, size[3] = {60, 50, 1};
  pair p = make_pair(2, shape, size, 1.1, 1, 0);
  double volume = 0;
  for (int64_t i = 0; i < size[0] * size[1]; i++) {
    volume += (double)volume_samples(p.x)[i] * 1.1 * 0.99;
  }
  assert_ok(kvox_ct_project(p.operation, NULL, p.x, &p.forward_array));
  for (int64_t v = 0; v < shape[0]; v++) {
    double sum = 0;
    for (int64_t i = 0; i < shape[2]; i++) {
      sum += (double)p.forward[v * shape[2] + i];
    }
    /* 3000 values near 1 in float. */
    assert_close(sum, volume, 1e-3);
  }
  drop_pair(&p);
}

/* A of a smooth object is its line integral: a Gaussian of standard deviation 6 mm, whose projections are known. */
static void projects_line_integrals(void **state) {
  (void)state;
  const int64_t shape[3] = {25, 1, 101}, size[3] = {160, 170, 1};
  const double sigma = 6, x0 = 4, y0 = -7;
  pair p = make_pair(2, shape, size, 0.5, 1, 0);
  for (int64_t j = 0; j < size[1]; j++) {
    for (int64_t i = 0; i < size[0]; i++) {
      const double x = p.grid.origin_mm[0] + p.grid.spacing_mm[0] * (double)i - x0;
      const double y = p.grid.origin_mm[1] + p.grid.spacing_mm[1] * (double)j - y0;
      volume_samples(p.x)[j * size[0] + i] = (float)exp(-(x * x + y * y) / (2 * sigma * sigma));
    }
  }
  assert_ok(kvox_ct_project(p.operation, NULL, p.x, &p.forward_array));
  for (int64_t v = 0; v < shape[0]; v++) {
    const double angle = (11 + 7.2 * (double)v) * 3.14159265358979323846 / 180;
    for (int64_t i = 0; i < shape[2]; i++) {
      const double s = (double)i - kvox_ct_geometry_center_px(p.s.geometry) - x0 * cos(angle) - y0 * sin(angle);
      const double want = sigma * sqrt(2 * 3.14159265358979323846) * exp(-s * s / (2 * sigma * sigma));
      /* Linear interpolation spreads a pixel over two columns: sigma^2 grows by up to 1/4 + 1/6, 1 % of the peak. Rows
       * of pixels 0.45 columns apart beat with the columns: 2 sinc^2(1 / 0.45) = 1.7 %. */
      assert_close((double)p.forward[v * shape[2] + i], want, 0.027 * 15.04);
    }
  }
  drop_pair(&p);
}

static void every_cut_gives_the_same_bits(void **state) {
  (void)state;
  const int64_t shape[3] = {45, 18, 70}, size[3] = {67, 71, 18};
  const size_t samples = (size_t)(45 * 18 * 70), voxels = (size_t)(67 * 71 * 18);
  pair first = make_pair(1, shape, size, 1, 1, 0);
  assert_ok(kvox_ct_project(first.operation, NULL, first.x, &first.forward_array));
  assert_ok(kvox_ct_backproject(first.operation, NULL, &first.y_array, first.back));
  static const uint64_t limits[] = {0, 600000, 1000000};
  for (int32_t n = 0; n < 3; n++) {
    pair p = make_pair(n == 0 ? 7 : n, shape, size, 1, 1, limits[n]);
    assert_ok(kvox_ct_project(p.operation, NULL, p.x, &p.forward_array));
    assert_ok(kvox_ct_backproject(p.operation, NULL, &p.y_array, p.back));
    assert_memory_equal(p.forward, first.forward, samples * sizeof(float));
    assert_memory_equal(volume_samples(p.back), volume_samples(first.back), voxels * sizeof(float));
    drop_pair(&p);
  }
  drop_pair(&first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transposes_are_exact),
      cmocka_unit_test(mass_is_kept),
      cmocka_unit_test(projects_line_integrals),
      cmocka_unit_test(every_cut_gives_the_same_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
