/* Samples and voxels turned over, for Joseph's pair: [view][column][row] and [y][x][z]. */
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/size.h"
#include "ct/correct.h"
#include "ct/operator_rays.h"

enum { GROUP = KVOX_RAYS_GROUP };

static int64_t longest_row(const kvox_ct_operator_rays *r) {
  return kvox_max_i64(kvox_round_up(r->columns, GROUP), KVOX_RAYS_SIDE);
}

static int64_t longest_run(const kvox_ct_operator_rays *r) {
  return kvox_max_i64(longest_row(r), kvox_max_i64(r->step, r->row_step));
}

static int64_t tile_floats(const kvox_ct_operator_rays *r) { return (r->side * r->side + GROUP) * r->step; }

kvox_rays_scratch_parts kvox_ct_rays_scratch(const kvox_rays_run *run, int32_t worker) {
  const kvox_ct_operator_rays *r = run->rays;
  char *block = run->workspace->block;
  kvox_rays_scratch_parts s = {.voxels =
                                   (float *)(void *)(block + r->block_bytes + (uint64_t)worker * r->worker_bytes)};
  s.turned = s.voxels + tile_floats(r);
  s.rows = s.turned + longest_run(r) * GROUP;
  s.blend = s.rows + longest_row(r) * GROUP;
  return s;
}

uint64_t kvox_ct_rays_worker_bytes(const kvox_ct_operator_rays *r) {
  const int64_t floats = tile_floats(r) + (longest_run(r) + longest_row(r)) * GROUP +
                         kvox_rays_scratch(kvox_max_i64(r->step, r->row_step));
  return (uint64_t)kvox_round_up(floats * (int64_t)sizeof(float), KVOX_ALIGNMENT);
}

int64_t kvox_ct_rays_view_floats(const kvox_ct_operator_rays *r) {
  return kvox_round_up(r->columns, GROUP) * r->row_step;
}

int64_t kvox_ct_rays_view_number(const kvox_rays_run *run, int64_t index) {
  return run->rays->order[(run->slabs ? run->rays->tile_views : 0) + run->first + index];
}

float *kvox_ct_rays_samples(const kvox_rays_run *run, int64_t index) {
  return (float *)run->workspace->block + index * kvox_ct_rays_view_floats(run->rays);
}

static float *projection_row(const kvox_rays_run *run, int64_t view, int64_t row) {
  const int64_t index[2] = {view, row};
  return kvox_array_at(run->projections, 2, index);
}

float *kvox_ct_rays_volume_row(const kvox_rays_run *run, int64_t z, int64_t y) {
  const int64_t index[2] = {z, y};
  return kvox_array_at(run->volume, 2, index);
}

/* ---- Samples ---- */

/* Multiplies the samples of a column by their rays' lengths from plane to plane, as kvox_rays_ray tells them. */
static void scale_column(const kvox_ct_operator_rays *r, const kvox_rays_view *v, int64_t column, float *samples) {
  const double *s = r->spacing_mm, c = (double)column;
  double along[3];
  for (int a = 0; a < 3; a++) {
    along[a] = v->along[a] + c * v->along_column[a];
  }
  for (int64_t row = 0; row < r->rows; row++) {
    const double k = (double)row;
    const double x = along[0] + k * v->along_row[0], y = along[1] + k * v->along_row[1];
    const double z = along[2] + k * v->along_row[2];
    const double square = x * s[0] * x * s[0] + y * s[1] * y * s[1] + z * s[2] * z * s[2];
    const double flat = fabs(x) > fabs(y) ? fabs(x) : fabs(y), most = fabs(z) > flat ? fabs(z) : flat;
    samples[row] *= (float)(sqrt(square) / most);
  }
}

/* GROUP rows of a view from `row` on; those behind the last are zeros. */
static kvox_status take_rows(const kvox_rays_run *run, int64_t view, int64_t row, const kvox_rays_scratch_parts *s) {
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t step = longest_row(r);
  for (int64_t i = 0; i < GROUP; i++) {
    float *to = s->rows + i * step;
    if (row + i >= r->rows) {
      memset(to, 0, (size_t)r->columns * sizeof *to);
      continue;
    }
    memcpy(to, projection_row(run, view, row + i), (size_t)r->columns * sizeof *to);
    if (!kvox_ct_correct_row(NULL, r->context->cpu_level, row + i, r->columns, to)) {
      return kvox_ct_not_finite("projections", view, row + i, r->columns, to);
    }
  }
  r->turn->interleave(s->rows, step, r->columns, s->turned);
  return KVOX_OK;
}

