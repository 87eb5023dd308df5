/* An execution: items (planes, or volumes where z is transformed) in phases of blocks. */
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "cpu/level.h"
#include "mri/fourier.h"
#include "mri/tiles.h"

const kvox_fourier_kernels *kvox_fourier_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_fourier, cpu_level); }

/* Operations of one sample along one axis, about. */
enum { OPERATIONS = 40, COMPLEX = 2 * sizeof(float) };

/* Bytes that no cache of one core holds. */
enum { CACHES = 16 << 20 };

typedef struct job {
  const char *name;
  const kvox_fourier_way *way;
  const kvox_fourier_kernels *kernels;
  const kvox_array *in, *out;
  int64_t coils; /* 0: each is an image */
  kvox_fourier_needs needs;
  kvox_fourier_share share;
  kvox_threads threads;
  kvox_progress *progress;
  char *memory;
  int64_t phases, phase; /* where items are shared among workers */
} job;

/* What phases of one item, and of one of its coils, work on. */
typedef struct item {
  job *job;
  int32_t worker; /* where the item is one worker's */
  int64_t volume; /* of the input */
  kvox_fourier_view in, out, between;
  float *lines;
} item;

static uint64_t line_bytes(const kvox_fourier_leg *leg, int64_t lines) {
  return (uint64_t)(lines * leg->pitch) * COMPLEX;
}

static void each_leg(const kvox_fourier_way *way, void (*use)(const kvox_fourier_leg *leg, uint64_t *sizes),
                     uint64_t *sizes) {
  for (int32_t i = 0; i < way->plane_legs; i++) {
    use(&way->plane[i], sizes);
  }
  if (way->has_z) {
    use(&way->z, sizes);
  }
}

enum { BLOCK, LOOSE, FFT, PARTS };

static void enlarge(uint64_t *size, uint64_t least) { *size = *size > least ? *size : least; }

static void measure_leg(const kvox_fourier_leg *leg, uint64_t *sizes) {
  enlarge(&sizes[BLOCK], kvox_aligned(line_bytes(leg, KVOX_FOURIER_LINES + 1)));
  const uint64_t samples = (uint64_t)kvox_max_i64(leg->in.used, leg->out.used);
  enlarge(&sizes[LOOSE], kvox_aligned(samples * COMPLEX * (leg->axis == 0 ? 1 : KVOX_FOURIER_LINES)));
  enlarge(&sizes[FFT], kvox_aligned(kvox_fft_scratch_bytes(leg->fft)));
}

/*
 * The volume between z and the other axes. Where the leg beside z is the one along y, both take blocks of neighbours
 * along x: they are stored as [z][block][y][x in it], so that a block of a plane is one run of memory.
 */
static kvox_fourier_view between_of(const kvox_fourier_way *way, char *memory) {
  const int64_t *size = way->z_first ? way->in.used : way->out.used;
  const int64_t row = KVOX_FOURIER_LINES * COMPLEX, blocks = kvox_divide_up(size[0], KVOX_FOURIER_LINES);
  const bool by_blocks = way->plane[way->z_first ? 0 : way->plane_legs - 1].axis == 1;
  return (kvox_fourier_view){.data = memory,
                             .step = {COMPLEX, by_blocks ? row : blocks * row, (blocks * size[1] + 1) * row},
                             .past = size[2] * size[1] * blocks * row > CACHES,
                             .block = by_blocks ? size[1] * row : row};
}

kvox_fourier_needs kvox_fourier_needs_of(const kvox_fourier_way *way) {
  uint64_t sizes[PARTS] = {0};
  each_leg(way, measure_leg, sizes);
  kvox_fourier_needs needs = {.tile = sizes[BLOCK] + sizes[LOOSE] + sizes[FFT]};
  if (way->plane_legs == 2) {
    needs.plane = kvox_aligned(line_bytes(&way->plane[1], way->plane[0].out.used));
  }
  if (way->plane_legs > 0 && way->has_z) {
    const int64_t planes = way->z_first ? way->z.out.used : way->z.in.used;
    needs.volume = (uint64_t)(planes * between_of(way, NULL).step[2]);
  }
  return needs;
}

