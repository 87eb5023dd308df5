/* What Kvox does on a device, small: from context to destroy, in the form that failing heaps and failing devices try.
 */
#ifndef KVOX_TESTS_OCL_SCENARIOS_H
#define KVOX_TESTS_OCL_SCENARIOS_H

#include <math.h>

#include "core/fail.h"
#include "failing_heap.h"
#include "faulty.h"

enum {
  VIEWS = 10,
  ROWS = 3,
  COLUMNS = 19,
  FRAME = ROWS * COLUMNS,
  SAMPLES = VIEWS * FRAME,
  VOXELS = ROWS * COLUMNS * COLUMNS,
  MOST_RESULTS = 2 * SAMPLES + 2 * VOXELS
};

static uint16_t counts[SAMPLES], flat[FRAME], dark[FRAME];
static float lines[SAMPLES], voxels[VOXELS];
static const int64_t samples_shape[3] = {VIEWS, ROWS, COLUMNS}, voxels_shape[3] = {ROWS, COLUMNS, COLUMNS};

static inline void fill_samples(void) {
  for (int i = 0; i < FRAME; i++) {
    dark[i] = 100;
    flat[i] = (uint16_t)(i == 30 ? 50 : 60000 - 3 * i); /* one bad pixel */
  }
  for (int i = 0; i < SAMPLES; i++) {
    counts[i] = (uint16_t)(20000 + i * 7919 % 30000);
    lines[i] = (float)(i * 5 % 37) / 37;
  }
  for (int i = 0; i < VOXELS; i++) {
    voxels[i] = (float)(i * 11 % 29) / 29;
  }
}

/* One run of a scenario. */
typedef enum phase { MAKING_CONTEXT, MAKING_BUFFERS, MAKING_PLANS, EXECUTING } phase;

typedef struct trial {
  bool retry;     /* an execution that fails is tried again, and then has to succeed */
  bool retried;   /* it was */
  phase phase;    /* how far it came */
  bool on_device; /* the context is */
  int64_t failed; /* calls that had failed before anything was destroyed */
  int64_t count;
  float results[MOST_RESULTS];
} trial;

typedef struct scene {
  trial *trial;
  kvox_context *context;
  kvox_ct_geometry *geometry;
  kvox_ct_correction *correction;
  kvox_ct_filter_plan *filter;
  kvox_ct_fbp_plan *fbp;
  kvox_ct_operator *operation;
  kvox_mri_noise *noise;
  kvox_mri_fourier *fourier;
  kvox_mri_partial *partial;
  kvox_mri_ramp *ramp;
  kvox_mri_operator *coils, *across, *taken, *seen, *measurement;
  kvox_workspace *workspace;
  kvox_volume *volume;
  kvox_buffer *buffer;
  kvox_array input, output; /* of the execution */
} scene;

static inline kvox_array array_of(void *data, kvox_type type, const int64_t *sizes) {
  kvox_array array = {0};
  assert_ok(kvox_array_init(&array, data, type, 3, sizes));
  return array;
}

/* The context goes first: what was made with it keeps it alive. */
static inline void close_scene(scene *s) {
  forward_account account = {0};
  if (faulty.look != NULL) {
    faulty.look(&account);
  }
  s->trial->failed = account.failed;
  kvox_context_destroy(s->context);
  kvox_ct_geometry_destroy(s->geometry);
  kvox_ct_correction_destroy(s->correction);
  kvox_ct_fbp_plan_destroy(s->fbp);
  kvox_ct_filter_plan_destroy(s->filter);
  kvox_ct_operator_destroy(s->operation);
  kvox_mri_noise_destroy(s->noise);
  kvox_mri_fourier_destroy(s->fourier);
  kvox_mri_partial_destroy(s->partial);
  kvox_mri_ramp_destroy(s->ramp);
  kvox_mri_operator_destroy(s->coils);
  kvox_mri_operator_destroy(s->across);
  kvox_mri_operator_destroy(s->taken);
  kvox_mri_operator_destroy(s->seen);
  kvox_mri_operator_destroy(s->measurement);
  kvox_buffer_destroy(s->buffer);
  kvox_volume_destroy(s->volume);
  kvox_workspace_destroy(s->workspace);
}

