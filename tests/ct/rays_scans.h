/* Scans of every kind that Joseph's pair takes, and a pair of one of them. */
#ifndef KVOX_TESTS_CT_RAYS_SCANS_H
#define KVOX_TESTS_CT_RAYS_SCANS_H

#include <stdbool.h>
#include <string.h>

#include "ct/scan.h"

enum { MOST_SCAN_VIEWS = 64 };

typedef enum scan_kind {
  SCAN_CONE,
  SCAN_SHORT_OFFSET,
  SCAN_FAN,
  SCAN_PARALLEL, /* circular: Joseph is asked for */
  SCAN_SAGGING,  /* a C-arm as views */
  SCAN_MATRICES, /* the same as matrices */
  SCAN_FLIPPED,  /* a cone as views whose rows run downwards */
  SCAN_TILTED,   /* parallel views, rays 30 degrees from the plane */
  SCAN_ALONG_Z,  /* parallel views whose rays run nearly along z */
  SCAN_STEEP,    /* a cone of so wide rows that some rays follow z */
  SCAN_KINDS
} scan_kind;

static inline kvox_context *context_at(int32_t level, int32_t threads) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.threads = threads;
  options.cpu_level = level;
  options.backend = KVOX_BACKEND_CPU;
  assert_ok(kvox_context_create(&options, &context));
  return context;
}

/* The levels that this machine runs, the oracle among them. */
static inline bool has_level(int32_t level) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.cpu_level = level;
  const bool has = kvox_context_create(&options, &context) == KVOX_OK && kvox_context_cpu_level(context) == level;
  kvox_context_destroy(context);
  return has;
}

static inline kvox_ct_cone_options diverging(scan_kind kind, const int64_t shape[3]) {
  kvox_ct_cone_options o;
  kvox_ct_cone_options_init(&o);
  o.views = shape[0];
  o.rows = shape[1];
  o.columns = shape[2];
  o.source_to_axis_mm = 150;
  o.source_to_detector_mm = 240;
  o.column_pitch_mm = 1.7;
  o.row_pitch_mm = kind == SCAN_FAN ? 1.3 : kind == SCAN_STEEP ? 30 : 2.1;
  o.column_offset_px = kind == SCAN_SHORT_OFFSET ? 11.3 : 0.37;
  o.row_offset_px = -0.6;
  o.angle_start_deg = 11;
  o.angle_step_deg = (kind == SCAN_SHORT_OFFSET ? -215.3 : 360.0) / (double)shape[0];
  return o;
}

/* Each view turned and shifted a little, differently: no row follows z. */
static inline void sag(kvox_ct_view *view, int64_t index) {
  const double a = 0.02 * sin(1.3 * (double)index), b = 0.015 * cos(2.1 * (double)index);
  for (int c = 0; c < 3; c++) {
    const double u = view->column_step_mm[c], v = view->row_step_mm[c];
    view->column_step_mm[c] = u + a * v;
    view->row_step_mm[c] = v - a * u + b * (c == 0 ? 1 : 0.3);
    view->source_mm[c] += 0.7 * sin((double)index + c);
  }
}

static inline kvox_ct_geometry *views_of(kvox_context *context, scan_kind kind, const int64_t shape[3]) {
  const kvox_ct_cone_options o = diverging(kind, shape);
  kvox_ct_geometry *cone = NULL, *made = NULL;
  kvox_ct_view views[MOST_SCAN_VIEWS];
  double matrices[12 * MOST_SCAN_VIEWS];
  assert_true(shape[0] <= MOST_SCAN_VIEWS);
  assert_ok(kvox_ct_geometry_create_cone(context, &o, &cone));
  const bool parallel = kind == SCAN_TILTED || kind == SCAN_ALONG_Z;
  for (int64_t v = 0; v < shape[0]; v++) {
    assert_ok(kvox_ct_geometry_view(cone, v, &views[v]));
    const double angle = 0.7 + 6.28 * (double)v / (double)shape[0], flat = kind == SCAN_TILTED ? 0.87 : 0.3;
    if (parallel) {
      const double ray[3] = {-flat * sin(angle), flat * cos(angle), kind == SCAN_TILTED ? 0.5 : -0.95};
      const double across[3] = {0, 1.4 * sin(angle), 1.4 * cos(angle)};
      memcpy(views[v].source_mm, ray, sizeof ray);
      memset(views[v].detector_mm, 0, sizeof views[v].detector_mm);
      if (kind == SCAN_ALONG_Z) {
        memcpy(views[v].row_step_mm, (double[3]){-1.1 * sin(angle), 1.1 * cos(angle), 0}, sizeof across);
      }
    } else if (kind == SCAN_FLIPPED) {
      views[v].row_step_mm[2] *= -1;
    } else {
      sag(&views[v], v);
    }
  }
  kvox_ct_geometry_destroy(cone);
  assert_ok(kvox_ct_geometry_create_views(context, parallel ? KVOX_CT_PARALLEL : KVOX_CT_CONE, shape[1], shape[2],
                                          views, shape[0], &made));
  if (kind == SCAN_MATRICES) {
    for (int64_t v = 0; v < shape[0]; v++) {
      assert_ok(kvox_ct_geometry_matrix(made, v, matrices + 12 * v));
    }
    kvox_ct_geometry_destroy(made);
    assert_ok(kvox_ct_geometry_create_matrices(context, shape[1], shape[2], 1.7, matrices, shape[0], &made));
  }
  return made;
}