kvox_fourier_tile kvox_fourier_tile_at(const kvox_fourier_way *way, void *memory) {
  uint64_t sizes[PARTS] = {0};
  each_leg(way, measure_leg, sizes);
  char *at = memory;
  return (kvox_fourier_tile){
      .block = (void *)at, .loose = (void *)(at + sizes[BLOCK]), .fft = at + sizes[BLOCK] + sizes[LOOSE]};
}

/* A worker's own memory, and that of all of them. */
static void split_needs(const kvox_fourier_needs *needs, bool items, uint64_t *own, uint64_t *shared) {
  const uint64_t state = needs->volume != 0 ? needs->volume : needs->plane;
  *own = needs->tile + (items || needs->volume != 0 ? needs->plane : 0) + (items ? needs->volume : 0);
  *shared = items ? 0 : state;
}

uint64_t kvox_fourier_least_bytes(const kvox_mri_fourier *f) {
  const kvox_fourier_way *const ways[] = {&f->to_image, &f->to_kspace};
  uint64_t least = 0;
  for (int i = 0; i < 2; i++) {
    const kvox_fourier_needs needs = kvox_fourier_needs_of(ways[i]);
    uint64_t own = 0, shared = 0;
    split_needs(&needs, false, &own, &shared);
    least = shared + own > least ? shared + own : least;
  }
  return least;
}

/* Volumes up to this size are one worker's: they stay in its caches. */
#define SMALL_VOLUME ((uint64_t)1 << 20)

kvox_status kvox_fourier_share_of(const kvox_mri_fourier *f, const kvox_fourier_way *way, const char *name, bool items,
                                  kvox_fourier_share *share) {
  const kvox_fourier_needs needs = kvox_fourier_needs_of(way);
  uint64_t own = 0, shared = 0;
  *share = (kvox_fourier_share){.items = items && needs.volume <= SMALL_VOLUME, .workers = f->context->threads.limit};
  split_needs(&needs, share->items, &own, &shared);
  if (own > (UINT64_MAX - shared) / (uint64_t)share->workers) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: lines of all workers have more than 2^64 - 1 bytes", name);
  }
  if (share->items && f->limit != 0 && own * (uint64_t)share->workers > f->limit) {
    share->items = false;
    split_needs(&needs, false, &own, &shared);
  }
  if (f->limit != 0 && shared + own > f->limit) {
    return kvox_fail_limit(name, f->limit, shared + own);
  }
  while (f->limit != 0 && shared + own * (uint64_t)share->workers > f->limit) {
    share->workers--;
  }
  share->bytes = shared + own * (uint64_t)share->workers;
  return KVOX_OK;
}

static char *own_memory(const item *i, int32_t worker) {
  const job *j = i->job;
  uint64_t own = 0, shared = 0;
  split_needs(&j->needs, j->share.items, &own, &shared);
  return j->memory + shared + (uint64_t)worker * own;
}

static kvox_fourier_tile tile_of(const item *i, int32_t worker) {
  return kvox_fourier_tile_at(i->job->way, own_memory(i, worker));
}

/* The first sample that is not finite, or the results. */
static kvox_status bad_sample(const item *i) {
  const job *j = i->job;
  const kvox_array *in = j->in;
  const int64_t samples = kvox_mri_volume_samples(in), coils = in->rank > 3 ? kvox_mri_coils_of(in) : 1;
  for (int64_t n = 0; n < samples; n++) {
    float z[2];
    kvox_mri_read(in, i->volume, n, 1, z);
    if (!isfinite(z[0]) || !isfinite(z[1])) {
      return kvox_mri_not_finite(j->name, in, i->volume / coils, i->volume % coils, n);
    }
  }
  return kvox_fail(KVOX_ERROR_DATA, "%s: a result is out of the range of 32-bit floats", j->name);
}

static int64_t lines_left(int64_t all, int64_t begin) { return kvox_min_i64(KVOX_FOURIER_LINES, all - begin); }

/* Lines of a plane's first leg before it, of its second one. */
static int64_t first_lines(const kvox_fourier_way *way) { return way->in.used[way->plane[0].axis == 0 ? 1 : 0]; }

