/* kvox phantom: exact projections or k-space of an analytic object, and its true voxel averages. */
#include <math.h>
#include <stdlib.h>

#include "kvox/io.h"
#include "tool/files.h"
#include "tool/geometry.h"
#include "tool/phantom_kspace.h"
#include "tool/progress.h"
#include "tool/report.h"
#include "tool/tool.h"

typedef struct phantom_values {
  kvox_tool_common common;
  kvox_tool_grid_values grid;
  kvox_tool_kspace_values kspace;
  kvox_tool_numbers views, columns, rows, pitch, arc, center_offset, radius, density, noise, seed, samples;
  const char *geometry, *write_geometry, *truth, *output;
  int32_t list, volume;
} phantom_values;

#define AT(member) offsetof(phantom_values, member)

static const kvox_tool_option phantom_options[] = {
    {"list", 0, KVOX_TOOL_FLAG, NULL, "the names, with a line about each", AT(list), 0, 0},
    {"output", 'o', KVOX_TOOL_TEXT, "OUT",
     "projections, .npy or .h5 (--volume: .npy, .mha, .mhd, .png; --kspace: .npy, .cfl)", AT(output), 0, 0},
    {"truth", 0, KVOX_TOOL_TEXT, "VOLUME", "also write the voxel averages on kvox ct's grid", AT(truth), 0, 0},
    {"volume", 0, KVOX_TOOL_FLAG, NULL, "-o takes the voxel averages, no projections are made", AT(volume), 0, 0},
    {"kspace", 0, KVOX_TOOL_FLAG, NULL, "-o takes k-space [coil, z, y, x] of the grid below, no projections are made",
     AT(kspace.wanted), 0, 0},
    {"coils", 0, KVOX_TOOL_NUMBERS, "N", "--kspace: loops round the object (one coil that sees all alike)",
     AT(kspace.coils), 1, KVOX_TOOL_WHOLE | KVOX_TOOL_POSITIVE},
    {"rings", 0, KVOX_TOOL_NUMBERS, "N", "--kspace: rings along z that the coils stand in (1)", AT(kspace.rings), 1,
     KVOX_TOOL_WHOLE | KVOX_TOOL_POSITIVE},
    {"geometry", 0, KVOX_TOOL_TEXT, "G.json", "the scanner; RTK's .xml; matrices, .npy or .txt (else the next six)",
     AT(geometry), 0, 0},
    {"views", 0, KVOX_TOOL_NUMBERS, "N", "views (360)", AT(views), 1, KVOX_TOOL_WHOLE | KVOX_TOOL_POSITIVE},
    {"columns", 0, KVOX_TOOL_NUMBERS, "N", "detector columns (257)", AT(columns), 1,
     KVOX_TOOL_WHOLE | KVOX_TOOL_POSITIVE},
    {"rows", 0, KVOX_TOOL_NUMBERS, "N", "detector rows (1)", AT(rows), 1, KVOX_TOOL_WHOLE | KVOX_TOOL_POSITIVE},
    {"pitch", 0, KVOX_TOOL_NUMBERS, "MM", "detector pixel (1)", AT(pitch), 1, KVOX_TOOL_POSITIVE},
    {"arc", 0, KVOX_TOOL_NUMBERS, "DEG", "angles cover this, in equal steps from 0 (180)", AT(arc), 1,
     KVOX_TOOL_POSITIVE},
    {"center-offset", 0, KVOX_TOOL_NUMBERS, "PX", "the axis projects this far beside the middle column (0)",
     AT(center_offset), 1, 0},
    {"write-geometry", 0, KVOX_TOOL_TEXT, "G.json", "write the scanner: .json, .xml, .npy, .txt", AT(write_geometry), 0,
     0},
    {"radius", 0, KVOX_TOOL_NUMBERS, "MM", "the object fits this circle (0.95 of what the detector sees)", AT(radius),
     1, KVOX_TOOL_POSITIVE},
    {"density", 0, KVOX_TOOL_NUMBERS, "FACTOR", "multiplies every value, in 1/mm (1)", AT(density), 1,
     KVOX_TOOL_POSITIVE},
    {"noise", 0, KVOX_TOOL_NUMBERS, "PHOTONS", "photons a pixel in air (no noise)", AT(noise), 1, KVOX_TOOL_POSITIVE},
    {"seed", 0, KVOX_TOOL_NUMBERS, "N", "of the noise (1)", AT(seed), 1, KVOX_TOOL_WHOLE | KVOX_TOOL_NOT_NEGATIVE},
    KVOX_TOOL_GRID_OPTIONS(phantom_values, grid),
    {"samples", 0, KVOX_TOOL_NUMBERS, "N", "points along a side of a voxel that an edge crosses (16)", AT(samples), 1,
     KVOX_TOOL_WHOLE | KVOX_TOOL_POSITIVE},
    {NULL, 0, KVOX_TOOL_FLAG, NULL, NULL, 0, 0, 0},
};

