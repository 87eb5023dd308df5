/* kvox ct: projections to a volume. */
#include <inttypes.h>
#include <string.h>

#include "tool/files.h"
#include "tool/geometry.h"
#include "tool/progress.h"
#include "tool/report.h"
#include "tool/scan.h"
#include "tool/tool.h"

typedef struct ct_values {
  kvox_tool_common common;
  kvox_tool_scan_values scan;
  kvox_tool_grid_values grid;
  kvox_tool_numbers region, cutoff, hu, window, slice, bits;
  const char *filter, *output;
  int32_t allow_short_arc, compress, hash, check;
} ct_values;

#define AT(member) offsetof(ct_values, member)

static const kvox_tool_option ct_options[] = {
    {"output", 'o', KVOX_TOOL_TEXT, "VOLUME", "the result: .npy, .mha, .mhd, or one slice as .png", AT(output), 0, 0},
    {"geometry", 0, KVOX_TOOL_TEXT, "G.json", "the scanner; RTK's .xml; matrices, .npy or .txt (else from the data)",
     AT(scan.geometry), 0, 0},
    {"angles", 0, KVOX_TOOL_TEXT, "START,STEP|FILE", "degrees (the file's theta, else half a turn in equal steps)",
     AT(scan.angles), 0, 0},
    {"pitch", 0, KVOX_TOOL_NUMBERS, "MM[,MM]",
     "detector pixel, column and row step (unknown: lengths in pixels, values in 1/pixel)", AT(scan.pitch), 2,
     KVOX_TOOL_POSITIVE | KVOX_TOOL_OR_SINGLE},
    {"detector-origin", 0, KVOX_TOOL_NUMBERS, "X,Y", ".xml: where pixel (0,0) is in RTK's images (they are centred)",
     AT(scan.detector_origin), 2, 0},
    {"center", 0, KVOX_TOOL_TEXT, "auto|COLUMN", "where the axis projects; auto finds it in the data (the middle)",
     AT(scan.center), 0, 0},
    KVOX_TOOL_GRID_OPTIONS(ct_values, grid),
    {"region", 0, KVOX_TOOL_NUMBERS, "X0,Y0,Z0,NX,NY,NZ", "only this box of voxels of the grid", AT(region), 6,
     KVOX_TOOL_WHOLE | KVOX_TOOL_NOT_NEGATIVE},
    {"filter", 0, KVOX_TOOL_CHOICE, "ramp|shepp-logan|cosine|hamming|hann", "window on the ramp (ramp)", AT(filter), 0,
     0},
    {"cutoff", 0, KVOX_TOOL_NUMBERS, "0..1", "fraction of the detector's Nyquist frequency (1)", AT(cutoff), 1,
     KVOX_TOOL_POSITIVE | KVOX_TOOL_AT_MOST_ONE},
    {"hu", 0, KVOX_TOOL_NUMBERS, "MU_WATER", "Hounsfield units, with water's attenuation in 1/mm", AT(hu), 1,
     KVOX_TOOL_POSITIVE},
    {"flat", 0, KVOX_TOOL_TEXT, "FILE", "counts of the beam without the object, .npy (those in the data)",
     AT(scan.flat), 0, 0},
    {"dark", 0, KVOX_TOOL_TEXT, "FILE", "counts without the beam, .npy (those in the data)", AT(scan.dark), 0, 0},
    {"bad-pixels", 0, KVOX_TOOL_TEXT, "FILE", "mask, u8 [row, column], .npy or .png: not zero is bad",
     AT(scan.bad_pixels), 0, 0},
    {"least-counts", 0, KVOX_TOOL_NUMBERS, "N", "counts above dark are raised to this before the log (1)",
     AT(scan.least_counts), 1, KVOX_TOOL_POSITIVE},
    {"allow-short-arc", 0, KVOX_TOOL_FLAG, NULL, "reconstruct although angles are missing", AT(allow_short_arc), 0, 0},
    {"window", 0, KVOX_TOOL_NUMBERS, "C,W", ".png: centre and width of the grey window (from the data)", AT(window), 2,
     0},
    {"slice", 0, KVOX_TOOL_NUMBERS, "K", ".png: which slice (the middle)", AT(slice), 1,
     KVOX_TOOL_WHOLE | KVOX_TOOL_NOT_NEGATIVE},
    {"bits", 0, KVOX_TOOL_NUMBERS, "8|16", ".png: bits of a pixel (8)", AT(bits), 1, KVOX_TOOL_WHOLE},
    {"compress", 0, KVOX_TOOL_FLAG, NULL, ".mha, .mhd: compress the samples", AT(compress), 0, 0},
    {"check", 0, KVOX_TOOL_FLAG, NULL, "hold the data against the geometry, say how well they fit, and stop (no -o)",
     AT(check), 0, 0},
    {"hash", 0, KVOX_TOOL_FLAG, NULL, "put the SHA-256 of the projections into report and provenance", AT(hash), 0, 0},
    {NULL, 0, KVOX_TOOL_FLAG, NULL, NULL, 0, 0, 0},
};

