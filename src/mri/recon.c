/* A reconstruction's life: what it is made of, its memory, what it tells. */
#include "mri/recon.h"

#include <inttypes.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/options.h"
#include "mri/compress.h"
#include "mri/noise.h"

void kvox_mri_recon_options_init_sized(kvox_mri_recon_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

/* ---- Making ---- */

static kvox_status check_choice(const char *name, int32_t value, int32_t most) {
  return value >= 0 && value <= most
             ? KVOX_OK
             : kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_recon_create: %s is %" PRId32 ", must be from 0 to %" PRId32,
                         name, value, most);
}

static kvox_status check_options(const kvox_mri_protocol *protocol, const kvox_mri_recon_options *o) {
  KVOX_TRY(check_choice("combine", o->combine, KVOX_MRI_SEPARATE));
  KVOX_TRY(check_choice("noise", o->noise, KVOX_MRI_NOISE_IGNORED));
  KVOX_TRY(check_choice("partial", o->partial, KVOX_MRI_POCS));
  KVOX_TRY(check_choice("ghost", o->ghost, KVOX_MRI_GHOST_LEFT));
  if (o->virtual_coils < 0 || o->virtual_coils > KVOX_LINALG_MOST) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_recon_create: virtual_coils is %" PRId64 ", must be from 1 to %d, or 0 for all",
                     o->virtual_coils, KVOX_LINALG_MOST);
  }
  if (o->snr_units != 0 && o->noise == KVOX_MRI_NOISE_IGNORED) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_recon_create: snr_units wants the noise, noise is KVOX_MRI_NOISE_IGNORED");
  }
  if (protocol->trajectory != KVOX_MRI_CARTESIAN && protocol->trajectory != KVOX_MRI_EPI) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "kvox_mri_recon_create: protocol: its trajectory is neither Cartesian nor EPI, which is all that "
                     "is reconstructed");
  }
  if (protocol->coils < 0 || protocol->coils > KVOX_LINALG_MOST) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_recon_create: protocol: coils is %" PRId32 ", must be from 1 to %d, or 0: not known",
                     protocol->coils, KVOX_LINALG_MOST);
  }
  return KVOX_OK;
}

/* The caller's noise may end before the reconstruction. */
static kvox_status keep_noise(kvox_mri_recon *r, const kvox_mri_noise *noise) {
  if (noise == NULL || r->options.noise == KVOX_MRI_NOISE_IGNORED) {
    return KVOX_OK;
  }
  r->coils = noise->coils;
  return kvox_mri_noise_make(r->context->heap, "kvox_mri_recon_create: known_noise", noise->coils, noise->covariance,
                             noise->samples, noise->sample_time_us, &r->known_noise);
}

static kvox_status make(kvox_mri_recon *r) {
  KVOX_TRY(check_options(&r->protocol, &r->options));
  KVOX_TRY(keep_noise(r, r->options.known_noise));
  r->options.known_noise = NULL;
  KVOX_TRY(kvox_mri_recon_plan_layout(&r->protocol, &r->options, &r->layout));
  KVOX_TRY(kvox_mri_recon_plan_transforms(r, 0, r->layout.encoded[0]));
  const int64_t coils = r->coils > 0 ? r->coils : r->protocol.coils, slices = r->layout.slices;
  if (coils > 0) {
    KVOX_TRY(kvox_mri_recon_check_memory(r, coils));
  }
  KVOX_TRY(kvox_workspace_create(r->context, &r->inner));
  r->places = kvox_allocate_array(r->context->heap, slices, sizeof *r->places);
  r->order = kvox_allocate_array(r->context->heap, slices, sizeof *r->order);
  if (r->places == NULL || r->order == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memset(r->places, 0, (size_t)slices * sizeof *r->places);
  kvox_mri_recon_sort_slices(r);
  return KVOX_OK;
}

kvox_status kvox_mri_recon_create(kvox_context *context, const kvox_mri_protocol *protocol,
                                  const kvox_mri_recon_options *options, kvox_mri_recon **recon) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(protocol);
  KVOX_REQUIRE(recon);
  kvox_mri_recon_options given;
  kvox_mri_recon_options_init(&given);
  if (options != NULL) {
    KVOX_TRY(kvox_options_load(&given, sizeof given, options, "kvox_mri_recon_create: options"));
  }
  kvox_mri_recon *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->protocol = *protocol;
  made->options = given;
  made->memory_limit = given.memory_limit != 0 ? given.memory_limit : context->memory_limit;
  kvox_text_start(&made->words, context->heap);
  const kvox_status status = make(made);
  if (status != KVOX_OK) {
    kvox_mri_recon_destroy(made);
    return status;
  }
  *recon = made;
  return KVOX_OK;
}