typedef struct phantom_job {
  kvox_tool *tool;
  const phantom_values *values;
  kvox_ct_geometry *geometry;
  kvox_phantom *phantom;
  kvox_volume *projections; /* a volume for its checked memory: [view, row, column] */
  kvox_volume *truth;
  kvox_tool_seconds seconds;
  cJSON *stages;
} phantom_job;

static double number_or(const kvox_tool_numbers *numbers, double usual) {
  return numbers->count > 0 ? numbers->values[0] : usual;
}

static void list_phantoms(const kvox_tool *tool) {
  cJSON *list = cJSON_AddArrayToObject(tool->report, "phantoms");
  for (int32_t i = 0; kvox_phantom_name(i) != NULL; i++) {
    cJSON *phantom = cJSON_CreateObject();
    cJSON_AddStringToObject(phantom, "name", kvox_phantom_name(i));
    cJSON_AddStringToObject(phantom, "description", kvox_phantom_description(i));
    cJSON_AddItemToArray(list, phantom);
  }
}

/* Of --kspace: what belongs to projections alone, and to k-space alone. */
static int check_kspace(const phantom_job *job) {
  const phantom_values *values = job->values;
  const int of_scanner = values->views.count + values->arc.count + values->center_offset.count + values->columns.count +
                         values->rows.count + values->pitch.count + values->noise.count + values->seed.count;
  if (!values->kspace.wanted && values->kspace.coils.count + values->kspace.rings.count > 0) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_USAGE, "options --coils and --rings are for --kspace");
  }
  if (values->kspace.wanted && (of_scanner > 0 || values->geometry != NULL || values->write_geometry != NULL)) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_USAGE,
                            "option --kspace wants --size and --spacing; --views, --columns, --rows, --pitch, --arc, "
                            "--center-offset, --noise and geometries are for projections");
  }
  if (values->kspace.wanted && (values->volume || values->output == NULL)) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_USAGE, "option --kspace writes -o k.npy, without --volume");
  }
  return KVOX_TOOL_DONE;
}

static int check_values(const phantom_job *job) {
  const kvox_tool *tool = job->tool;
  const phantom_values *values = job->values;
  const int path_given = values->views.count + values->arc.count + values->center_offset.count;
  const int detector_given = values->columns.count + values->rows.count + values->pitch.count;
  if (values->common.operand_count == 0) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "the name of a phantom is missing; kvox phantom --list tells them");
  }
  int code = check_kspace(job);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  if (values->geometry != NULL && path_given > 0) {
    return kvox_tool_refuse(
        tool, KVOX_TOOL_USAGE,
        "options --views, --arc and --center-offset contradict --geometry, which holds them already");
  }
  if (values->geometry != NULL && detector_given > 0 &&
      kvox_tool_geometry_format(values->geometry) == KVOX_TOOL_JSON_GEOMETRY) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE,
                            "options --columns, --rows and --pitch contradict --geometry %s, which holds them already",
                            values->geometry);
  }
  if (values->volume && values->truth != NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "options --volume and --truth write the same; give one");
  }
  if (values->output == NULL && values->truth == NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "option -o is missing: name the file to write, -o projections.npy");
  }
  const kvox_tool_grid_values *grid = &values->grid;
  if (!values->volume && !values->kspace.wanted && values->truth == NULL &&
      grid->size.count + grid->spacing.count + grid->origin.count + grid->center.count + values->samples.count > 0) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE,
                            "options --size, --spacing, --origin, --grid-center and --samples are for a volume: give "
                            "--volume, --truth or --kspace; projections have --views, --rows and --columns");
  }
  const char *const others[] = {values->geometry, values->output, values->truth};
  code = kvox_tool_check_grid(tool, grid);
  if (code == KVOX_TOOL_DONE && values->output != NULL) {
    const int what = values->kspace.wanted ? KVOX_TOOL_KSPACE_FILE
                     : values->volume      ? KVOX_TOOL_VOLUME_FILE
                                           : KVOX_TOOL_SCAN_FILE;
    code = kvox_tool_check_output(tool, "-o", values->output, what, others, 1);
  }
  if (code == KVOX_TOOL_DONE && values->truth != NULL) {
    code = kvox_tool_check_output(tool, "--truth", values->truth, KVOX_TOOL_VOLUME_FILE, others, 2);
  }
  if (code == KVOX_TOOL_DONE && values->write_geometry != NULL) {
    code = kvox_tool_check_output(tool, "--write-geometry", values->write_geometry, KVOX_TOOL_GEOMETRY_FILE, others, 3);
  }
  return code;
}