typedef struct ct_job {
  kvox_tool *tool;
  const ct_values *values;
  const char *input;
  kvox_tool_scan scan;
  kvox_ct_fbp_plan *plan;
  kvox_workspace *workspace;
  kvox_volume *volume;
  kvox_tool_seconds seconds;
  double check_seconds, plan_seconds, execute_seconds;
} ct_job;

/* Options that the format of the output has no use for. */
static int check_format_options(const kvox_tool *tool, const ct_values *values) {
  const char *path = values->output;
  if (values->window.count + values->slice.count + values->bits.count > 0 && !kvox_tool_has_extension(path, ".png")) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "options --window, --slice and --bits are for .png, not for %s",
                            path);
  }
  if (values->compress && !kvox_tool_has_extension(path, ".mha") && !kvox_tool_has_extension(path, ".mhd")) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "option --compress is for .mha and .mhd, not for %s", path);
  }
  return KVOX_TOOL_DONE;
}

static int check_values(const ct_job *job) {
  const kvox_tool *tool = job->tool;
  const ct_values *values = job->values;
  const kvox_tool_scan_values *scan = &values->scan;
  const char *const inputs[] = {job->input, scan->geometry, scan->angles, scan->flat, scan->dark, scan->bad_pixels};
  int code = kvox_tool_check_scan(tool, scan);
  if (code == KVOX_TOOL_DONE) {
    code = kvox_tool_check_grid(tool, &values->grid);
  }
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  if (values->check) {
    return values->output == NULL
               ? KVOX_TOOL_DONE
               : kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "option --check reconstructs nothing: leave out -o %s",
                                  values->output);
  }
  if (values->output == NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "option -o is missing: name the volume to write, -o volume.mha");
  }
  if (values->bits.count > 0 && values->bits.values[0] != 8 && values->bits.values[0] != 16) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "option --bits is %.0f, must be 8 or 16", values->bits.values[0]);
  }
  if (values->window.count > 0 && !(values->window.values[1] > 0)) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "option --window has a width of %g, must be above 0",
                            values->window.values[1]);
  }
  if (values->hu.count > 0 && scan->geometry == NULL && scan->pitch.count == 0) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE,
                            "option --hu needs the detector's pixel size: give --pitch MM or --geometry G.json");
  }
  code = kvox_tool_check_output(tool, "-o", values->output, KVOX_TOOL_VOLUME_FILE, inputs,
                                sizeof inputs / sizeof inputs[0]);
  return code == KVOX_TOOL_DONE ? check_format_options(tool, values) : code;
}

