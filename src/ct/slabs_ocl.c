#include "ct/slabs.h"

#include <inttypes.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "ct/tiles.h"

/* Chunks and slabs beyond this gain nothing: they keep a device busy, and leave memory to others. */
static const int64_t enough_chunk_bytes = (int64_t)16 << 20, enough_slab_bytes = (int64_t)64 << 20;

/* Neighbouring slabs of a diverging beam filter some rows twice. */
static const int64_t enough_diverging_bytes = (int64_t)512 << 20;

/* Fewer views at once read and write the slab too often. */
enum { WORTHWHILE_VIEWS = 64 };

/* Voxels times views of one command: a GPU takes some 10 ms for so many, a CPU a second. Of huge slices a few views are
 * a command all the same: each reads and writes the slab once. */
static const int64_t command_updates = (int64_t)1 << 30;
enum { LEAST_PASS = 8 };

/* Slices whose samples lie together: a register of a CPU's vector unit, a GPU's widest load. Of 64 slices on PoCL with
 * AVX-512, groups of 16 take 9 s where those of 8 take 11.5 and of 4 take 13.5. */
enum { CPU_LANES = 16, GPU_LANES = 4 };

/* Of a diverging beam voxels above each other share a column, which a GPU finds once for so many. */
enum { DIVERGING_GPU_LANES = 8 };
_Static_assert(KVOX_CONE_BLOCK % CPU_LANES == 0 && KVOX_CONE_BLOCK % DIVERGING_GPU_LANES == 0,
               "lanes are of one block");

void kvox_ct_need_buffer(kvox_ct_need *need, uint64_t bytes) {
  need->bytes = bytes > UINT64_MAX - need->bytes ? UINT64_MAX : need->bytes + bytes;
  need->largest = bytes > need->largest ? bytes : need->largest;
}

/* Bytes of so many floats, saturating. */
static uint64_t floats(int64_t a, int64_t b, int64_t c) {
  return (uint64_t)kvox_work(kvox_work(kvox_work(a, b), c), (int64_t)sizeof(float));
}

/* One past the last row of slices begin ... end - 1, which rise. */
static int64_t rows_end(const kvox_ct_slabs *s, int64_t end) {
  const kvox_ct_row_place last = s->places[end - 1];
  return last.row + (last.fraction > 0 ? 2 : 1);
}

void kvox_ct_slabs_stored(const kvox_ct_slabs *slabs, const kvox_ct_ocl_cut *cut, int64_t *row, int64_t *rows) {
  kvox_ct_fdk_rows(slabs->fdk, slabs->begin[2] + cut->slice, cut->slices, row, rows);
}

/* The rows that the cut's slices lie on. */
static void set_rows(const kvox_ct_slabs *s, kvox_ct_ocl_cut *cut) {
  if (s->fdk == NULL) {
    cut->row = s->places[cut->slice].row;
    cut->rows = rows_end(s, cut->slice + cut->slices) - cut->row;
    return;
  }
  int64_t row, rows;
  kvox_ct_slabs_stored(s, cut, &row, &rows);
  cut->row = kvox_ct_fdk_detector_row(s->fdk, row);
  cut->rows = kvox_ct_fdk_detector_row(s->fdk, row + rows - 1) + 1 - cut->row;
}

/* Floats of a column of a block of fan or cone, with the zeros that fill its last group: an odd number of cache lines,
 * so that neighbours begin in different sets of the caches. */
static int64_t stored_step(const kvox_ct_slabs *s, int64_t rows) {
  return s->turned ? (kvox_divide_up(rows, KVOX_CONE_BLOCK) | 1) * KVOX_CONE_BLOCK : rows;
}

static void find_most_rows(kvox_ct_slabs *s) {
  s->slab_rows = s->stored_rows = 0;
  for (int64_t k = 0; k < s->size[2]; k += s->slab) {
    kvox_ct_ocl_cut cut = {.slice = k, .slices = kvox_min_i64(s->slab, s->size[2] - k)};
    set_rows(s, &cut);
    s->slab_rows = kvox_max_i64(s->slab_rows, cut.rows);
    if (s->fdk != NULL) {
      int64_t row, rows;
      kvox_ct_slabs_stored(s, &cut, &row, &rows);
      s->stored_rows = kvox_max_i64(s->stored_rows, rows);
    }
  }
}

