/* k-space of phantoms: against quadrature, against what is known of transforms, and against voxels. */
#include <complex.h>
#include <stdbool.h>
#include <stdlib.h>

#include "support.h"

enum { X = 21, Y = 16, COILS = 3, TERMS = 4 };

static kvox_array array_of(void *data, kvox_type type, int32_t rank, const int64_t *shape) {
  kvox_array array;
  assert_ok(kvox_array_init(&array, data, type, rank, shape));
  return array;
}

static kvox_grid grid_of(int64_t x, int64_t y, int64_t z, double spacing, double depth) {
  kvox_grid grid;
  assert_ok(kvox_grid_init(&grid, (int64_t[]){x, y, z}, (double[]){spacing, spacing, depth}, NULL));
  return grid;
}

/* Coils of a few exponentials of any direction. */
typedef struct formula {
  double frequencies[TERMS][3], weights[COILS][TERMS][2];
} formula;

static kvox_phantom_coils *some_coils(kvox_context *context, uint64_t *seed, double radius, formula *f) {
  for (int i = 0; i < 3 * TERMS; i++) {
    f->frequencies[i / 3][i % 3] = 0.5 * random_signed(seed) / radius;
  }
  for (int i = 0; i < 2 * COILS * TERMS; i++) {
    f->weights[i / (2 * TERMS)][i / 2 % TERMS][i % 2] = random_signed(seed);
  }
  kvox_phantom_coils *coils = NULL;
  assert_ok(kvox_phantom_coils_create(context, COILS, TERMS, *f->frequencies, **f->weights, &coils));
  return coils;
}

/* One sample at cycles over the field of view. */
static void sample_at(const kvox_phantom *phantom, const kvox_phantom_coils *coils, const kvox_grid *grid,
                      const double cycles[3], float complex *samples) {
  const kvox_array points = array_of((void *)(uintptr_t)cycles, KVOX_F64, 2, (int64_t[]){1, 3});
  const kvox_array out =
      array_of(samples, KVOX_C64, 2, (int64_t[]){coils != NULL ? kvox_phantom_coils_count(coils) : 1, 1});
  assert_ok(kvox_phantom_kspace_points(phantom, coils, grid, &points, &out));
}

static void world_of(const kvox_grid *grid, const double voxel[3], double at[3]) {
  for (int c = 0; c < 3; c++) {
    at[c] = grid->origin_mm[c];
    for (int a = 0; a < 3; a++) {
      at[c] += grid->axes[a][c] * grid->spacing_mm[a] * voxel[a];
    }
  }
}

/* The sum over n^2 (n^3) midpoints of the object times sensitivities times the kernel, over the voxels of the grid. */
static void quadrature(const kvox_phantom *phantom, const formula *f, const kvox_grid *grid, int n,
                       const double cycles[3], double complex *sums) {
  const int depth = grid->size[2] > 1 ? n : 1;
  double scale = 1;
  for (int a = 0; a < (depth > 1 ? 3 : 2); a++) {
    scale *= sqrt((double)grid->size[a]) / n;
  }
  memset(sums, 0, COILS * sizeof *sums);
  for (int i = 0; i < n * n * depth; i++) {
    const int steps[3] = {i % n, i / n % n, i / (n * n)};
    double voxel[3], at[3], turns = 0;
    for (int a = 0; a < 3; a++) {
      const double size = (double)grid->size[a], share = a == 2 && depth == 1 ? 0.5 : (steps[a] + 0.5) / n;
      voxel[a] = share * size - 0.5;
      turns += cycles[a] * (voxel[a] - (double)(grid->size[a] / 2)) / size;
    }
    world_of(grid, voxel, at);
    const double value = kvox_phantom_value(phantom, at);
    if (value != 0) {
      for (int t = 0; t < TERMS; t++) {
        const double complex wave = scale * value * cexp(2 * pi * (dot(f->frequencies[t], at) - turns) * I);
        for (int c = 0; c < COILS; c++) {
          sums[c] += (f->weights[c][t][0] + f->weights[c][t][1] * I) * wave;
        }
      }
    }
  }
}

