/* Images of what came so far. A slice (or the slab it stands for) of a frame is made at a time. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "mri/combine.h"
#include "mri/recon.h"

/*
 * Scratch, in this order: lines of all coils whose ghost was taken off; completed lines of one mixture; images of all
 * coils and their maps, or of one; what is converted.
 */
typedef struct scratch_layout {
  int64_t ghostless, mixture, images, maps, own, floats;
} scratch_layout;

typedef struct image_job {
  kvox_mri_recon *recon;
  kvox_array images; /* [frame, coil, z, y, x] */
  kvox_workspace *workspace;
  float *scratch;
  scratch_layout at;
  bool general;
  int64_t count; /* images of a slice */
  int64_t slice; /* that is being made, of all frames */
  double reached;
} image_job;

/* ---- Arrays ---- */

kvox_array kvox_mri_recon_stored(const kvox_mri_recon *r, int64_t frame, int64_t slice) {
  const kvox_mri_recon_store *s = &r->store;
  const int64_t element = sizeof(float), y = r->layout.encoded[1];
  return (kvox_array){.data = s->samples + frame * s->frame_step + slice * s->slice_step,
                      .type = KVOX_C64,
                      .rank = 4,
                      .shape = {r->coils, r->layout.encoded[2], y, s->x},
                      .strides = {s->coil_step * element, y * 2 * s->x * element, 2 * s->x * element, 2 * element}};
}

const int32_t *kvox_mri_recon_counts(const kvox_mri_recon *r, int64_t frame, int64_t slice) {
  return r->store.counts + (frame * r->layout.slices + slice) * r->store.rows;
}

static kvox_array scratch_array(float *data, kvox_type type, int64_t coils, const int64_t image[3]) {
  const int64_t element = (int64_t)kvox_type_size(type), row = image[0] * element;
  return (kvox_array){.data = data,
                      .type = type,
                      .rank = 4,
                      .shape = {coils, image[2], image[1], image[0]},
                      .strides = {image[2] * image[1] * row, image[1] * row, row, element}};
}

/* The slices `slice` ... of a frame's images: [coil, z, y, x]. */
static kvox_array target_of(const image_job *job, int64_t frame, int64_t place) {
  kvox_array target = {.type = job->images.type, .rank = 4};
  const int64_t depth = job->recon->layout.image[2];
  target.data =
      kvox_array_shifted(&job->images, frame * job->images.strides[0] + place * depth * job->images.strides[2]);
  memcpy(target.shape, job->images.shape + 1, 4 * sizeof *target.shape);
  memcpy(target.strides, job->images.strides + 1, 4 * sizeof *target.strides);
  target.shape[1] = depth;
  return target;
}

/* The same without its first axis, of which there is one. */
static kvox_array without_coils(kvox_array array) {
  memmove(array.shape, array.shape + 1, 3 * sizeof *array.shape);
  memmove(array.strides, array.strides + 1, 3 * sizeof *array.strides);
  array.rank = 3;
  return array;
}

/* Axes that were left out, of one each, back. */
static kvox_status take_images(const kvox_mri_recon *r, const kvox_array *given, kvox_array *images) {
  static const char name[] = "kvox_mri_recon_image: images";
  int64_t shape[KVOX_MAX_RANK] = {0};
  KVOX_TRY(kvox_mri_recon_shape(r, shape));
  KVOX_TRY(kvox_array_check(given, name, KVOX_TYPE_BIT(KVOX_C64) | KVOX_TYPE_BIT(KVOX_F32)));
  const bool combined = r->options.combine != KVOX_MRI_SEPARATE;
  bool frames = true, coils = true;
  if (given->rank == 4) {
    coils = !combined;
    frames = combined;
  } else if (given->rank == 3) {
    coils = frames = false;
  }
  const int32_t rank = 3 + frames + coils;
  bool fits = given->rank == rank && (frames || shape[0] == 1) && (coils || combined);
  const bool kept[5] = {frames, coils, true, true, true};
  *images = *given;
  images->rank = 5;
  for (int32_t d = 4, from = given->rank - 1; d >= 0 && fits; d--) {
    images->shape[d] = kept[d] ? given->shape[from] : 1;
    images->strides[d] = kept[d] ? given->strides[from] : 0;
    from -= kept[d];
    fits = images->shape[d] == shape[d];
  }
  if (!fits) {
    return kvox_fail(KVOX_ERROR_SIZE,
                     "%s: its shape must be [%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64
                     "] (frames, coils, z, y, x)%s%s",
                     name, shape[0], shape[1], shape[2], shape[3], shape[4], combined ? "; coils may be left out" : "",
                     shape[0] == 1 ? "; frames may be left out" : "");
  }
  return kvox_array_check_result(given, name);
}