static void set_cut(kvox_ct_slabs *s, int64_t slab, int64_t block, int64_t chunk) {
  s->slab = slab;
  s->block = block;
  s->chunk = chunk;
  while (s->lanes / 2 >= slab) { /* a group with lanes to spare costs less than two of half as many */
    s->lanes /= 2;
  }
  find_most_rows(s);
}

static int64_t half_even(int64_t views) { return kvox_round_up(views / 2, 2); }

/* A smaller cut; false where there is none. What weighs most goes first. */
static bool shrink(kvox_ct_slabs *s) {
  const uint64_t chunk = 4 * kvox_ct_slabs_lines_bytes(s); /* with staging and transforms */
  const uint64_t block = kvox_ct_slabs_block_bytes(s), slab = kvox_ct_slabs_slab_bytes(s);
  if (s->chunk > 2 && chunk >= block && chunk >= slab) {
    set_cut(s, s->slab, s->block, half_even(s->chunk));
  } else if (s->block > WORTHWHILE_VIEWS && block >= slab) {
    const int64_t half = half_even(s->block);
    set_cut(s, s->slab, half, kvox_min_i64(s->chunk, half));
  } else if (s->slab > 1) {
    set_cut(s, s->slab > s->lanes ? kvox_round_up(s->slab / 2, s->lanes) : s->slab / 2, s->block, s->chunk);
  } else if (s->block > 2) {
    const int64_t half = half_even(s->block);
    set_cut(s, s->slab, half, kvox_min_i64(s->chunk, half));
  } else {
    return false;
  }
  return true;
}

/* Slabs, blocks and chunks as large as is of use. */
static void largest_cut(kvox_ct_slabs *s, int32_t lanes) {
  const int64_t all = s->views + s->views % 2;
  const int64_t enough = s->fdk != NULL ? enough_diverging_bytes : enough_slab_bytes;
  const int64_t wanted = enough / (int64_t)floats(s->size[0], s->size[1], 1);
  s->lanes = lanes;
  set_cut(s, kvox_min_i64(s->size[2], kvox_round_up(kvox_max_i64(wanted, 1), lanes)), all, 2);
  const int64_t chunk = enough_chunk_bytes / (int64_t)floats(s->slab_rows, s->columns, 1) / 2 * 2;
  s->chunk = kvox_min_i64(kvox_max_i64(chunk, 2), all);
}

static void even_cut(kvox_ct_slabs *s) {
  const int64_t most = s->slab, rows = s->slab_rows;
  set_cut(s, kvox_even_part(s->size[2], most, s->lanes), kvox_even_part(s->views + s->views % 2, s->block, 2),
          s->chunk);
  /* Smaller slabs that begin elsewhere may lie on one more row. */
  set_cut(s, s->slab_rows <= rows ? s->slab : most, s->block, kvox_even_part(s->block, s->chunk, 2));
}

kvox_status kvox_ct_slabs_choose(kvox_ct_slabs *slabs, uint64_t limit, const char *name, kvox_ct_need_function function,
                                 const void *plan, uint64_t *bytes) {
  kvox_ct_slabs *s = slabs;
  const kvox_device_info *device = kvox_ocl_info(s->context->ocl);
  const uint64_t allowed = limit != 0 ? limit : kvox_ocl_usual_memory(s->context->ocl);
  largest_cut(s, device->type == KVOX_DEVICE_CPU ? CPU_LANES : s->fdk != NULL ? DIVERGING_GPU_LANES : GPU_LANES);
  kvox_ct_need need;
  for (;;) {
    need = (kvox_ct_need){0};
    KVOX_TRY(function(plan, s, &need));
    const bool numbered = (uint64_t)kvox_work(kvox_work(s->chunk, s->slab_rows), s->columns) < UINT32_MAX;
    if (need.bytes <= allowed && need.largest <= device->largest_buffer_bytes && numbered) {
      break;
    }
    if (shrink(s)) {
      continue;
    }
    if (need.bytes > allowed && limit != 0) {
      return kvox_fail_limit(name, allowed, need.bytes);
    }
    if (need.largest > device->largest_buffer_bytes) {
      return kvox_fail(KVOX_ERROR_DEVICE,
                       "%s: two views and one slice need a buffer of %" PRIu64 " bytes, %s has at most %" PRIu64, name,
                       need.largest, device->name, device->largest_buffer_bytes);
    }
    break; /* the least there is, where nobody set a limit */
  }
  const kvox_ct_slabs fitting = *s;
  const uint64_t most = need.bytes;
  even_cut(s);
  need = (kvox_ct_need){0};
  KVOX_TRY(function(plan, s, &need));
  if (need.bytes > most) { /* by a flag or two, of one more chunk */
    *s = fitting;
    need.bytes = most;
  }
  *bytes = need.bytes;
  return KVOX_OK;
}