static void check_quadrature(kvox_context *context, const char *name, const kvox_grid *grid, int n, double tolerance) {
  uint64_t seed = 11;
  kvox_phantom *phantom = phantom_of(context, name, 10);
  formula f;
  kvox_phantom_coils *coils = some_coils(context, &seed, 10, &f);
  float complex zero[COILS];
  sample_at(phantom, NULL, grid, (double[]){0, 0, 0}, zero);
  const double range = cabsf(zero[0]);
  assert_true(range > 0.1);
  for (int trial = 0; trial < 4; trial++) {
    double cycles[3];
    float complex got[COILS];
    double complex want[COILS];
    for (int a = 0; a < 3; a++) {
      cycles[a] = trial == 0 || (a == 2 && grid->size[2] == 1) ? 0 : 4 * random_signed(&seed);
    }
    sample_at(phantom, coils, grid, cycles, got);
    quadrature(phantom, &f, grid, n, cycles, want);
    for (int c = 0; c < COILS; c++) {
      if (!(cabs(got[c] - want[c]) <= tolerance * range)) {
        fail_msg("%s, trial %d, coil %d: %g + %g i, quadrature %g + %g i, range %g", name, trial, c, crealf(got[c]),
                 cimagf(got[c]), creal(want[c]), cimag(want[c]), range);
      }
    }
  }
  kvox_phantom_coils_destroy(coils);
  kvox_phantom_destroy(phantom);
}

/* Midpoints miss a surface by some n^-1.5 of the area in the mean. */
static void test_quadrature(void **state) {
  kvox_grid section = grid_of(X, Y, 1, 1.4, 1);
  check_quadrature(*state, "discs", &section, 600, 2e-3);
  check_quadrature(*state, "shepp-logan", &section, 600, 2e-3);
  section.origin_mm[2] = -2;
  check_quadrature(*state, "spheres", &section, 600, 2e-3);
  check_quadrature(*state, "defrise", &section, 600, 2e-3);
  /* Midpoints count the ends of cylinder-3d in full: 90 of them are 0.25 mm apart. */
  const kvox_grid volume = grid_of(19, 20, 18, 1.2, 1.25);
  check_quadrature(*state, "shepp-logan-3d", &volume, 90, 4e-3);
  check_quadrature(*state, "cylinder-3d", &volume, 90, 4e-3);
}

/* Oblique axes: turned about x by 0.3 rad, and x and y not orthogonal. */
static void test_oblique(void **state) {
  kvox_grid grid = grid_of(23, 22, 1, 1.2, 1);
  const double turned[3][3] = {{1, 0, 0}, {0.1, cos(0.3), sin(0.3)}, {0, -sin(0.3), cos(0.3)}};
  memcpy(grid.axes, turned, sizeof turned);
  const double length = sqrt(0.01 + 1);
  for (int c = 0; c < 3; c++) {
    grid.axes[1][c] /= length;
  }
  grid.origin_mm[0] -= 1.5;
  grid.origin_mm[2] = -4;
  check_quadrature(*state, "spheres", &grid, 600, 2e-3);
  check_quadrature(*state, "discs", &grid, 600, 2e-3);
  grid.size[2] = 20;
  grid.spacing_mm[2] = 1.3;
  grid.origin_mm[1] += 4;
  grid.origin_mm[2] = -16;
  check_quadrature(*state, "shepp-logan-3d", &grid, 90, 4e-3);
}

/* Maps are the sums of exponentials at the voxels, oblique grids too. */
static void test_maps(void **state) {
  enum { MX = 7, MY = 6, MZ = 3 };
  uint64_t seed = 3;
  formula f;
  kvox_phantom_coils *coils = some_coils(*state, &seed, 100, &f);
  kvox_grid grid = grid_of(MX, MY, MZ, 21, 30);
  random_axes(&seed, grid.axes);
  static float complex maps[COILS][MZ][MY][MX];
  const kvox_array array = array_of(maps, KVOX_C64, 4, (int64_t[]){COILS, MZ, MY, MX});
  assert_ok(kvox_phantom_coil_maps(coils, &grid, &array));
  for (int i = 0; i < COILS * MZ * MY * MX; i++) {
    const int c = i / (MZ * MY * MX), z = i / (MY * MX) % MZ, y = i / MX % MY, x = i % MX;
    double at[3];
    double complex want = 0;
    world_of(&grid, (double[]){x, y, z}, at);
    for (int t = 0; t < TERMS; t++) {
      want += (f.weights[c][t][0] + f.weights[c][t][1] * I) * cexp(2 * pi * dot(f.frequencies[t], at) * I);
    }
    assert_true(cabs(maps[c][z][y][x] - want) <= 3e-7);
  }
  kvox_phantom_coils_destroy(coils);
}

