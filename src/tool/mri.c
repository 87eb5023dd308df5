/* kvox mri: readouts to images. */
#include "tool/mri.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/files.h"
#include "tool/progress.h"

#define AT(member) offsetof(kvox_tool_mri_values, member)

/* Choices stand in the order of the numbers that they have in the library's headers. */
#define COMBINATIONS "rss|adaptive|separate"
#define NOISES "measured|edges|ignore"
#define PARTIALS "zero-fill|homodyne|pocs"
#define GHOSTS "auto|navigators|image|off"
#define WINDOWS "none|hann|hamming|tukey|fermi"
#define IMAGES "magnitude|phase|complex"

static const kvox_tool_option mri_options[] = {
    {"output", 'o', KVOX_TOOL_TEXT, "IMAGE", "the result: .npy, .cfl, .mha, .mhd, or all slices as .png", AT(output), 0,
     0},
    {"image", 0, KVOX_TOOL_CHOICE, IMAGES, "what of the image (magnitude)", AT(image), 0, 0},
    {"combine", 0, KVOX_TOOL_CHOICE, COMBINATIONS, "how coils become one image (rss; adaptive where there is a phase)",
     AT(combine), 0, 0},
    {"noise", 0, KVOX_TOOL_CHOICE, NOISES, "where the coils' noise is known from (measured, if it was)", AT(noise), 0,
     0},
    {"noise-file", 0, KVOX_TOOL_TEXT, "RAW", "a noise scan: a raw file, or .npy or .cfl [coil, sample]", AT(noise_file),
     0, 0},
    {"snr", 0, KVOX_TOOL_FLAG, NULL, "in units of the noise's standard deviation", AT(snr), 0, 0},
    {"coils", 0, KVOX_TOOL_NUMBERS, "N", "compress the coils to so many virtual ones", AT(coils), 1,
     KVOX_TOOL_WHOLE | KVOX_TOOL_POSITIVE},
    {"partial", 0, KVOX_TOOL_CHOICE, PARTIALS, "what partial Fourier leaves out (zero-fill)", AT(partial), 0, 0},
    {"ghost", 0, KVOX_TOOL_CHOICE, GHOSTS, "how the ghost of EPI is taken off (auto: navigators, else the image)",
     AT(ghost), 0, 0},
    {"size", 0, KVOX_TOOL_NUMBERS, "X,Y,Z", "pixels over the field of view (the protocol's); 0: as it is", AT(size), 3,
     KVOX_TOOL_WHOLE | KVOX_TOOL_NOT_NEGATIVE},
    {"window", 0, KVOX_TOOL_CHOICE, WINDOWS, "on k-space along every axis (none)", AT(window), 0, 0},
    {"shift", 0, KVOX_TOOL_NUMBERS, "X,Y,Z", "moves the image by so many pixels, fractions allowed", AT(shift), 3, 0},
    {"oversampled", 0, KVOX_TOOL_FLAG, NULL, "keep the readout's oversampling", AT(oversampled), 0, 0},
    {"b0", 0, KVOX_TOOL_TEXT, "MAP", "of several echoes: also the main field's offset in Hz", AT(b0), 0, 0},
    {"t2star", 0, KVOX_TOOL_TEXT, "MAP", "of several echoes: also T2* in ms", AT(t2star), 0, 0},
    {"unwrap", 0, KVOX_TOOL_FLAG, NULL, "unwrap the phase, or the map of --b0 where echoes are evenly spaced",
     AT(unwrap), 0, 0},
    {"axes", 0, KVOX_TOOL_TEXT, "NAME,NAME,...",
     ".npy, .cfl: dimensions: x, y, z, coil, slice, average, echo, phase, repetition, set", AT(source.axes), 0, 0},
    {"fov", 0, KVOX_TOOL_NUMBERS, "X,Y,Z", ".npy, .cfl: the field of view in mm (one a sample)",
     AT(source.field_of_view), 3, KVOX_TOOL_POSITIVE},
    {"oversampling", 0, KVOX_TOOL_NUMBERS, "FACTOR", ".npy, .cfl: of the readout (1)", AT(source.oversampling), 1,
     KVOX_TOOL_POSITIVE},
    {"echo-times", 0, KVOX_TOOL_TEXT, "MS,MS,...", ".npy, .cfl: one an echo", AT(source.echo_times), 0, 0},
    {"frame", 0, KVOX_TOOL_NUMBERS, "K", "only this frame: repetition, phase, set, echo (all)", AT(write.frame), 1,
     KVOX_TOOL_WHOLE | KVOX_TOOL_NOT_NEGATIVE},
    {"slice", 0, KVOX_TOOL_NUMBERS, "K", ".png: only this slice (all)", AT(write.slice), 1,
     KVOX_TOOL_WHOLE | KVOX_TOOL_NOT_NEGATIVE},
    {"grey", 0, KVOX_TOOL_NUMBERS, "C,W", ".png: centre and width of the grey window (from the data)", AT(write.grey),
     2, 0},
    {"compress", 0, KVOX_TOOL_FLAG, NULL, ".mha, .mhd: compress the samples", AT(write.compress), 0, 0},
    {NULL, 0, KVOX_TOOL_FLAG, NULL, NULL, 0, 0, 0},
};

