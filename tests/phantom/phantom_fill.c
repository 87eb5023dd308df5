/* Voxel averages. */
#include <stdlib.h>

#include "phantom/phantom.h"
#include "support.h"

/* A grid of any orientation, its axes not even orthogonal, over the object. */
static kvox_grid oblique_grid(int64_t nx, int64_t ny, int64_t nz, double radius) {
  uint64_t seed = 6;
  kvox_grid grid = {.size = {nx, ny, nz}};
  random_axes(&seed, grid.axes);
  const double bend = 0.3, length = sqrt(1 + bend * bend);
  for (int c = 0; c < 3; c++) {
    grid.axes[1][c] = (grid.axes[1][c] + bend * grid.axes[0][c]) / length;
  }
  for (int a = 0; a < 3; a++) {
    grid.spacing_mm[a] = (1.7 + 0.2 * a) * radius / (double)grid.size[a];
  }
  for (int c = 0; c < 3; c++) {
    grid.origin_mm[c] = 0.05 * radius;
    for (int a = 0; a < 3; a++) {
      grid.origin_mm[c] -= 0.5 * grid.axes[a][c] * grid.spacing_mm[a] * (double)(grid.size[a] - 1);
    }
  }
  return grid;
}

static kvox_volume *filled(kvox_context *context, const char *name, double radius, kvox_type type,
                           const kvox_grid *grid, int32_t samples) {
  kvox_phantom *phantom = phantom_of(context, name, radius);
  kvox_volume *volume = NULL;
  assert_ok(kvox_volume_create(context, type, grid, &volume));
  assert_ok(kvox_phantom_fill(phantom, samples, volume));
  kvox_phantom_destroy(phantom);
  return volume;
}

static const double *doubles(const kvox_volume *volume) {
  kvox_array array;
  assert_ok(kvox_volume_array(volume, &array));
  assert_int_equal(array.type, KVOX_F64);
  return array.data;
}

/* The same midpoints in every voxel, one after the other. */
static double brute_force(const kvox_phantom *phantom, const kvox_volume *volume, const double index[3],
                          int32_t samples) {
  kvox_grid grid;
  assert_ok(kvox_volume_grid(volume, &grid));
  double sum = 0, center[3];
  assert_ok(kvox_volume_index_to_world(volume, index, center));
  for (int32_t s = 0; s < samples * samples * samples; s++) {
    const int32_t at[3] = {s % samples, s / samples % samples, s / samples / samples};
    double point[3];
    for (int c = 0; c < 3; c++) {
      point[c] = center[c];
      for (int a = 0; a < 3; a++) {
        point[c] += ((at[a] + 0.5) / samples - 0.5) * grid.spacing_mm[a] * grid.axes[a][c];
      }
    }
    sum += kvox_phantom_value(phantom, point);
  }
  return sum / (samples * samples * samples);
}

/* No voxel that needs samples is taken for a whole one: every phantom, against all the midpoints of all voxels. */
static void test_brute_force(void **state) {
  kvox_context *context = *state;
  const char *name;
  double origins[3 * 5];
  const kvox_grid oblique = oblique_grid(13, 12, 5, 100);
  kvox_grid upright;
  /* An odd size: no sample falls on a surface by symmetry. */
  assert_ok(kvox_grid_init(&upright, (int64_t[]){29, 31, 2}, (double[]){7, 6.5, 50}, (double[]){3, 2, 1}));
  uint64_t seed = 7;
  for (int i = 0; i < 15; i++) {
    origins[i] = oblique.origin_mm[i % 3] + 40 * (i / 3) * oblique.axes[2][i % 3] + random_signed(&seed);
  }
  for (int32_t i = 0; (name = kvox_phantom_name(i)) != NULL; i++) {
    kvox_phantom *phantom = phantom_of(context, name, 100);
    for (int kind = 0; kind < 3; kind++) {
      const kvox_grid *grid = kind == 0 ? &upright : &oblique;
      kvox_volume *volume = NULL;
      assert_ok(kvox_volume_create(context, KVOX_F64, grid, &volume));
      if (kind == 2) {
        assert_ok(kvox_volume_set_slice_origins(volume, origins));
      }
      assert_ok(kvox_phantom_fill(phantom, 3, volume));
      const double *values = doubles(volume);
      for (int64_t v = 0; v < grid->size[0] * grid->size[1] * grid->size[2]; v++) {
        const double index[3] = {(double)(v % grid->size[0]), (double)(v / grid->size[0] % grid->size[1]),
                                 (double)(v / grid->size[0] / grid->size[1])};
        /* Only the order of the sums differs. */
        assert_true(fabs(values[v] - brute_force(phantom, volume, index, 3)) < 1e-12);
      }
      kvox_volume_destroy(volume);
    }
    kvox_phantom_destroy(phantom);
  }
}

