#include <math.h>
#include <string.h>

#include "ct/rays.h"
#include "kernel/check.h"

enum { MOST_COLUMNS = 24, MOST_ROWS = 90, MOST_SLICES = 120 };

/* Places within a block are right to half an ulp of 16 steps from row to row, 5e-7 of a step; steep ones to more. */
static const double tile_share = 1e-5, row_share = 1e-5;

static const double spacing_mm[3] = {0.8, 1.1, 1.3};

typedef struct bed {
  kvox_rays_view view;
  kvox_rays_tile tile;
  kvox_rays_row row;
  int64_t voxels, samples;
  double slope;
} bed;

/* Rays of a source beside the grid, or without one, with rows along z: `slope` voxels from one to the next where they
 * are nearest to the grid. */
static void make_upright(kvox_check *check, const int64_t size[3], int64_t rows, int64_t columns, double slope,
                         kvox_rays_view *v) {
  const double angle = kvox_check_real(check, -4, 4), c = cos(angle), s = sin(angle);
  const double away = kvox_check_real(check, 1.3, 6) * (double)(size[0] + size[1] + 4);
  const double pitch = kvox_check_real(check, 0.1, 2), shift = kvox_check_real(check, -2, 2);
  const double middle[3] = {0.5 * (double)size[0], 0.5 * (double)size[1], 0.5 * (double)size[2] + shift};
  const double corner[2] = {-0.5 * pitch * (double)(columns - 1), -0.5 * slope * (double)(rows - 1)};
  const int beam = (int)kvox_check_integer(check, 0, 2);
  *v = (kvox_rays_view){.upright = true};
  const double column[3] = {c * pitch, s * pitch, 0.1 * kvox_check_real(check, -1, 1)}, up[3] = {0, 0, slope};
  const double to_detector[3] = {-s * away, c * away, kvox_check_real(check, -3, 3)};
  for (int a = 0; a < 3; a++) {
    const double pixel = middle[a] + corner[0] / pitch * column[a] + (a == 2 ? corner[1] : 0);
    if (beam == 0) {
      v->from[a] = pixel;
      v->from_column[a] = column[a];
      v->from_row[a] = up[a];
      v->along[a] = to_detector[a] / away;
    } else {
      v->from[a] = middle[a] - to_detector[a];
      v->along[a] = pixel - v->from[a];
      v->along_column[a] = column[a];
      v->along_row[a] = up[a];
    }
  }
  if (beam == 2) {
    v->from[2] = middle[2] + corner[1];
    v->from_row[2] = slope;
    v->along[2] = v->along_column[2] = v->along_row[2] = 0;
  }
}

/* Rays in any direction through the middle of the grid. */
static void make_any(kvox_check *check, const int64_t size[3], kvox_rays_view *v) {
  *v = (kvox_rays_view){.upright = false};
  const bool parallel = kvox_check_chance(check, 0.4);
  for (int a = 0; a < 3; a++) {
    const double direction = kvox_check_real(check, -1, 1);
    const double away = 3 * (double)(size[0] + size[1] + size[2]);
    v->along[a] = direction * away;
    v->from[a] = (0.5 + kvox_check_real(check, -0.3, 0.3)) * (double)size[a] - 0.5 * v->along[a];
    (parallel ? v->from_column : v->along_column)[a] = kvox_check_real(check, -1.5, 1.5);
    (parallel ? v->from_row : v->along_row)[a] = kvox_check_real(check, -1.5, 1.5);
  }
}

/* Parallel rays along an axis but for a rounding, through the middles of voxels. */
static void make_along_axis(kvox_check *check, const int64_t size[3], kvox_rays_view *v) {
  const int64_t axis = kvox_check_integer(check, 0, 2), across = (axis + kvox_check_integer(check, 1, 2)) % 3;
  *v = (kvox_rays_view){.upright = false};
  for (int64_t a = 0; a < 3; a++) {
    v->along[a] = a == axis ? 100 : kvox_check_real(check, -1, 1) * 1e-12;
    v->from[a] = (double)kvox_check_integer(check, 0, size[a] - 1);
  }
  v->from[axis] -= 50;
  v->from_column[across] = kvox_check_chance(check, 0.5) ? 1 : -1;
}

static void fill(kvox_check *check, float *values, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    values[i] = (float)kvox_check_real(check, -1, 1);
  }
}

/* What the stage takes no upright views of. */
static bool some_follows_z(const kvox_rays_tile *t) {
  for (int64_t column = 0; column < t->columns; column++) {
    if (kvox_rays_ray(t->view, spacing_mm, 0, column).main == 2 ||
        kvox_rays_ray(t->view, spacing_mm, t->rows - 1, column).main == 2) {
      return t->rows > 1;
    }
  }
  return false;
}