kvox_status kvox_ct_rays_take_view(void *data, int64_t index, int32_t worker) {
  const kvox_rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t view = kvox_ct_rays_view_number(run, index);
  const kvox_rays_scratch_parts s = kvox_ct_rays_scratch(run, worker);
  float *samples = kvox_ct_rays_samples(run, index);
  for (int64_t row = 0; row < r->row_step; row += GROUP) {
    KVOX_TRY(take_rows(run, view, row, &s));
    for (int64_t column = 0; column < r->columns; column++) {
      memcpy(samples + column * r->row_step + row, s.turned + column * GROUP, GROUP * sizeof(float));
    }
  }
  for (int64_t column = 0; column < r->columns; column++) {
    scale_column(r, &r->views[view], column, samples + column * r->row_step);
  }
  return KVOX_OK;
}

/* Those of a view that met tiles before: rays along z are all that is new. */
static void keep_others(const kvox_rays_run *run, const kvox_rays_view *view, int64_t row, int64_t column,
                        int64_t count, const float *was, float *turned) {
  for (int64_t i = 0; i < count; i++) {
    if (kvox_rays_ray(view, run->rays->spacing_mm, row, column + i).main != 2) {
      turned[i] = was[i];
    }
  }
}

kvox_status kvox_ct_rays_give_view(void *data, int64_t index, int32_t worker) {
  const kvox_rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t number = kvox_ct_rays_view_number(run, index);
  const kvox_rays_view *view = &r->views[number];
  const kvox_rays_scratch_parts s = kvox_ct_rays_scratch(run, worker);
  float *samples = kvox_ct_rays_samples(run, index);
  for (int64_t column = 0; column < r->columns; column += GROUP) {
    const int64_t count = kvox_min_i64(GROUP, r->columns - column);
    for (int64_t i = 0; i < count; i++) {
      scale_column(r, view, column + i, samples + (column + i) * r->row_step);
    }
    r->turn->interleave(samples + column * r->row_step, r->row_step, r->rows, s.turned);
    for (int64_t row = 0; row < r->rows; row++) {
      float *to = projection_row(run, number, row) + column, *turned = s.turned + row * GROUP;
      if (run->slabs && (view->axes[0] || view->axes[1])) {
        keep_others(run, view, row, column, count, to, turned);
      }
      memcpy(to, turned, (size_t)count * sizeof(float));
    }
  }
  return KVOX_OK;
}

kvox_status kvox_ct_rays_clear_view(void *data, int64_t index, int32_t worker) {
  const kvox_rays_run *run = data;
  (void)worker;
  memset(kvox_ct_rays_samples(run, index), 0, (size_t)kvox_ct_rays_view_floats(run->rays) * sizeof(float));
  return KVOX_OK;
}

/* ---- Tiles of the volume ---- */

void kvox_ct_rays_load_row(const kvox_rays_run *run, const kvox_rays_tile *tile, int64_t y,
                           const kvox_rays_scratch_parts *s) {
  const kvox_ct_operator_rays *r = run->rays;
  float *voxels = tile->voxels + y * tile->width * r->step;
  for (int64_t z = 0; z < r->step; z += GROUP) {
    for (int64_t k = 0; k < GROUP; k++) {
      float *to = s->rows + k * KVOX_RAYS_SIDE;
      if (z + k < r->size[2]) {
        memcpy(to, kvox_ct_rays_volume_row(run, z + k, tile->y + y) + tile->x, (size_t)tile->width * sizeof(float));
      } else {
        memset(to, 0, (size_t)tile->width * sizeof(float));
      }
    }
    r->turn->interleave(s->rows, KVOX_RAYS_SIDE, tile->width, s->turned);
    for (int64_t x = 0; x < tile->width; x++) {
      memcpy(voxels + x * r->step + z, s->turned + x * GROUP, GROUP * sizeof(float));
    }
  }
}

void kvox_ct_rays_store_tile(const kvox_rays_run *run, const kvox_rays_tile *tile, const kvox_rays_scratch_parts *s) {
  const kvox_ct_operator_rays *r = run->rays;
  for (int64_t y = 0; y < tile->height; y++) {
    for (int64_t x = 0; x < tile->width; x += GROUP) {
      const int64_t count = kvox_min_i64(GROUP, tile->width - x);
      r->turn->interleave(tile->voxels + (y * tile->width + x) * r->step, r->step, r->size[2], s->turned);
      for (int64_t z = 0; z < r->size[2]; z++) {
        memcpy(kvox_ct_rays_volume_row(run, z, tile->y + y) + tile->x + x, s->turned + z * GROUP,
               (size_t)count * sizeof(float));
      }
    }
  }
}