static inline kvox_status open_scene(const kvox_context_options *options, void *data, scene *s) {
  kvox_ct_parallel_options beam;
  kvox_ct_parallel_options_init(&beam);
  beam.views = VIEWS, beam.rows = ROWS, beam.columns = COLUMNS;
  beam.column_pitch_mm = 0.5, beam.angle_step_deg = 180.0 / VIEWS;
  *s = (scene){.trial = data};
  s->trial->phase = MAKING_CONTEXT;
  s->trial->count = 0;
  KVOX_TRY(kvox_context_create(options, &s->context));
  s->trial->on_device = kvox_context_backend(s->context) == KVOX_BACKEND_OPENCL;
  s->trial->phase = MAKING_PLANS;
  return kvox_ct_geometry_create_parallel(s->context, &beam, &s->geometry);
}

/* Results are looked at on the host, wherever they lie. */
static inline kvox_status take_results(scene *s, const kvox_array *array) {
  const int64_t count = array->shape[0] * array->shape[1] * array->shape[2];
  const kvox_array results = array_of(s->trial->results + s->trial->count, KVOX_F32, array->shape);
  KVOX_TRY(kvox_array_copy(array, &results));
  s->trial->count += count;
  return KVOX_OK;
}

typedef kvox_status (*execution)(scene *s);

/* An execution that fails leaves nothing behind that a second one would meet. */
static inline kvox_status execute(scene *s, execution run) {
  char sentence[600];
  const int64_t count = s->trial->count;
  s->trial->phase = EXECUTING;
  const kvox_status status = run(s);
  if (status != KVOX_ERROR_DEVICE || !s->trial->retry) {
    return status;
  }
  snprintf(sentence, sizeof sentence, "%s", kvox_last_error());
  s->trial->count = count;
  s->trial->retried = true;
  const kvox_status second = run(s);
  if (second != KVOX_OK) {
    fail_msg("an execution fails (%s), and once more when nothing is wrong: %s", sentence, kvox_last_error());
  }
  return kvox_extend_fail(status, "%s", sentence);
}

/* ---- Scenarios ---- */

static inline kvox_status make_correction(scene *s) {
  const kvox_array flat_array = array_of(flat, KVOX_U16, (const int64_t[3]){1, ROWS, COLUMNS}),
                   dark_array = array_of(dark, KVOX_U16, (const int64_t[3]){1, ROWS, COLUMNS});
  kvox_ct_correction_options options;
  kvox_ct_correction_options_init(&options);
  options.flat = &flat_array;
  options.dark = &dark_array;
  return kvox_ct_correction_create(s->context, &options, &s->correction);
}

static inline kvox_status make_fbp(scene *s) {
  kvox_ct_filter_options filter;
  kvox_ct_fbp_options options;
  kvox_ct_filter_options_init(&filter);
  kvox_ct_fbp_options_init(&options);
  filter.correction = s->correction;
  filter.window = KVOX_CT_HANN;
  options.filter = &filter;
  return kvox_ct_fbp_plan_create(s->context, s->geometry, &options, &s->fbp);
}

static inline kvox_status run_fbp(scene *s) {
  kvox_array result;
  KVOX_TRY(kvox_ct_fbp_execute(s->fbp, s->workspace, &s->input, s->volume));
  KVOX_TRY(kvox_volume_array(s->volume, &result));
  return take_results(s, &result);
}

/* Raw counts of the host to a volume of the host, twice. */
static inline kvox_status reconstruct(const kvox_context_options *options, void *data) {
  scene s;
  kvox_grid grid;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  KVOX_TRY_CLEANUP(make_correction(&s));
  KVOX_TRY_CLEANUP(make_fbp(&s));
  KVOX_TRY_CLEANUP(kvox_ct_fbp_plan_grid(s.fbp, &grid));
  KVOX_TRY_CLEANUP(kvox_volume_create(s.context, KVOX_F32, &grid, &s.volume));
  KVOX_TRY_CLEANUP(kvox_workspace_create(s.context, &s.workspace));
  s.input = array_of(counts, KVOX_U16, samples_shape);
  KVOX_TRY_CLEANUP(execute(&s, run_fbp));
  KVOX_TRY_CLEANUP(execute(&s, run_fbp));
cleanup:
  close_scene(&s);
  return status;
}

