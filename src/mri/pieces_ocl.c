#include "mri/pieces.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "mri/tiles.h"

/* What a piece holds in staging and the stage's own buffers, beyond which nothing is gained: a device is busy with it
 * for long beside a command's cost. */
static const int64_t enough_bytes = (int64_t)64 << 20;

/* Work-items of a group, where the device takes so many. */
enum { GROUP = 256 };

/* ---- Sides ---- */

bool kvox_mri_ocl_reaches(const kvox_array *array) {
  const int64_t size = (int64_t)kvox_type_size(array->type);
  bool aligned = array->buffer != NULL && (int64_t)(intptr_t)array->data % size == 0;
  for (int32_t d = 0; d < array->rank; d++) {
    aligned = aligned && (array->shape[d] == 1 || array->strides[d] % size == 0);
  }
  return aligned;
}

static int64_t coils_of_group(const kvox_mri_side *side) { return kvox_max_i64(side->coils, 1); }
static int64_t groups_of(const kvox_mri_side *side) { return kvox_max_i64(side->groups, 1); }
static int64_t coils_of(const kvox_mri_side *side) { return coils_of_group(side) * groups_of(side); }

/* Whether groups follow one another as coils do. */
static bool is_one_group(const kvox_mri_side *side) {
  const int64_t *strides = side->array->strides + side->array->rank - 5;
  return groups_of(side) == 1 || strides[0] == side->coils * strides[1];
}

static bool is_staged(const kvox_mri_side *side) { return !kvox_mri_ocl_reaches(side->array) || !is_one_group(side); }

static int64_t staged_bytes(const kvox_mri_side *side) {
  return is_staged(side) ? kvox_work(coils_of(side), (int64_t)kvox_type_size(side->array->type)) : 0;
}

kvox_array kvox_mri_ocl_dense(kvox_buffer *buffer, kvox_type type, int64_t coils, const int64_t size[3]) {
  kvox_array array = {.type = type, .rank = 4, .shape = {coils, size[0], size[1], size[2]}, .buffer = buffer};
  int64_t stride = (int64_t)kvox_type_size(type);
  for (int d = 3; d >= 0; d--) {
    array.strides[d] = stride;
    stride *= array.shape[d];
  }
  return array;
}

/* Samples of its rows. */
static int64_t row_of(const kvox_mri_side *side) { return side->array->shape[side->array->rank - 1]; }

/* z, y, x of a side's part of a piece. */
static void size_of(const kvox_mri_side *side, const kvox_mri_piece *piece, int64_t size[3]) {
  memcpy(size, side->is_result ? piece->size : piece->with_halo, sizeof piece->size);
  size[2] = row_of(side);
}

/* The piece's part of a side, where it lies: [coil, z, y, x] of one group. */
static kvox_array part_of(const kvox_mri_side *side, const kvox_mri_piece *piece, int64_t group) {
  const kvox_array *a = side->array;
  const int64_t z = piece->z - (side->is_result ? 0 : piece->lead[0]);
  const int64_t y = piece->y - (side->is_result ? 0 : piece->lead[1]);
  const int32_t first = a->rank - 3, coils = side->coils > 0 ? first - 1 : first;
  const int32_t outer = side->groups > 0 ? coils - 1 : coils;
  kvox_array part = {.type = a->type, .rank = 4, .shape = {coils_of_group(side)}, .buffer = a->buffer};
  int64_t offset = z * a->strides[first] + y * a->strides[first + 1];
  offset += side->groups > 0 ? group * a->strides[outer] : 0;
  int64_t volume = side->for_all ? 0 : piece->volume;
  for (int32_t d = outer - 1; d >= 0; d--) {
    offset += volume % a->shape[d] * a->strides[d];
    volume /= a->shape[d];
  }
  part.strides[0] = side->coils > 0 ? a->strides[coils] : (int64_t)kvox_type_size(a->type);
  size_of(side, piece, part.shape + 1);
  memcpy(part.strides + 1, a->strides + first, 3 * sizeof *part.strides);
  part.data = kvox_array_shifted(a, offset);
  return part;
}

/* ---- Pieces ---- */

