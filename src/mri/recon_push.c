/* One readout: judged, whitened, transformed along x and put where it belongs. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/number.h"
#include "mri/noise.h"
#include "mri/recon.h"

kvox_status kvox_mri_recon_fail(kvox_status status, const kvox_mri_readout *r, const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  const int32_t *c = r->counters;
  return kvox_fail(status,
                   "kvox_mri_recon_push: readout of line %" PRId32 ", partition %" PRId32 ", slice %" PRId32
                   ", average %" PRId32 ", contrast %" PRId32 ", phase %" PRId32 ", repetition %" PRId32
                   ", set %" PRId32 ": %s",
                   c[KVOX_MRI_STEP_1], c[KVOX_MRI_STEP_2], c[KVOX_MRI_SLICE], c[KVOX_MRI_AVERAGE], c[KVOX_MRI_CONTRAST],
                   c[KVOX_MRI_PHASE], c[KVOX_MRI_REPETITION], c[KVOX_MRI_SET], text);
}

/* ---- Judging ---- */

static kvox_status check_samples(const kvox_mri_readout *r) {
  if (r->data == NULL || r->coils < 1 || r->samples < 1) {
    return kvox_mri_recon_fail(KVOX_ERROR_ARGUMENT, r, "it has no samples");
  }
  if (r->coils > KVOX_LINALG_MOST) {
    return kvox_mri_recon_fail(KVOX_ERROR_SIZE, r, "it has %" PRId32 " coils, may have %d", r->coils, KVOX_LINALG_MOST);
  }
  if (r->discard_before < 0 || r->discard_after < 0 ||
      (int64_t)r->discard_before + r->discard_after >= (int64_t)r->samples) {
    return kvox_mri_recon_fail(KVOX_ERROR_ARGUMENT, r,
                               "%" PRId32 " and %" PRId32 " samples at its ends are to be discarded, of %" PRId32,
                               r->discard_before, r->discard_after, r->samples);
  }
  if (!(r->sample_time_us >= 0 && isfinite(r->sample_time_us))) {
    return kvox_mri_recon_fail(KVOX_ERROR_ARGUMENT, r, "its sample_time_us must be positive, or 0: not known");
  }
  return KVOX_OK;
}

/* Far above what receivers give; the squares of what is larger, summed, may leave the range of floats, and then no
 * image could be made any more. */
static const float most_sample = 1e15F;

static kvox_status check_finite(const kvox_mri_readout *r) {
  for (int32_t c = 0; c < r->coils; c++) {
    const float *row = r->data + (int64_t)c * 2 * r->samples;
    for (int64_t n = 2 * (int64_t)r->discard_before; n < 2 * ((int64_t)r->samples - r->discard_after); n++) {
      if (!isfinite(row[n])) {
        return kvox_mri_recon_fail(KVOX_ERROR_DATA, r, "sample %" PRId64 " of coil %" PRId32 " is NaN or infinite",
                                   n / 2, c);
      }
      if (!(fabsf(row[n]) <= most_sample)) {
        return kvox_mri_recon_fail(
            KVOX_ERROR_DATA, r, "sample %" PRId64 " of coil %" PRId32 " is beyond 1e15, as no receiver's is", n / 2, c);
      }
    }
  }
  return KVOX_OK;
}

/* Counters `first` ... below `end`. Segments have no place of their own: they tell in what order lines were measured.
 */
static kvox_status check_counters(const kvox_mri_recon *recon, const kvox_mri_readout *r, int first, int end) {
  for (int c = first; c < end; c++) {
    const kvox_mri_limits *m = &recon->protocol.limits[c];
    if (r->counters[c] < m->first || r->counters[c] > m->last) {
      static const char *const names[] = {"line",     "partition", "average",    "slice",
                                          "contrast", "phase",     "repetition", "set"};
      return kvox_mri_recon_fail(KVOX_ERROR_DATA, r, "the protocol's limits for the %s are %" PRId32 " to %" PRId32,
                                 names[c], m->first, m->last);
    }
  }
  return KVOX_OK;
}

static kvox_status check_coils(int64_t coils, const kvox_mri_readout *r) {
  return coils == 0 || coils == r->coils
             ? KVOX_OK
             : kvox_mri_recon_fail(KVOX_ERROR_SIZE, r, "it has %" PRId32 " coils, those before it %" PRId64, r->coils,
                                   coils);
}

static kvox_status check_length(const kvox_mri_recon *recon, const kvox_mri_readout *r) {
  return recon->samples == r->samples
             ? KVOX_OK
             : kvox_mri_recon_fail(KVOX_ERROR_SIZE, r, "it has %" PRId32 " samples, those before it %" PRId64,
                                   r->samples, recon->samples);
}