/* The scan as a cone beam's full turn. */
static inline kvox_status take_cone(scene *s) {
  kvox_ct_cone_options beam;
  kvox_ct_cone_options_init(&beam);
  beam.views = VIEWS, beam.rows = ROWS, beam.columns = COLUMNS;
  beam.source_to_axis_mm = 100, beam.source_to_detector_mm = 150;
  beam.column_pitch_mm = 0.75, beam.angle_step_deg = 360.0 / VIEWS;
  kvox_ct_geometry_destroy(s->geometry);
  s->geometry = NULL;
  return kvox_ct_geometry_create_cone(s->context, &beam, &s->geometry);
}

static inline kvox_status reconstruct_cone(const kvox_context_options *options, void *data) {
  scene s;
  kvox_grid grid;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  KVOX_TRY_CLEANUP(take_cone(&s));
  KVOX_TRY_CLEANUP(make_correction(&s));
  KVOX_TRY_CLEANUP(make_fbp(&s));
  KVOX_TRY_CLEANUP(kvox_ct_fbp_plan_grid(s.fbp, &grid));
  KVOX_TRY_CLEANUP(kvox_volume_create(s.context, KVOX_F32, &grid, &s.volume));
  s.input = array_of(counts, KVOX_U16, samples_shape);
  KVOX_TRY_CLEANUP(execute(&s, run_fbp));
cleanup:
  close_scene(&s);
  return status;
}

/* Line integrals in a buffer of the device to a volume there; of the host where the context is the CPU's. */
static inline kvox_status make_device_arrays(scene *s, const kvox_grid *grid) {
  const kvox_array host = array_of(lines, KVOX_F32, samples_shape);
  if (!s->trial->on_device) {
    s->input = host;
    return kvox_volume_create(s->context, KVOX_F32, grid, &s->volume);
  }
  s->trial->phase = MAKING_BUFFERS;
  KVOX_TRY(kvox_buffer_create(s->context, sizeof lines + 64, &s->buffer));
  KVOX_TRY(kvox_array_init_buffer(&s->input, s->buffer, 64, KVOX_F32, 3, samples_shape));
  KVOX_TRY(kvox_array_copy(&host, &s->input));
  return kvox_volume_create_device(s->context, KVOX_F32, grid, &s->volume);
}

static inline kvox_status reconstruct_on_device(const kvox_context_options *options, void *data) {
  scene s;
  kvox_grid grid;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  KVOX_TRY_CLEANUP(make_fbp(&s));
  KVOX_TRY_CLEANUP(kvox_ct_fbp_plan_grid(s.fbp, &grid));
  KVOX_TRY_CLEANUP(make_device_arrays(&s, &grid));
  KVOX_TRY_CLEANUP(execute(&s, run_fbp));
cleanup:
  close_scene(&s);
  return status;
}

static inline kvox_status run_filter(scene *s) {
  KVOX_TRY(kvox_ct_filter_execute(s->filter, NULL, &s->input, &s->output));
  return take_results(s, &s->output);
}

static inline kvox_status filter(const kvox_context_options *options, void *data) {
  static float filtered[SAMPLES];
  scene s;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  KVOX_TRY_CLEANUP(kvox_ct_filter_plan_create(s.context, s.geometry, NULL, &s.filter));
  s.input = array_of(lines, KVOX_F32, samples_shape);
  s.output = array_of(filtered, KVOX_F32, samples_shape);
  KVOX_TRY_CLEANUP(execute(&s, run_filter));
cleanup:
  close_scene(&s);
  return status;
}

static inline kvox_status run_correct(scene *s) {
  KVOX_TRY(kvox_ct_correct(s->context, s->correction, &s->input, &s->output));
  return take_results(s, &s->output);
}