static kvox_status first_block(const item *i, const kvox_fourier_tile *tile, const kvox_fourier_view *in,
                               const kvox_fourier_view *out, float *lines, int64_t begin) {
  const job *j = i->job;
  const kvox_fourier_leg *leg = &j->way->plane[0];
  const int64_t all = first_lines(j->way), count = lines_left(all, begin);
  kvox_fourier_next next = {.begin = begin + KVOX_FOURIER_LINES};
  next.in = next.begin + KVOX_FOURIER_LINES <= all ? in : NULL;
  bool finite = kvox_fourier_take(j->kernels, leg, in, begin, count, &next, tile);
  if (!finite) {
    return bad_sample(i);
  }
  if (j->way->plane_legs == 2) {
    kvox_fourier_hand_on(j->kernels, leg, tile, begin, count, &j->way->plane[1], lines);
  } else {
    finite = kvox_fourier_store(j->kernels, leg, tile, begin, count, out);
  }
  return finite ? KVOX_OK : bad_sample(i);
}

static kvox_status second_block(const item *i, const kvox_fourier_tile *tile, const kvox_fourier_view *out,
                                float *lines, int64_t begin) {
  const job *j = i->job;
  const kvox_fourier_leg *leg = &j->way->plane[1];
  const int64_t count = lines_left(j->way->plane[0].out.used, begin);
  float *before = lines + 2 * begin * leg->pitch;
  kvox_fourier_zero_gap(leg, count, before);
  kvox_fourier_transform(leg, count, before, tile);
  return kvox_fourier_store(j->kernels, leg, tile, begin, count, out) ? KVOX_OK : bad_sample(i);
}

/* Pieces of an item's phases. */
static kvox_status first_piece(void *data, int64_t index, int32_t worker) {
  const item *i = data;
  const kvox_fourier_tile tile = tile_of(i, worker);
  return first_block(i, &tile, &i->in, &i->out, i->lines, index * KVOX_FOURIER_LINES);
}

static kvox_status second_piece(void *data, int64_t index, int32_t worker) {
  const item *i = data;
  const kvox_fourier_tile tile = tile_of(i, worker);
  return second_block(i, &tile, &i->out, i->lines, index * KVOX_FOURIER_LINES);
}

static kvox_status plane_piece(void *data, int64_t z, int32_t worker) {
  const item *i = data;
  const job *j = i->job;
  const kvox_fourier_tile tile = tile_of(i, worker);
  float *lines = (float *)(void *)(own_memory(i, worker) + j->needs.tile);
  kvox_fourier_view in = i->in, out = i->out;
  in.data += z * in.step[2];
  out.data += z * out.step[2];
  for (int64_t begin = 0; begin < first_lines(j->way); begin += KVOX_FOURIER_LINES) {
    KVOX_TRY(first_block(i, &tile, &in, &out, lines, begin));
  }
  for (int64_t begin = 0; j->way->plane_legs == 2 && begin < j->way->plane[0].out.used; begin += KVOX_FOURIER_LINES) {
    KVOX_TRY(second_block(i, &tile, &out, lines, begin));
  }
  return KVOX_OK;
}

/* x and y at the time when z is transformed. */
static const int64_t *z_sizes(const kvox_fourier_way *way) { return way->z_first ? way->in.used : way->out.used; }

/* Tiles of a piece along z, rows and blocks: neighbours lie in the same pages of memory. */
enum { PIECE_ROWS = 4, PIECE_BLOCKS = 4, PIECE_TILES = PIECE_ROWS * PIECE_BLOCKS };

/* One of a piece's tiles; false where there is none. */
static bool z_tile(const item *i, int64_t piece, int64_t tile, kvox_fourier_view *in, kvox_fourier_view *out,
                   int64_t *begin) {
  const int64_t *size = z_sizes(i->job->way);
  const int64_t pieces = kvox_divide_up(size[0], PIECE_BLOCKS * KVOX_FOURIER_LINES);
  const int64_t y = piece / pieces * PIECE_ROWS + tile % PIECE_ROWS;
  *begin = (piece % pieces * PIECE_BLOCKS + tile / PIECE_ROWS) * KVOX_FOURIER_LINES;
  *in = i->in;
  *out = i->out;
  in->data += y * in->step[1];
  out->data += y * out->step[1];
  return tile < PIECE_TILES && y < size[1] && *begin < size[0];
}