/* The index of `word` in names separated by '|'; 0 where it was not given. */
static int32_t choice(const char *names, const char *word) {
  const size_t length = word != NULL ? strlen(word) : 0;
  int32_t index = 0;
  for (const char *at = names; word != NULL && at != NULL; index++) {
    if (strncmp(at, word, length) == 0 && (at[length] == '|' || at[length] == '\0')) {
      return index;
    }
    at = strchr(at, '|');
    at = at != NULL ? at + 1 : NULL;
  }
  return 0;
}

enum { MAGNITUDE, PHASE, COMPLEX };

static int32_t image_of(const kvox_tool_mri_values *values) { return choice(IMAGES, values->image); }

/* A phase asks for a combination that has one. */
static int32_t combination_of(const kvox_tool_mri_values *values) {
  return values->combine == NULL && image_of(values) != MAGNITUDE ? KVOX_MRI_ADAPTIVE
                                                                  : choice(COMBINATIONS, values->combine);
}

static int check_outputs(const kvox_tool *tool, const kvox_tool_mri_values *values) {
  const char *const others[] = {values->common.operands[0], values->noise_file, values->output, values->b0};
  int code = kvox_tool_check_output(tool, "-o", values->output, KVOX_TOOL_IMAGE_FILE, others, 2);
  if (code == KVOX_TOOL_DONE && values->b0 != NULL) {
    code = kvox_tool_check_output(tool, "--b0", values->b0, KVOX_TOOL_IMAGE_FILE, others, 3);
  }
  if (code == KVOX_TOOL_DONE && values->t2star != NULL) {
    code = kvox_tool_check_output(tool, "--t2star", values->t2star, KVOX_TOOL_IMAGE_FILE, others, 4);
  }
  return code;
}

static int check_values(const kvox_tool *tool, const kvox_tool_mri_values *values) {
  const char *sentence =
      values->output == NULL ? "option -o is missing: name the image to write, -o image.png"
      : image_of(values) != MAGNITUDE && combination_of(values) == KVOX_MRI_ROOT_SUM_OF_SQUARES
          ? "option --combine rss leaves no phase: take adaptive or separate for --image phase and complex"
      : values->noise_file != NULL && values->noise != NULL
          ? "options --noise and --noise-file both say where the noise is known from; give one"
      : values->snr && choice(NOISES, values->noise) == KVOX_MRI_NOISE_IGNORED
          ? "options --snr and --noise ignore contradict each other; leave out one"
      : values->snr && choice(PARTIALS, values->partial) == KVOX_MRI_POCS
          ? "option --snr: what POCS makes of the noise has no closed form; take --partial homodyne or zero-fill"
      : values->t2star != NULL && (image_of(values) != MAGNITUDE || combination_of(values) == KVOX_MRI_SEPARATE)
          ? "option --t2star wants the magnitude of combined coils: leave out --image and --combine separate"
      : values->unwrap && image_of(values) != PHASE && values->b0 == NULL
          ? "option --unwrap is for --image phase and --b0"
      : values->write.grey.count > 0 && !(values->write.grey.values[1] > 0)
          ? "option --grey has a width that is not above 0"
          : NULL;
  if (sentence != NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "%s", sentence);
  }
  if ((values->write.grey.count > 0 || values->write.slice.count > 0) &&
      !kvox_tool_has_extension(values->output, ".png")) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "options --grey and --slice are for .png, not for %s",
                            values->output);
  }
  if (values->write.compress && !kvox_tool_has_extension(values->output, ".mha") &&
      !kvox_tool_has_extension(values->output, ".mhd")) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "option --compress is for .mha and .mhd, not for %s",
                            values->output);
  }
  return check_outputs(tool, values);
}