static inline kvox_status correct(const kvox_context_options *options, void *data) {
  static float corrected[SAMPLES];
  scene s;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  KVOX_TRY_CLEANUP(make_correction(&s));
  s.input = array_of(counts, KVOX_U16, samples_shape);
  s.output = array_of(corrected, KVOX_F32, samples_shape);
  KVOX_TRY_CLEANUP(execute(&s, run_correct));
cleanup:
  close_scene(&s);
  return status;
}

/* A of the volume in s->volume, then its adjoint of that. */
static inline kvox_status run_pair(scene *s) {
  kvox_array volume;
  const kvox_array object = array_of(voxels, KVOX_F32, voxels_shape);
  KVOX_TRY(kvox_volume_array(s->volume, &volume));
  KVOX_TRY(kvox_array_copy(&object, &volume));
  KVOX_TRY(kvox_ct_project(s->operation, s->workspace, s->volume, &s->output));
  KVOX_TRY(take_results(s, &s->output));
  KVOX_TRY(kvox_ct_backproject(s->operation, s->workspace, &s->output, s->volume));
  return take_results(s, &volume);
}

static inline kvox_status matched_pair(const kvox_context_options *options, void *data) {
  static float projections[SAMPLES];
  scene s;
  kvox_grid grid;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  KVOX_TRY_CLEANUP(kvox_ct_operator_create(s.context, s.geometry, NULL, &s.operation));
  KVOX_TRY_CLEANUP(kvox_ct_operator_grid(s.operation, &grid));
  KVOX_TRY_CLEANUP(kvox_volume_create(s.context, KVOX_F32, &grid, &s.volume));
  s.output = array_of(projections, KVOX_F32, samples_shape);
  KVOX_TRY_CLEANUP(execute(&s, run_pair));
cleanup:
  close_scene(&s);
  return status;
}

/* There and back: whole, a box, within the device, through a map. */
static inline kvox_status run_transfers(scene *s) {
  static const int64_t begin[3] = {1, 0, 2}, size[3] = {VIEWS - 2, 2, COLUMNS - 3};
  const kvox_array host = array_of(lines, KVOX_F32, samples_shape);
  kvox_array from, to, mapped;
  KVOX_TRY(kvox_array_copy(&host, &s->input));
  KVOX_TRY(kvox_array_region(&s->input, begin, size, &from));
  KVOX_TRY(kvox_array_region(&s->output, begin, size, &to));
  KVOX_TRY(kvox_array_copy(&from, &to));
  KVOX_TRY(kvox_array_map(&s->output, KVOX_MAP_READ | KVOX_MAP_WRITE, &mapped));
  ((float *)mapped.data)[0] = 7;
  KVOX_TRY(kvox_array_unmap(&s->output, &mapped));
  KVOX_TRY(take_results(s, &s->output));
  return take_results(s, &s->input);
}

static inline kvox_status transfers(const kvox_context_options *options, void *data) {
  static float host[2][SAMPLES];
  scene s;
  kvox_status status;
  memset(host, 0, sizeof host);
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  s.input = array_of(host[0], KVOX_F32, samples_shape);
  s.output = array_of(host[1], KVOX_F32, samples_shape);
  s.trial->phase = MAKING_BUFFERS;
  if (s.trial->on_device) {
    KVOX_TRY_CLEANUP(kvox_buffer_create(s.context, sizeof host, &s.buffer));
    KVOX_TRY_CLEANUP(kvox_array_init_buffer(&s.input, s.buffer, 0, KVOX_F32, 3, samples_shape));
    KVOX_TRY_CLEANUP(kvox_array_init_buffer(&s.output, s.buffer, sizeof host[0], KVOX_F32, 3, samples_shape));
  }
  KVOX_TRY_CLEANUP(execute(&s, run_transfers));
cleanup:
  close_scene(&s);
  return status;
}

/* ---- MRI: k-space of some coils ---- */

enum { COILS = 3, KY = 5, KX = 12, KSPACE = COILS * KY * KX };
static const int64_t kspace_shape[4] = {COILS, 1, KY, KX}, magnitude_shape[3] = {1, KY, KX};

static inline kvox_array kspace_of(float *samples) {
  kvox_array array = {0};
  assert_ok(kvox_array_init(&array, samples, KVOX_C64, 4, kspace_shape));
  return array;
}