/* As the protocol announces it: a full readout of all coils. */
static bool is_announced(const kvox_mri_recon *recon, const kvox_mri_readout *r) {
  const kvox_mri_protocol *p = &recon->protocol;
  const int64_t samples = kvox_mri_recon_has_ramps(recon) ? p->ramps.samples : p->encoded_size[0];
  return r->coils == p->coils && r->samples == samples;
}

static bool is_like_those_before(const kvox_mri_recon *recon, const kvox_mri_readout *r) {
  return recon->coils == r->coils && recon->samples == r->samples;
}

/* ---- Along the readout ---- */

/* The sample at k = 0, the readout turned. Writers that do not tell it leave a 0; no line that begins in the middle has
 * as many samples. */
static int64_t middle_of(const kvox_mri_recon *recon, const kvox_mri_readout *r) {
  const int64_t size = recon->layout.encoded[0];
  const bool told = r->center_sample != 0 || size / 2 + r->samples <= size;
  return told ? r->center_sample : r->samples / 2;
}

int64_t kvox_mri_recon_middle_as_measured(const kvox_mri_recon *recon, const kvox_mri_readout *r) {
  if (recon->ramp != NULL) {
    return r->samples / 2;
  }
  const int64_t middle = middle_of(recon, r);
  return (r->flags & KVOX_MRI_REVERSE) != 0 ? r->samples - 1 - middle : middle;
}

/* Samples at the ends, the readout turned, that are to be discarded. */
static int64_t discarded_before(const kvox_mri_readout *r) {
  return (r->flags & KVOX_MRI_REVERSE) != 0 ? r->discard_after : r->discard_before;
}
static int64_t discarded_after(const kvox_mri_readout *r) {
  return (r->flags & KVOX_MRI_REVERSE) != 0 ? r->discard_before : r->discard_after;
}

/* Where sample 0 of a readout that is not regridded lies, if all of it fits. */
static kvox_status fit_samples(const kvox_mri_recon *recon, const kvox_mri_readout *r, int64_t *first) {
  const int64_t size = recon->layout.encoded[0], at = size / 2 - middle_of(recon, r);
  if (at + discarded_before(r) < 0 || at + r->samples - discarded_after(r) > size) {
    return kvox_mri_recon_fail(KVOX_ERROR_DATA, r,
                               "its samples, %" PRId32 " with k = 0 at %" PRId32 ", do not fit the %" PRId64
                               " that the protocol's k-space has along x",
                               r->samples, r->center_sample, size);
  }
  *first = at;
  return KVOX_OK;
}

/* The same, and where those of other lines do. */
static kvox_status find_first_sample(const kvox_mri_recon *recon, const kvox_mri_readout *r, int64_t *first) {
  KVOX_TRY(fit_samples(recon, r, first));
  const bool same = *first + discarded_before(r) == recon->layout.first[0] &&
                    *first + r->samples - discarded_after(r) == recon->layout.end[0];
  return same || !recon->store.raw
             ? KVOX_OK
             : kvox_mri_recon_fail(
                   KVOX_ERROR_DATA, r,
                   "its samples lie elsewhere along x than those before, which partial Fourier cannot take");
}

/* Puts samples where they lie in k-space, a reversed readout turned: what was measured first is then last. */
static void place_samples(kvox_mri_recon *recon, const kvox_mri_readout *r, int64_t first) {
  const bool reversed = (r->flags & KVOX_MRI_REVERSE) != 0;
  const int64_t size = recon->layout.encoded[0];
  const int64_t begin = discarded_before(r), end = r->samples - discarded_after(r);
  memset(recon->grid, 0, (size_t)(recon->coils * size) * 2 * sizeof(float));
  for (int64_t c = 0; c < recon->coils; c++) {
    const float *in = r->data + c * 2 * r->samples;
    float *out = recon->grid + 2 * (c * size + first);
    for (int64_t n = begin; n < end; n++) {
      const int64_t from = reversed ? r->samples - 1 - n : n;
      out[2 * n] = in[2 * from];
      out[2 * n + 1] = in[2 * from + 1];
    }
  }
}

static kvox_array row_of(const kvox_mri_recon *recon, float *data, int64_t size) {
  kvox_array array = {.data = data, .type = KVOX_C64, .rank = 4, .shape = {recon->coils, 1, 1, size}};
  const int64_t element = 2 * sizeof(float);
  array.strides[0] = array.strides[1] = array.strides[2] = size * element;
  array.strides[3] = element;
  return array;
}

