#include "tool/phantom_kspace.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tool/files.h"
#include "tool/mri_images.h"

typedef struct kspace_job {
  const kvox_tool *tool;
  kvox_grid grid;
  kvox_phantom *phantom;
  kvox_phantom_coils *coils; /* NULL: one that sees everything alike */
  kvox_tool_mri_images kspace;
  kvox_volume *truth;
  kvox_tool_seconds seconds;
  cJSON *stages;
} kspace_job;

/* The grid of the image: 256 x 256 pixels of 1 mm in one slice about the origin, unless options say otherwise. */
static int make_image_grid(const kvox_tool *tool, const kvox_tool_grid_values *values, kvox_grid *grid) {
  int64_t size[3] = {256, 256, 1};
  double spacing[3] = {1, 1, 1};
  for (int a = 0; a < 3; a++) {
    const int given = a < values->size.count ? a : values->size.count == 1 && a == 1 ? 0 : -1;
    size[a] = given >= 0 ? (int64_t)values->size.values[given] : size[a];
    const int step = a < values->spacing.count ? a : values->spacing.count == 1 ? 0 : -1;
    spacing[a] = step >= 0 ? values->spacing.values[step] : spacing[a];
  }
  const kvox_status status =
      kvox_grid_init(grid, size, spacing, values->center.count > 0 ? values->center.values : NULL);
  for (int a = 0; a < 3 && values->origin.count > 0; a++) {
    grid->origin_mm[a] = values->origin.values[a];
  }
  return kvox_tool_check(tool, status, "--size");
}

/* 0.95 of the largest circle within the section. */
static double usual_radius(const kvox_grid *grid) {
  const double x = grid->spacing_mm[0] * (double)grid->size[0], y = grid->spacing_mm[1] * (double)grid->size[1];
  return 0.95 * 0.5 * (x < y ? x : y);
}

static kvox_status simulate(kspace_job *job) {
  const int64_t flat[4] = {job->kspace.shape[1], job->kspace.shape[2], job->kspace.shape[3], job->kspace.shape[4]};
  kvox_array array;
  const double begin = kvox_tool_now();
  kvox_status status = kvox_array_init(&array, job->kspace.array.data, KVOX_C64, 4, flat);
  if (status == KVOX_OK) {
    status = kvox_phantom_kspace(job->phantom, job->coils, &job->grid, &array);
  }
  cJSON_AddNumberToObject(job->stages, "simulate", kvox_tool_now() - begin);
  return status;
}

static kvox_status fill(kspace_job *job, int32_t samples) {
  const double begin = kvox_tool_now();
  kvox_status status = kvox_volume_create(job->tool->context, KVOX_F32, &job->grid, &job->truth);
  if (status == KVOX_OK) {
    status = kvox_phantom_fill(job->phantom, samples, job->truth);
  }
  cJSON_AddNumberToObject(job->stages, "truth", kvox_tool_now() - begin);
  return status;
}

static int make_coils(kspace_job *job, const kvox_tool_kspace_values *values, double radius_mm) {
  if (values->coils.count == 0) {
    return KVOX_TOOL_DONE;
  }
  const int64_t rings = values->rings.count > 0 ? (int64_t)values->rings.values[0] : 1;
  const int64_t coils = (int64_t)values->coils.values[0];
  if (coils % rings != 0) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_USAGE,
                            "option --coils is %" PRId64 ", must be a multiple of the %" PRId64 " rings of --rings",
                            coils, rings);
  }
  return kvox_tool_check(
      job->tool, kvox_phantom_coils_create_loops(job->tool->context, coils / rings, rings, radius_mm, &job->coils),
      "--coils");
}

static int compute(kspace_job *job, const char *name, double radius_mm, double density, int32_t samples,
                   int with_truth) {
  const kvox_tool *tool = job->tool;
  const double begin = kvox_tool_now();
  const int64_t coils = job->coils != NULL ? kvox_phantom_coils_count(job->coils) : 1;
  const int64_t shape[5] = {1, coils, job->grid.size[2], job->grid.size[1], job->grid.size[0]};
  int code = kvox_tool_check(tool, kvox_phantom_create(tool->context, name, radius_mm, density, &job->phantom), name);
  code = code == KVOX_TOOL_DONE ? kvox_tool_mri_allocate(tool, shape, KVOX_C64, &job->kspace) : code;
  if (code == KVOX_TOOL_DONE) {
    kvox_status status = simulate(job);
    if (status == KVOX_OK && with_truth) {
      status = fill(job, samples);
    }
    code = kvox_tool_check(tool, status, name);
  }
  job->seconds.compute = kvox_tool_now() - begin;
  return code;
}

static int write_all(kspace_job *job, const char *output, const char *truth) {
  const kvox_tool *tool = job->tool;
  const double begin = kvox_tool_now();
  kvox_array array = job->kspace.array;
  array.rank = 4; /* without frames, coils also where there is one: [coil, z, y, x] */
  for (int a = 0; a < 4; a++) {
    array.shape[a] = job->kspace.array.shape[a + 1];
    array.strides[a] = job->kspace.array.strides[a + 1];
  }
  int code = kvox_tool_check(tool, kvox_io_write_array(tool->context, output, &array), output);
  if (code == KVOX_TOOL_DONE && truth != NULL) {
    code = kvox_tool_check(tool, kvox_io_write_volume(tool->context, truth, job->truth, NULL), truth);
  }
  job->seconds.write = kvox_tool_now() - begin;
  return code;
}

int kvox_tool_phantom_kspace(const kvox_tool *tool, const kvox_tool_kspace_values *values,
                             const kvox_tool_grid_values *grid, double radius_mm, double density, int32_t samples,
                             const char *output, const char *truth) {
  const char *name = tool->common->operands[0];
  kspace_job job = {.tool = tool, .stages = cJSON_CreateObject()};
  int code = make_image_grid(tool, grid, &job.grid);
  radius_mm = radius_mm > 0 ? radius_mm : usual_radius(&job.grid);
  code = code == KVOX_TOOL_DONE ? make_coils(&job, values, radius_mm) : code;
  code = code == KVOX_TOOL_DONE ? compute(&job, name, radius_mm, density, samples, truth != NULL) : code;
  code = code == KVOX_TOOL_DONE ? write_all(&job, output, truth) : code;
  if (code == KVOX_TOOL_DONE) {
    cJSON_AddStringToObject(tool->report, "phantom", name);
    cJSON_AddNumberToObject(tool->report, "radius_mm", radius_mm);
    kvox_tool_report_integers(tool->report, "kspace", job.kspace.shape + 1, 4);
    kvox_tool_report_reals(tool->report, "spacing_mm", job.grid.spacing_mm, 3);
    cJSON_AddStringToObject(tool->report, "output", output);
    if (truth != NULL) {
      cJSON_AddStringToObject(tool->report, "truth", truth);
    }
    kvox_tool_report_seconds(tool, &job.seconds, job.stages);
    job.stages = NULL;
  }
  cJSON_Delete(job.stages);
  kvox_tool_mri_release(&job.kspace);
  kvox_volume_destroy(job.truth);
  kvox_phantom_coils_destroy(job.coils);
  kvox_phantom_destroy(job.phantom);
  return code;
}