static void drop_lines(kvox_mri_recon *r) {
  kvox_heap *heap = r->context->heap;
  kvox_release(heap, r->store.samples);
  kvox_release(heap, r->store.counts);
  kvox_release(heap, r->grid);
  kvox_release(heap, r->row);
  kvox_mri_recon_epi_end(r);
  r->store.samples = r->grid = r->row = NULL;
  r->store.counts = NULL;
  kvox_release(heap, r->matrix);
  kvox_buffer_destroy(r->completed);
  r->matrix = NULL;
  r->completed = NULL;
  kvox_mri_noise_sum_destroy(r->edges);
  kvox_mri_noise_destroy(r->edge_noise);
  kvox_mri_compression_destroy(r->compression);
  r->edges = NULL;
  r->edge_noise = NULL;
  r->compression = NULL;
  r->edges_tell = false;
  if (r->noise != r->known_noise) {
    kvox_mri_noise_destroy(r->noise);
  }
  r->noise = NULL;
}

void kvox_mri_recon_forget_lines(kvox_mri_recon *r) {
  drop_lines(r);
  r->begun = r->settled = false;
  r->left_out += r->lines;
  r->lines = 0;
  r->coils = r->known_noise != NULL ? r->known_noise->coils : 0;
}

void kvox_mri_recon_destroy(kvox_mri_recon *recon) {
  if (recon == NULL) {
    return;
  }
  kvox_context *context = recon->context;
  drop_lines(recon);
  kvox_mri_recon_release_held(recon);
  kvox_release(context->heap, recon->places);
  kvox_release(context->heap, recon->order);
  kvox_mri_recon_drop_transforms(recon);
  kvox_mri_noise_sum_destroy(recon->noise_sum);
  kvox_mri_noise_destroy(recon->known_noise);
  kvox_workspace_destroy(recon->inner);
  kvox_text_release(&recon->words);
  kvox_release(context->heap, recon);
  kvox_context_destroy(context);
}

/* ---- The first image readout ---- */

static bool is_noise_of(kvox_mri_recon *r, int64_t coils) {
  const bool fits = r->noise_sum != NULL && r->noise_sum->coils == coils;
  if (r->noise_sum != NULL && !fits && (r->logged & KVOX_MRI_RECON_SAID_NOISE_COILS) == 0) {
    r->logged |= KVOX_MRI_RECON_SAID_NOISE_COILS;
    kvox_log(r->context->heap, KVOX_LOG_WARNING,
             "kvox_mri_recon: noise of %" PRId64 " coils is left out, lines have %" PRId64, r->noise_sum->coils, coils);
  }
  return fits;
}

/* Whitening for the sample time of the images, where both are known. */
static kvox_status settle_noise(kvox_mri_recon *r, int64_t coils, double sample_time_us) {
  kvox_mri_noise *measured = NULL;
  const kvox_mri_noise *noise = r->known_noise;
  if (noise == NULL && is_noise_of(r, coils)) {
    KVOX_TRY(kvox_mri_noise_sum_finish(r->noise_sum, &measured));
    noise = measured;
  }
  if (noise == NULL) {
    return KVOX_OK;
  }
  kvox_status status = KVOX_OK;
  if (noise->sample_time_us > 0 && sample_time_us > 0) {
    status = kvox_mri_noise_rescale(noise, sample_time_us, 0, &r->noise);
    kvox_mri_noise_destroy(measured);
  } else {
    kvox_log(r->context->heap, KVOX_LOG_WARNING,
             "kvox_mri_recon: the sample time of %s is not told: noise is taken as that of the images' bandwidth",
             noise->sample_time_us > 0 ? "the images" : "the noise");
    r->noise = measured != NULL ? measured : r->known_noise;
  }
  return status;
}