/* Samples as they were measured to the grid, by the ramps they were taken on. */
static kvox_status regrid(kvox_mri_recon *recon, const kvox_mri_readout *r, const kvox_array *grid) {
  const int64_t element = 2 * sizeof(float);
  /* Read alone. */
  const kvox_array in = {.data = (void *)(uintptr_t)r->data,
                         .type = KVOX_C64,
                         .rank = 2,
                         .shape = {r->coils, r->samples},
                         .strides = {r->samples * element, element}};
  const kvox_array out = {.data = grid->data,
                          .type = KVOX_C64,
                          .rank = 2,
                          .shape = {grid->shape[0], grid->shape[3]},
                          .strides = {grid->strides[0], grid->strides[3]}};
  if (r->discard_before > 0 || r->discard_after > 0) {
    return kvox_mri_recon_fail(KVOX_ERROR_UNSUPPORTED, r, "it was sampled on ramps and has samples to be discarded");
  }
  return kvox_mri_ramp_apply(recon->ramp, recon->inner, (r->flags & KVOX_MRI_REVERSE) != 0, &in, &out);
}

/* Samples to recon->row: on the grid, whitened, transformed. */
static kvox_status transform(kvox_mri_recon *recon, const kvox_mri_readout *r, const kvox_array *row) {
  const kvox_array grid = row_of(recon, recon->grid, recon->layout.encoded[0]);
  int64_t first = 0;
  if (recon->ramp != NULL) {
    KVOX_TRY(regrid(recon, r, &grid));
  } else {
    KVOX_TRY(find_first_sample(recon, r, &first));
    place_samples(recon, r, first);
  }
  if (recon->noise != NULL) {
    const kvox_mix mix = kvox_mri_noise_mix(recon->noise);
    KVOX_TRY(kvox_mri_mix_on_cpu(recon->context, "kvox_mri_recon_push", "whiten", &mix, recon->inner, &grid, &grid));
  }
  if (recon->store.raw) {
    memcpy(recon->row, recon->grid, (size_t)(recon->coils * recon->store.x) * 2 * sizeof(float));
    return KVOX_OK;
  }
  return kvox_mri_fourier_to_image(recon->along_x, recon->inner, &grid, row);
}

/* ---- Into the store ---- */

static int64_t frame_of(const kvox_mri_recon *recon, const kvox_mri_readout *r) {
  static const int axes[KVOX_MRI_RECON_FRAME_AXES] = {KVOX_MRI_REPETITION, KVOX_MRI_PHASE, KVOX_MRI_SET,
                                                      KVOX_MRI_CONTRAST};
  int64_t frame = 0;
  for (int f = 0; f < KVOX_MRI_RECON_FRAME_AXES; f++) {
    frame = frame * recon->layout.frame_sizes[f] + r->counters[axes[f]] - recon->protocol.limits[axes[f]].first;
  }
  return frame;
}

/* The mean of n readouts from that of n - 1 and the next one: nothing is left to divide when an image is asked for. */
static void add_row(float *mean, const float *row, int64_t floats, float scale, int32_t count) {
  const float share = 1 / (float)count;
  for (int64_t i = 0; i < floats; i++) {
    const float value = scale * row[i];
    mean[i] = count == 1 ? value : mean[i] + (value - mean[i]) * share;
  }
}

/* Whitened for another sample time than this one's: its noise has the variance of its bandwidth. */
static float scale_of(const kvox_mri_recon *recon, const kvox_mri_readout *r) {
  const bool known = recon->noise != NULL && recon->sample_time_us > 0 && r->sample_time_us > 0;
  return known ? (float)sqrt(r->sample_time_us / recon->sample_time_us) : 1;
}

static int64_t slice_of(const kvox_mri_recon *recon, const kvox_mri_readout *r) {
  return r->counters[KVOX_MRI_SLICE] - recon->protocol.limits[KVOX_MRI_SLICE].first;
}

static void store(kvox_mri_recon *recon, const kvox_mri_readout *r) {
  const kvox_mri_recon_layout *l = &recon->layout;
  const kvox_mri_recon_store *s = &recon->store;
  const int64_t y = r->counters[KVOX_MRI_STEP_1] + l->offset[1], z = r->counters[KVOX_MRI_STEP_2] + l->offset[2];
  const int64_t frame = frame_of(recon, r), slice = slice_of(recon, r), line = z * l->encoded[1] + y;
  const int64_t of_all = (frame * l->slices + slice) * s->rows + line;
  float *at = s->samples + frame * s->frame_step + slice * s->slice_step + line * 2 * s->x;
  int32_t *count = &s->counts[of_all];
  *count += *count < INT32_MAX;
  const float scale = scale_of(recon, r);
  for (int64_t c = 0; c < recon->coils; c++) {
    add_row(at + c * s->coil_step, recon->row + c * 2 * s->x, 2 * s->x, scale, *count);
  }
  kvox_mri_recon_note_direction(recon, r, of_all);
  kvox_mri_recon_note_place(recon, slice, r);
  recon->lines++;
}