static void make_tile(kvox_check *check, bed *b) {
  static const double slopes[] = {0.02, 0.2, 0.37, 0.52, 0.7, 0.95, 1.2, 1.7, 2.4, 5, 15};
  kvox_rays_tile *t = &b->tile;
  const double slope = slopes[kvox_check_integer(check, 0, 10)] * (kvox_check_chance(check, 0.3) ? -1 : 1);
  b->slope = slope;
  t->view = &b->view;
  t->size[0] = kvox_check_integer(check, 1, 50);
  t->size[1] = kvox_check_integer(check, 1, 50);
  t->size[2] = kvox_check_integer(check, 1, MOST_SLICES);
  t->rows = kvox_check_integer(check, 1, MOST_ROWS);
  t->columns = kvox_check_integer(check, 1, MOST_COLUMNS);
  t->x = kvox_check_integer(check, 0, t->size[0] - 1);
  t->y = kvox_check_integer(check, 0, t->size[1] - 1);
  t->width = kvox_check_integer(check, 1, t->size[0] - t->x < KVOX_RAYS_SIDE ? t->size[0] - t->x : KVOX_RAYS_SIDE);
  t->height = kvox_check_integer(check, 1, t->size[1] - t->y < KVOX_RAYS_SIDE ? t->size[1] - t->y : KVOX_RAYS_SIDE);
  t->step = (t->size[2] + KVOX_RAYS_BLOCK - 1) / KVOX_RAYS_BLOCK * KVOX_RAYS_BLOCK;

  make_upright(check, t->size, t->rows, t->columns, slope, &b->view);
  while (some_follows_z(t)) {
    t->rows = (t->rows + 1) / 2;
    b->view.along[2] = 0;
  }
  t->row_step = (t->rows + KVOX_RAYS_BLOCK - 1) / KVOX_RAYS_BLOCK * KVOX_RAYS_BLOCK;
  kvox_check_shape(check, "tile %d x %d at %d, %d of %d x %d x %d, %d rows, %d columns, slope %g", (int)t->width,
                   (int)t->height, (int)t->x, (int)t->y, (int)t->size[0], (int)t->size[1], (int)t->size[2],
                   (int)t->rows, (int)t->columns, slope);
}

/* Noise between forbidden pages, zeros where the stage wants them. */
static void fill_tile(kvox_check *check, bed *b) {
  kvox_rays_tile *t = &b->tile;
  b->voxels = t->width * t->height * t->step;
  b->samples = t->columns * t->row_step;
  t->voxels = kvox_check_floats(check, b->voxels);
  t->samples = kvox_check_floats(check, b->samples);
  t->scratch = kvox_check_floats(check, kvox_rays_scratch(t->step > t->row_step ? t->step : t->row_step));
  fill(check, t->voxels, b->voxels);
  fill(check, t->samples, b->samples);
  for (int64_t i = 0; i < b->voxels; i++) {
    t->voxels[i] = i % t->step < t->size[2] ? t->voxels[i] : 0;
  }
  for (int64_t i = 0; i < b->samples; i++) {
    t->samples[i] = i % t->row_step < t->rows ? t->samples[i] : 0;
  }
}

/* Runs of `used` of `step` floats, the rest has no meaning. */
static void forget_rest(float *values, int64_t count, int64_t step, int64_t used) {
  for (int64_t i = 0; i < count; i++) {
    values[i] = i % step < used ? values[i] : 0;
  }
}

/* `results` of the tile, once by the oracle and once by the variant. */
static void compare_tile(kvox_check *check, bool adjoint) {
  bed b = {.voxels = 0};
  make_tile(check, &b);
  fill_tile(check, &b);
  kvox_rays_tile *t = &b.tile, oracle = b.tile;
  const kvox_rays_kernels *kernels = kvox_rays_kernels_of(check->level);
  const int64_t count = adjoint ? b.voxels : b.samples, step = adjoint ? t->step : t->row_step;
  const int64_t used = adjoint ? t->size[2] : t->rows;
  float *want = kvox_check_floats(check, count), *got = adjoint ? t->voxels : t->samples;
  memcpy(want, got, (size_t)count * sizeof *want);
  oracle.voxels = adjoint ? want : t->voxels;
  oracle.samples = adjoint ? t->samples : want;
  (adjoint ? kvox_rays_ref.backproject_tile : kvox_rays_ref.project_tile)(&oracle);
  (adjoint ? kernels->backproject_tile : kernels->project_tile)(t);
  forget_rest(got, count, step, used);
  kvox_check_range(check, adjoint ? "voxels" : "samples", count, got, want, tile_share * fmax(1, fabs(b.slope) / 2));
  kvox_check_same_bits(check, count, got);
}