/* ---- Rows of what comes out ---- */

static void clear(const kvox_array *array) {
  const int64_t rows = kvox_array_row_count(array), count = array->shape[array->rank - 1];
  const size_t element = kvox_type_size(array->type);
  for (int64_t row = 0; row < rows; row++) {
    char *at = kvox_array_row(array, row);
    for (int64_t x = 0; x < count; x++) {
      memset(at + x * array->strides[array->rank - 1], 0, element);
    }
  }
}

static void scale(const kvox_array *array, float factor) {
  const int64_t rows = kvox_array_row_count(array), count = array->shape[array->rank - 1];
  for (int64_t row = 0; row < rows; row++) {
    char *at = kvox_array_row(array, row);
    for (int64_t x = 0; x < count; x++, at += array->strides[array->rank - 1]) {
      float z[2] = {0};
      const size_t bytes = kvox_type_size(array->type);
      memcpy(z, at, bytes);
      z[0] *= factor;
      z[1] *= factor;
      memcpy(at, z, bytes);
    }
  }
}

/* Floats to complex numbers without imaginary parts, or complex ones to their magnitude; `from` is dense. */
static void convert(const kvox_array *from, const kvox_array *to) {
  const int64_t rows = kvox_array_row_count(to), count = to->shape[to->rank - 1];
  for (int64_t row = 0; row < rows; row++) {
    const float *in = kvox_array_row(from, row);
    char *at = kvox_array_row(to, row);
    for (int64_t x = 0; x < count; x++, at += to->strides[to->rank - 1]) {
      const float z[2] = {from->type == KVOX_F32 ? in[x] : hypotf(in[2 * x], in[2 * x + 1]), 0};
      memcpy(at, z, kvox_type_size(to->type));
    }
  }
}

/* ---- A slice ---- */

static bool is_mixed(const kvox_mri_recon *r, int64_t coils) {
  return kvox_mri_recon_wants_edges(r) || kvox_mri_recon_images(r, coils) < coils;
}

/* Whether something is done on the host to lines of a coil, or they are mixed, before they are transformed. */
static bool is_general(const kvox_mri_recon *r, int64_t coils) {
  return kvox_mri_recon_completed_bytes(r, coils) == 0 && (is_mixed(r, coils) || r->partial != NULL);
}

static bool lay_scratch(const kvox_mri_recon *r, int64_t coils, scratch_layout *s) {
  const kvox_mri_recon_layout *l = &r->layout;
  const bool general = is_general(r, coils), all = r->options.combine == KVOX_MRI_ADAPTIVE;
  const bool ghost = kvox_mri_recon_has_ghost(r);
  int64_t lines = 0, image = 0, part = 0;
  bool fits = kvox_multiply(l->encoded[1], l->encoded[2], &lines) && kvox_multiply(lines, 2 * r->store.x, &lines);
  fits = fits && kvox_multiply(l->image[1], l->image[2], &image) && kvox_multiply(image, 2 * l->image[0], &image);
  image = kvox_round_up(image, KVOX_MRI_STEP);
  lines = kvox_round_up(lines, KVOX_MRI_STEP);
  *s = (scratch_layout){.ghostless = 0};
  fits = fits && kvox_multiply(lines, ghost ? coils : 0, &s->mixture);
  fits = fits && kvox_add(s->mixture, general || is_mixed(r, coils) ? lines : 0, &s->images);
  fits = fits && kvox_multiply(image, all ? kvox_mri_recon_images(r, coils) : general, &part);
  fits = fits && kvox_add(s->images, part, &s->maps);
  fits = fits && kvox_add(s->maps, all ? part : 0, &s->own);
  fits = fits && kvox_add(s->own, image, &s->floats);
  return fits;
}

static void collect_stages(const image_job *job) {
  const kvox_workspace *inner = job->recon->inner;
  for (int32_t i = 0; i < inner->stages; i++) {
    kvox_workspace_add(job->workspace, inner->stage_names[i], inner->stage_seconds[i]);
  }
}

