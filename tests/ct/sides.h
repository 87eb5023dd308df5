/* A context on an OpenCL device and one on the CPU, and what tests do with both. */
#ifndef KVOX_TESTS_CT_SIDES_H
#define KVOX_TESTS_CT_SIDES_H

#include "ct/scan.h"
#include "ocl/faulty.h"
#include "ocl/sides.h"

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

static inline kvox_context *open_side(int32_t backend) { return context_of(backend, false, NULL); }
static inline int open_sides(void **state) { return open_sides_of(state, open_side); }

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

/* Any limit, down to the least that is named, and below it a sentence. */
static inline void check_limits(const sides *both, const scan *s) {
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  kvox_volume *first = reconstruct_on(both->device, s, &o);
  const uint64_t least = least_limit(both->device, s, &o);
  const uint64_t limits[] = {least, least + least / 2, 4 * least};
  kvox_ct_fbp_plan *plan = NULL;
  for (int i = 0; i < 3; i++) {
    kvox_memory_use memory;
    o.memory_limit = limits[i];
    plan = plan_on(both->device, s, &o);
    assert_ok(kvox_ct_fbp_plan_memory(plan, &memory));
    assert_true(memory.device <= limits[i] && memory.device > 0);
    kvox_volume *other = volume_for(s, plan);
    assert_ok(kvox_ct_fbp_execute(plan, NULL, &s->projections, other));
    assert_same_bits(other, first);
    kvox_volume_destroy(other);
    kvox_ct_fbp_plan_destroy(plan);
  }
  o.memory_limit = least - 1;
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "at least", kvox_ct_fbp_plan_create(both->device, s->geometry, &o, &plan));
  kvox_volume_destroy(first);
}

/* Regions (begin, size) in slabs of their own have the bits of the whole. */
static inline void check_regions(const sides *both, const scan *s, const kvox_ct_fbp_options *given,
                                 const int64_t boxes[][2][3], size_t count) {
  kvox_ct_fbp_options o = *given;
  kvox_grid grid;
  kvox_volume *whole = reconstruct_on(both->device, s, &o);
  assert_ok(kvox_volume_grid(whole, &grid));
  for (size_t n = 0; n < count; n++) {
    const int64_t *begin = boxes[n][0], *size = boxes[n][1];
    memcpy(o.region_begin, begin, sizeof o.region_begin);
    memcpy(o.region_size, size, sizeof o.region_size);
    o.memory_limit = 2 * least_limit(both->device, s, &o);
    kvox_volume *part = reconstruct_on(both->device, s, &o);
    for (int64_t k = 0; k < size[2]; k++) {
      for (int64_t j = 0; j < size[1]; j++) {
        const float *want =
            volume_samples(whole) + ((begin[2] + k) * grid.size[1] + begin[1] + j) * grid.size[0] + begin[0];
        assert_memory_equal(volume_samples(part) + (k * size[1] + j) * size[0], want, (size_t)size[0] * sizeof *want);
      }
    }
    kvox_volume_destroy(part);
  }
  kvox_volume_destroy(whole);
}

/* Projections and volume on the device: the host's bits, and nothing comes back. */
static inline void check_in_place(const sides *both, const scan *s) {
  kvox_buffer *buffer = NULL;
  kvox_volume *there = NULL;
  kvox_workspace *workspace = NULL;
  kvox_array projections, from, to;
  kvox_grid grid;
  const int64_t *shape = s->projections.shape;
  kvox_ct_fbp_plan *plan = plan_on(both->device, s, NULL);
  kvox_volume *first = volume_for(s, plan), *second = volume_for(s, plan);
  assert_ok(kvox_ct_fbp_execute(plan, NULL, &s->projections, first));
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  assert_ok(kvox_volume_create_device(both->device, KVOX_F32, &grid, &there));
  assert_ok(kvox_buffer_create(both->device, sizeof(float) * (uint64_t)(shape[0] * shape[1] * shape[2]) + 8, &buffer));
  assert_ok(kvox_array_init_buffer(&projections, buffer, 8, KVOX_F32, 3, shape));
  assert_ok(kvox_array_copy(&s->projections, &projections));
  assert_ok(kvox_workspace_create(both->device, &workspace));
  assert_ok(kvox_ct_fbp_execute(plan, workspace, &projections, there));
  for (int32_t i = 0; i < kvox_workspace_stage_count(workspace); i++) {
    assert_string_not_equal(kvox_workspace_stage_name(workspace, i), "download");
  }
  assert_ok(kvox_volume_array(there, &from));
  assert_ok(kvox_volume_array(second, &to));
  assert_ok(kvox_array_copy(&from, &to));
  assert_same_bits(second, first);
  kvox_workspace_destroy(workspace);
  kvox_buffer_destroy(buffer);
  kvox_volume_destroy(there);
  kvox_volume_destroy(first);
  kvox_volume_destroy(second);
  kvox_ct_fbp_plan_destroy(plan);
}

/* A sample that is not finite (view, row, column) is told in the CPU's words. */
static inline void check_not_finite(const sides *both, const scan *s, const int64_t places[][3], size_t count) {
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  o.memory_limit = 2 * least_limit(both->device, s, &o);
  kvox_ct_fbp_plan *device = plan_on(both->device, s, &o), *cpu = plan_on(both->cpu, s, NULL);
  kvox_volume *volume = volume_for(s, cpu);
  const int64_t *shape = s->projections.shape;
  for (size_t i = 0; i < count; i++) {
    char sentence[256] = "";
    float *sample = &s->samples[(places[i][0] * shape[1] + places[i][1]) * shape[2] + places[i][2]];
    *sample = i % 2 == 0 ? NAN : -INFINITY;
    assert_int_equal(kvox_ct_fbp_execute(cpu, NULL, &s->projections, volume), KVOX_ERROR_DATA);
    snprintf(sentence, sizeof sentence, "%s", kvox_last_error());
    assert_int_equal(kvox_ct_fbp_execute(device, NULL, &s->projections, volume), KVOX_ERROR_DATA);
    assert_string_equal(kvox_last_error(), sentence);
    *sample = 0;
  }
  assert_ok(kvox_ct_fbp_execute(device, NULL, &s->projections, volume));
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(device);
  kvox_ct_fbp_plan_destroy(cpu);
}

/* A head in HU onto a grid: the device within half a HU of the CPU; how far apart they are. Samples stay `s`'s. */
static inline double check_against_cpu(const sides *both, const scan *s, const kvox_grid *grid, double water_per_mm) {
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  o.grid = grid;
  o.hounsfield = 1;
  o.mu_water_per_mm = water_per_mm;
  kvox_volume *device = reconstruct_on(both->device, s, &o), *cpu = reconstruct_on(both->cpu, s, &o);
  const double difference = greatest_difference(device, cpu);
  assert_true(difference < 0.5);
  assert_int_equal(kvox_volume_unit(device), KVOX_UNIT_HU);
  assert_non_null(strstr(kvox_volume_provenance(device), "\"backend\": \"opencl\""));
  kvox_volume_destroy(device);
  kvox_volume_destroy(cpu);
  return difference;
}

#endif