static int make_geometry(phantom_job *job) {
  const phantom_values *values = job->values;
  kvox_context *context = job->tool->context;
  if (values->geometry != NULL) {
    kvox_io_detector detector;
    kvox_io_detector_init(&detector);
    detector.rows = (int64_t)number_or(&values->rows, 1);
    detector.columns = (int64_t)number_or(&values->columns, 257);
    detector.column_pitch_mm = number_or(&values->pitch, 1);
    return kvox_tool_read_geometry(job->tool, values->geometry, &detector, NULL, &job->geometry);
  }
  kvox_ct_parallel_options options;
  kvox_ct_parallel_options_init(&options);
  options.views = (int64_t)number_or(&values->views, 360);
  options.columns = (int64_t)number_or(&values->columns, 257);
  options.rows = (int64_t)number_or(&values->rows, 1);
  options.column_pitch_mm = number_or(&values->pitch, 1);
  options.column_offset_px = number_or(&values->center_offset, 0);
  options.angle_step_deg = number_or(&values->arc, 180) / (double)options.views;
  return kvox_tool_check(job->tool, kvox_ct_geometry_create_parallel(context, &options, &job->geometry), NULL);
}

/* 0.95 of the largest circle about the axis whose shadow stays between the middles of the outermost columns; the rays
 * of a diverging beam touch it. */
static int usual_radius(const phantom_job *job, double *radius) {
  int64_t shape[3];
  double to_axis = 0, to_detector = 0, pitch[2] = {0, 0};
  kvox_status status = kvox_ct_geometry_shape(job->geometry, shape);
  if (status == KVOX_OK) {
    status = kvox_ct_geometry_distances(job->geometry, &to_axis, &to_detector);
  }
  if (status == KVOX_OK) {
    status = kvox_ct_geometry_pitch(job->geometry, pitch);
  }
  if (status == KVOX_OK) {
    const double center = kvox_ct_geometry_center_px(job->geometry);
    const double reach = (pitch[0] > 0 ? pitch[0] : 1) * fmin(center, (double)(shape[2] - 1) - center);
    *radius = 0.95 * (to_detector > 0 ? to_axis * reach / hypot(to_detector, reach) : reach);
  }
  return kvox_tool_check(job->tool, status, NULL);
}

static int make_phantom(phantom_job *job) {
  const phantom_values *values = job->values;
  double radius = number_or(&values->radius, 0);
  const char *name = values->common.operands[0];
  const int code = values->radius.count > 0 ? KVOX_TOOL_DONE : usual_radius(job, &radius);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  if (!(radius > 0)) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED,
                            "the axis projects beside the detector, which sees no circle: give --radius MM");
  }
  const kvox_status status =
      kvox_phantom_create(job->tool->context, name, radius, number_or(&values->density, 1), &job->phantom);
  cJSON_AddStringToObject(job->tool->report, "phantom", name);
  cJSON_AddNumberToObject(job->tool->report, "radius_mm", radius);
  return kvox_tool_check(job->tool, status, name);
}