static inline kvox_ct_geometry *geometry_of_kind(kvox_context *context, scan_kind kind, const int64_t shape[3]) {
  kvox_ct_geometry *made = NULL;
  const kvox_ct_cone_options o = diverging(kind, shape);
  if (kind == SCAN_CONE || kind == SCAN_SHORT_OFFSET || kind == SCAN_STEEP) {
    assert_ok(kvox_ct_geometry_create_cone(context, &o, &made));
  } else if (kind == SCAN_FAN) {
    assert_ok(kvox_ct_geometry_create_fan(context, &o, &made));
  } else if (kind == SCAN_PARALLEL) {
    scan s = scan_options(shape[0], shape[1], shape[2]);
    kvox_context_destroy(s.context);
    s.options.column_offset_px = 0.37;
    s.options.angle_start_deg = 11;
    assert_ok(kvox_ct_geometry_create_parallel(context, &s.options, &made));
  } else {
    made = views_of(context, kind, shape);
  }
  return made;
}

typedef struct rays_pair {
  kvox_context *context;
  kvox_ct_geometry *geometry;
  kvox_grid grid;
  kvox_ct_operator *operation;
  kvox_volume *x, *back;
  float *y, *forward;
  kvox_array y_array, forward_array;
  int64_t voxels, samples;
} rays_pair;

typedef struct rays_case {
  scan_kind kind;
  int64_t shape[3], size[3];
  double spacing_mm[3], center_mm[3];
} rays_case;

static inline rays_pair make_rays_pair(const rays_case *what, int32_t level, int32_t threads, uint64_t limit) {
  rays_pair p = {.context = context_at(level, threads)};
  p.geometry = geometry_of_kind(p.context, what->kind, what->shape);
  p.voxels = what->size[0] * what->size[1] * what->size[2];
  p.samples = what->shape[0] * what->shape[1] * what->shape[2];
  assert_ok(kvox_grid_init(&p.grid, what->size, what->spacing_mm, what->center_mm));
  kvox_ct_operator_options options;
  kvox_ct_operator_options_init(&options);
  options.grid = &p.grid;
  options.memory_limit = limit;
  options.method = KVOX_CT_OPERATOR_JOSEPH;
  assert_ok(kvox_ct_operator_create(p.context, p.geometry, &options, &p.operation));
  assert_ok(kvox_volume_create(p.context, KVOX_F32, &p.grid, &p.x));
  assert_ok(kvox_volume_create(p.context, KVOX_F32, &p.grid, &p.back));
  p.y = malloc((size_t)p.samples * sizeof(float));
  p.forward = malloc((size_t)p.samples * sizeof(float));
  assert_ok(kvox_array_init(&p.y_array, p.y, KVOX_F32, 3, what->shape));
  assert_ok(kvox_array_init(&p.forward_array, p.forward, KVOX_F32, 3, what->shape));
  fill_noise(volume_samples(p.x), p.voxels, 5);
  fill_noise(p.y, p.samples, 6);
  return p;
}

static inline void run_pair(rays_pair *p) {
  assert_ok(kvox_ct_project(p->operation, NULL, p->x, &p->forward_array));
  assert_ok(kvox_ct_backproject(p->operation, NULL, &p->y_array, p->back));
}

static inline void drop_rays_pair(rays_pair *p) {
  kvox_ct_operator_destroy(p->operation);
  kvox_volume_destroy(p->x);
  kvox_volume_destroy(p->back);
  free(p->y);
  free(p->forward);
  kvox_ct_geometry_destroy(p->geometry);
  kvox_context_destroy(p->context);
}

static inline double dot_of(const float *a, const float *b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += (double)a[i] * (double)b[i];
  }
  return sum;
}

#endif