/* What can be told only when the files are read. */
static int check_against_data(const ct_job *job) {
  const ct_values *values = job->values;
  if (values->hu.count > 0 && kvox_ct_geometry_unit(job->scan.geometry) != KVOX_UNIT_PER_MM) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED,
                            "--hu needs the detector's pixel size, which %s does not tell: add column_pitch_mm to it",
                            values->scan.geometry);
  }
  return KVOX_TOOL_DONE;
}

static int make_plan(ct_job *job) {
  const ct_values *values = job->values;
  kvox_grid grid;
  kvox_ct_filter_options filter;
  kvox_ct_fbp_options options;
  kvox_ct_filter_options_init(&filter);
  kvox_ct_fbp_options_init(&options);
  const int code = kvox_tool_make_grid(job->tool, job->scan.geometry, &values->grid, &grid);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  filter.window = values->filter != NULL ? kvox_ct_window_by_name(values->filter) : KVOX_CT_RAMP;
  filter.cutoff = values->cutoff.values[0];
  filter.correction = job->scan.correction;
  options.grid = &grid;
  options.filter = &filter;
  options.hounsfield = values->hu.count > 0;
  options.mu_water_per_mm = values->hu.values[0];
  options.allow_short_arc = values->allow_short_arc;
  for (int a = 0; a < 3 && values->region.count > 0; a++) {
    options.region_begin[a] = (int64_t)values->region.values[a];
    options.region_size[a] = (int64_t)values->region.values[3 + a];
    if (options.region_size[a] == 0) {
      return kvox_tool_refuse(job->tool, KVOX_TOOL_USAGE, "option --region has a size of 0, must be at least 1 voxel");
    }
  }
  return kvox_tool_check(job->tool,
                         kvox_ct_fbp_plan_create(job->tool->context, job->scan.geometry, &options, &job->plan),
                         values->scan.geometry != NULL ? values->scan.geometry : job->input);
}

static void report_check(const kvox_tool *tool, const kvox_ct_consistency *result) {
  static const char *const verdicts[] = {"fit", "fit another", "fit none", "cannot tell"};
  cJSON_AddStringToObject(tool->report, "verdict", verdicts[result->verdict]);
  cJSON_AddNumberToObject(tool->report, "compared", result->compared);
  cJSON_AddNumberToObject(tool->report, "misfit", result->misfit);
  cJSON_AddNumberToObject(tool->report, "beyond", result->beyond);
}

/* How well the data fit the geometry, in words; the reason where they do not is the command's error. */
static int check_data(const ct_job *job) {
  const kvox_tool *tool = job->tool;
  const kvox_tool_scan *scan = &job->scan;
  char text[4096];
  kvox_ct_consistency result;
  kvox_ct_consistency_init(&result);
  const kvox_status status = kvox_ct_data_check(tool->context, scan->geometry, scan->correction, scan->projections,
                                                text, sizeof text, NULL, &result);
  if (status != KVOX_OK && status != KVOX_ERROR_GEOMETRY) {
    return kvox_tool_check(tool, status, job->input);
  }
  cJSON_AddStringToObject(tool->report, "input", job->input);
  report_check(tool, &result);
  cJSON *words = cJSON_AddArrayToObject(tool->report, "words");
  for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    cJSON *row = cJSON_CreateObject();
    *end = '\0';
    cJSON_AddStringToObject(row, "text", line);
    cJSON_AddItemToArray(words, row);
  }
  return kvox_tool_check(tool, status, job->input);
}

/* A mistaken direction, flipped columns or a detector too small for the object give a picture of a fan or cone that
 * looks well at first sight: it costs some hundredths of a second to say so. Data of a parallel beam cannot tell. */