/* At k = 0: area or volume times density, over the field of view, times sqrt(N). */
static void test_zero(void **state) {
  float complex value;
  const double origin[3] = {0, 0, 0};
  kvox_phantom *disc = phantom_of(*state, "cylinder", 10), *ball = phantom_of(*state, "sphere", 10);
  kvox_phantom *rod = phantom_of(*state, "cylinder-3d", 10);
  const kvox_grid section = grid_of(X, Y, 1, 1.5, 1), volume = grid_of(X, Y, 20, 1.5, 1.1);
  const double plane = sqrt(X * Y) / (X * Y * 2.25), space = sqrt(X * Y * 20) / (X * Y * 20 * 2.25 * 1.1);
  sample_at(disc, NULL, &section, origin, &value);
  assert_close(crealf(value), plane * pi * 64, 1e-6 * plane * pi * 64);
  /* Without end along z: as long as the voxels are. */
  sample_at(disc, NULL, &volume, origin, &value);
  assert_close(crealf(value), space * pi * 64 * 22, 1e-6 * space * pi * 64 * 22);
  sample_at(rod, NULL, &volume, origin, &value);
  assert_close(crealf(value), space * pi * 64 * 16, 1e-6 * space * pi * 64 * 16);
  sample_at(ball, NULL, &volume, origin, &value);
  assert_close(crealf(value), space * pi * 256 / 3, 1e-6 * space * pi * 256 / 3);
  /* Next to it, the limit: nothing jumps. */
  for (int power = -12; power <= -1; power++) {
    float complex near;
    const double k = pow(10, power), at[3] = {k, k, k};
    sample_at(ball, NULL, &volume, at, &near);
    assert_true(cabsf(near - value) <= (1.5 * k + 1e-6) * cabsf(value));
    float complex mirrored;
    sample_at(ball, NULL, &volume, (double[]){-k, -k, -k}, &mirrored);
    assert_close(crealf(near), crealf(mirrored), 1e-7 * cabsf(value));
    assert_close(cimagf(near), -cimagf(mirrored), 1e-7 * cabsf(value));
  }
  kvox_phantom_destroy(disc);
  kvox_phantom_destroy(ball);
  kvox_phantom_destroy(rod);
}

/* The image by sums written out: the unitary transform of mri_fourier.h along x and y. */
static void image_of(const float complex *kspace, int64_t nx, int64_t ny, float complex *image) {
  double complex *half = calloc((size_t)(nx * ny), sizeof *half);
  assert_non_null(half);
  for (int64_t y = 0; y < ny; y++) {
    for (int64_t x = 0; x < nx; x++) {
      for (int64_t k = 0; k < nx; k++) {
        const double turns = (double)((k - nx / 2) * (x - nx / 2)) / (double)nx;
        half[y * nx + x] += kspace[y * nx + k] * cexp(2 * pi * turns * I) / sqrt((double)nx);
      }
    }
  }
  for (int64_t y = 0; y < ny; y++) {
    for (int64_t x = 0; x < nx; x++) {
      double complex sum = 0;
      for (int64_t k = 0; k < ny; k++) {
        sum += half[k * nx + x] * cexp(2 * pi * (double)((k - ny / 2) * (y - ny / 2)) / (double)ny * I);
      }
      image[y * nx + x] = (float complex)(sum / sqrt((double)ny));
    }
  }
  free(half);
}