int64_t kvox_mri_pieces_with_halo(const kvox_mri_pieces *p) {
  const int64_t z = kvox_min_i64(p->z + 2 * p->halo[0], p->size[0]),
                y = kvox_min_i64(p->y + 2 * p->halo[1], p->size[1]);
  return kvox_work(kvox_work(z, y), p->size[2]);
}

/* Samples of a side that a piece has. */
static int64_t samples_of(const kvox_mri_pieces *p, const kvox_mri_side *side) {
  const int64_t samples = side->is_result ? kvox_mri_pieces_samples(p) : kvox_mri_pieces_with_halo(p);
  return kvox_work(samples / p->size[2], row_of(side));
}

static int64_t sum(int64_t a, int64_t b) {
  int64_t s = 0;
  return kvox_add(a, b, &s) ? s : INT64_MAX;
}

/* Of a piece's buffers, and the largest of them: one of a side, or all of the stage's own of a kind. */
static int64_t piece_bytes(const kvox_mri_pieces *p, int64_t *largest) {
  const int64_t own = kvox_work(kvox_mri_pieces_samples(p), p->own_bytes);
  const int64_t with_halo = kvox_work(kvox_mri_pieces_with_halo(p), p->own_halo_bytes);
  int64_t bytes = sum(own, with_halo);
  *largest = kvox_max_i64(own, with_halo);
  for (int32_t i = 0; i < p->side_count; i++) {
    const int64_t staged = kvox_work(samples_of(p, &p->sides[i]), staged_bytes(&p->sides[i]));
    bytes = sum(bytes, staged);
    *largest = kvox_max_i64(*largest, staged);
  }
  return bytes;
}

static bool is_possible(const kvox_mri_pieces *p) {
  int64_t largest;
  piece_bytes(p, &largest);
  return kvox_mri_pieces_with_halo(p) < UINT32_MAX &&
         (uint64_t)largest <= kvox_ocl_info(p->context->ocl)->largest_buffer_bytes;
}

static bool shrink(kvox_mri_pieces *p) {
  if (p->z > 1) {
    p->z = kvox_divide_up(p->z, 2);
  } else if (p->y > 1) {
    p->y = kvox_divide_up(p->y, 2);
  } else {
    return false;
  }
  return true;
}

static int64_t piece_count(const kvox_mri_pieces *p) {
  return kvox_work(p->volumes, kvox_work(kvox_divide_up(p->size[0], p->z), kvox_divide_up(p->size[1], p->y)));
}

static uint64_t flags_bytes(const kvox_mri_pieces *p) {
  return (uint64_t)kvox_work(piece_count(p), (int64_t)sizeof(uint32_t));
}

static kvox_status choose(kvox_mri_pieces *p) {
  const uint64_t limit = p->context->memory_limit;
  const uint64_t allowed = limit != 0 ? limit : kvox_ocl_usual_memory(p->context->ocl);
  const int64_t *shape = p->sides[0].array->shape + p->sides[0].array->rank - 3;
  memcpy(p->size, shape, sizeof p->size);
  p->volumes = kvox_mri_volumes(p->sides[0].array) / coils_of(&p->sides[0]);
  p->z = p->size[0];
  p->y = p->size[1];
  for (;;) {
    int64_t largest;
    const int64_t bytes = piece_bytes(p, &largest);
    const uint64_t all = (uint64_t)bytes + flags_bytes(p);
    if (bytes <= enough_bytes && all <= allowed && is_possible(p)) {
      return KVOX_OK;
    }
    if (shrink(p)) {
      continue;
    }
    if (!is_possible(p)) {
      return kvox_fail(KVOX_ERROR_DEVICE, "%s: a row of all coils is beyond a buffer of %s", p->name,
                       kvox_ocl_info(p->context->ocl)->name);
    }
    return all > allowed && limit != 0 ? kvox_fail_limit(p->name, limit, all) : KVOX_OK;
  }
}