static double total(const kvox_volume *volume) {
  kvox_grid grid;
  assert_ok(kvox_volume_grid(volume, &grid));
  const double *values = doubles(volume);
  double sum = 0;
  for (int64_t i = 0; i < grid.size[0] * grid.size[1] * grid.size[2]; i++) {
    sum += values[i];
  }
  return sum * grid.spacing_mm[0] * grid.spacing_mm[1] * grid.spacing_mm[2];
}

/* Sum times area: pi a b of each ellipse. The midpoints' error is that of counting lattice points in an ellipse, far
 * below its outline (at most 2 pi a, in samples) over its area. */
static void test_area(void **state) {
  kvox_context *context = *state;
  kvox_grid grid;
  assert_ok(kvox_grid_init(&grid, (int64_t[]){128, 128, 1}, (double[]){1.6, 1.6, 1}, NULL));
  /* cylinder: 0.64; discs: the sum of density r^2; edge: 0.16; the ellipses of shepp-logan. */
  const double shepp_logan = 0.69 * 0.92 - 0.8 * 0.6624 * 0.874 - 0.2 * (0.11 * 0.31 + 0.16 * 0.41) +
                             0.1 * (0.21 * 0.25 + 2 * 0.046 * 0.046 + 2 * 0.046 * 0.023 + 0.023 * 0.023);
  const struct {
    const char *name;
    double truth;
  } cases[] = {{"cylinder", 0.64},
               {"edge", 0.16},
               {"discs", 0.64 + 0.5 * 0.0225 - 0.5 * 0.0144 + 0.25 * 0.01 - 0.0064 + 0.0025},
               {"shepp-logan", shepp_logan}};
  for (int i = 0; i < 4; i++) {
    kvox_volume *volume = filled(context, cases[i].name, 100, KVOX_F64, &grid, 16);
    assert_true(fabs(total(volume) / (1e4 * pi * cases[i].truth) - 1) < 2e-5);
    kvox_volume_destroy(volume);
  }
}

static void test_volume(void **state) {
  kvox_context *context = *state;
  static const double parts[][4] = {{1, 0.69, 0.92, 0.9},      {-0.8, 0.6624, 0.874, 0.88}, {-0.2, 0.41, 0.16, 0.21},
                                    {-0.2, 0.31, 0.11, 0.22},  {0.2, 0.21, 0.25, 0.5},      {0.2, 0.046, 0.046, 0.046},
                                    {0.2, 0.046, 0.023, 0.02}, {0.2, 0.056, 0.04, 0.1},     {-0.2, 0.056, 0.056, 0.1}};
  double truth = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    truth += 4 * pi / 3 * parts[i][0] * parts[i][1] * parts[i][2] * parts[i][3];
  }
  const kvox_grid grid = oblique_grid(60, 61, 62, 1.35);
  kvox_volume *volume = filled(context, "shepp-logan-3d", 1, KVOX_F64, &grid, 4);
  /* A voxel of a sheared grid has the volume of its spacings times the triple product of its axes. */
  double shear = 0;
  for (int c = 0; c < 3; c++) {
    shear += grid.axes[2][c] * (grid.axes[0][(c + 1) % 3] * grid.axes[1][(c + 2) % 3] -
                                grid.axes[0][(c + 2) % 3] * grid.axes[1][(c + 1) % 3]);
  }
  assert_true(fabs(shear) < 0.97);
  assert_true(fabs(total(volume) * fabs(shear) / truth - 1) < 1e-4);
  kvox_volume_destroy(volume);
}

/* The clipped shapes of the FORBILD head too: area from voxels = area from a projection at any angle. */
static void test_area_of_all(void **state) {
  kvox_context *context = *state;
  kvox_grid grid;
  enum { RAYS = 20000 };
  assert_ok(kvox_grid_init(&grid, (int64_t[]){160, 160, 1}, (double[]){1.28, 1.28, 1}, NULL));
  const char *const names[] = {"forbild-head", "forbild-head-plain", "shepp-logan-original"};
  for (int i = 0; i < 3; i++) {
    kvox_phantom *phantom = phantom_of(context, names[i], 100);
    kvox_volume *volume = filled(context, names[i], 100, KVOX_F64, &grid, 32);
    const double area = total(volume);
    for (int angle = 0; angle < 3; angle++) {
      const double a = 0.3 + angle, along[3] = {-sin(a), cos(a), 0}, pitch = 200.0 / RAYS;
      double sum = 0;
      for (int r = 0; r < RAYS; r++) {
        const double s = (r + 0.5) * pitch - 100, point[3] = {s * cos(a), s * sin(a), 0};
        sum += kvox_phantom_line_integral(phantom, point, along) * pitch;
      }
      assert_true(fabs(sum / area - 1) < 3e-5);
    }
    kvox_volume_destroy(volume);
    kvox_phantom_destroy(phantom);
  }
}

