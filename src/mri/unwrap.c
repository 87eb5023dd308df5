#include "mri/unwrap_nodes.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "kvox/mri_maps.h"
#include "mri/tiles.h"

static const double two_pi = 6.283185307179586;

/* What rounds beyond half a turn by less counts as half a turn. */
static const double beyond_half = 1e-6;

/* Operations of a voxel in all. */
enum { OPERATIONS = 512 };

/* Shares of the whole at which the steps of a piece end. */
static const double rated = 0.2, joined = 0.85;

typedef struct unwrap_job {
  const kvox_array *phase, *mask, *unwrapped;
  double period;
  int64_t pieces, in_volume; /* pieces of a volume: 1, or its slices */
  kvox_unwrap plan;          /* of a piece: its size and cuts */
  int64_t voxels;
  bool side_by_side; /* pieces that are slices, a thread each; else one after the other, all threads in each */
  char *blocks;      /* one for each worker */
  uint64_t block_bytes;
  kvox_progress *progress; /* NULL: side by side */
} unwrap_job;

/* The piece that is worked on. */
typedef struct unwrap_piece {
  const unwrap_job *job;
  kvox_unwrap u;
  int64_t index;
} unwrap_piece;

void kvox_mri_unwrap_options_init_sized(kvox_mri_unwrap_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

void kvox_unwrap_cut(kvox_unwrap *u) {
  int64_t longest[3];
  for (int a = 0; a < 3; a++) {
    u->parts[a] = 1;
    longest[a] = u->size[a];
  }
  while (longest[0] * longest[1] * longest[2] > KVOX_UNWRAP_BLOCK) {
    int axis = 2;
    for (int a = 1; a >= 0; a--) {
      axis = longest[a] > longest[axis] ? a : axis;
    }
    u->parts[axis]++;
    longest[axis] = kvox_divide_up(u->size[axis], u->parts[axis]);
  }
}

/*
 * Pairs that blocks may leave over: those of two blocks, one for each voxel before a cut, and those between closed
 * groups of one block, less than its voxels beside cuts (each closed group has one). Twice half the voxels is what bins
 * need.
 */
static int64_t room_of(const kvox_unwrap *u) {
  int64_t beside = 0;
  for (int a = 0; a < 3; a++) {
    beside += (u->parts[a] - 1) * (u->voxels / u->size[a]);
  }
  return kvox_round_up(kvox_max_i64(u->voxels / 2, 3 * beside) + 1, 8);
}

uint64_t kvox_unwrap_bytes(const kvox_unwrap *u, int32_t workers) {
  const uint64_t floats = (uint64_t)kvox_round_up(u->voxels, 16) * sizeof(float);
  return 2 * floats + (uint64_t)kvox_round_up(u->voxels, 8) * sizeof(int64_t) +
         2 * (uint64_t)room_of(u) * sizeof(uint64_t) + 2 * (uint64_t)KVOX_UNWRAP_BUCKETS * sizeof(int64_t) +
         (uint64_t)workers * kvox_unwrap_block_bytes(u);
}

void kvox_unwrap_lay(kvox_unwrap *u, void *block) {
  u->room = room_of(u);
  u->turns = block;
  u->reliability = u->turns + kvox_round_up(u->voxels, 16);
  u->nodes = (kvox_unwrap_node *)(void *)(u->reliability + kvox_round_up(u->voxels, 16));
  u->edges = (uint64_t *)(void *)(u->nodes + kvox_round_up(u->voxels, 8));
  u->others = u->edges + u->room;
  u->counts = (int64_t *)(void *)(u->others + u->room);
  u->scratch = (char *)(u->counts + 2 * KVOX_UNWRAP_BUCKETS);
  u->scratch_bytes = kvox_unwrap_block_bytes(u);
  atomic_init(&u->beyond, false);
}

kvox_status kvox_unwrap_each(const kvox_unwrap *u, int64_t count, int64_t work, kvox_body body, void *data,
                             kvox_progress *progress) {
  if (u->threads != NULL) {
    return kvox_parallel(u->threads, count, work, body, data, progress);
  }
  for (int64_t i = 0; i < count; i++) {
    KVOX_TRY(body(data, i, 0));
  }
  return KVOX_OK;
}

/* The whole periods nearest to a value. */
static double whole(double turns) { return ceil(turns - 0.5 - beyond_half); }

/* Tiles of a piece: where they lie in the arrays. */
static kvox_mri_tile tile_of(const unwrap_piece *p, int64_t tile) {
  const int64_t begin = tile * KVOX_MRI_TILE;
  return (kvox_mri_tile){.volume = p->index / p->job->in_volume,
                         .begin = p->index % p->job->in_volume * p->job->voxels + begin,
                         .count = kvox_min_i64(KVOX_MRI_TILE, p->job->voxels - begin)};
}

static void read_mask(const unwrap_job *job, const kvox_mri_tile *at, uint8_t *mask) {
  if (job->mask == NULL) {
    memset(mask, 1, (size_t)at->count);
    return;
  }
  kvox_mri_read(job->mask, at->volume % kvox_mri_volumes(job->mask), at->begin, at->count, mask);
}

static kvox_status load_tile(void *data, int64_t tile, int32_t worker) {
  (void)worker;
  const unwrap_piece *p = data;
  const unwrap_job *job = p->job;
  const kvox_mri_tile at = tile_of(p, tile);
  float values[KVOX_MRI_TILE], *turns = p->u.turns + tile * KVOX_MRI_TILE;
  uint8_t mask[KVOX_MRI_TILE];
  kvox_mri_read(job->phase, at.volume, at.begin, at.count, values);
  read_mask(job, &at, mask);
  for (int64_t i = 0; i < at.count; i++) {
    const double value = values[i] / job->period;
    if (mask[i] != 0 && !isfinite(value)) {
      const int64_t *shape = job->phase->shape + job->phase->rank - 3, n = at.begin + i;
      return kvox_fail(KVOX_ERROR_DATA,
                       "kvox_mri_unwrap: phase: the value of volume %" PRId64 " at z %" PRId64 ", y %" PRId64
                       ", x %" PRId64 " is NaN or infinite, within the mask",
                       at.volume, n / (shape[1] * shape[2]), n / shape[2] % shape[1], n % shape[2]);
    }
    turns[i] = mask[i] != 0 ? (float)(value - whole(value)) : NAN;
  }
  return KVOX_OK;
}

static kvox_status rate_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const unwrap_piece *p = data;
  kvox_unwrap_rate(&p->u, row);
  return KVOX_OK;
}