kvox_status kvox_mri_pieces_make(kvox_mri_pieces *p) {
  kvox_ocl *ocl = p->context->ocl;
  KVOX_TRY(choose(p));
  p->found = kvox_allocate(p->context->heap, flags_bytes(p));
  if (p->found == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int32_t i = 0; i < p->side_count; i++) {
    if (is_staged(&p->sides[i])) {
      const uint64_t bytes = (uint64_t)(samples_of(p, &p->sides[i]) * staged_bytes(&p->sides[i]));
      KVOX_TRY(kvox_ocl_buffer_create(ocl, bytes, "samples of coils", &p->staging[i]));
    }
  }
  return kvox_ocl_buffer_create(ocl, flags_bytes(p), "flags", &p->flags);
}

void kvox_mri_pieces_drop(kvox_mri_pieces *p) {
  for (int32_t i = 0; i < KVOX_MRI_MOST_SIDES; i++) {
    kvox_buffer_destroy(p->staging[i]);
  }
  kvox_buffer_destroy(p->flags);
  kvox_release(p->context->heap, p->found);
}

/* ---- Running them ---- */

static kvox_mri_piece piece_at(const kvox_mri_pieces *p, int64_t index) {
  /* Volumes are innermost: what is for all of them goes up once a box. */
  const int64_t box = index / p->volumes, along_y = kvox_divide_up(p->size[1], p->y);
  kvox_mri_piece piece = {.volume = index % p->volumes, .z = box / along_y * p->z, .y = box % along_y * p->y};
  piece.size[0] = kvox_min_i64(p->z, p->size[0] - piece.z);
  piece.size[1] = kvox_min_i64(p->y, p->size[1] - piece.y);
  piece.size[2] = piece.with_halo[2] = p->size[2];
  const int64_t begin[2] = {piece.z, piece.y};
  for (int a = 0; a < 2; a++) {
    const int64_t end = kvox_min_i64(begin[a] + piece.size[a] + p->halo[a], p->size[a]);
    piece.lead[a] = kvox_min_i64(p->halo[a], begin[a]);
    piece.with_halo[a] = end - begin[a] + piece.lead[a];
  }
  piece.flag = index;
  return piece;
}

/* The piece's samples of a side on the device: where they lie, or in the staging buffer. */
static kvox_status bring(const kvox_mri_pieces *p, kvox_ocl_queue *queue, int32_t i, kvox_mri_piece *piece) {
  const kvox_mri_side *side = &p->sides[i];
  kvox_array *all = &piece->sides[i];
  if (p->staging[i] == NULL) {
    *all = part_of(side, piece, 0);
    all->shape[0] = coils_of(side);
    return KVOX_OK;
  }
  int64_t size[3];
  size_of(side, piece, size);
  *all = kvox_mri_ocl_dense(p->staging[i], side->array->type, coils_of(side), size);
  const bool is_there = p->surveyed && piece_count(p) == 1;
  if (side->is_result || is_there || (side->for_all && piece->volume > 0)) {
    return KVOX_OK;
  }
  kvox_ocl_stage(queue, "upload");
  for (int64_t group = 0; group < groups_of(side); group++) {
    const kvox_array part = part_of(side, piece, group);
    kvox_array to = *all;
    to.shape[0] = part.shape[0];
    to.data = kvox_array_shifted(all, group * part.shape[0] * all->strides[0]);
    KVOX_TRY(kvox_ocl_copy(queue, &part, &to, false));
  }
  return KVOX_OK;
}

static kvox_status bring_back(const kvox_mri_pieces *p, kvox_ocl_queue *queue, int32_t i, const kvox_mri_piece *piece) {
  if (p->staging[i] == NULL || !p->sides[i].is_result) {
    return KVOX_OK;
  }
  const kvox_array part = part_of(&p->sides[i], piece, 0);
  kvox_ocl_stage(queue, "download");
  return kvox_ocl_copy(queue, &piece->sides[i], &part, false);
}

/* The coils of one sample, KVOX_MRI_TILE_ROW floats apart. */
static kvox_status read_sample(const kvox_mri_side *side, kvox_ocl_queue *queue, const kvox_mri_piece *one, int64_t x,
                               float *coils) {
  const size_t bytes = kvox_type_size(side->array->type);
  for (int64_t c = 0; c < coils_of(side); c++) {
    const kvox_array from = part_of(side, one, c / coils_of_group(side));
    kvox_array to = {.data = coils + c * KVOX_MRI_TILE_ROW, .type = from.type, .rank = 1, .shape = {1}};
    to.strides[0] = (int64_t)bytes;
    kvox_array sample = to;
    sample.data = kvox_array_shifted(&from, c % coils_of_group(side) * from.strides[0] + x * from.strides[3]);
    sample.buffer = from.buffer;
    if (sample.buffer != NULL) {
      KVOX_TRY(kvox_ocl_copy(queue, &sample, &to, true));
    } else {
      memcpy(to.data, sample.data, bytes);
    }
  }
  return KVOX_OK;
}