/* Where no photon arrives the noise says nothing: a pixel then holds log(photons). */
static void note_starvation(const phantom_job *job) {
  const cJSON *statistics = cJSON_GetObjectItem(job->tool->report, "statistics");
  const cJSON *high = cJSON_GetObjectItem(statistics, "max");
  const kvox_tool_numbers *noise = &job->values->noise;
  if (noise->count > 0 && high != NULL && (float)high->valuedouble >= (float)log(noise->values[0])) {
    kvox_tool_note(job->tool, "%g photons are too few for this object: some pixels got none; --density thins it",
                   noise->values[0]);
  }
}

static int make_projections(phantom_job *job) {
  const phantom_values *values = job->values;
  kvox_context *context = job->tool->context;
  static const double unit[3] = {1, 1, 1};
  kvox_grid grid;
  kvox_array array;
  int64_t shape[3];
  const double begin = kvox_tool_now();
  kvox_status status = kvox_ct_geometry_shape(job->geometry, shape);
  if (status == KVOX_OK) {
    const int64_t size[3] = {shape[2], shape[1], shape[0]};
    status = kvox_grid_init(&grid, size, unit, NULL);
  }
  if (status == KVOX_OK) {
    status = kvox_volume_create(context, KVOX_F32, &grid, &job->projections);
  }
  if (status == KVOX_OK) {
    status = kvox_volume_array(job->projections, &array);
  }
  if (status == KVOX_OK) {
    status = kvox_ct_simulate(context, job->geometry, job->phantom, &array);
  }
  const double simulated = kvox_tool_now();
  cJSON_AddNumberToObject(job->stages, "simulate", simulated - begin);
  if (status == KVOX_OK && values->noise.count > 0) {
    status = kvox_ct_add_noise(context, values->noise.values[0], (uint64_t)number_or(&values->seed, 1), &array);
    cJSON_AddNumberToObject(job->stages, "noise", kvox_tool_now() - simulated);
  }
  if (status == KVOX_OK) {
    kvox_tool_report_integers(job->tool->report, "projections", shape, 3);
    cJSON_AddNumberToObject(job->tool->report, "center_px", kvox_ct_geometry_center_px(job->geometry));
    kvox_tool_report_statistics(job->tool, &array);
    note_starvation(job);
  }
  return kvox_tool_check(job->tool, status, NULL);
}

static int make_truth(phantom_job *job) {
  kvox_grid grid;
  const double begin = kvox_tool_now();
  const int code = kvox_tool_make_grid(job->tool, job->geometry, &job->values->grid, &grid);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  kvox_status status = kvox_volume_create(job->tool->context, KVOX_F32, &grid, &job->truth);
  if (status == KVOX_OK) {
    const double samples = fmin(number_or(&job->values->samples, 16), INT32_MAX);
    status = kvox_phantom_fill(job->phantom, (int32_t)samples, job->truth);
  }
  if (status == KVOX_OK) {
    status = kvox_volume_set_unit(job->truth, KVOX_UNIT_PER_MM);
  }
  cJSON_AddNumberToObject(job->stages, "truth", kvox_tool_now() - begin);
  return kvox_tool_check(job->tool, status, NULL);
}

static int write_projections(const phantom_job *job) {
  const char *path = job->values->output;
  kvox_context *context = job->tool->context;
  kvox_array array;
  kvox_ct_view view;
  double *angles = NULL;
  kvox_status status = kvox_volume_array(job->projections, &array);
  if (status == KVOX_OK) {
    angles = malloc((size_t)array.shape[0] * sizeof *angles);
  }
  if (status == KVOX_OK && angles == NULL) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED, "%s: out of memory", path);
  }
  for (int64_t i = 0; status == KVOX_OK && i < array.shape[0]; i++) {
    status = kvox_ct_geometry_view(job->geometry, i, &view);
    angles[i] = view.angle_deg;
  }
  if (status == KVOX_OK) {
    const int bare = kvox_tool_has_extension(path, ".npy"); /* has no place for angles */
    status = kvox_io_write_scan(context, path, &array, NULL, NULL, bare ? NULL : angles);
  }
  free(angles);
  return kvox_tool_check(job->tool, status, path);
}