static kvox_status z_piece(void *data, int64_t index, int32_t worker) {
  const item *i = data;
  const job *j = i->job;
  const kvox_fourier_leg *leg = &j->way->z;
  const kvox_fourier_tile tile = tile_of(i, worker);
  const int64_t width = z_sizes(j->way)[0];
  for (int64_t t = 0; t < PIECE_TILES; t++) {
    kvox_fourier_view in, out, next_in, next_out;
    kvox_fourier_next next = {NULL, NULL, 0};
    int64_t begin = 0;
    if (!z_tile(i, index, t, &in, &out, &begin)) {
      continue;
    }
    if (z_tile(i, index, t + 1, &next_in, &next_out, &next.begin)) {
      next.in = &next_in;
      next.out = &next_out;
    }
    const int64_t count = lines_left(width, begin);
    if (!kvox_fourier_take(j->kernels, leg, &in, begin, count, &next, &tile) ||
        !kvox_fourier_store(j->kernels, leg, &tile, begin, count, &out)) {
      return bad_sample(i);
    }
  }
  return KVOX_OK;
}

static kvox_status run_phase(item *i, int64_t count, kvox_body body) {
  job *j = i->job;
  if (j->share.items) {
    for (int64_t n = 0; n < count; n++) {
      KVOX_TRY(body(i, n, i->worker));
    }
    return KVOX_OK;
  }
  j->phase++;
  kvox_progress_next(j->progress, j->phase < j->phases ? (double)j->phase / (double)j->phases : 1);
  const kvox_fourier_way *way = j->way;
  const int64_t samples = kvox_max_i64(way->in.used[0], way->out.used[0]) *
                          kvox_max_i64(way->in.used[1], way->out.used[1]) *
                          (way->has_z ? kvox_max_i64(way->in.used[2], way->out.used[2]) : 1);
  return kvox_parallel(&j->threads, count, kvox_work(samples, OPERATIONS), body, i, j->progress);
}

static int64_t phases_of_item(const kvox_fourier_way *way) {
  return way->has_z ? 1 + (way->plane_legs > 0 ? 1 : 0) : way->plane_legs;
}

static kvox_status run_planes(item *i, int64_t planes) { return run_phase(i, planes, plane_piece); }

static kvox_status run_z(item *i) {
  const int64_t *size = z_sizes(i->job->way);
  return run_phase(i, kvox_divide_up(size[1], PIECE_ROWS) * kvox_divide_up(size[0], PIECE_BLOCKS * KVOX_FOURIER_LINES),
                   z_piece);
}

/* One coil of an item. */
static kvox_status run_coil(item *i) {
  const kvox_fourier_way *way = i->job->way;
  if (!way->has_z) {
    KVOX_TRY(run_phase(i, kvox_divide_up(first_lines(way), KVOX_FOURIER_LINES), first_piece));
    return way->plane_legs < 2 ? KVOX_OK
                               : run_phase(i, kvox_divide_up(way->plane[0].out.used, KVOX_FOURIER_LINES), second_piece);
  }
  if (way->plane_legs == 0) {
    return run_z(i);
  }
  item before = *i, after = *i;
  before.out = i->between;
  after.in = i->between;
  if (way->z_first) {
    KVOX_TRY(run_z(&before));
    return run_planes(&after, way->z.out.used);
  }
  KVOX_TRY(run_planes(&before, way->z.in.used));
  return run_z(&after);
}

static kvox_fourier_view view_of(const kvox_array *array, const kvox_fourier_part *part, int64_t volume, int64_t z) {
  kvox_fourier_view view = {.data = kvox_mri_volume(array, volume), .squares = array->type == KVOX_F32};
  for (int32_t d = 0; d < 3; d++) {
    /* An only element's stride may be any number: one that makes it a dense row is as good. */
    const int64_t stride = array->strides[array->rank - 1 - d];
    view.step[d] = array->shape[array->rank - 1 - d] > 1 ? stride : (int64_t)kvox_type_size(array->type);
    view.data += part->first[d] * view.step[d];
  }
  view.data += z * view.step[2];
  view.block = KVOX_FOURIER_LINES * view.step[0];
  view.past = kvox_array_elements(array) > CACHES / COMPLEX;
  return view;
}

/* Items are counted over volumes of the output, then planes where z is not transformed. */
static int64_t planes_of(const kvox_fourier_way *way) { return way->has_z ? 1 : way->in.used[2]; }