/* All coils, or mixtures of them, to what is completed on the device. */
static kvox_status complete_there(const image_job *job, const kvox_array *stored, const kvox_array *completed) {
  kvox_mri_recon *r = job->recon;
  if (r->matrix == NULL) {
    KVOX_TRY(kvox_mri_partial_to_kspace(r->partial, r->inner, stored, completed));
    collect_stages(job);
    return KVOX_OK;
  }
  const int64_t size[3] = {stored->shape[3], stored->shape[2], stored->shape[1]};
  const kvox_array own = scratch_array(job->scratch + job->at.mixture, KVOX_C64, 1, size);
  for (int64_t v = 0; v < job->count; v++) {
    kvox_array one = *completed;
    one.shape[0] = 1;
    one.data = kvox_array_shifted(completed, v * completed->strides[0]);
    KVOX_TRY(kvox_mri_recon_mix_coil(r, v, stored, &own));
    collect_stages(job);
    KVOX_TRY(kvox_mri_partial_to_kspace(r->partial, r->inner, &own, &one));
    collect_stages(job);
  }
  return KVOX_OK;
}

/* One coil, or one mixture of them, to its image [1, z, y, x]; of lines that are completed, the image alone. */
static kvox_status coil_image(const image_job *job, const kvox_array *stored, int64_t coil, const kvox_array *image) {
  kvox_mri_recon *r = job->recon;
  kvox_array lines = *stored;
  lines.shape[0] = 1;
  const int64_t size[3] = {stored->shape[3], stored->shape[2], stored->shape[1]};
  const kvox_array own = scratch_array(job->scratch + job->at.mixture, KVOX_C64, 1, size);
  if (r->completed == NULL && r->matrix != NULL) {
    KVOX_TRY(kvox_mri_recon_mix_coil(r, coil, stored, &own));
    collect_stages(job);
    lines = own;
  } else {
    lines.data = kvox_array_shifted(stored, coil * stored->strides[0]);
  }
  if (r->completed == NULL && r->partial != NULL) {
    KVOX_TRY(kvox_mri_partial_to_kspace(r->partial, r->inner, &lines, &own));
    collect_stages(job);
    lines = own;
  }
  KVOX_TRY(kvox_mri_fourier_to_image(r->across, r->inner, &lines, image));
  collect_stages(job);
  return KVOX_OK;
}

/* Each one's square added to what is there; after the last one the root. Rows are padded to whole steps. */
static kvox_status add_squares(const image_job *job, const kvox_array *image, bool last, float *sums) {
  const kvox_combine_kernels *kernels = kvox_combine_kernels_of(job->recon->context->cpu_level);
  const int64_t count = kvox_round_up(kvox_array_elements(image), KVOX_MRI_STEP);
  const double begin = kvox_now();
  kernels->add_squares(count, image->data, sums);
  const bool finite = !last || kernels->roots(count, sums);
  kvox_workspace_add(job->workspace, "combine", kvox_now() - begin);
  return finite ? KVOX_OK
                : kvox_fail(KVOX_ERROR_DATA,
                            "kvox_mri_recon_image: a sum of squares is out of the range of 32-bit floats");
}

/* One coil, or mixture of them, after the other. */
static kvox_status root_one_by_one(const image_job *job, const kvox_array *stored, const kvox_array *target) {
  const kvox_mri_recon *r = job->recon;
  const kvox_array image = scratch_array(job->scratch + job->at.images, KVOX_C64, 1, r->layout.image);
  const kvox_array magnitude = scratch_array(job->scratch + job->at.own, KVOX_F32, 1, r->layout.image);
  const int64_t count = kvox_round_up(kvox_array_elements(&image), KVOX_MRI_STEP);
  memset(job->scratch + job->at.images, 0, (size_t)count * 2 * sizeof(float));
  memset(job->scratch + job->at.own, 0, (size_t)count * sizeof(float));
  for (int64_t v = 0; v < job->count; v++) {
    KVOX_TRY(coil_image(job, stored, v, &image));
    KVOX_TRY(add_squares(job, &image, v == job->count - 1, magnitude.data));
  }
  convert(&magnitude, target);
  return KVOX_OK;
}