/* One broken counter of a small file may announce more images than a machine can hold. */
static uint64_t memory_limit(const kvox_tool *tool) {
  const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGE_SIZE);
  const uint64_t all = pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes : 0;
  return tool->common->memory > 0 ? tool->common->memory : all;
}

static int create(kvox_tool_mri_job *job) {
  const kvox_tool_mri_values *values = job->values;
  kvox_context *context = job->tool->context;
  kvox_mri_recon_options options;
  kvox_mri_recon_options_init(&options);
  options.combine = combination_of(values);
  options.noise = choice(NOISES, values->noise);
  options.known_noise = job->noise;
  options.snr_units = values->snr;
  options.virtual_coils = (int64_t)values->coils.values[0];
  options.partial = choice(PARTIALS, values->partial);
  options.ghost = choice(GHOSTS, values->ghost);
  options.oversampled = values->oversampled;
  options.memory_limit = memory_limit(job->tool);
  for (int a = 0; a < 3; a++) {
    options.image_size[a] = (int64_t)values->size.values[a];
    options.shift_px[a] = values->shift.values[a];
    options.window[a] = job->source.protocol.encoded_size[a] > 1 ? choice(WINDOWS, values->window) : KVOX_MRI_NO_WINDOW;
  }
  kvox_status status = kvox_workspace_create(context, &job->workspace);
  if (status == KVOX_OK) {
    kvox_tool_progress_attach(job->workspace);
    status = kvox_mri_recon_create(context, &job->source.protocol, &options, &job->recon);
  }
  if (status == KVOX_OK && values->b0 != NULL) {
    options.combine = KVOX_MRI_SEPARATE;
    options.snr_units = 0;
    status = kvox_mri_recon_create(context, &job->source.protocol, &options, &job->apart);
  }
  return kvox_tool_check(job->tool, status, job->source.path);
}

/* Of a raw file a readout that is refused is left out, and told at the end: one bad one does not cost the scan. An
 * array has no readouts that could be bad by themselves. */
static int push_one(kvox_tool_mri_job *job, const kvox_mri_readout *readout) {
  kvox_status status = kvox_mri_recon_push(job->recon, readout);
  if (status == KVOX_OK && job->apart != NULL) {
    status = kvox_mri_recon_push(job->apart, readout);
  }
  if ((status == KVOX_ERROR_DATA || status == KVOX_ERROR_SIZE) && job->source.file != NULL) {
    if (job->refused++ == 0) {
      snprintf(job->first_refusal, sizeof job->first_refusal, "%s", kvox_tool_last_sentence());
    }
    status = KVOX_OK;
  }
  status = status == KVOX_OK ? kvox_tool_progress_interrupted() : status;
  return kvox_tool_check(job->tool, status, job->source.path);
}

/* More than a few are no scan. */
static int check_refused(const kvox_tool_mri_job *job) {
  enum { FEW = 10 };
  static const char *const words = "%s: readouts %s: %" PRId64 " of %" PRId64 ", the first because: %s";
  const char *path = job->source.path, *why = job->first_refusal;
  const int64_t all = job->source.readouts;
  if (job->refused > all / FEW) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED, words, path, "that cannot be used", job->refused, all, why);
  }
  if (job->refused > 0) {
    kvox_tool_note(job->tool, words, path, "left out", job->refused, all, why);
  }
  return KVOX_TOOL_DONE;
}

