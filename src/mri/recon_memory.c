/* What a reconstruction takes: told before, and held against the limit. */
#include "core/fail.h"
#include "mri/compress.h"
#include "mri/fourier.h"
#include "mri/mix.h"
#include "mri/noise.h"
#include "mri/recon.h"
#include "mri/walsh.h"

/* Objects of the stages that are not worth a formula. */
enum { SMALL_THINGS = 2048 };

/* Sizes of the store, all products checked. */
kvox_status kvox_mri_recon_size_store(const kvox_mri_recon *r, int64_t coils, kvox_mri_recon_store *s) {
  const kvox_mri_recon_layout *l = &r->layout;
  int64_t lines = 0, bytes = 0;
  bool fits = kvox_multiply(l->encoded[1], l->encoded[2], &s->rows);
  fits = fits && kvox_multiply(s->rows, 2 * s->x, &s->coil_step);
  fits = fits && kvox_multiply(s->coil_step, coils, &s->slice_step);
  fits = fits && kvox_multiply(s->slice_step, l->slices, &s->frame_step);
  fits = fits && kvox_multiply(s->frame_step, l->frames, &s->floats);
  fits = fits && kvox_multiply(s->floats, (int64_t)sizeof(float), &bytes);
  fits = fits && kvox_multiply(l->frames * l->slices, s->rows, &lines);
  fits = fits && kvox_multiply(lines, (int64_t)sizeof *s->counts, &s->count_bytes);
  return fits ? KVOX_OK
              : kvox_fail(KVOX_ERROR_SIZE, "kvox_mri_recon: what the protocol announces has more than 2^63 - 1 bytes");
}

static uint64_t product(uint64_t a, uint64_t b) {
  uint64_t p = 0;
  return __builtin_mul_overflow(a, b, &p) ? UINT64_MAX : p;
}

static uint64_t sum(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

/* Of the adaptive combination of a slice. */
static uint64_t adaptive_bytes(const kvox_mri_recon *r, int64_t coils) {
  const int64_t *image = r->layout.image;
  const kvox_array images = {
      .type = KVOX_C64, .rank = 4, .shape = {kvox_mri_recon_images(r, coils), image[2], image[1], image[0]}};
  if (r->options.combine != KVOX_MRI_ADAPTIVE) {
    return 0;
  }
  const uint64_t maps = kvox_mri_walsh_bytes(r->context, &images);
  const uint64_t combine =
      product((uint64_t)(4 * images.shape[0] * KVOX_MRI_TILE_ROW) * sizeof(float), (uint64_t)r->context->threads.limit);
  return maps > combine ? maps : combine;
}

/* Of compression: its matrix, as it is found and as it is applied, and the one that takes whitening with it. */
static uint64_t compress_bytes(const kvox_mri_recon *r, int64_t coils) {
  const int64_t images = kvox_mri_recon_images(r, coils), of_pair = sizeof(kvox_complex) + 2 * sizeof(float);
  return images == coils && !kvox_mri_recon_wants_edges(r)
             ? 0
             : (uint64_t)(images * coils) * (uint64_t)(of_pair + 2 * (int64_t)sizeof(float)) +
                   sizeof(kvox_mri_compression);
}

/* What the stages take of the inner workspace: the largest of them. */
static kvox_status inner_bytes(const kvox_mri_recon *r, int64_t coils, uint64_t *plans, uint64_t *bytes,
                               uint64_t *device) {
  kvox_memory_use x = {0}, across = {0}, partial = {0};
  if (r->along_x != NULL) {
    KVOX_TRY(kvox_mri_fourier_memory(r->along_x, &x));
  }
  KVOX_TRY(kvox_mri_fourier_memory(r->across, &across));
  if (r->partial != NULL) {
    KVOX_TRY(kvox_mri_partial_memory(r->partial, &partial));
  }
  const uint64_t threads = (uint64_t)r->context->threads.limit, tile = KVOX_MRI_TILE_ROW * sizeof(float);
  const bool mixes = r->options.noise != KVOX_MRI_NOISE_IGNORED || kvox_mri_recon_images(r, coils) < coils;
  const uint64_t whiten = mixes ? product(threads, 2 * (uint64_t)coils * tile) : 0;
  const uint64_t adaptive = adaptive_bytes(r, coils), settle = kvox_mri_recon_settle_bytes(r, coils);
  const uint64_t ghost = kvox_mri_recon_ghost_bytes(r, coils);
  const uint64_t all[] = {x.workspace, across.workspace, partial.workspace, whiten, adaptive, ghost, settle};
  *bytes = 0;
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    *bytes = all[i] > *bytes ? all[i] : *bytes;
  }
  *plans = x.plan + across.plan + partial.plan;
  *device = x.device + across.device + partial.device + kvox_mri_recon_completed_bytes(r, coils);
  return KVOX_OK;
}