static void compare_row(kvox_check *check, bool adjoint) {
  bed b = {.row = {.spacing_mm = spacing_mm, .view = &b.view}};
  kvox_rays_row *r = &b.row;
  for (int a = 0; a < 3; a++) {
    r->size[a] = kvox_check_chance(check, 0.2) ? 1 : kvox_check_integer(check, 1, 40);
  }
  (kvox_check_chance(check, 0.3) ? make_along_axis : make_any)(check, r->size, &b.view);
  r->stride[0] = 1;
  r->stride[1] = r->size[0] + kvox_check_integer(check, 0, 3);
  r->stride[2] = r->stride[1] * r->size[1] + kvox_check_integer(check, 0, 3);
  r->row = kvox_check_integer(check, -30, 30);
  r->columns = kvox_check_integer(check, 1, MOST_COLUMNS);
  r->z_begin = kvox_check_integer(check, 0, r->size[2] - 1);
  r->z_end = kvox_check_integer(check, r->z_begin + 1, r->size[2]);
  kvox_check_shape(check, "row %d of %d columns, %d x %d x %d", (int)r->row, (int)r->columns, (int)r->size[0],
                   (int)r->size[1], (int)r->size[2]);
  b.voxels = r->stride[2] * (r->size[2] - 1) + r->stride[1] * (r->size[1] - 1) + r->size[0];
  r->voxels = kvox_check_floats(check, b.voxels);
  r->samples = kvox_check_floats(check, r->columns);
  fill(check, r->voxels, b.voxels);
  fill(check, r->samples, r->columns);
  const int64_t count = adjoint ? b.voxels : r->columns;
  float *want = kvox_check_floats(check, count), *got = adjoint ? r->voxels : r->samples;
  kvox_rays_row oracle = *r;
  memcpy(want, got, (size_t)count * sizeof *want);
  oracle.voxels = adjoint ? want : r->voxels;
  oracle.samples = adjoint ? r->samples : want;
  const kvox_rays_kernels *kernels = kvox_rays_kernels_of(check->level);
  (adjoint ? kvox_rays_ref.backproject_row : kvox_rays_ref.project_row)(&oracle);
  (adjoint ? kernels->backproject_row : kernels->project_row)(r);
  kvox_check_range(check, adjoint ? "voxels" : "samples", count, got, want, row_share);
  kvox_check_same_bits(check, count, got);
}

static void compare_project(kvox_check *check) {
  (kvox_check_chance(check, 0.6) ? compare_tile : compare_row)(check, false);
}

static void compare_backproject(kvox_check *check) {
  (kvox_check_chance(check, 0.6) ? compare_tile : compare_row)(check, true);
}

typedef struct bench_tile {
  void (*work)(const kvox_rays_tile *tile);
  const kvox_rays_tile *tile;
} bench_tile;

static void work_tile(void *data) {
  const bench_tile *bench = data;
  bench->work(bench->tile);
}

/* A tile of 256 slices under 100 columns of 512 rows, half a voxel apart; the adjoint's sums stay small: samples are 0.
 * Elements are voxels. */
static void bench(kvox_check *check, bool adjoint) {
  static const int64_t size[3] = {256, 256, 256};
  bed b = {.tile = {.rows = 512, .columns = 100, .x = 96, .y = 80, .width = 32, .height = 32, .step = 256}};
  kvox_rays_tile *t = &b.tile;
  memcpy(t->size, size, sizeof size);
  t->row_step = 512;
  t->view = &b.view;
  b.view = (kvox_rays_view){.from = {-900, 40, 127.5},
                            .along = {1500, 50, -200},
                            .along_column = {0, 0.8, 0},
                            .along_row = {0, 0, 0.78},
                            .upright = true};
  fill_tile(check, &b);
  memset(adjoint ? t->samples : t->voxels, 0, (size_t)(adjoint ? b.samples : b.voxels) * sizeof(float));
  const kvox_rays_kernels *kernels = kvox_rays_kernels_of(check->level);
  bench_tile job = {adjoint ? kernels->backproject_tile : kernels->project_tile, t};
  kvox_check_time(check, work_tile, &job, b.voxels);
}

static void bench_project(kvox_check *check) { bench(check, false); }
static void bench_backproject(kvox_check *check) { bench(check, true); }

const kvox_check_stage kvox_check_rays_project = {"rays.project", "1e-5 of the range, more where rows are far apart",
                                                  compare_project, bench_project};
const kvox_check_stage kvox_check_rays_backproject = {
    "rays.backproject", "1e-5 of the range, more where rows are far apart", compare_backproject, bench_backproject};