static void warn_of_misfit(ct_job *job) {
  const kvox_tool_scan *scan = &job->scan;
  const double begin = kvox_tool_now();
  kvox_ct_consistency result;
  kvox_ct_consistency_init(&result);
  if (kvox_ct_geometry_beam(scan->geometry) == KVOX_CT_PARALLEL) {
    return;
  }
  const kvox_status status = kvox_ct_data_check(job->tool->context, scan->geometry, scan->correction, scan->projections,
                                                NULL, 0, NULL, &result);
  if (status == KVOX_ERROR_GEOMETRY) {
    kvox_tool_note(job->tool, "%s (--check tells more)", kvox_last_error());
  }
  if (result.beyond > 0) {
    kvox_tool_note(job->tool,
                   "data check: the object reaches beyond the detector: values are wrong, most of all near "
                   "the edge of what every view sees (--check tells more)");
  }
  if (status == KVOX_OK || status == KVOX_ERROR_GEOMETRY) {
    report_check(job->tool, &result);
  }
  job->check_seconds = kvox_tool_now() - begin;
}

static int reconstruct(ct_job *job) {
  kvox_context *context = job->tool->context;
  kvox_grid grid;
  const double begin = kvox_tool_now();
  int code = make_plan(job);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  kvox_status status = kvox_ct_fbp_plan_grid(job->plan, &grid);
  if (status == KVOX_OK) {
    status = kvox_volume_create(context, KVOX_F32, &grid, &job->volume);
  }
  if (status == KVOX_OK) {
    status = kvox_workspace_create(context, &job->workspace);
  }
  if (status != KVOX_OK) {
    return kvox_tool_check(job->tool, status, "--size");
  }
  if (job->values->slice.count > 0 && job->values->slice.values[0] >= (double)grid.size[2]) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED, "--slice is %.0f, the volume has slices 0 to %" PRId64,
                            job->values->slice.values[0], grid.size[2] - 1);
  }
  job->plan_seconds = kvox_tool_now() - begin;
  kvox_tool_progress_attach(job->workspace);
  status = kvox_ct_fbp_execute(job->plan, job->workspace, job->scan.projections, job->volume);
  job->execute_seconds = kvox_tool_now() - begin - job->plan_seconds;
  return kvox_tool_check(job->tool, status, job->input);
}

/* The provenance of the volume with the hash of what it came from, outside the timings. */
static int add_hash(ct_job *job) {
  char hex[65];
  kvox_status status = kvox_array_sha256(job->scan.projections, hex);
  cJSON *provenance = cJSON_Parse(kvox_volume_provenance(job->volume));
  cJSON_AddStringToObject(provenance, "projections_sha256", hex);
  char *text = cJSON_PrintUnformatted(provenance);
  if (status == KVOX_OK && text == NULL) {
    cJSON_Delete(provenance);
    return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED, "out of memory for the provenance of %s", job->input);
  }
  if (status == KVOX_OK) {
    status = kvox_volume_set_provenance(job->volume, text);
  }
  cJSON_free(text);
  cJSON_Delete(provenance);
  return kvox_tool_check(job->tool, status, job->input);
}

static int write_volume(ct_job *job) {
  const ct_values *values = job->values;
  kvox_io_write_options options;
  kvox_io_write_options_init(&options);
  options.compress = values->compress;
  options.bits = (int32_t)values->bits.values[0];
  options.window_function = KVOX_WINDOW_LINEAR_EXACT; /* any width: the values are not integers */
  options.window_center = values->window.values[0];
  options.window_width = values->window.values[1];
  options.slice = values->slice.count > 0 ? (int64_t)values->slice.values[0] : -1;
  return kvox_tool_check(job->tool, kvox_io_write_volume(job->tool->context, values->output, job->volume, &options),
                         values->output);
}