static kvox_status store_tile(void *data, int64_t tile, int32_t worker) {
  (void)worker;
  const unwrap_piece *p = data;
  const unwrap_job *job = p->job;
  const kvox_mri_tile at = tile_of(p, tile);
  float values[KVOX_MRI_TILE];
  kvox_mri_read(job->phase, at.volume, at.begin, at.count, values);
  for (int64_t i = 0; i < at.count; i++) {
    const int64_t voxel = tile * KVOX_MRI_TILE + i;
    const double value = values[i], added = (double)kvox_unwrap_added(&p->u, voxel) - whole(value / job->period);
    values[i] = isnan(p->u.turns[voxel]) ? 0 : (float)(value + job->period * added);
  }
  kvox_mri_write(job->unwrapped, at.volume, at.begin, at.count, values);
  return KVOX_OK;
}

/* What comes next goes up to this share of the piece. */
static void next_share(const unwrap_piece *p, double share) {
  if (p->job->progress != NULL) {
    kvox_progress_next(p->job->progress, ((double)p->index + share) / (double)p->job->pieces);
  }
}

/* `threads` NULL: this thread alone. */
static kvox_status unwrap_piece_of(const unwrap_job *job, int64_t index, void *block, const kvox_threads *threads) {
  unwrap_piece p = {.job = job, .index = index, .u = job->plan};
  p.u.threads = threads;
  kvox_unwrap_lay(&p.u, block);
  const int64_t tiles = kvox_divide_up(job->voxels, KVOX_MRI_TILE), rows = job->voxels / p.u.size[0];
  KVOX_TRY(kvox_unwrap_each(&p.u, tiles, kvox_work(job->voxels, 16), load_tile, &p, NULL));
  next_share(&p, rated);
  KVOX_TRY(kvox_unwrap_each(&p.u, rows, kvox_work(job->voxels, 128), rate_row, &p, job->progress));
  next_share(&p, joined);
  KVOX_TRY(kvox_unwrap_join(&p.u, job->progress));
  next_share(&p, 1);
  KVOX_TRY(kvox_unwrap_place(&p.u));
  return kvox_unwrap_each(&p.u, tiles, kvox_work(job->voxels, 16), store_tile, &p, job->progress);
}