/* Twice the samples, at least 1.5 times nearer to the average (an edge of random slope: nearer twice). */
static void test_convergence(void **state) {
  kvox_context *context = *state;
  kvox_grid grid;
  assert_ok(kvox_grid_init(&grid, (int64_t[]){64, 64, 1}, (double[]){3, 3, 1}, NULL));
  kvox_volume *best = filled(context, "discs", 90, KVOX_F64, &grid, 64);
  double before = (double)INFINITY;
  for (int32_t samples = 1; samples <= 16; samples *= 2) {
    kvox_volume *volume = filled(context, "discs", 90, KVOX_F64, &grid, samples);
    double error = 0;
    for (int i = 0; i < 64 * 64; i++) {
      error += pow(doubles(volume)[i] - doubles(best)[i], 2);
    }
    error = sqrt(error / (64 * 64));
    assert_true(error < before / 1.5);
    before = error;
    kvox_volume_destroy(volume);
  }
  assert_true(before < 2e-3);
  kvox_volume_destroy(best);
}

/* f32 is f64 rounded once; padded and reversed strides; nothing is written beside the voxels. */
static void test_strides(void **state) {
  kvox_context *context = *state;
  enum { NX = 21, NY = 20, NZ = 3, STEP = 3, ROW = NX * STEP + 5, SLICE = NY * ROW + 7 };
  const kvox_grid grid = oblique_grid(NX, NY, NZ, 100);
  kvox_volume *truth = filled(context, "forbild-head", 100, KVOX_F64, &grid, 2);
  float *memory = malloc(NZ * SLICE * sizeof *memory);
  for (int i = 0; i < NZ * SLICE; i++) {
    memory[i] = 77;
  }
  kvox_array array = {.data = memory + (NZ - 1) * SLICE + (NY - 1) * ROW,
                      .type = KVOX_F32,
                      .rank = 3,
                      .shape = {NZ, NY, NX},
                      .strides = {-4 * SLICE, -4 * ROW, 4 * STEP}};
  kvox_volume *volume = NULL;
  assert_ok(kvox_volume_wrap(context, &array, &grid, &volume));
  kvox_phantom *phantom = phantom_of(context, "forbild-head", 100);
  assert_ok(kvox_phantom_fill(phantom, 2, volume));
  for (int k = 0; k < NZ; k++) {
    for (int j = 0; j < NY; j++) {
      for (int i = 0; i < NX; i++) {
        float *at = memory + (NZ - 1 - k) * SLICE + (NY - 1 - j) * ROW + i * STEP;
        assert_true(*at == (float)doubles(truth)[(k * NY + j) * NX + i]);
        *at = 77;
      }
    }
  }
  for (int i = 0; i < NZ * SLICE; i++) {
    assert_true(memory[i] == 77);
  }
  kvox_phantom_destroy(phantom);
  kvox_volume_destroy(volume);
  kvox_volume_destroy(truth);
  free(memory);
}

static void test_threads(void **state) {
  (void)state;
  const kvox_grid grid = oblique_grid(50, 40, 30, 100);
  double *first = NULL;
  const size_t bytes = 50 * 40 * 30 * sizeof *first;
  const int32_t counts[] = {1, 2, 7};
  for (int i = 0; i < 3; i++) {
    kvox_context *context = context_of_threads(counts[i]);
    kvox_volume *volume = filled(context, "forbild-head", 100, KVOX_F64, &grid, 3);
    if (first == NULL) {
      first = malloc(bytes);
      memcpy(first, doubles(volume), bytes);
    }
    assert_memory_equal(first, doubles(volume), bytes);
    kvox_volume_destroy(volume);
    kvox_context_destroy(context);
  }
  free(first);
}

static void test_bad_arguments(void **state) {
  kvox_context *context = *state;
  const kvox_grid grid = oblique_grid(2, 2, 2, 1);
  kvox_volume *volume = NULL;
  kvox_phantom *phantom = phantom_of(context, "edge", 1);
  assert_ok(kvox_volume_create(context, KVOX_U8, &grid, &volume));
  assert_int_equal(kvox_phantom_fill(phantom, 0, volume), KVOX_ERROR_ARGUMENT);
  assert_non_null(strstr(kvox_last_error(), "samples is 0, must be from 1 to 64"));
  assert_int_equal(kvox_phantom_fill(phantom, 65, volume), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_phantom_fill(phantom, 2, volume), KVOX_ERROR_ARGUMENT);
  assert_non_null(strstr(kvox_last_error(), "u8"));
  assert_int_equal(kvox_phantom_fill(NULL, 2, volume), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_phantom_fill(phantom, 2, NULL), KVOX_ERROR_ARGUMENT);
  kvox_volume_destroy(volume);
  kvox_phantom_destroy(phantom);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_brute_force), cmocka_unit_test(test_area),          cmocka_unit_test(test_volume),
      cmocka_unit_test(test_area_of_all), cmocka_unit_test(test_convergence),   cmocka_unit_test(test_strides),
      cmocka_unit_test(test_threads),     cmocka_unit_test(test_bad_arguments),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