static int report(ct_job *job) {
  const kvox_tool *tool = job->tool;
  const kvox_tool_scan *scan = &job->scan;
  kvox_memory_use memory;
  kvox_grid grid;
  kvox_status status = kvox_ct_fbp_plan_memory(job->plan, &memory);
  if (status == KVOX_OK) {
    status = kvox_ct_fbp_plan_grid(job->plan, &grid);
  }
  if (status != KVOX_OK) {
    return kvox_tool_check(tool, status, NULL);
  }
  cJSON_AddStringToObject(tool->report, "input", job->input);
  kvox_tool_report_integers(tool->report, "projections", scan->projections->shape, 3);
  cJSON_AddStringToObject(tool->report, "samples", kvox_type_name(scan->projections->type));
  cJSON_AddBoolToObject(tool->report, "corrected", scan->correction != NULL);
  if (scan->correction != NULL) {
    cJSON_AddNumberToObject(tool->report, "bad_pixels", (double)kvox_ct_correction_bad_pixels(scan->correction));
  }
  cJSON_AddNumberToObject(tool->report, "center_px", kvox_ct_geometry_center_px(scan->geometry));
  cJSON_AddStringToObject(tool->report, "center_from", scan->center_from);
  cJSON_AddStringToObject(tool->report, "output", job->values->output);
  const int code = kvox_tool_report_volume(tool, job->volume);
  const double updates =
      (double)grid.size[0] * (double)grid.size[1] * (double)grid.size[2] * (double)scan->projections->shape[0];
  cJSON_AddNumberToObject(tool->report, "gups", 1e-9 * updates / job->execute_seconds);
  kvox_tool_report_memory(tool, &memory);
  cJSON *stages = cJSON_CreateObject();
  cJSON_AddNumberToObject(stages, "correction", scan->correction_seconds);
  cJSON_AddNumberToObject(stages, "center", scan->center_seconds);
  cJSON_AddNumberToObject(stages, "check", job->check_seconds);
  cJSON_AddNumberToObject(stages, "plan", job->plan_seconds);
  kvox_tool_report_stages(stages, job->workspace);
  kvox_tool_report_seconds(tool, &job->seconds, stages);
  return code;
}

static int run(kvox_tool *tool, const void *given) {
  const ct_values *values = given;
  ct_job job = {.tool = tool, .values = values, .input = values->common.operands[0]};
  int code = check_values(&job);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  double begin = kvox_tool_now();
  code = kvox_tool_read_scan(tool, job.input, &values->scan, &job.scan);
  job.seconds.read = kvox_tool_now() - begin;
  code = code == KVOX_TOOL_DONE ? check_against_data(&job) : code;
  if (code == KVOX_TOOL_DONE) {
    begin = kvox_tool_now();
    code = kvox_tool_prepare_scan(tool, &job.scan);
    if (code == KVOX_TOOL_DONE && !values->check) {
      warn_of_misfit(&job);
    }
    code = code != KVOX_TOOL_DONE ? code : values->check ? check_data(&job) : reconstruct(&job);
    job.seconds.compute = kvox_tool_now() - begin;
  }
  if (values->check) {
    kvox_tool_release_scan(&job.scan);
    return code;
  }
  if (code == KVOX_TOOL_DONE && values->hash) {
    code = add_hash(&job);
  }
  if (code == KVOX_TOOL_DONE) {
    begin = kvox_tool_now();
    code = write_volume(&job);
    job.seconds.write = kvox_tool_now() - begin;
  }
  if (code == KVOX_TOOL_DONE) {
    code = report(&job);
  }
  kvox_volume_destroy(job.volume);
  kvox_workspace_destroy(job.workspace);
  kvox_ct_fbp_plan_destroy(job.plan);
  kvox_tool_release_scan(&job.scan);
  return code;
}

const kvox_tool_verb kvox_tool_ct = {
    .name = "ct",
    .operands = "PROJECTIONS [options] -o VOLUME",
    .summary =
        "reconstructs CT projections by filtered back-projection\n\n"
        "PROJECTIONS: .h5 or .hdf5 (DXchange: data, flats, darks, angles), .npy or .mha [view, row, column].\n"
        "Counts with flat fields are corrected first; without, the samples are taken as line integrals.",
    .least_operands = 1,
    .most_operands = 1,
    .options = ct_options,
    .values_size = sizeof(ct_values),
    .run = run,
};