static kvox_status root_sum_of_squares(const image_job *job, const kvox_array *stored, const kvox_array *target) {
  const kvox_mri_recon *r = job->recon;
  const bool direct = target->type == KVOX_F32;
  if (job->general) {
    return root_one_by_one(job, stored, target);
  }
  const kvox_array magnitude =
      direct ? *target : scratch_array(job->scratch + job->at.own, KVOX_F32, 1, r->layout.image);
  const kvox_array sum = without_coils(magnitude);
  KVOX_TRY(kvox_mri_fourier_to_magnitude(r->across, r->inner, stored, &sum));
  collect_stages(job);
  if (!direct) {
    convert(&magnitude, target);
  }
  return KVOX_OK;
}

/* Images of all coils, or mixtures. */
static kvox_status all_images(const image_job *job, const kvox_array *stored, const kvox_array *images) {
  if (!job->general) {
    KVOX_TRY(kvox_mri_fourier_to_image(job->recon->across, job->recon->inner, stored, images));
    collect_stages(job);
    return KVOX_OK;
  }
  for (int64_t v = 0; v < job->count; v++) {
    kvox_array one = *images;
    one.shape[0] = 1;
    one.data = kvox_array_shifted(images, v * images->strides[0]);
    KVOX_TRY(coil_image(job, stored, v, &one));
  }
  return KVOX_OK;
}

static kvox_status separate(const image_job *job, const kvox_array *stored, const kvox_array *target) {
  if (target->type == KVOX_C64) {
    return all_images(job, stored, target);
  }
  const kvox_array image = scratch_array(job->scratch + job->at.own, KVOX_C64, 1, job->recon->layout.image);
  for (int64_t v = 0; v < job->count; v++) {
    kvox_array one = *target;
    one.shape[0] = 1;
    one.data = kvox_array_shifted(target, v * target->strides[0]);
    KVOX_TRY(coil_image(job, stored, v, &image));
    convert(&image, &one);
  }
  return KVOX_OK;
}

static kvox_status adaptive(const image_job *job, const kvox_array *stored, const kvox_array *target) {
  const kvox_mri_recon *r = job->recon;
  const int64_t *image = r->layout.image;
  const kvox_array images = scratch_array(job->scratch + job->at.images, KVOX_C64, job->count, image);
  const kvox_array maps = scratch_array(job->scratch + job->at.maps, KVOX_C64, job->count, image);
  const kvox_array own = scratch_array(job->scratch + job->at.own, KVOX_C64, 1, image);
  const kvox_array combined = without_coils(target->type == KVOX_C64 ? *target : own);
  KVOX_TRY(all_images(job, stored, &images));
  KVOX_TRY(kvox_mri_walsh_maps(r->context, NULL, r->inner, &images, &maps));
  collect_stages(job);
  KVOX_TRY(kvox_mri_combine(r->context, NULL, r->inner, &images, &maps, &combined));
  collect_stages(job);
  if (target->type == KVOX_F32) {
    convert(&own, target);
  }
  return KVOX_OK;
}

static bool is_empty(const kvox_mri_recon *r, int64_t frame, int64_t slice) {
  const int32_t *counts = kvox_mri_recon_counts(r, frame, slice);
  for (int64_t i = 0; i < r->store.rows; i++) {
    if (counts[i] > 0) {
      return false;
    }
  }
  return true;
}

static kvox_status make_slice(const image_job *job, int64_t frame, int64_t place) {
  kvox_mri_recon *r = job->recon;
  const int64_t slice = r->order[place];
  const kvox_array target = target_of(job, frame, place);
  kvox_array stored = kvox_mri_recon_stored(r, frame, slice);
  if (is_empty(r, frame, slice)) {
    clear(&target);
    return KVOX_OK;
  }
  if (kvox_mri_recon_has_ghost(r)) {
    const int64_t size[3] = {stored.shape[3], stored.shape[2], stored.shape[1]};
    const kvox_array ghostless = scratch_array(job->scratch + job->at.ghostless, KVOX_C64, r->coils, size);
    bool done = false;
    KVOX_TRY(kvox_mri_recon_take_ghost_off(r, frame, slice, &stored, &ghostless, &done));
    collect_stages(job);
    stored = done ? ghostless : stored;
  }
  if (r->completed != NULL) {
    const kvox_array completed = kvox_mri_recon_completed(r, job->count);
    KVOX_TRY(complete_there(job, &stored, &completed));
    stored = completed;
  }
  switch (r->options.combine) {
    case KVOX_MRI_SEPARATE: KVOX_TRY(separate(job, &stored, &target)); break;
    case KVOX_MRI_ADAPTIVE: KVOX_TRY(adaptive(job, &stored, &target)); break;
    default: KVOX_TRY(root_sum_of_squares(job, &stored, &target)); break;
  }
  if (r->options.snr_units != 0) {
    scale(&target, (float)kvox_mri_recon_snr_scale(r, frame, slice));
  }
  return KVOX_OK;
}

