/* EPI in a reconstruction: navigators are kept until their lines come, which the ghost is then taken off. */
#include <string.h>

#include "core/fail.h"
#include "mri/epi_image.h"
#include "mri/epi_ocl.h"
#include "mri/recon.h"

struct kvox_mri_recon_epi {
  int64_t slice; /* of the navigators */
  int64_t count; /* of navigators that wait */
  uint8_t reversed[KVOX_MRI_RECON_MOST_NAVIGATORS];
  float *navigators;          /* [navigator][coil][x] */
  kvox_mri_ghost *ghosts;     /* [slice][coil] */
  bool *found;                /* [slice]: by navigators */
  kvox_mri_ghost *from_image; /* [coil] */
  uint8_t *directions;        /* [frame][slice][z][y]: bits of LINE_... */
  uint8_t *lines;             /* [y] */
  kvox_fft_plan *fft;         /* of lines along y, for ghosts that the image tells */
  bool said_mixed;
};

enum { LINE_FORWARD = 1, LINE_REVERSED = 2 };

static bool is_epi(const kvox_mri_recon *r) { return r->protocol.trajectory == KVOX_MRI_EPI; }

bool kvox_mri_recon_takes_navigators(const kvox_mri_recon *r) {
  return is_epi(r) && (r->options.ghost == KVOX_MRI_GHOST_AUTO || r->options.ghost == KVOX_MRI_GHOST_NAVIGATORS);
}

bool kvox_mri_recon_saw_navigators(const kvox_mri_recon *r) {
  for (int64_t slice = 0; slice < r->layout.slices && r->epi != NULL; slice++) {
    if (r->epi->found[slice]) {
      return true;
    }
  }
  return false;
}

/* Not less than the stages take: a table of costs over angles, powers of each pixel, sums of each column. */
uint64_t kvox_mri_recon_ghost_bytes(const kvox_mri_recon *r, int64_t coils) {
  enum { OF_PIXEL = 32, OF_COLUMN = 1024, OF_SUM = 128, OF_LINE = 64 };
  const int64_t *e = r->layout.encoded, x = r->store.x, lines = kvox_round_up(e[1], KVOX_MRI_STEP) * e[2];
  const int64_t regrid =
      kvox_mri_recon_has_ramps(r) ? 4 * coils * (e[0] + KVOX_MRI_TILE_ROW) * (int64_t)sizeof(float) : 0;
  const int64_t threads = r->context->threads.limit;
  return is_epi(r) ? (uint64_t)(x * lines * OF_PIXEL + x * OF_COLUMN + coils * x * OF_SUM +
                                threads * (coils * lines * OF_LINE + regrid))
                   : 0;
}

uint64_t kvox_mri_recon_epi_bytes(const kvox_mri_recon *r, int64_t coils) {
  const kvox_mri_recon_layout *l = &r->layout;
  const int64_t lines = l->frames * l->slices * l->encoded[1] * l->encoded[2];
  const int64_t samples = r->protocol.ramps.samples > 0 ? r->protocol.ramps.samples : l->encoded[0];
  const int64_t tiles = kvox_mri_recon_has_ramps(r) ? kvox_divide_up(l->encoded[0], KVOX_MRI_TILE) : 0;
  return is_epi(r) ? sizeof *r->epi +
                         (uint64_t)(KVOX_MRI_RECON_MOST_NAVIGATORS * coils * r->store.x * 2 +
                                    2 * tiles * samples * KVOX_MRI_TILE_ROW) *
                             sizeof(float) +
                         (uint64_t)((l->slices + 1) * coils) * sizeof(kvox_mri_ghost) +
                         (uint64_t)(l->slices + lines + l->encoded[1])
                   : 0;
}

bool kvox_mri_recon_has_ramps(const kvox_mri_recon *r) {
  const kvox_mri_ramps *ramps = &r->protocol.ramps;
  return is_epi(r) && (ramps->up_us != 0 || ramps->flat_us != 0 || ramps->down_us != 0);
}