static kvox_status unwrap_slice(void *data, int64_t index, int32_t worker) {
  const unwrap_job *job = data;
  return unwrap_piece_of(job, index, job->blocks + (uint64_t)worker * job->block_bytes, NULL);
}

static kvox_status unwrap_pieces(kvox_context *context, unwrap_job *job, kvox_progress *progress) {
  if (job->side_by_side) {
    kvox_progress_next(progress, 1);
    return kvox_parallel(&context->threads, job->pieces, kvox_work(kvox_array_elements(job->phase), OPERATIONS),
                         unwrap_slice, job, progress);
  }
  job->progress = progress;
  for (int64_t i = 0; i < job->pieces; i++) {
    KVOX_TRY(unwrap_piece_of(job, i, job->blocks, &context->threads));
  }
  return KVOX_OK;
}

/* The pieces of a shape, and the bytes that a workspace needs. */
static kvox_status lay_out(const kvox_context *context, const kvox_mri_unwrap_options *options, int32_t rank,
                           const int64_t *shape, unwrap_job *job, uint64_t *bytes) {
  char number[KVOX_NUMBER_BYTES];
  kvox_mri_unwrap_options known = {0};
  if (options != NULL) {
    KVOX_TRY(kvox_options_load(&known, sizeof known, options, "kvox_mri_unwrap: options"));
  }
  if (known.dimensions != 0 && known.dimensions != 2 && known.dimensions != 3) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_unwrap: dimensions is %" PRId32 ", must be 2, or 3 or 0 for it",
                     known.dimensions);
  }
  if (!(known.period >= 0 && isfinite(known.period))) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_unwrap: period is %s, must be positive, or 0 for 2 pi",
                     kvox_number(known.period, number));
  }
  int64_t volumes = 1;
  for (int32_t d = 0; d < rank - 3; d++) {
    volumes *= shape[d];
  }
  const int64_t *last = shape + rank - 3;
  job->period = known.period > 0 ? known.period : two_pi;
  job->mask = known.mask;
  job->in_volume = known.dimensions == 2 ? last[0] : 1;
  job->pieces = volumes * job->in_volume;
  job->voxels = last[2] * last[1] * (known.dimensions == 2 ? 1 : last[0]);
  job->plan = (kvox_unwrap){.size = {last[2], last[1], known.dimensions == 2 ? 1 : last[0]}, .voxels = job->voxels};
  if (job->voxels > KVOX_UNWRAP_MOST_VOXELS) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED, "kvox_mri_unwrap: %" PRId64 " voxels together, at most 2^36 can be joined",
                     job->voxels);
  }
  kvox_unwrap_cut(&job->plan);
  job->side_by_side = job->pieces > 1 && job->plan.size[2] == 1;
  const int64_t work = kvox_work(kvox_work(job->pieces, job->voxels), OPERATIONS);
  const int64_t *parts = job->plan.parts, blocks = parts[0] * parts[1] * parts[2];
  const int32_t workers = kvox_workers(&context->threads, job->side_by_side ? job->pieces : blocks, work);
  job->block_bytes = kvox_unwrap_bytes(&job->plan, job->side_by_side ? 1 : workers);
  *bytes = (uint64_t)(job->side_by_side ? workers : 1) * job->block_bytes;
  return KVOX_OK;
}