/* Rows that no slice lies on are left out of the count. */
static kvox_status number_rows(kvox_ct_slabs *s) {
  s->detector_rows = kvox_allocate_array(s->context->heap, s->size[2], 2 * sizeof *s->detector_rows);
  if (s->detector_rows == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t k = 0; k < s->size[2]; k++) {
    const int64_t row = s->places[k].row;
    if (s->rows == 0 || s->detector_rows[s->rows - 1] < row) {
      s->detector_rows[s->rows++] = row;
    }
    s->places[k].row = s->detector_rows[s->rows - 1] == row ? s->rows - 1 : s->rows - 2;
    if (s->places[k].fraction > 0 && s->detector_rows[s->rows - 1] == row) {
      s->detector_rows[s->rows++] = row + 1;
    }
  }
  return KVOX_OK;
}

kvox_status kvox_ct_slabs_lay_out(kvox_ct_slabs *slabs, kvox_context *context, const kvox_ct_geometry *geometry,
                                  const kvox_grid *grid, const int64_t begin[3], const int64_t size[3],
                                  const char *name) {
  kvox_ct_layout layout;
  *slabs =
      (kvox_ct_slabs){.context = kvox_context_hold(context), .views = geometry->views, .columns = geometry->columns};
  memcpy(slabs->begin, begin, sizeof slabs->begin);
  memcpy(slabs->size, size, sizeof slabs->size);
  const kvox_status status = kvox_ct_lay_out(context, geometry, grid, begin[2], size[2], name, &layout);
  slabs->lines = layout.lines;
  slabs->places = layout.places;
  KVOX_TRY(status);
  return number_rows(slabs);
}

kvox_status kvox_ct_slabs_lay_out_diverging(kvox_ct_slabs *slabs, kvox_context *context, const kvox_ct_fdk *fdk) {
  const kvox_ct_geometry *g = fdk->geometry;
  if (kvox_work(fdk->columns, g->rows + 2 * KVOX_CONE_BLOCK) > INT32_MAX) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED, "OpenCL: a view of more than 2^31 samples");
  }
  *slabs = (kvox_ct_slabs){
      .context = kvox_context_hold(context), .views = g->views, .columns = g->columns, .rows = g->rows, .fdk = fdk};
  memcpy(slabs->begin, fdk->begin, sizeof slabs->begin);
  memcpy(slabs->size, fdk->size, sizeof slabs->size);
  slabs->turned = kvox_ocl_info(context->ocl)->type == KVOX_DEVICE_CPU;
  slabs->detector_rows = kvox_allocate_array(context->heap, g->rows, sizeof *slabs->detector_rows);
  if (slabs->detector_rows == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t row = 0; row < g->rows; row++) {
    slabs->detector_rows[row] = row;
  }
  return KVOX_OK;
}

void kvox_ct_slabs_drop(kvox_ct_slabs *slabs) {
  if (slabs->context != NULL) {
    kvox_release(slabs->context->heap, slabs->lines);
    kvox_release(slabs->context->heap, slabs->places);
    kvox_release(slabs->context->heap, slabs->detector_rows);
    kvox_context_destroy(slabs->context);
  }
  *slabs = (kvox_ct_slabs){0};
}

uint64_t kvox_ct_slabs_bytes(const kvox_ct_slabs *slabs) {
  if (slabs->fdk != NULL) {
    return (uint64_t)slabs->rows * sizeof *slabs->detector_rows;
  }
  const uint64_t slice = sizeof *slabs->places + 2 * sizeof *slabs->detector_rows;
  return (uint64_t)slabs->views * sizeof *slabs->lines + (uint64_t)slabs->size[2] * slice;
}