static bool is_finite(const float *coils, int64_t count, bool squared) {
  bool finite = true;
  for (int64_t c = 0; c < count; c++) {
    const float re = coils[c * KVOX_MRI_TILE_ROW], im = coils[c * KVOX_MRI_TILE_ROW + 1];
    finite = finite && isfinite(re) && isfinite(im) && (!squared || isfinite(re * re + im * im));
  }
  return finite;
}

/* Names the sample that a flag is about: of the side where it is not finite; of the first where what came of it is. */
static kvox_status fail_at(const kvox_mri_pieces *p, kvox_ocl_queue *queue, int64_t index) {
  const kvox_mri_piece piece = piece_at(p, index);
  const int64_t row = p->found[index] / p->size[2], x = p->found[index] % p->size[2];
  const kvox_mri_piece one = {.volume = piece.volume,
                              .z = piece.z + row / piece.size[1],
                              .y = piece.y + row % piece.size[1],
                              .size = {1, 1, 1},
                              .with_halo = {1, 1, 1}};
  kvox_mri_tile at = {.volume = one.volume, .begin = (one.z * p->size[1] + one.y) * p->size[2] + x, .count = 1};
  kvox_status status = KVOX_OK;
  float *coils = kvox_allocate_array(p->context->heap, coils_of(&p->sides[0]) * KVOX_MRI_TILE_ROW, sizeof *coils);
  if (coils == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  int32_t which = 0;
  if (p->fail != NULL) {
    status = read_sample(&p->sides[0], queue, &one, x, coils);
    status = status == KVOX_OK ? p->fail(p->stage, &at, coils) : status;
  }
  for (int32_t i = p->side_count - 1; i >= 0 && status == KVOX_OK; i--) {
    if (!p->sides[i].is_result) {
      status = read_sample(&p->sides[i], queue, &one, x, coils);
      which = is_finite(coils, p->sides[i].coils, false) ? 0 : i;
      if (which > 0) {
        break;
      }
    }
  }
  if (status == KVOX_OK) {
    const kvox_mri_side *side = &p->sides[which];
    at.volume = side->for_all ? 0 : at.volume;
    status = p->overflow != NULL && is_finite(coils, side->coils, true)
                 ? kvox_fail(KVOX_ERROR_DATA, "%s: %s", p->name, p->overflow)
                 : kvox_mri_tile_not_finite(side->name, side->array, &at, side->coils, coils);
  }
  kvox_release(p->context->heap, coils);
  return status;
}

static kvox_status check_flags(kvox_mri_pieces *p, kvox_ocl_queue *queue) {
  kvox_ocl_stage(queue, p->stage_name);
  KVOX_TRY(kvox_ocl_read(queue, p->flags, 0, p->found, flags_bytes(p)));
  for (int64_t i = 0; i < piece_count(p); i++) {
    if (p->found[i] != UINT32_MAX) {
      return fail_at(p, queue, i);
    }
  }
  return KVOX_OK;
}

/* All pieces through one function. */
static kvox_status pass(kvox_mri_pieces *p, kvox_ocl_queue *queue, kvox_mri_piece_function function, bool is_last) {
  const int64_t count = piece_count(p), passes = p->survey != NULL ? 2 : 1;
  for (int64_t index = 0; index < count; index++) {
    kvox_mri_piece piece = piece_at(p, index);
    for (int32_t i = 0; i < p->side_count; i++) {
      KVOX_TRY(bring(p, queue, i, &piece));
    }
    kvox_ocl_stage(queue, p->stage_name);
    KVOX_TRY(function(p->stage, queue, &piece));
    for (int32_t i = 0; i < p->side_count && is_last; i++) {
      KVOX_TRY(bring_back(p, queue, i, &piece));
    }
    KVOX_TRY(kvox_ocl_mark(queue));
    if (!is_last || index + 1 < count) {
      const int64_t done = index + 1 + (is_last ? (passes - 1) * count : 0);
      KVOX_TRY(kvox_progress_reach(p->progress, (double)done / (double)(passes * count)));
    }
  }
  return KVOX_OK;
}

static kvox_status run_all(void *data, kvox_ocl_queue *queue) {
  kvox_mri_pieces *p = data;
  p->began = true;
  kvox_ocl_stage(queue, p->stage_name);
  KVOX_TRY(kvox_ocl_fill(queue, p->flags, 0, flags_bytes(p), UINT32_MAX));
  if (p->survey != NULL) {
    KVOX_TRY(pass(p, queue, p->survey, false));
    KVOX_TRY(check_flags(p, queue));
    KVOX_TRY(p->settle(p->stage));
    p->surveyed = true;
  }
  KVOX_TRY(pass(p, queue, p->function, true));
  return check_flags(p, queue);
}

kvox_status kvox_mri_pieces_run(kvox_mri_pieces *p, kvox_workspace *workspace) {
  KVOX_TRY(kvox_workspace_begin(workspace, 0));
  kvox_progress_next(&workspace->progress, 1);
  p->progress = &workspace->progress;
  return kvox_execute_on_queue(p->context, workspace, run_all, p);
}

bool kvox_mri_pieces_fall_back(const kvox_mri_pieces *p, kvox_status status, const kvox_sentence *before) {
  bool on_host = true;
  for (int32_t i = 0; i < p->side_count; i++) {
    on_host = on_host && p->sides[i].array->buffer == NULL;
  }
  return on_host && !p->began && kvox_context_falls_back(p->context, status, p->name, before);
}

/* ---- For kernels ---- */

/* Whether `rows` of every array, `row` the index that counts them, follow one another as the index behind it goes on.
 */
static bool is_one_run(const kvox_array *const *arrays, int32_t count, int row, int64_t rows) {
  bool one = true;
  for (int32_t i = 0; i < count; i++) {
    const kvox_array *a = arrays[i];
    one = one && (rows == 1 || a->strides[row] == a->shape[row + 1] * a->strides[row + 1]);
  }
  return one;
}

kvox_mri_ocl_samples kvox_mri_ocl_samples_of(const kvox_array *array) {
  const int64_t bytes = (int64_t)kvox_type_size(array->type);
  return (kvox_mri_ocl_samples){.begin = (int64_t)(intptr_t)array->data / bytes,
                                .coil = array->strides[0] / bytes,
                                .z = array->strides[1] / bytes,
                                .y = array->strides[2] / bytes,
                                .x = array->strides[3] / bytes};
}

kvox_mri_ocl_layout kvox_mri_ocl_lay_out(const kvox_array *const *arrays, int32_t count, bool keep_x) {
  const int64_t *size = arrays[0]->shape + 1;
  kvox_mri_ocl_layout layout = {.box = {size[2], size[1], size[0]}};
  kvox_mri_ocl_box *box = &layout.box;
  for (int32_t i = 0; i < count; i++) {
    layout.sides[i] = kvox_mri_ocl_samples_of(arrays[i]);
  }
  if (is_one_run(arrays, count, 1, box->z)) {
    box->y *= box->z;
    box->z = 1;
  }
  if (!keep_x && is_one_run(arrays, count, 2, box->y)) {
    box->x *= box->y;
    box->y = 1;
  }
  return layout;
}

kvox_ocl_range kvox_mri_ocl_range(const kvox_mri_ocl_box *box, const kvox_ocl_kernel *kernel) {
  const uint64_t group = kvox_ocl_kernel_group(kernel, GROUP);
  uint64_t width = 1, height = 1;
  while (2 * width <= group && width < (uint64_t)box->x) {
    width *= 2;
  }
  while (2 * width * height <= group && height < (uint64_t)box->y) {
    height *= 2;
  }
  return (kvox_ocl_range){.items = {(uint64_t)box->x, (uint64_t)box->y, (uint64_t)box->z}, .group = {width, height}};
}