static int write_all(const phantom_job *job) {
  const phantom_values *values = job->values;
  kvox_context *context = job->tool->context;
  const char *truth = values->volume ? values->output : values->truth;
  int code = job->projections != NULL ? write_projections(job) : KVOX_TOOL_DONE;
  if (code == KVOX_TOOL_DONE && truth != NULL) {
    code = kvox_tool_check(job->tool, kvox_io_write_volume(context, truth, job->truth, NULL), truth);
  }
  if (code == KVOX_TOOL_DONE && values->write_geometry != NULL) {
    code = kvox_tool_write_geometry(job->tool, values->write_geometry, job->geometry);
  }
  return code;
}

static int compute(phantom_job *job) {
  const phantom_values *values = job->values;
  const double begin = kvox_tool_now();
  int code = make_phantom(job);
  if (code == KVOX_TOOL_DONE && values->output != NULL && !values->volume) {
    code = make_projections(job);
  }
  if (code == KVOX_TOOL_DONE) {
    code = kvox_tool_check(job->tool, kvox_tool_progress_interrupted(), NULL);
  }
  if (code == KVOX_TOOL_DONE && (values->volume || values->truth != NULL)) {
    code = make_truth(job);
  }
  if (code == KVOX_TOOL_DONE) {
    code = kvox_tool_check(job->tool, kvox_tool_progress_interrupted(), NULL);
  }
  job->seconds.compute = kvox_tool_now() - begin;
  return code;
}

static int report(phantom_job *job) {
  const phantom_values *values = job->values;
  cJSON *report = job->tool->report;
  int code = KVOX_TOOL_DONE;
  if (values->noise.count > 0) {
    cJSON_AddNumberToObject(report, "photons", values->noise.values[0]);
    cJSON_AddNumberToObject(report, "seed", number_or(&values->seed, 1));
  }
  if (values->output != NULL) {
    cJSON_AddStringToObject(report, "output", values->output);
  }
  if (values->truth != NULL) {
    cJSON_AddStringToObject(report, "truth", values->truth);
  }
  if (values->volume) {
    code = kvox_tool_report_volume(job->tool, job->truth);
  }
  kvox_tool_report_seconds(job->tool, &job->seconds, job->stages);
  job->stages = NULL;
  return code;
}

static int run(kvox_tool *tool, const void *given) {
  phantom_job job = {.tool = tool, .values = given};
  if (job.values->list) {
    list_phantoms(tool);
    return KVOX_TOOL_DONE;
  }
  int code = check_values(&job);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  if (job.values->kspace.wanted) {
    const phantom_values *values = job.values;
    return kvox_tool_phantom_kspace(
        tool, &values->kspace, &values->grid, number_or(&values->radius, 0), number_or(&values->density, 1),
        (int32_t)fmin(number_or(&values->samples, 16), INT32_MAX), values->output, values->truth);
  }
  job.stages = cJSON_CreateObject();
  double begin = kvox_tool_now();
  code = make_geometry(&job);
  job.seconds.read = kvox_tool_now() - begin;
  code = code == KVOX_TOOL_DONE ? compute(&job) : code;
  if (code == KVOX_TOOL_DONE) {
    begin = kvox_tool_now();
    code = write_all(&job);
    job.seconds.write = kvox_tool_now() - begin;
  }
  if (code == KVOX_TOOL_DONE) {
    code = report(&job);
  }
  cJSON_Delete(job.stages);
  kvox_volume_destroy(job.projections);
  kvox_volume_destroy(job.truth);
  kvox_phantom_destroy(job.phantom);
  kvox_ct_geometry_destroy(job.geometry);
  return code;
}

const kvox_tool_verb kvox_tool_phantom = {
    .name = "phantom",
    .operands = "NAME [options] -o OUT",
    .summary = "writes exact projections or k-space, and true voxel averages, of an analytic object",
    .least_operands = 0,
    .most_operands = 1,
    .options = phantom_options,
    .values_size = sizeof(phantom_values),
    .run = run,
};