static kvox_status check_mask(const kvox_array *mask, const kvox_array *phase, const kvox_array *unwrapped) {
  static const char name[] = "kvox_mri_unwrap: mask";
  KVOX_TRY(kvox_array_check(mask, name, KVOX_TYPE_BIT(KVOX_U8)));
  const int32_t rank = mask->rank == 3 ? 3 : phase->rank;
  KVOX_TRY(kvox_array_check_shape(mask, name, KVOX_TYPE_BIT(KVOX_U8), rank, phase->shape + phase->rank - rank));
  return kvox_array_check_apart(mask, "mask", unwrapped, "unwrapped");
}

static kvox_status check(const kvox_array *phase, const kvox_array *unwrapped) {
  static const char in_name[] = "kvox_mri_unwrap: phase", out_name[] = "kvox_mri_unwrap: unwrapped";
  KVOX_TRY(kvox_array_check(phase, in_name, KVOX_TYPE_BIT(KVOX_F32)));
  if (phase->rank < 3) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: rank %" PRId32 ", must be at least 3: [.., z, y, x]", in_name,
                     phase->rank);
  }
  KVOX_TRY(kvox_array_check_shape(unwrapped, out_name, KVOX_TYPE_BIT(KVOX_F32), phase->rank, phase->shape));
  KVOX_TRY(kvox_array_check_result(unwrapped, out_name));
  return kvox_array_is_same(phase, unwrapped) ? KVOX_OK
                                              : kvox_array_check_apart(phase, "phase", unwrapped, "unwrapped");
}

static kvox_status execute(kvox_context *context, unwrap_job *job, uint64_t bytes, kvox_workspace *workspace) {
  KVOX_TRY(kvox_workspace_begin(workspace, bytes));
  job->blocks = workspace->block;
  const double begin = kvox_now();
  const kvox_status status = unwrap_pieces(context, job, &workspace->progress);
  kvox_workspace_add(workspace, "unwrap", kvox_now() - begin);
  return status;
}

kvox_status kvox_mri_unwrap(kvox_context *context, const kvox_mri_unwrap_options *options, kvox_workspace *workspace,
                            const kvox_array *phase, const kvox_array *unwrapped) {
  KVOX_REQUIRE(context);
  KVOX_TRY(check(phase, unwrapped));
  unwrap_job job = {.phase = phase, .unwrapped = unwrapped};
  uint64_t bytes = 0;
  KVOX_TRY(lay_out(context, options, phase->rank, phase->shape, &job, &bytes));
  if (job.mask != NULL) {
    KVOX_TRY(check_mask(job.mask, phase, unwrapped));
  }
  if (context->memory_limit > 0 && bytes > context->memory_limit) {
    return kvox_fail_limit("kvox_mri_unwrap", context->memory_limit, bytes);
  }
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  const kvox_status status = execute(context, &job, bytes, taken);
  kvox_workspace_give_up(workspace, taken);
  return status;
}

kvox_status kvox_mri_unwrap_memory(const kvox_context *context, const kvox_mri_unwrap_options *options, int32_t rank,
                                   const int64_t *shape, kvox_memory_use *memory) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(shape);
  KVOX_REQUIRE(memory);
  kvox_array array;
  KVOX_TRY(kvox_array_dense(&array, "kvox_mri_unwrap_memory: shape", NULL, KVOX_F32, rank, shape));
  if (rank < 3) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_unwrap_memory: rank %" PRId32 ", must be at least 3: [.., z, y, x]",
                     rank);
  }
  unwrap_job job = {0};
  uint64_t bytes = 0;
  KVOX_TRY(lay_out(context, options, rank, shape, &job, &bytes));
  *memory = (kvox_memory_use){.workspace = bytes};
  return KVOX_OK;
}