kvox_status kvox_mri_recon_epi_begin(kvox_mri_recon *r, int64_t coils, int64_t samples) {
  kvox_heap *heap = r->context->heap;
  const kvox_mri_recon_layout *l = &r->layout;
  if (!is_epi(r)) {
    return KVOX_OK;
  }
  if (kvox_mri_recon_has_ramps(r)) {
    KVOX_TRY(kvox_mri_ramp_create_on_cpu(r->context, &r->protocol.ramps, samples, l->encoded[0], &r->ramp));
  }
  kvox_mri_recon_epi *e = kvox_allocate_zeros(heap, sizeof *e);
  if (e == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  r->epi = e;
  e->navigators =
      kvox_allocate_array(heap, KVOX_MRI_RECON_MOST_NAVIGATORS * coils * 2 * r->store.x, sizeof *e->navigators);
  e->ghosts = kvox_allocate_array(heap, l->slices * coils, sizeof *e->ghosts);
  e->from_image = kvox_allocate_array(heap, coils, sizeof *e->from_image);
  e->found = kvox_allocate_zeros(heap, (uint64_t)l->slices * sizeof *e->found);
  e->directions = kvox_allocate_zeros(heap, (uint64_t)(l->frames * l->slices * r->store.rows));
  e->lines = kvox_allocate_zeros(heap, (uint64_t)l->encoded[1]);
  KVOX_TRY(kvox_mri_epi_plan(r->context, l->encoded[1], &e->fft));
  return e->navigators != NULL && e->ghosts != NULL && e->from_image != NULL && e->found != NULL &&
                 e->directions != NULL && e->lines != NULL
             ? KVOX_OK
             : KVOX_ERROR_MEMORY;
}

void kvox_mri_recon_epi_end(kvox_mri_recon *r) {
  kvox_heap *heap = r->context->heap;
  kvox_mri_recon_epi *e = r->epi;
  kvox_mri_ramp_destroy(r->ramp);
  r->ramp = NULL;
  r->epi = NULL;
  if (e != NULL) {
    kvox_release(heap, e->navigators);
    kvox_release(heap, e->ghosts);
    kvox_release(heap, e->from_image);
    kvox_release(heap, e->found);
    kvox_release(heap, e->directions);
    kvox_release(heap, e->lines);
    kvox_fft_plan_destroy(e->fft);
    kvox_release(heap, e);
  }
}

/* ---- Navigators ---- */

/* Two directions are needed to tell them apart. */
static kvox_status finish_navigators(kvox_mri_recon *r) {
  kvox_mri_recon_epi *e = r->epi;
  const int64_t element = 2 * sizeof(float), row = r->store.x * element;
  kvox_array navigators = {
      .data = e->navigators, .type = KVOX_C64, .rank = 3, .shape = {e->count, r->coils, r->store.x}};
  const int64_t strides[3] = {r->coils * row, row, element};
  memcpy(navigators.strides, strides, sizeof strides);
  int64_t reversed = 0;
  for (int64_t n = 0; n < e->count; n++) {
    reversed += e->reversed[n];
  }
  const bool both = reversed > 0 && reversed < e->count;
  e->count = 0;
  if (!both) {
    return KVOX_OK;
  }
  KVOX_TRY(
      kvox_mri_ghost_from_navigators(r->context, r->inner, &navigators, e->reversed, e->ghosts + e->slice * r->coils));
  e->found[e->slice] = true;
  return KVOX_OK;
}

kvox_status kvox_mri_recon_keep_navigator(kvox_mri_recon *r, const kvox_mri_readout *readout, int64_t slice) {
  kvox_mri_recon_epi *e = r->epi;
  if (e->count > 0 && e->slice != slice) {
    KVOX_TRY(finish_navigators(r));
  }
  if (e->count == KVOX_MRI_RECON_MOST_NAVIGATORS) {
    return KVOX_OK;
  }
  const int64_t floats = r->coils * 2 * r->store.x;
  memcpy(e->navigators + e->count * floats, r->row, (size_t)floats * sizeof *r->row);
  e->reversed[e->count++] = (readout->flags & KVOX_MRI_REVERSE) != 0;
  e->slice = slice;
  return KVOX_OK;
}

kvox_status kvox_mri_recon_correct_line(kvox_mri_recon *r, const kvox_mri_readout *readout, int64_t slice,
                                        const kvox_array *row) {
  kvox_mri_recon_epi *e = r->epi;
  const uint8_t reversed = (readout->flags & KVOX_MRI_REVERSE) != 0;
  if (e == NULL) {
    return KVOX_OK;
  }
  if (e->count > 0) {
    KVOX_TRY(finish_navigators(r));
  }
  return e->found[slice]
             ? kvox_mri_ghost_apply_on_cpu(r->context, r->inner, e->ghosts + slice * r->coils, &reversed, row, row)
             : KVOX_OK;
}

void kvox_mri_recon_note_direction(kvox_mri_recon *r, const kvox_mri_readout *readout, int64_t line) {
  if (r->epi != NULL) {
    r->epi->directions[line] |= (readout->flags & KVOX_MRI_REVERSE) != 0 ? LINE_REVERSED : LINE_FORWARD;
  }
}

/* ---- Without navigators ---- */

bool kvox_mri_recon_has_ghost(const kvox_mri_recon *r) {
  return is_epi(r) && (r->options.ghost == KVOX_MRI_GHOST_AUTO || r->options.ghost == KVOX_MRI_GHOST_FROM_IMAGE);
}

/* The direction of each y of a slice; false where lines of both directions lie at one, or all have one. */
static bool find_directions(kvox_mri_recon *r, int64_t frame, int64_t slice) {
  kvox_mri_recon_epi *e = r->epi;
  const int64_t lines = r->layout.encoded[1];
  const uint8_t *directions = e->directions + (frame * r->layout.slices + slice) * r->store.rows;
  uint8_t all = 0;
  for (int64_t y = 0; y < lines; y++) {
    uint8_t one = 0;
    for (int64_t row = y; row < r->store.rows; row += lines) {
      one |= directions[row];
    }
    if (one == (LINE_FORWARD | LINE_REVERSED)) {
      if (!e->said_mixed) {
        kvox_log(r->context->heap, KVOX_LOG_WARNING,
                 "kvox_mri_recon: lines of both directions lie at one place: the ghost is left as it is");
      }
      e->said_mixed = true;
      return false;
    }
    e->lines[y] = one == LINE_REVERSED;
    all |= one;
  }
  return all == (LINE_FORWARD | LINE_REVERSED);
}

kvox_status kvox_mri_recon_take_ghost_off(kvox_mri_recon *r, int64_t frame, int64_t slice, const kvox_array *stored,
                                          const kvox_array *out, bool *done) {
  kvox_mri_recon_epi *e = r->epi;
  *done = find_directions(r, frame, slice);
  if (!*done) {
    return KVOX_OK;
  }
  KVOX_TRY(kvox_mri_ghost_from_image_planned(r->context, r->inner, e->fft, stored, e->lines, NULL, e->from_image));
  return kvox_mri_ghost_apply_on_cpu(r->context, r->inner, e->from_image, e->lines, stored, out);
}
