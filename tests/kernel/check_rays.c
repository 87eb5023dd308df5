#include <math.h>
#include <string.h>

#include "ct/rays.h"
#include "kernel/check.h"

enum { MOST_COLUMNS = 24, MOST_ROWS = 90, MOST_SLICES = 120 };

/* Places within a block are right to half an ulp of 16 steps from row to row, 5e-7 of a step; steep ones to more. */
static const double tile_share = 1e-5, box_share = 1e-5;

static const double spacing_mm[3] = {0.8, 1.1, 1.3};

typedef struct bed {
  kvox_rays_view view;
  kvox_rays_tile tile;
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

/* A box of a volume whose rows may be longer, x or z innermost. */
static void make_box(kvox_check *check, kvox_rays_view *view, kvox_rays_box *box) {
  int64_t grid[3];
  *box = (kvox_rays_box){.view = view, .along_z = kvox_check_chance(check, 0.4)};
  for (int a = 0; a < 3; a++) {
    const bool thin = kvox_check_chance(check, 0.2), planes = a == 2 && box->along_z;
    grid[a] = thin ? 1 : kvox_check_integer(check, 1, 60);
    box->begin[a] = kvox_check_integer(check, 0, grid[a] - 1);
    box->size[a] = kvox_check_integer(check, 1, grid[a] - box->begin[a]);
    if (planes || (a < 2 && !box->along_z)) {
      box->size[a] = box->size[a] < KVOX_RAYS_SIDE ? box->size[a] : KVOX_RAYS_SIDE;
    }
  }
  if (kvox_check_chance(check, 0.3)) {
    make_along_axis(check, grid, view);
  } else {
    make_any(check, grid, view);
  }
  box->stride[box->along_z ? 0 : 2] = 1;
  box->rows = kvox_check_integer(check, 1, MOST_ROWS);
  box->columns = kvox_check_integer(check, 1, MOST_COLUMNS);
  box->row_step = box->rows + kvox_check_integer(check, 0, 3);
  kvox_check_shape(check, "box %d x %d x %d at %d, %d, %d, %d rows, %d columns%s", (int)box->size[0], (int)box->size[1],
                   (int)box->size[2], (int)box->begin[0], (int)box->begin[1], (int)box->begin[2], (int)box->rows,
                   (int)box->columns, box->along_z ? ", along z" : "");
}

static void compare_box(kvox_check *check, bool adjoint) {
  kvox_rays_view view;
  kvox_rays_box box;
  make_box(check, &view, &box);
  /* [z][y][x] where rays go along z, else [y][x][z]. */
  const int inner = box.along_z ? 0 : 2, middle = box.along_z ? 1 : 0, outer = box.along_z ? 2 : 1;
  box.stride[middle] = box.size[inner] + kvox_check_integer(check, 0, 3);
  box.stride[outer] = box.stride[middle] * box.size[middle] + kvox_check_integer(check, 0, 3);
  const int64_t voxels =
      box.stride[outer] * (box.size[outer] - 1) + box.stride[middle] * (box.size[middle] - 1) + box.size[inner];
  const int64_t samples = box.columns * box.row_step;
  box.voxels = kvox_check_floats(check, voxels);
  box.samples = kvox_check_floats(check, samples);
  fill(check, box.voxels, voxels);
  fill(check, box.samples, samples);
  const int64_t count = adjoint ? voxels : samples;
  float *want = kvox_check_floats(check, count), *got = adjoint ? box.voxels : box.samples;
  kvox_rays_box oracle = box;
  memcpy(want, got, (size_t)count * sizeof *want);
  oracle.voxels = adjoint ? want : box.voxels;
  oracle.samples = adjoint ? box.samples : want;
  const kvox_rays_kernels *kernels = kvox_rays_kernels_of(check->level);
  (adjoint ? kvox_rays_ref.backproject_box : kvox_rays_ref.project_box)(&oracle);
  (adjoint ? kernels->backproject_box : kernels->project_box)(&box);
  kvox_check_range(check, adjoint ? "voxels" : "samples", count, got, want, box_share);
  kvox_check_same_bits(check, count, got);
}

static void compare_project(kvox_check *check) { compare_tile(check, false); }
static void compare_backproject(kvox_check *check) { compare_tile(check, true); }

typedef struct bench_job {
  void (*work)(const kvox_rays_tile *tile);
  const kvox_rays_tile *tile;
  void (*box_work)(const kvox_rays_box *box);
  const kvox_rays_box *box;
} bench_job;

static void work_tile(void *data) {
  const bench_job *job = data;
  job->work(job->tile);
}

static void work_box(void *data) {
  const bench_job *job = data;
  job->box_work(job->box);
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
  bench_job job = {.work = adjoint ? kernels->backproject_tile : kernels->project_tile, .tile = t};
  kvox_check_time(check, work_tile, &job, b.voxels);
}

/* The same tile and rays, as if they followed no axis. */
static void bench_box(kvox_check *check, bool adjoint) {
  bed b = {.tile = {.width = 32, .height = 32, .step = 256, .rows = 512, .columns = 100, .row_step = 512}};
  b.tile.size[2] = 256;
  fill_tile(check, &b);
  b.view = (kvox_rays_view){.from = {-900, 40, 127.5},
                            .along = {1500, 50, -200},
                            .along_column = {0, 0.8, 0.01},
                            .along_row = {0, 0.01, 0.78}};
  const kvox_rays_box box = {.view = &b.view,
                             .rows = 512,
                             .columns = 100,
                             .begin = {96, 80, 0},
                             .size = {32, 32, 256},
                             .voxels = b.tile.voxels,
                             .stride = {256, 32 * 256, 1},
                             .samples = b.tile.samples,
                             .row_step = 512};
  memset(adjoint ? box.samples : box.voxels, 0, (size_t)(adjoint ? b.samples : b.voxels) * sizeof(float));
  const kvox_rays_kernels *kernels = kvox_rays_kernels_of(check->level);
  bench_job job = {.box_work = adjoint ? kernels->backproject_box : kernels->project_box, .box = &box};
  kvox_check_time(check, work_box, &job, b.voxels);
}

static void compare_project_box(kvox_check *check) { compare_box(check, false); }
static void compare_backproject_box(kvox_check *check) { compare_box(check, true); }
static void bench_project_box(kvox_check *check) { bench_box(check, false); }
static void bench_backproject_box(kvox_check *check) { bench_box(check, true); }

static void bench_project(kvox_check *check) { bench(check, false); }
static void bench_backproject(kvox_check *check) { bench(check, true); }

const kvox_check_stage kvox_check_rays_project = {"rays.project", "1e-5 of the range, more where rows are far apart",
                                                  compare_project, bench_project};
const kvox_check_stage kvox_check_rays_backproject = {
    "rays.backproject", "1e-5 of the range, more where rows are far apart", compare_backproject, bench_backproject};
const kvox_check_stage kvox_check_rays_project_box = {"rays.project_box", "1e-5 of the range", compare_project_box,
                                                      bench_project_box};
const kvox_check_stage kvox_check_rays_backproject_box = {"rays.backproject_box", "1e-5 of the range",
                                                          compare_backproject_box, bench_backproject_box};