/* ---- The whole ---- */

int64_t kvox_mri_recon_images(const kvox_mri_recon *r, int64_t coils) {
  return r->options.virtual_coils > 0 ? kvox_min_i64(r->options.virtual_coils, coils) : coils;
}

kvox_status kvox_mri_recon_scratch(const kvox_mri_recon *r, int64_t coils, uint64_t *bytes) {
  scratch_layout at;
  int64_t all = 0;
  const bool fits = lay_scratch(r, coils, &at) && kvox_multiply(at.floats, (int64_t)sizeof(float), &all);
  *bytes = (uint64_t)all;
  return fits ? KVOX_OK : kvox_fail(KVOX_ERROR_SIZE, "kvox_mri_recon: an image has more than 2^63 - 1 bytes");
}

/* What a stage tells of itself, the slice's progress at least: one slab may be all there is, and its host may want no
 * more of it. Stages begin anew, the whole never goes back. */
static int tell_stage(void *user, double fraction) {
  image_job *job = user;
  const kvox_progress *outer = &job->workspace->progress;
  const double all = (double)(job->recon->layout.frames * job->recon->layout.slices);
  job->reached = fmax(job->reached, ((double)job->slice + 0.99 * fraction) / all);
  return outer->report(outer->user, job->reached);
}

static kvox_status make_all(image_job *job) {
  const kvox_mri_recon *r = job->recon;
  kvox_progress *outer = &job->workspace->progress, *stage = &job->recon->inner->progress;
  const int64_t slices = r->layout.slices, all = r->layout.frames * slices;
  kvox_status status = KVOX_OK;
  stage->report = outer->report != NULL ? tell_stage : NULL;
  stage->user = job;
  for (job->slice = 0; job->slice < all && status == KVOX_OK; job->slice++) {
    status = make_slice(job, job->slice / slices, job->slice % slices);
    if (status == KVOX_OK) {
      status = kvox_progress_reach(outer, (double)(job->slice + 1) / (double)all);
    }
  }
  stage->report = NULL;
  return status;
}

/* Lines that acceleration left out are zero like those that did not come; that is worth a word. */
static void tell_of_zeros(kvox_mri_recon *r) {
  const double *factors = r->protocol.acceleration;
  if ((factors[0] > 1 || factors[1] > 1) && (r->logged & KVOX_MRI_RECON_SAID_ZEROS) == 0) {
    r->logged |= KVOX_MRI_RECON_SAID_ZEROS;
    kvox_log(r->context->heap, KVOX_LOG_WARNING,
             "kvox_mri_recon: the scan was accelerated; lines that it skipped are zero, so images are folded");
  }
}

kvox_status kvox_mri_recon_image(kvox_mri_recon *recon, kvox_workspace *workspace, const kvox_array *images) {
  KVOX_REQUIRE(recon);
  image_job job = {.recon = recon};
  KVOX_TRY(take_images(recon, images, &job.images));
  if (!recon->begun) {
    clear(images);
    return KVOX_OK;
  }
  if (recon->options.snr_units != 0 && recon->noise == NULL && recon->edges == NULL) {
    return kvox_fail(KVOX_ERROR_DATA,
                     "kvox_mri_recon_image: snr_units wants the noise, but no noise readout came before the images");
  }
  tell_of_zeros(recon);
  uint64_t bytes = 0;
  KVOX_TRY(kvox_mri_recon_scratch(recon, recon->coils, &bytes));
  KVOX_TRY(kvox_workspace_take(recon->context, workspace, &job.workspace));
  kvox_status status = kvox_workspace_begin(job.workspace, bytes);
  if (status == KVOX_OK) {
    status = kvox_mri_recon_settle_coils(recon);
  }
  if (status == KVOX_OK) {
    lay_scratch(recon, recon->coils, &job.at);
    job.general = is_general(recon, recon->coils);
    job.count = kvox_mri_recon_images(recon, recon->coils);
    job.scratch = job.workspace->block;
    kvox_progress_next(&job.workspace->progress, 1);
    status = make_all(&job);
  }
  kvox_workspace_give_up(workspace, job.workspace);
  return status;
}