/* The image of Hann-windowed k-space is smooth: where the object is even within the window's reach it is its value,
 * and its position is that of the voxels, odd and even sizes alike. */
static void test_image(void **state) {
  enum { NX = 96, NY = 81 };
  kvox_phantom *phantom = phantom_of(*state, "discs", 100);
  kvox_grid grid = grid_of(NX, NY, 1, 2.5, 1);
  float complex *kspace = calloc(NX * NY, sizeof *kspace), *image = calloc(NX * NY, sizeof *image);
  float *truth = calloc(NX * NY, sizeof *truth);
  const kvox_array array = array_of(kspace, KVOX_C64, 4, (int64_t[]){1, 1, NY, NX});
  const kvox_array voxels = array_of(truth, KVOX_F32, 3, (int64_t[]){1, NY, NX});
  kvox_volume *volume = NULL;
  assert_ok(kvox_phantom_kspace(phantom, NULL, &grid, &array));
  assert_ok(kvox_volume_wrap(*state, &voxels, &grid, &volume));
  assert_ok(kvox_phantom_fill(phantom, 8, volume));
  for (int y = 0; y < NY; y++) {
    for (int x = 0; x < NX; x++) {
      kspace[y * NX + x] *=
          (float)(0.25 * (1 + cos(2 * pi * (x - NX / 2) / NX)) * (1 + cos(2 * pi * (y - NY / 2) / NY)));
    }
  }
  image_of(kspace, NX, NY, image);
  int even = 0;
  for (int y = 3; y < NY - 3; y++) {
    for (int x = 3; x < NX - 3; x++) {
      bool same = true;
      for (int i = 0; i < 49; i++) {
        same = same && truth[(y + i / 7 - 3) * NX + x + i % 7 - 3] == truth[y * NX + x];
      }
      if (same) {
        even++;
        assert_close(crealf(image[y * NX + x]), truth[y * NX + x], 0.015);
        assert_close(cimagf(image[y * NX + x]), 0, 0.015);
      }
    }
  }
  assert_true(even > 2000);
  kvox_volume_destroy(volume);
  kvox_phantom_destroy(phantom);
  free(kspace);
  free(image);
  free(truth);
}

/* Real sensitivity: k-space of q and -q are conjugate. Slices of a shape without end: only kz = 0. */
static void test_symmetry(void **state) {
  enum { N = 15, Z = 7 };
  kvox_phantom *head = phantom_of(*state, "shepp-logan-3d", 100), *endless = phantom_of(*state, "shepp-logan", 100);
  const kvox_grid grid = grid_of(N, N, Z, 15, 30);
  static float complex kspace[Z][N][N];
  const kvox_array array = array_of(kspace, KVOX_C64, 4, (int64_t[]){1, Z, N, N});
  assert_ok(kvox_phantom_kspace(head, NULL, &grid, &array));
  const double range = cabsf(kspace[Z / 2][N / 2][N / 2]);
  for (int i = 0; i < Z * N * N; i++) {
    const int z = i / (N * N), y = i / N % N, x = i % N;
    const float complex other = kspace[Z - 1 - z][N - 1 - y][N - 1 - x];
    assert_true(cabsf(kspace[z][y][x] - conjf(other)) <= 1e-7 * range);
  }
  assert_ok(kvox_phantom_kspace(endless, NULL, &grid, &array));
  for (int i = 0; i < Z * N * N; i++) {
    if (i / (N * N) != Z / 2) {
      assert_true(cabsf(((float complex *)kspace)[i]) <= 1e-6 * range);
    }
  }
  kvox_phantom_destroy(head);
  kvox_phantom_destroy(endless);
}