static kvox_status run_item(void *data, int64_t index, int32_t worker) {
  job *j = data;
  const kvox_fourier_way *way = j->way;
  const int64_t planes = planes_of(way), volume = index / planes, z = index % planes;
  const int64_t coils = kvox_max_i64(j->coils, 1);
  item i = {.job = j, .worker = worker};
  char *state = j->share.items ? own_memory(&i, worker) + j->needs.tile : j->memory;
  i.lines = (float *)(void *)state;
  if (j->needs.volume != 0) {
    i.between = between_of(way, j->share.items ? state + j->needs.plane : state);
  }
  for (int64_t c = 0; c < coils; c++) {
    i.volume = volume * coils + c;
    i.in = view_of(j->in, &way->in, i.volume, z);
    i.out = view_of(j->out, &way->out, volume, z);
    i.out.which = (c == 0 ? KVOX_FOURIER_FIRST : 0) | (c == coils - 1 ? KVOX_FOURIER_LAST : 0);
    KVOX_TRY(run_coil(&i));
  }
  return KVOX_OK;
}

/* Samples of a row of k-space that no transform covers: all of it, or what lies on either side of those. */
static kvox_status clear_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const job *j = data;
  const kvox_fourier_part *part = &j->way->out;
  static const float zeros[2 * KVOX_MRI_TILE] = {0};
  const int64_t *size = part->size, y = row % size[1], z = row / size[1] % size[2], begin = row * size[0];
  const int64_t rows = y - part->first[1], planes = z - part->first[2];
  const bool covered = rows >= 0 && rows < part->used[1] && planes >= 0 && planes < part->used[2];
  for (int64_t x = 0; x < size[0];) {
    if (covered && x == part->first[0]) {
      x += part->used[0];
      continue;
    }
    const int64_t end = covered && x < part->first[0] ? part->first[0] : size[0];
    const int64_t count = kvox_min_i64(KVOX_MRI_TILE, end - x), volume = size[0] * size[1] * size[2];
    kvox_mri_write(j->out, begin / volume, begin % volume + x, count, zeros);
    x += count;
  }
  return KVOX_OK;
}

static kvox_status clear_unused(job *j) {
  const int64_t *size = j->way->out.size, samples = kvox_array_elements(j->out);
  if (memcmp(size, j->way->out.used, sizeof j->way->out.size) == 0) {
    return KVOX_OK;
  }
  return kvox_parallel(&j->threads, samples / size[0], samples, clear_row, j, NULL);
}

static kvox_status run_all(job *j, int64_t items, int64_t work) {
  KVOX_TRY(clear_unused(j));
  if (j->share.items) {
    kvox_progress_next(j->progress, 1);
    return kvox_parallel(&j->threads, items, work, run_item, j, j->progress);
  }
  j->phases = items * kvox_max_i64(j->coils, 1) * phases_of_item(j->way);
  for (int64_t n = 0; n < items; n++) {
    KVOX_TRY(run_item(j, n, 0));
  }
  return KVOX_OK;
}

kvox_status kvox_fourier_run(const kvox_mri_fourier *fourier, const kvox_fourier_way *way, const char *name,
                             kvox_workspace *workspace, const kvox_array *in, const kvox_array *out, int64_t coils) {
  kvox_context *context = fourier->context;
  const int64_t items = kvox_mri_volumes(out) * planes_of(way), threads = context->threads.limit;
  /* Whole items keep a worker in its caches, as long as none waits for another in the end. */
  const bool whole = items >= 4 * threads || items % threads == 0;
  const int64_t samples = kvox_max_i64(kvox_array_elements(in), kvox_array_elements(out));
  job j = {.name = name,
           .way = way,
           .kernels = kvox_fourier_kernels_of(context->cpu_level),
           .in = in,
           .out = out,
           .coils = coils,
           .needs = kvox_fourier_needs_of(way),
           .threads = context->threads};
  KVOX_TRY(kvox_fourier_share_of(fourier, way, name, whole, &j.share));
  j.threads.limit = j.share.workers;
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  kvox_status status = kvox_workspace_begin(taken, j.share.bytes);
  if (status == KVOX_OK) {
    const double begin = kvox_now();
    j.memory = taken->block;
    j.progress = &taken->progress;
    status = run_all(&j, items, kvox_work(samples, OPERATIONS));
    kvox_workspace_add(taken, "fourier", kvox_now() - begin);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}