static inline kvox_status make_noise(scene *s) {
  double covariance[COILS][COILS][2];
  for (int i = 0; i < COILS * COILS; i++) {
    covariance[i / COILS][i % COILS][0] = i / COILS == i % COILS ? 2 : 0.5;
    covariance[i / COILS][i % COILS][1] = 0;
  }
  return kvox_mri_noise_create(s->context, COILS, covariance[0][0], 0, &s->noise);
}

/* Whitened, combined by maps and without: the first on the device where there is one. */
static inline kvox_status run_coils(scene *s) {
  static float whitened[2 * KSPACE], combined[2 * KY * KX], magnitude[KY * KX];
  const kvox_array out = kspace_of(whitened);
  const kvox_array roots = array_of(magnitude, KVOX_F32, magnitude_shape);
  const kvox_array image = array_of(combined, KVOX_C64, magnitude_shape);
  const kvox_array parts = array_of(combined, KVOX_F32, (const int64_t[3]){1, KY, 2 * KX});
  KVOX_TRY(kvox_mri_whiten(s->context, s->noise, s->workspace, &s->input, &out));
  KVOX_TRY(kvox_mri_root_sum_of_squares(s->context, NULL, &s->input, &roots));
  KVOX_TRY(take_results(s, &roots));
  KVOX_TRY(kvox_mri_combine(s->context, s->noise, NULL, &s->input, &out, &image));
  return take_results(s, &parts);
}

/* Lines of coils whose noise is known. */
static inline kvox_status of_noisy_lines(const kvox_context_options *options, void *data,
                                         kvox_status (*run)(scene *s)) {
  scene s;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  KVOX_TRY_CLEANUP(make_noise(&s));
  KVOX_TRY_CLEANUP(kvox_workspace_create(s.context, &s.workspace));
  s.input = kspace_of(lines);
  KVOX_TRY_CLEANUP(execute(&s, run));
cleanup:
  close_scene(&s);
  return status;
}

static inline kvox_status coils(const kvox_context_options *options, void *data) {
  return of_noisy_lines(options, data, run_coils);
}

/* Maps of the voxels of coils' images, and of echoes: of those of one coil, of their parts as magnitudes. */
static inline kvox_status run_maps(scene *s) {
  static const double times_ms[COILS] = {1, 2, 4};
  static float maps[2 * KSPACE], phases[KSPACE], field[KY * KX], decay[KY * KX];
  const kvox_array sensitivities = kspace_of(maps),
                   angles = array_of(phases, KVOX_F32, (const int64_t[3]){COILS, KY, KX});
  const kvox_array images = array_of(lines, KVOX_C64, angles.shape);
  const kvox_array hz = array_of(field, KVOX_F32, magnitude_shape), ms = array_of(decay, KVOX_F32, magnitude_shape);
  kvox_array echoes = {0}, magnitudes = {0};
  kvox_mri_walsh_options walsh;
  kvox_mri_t2star_options fit;
  kvox_mri_walsh_options_init(&walsh);
  kvox_mri_t2star_options_init(&fit);
  walsh.noise = s->noise;
  fit.method = KVOX_MRI_LOG_LINEAR;
  assert_ok(kvox_array_init(&echoes, lines, KVOX_C64, 5, (const int64_t[5]){COILS, 1, 1, KY, KX}));
  assert_ok(kvox_array_init(&magnitudes, lines, KVOX_F32, 4, kspace_shape));
  KVOX_TRY(kvox_mri_walsh_maps(s->context, &walsh, s->workspace, &s->input, &sensitivities));
  KVOX_TRY(kvox_mri_phase(s->context, NULL, &images, &angles));
  KVOX_TRY(take_results(s, &angles));
  KVOX_TRY(kvox_mri_field_map(s->context, NULL, &echoes, times_ms, &hz, NULL));
  KVOX_TRY(take_results(s, &hz));
  KVOX_TRY(kvox_mri_t2star(s->context, &fit, NULL, &magnitudes, times_ms, &ms, NULL, NULL));
  KVOX_TRY(take_results(s, &ms));
  const kvox_array parts = array_of(maps, KVOX_F32, (const int64_t[3]){COILS, KY, 2 * KX});
  return take_results(s, &parts);
}