/* Cartesian samples are points; the same bits for any threads; strides; linear in the density. */
static void test_same(void **state) {
  uint64_t seed = 5;
  (void)state;
  const kvox_grid grid = grid_of(X, Y, 6, 9, 20);
  enum { Z = 6, ALL = X * Y * Z };
  float complex *got[3];
  double *points = malloc(3 * ALL * sizeof *points);
  for (int i = 0; i < ALL; i++) {
    points[3 * i] = i % X - X / 2;
    points[3 * i + 1] = i / X % Y - Y / 2;
    points[3 * i + 2] = i / (X * Y) - Z / 2;
  }
  for (int n = 0; n < 3; n++) {
    kvox_context *context = context_of_threads(n == 0 ? 1 : n == 1 ? 2 : 7);
    uint64_t same = seed;
    kvox_phantom *phantom = phantom_of(context, "shepp-logan-3d", 90);
    formula f;
    kvox_phantom_coils *coils = some_coils(context, &same, 90, &f);
    got[n] = malloc(2 * COILS * ALL * sizeof **got);
    kvox_array array = array_of(got[n], KVOX_C64, 4, (int64_t[]){COILS, Z, Y, X});
    if (n == 2) {
      const kvox_array list = array_of(points, KVOX_F64, 3, (int64_t[]){Z, X * Y, 3});
      kvox_array out = array_of(got[n], KVOX_C64, 3, (int64_t[]){COILS, Z, X * Y});
      assert_ok(kvox_phantom_kspace_points(phantom, coils, &grid, &list, &out));
    } else if (n == 1) {
      /* Coils fastest, x backwards. */
      array.data = got[n] + ALL * COILS;
      array.strides[0] = sizeof **got;
      array.strides[3] = -COILS * (int64_t)sizeof **got;
      array.strides[2] = X * array.strides[3];
      array.strides[1] = Y * array.strides[2];
      assert_ok(kvox_phantom_kspace(phantom, coils, &grid, &array));
      float complex *dense = malloc(COILS * ALL * sizeof *dense);
      for (int i = 0; i < COILS * ALL; i++) {
        dense[i] = got[n][COILS * ALL - i % ALL * COILS + i / ALL];
      }
      memcpy(got[n], dense, COILS * ALL * sizeof *dense);
      free(dense);
    } else {
      assert_ok(kvox_phantom_kspace(phantom, coils, &grid, &array));
    }
    assert_memory_equal(got[n], got[0], COILS * ALL * sizeof **got);
    kvox_phantom_coils_destroy(coils);
    kvox_phantom_destroy(phantom);
    kvox_context_destroy(context);
  }
  for (int n = 0; n < 3; n++) {
    free(got[n]);
  }
  free(points);
}

/* However small or large, whole ellipses and ellipsoids have a closed form: next to nothing, or beyond floats. */
static void test_sizes(void **state) {
  static const char *const names[] = {"shepp-logan", "discs", "spheres", "shepp-logan-3d"};
  static float complex samples[8 * 8 * 8];
  for (int i = 0; i < 8; i++) {
    const bool solid = i % 4 >= 2;
    kvox_phantom *phantom = NULL;
    kvox_grid grid;
    kvox_array array;
    const int64_t depth = solid ? 8 : 1;
    assert_ok(kvox_grid_init(&grid, (int64_t[]){8, 8, depth}, (double[]){2, 2, 2}, NULL));
    assert_ok(kvox_array_init(&array, samples, KVOX_C64, 4, (int64_t[]){1, depth, 8, 8}));
    assert_ok(kvox_phantom_create(*state, names[i % 4], i < 4 ? 1e-90 : 1e90, 1, &phantom));
    if (i < 4) {
      memset(samples, 0x7f, sizeof samples);
      assert_ok(kvox_phantom_kspace(phantom, NULL, &grid, &array));
      for (int64_t n = 0; n < 64 * depth; n++) {
        assert_true(cabsf(samples[n]) < 1e-30F);
      }
    } else {
      assert_fails(KVOX_ERROR_DATA, "out of the range of 32-bit floats",
                   kvox_phantom_kspace(phantom, NULL, &grid, &array));
    }
    kvox_phantom_destroy(phantom);
  }
}

