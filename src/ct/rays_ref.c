/* The oracle: one ray and one plane at a time, places in double, four voxels. */
#include <math.h>
#include <stddef.h>

#include "ct/rays.h"

/* Where a ray meets plane n, and the two other axes. */
typedef struct meeting {
  int32_t a, b;
  int64_t at_a, at_b;
  float fa, fb;
} meeting;

static meeting meet(const kvox_ray *ray, int64_t n) {
  const int32_t m = ray->main;
  meeting p = {.a = m == 0 ? 1 : 0, .b = m == 2 ? 1 : 2};
  const double t = ((double)n - ray->from[m]) / ray->along[m];
  const double a = ray->from[p.a] + t * ray->along[p.a], b = ray->from[p.b] + t * ray->along[p.b];
  /* Beyond any grid is as good as far beyond it. */
  const double most = 0x1p60;
  p.at_a = (int64_t)floor(fmin(fmax(a, -most), most));
  p.at_b = (int64_t)floor(fmin(fmax(b, -most), most));
  p.fa = (float)(a - floor(a));
  p.fb = (float)(b - floor(b));
  return p;
}

/* Voxel and weight of one of the four: `corner` is 0 ... 3. */
static float weight_of(const meeting *p, int32_t m, int64_t n, int corner, int64_t index[3]) {
  const int high_a = corner & 1, high_b = corner >> 1;
  index[m] = n;
  index[p->a] = p->at_a + high_a;
  index[p->b] = p->at_b + high_b;
  return (high_a ? p->fa : 1 - p->fa) * (high_b ? p->fb : 1 - p->fb);
}

/* ---- Upright views ---- */

static float *voxel_of_tile(const kvox_rays_tile *t, const int64_t index[3]) {
  const int64_t x = index[0] - t->x, y = index[1] - t->y, z = index[2];
  const bool inside = x >= 0 && x < t->width && y >= 0 && y < t->height && z >= 0 && z < t->size[2];
  return inside ? &t->voxels[(y * t->width + x) * t->step + z] : NULL;
}

static void meet_tile(const kvox_rays_tile *t, int64_t row, int64_t column, bool adjoint) {
  static const double any[3] = {1, 1, 1};
  const kvox_ray ray = kvox_rays_ray(t->view, any, row, column);
  const int64_t begin = ray.main == 0 ? t->x : t->y, count = ray.main == 0 ? t->width : t->height;
  float *sample = &t->samples[column * t->row_step + row];
  for (int64_t n = begin; n < begin + count; n++) {
    const meeting p = meet(&ray, n);
    for (int corner = 0; corner < 4; corner++) {
      int64_t index[3];
      const float weight = weight_of(&p, ray.main, n, corner, index);
      float *voxel = voxel_of_tile(t, index);
      if (voxel != NULL && adjoint) {
        *voxel += weight * *sample;
      } else if (voxel != NULL) {
        *sample += weight * *voxel;
      }
    }
  }
}

static void each_ray(const kvox_rays_tile *t, bool adjoint) {
  int64_t begin, end;
  kvox_rays_columns(t, &begin, &end);
  for (int64_t column = begin; column < end; column++) {
    for (int64_t row = 0; row < t->rows; row++) {
      meet_tile(t, row, column, adjoint);
    }
  }
}

static void project_tile(const kvox_rays_tile *tile) { each_ray(tile, false); }
static void backproject_tile(const kvox_rays_tile *tile) { each_ray(tile, true); }

/* ---- Any views ---- */

static float *voxel_of_box(const kvox_rays_box *box, const int64_t index[3]) {
  int64_t at = 0;
  for (int a = 0; a < 3; a++) {
    if (index[a] < box->begin[a] || index[a] >= box->begin[a] + box->size[a]) {
      return NULL;
    }
    at += (index[a] - box->begin[a]) * box->stride[a];
  }
  return box->voxels + at;
}

static void meet_box(const kvox_rays_box *box, int64_t row, int64_t column, bool adjoint) {
  static const double any[3] = {1, 1, 1};
  const kvox_ray ray = kvox_rays_ray(box->view, any, row, column);
  if ((ray.main == 2) != box->along_z) {
    return;
  }
  float *sample = &box->samples[column * box->row_step + row];
  const int64_t begin = box->begin[ray.main], end = begin + box->size[ray.main];
  for (int64_t n = begin; n < end; n++) {
    const meeting p = meet(&ray, n);
    for (int corner = 0; corner < 4; corner++) {
      int64_t index[3];
      const float weight = weight_of(&p, ray.main, n, corner, index);
      float *voxel = voxel_of_box(box, index);
      if (voxel != NULL && adjoint) {
        *voxel += weight * *sample;
      } else if (voxel != NULL) {
        *sample += weight * *voxel;
      }
    }
  }
}

static void each_ray_of_box(const kvox_rays_box *box, bool adjoint) {
  const kvox_rays_shadow shadow = kvox_rays_shadow_of(box);
  for (int64_t column = shadow.column_begin; column < shadow.column_end; column++) {
    for (int64_t row = shadow.row_begin; row < shadow.row_end; row++) {
      meet_box(box, row, column, adjoint);
    }
  }
}

static void project_box(const kvox_rays_box *box) { each_ray_of_box(box, false); }
static void backproject_box(const kvox_rays_box *box) { each_ray_of_box(box, true); }

const kvox_rays_kernels kvox_rays_ref = {project_tile, backproject_tile, project_box, backproject_box};