/* Readouts in their order, each pushed as soon as it is read. */
static int push_all(kvox_tool_mri_job *job) {
  const kvox_tool *tool = job->tool;
  kvox_mri_readout readout;
  int code = KVOX_TOOL_DONE, measured = 0;
  for (int64_t i = 0; i < job->source.readouts && code == KVOX_TOOL_DONE; i++) {
    const double begin = kvox_tool_now();
    code = kvox_tool_mri_read(tool, &job->source, i, &readout, &measured);
    const double middle = kvox_tool_now();
    job->seconds.read += middle - begin;
    if (code == KVOX_TOOL_DONE && measured) {
      code = push_one(job, &readout);
      job->seconds.compute += kvox_tool_now() - middle;
    }
  }
  code = code == KVOX_TOOL_DONE ? check_refused(job) : code;
  if (code == KVOX_TOOL_DONE && job->source.uses[0] + job->source.uses[2] == 0) {
    code = kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s holds no readouts of an image%s", job->source.path,
                            job->source.array != NULL ? ", nothing but zeros" : "; kvox info tells what it holds");
  }
  return code;
}

void kvox_tool_mri_add_stages(kvox_tool_mri_job *job) { kvox_tool_report_stages(job->stages, job->workspace); }

/* Where the voxels are; equal for all frames. */
static int place(kvox_tool_mri_job *job) {
  kvox_tool_mri_images *images = &job->images;
  images->origins_mm = calloc((size_t)images->shape[2], 3 * sizeof(double));
  if (images->origins_mm == NULL) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED, "out of memory for the places of slices");
  }
  return kvox_tool_check(job->tool, kvox_mri_recon_grid(job->recon, &images->grid, images->origins_mm),
                         job->source.path);
}

static int reconstruct(kvox_tool_mri_job *job) {
  const kvox_tool *tool = job->tool;
  const kvox_tool_mri_values *values = job->values;
  const kvox_type type = image_of(values) == COMPLEX ? KVOX_C64 : KVOX_F32;
  int64_t shape[5];
  int code = kvox_tool_check(tool, kvox_mri_recon_shape(job->recon, shape), job->source.path);
  if (code == KVOX_TOOL_DONE) {
    code = kvox_tool_mri_fits(tool, "-o", values->output, shape, type, &values->write);
  }
  if (code == KVOX_TOOL_DONE) {
    code = kvox_tool_mri_allocate(tool, shape, image_of(values) == MAGNITUDE ? KVOX_F32 : KVOX_C64, &job->images);
  }
  if (code == KVOX_TOOL_DONE) {
    code =
        kvox_tool_check(tool, kvox_mri_recon_image(job->recon, job->workspace, &job->images.array), job->source.path);
    kvox_tool_mri_add_stages(job);
  }
  if (code == KVOX_TOOL_DONE) {
    code = place(job);
  }
  if (code == KVOX_TOOL_DONE && image_of(values) == PHASE) {
    code = kvox_tool_mri_take_phase(job);
  }
  return code == KVOX_TOOL_DONE ? kvox_tool_mri_make_maps(job) : code;
}

static void report_progress(const kvox_tool_mri_job *job, cJSON *report) {
  int64_t lines = 0, expected = 0;
  kvox_mri_recon_progress(job->recon, &lines, &expected);
  cJSON *object = cJSON_AddObjectToObject(report, "lines");
  cJSON_AddNumberToObject(object, "measured", (double)lines);
  cJSON_AddNumberToObject(object, "announced", (double)expected);
  if (job->refused > 0) {
    cJSON_AddNumberToObject(object, "refused", (double)job->refused);
  }
}

static void report_images(const kvox_tool_mri_job *job, cJSON *report) {
  const kvox_tool_mri_images *images = &job->images;
  cJSON_AddStringToObject(report, "output", job->values->output);
  cJSON_AddNumberToObject(report, "frames", (double)images->shape[0]);
  cJSON_AddNumberToObject(report, "coils", (double)images->shape[1]);
  kvox_tool_report_integers(report, "size", images->grid.size, 3);
  kvox_tool_report_reals(report, "spacing_mm", images->grid.spacing_mm, 3);
  kvox_tool_report_reals(report, "origin_mm", images->grid.origin_mm, 3);
  cJSON *axes = cJSON_AddArrayToObject(report, "axes");
  for (int a = 0; a < 3; a++) {
    cJSON_AddItemToArray(axes, cJSON_CreateDoubleArray(images->grid.axes[a], 3));
  }
  if (images->array.type == KVOX_F32) {
    kvox_tool_report_statistics(job->tool, &images->array);
  }
  cJSON *provenance = cJSON_Parse(kvox_mri_recon_provenance(job->recon));
  if (provenance != NULL) {
    cJSON_AddItemToObject(report, "provenance", provenance);
  }
}