static void test_errors(void **state) {
  static float complex data[4096];
  kvox_phantom *head = phantom_of(*state, "forbild-head", 100), *solid = phantom_of(*state, "forbild-head-3d", 100);
  kvox_phantom *discs = phantom_of(*state, "discs", 100), *rod = phantom_of(*state, "cylinder-3d", 100);
  kvox_grid grid = grid_of(16, 16, 1, 16, 16);
  kvox_array array = array_of(data, KVOX_C64, 4, (int64_t[]){1, 1, 16, 16});
  assert_fails(KVOX_ERROR_UNSUPPORTED, "no closed form", kvox_phantom_kspace(head, NULL, &grid, &array));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "no closed form", kvox_phantom_kspace(solid, NULL, &grid, &array));
  assert_fails(KVOX_ERROR_ARGUMENT, "phantom is NULL", kvox_phantom_kspace(NULL, NULL, &grid, &array));
  assert_fails(KVOX_ERROR_ARGUMENT, "grid is NULL", kvox_phantom_kspace(discs, NULL, NULL, &array));
  array.shape[3] = 15;
  assert_fails(KVOX_ERROR_SIZE, "must be 1 x 1 x 16 x 16", kvox_phantom_kspace(discs, NULL, &grid, &array));
  /* A section along the axis of a cylinder without end; across a face of one with ends. */
  array.shape[3] = 16;
  const double upright[3][3] = {{1, 0, 0}, {0, 0, 1}, {0, -1, 0}};
  memcpy(grid.axes, upright, sizeof upright);
  assert_fails(KVOX_ERROR_UNSUPPORTED, "without end in the plane", kvox_phantom_kspace(discs, NULL, &grid, &array));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "cut by a plane", kvox_phantom_kspace(rod, NULL, &grid, &array));
  memcpy(grid.axes[1], grid.axes[0], sizeof grid.axes[0]);
  assert_fails(KVOX_ERROR_ARGUMENT, "on one line", kvox_phantom_kspace(rod, NULL, &grid, &array));
  /* Along x, y or z it may run in a volume. */
  grid = grid_of(8, 8, 8, 30, 30);
  memcpy(grid.axes, upright, sizeof upright);
  array = array_of(data, KVOX_C64, 4, (int64_t[]){1, 8, 8, 8});
  assert_ok(kvox_phantom_kspace(discs, NULL, &grid, &array));
  const double tilted[3][3] = {{1, 0, 0}, {0, 0.6, 0.8}, {0, -0.8, 0.6}};
  memcpy(grid.axes, tilted, sizeof tilted);
  assert_fails(KVOX_ERROR_UNSUPPORTED, "along an axis of the grid", kvox_phantom_kspace(discs, NULL, &grid, &array));

  const float bad[4] = {1, 2, NAN, 0};
  grid = grid_of(16, 16, 1, 16, 16);
  kvox_array points = array_of((void *)(uintptr_t)bad, KVOX_F32, 2, (int64_t[]){2, 2});
  kvox_array samples = array_of(data, KVOX_C64, 2, (int64_t[]){1, 2});
  assert_fails(KVOX_ERROR_DATA, "point 1 is not finite",
               kvox_phantom_kspace_points(discs, NULL, &grid, &points, &samples));
  /* Where products of coordinates overflow no transform is told. */
  const double far[4] = {1, 2, 1e200, -1e200};
  kvox_array far_points = array_of((void *)(uintptr_t)far, KVOX_F64, 2, (int64_t[]){2, 2});
  assert_fails(KVOX_ERROR_DATA, "beyond 1e15 cycles",
               kvox_phantom_kspace_points(discs, NULL, &grid, &far_points, &samples));
  kvox_phantom *vast = NULL;
  assert_ok(kvox_phantom_create(*state, "discs", 100, 1e300, &vast));
  kvox_array section = array_of(data, KVOX_C64, 4, (int64_t[]){1, 1, 16, 16});
  assert_fails(KVOX_ERROR_DATA, "range of 32-bit floats", kvox_phantom_kspace(vast, NULL, &grid, &section));
  kvox_phantom_destroy(vast);
  points.shape[1] = 1;
  assert_fails(KVOX_ERROR_SIZE, "2 or 3 axes", kvox_phantom_kspace_points(discs, NULL, &grid, &points, &samples));

  kvox_phantom_coils *coils = NULL;
  const double numbers[4] = {0, INFINITY, 0, 0}, weights[2] = {1, 0};
  assert_fails(KVOX_ERROR_ARGUMENT, "frequencies is not finite",
               kvox_phantom_coils_create(*state, 1, 1, numbers, weights, &coils));
  assert_fails(KVOX_ERROR_ARGUMENT, "coils is 0", kvox_phantom_coils_create(*state, 0, 1, numbers, weights, &coils));
  assert_fails(KVOX_ERROR_ARGUMENT, "radius_mm", kvox_phantom_coils_create_loops(*state, 8, 1, -1, &coils));
  assert_fails(KVOX_ERROR_ARGUMENT, "1024 coils", kvox_phantom_coils_create_loops(*state, 600, 2, 1, &coils));
  assert_null(coils);
  const double waves[3] = {0, 0, 0}, huge[2] = {1e300, 0};
  assert_ok(kvox_phantom_coils_create(*state, 1, 1, waves, huge, &coils));
  assert_fails(KVOX_ERROR_DATA, "range of 32-bit floats", kvox_phantom_coil_maps(coils, &grid, &section));
  kvox_phantom_coils_destroy(coils);
  kvox_phantom_coils_destroy(NULL);
  kvox_phantom_destroy(head);
  kvox_phantom_destroy(solid);
  kvox_phantom_destroy(discs);
  kvox_phantom_destroy(rod);
}