/* Two views at least, whatever their type. */
uint64_t kvox_ct_slabs_staging_bytes(const kvox_ct_slabs *slabs) {
  return floats(kvox_max_i64(slabs->chunk, 4), slabs->slab_rows, slabs->columns);
}

uint64_t kvox_ct_slabs_lines_bytes(const kvox_ct_slabs *slabs) {
  return floats(slabs->chunk, slabs->slab_rows, slabs->columns);
}

uint64_t kvox_ct_slabs_block_bytes(const kvox_ct_slabs *slabs) {
  if (slabs->fdk != NULL) {
    return floats(slabs->block, slabs->fdk->columns, stored_step(slabs, slabs->stored_rows));
  }
  return floats(kvox_round_up(slabs->slab, slabs->lanes), slabs->block, slabs->columns);
}

uint64_t kvox_ct_slabs_slab_bytes(const kvox_ct_slabs *slabs) {
  return floats(slabs->slab, slabs->size[0], slabs->size[1]);
}

uint64_t kvox_ct_slabs_flags_bytes(const kvox_ct_slabs *slabs) {
  const int64_t chunks = kvox_divide_up(slabs->block, kvox_ct_slabs_chunk(slabs, KVOX_F64));
  return floats(kvox_ct_slabs_count(slabs), kvox_ct_slabs_blocks(slabs), chunks);
}

int64_t kvox_ct_slabs_count(const kvox_ct_slabs *slabs) { return kvox_divide_up(slabs->size[2], slabs->slab); }

int64_t kvox_ct_slabs_blocks(const kvox_ct_slabs *slabs) { return kvox_divide_up(slabs->views, slabs->block); }

int64_t kvox_ct_slabs_chunk(const kvox_ct_slabs *slabs, kvox_type type) {
  const int64_t fit = kvox_max_i64(slabs->chunk, 4) * (int64_t)sizeof(float) / (int64_t)kvox_type_size(type);
  return kvox_min_i64(slabs->chunk, fit / 2 * 2);
}

int64_t kvox_ct_slabs_pass(const kvox_ct_slabs *slabs) {
  const int64_t voxels = (int64_t)kvox_ct_slabs_slab_bytes(slabs) / (int64_t)sizeof(float);
  return kvox_round_up(kvox_max_i64(command_updates / voxels, LEAST_PASS), 2);
}

kvox_ct_ocl_cut kvox_ct_slabs_cut(const kvox_ct_slabs *slabs, int64_t slab, int64_t block) {
  kvox_ct_ocl_cut cut = {.view = block * slabs->block, .slice = slab * slabs->slab, .lanes = slabs->lanes};
  cut.views = cut.block_views = kvox_min_i64(slabs->block, slabs->views - cut.view);
  cut.slices = kvox_min_i64(slabs->slab, slabs->size[2] - cut.slice);
  set_rows(slabs, &cut);
  return cut;
}

kvox_ct_ocl_block kvox_ct_slabs_block(const kvox_ct_slabs *slabs, int64_t rows, kvox_buffer *buffer) {
  const int64_t columns = slabs->fdk->columns, step = stored_step(slabs, rows);
  return (kvox_ct_ocl_block){.buffer = buffer,
                             .view_step = columns * step,
                             .row_step = slabs->turned ? 1 : columns,
                             .column_step = slabs->turned ? step : 1};
}

kvox_ct_ocl_cut kvox_ct_slabs_part(const kvox_ct_ocl_cut *block, int64_t begin, int64_t views) {
  kvox_ct_ocl_cut cut = *block;
  cut.view += begin;
  cut.block_view = begin;
  cut.views = kvox_min_i64(views, block->views - begin);
  return cut;
}

kvox_status kvox_ct_slabs_slices(const kvox_ct_ocl_cut *cut, const kvox_array *volume, kvox_array *slices) {
  const int64_t begin[3] = {cut->slice, 0, 0}, size[3] = {cut->slices, volume->shape[1], volume->shape[2]};
  return kvox_array_region(volume, begin, size, slices);
}

kvox_array kvox_ct_slabs_array(kvox_buffer *buffer, kvox_type type, int64_t a, int64_t b, int64_t c) {
  const int64_t size = (int64_t)kvox_type_size(type);
  return (kvox_array){
      .type = type, .rank = 3, .shape = {a, b, c}, .strides = {b * c * size, c * size, size}, .buffer = buffer};
}