/* Coils that are known before the first line: given with the noise, or announced and found in it. */
static int64_t known_coils(const kvox_mri_recon *recon) {
  const bool both = recon->noise_sum != NULL && recon->noise_sum->coils == recon->protocol.coils;
  return recon->known_noise != NULL ? recon->known_noise->coils : both ? recon->protocol.coils : 0;
}

/* One line alone that is not as announced may be the one that is wrong; where no two are alike that is said of one. */
static void forget_odd_line(kvox_mri_recon *recon) {
  if (recon->lines > 0 && (recon->logged & KVOX_MRI_RECON_SAID_ODD_LINE) == 0) {
    recon->logged |= KVOX_MRI_RECON_SAID_ODD_LINE;
    kvox_log(recon->context->heap, KVOX_LOG_WARNING,
             "kvox_mri_recon: the first line, of %" PRId64 " coils and %" PRId64
             " samples, is left out: those after it have others",
             recon->coils, recon->samples);
  }
  kvox_mri_recon_forget_lines(recon);
}

/* Makes what takes the sizes of the first line, or of the one that replaces it. */
static kvox_status begin(kvox_mri_recon *recon, const kvox_mri_readout *r) {
  int64_t first = 0, end = recon->layout.encoded[0];
  if (!kvox_mri_recon_has_ramps(recon)) {
    KVOX_TRY(fit_samples(recon, r, &first));
    end = first + r->samples - discarded_after(r);
    first += discarded_before(r);
  }
  if (recon->begun) {
    forget_odd_line(recon);
  }
  return kvox_mri_recon_begin(recon, r, first, end);
}

/* Logs once what is left out. */
static kvox_status leave_out(kvox_mri_recon *recon, uint32_t said, const char *text) {
  recon->left_out++;
  if (said != 0 && (recon->logged & said) == 0) {
    recon->logged |= said;
    kvox_log(recon->context->heap, KVOX_LOG_WARNING, "kvox_mri_recon: %s", text);
  }
  return KVOX_OK;
}

/* Without ramps one of any length can be put where it belongs. */
static kvox_status take_navigator(kvox_mri_recon *recon, const kvox_mri_readout *r) {
  KVOX_TRY(check_coils(recon->coils, r));
  if (recon->ramp != NULL && recon->samples != r->samples) {
    return leave_out(recon, KVOX_MRI_RECON_SAID_NAVIGATOR, "navigators that are not as long as lines are left out");
  }
  const kvox_array row = row_of(recon, recon->row, recon->store.x);
  KVOX_TRY(transform(recon, r, &row));
  return kvox_mri_recon_keep_navigator(recon, r, slice_of(recon, r));
}

static kvox_status push_navigator(kvox_mri_recon *recon, const kvox_mri_readout *r) {
  KVOX_TRY(check_counters(recon, r, KVOX_MRI_SLICE, KVOX_MRI_SLICE + 1));
  KVOX_TRY(check_finite(r));
  return recon->begun ? take_navigator(recon, r) : kvox_mri_recon_hold(recon, r);
}

/* Those that came before the first line; one that does not fit is no fault of that. */
static void take_held(kvox_mri_recon *recon) {
  const kvox_sentence before = kvox_sentence_keep();
  for (int64_t i = 0; recon->held != NULL && i < recon->held->count; i++) {
    if (take_navigator(recon, &recon->held->readouts[i]) == KVOX_OK) {
      continue;
    }
    recon->left_out++;
    if ((recon->logged & KVOX_MRI_RECON_SAID_HELD) == 0) {
      recon->logged |= KVOX_MRI_RECON_SAID_HELD;
      kvox_log(recon->context->heap, KVOX_LOG_WARNING, "kvox_mri_recon: a navigator is left out: %s",
               kvox_last_error());
    }
  }
  kvox_sentence_put_back(&before);
}

