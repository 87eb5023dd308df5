/* A context on an OpenCL device and one on the CPU, and what tests do with both. */
#ifndef KVOX_TESTS_CT_SIDES_H
#define KVOX_TESTS_CT_SIDES_H

#include "ct/scan.h"
#include "ocl/faulty.h"

typedef struct sides {
  kvox_context *device, *cpu;
} sides;

static inline kvox_context *context_of(int32_t backend, bool may_fall_back, faulty_log *log) {
  kvox_context_options options = faulty_options();
  kvox_context *context = NULL;
  options.backend = backend;
  options.forbid_fallback = !may_fall_back;
  options.log = log != NULL ? faulty_write_log : NULL;
  options.log_user = log;
  assert_ok(kvox_context_create(&options, &context));
  return context;
}

static inline int open_sides(void **state) {
  static sides both;
  if (kvox_device_count() == 0) {
    printf("skipped: %s\n", kvox_last_error());
    return 0;
  }
  both = (sides){context_of(KVOX_BACKEND_OPENCL, false, NULL), context_of(KVOX_BACKEND_CPU, false, NULL)};
  *state = &both;
  return 0;
}

static inline int close_sides(void **state) {
  const sides *both = *state;
  if (both != NULL) {
    kvox_context_destroy(both->device);
    kvox_context_destroy(both->cpu);
  }
  return 0;
}

#define SIDES_OR_SKIP(state)    \
  const sides *both = *(state); \
  if (both == NULL) {           \
    skip();                     \
  }

/* A geometry belongs to no backend. */
static inline scan scan_of(int64_t views, int64_t rows, int64_t columns) {
  scan s = scan_options(views, rows, columns);
  s.options.column_offset_px = 1.7;
  return s;
}

/* Full turn of a fan or cone, its source at 500 mm and its detector's pixels 1 mm wide at the axis. */
static inline kvox_ct_cone_options cone_options(int64_t views, int64_t rows, int64_t columns) {
  kvox_ct_cone_options o;
  kvox_ct_cone_options_init(&o);
  o.views = views;
  o.rows = rows;
  o.columns = columns;
  o.source_to_axis_mm = 500;
  o.source_to_detector_mm = 750;
  o.column_pitch_mm = 1.5;
  o.angle_step_deg = 360.0 / (double)views;
  o.column_offset_px = 0.3;
  o.row_offset_px = -0.4;
  return o;
}

/* As scan_begin. */
static inline scan cone_begin(int32_t beam, const kvox_ct_cone_options *options) {
  scan s = {.context = context_of_threads(2)};
  const int64_t shape[3] = {options->views, options->rows, options->columns};
  assert_ok((beam == KVOX_CT_FAN ? kvox_ct_geometry_create_fan : kvox_ct_geometry_create_cone)(s.context, options,
                                                                                               &s.geometry));
  s.samples = calloc((size_t)(shape[0] * shape[1] * shape[2]), sizeof *s.samples);
  assert_non_null(s.samples);
  assert_ok(kvox_array_init(&s.projections, s.samples, KVOX_F32, 3, shape));
  return s;
}

static inline kvox_ct_fbp_plan *plan_on(kvox_context *context, const scan *s, const kvox_ct_fbp_options *options) {
  kvox_ct_fbp_plan *plan = NULL;
  assert_ok(kvox_ct_fbp_plan_create(context, s->geometry, options, &plan));
  return plan;
}

static inline kvox_volume *reconstruct_on(kvox_context *context, const scan *s, const kvox_ct_fbp_options *options) {
  kvox_ct_fbp_plan *plan = plan_on(context, s, options);
  kvox_volume *volume = volume_for(s, plan);
  assert_ok(kvox_ct_fbp_execute(plan, NULL, &s->projections, volume));
  kvox_ct_fbp_plan_destroy(plan);
  return volume;
}

static inline int64_t voxels_of(const kvox_volume *volume) {
  kvox_grid grid;
  assert_ok(kvox_volume_grid(volume, &grid));
  return grid.size[0] * grid.size[1] * grid.size[2];
}

static inline double greatest_difference(const kvox_volume *a, const kvox_volume *b) {
  const int64_t count = voxels_of(a);
  double greatest = 0;
  assert_int_equal(count, voxels_of(b));
  for (int64_t i = 0; i < count; i++) {
    greatest = fmax(greatest, fabs((double)volume_samples(a)[i] - (double)volume_samples(b)[i]));
  }
  return greatest;
}

static inline void assert_same_bits(const kvox_volume *a, const kvox_volume *b) {
  assert_int_equal(voxels_of(a), voxels_of(b));
  assert_memory_equal(volume_samples(a), volume_samples(b), (size_t)voxels_of(a) * sizeof(float));
}

/* The least memory limit, as the plan's own sentence names it. */
static inline uint64_t least_limit(kvox_context *context, const scan *s, const kvox_ct_fbp_options *given) {
  kvox_ct_fbp_plan *plan = NULL;
  kvox_ct_fbp_options o = *given;
  o.memory_limit = 1;
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "at least", kvox_ct_fbp_plan_create(context, s->geometry, &o, &plan));
  const char *number = strstr(kvox_last_error(), "at least");
  return strtoull(number + strlen("at least "), NULL, 10);
}

#endif