/* Loops as they are: each strongest towards its own side, alike but for their turn, together 1 in the middle; the map
 * is within a few % of Bx - i By of its loop. */
static void test_loops(void **state) {
  enum { LOOPS = 8, N = 33 };
  kvox_phantom_coils *coils = NULL;
  assert_ok(kvox_phantom_coils_create_loops(*state, LOOPS, 1, 100, &coils));
  assert_int_equal(kvox_phantom_coils_count(coils), LOOPS);
  static float complex maps[LOOPS][N][N];
  const kvox_grid grid = grid_of(N, N, 1, 5, 1);
  const kvox_array array = array_of(maps, KVOX_C64, 4, (int64_t[]){LOOPS, 1, N, N});
  assert_ok(kvox_phantom_coil_maps(coils, &grid, &array));
  double middle = 0;
  for (int c = 0; c < LOOPS; c++) {
    const double angle = 2 * pi * c / LOOPS;
    middle += pow(cabsf(maps[c][N / 2][N / 2]), 2);
    const int near_x = (int)lround(N / 2 + 12 * cos(angle)), near_y = (int)lround(N / 2 + 12 * sin(angle));
    const double near = cabsf(maps[c][near_y][near_x]), far = cabsf(maps[c][N - 1 - near_y][N - 1 - near_x]);
    assert_true(near > 1.8 * cabsf(maps[c][N / 2][N / 2]) && near > 6 * far);
    /* Alike: the field of a turned coil turns its phase. */
    assert_close(cabsf(maps[c][N / 2][N / 2]), cabsf(maps[0][N / 2][N / 2]), 0.02 * cabsf(maps[0][N / 2][N / 2]));
  }
  assert_close(middle, 1, 1e-5);
  /* On the first loop's axis the field falls as (a^2 + d^2)^-1.5, a = 1.15 * 140 sin(pi / 8). */
  const double a = 1.15 * 140 * sin(pi / 8), unit = cabsf(maps[0][N / 2][N / 2]) * pow(a * a + 140 * 140, 1.5);
  for (int x = 4; x < N - 2; x++) {
    const double d = 140 - (x - N / 2) * 5.0, want = unit * pow(a * a + d * d, -1.5);
    assert_close(cabsf(maps[0][N / 2][x]), want, 0.02 * cabsf(maps[0][N / 2][N - 1]));
  }
  kvox_phantom_coils_destroy(coils);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_quadrature), cmocka_unit_test(test_sizes), cmocka_unit_test(test_oblique),
      cmocka_unit_test(test_zero),       cmocka_unit_test(test_maps),  cmocka_unit_test(test_image),
      cmocka_unit_test(test_symmetry),   cmocka_unit_test(test_same),  cmocka_unit_test(test_errors),
      cmocka_unit_test(test_loops),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