/* What images are of where coils are mixed for them; filled when one is made, which allocates nothing. */
static kvox_status make_mixing(kvox_mri_recon *r, int64_t coils) {
  kvox_heap *heap = r->context->heap;
  const int64_t images = kvox_mri_recon_images(r, coils);
  if (kvox_mri_recon_wants_edges(r)) {
    KVOX_TRY(kvox_mri_noise_sum_create(r->context, coils, 0, &r->edges));
    KVOX_TRY(kvox_mri_noise_reserve(heap, coils, &r->edge_noise));
  }
  if (images < coils) {
    KVOX_TRY(kvox_mri_compression_make(heap, coils, images, 0, &r->compression));
  }
  r->mixed_lines = -1;
  if (r->edges != NULL || r->compression != NULL) {
    r->matrix = kvox_allocate_array(heap, images * coils * 2, sizeof *r->matrix);
    return r->matrix != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
  }
  return KVOX_OK;
}

kvox_status kvox_mri_recon_begin(kvox_mri_recon *r, const kvox_mri_readout *readout, int64_t first, int64_t end) {
  kvox_heap *heap = r->context->heap;
  kvox_mri_recon_store *s = &r->store;
  kvox_status status = KVOX_OK;
  uint64_t inner = 0;
  KVOX_TRY_CLEANUP(kvox_mri_recon_plan_transforms(r, first, end));
  KVOX_TRY_CLEANUP(kvox_mri_recon_check_memory(r, readout->coils));
  KVOX_TRY_CLEANUP(kvox_mri_recon_size_store(r, readout->coils, s));
  KVOX_TRY_CLEANUP(settle_noise(r, readout->coils, readout->sample_time_us));
  s->samples = kvox_allocate_zeros(heap, (uint64_t)s->floats * sizeof *s->samples);
  s->counts = kvox_allocate_zeros(heap, (uint64_t)s->count_bytes);
  r->grid = kvox_allocate_array(heap, 2 * readout->coils * r->layout.encoded[0], sizeof *r->grid);
  r->row = kvox_allocate_array(heap, 2 * readout->coils * s->x, sizeof *r->row);
  if (s->samples == NULL || s->counts == NULL || r->grid == NULL || r->row == NULL) {
    status = KVOX_ERROR_MEMORY;
    goto cleanup;
  }
  KVOX_TRY_CLEANUP(kvox_mri_recon_epi_begin(r, readout->coils, readout->samples));
  KVOX_TRY_CLEANUP(make_mixing(r, readout->coils));
  KVOX_TRY_CLEANUP(kvox_mri_recon_complete_begin(r, readout->coils));
  KVOX_TRY_CLEANUP(kvox_mri_recon_inner_bytes(r, readout->coils, &inner));
  KVOX_TRY_CLEANUP(kvox_workspace_begin(r->inner, inner));
  r->coils = readout->coils;
  r->samples = readout->samples;
  r->sample_time_us = readout->sample_time_us;
  r->begun = true;
  return KVOX_OK;
cleanup:
  drop_lines(r);
  return status;
}

/* ---- What it tells ---- */

void kvox_mri_recon_progress(const kvox_mri_recon *recon, int64_t *lines, int64_t *expected) {
  if (lines != NULL) {
    *lines = recon != NULL ? recon->lines : 0;
  }
  if (expected != NULL) {
    *expected = recon != NULL ? recon->layout.lines : 0;
  }
}

kvox_status kvox_mri_recon_shape(const kvox_mri_recon *recon, int64_t shape[5]) {
  KVOX_REQUIRE(recon);
  KVOX_REQUIRE(shape);
  int64_t coils = 1;
  if (recon->options.combine == KVOX_MRI_SEPARATE) {
    KVOX_TRY(kvox_mri_recon_require_coils(recon, "kvox_mri_recon_shape", &coils));
    coils = kvox_mri_recon_images(recon, coils);
  }
  const kvox_mri_recon_layout *l = &recon->layout;
  shape[0] = l->frames;
  shape[1] = coils;
  shape[2] = l->slices * l->image[2];
  shape[3] = l->image[1];
  shape[4] = l->image[0];
  return KVOX_OK;
}