/* Of noise: what is summed, the covariance and the whitening in all their forms, twice while one is rescaled. */
static uint64_t noise_bytes(const kvox_mri_recon *r, int64_t coils) {
  enum { OF_PAIR = 2 * (2 * sizeof(kvox_complex) + 2 * sizeof(float)) + 2 * sizeof(double) };
  if (r->options.noise == KVOX_MRI_NOISE_IGNORED) {
    return 0;
  }
  return product(product((uint64_t)coils, (uint64_t)coils), OF_PAIR) +
         (uint64_t)coils * 2 * KVOX_MRI_NOISE_CHUNK * sizeof(double);
}

static kvox_status memory_of(const kvox_mri_recon *r, int64_t coils, kvox_memory_use *memory) {
  kvox_mri_recon_store s = r->store;
  uint64_t plans = 0, inner = 0, device = 0, workspace = 0;
  KVOX_TRY(kvox_mri_recon_size_store(r, coils, &s));
  KVOX_TRY(kvox_mri_recon_scratch(r, coils, &workspace));
  KVOX_TRY(inner_bytes(r, coils, &plans, &inner, &device));
  uint64_t plan = sum(SMALL_THINGS + sizeof *r + sizeof *r->inner + plans + inner, noise_bytes(r, coils));
  plan = sum(plan, sum((uint64_t)s.floats * sizeof(float), (uint64_t)s.count_bytes));
  plan = sum(plan, product((uint64_t)(2 * coils), (uint64_t)(r->layout.encoded[0] + s.x) * sizeof(float)));
  plan = sum(plan, product((uint64_t)r->layout.slices, sizeof *r->places + sizeof *r->order));
  plan = sum(plan, sum(kvox_mri_recon_epi_bytes(r, coils), compress_bytes(r, coils)));
  plan = sum(plan, kvox_mri_recon_held_bytes(r, coils));
  *memory = (kvox_memory_use){.plan = plan, .workspace = workspace, .device = device};
  return KVOX_OK;
}

kvox_status kvox_mri_recon_inner_bytes(const kvox_mri_recon *r, int64_t coils, uint64_t *bytes) {
  uint64_t plans = 0, device = 0;
  return inner_bytes(r, coils, &plans, bytes, &device);
}

static kvox_status bytes_of(const kvox_mri_recon *r, int64_t coils, uint64_t *bytes) {
  kvox_memory_use memory;
  KVOX_TRY(memory_of(r, coils, &memory));
  *bytes = sum(memory.plan, memory.workspace);
  return KVOX_OK;
}

/* The transform has less scratch, down to that of one worker, where all would take more than the limit. */
kvox_status kvox_mri_recon_check_memory(const kvox_mri_recon *r, int64_t coils) {
  kvox_memory_use across;
  uint64_t bytes = 0;
  KVOX_TRY(bytes_of(r, coils, &bytes));
  if (r->memory_limit == 0 || bytes <= r->memory_limit) {
    return KVOX_OK;
  }
  if (r->across->device == NULL) {
    KVOX_TRY(kvox_mri_fourier_memory(r->across, &across));
    const uint64_t excess = bytes - r->memory_limit, least = kvox_fourier_least_bytes(r->across);
    r->across->limit = across.workspace > excess ? across.workspace - excess : 1;
    r->across->limit = r->across->limit > least ? r->across->limit : least;
    KVOX_TRY(bytes_of(r, coils, &bytes));
  }
  return bytes <= r->memory_limit ? KVOX_OK : kvox_fail_limit("kvox_mri_recon_create", r->memory_limit, bytes);
}

kvox_status kvox_mri_recon_require_coils(const kvox_mri_recon *r, const char *name, int64_t *coils) {
  *coils = r->coils > 0 ? r->coils : r->protocol.coils;
  *coils = *coils == 0 && r->noise_sum != NULL ? r->noise_sum->coils : *coils;
  return *coils > 0 ? KVOX_OK
                    : kvox_fail(KVOX_ERROR_ARGUMENT,
                                "%s: how many coils there are is not known before the first readout", name);
}

kvox_status kvox_mri_recon_memory(const kvox_mri_recon *recon, kvox_memory_use *memory) {
  KVOX_REQUIRE(recon);
  KVOX_REQUIRE(memory);
  int64_t coils = 0;
  KVOX_TRY(kvox_mri_recon_require_coils(recon, "kvox_mri_recon_memory", &coils));
  return memory_of(recon, coils, memory);
}