static inline kvox_status voxel_maps(const kvox_context_options *options, void *data) {
  return of_noisy_lines(options, data, run_maps);
}

static inline kvox_status run_transform(scene *s) {
  static float magnitude[KY * KX], kspace[2 * KSPACE];
  const kvox_array roots = array_of(magnitude, KVOX_F32, magnitude_shape), back = kspace_of(kspace);
  const kvox_array parts = array_of(kspace, KVOX_F32, (const int64_t[3]){COILS, KY, 2 * KX});
  KVOX_TRY(kvox_mri_fourier_to_magnitude(s->fourier, s->workspace, &s->input, &roots));
  KVOX_TRY(take_results(s, &roots));
  KVOX_TRY(kvox_mri_fourier_to_kspace(s->fourier, NULL, &s->input, &back));
  return take_results(s, &parts);
}

static inline kvox_status transform(const kvox_context_options *options, void *data) {
  scene s;
  kvox_status status;
  kvox_mri_fourier_options plan;
  kvox_mri_fourier_options_init(&plan);
  plan.kspace_size[0] = KX, plan.kspace_size[1] = KY, plan.kspace_size[2] = 1;
  plan.window[0] = KVOX_MRI_HANN;
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  KVOX_TRY_CLEANUP(kvox_mri_fourier_create(s.context, &plan, &s.fourier));
  KVOX_TRY_CLEANUP(kvox_workspace_create(s.context, &s.workspace));
  s.input = kspace_of(lines);
  KVOX_TRY_CLEANUP(execute(&s, run_transform));
cleanup:
  close_scene(&s);
  return status;
}

/* ---- MRI: lines of which a part was measured, and readouts of a train ---- */

static inline kvox_status run_partial(scene *s) {
  static float images[2 * KSPACE];
  const kvox_array out = kspace_of(images);
  const kvox_array parts = array_of(images, KVOX_F32, (const int64_t[3]){COILS, KY, 2 * KX});
  KVOX_TRY(kvox_mri_partial_to_image(s->partial, s->workspace, &s->input, &out));
  return take_results(s, &parts);
}

/* A round of POCS: the middle of k-space outweighs the rest, so that the phase is not decided by rounding. */
static inline kvox_status partial(const kvox_context_options *options, void *data) {
  static float kspace[2 * KSPACE];
  scene s;
  kvox_status status;
  kvox_mri_partial_options plan;
  kvox_mri_partial_options_init(&plan);
  plan.method = KVOX_MRI_POCS;
  plan.size[0] = KX, plan.size[1] = KY, plan.size[2] = 1;
  plan.first[0] = 3;
  plan.iterations = 1;
  memcpy(kspace, lines, sizeof kspace);
  for (int c = 0; c < COILS; c++) {
    kspace[2 * ((c * KY + KY / 2) * KX + KX / 2)] += 100;
  }
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  KVOX_TRY_CLEANUP(kvox_mri_partial_create(s.context, &plan, &s.partial));
  KVOX_TRY_CLEANUP(kvox_workspace_create(s.context, &s.workspace));
  s.input = kspace_of(kspace);
  KVOX_TRY_CLEANUP(execute(&s, run_partial));
cleanup:
  close_scene(&s);
  return status;
}

static inline kvox_status run_train(scene *s) {
  static const kvox_mri_ghost ghosts[COILS] = {{0.3, 0.02, 0}, {0.2, 0.03, 0.01}, {0.1, 0, 0}};
  static const uint8_t reversed[KY] = {0, 1, 0, 1, 0};
  static float grid[2 * KSPACE];
  const kvox_array out = kspace_of(grid);
  const kvox_array parts = array_of(grid, KVOX_F32, (const int64_t[3]){COILS, KY, 2 * KX});
  KVOX_TRY(kvox_mri_ramp_apply(s->ramp, s->workspace, 1, &s->input, &out));
  KVOX_TRY(kvox_mri_ghost_apply(s->context, s->workspace, ghosts, reversed, &out, &out));
  return take_results(s, &parts);
}