static int report(kvox_tool_mri_job *job) {
  kvox_memory_use memory;
  cJSON *object = job->tool->report;
  cJSON_AddStringToObject(object, "input", job->source.path);
  kvox_tool_mri_report_protocol(&job->source.protocol, object);
  kvox_tool_mri_report_uses(&job->source, object);
  report_progress(job, object);
  report_images(job, object);
  if (job->values->b0 != NULL) {
    cJSON_AddStringToObject(object, "b0", job->values->b0);
  }
  if (job->values->t2star != NULL) {
    cJSON_AddStringToObject(object, "t2star", job->values->t2star);
  }
  const kvox_status status = kvox_mri_recon_memory(job->recon, &memory);
  if (status == KVOX_OK) {
    kvox_tool_report_memory(job->tool, &memory);
  }
  kvox_tool_report_seconds(job->tool, &job->seconds, job->stages);
  job->stages = NULL;
  return kvox_tool_check(job->tool, status, NULL);
}

static int run_job(kvox_tool_mri_job *job) {
  kvox_tool *tool = job->tool;
  const kvox_tool_mri_values *values = job->values;
  double begin = kvox_tool_now();
  int code = kvox_tool_mri_open(tool, values->common.operands[0], &values->source, &job->source);
  if (code == KVOX_TOOL_DONE && values->noise_file != NULL) {
    code = kvox_tool_mri_read_noise(tool, values->noise_file, &job->noise);
  }
  job->seconds.read = kvox_tool_now() - begin;
  code = code == KVOX_TOOL_DONE ? kvox_tool_mri_check_maps(job) : code;
  code = code == KVOX_TOOL_DONE ? create(job) : code;
  code = code == KVOX_TOOL_DONE ? push_all(job) : code;
  begin = kvox_tool_now();
  code = code == KVOX_TOOL_DONE ? reconstruct(job) : code;
  job->seconds.compute += kvox_tool_now() - begin;
  begin = kvox_tool_now();
  if (code == KVOX_TOOL_DONE) {
    code =
        kvox_tool_mri_write(tool, values->output, &job->images, kvox_mri_recon_provenance(job->recon), &values->write);
  }
  code = code == KVOX_TOOL_DONE ? kvox_tool_mri_write_maps(job) : code;
  job->seconds.write = kvox_tool_now() - begin;
  return code == KVOX_TOOL_DONE ? report(job) : code;
}

static int run(kvox_tool *tool, const void *given) {
  kvox_tool_mri_job job = {.tool = tool, .values = given};
  int code = check_values(tool, job.values);
  if (code == KVOX_TOOL_DONE) {
    job.stages = cJSON_CreateObject();
    code = run_job(&job);
  }
  kvox_tool_mri_release(&job.images);
  kvox_tool_mri_release(&job.field);
  kvox_tool_mri_release(&job.t2star);
  kvox_mri_recon_destroy(job.recon);
  kvox_mri_recon_destroy(job.apart);
  kvox_mri_noise_destroy(job.noise);
  kvox_workspace_destroy(job.workspace);
  kvox_tool_mri_close(&job.source);
  cJSON_Delete(job.stages);
  return code;
}

const kvox_tool_verb kvox_tool_mri = {
    .name = "mri",
    .operands = "RAW [options] -o IMAGE",
    .summary =
        "reconstructs MRI readouts to images\n\n"
        "RAW: .h5, .hdf5 or .mrd (ISMRMRD), .dat (Siemens), or k-space as .npy or .cfl [.., coil, z, y, x], lines "
        "that\n"
        "were not measured being zero.",
    .least_operands = 1,
    .most_operands = 1,
    .options = mri_options,
    .values_size = sizeof(kvox_tool_mri_values),
    .run = run,
};