/* Sizes are those of the lines before; the first one makes what takes them. */
static kvox_status prepare(kvox_mri_recon *recon, const kvox_mri_readout *r) {
  KVOX_TRY(check_coils(known_coils(recon), r));
  if (!recon->begun || (!recon->settled && !is_like_those_before(recon, r))) {
    KVOX_TRY(begin(recon, r));
    take_held(recon);
  }
  KVOX_TRY(check_coils(recon->coils, r));
  return check_length(recon, r);
}

/* Two lines that are alike, or one as announced, are what a scan is made of. */
static void settle(kvox_mri_recon *recon, const kvox_mri_readout *r) {
  recon->settled = recon->settled || recon->lines > 1 || is_announced(recon, r);
  if (recon->settled) {
    kvox_mri_recon_release_held(recon);
  }
}

static kvox_status push_line(kvox_mri_recon *recon, const kvox_mri_readout *r) {
  KVOX_TRY(check_counters(recon, r, KVOX_MRI_STEP_1, KVOX_MRI_SEGMENT));
  KVOX_TRY(check_finite(r));
  KVOX_TRY(prepare(recon, r));
  const kvox_array row = row_of(recon, recon->row, recon->store.x);
  KVOX_TRY(transform(recon, r, &row));
  KVOX_TRY(kvox_mri_recon_correct_line(recon, r, slice_of(recon, r), &row));
  KVOX_TRY(kvox_mri_recon_add_edges(recon, r, r->counters[KVOX_MRI_STEP_1] + recon->layout.offset[1],
                                    r->counters[KVOX_MRI_STEP_2] + recon->layout.offset[2]));
  store(recon, r);
  settle(recon, r);
  return KVOX_OK;
}

/* ---- Other uses ---- */

/* Whether the noise so far is one readout that may be the one that is wrong: this one is another, and no worse. */
static bool is_odd_noise(const kvox_mri_recon *recon, const kvox_mri_readout *r) {
  const kvox_mri_noise_sum *sum = recon->noise_sum;
  const bool announced = sum->coils == recon->protocol.coils;
  return recon->noise_readouts == 1 && (announced ? sum->coils == r->coils && !kvox_mri_noise_sum_is_of_time(sum, r)
                                                  : sum->coils != r->coils || !kvox_mri_noise_sum_is_of_time(sum, r));
}

static kvox_status push_noise(kvox_mri_recon *recon, const kvox_mri_readout *r) {
  if (recon->options.noise == KVOX_MRI_NOISE_IGNORED || recon->known_noise != NULL) {
    return leave_out(recon, 0, NULL);
  }
  if (recon->begun) {
    return leave_out(recon, KVOX_MRI_RECON_SAID_LATE_NOISE, "noise that was measured after image lines is left out");
  }
  KVOX_TRY(check_finite(r));
  if (recon->noise_sum != NULL && is_odd_noise(recon, r)) {
    leave_out(recon, KVOX_MRI_RECON_SAID_ODD_NOISE, "the first noise readout is left out: those after it are others");
    kvox_mri_noise_sum_destroy(recon->noise_sum);
    recon->noise_sum = NULL;
    recon->noise_readouts = 0;
  }
  if (recon->noise_sum == NULL) {
    KVOX_TRY(kvox_mri_noise_sum_create(recon->context, r->coils, 0, &recon->noise_sum));
  }
  KVOX_TRY(check_coils(recon->noise_sum->coils, r));
  KVOX_TRY(kvox_mri_noise_sum_add_readout(recon->noise_sum, r));
  recon->noise_readouts++;
  return KVOX_OK;
}

kvox_status kvox_mri_recon_push(kvox_mri_recon *recon, const kvox_mri_readout *readout) {
  KVOX_REQUIRE(recon);
  KVOX_REQUIRE(readout);
  const uint32_t flags = readout->flags;
  if (readout->encoding != 0) {
    return leave_out(recon, KVOX_MRI_RECON_SAID_ENCODING, "readouts of other encodings than the first are left out");
  }
  const bool calibration_alone = (flags & KVOX_MRI_CALIBRATION) != 0 && (flags & KVOX_MRI_CALIBRATION_AND_IMAGE) == 0;
  if ((flags & KVOX_MRI_NOISE) == 0 && ((flags & KVOX_MRI_OTHER_USE) != 0 || calibration_alone)) {
    return leave_out(recon, 0, NULL);
  }
  KVOX_TRY(check_samples(readout));
  if ((flags & KVOX_MRI_NOISE) != 0) {
    return push_noise(recon, readout);
  }
  if ((flags & KVOX_MRI_PHASE_CORRECTION) == 0) {
    return push_line(recon, readout);
  }
  return kvox_mri_recon_takes_navigators(recon) ? push_navigator(recon, readout) : leave_out(recon, 0, NULL);
}