static inline kvox_status train(const kvox_context_options *options, void *data) {
  static const kvox_mri_ramps ramps = {.up_us = 6, .flat_us = 12, .down_us = 6, .delay_us = 1, .dwell_us = 1.8};
  scene s;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  KVOX_TRY_CLEANUP(kvox_mri_ramp_create(s.context, &ramps, KX, KX, &s.ramp));
  KVOX_TRY_CLEANUP(kvox_workspace_create(s.context, &s.workspace));
  s.input = kspace_of(lines);
  KVOX_TRY_CLEANUP(execute(&s, run_train));
cleanup:
  close_scene(&s);
  return status;
}

/* ---- MRI: from an image to the samples of all coils that were taken ---- */

enum { TAKEN = KX / 2 };

static inline kvox_status make_measurement(scene *s) {
  static const int64_t coils_of_all[1] = {COILS};
  uint8_t taken[KX];
  kvox_array mask = {0};
  const kvox_array maps = kspace_of(lines);
  kvox_mri_fourier_options plan;
  kvox_mri_fourier_options_init(&plan);
  plan.kspace_size[0] = KX, plan.kspace_size[1] = KY, plan.kspace_size[2] = 1;
  for (int i = 0; i < KX; i++) {
    taken[i] = i % 2 == 0;
  }
  assert_ok(kvox_array_init(&mask, taken, KVOX_U8, 1, kspace_shape + 3));
  KVOX_TRY(kvox_mri_operator_create_coils(s->context, &maps, 0, NULL, &s->coils));
  KVOX_TRY(kvox_mri_operator_create_fourier(s->context, &plan, 1, coils_of_all, &s->across));
  KVOX_TRY(kvox_mri_operator_create_gather(s->context, 4, kspace_shape, &mask, &s->taken));
  KVOX_TRY(kvox_mri_operator_compose(s->across, s->coils, &s->seen));
  return kvox_mri_operator_compose(s->taken, s->seen, &s->measurement);
}

static inline kvox_status run_measurement(scene *s) {
  static float samples[2 * COILS * KY * TAKEN], back[2 * KY * KX];
  static const int64_t taken_shape[4] = {COILS, 1, KY, TAKEN};
  kvox_array measured = {0};
  const kvox_array image = array_of(lines, KVOX_C64, magnitude_shape),
                   adjoint = array_of(back, KVOX_C64, magnitude_shape);
  assert_ok(kvox_array_init(&measured, samples, KVOX_C64, 4, taken_shape));
  KVOX_TRY(kvox_mri_operator_forward(s->measurement, s->workspace, &image, &measured));
  const kvox_array parts = array_of(samples, KVOX_F32, (const int64_t[3]){COILS, KY, 2 * TAKEN});
  KVOX_TRY(take_results(s, &parts));
  KVOX_TRY(kvox_mri_operator_adjoint(s->measurement, NULL, &measured, &adjoint));
  const kvox_array whole = array_of(back, KVOX_F32, (const int64_t[3]){1, KY, 2 * KX});
  return take_results(s, &whole);
}

static inline kvox_status measure(const kvox_context_options *options, void *data) {
  scene s;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, data, &s));
  KVOX_TRY_CLEANUP(make_measurement(&s));
  KVOX_TRY_CLEANUP(kvox_workspace_create(s.context, &s.workspace));
  KVOX_TRY_CLEANUP(execute(&s, run_measurement));
cleanup:
  close_scene(&s);
  return status;
}

static const struct scenario {
  const char *name;
  failing_heap_scenario run;
} scenarios[] = {{"transfers", transfers},
                 {"reconstruct", reconstruct},
                 {"reconstruct on the device", reconstruct_on_device},
                 {"reconstruct a cone", reconstruct_cone},
                 {"correct", correct},
                 {"filter", filter},
                 {"coils", coils},
                 {"maps", voxel_maps},
                 {"transform", transform},
                 {"measure", measure},
                 {"partial Fourier", partial},
                 {"EPI", train},
                 {"matched pair", matched_pair}};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

#endif
