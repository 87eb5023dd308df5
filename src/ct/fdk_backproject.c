/* Blocks to voxels: tiles of the grid with z innermost, turned over into the volume. */
#include <string.h>

#include "core/array.h"
#include "core/size.h"
#include "ct/fdk.h"

/* Views that pass over a tile at once: their samples of it stay in the second-level cache with its voxels. */
enum { PASS = 4 };

/* Voxels and rows that are turned over together. */
enum { GROUP = KVOX_STACK };

typedef struct tile_job {
  const kvox_ct_fdk *fdk;
  const kvox_ct_fdk_part *part;
  void *workspace_block;
  const kvox_array *volume;
  int64_t across, chunks; /* tiles along x, chunks of the slab */
} tile_job;

/* What of a worker's scratch is whose. */
typedef struct scratch {
  float *voxels; /* [y][x][chunk], GROUP - 1 pixels more than a tile */
  float *turned; /* [chunk][GROUP], or [KVOX_FDK_TILE][GROUP] */
  float *slices; /* [GROUP][KVOX_FDK_TILE] */
} scratch;

static int64_t chunk_voxels(const kvox_ct_fdk *fdk) { return fdk->chunk * KVOX_CONE_BLOCK; }

static scratch take_scratch(const kvox_ct_fdk *fdk, void *memory) {
  scratch s = {.voxels = memory};
  s.turned = s.voxels + (KVOX_FDK_TILE * KVOX_FDK_TILE + GROUP) * chunk_voxels(fdk);
  s.slices = s.turned + kvox_max_i64(chunk_voxels(fdk), KVOX_FDK_TILE) * GROUP;
  return s;
}

uint64_t kvox_ct_fdk_tile_scratch(const kvox_ct_fdk *fdk) {
  if (fdk->thin) {
    return kvox_ct_fdk_thin_scratch(fdk);
  }
  const int64_t floats = (KVOX_FDK_TILE * KVOX_FDK_TILE + GROUP) * chunk_voxels(fdk) +
                         kvox_max_i64(chunk_voxels(fdk), KVOX_FDK_TILE) * GROUP + GROUP * KVOX_FDK_TILE;
  return (uint64_t)kvox_round_up(floats * (int64_t)sizeof(float), KVOX_ALIGNMENT);
}

/* The voxels of the region that a tile holds: pixels relative to it, slices begin ... end - 1 relative to its blocks.
 */
typedef struct place {
  kvox_cone_tile tile;
  int64_t x, y, z; /* its first voxel of all, in the region; z may be negative */
  int64_t z_begin, z_end;
} place;

static place place_tile(const tile_job *job, int64_t index, const scratch *s) {
  const kvox_ct_fdk *f = job->fdk;
  const int64_t chunk = index % job->chunks, pixel_tile = index / job->chunks;
  place p = {.x = pixel_tile % job->across * KVOX_FDK_TILE, .y = pixel_tile / job->across * KVOX_FDK_TILE};
  p.tile = (kvox_cone_tile){.columns = f->columns,
                            .fan = f->geometry->beam == KVOX_CT_FAN,
                            .row = job->part->row,
                            .rows = job->part->rows,
                            .step = f->step,
                            .x = f->begin[0] + p.x,
                            .y = f->begin[1] + p.y,
                            .width = kvox_min_i64(KVOX_FDK_TILE, f->size[0] - p.x),
                            .height = kvox_min_i64(KVOX_FDK_TILE, f->size[1] - p.y),
                            .block = job->part->first_block + chunk * f->chunk,
                            .blocks = kvox_min_i64(f->chunk, job->part->blocks - chunk * f->chunk),
                            .voxels = s->voxels};
  p.z = p.tile.block * KVOX_CONE_BLOCK - f->begin[2];
  p.z_begin = kvox_max_i64(-p.z, 0);
  p.z_end = kvox_min_i64(p.tile.blocks * KVOX_CONE_BLOCK, f->size[2] - p.z);
  return p;
}

static float *volume_row(const tile_job *job, const place *p, int64_t z, int64_t y) {
  const int64_t index[3] = {p->z + z, p->y + y, p->x};
  return kvox_array_at(job->volume, 3, index);
}

static void load_tile(const tile_job *job, const place *p, const scratch *s) {
  const int64_t run = p->tile.blocks * KVOX_CONE_BLOCK, width = p->tile.width;
  for (int64_t y = 0; y < p->tile.height; y++) {
    float *pixels = s->voxels + y * width * run;
    for (int64_t z = 0; z < run; z += GROUP) {
      for (int64_t k = 0; k < GROUP; k++) {
        if (z + k >= p->z_begin && z + k < p->z_end) {
          memcpy(s->slices + k * KVOX_FDK_TILE, volume_row(job, p, z + k, y), (size_t)width * sizeof(float));
        } else {
          memset(s->slices + k * KVOX_FDK_TILE, 0, (size_t)width * sizeof(float));
        }
      }
      job->fdk->filter->kernels->interleave(s->slices, KVOX_FDK_TILE, width, s->turned);
      for (int64_t x = 0; x < width; x++) {
        memcpy(pixels + x * run + z, s->turned + x * GROUP, GROUP * sizeof(float));
      }
    }
  }
}

static void store_tile(const tile_job *job, const place *p, const scratch *s) {
  const kvox_ct_fdk *f = job->fdk;
  const bool last = job->part->view + job->part->views == f->geometry->views;
  const float scale = last ? f->scale : 1, offset = last ? f->offset : 0;
  const int64_t run = p->tile.blocks * KVOX_CONE_BLOCK, width = p->tile.width;
  for (int64_t y = 0; y < p->tile.height; y++) {
    for (int64_t x = 0; x < width; x += GROUP) {
      const int64_t count = kvox_min_i64(GROUP, width - x);
      f->filter->kernels->interleave(s->voxels + (y * width + x) * run, run, run, s->turned);
      for (int64_t z = p->z_begin; z < p->z_end; z++) {
        float *row = volume_row(job, p, z, y) + x;
        for (int64_t i = 0; i < count; i++) {
          row[i] = scale * s->turned[z * GROUP + i] + offset;
        }
      }
    }
  }
}

/* The tile as views given by themselves take it. */
static void backproject_views(const kvox_ct_fdk *f, const kvox_ct_fdk_part *part, const kvox_cone_tile *t) {
  kvox_oblique_view views[PASS];
  kvox_oblique_tile tile = {.views = views,
                            .columns = t->columns,
                            .row = t->row,
                            .rows = t->rows,
                            .step = t->step,
                            .x = t->x,
                            .y = t->y,
                            .width = t->width,
                            .height = t->height,
                            .block = t->block,
                            .blocks = t->blocks,
                            .voxels = t->voxels};
  for (int64_t v = 0; v < part->views; v += PASS) {
    tile.count = kvox_min_i64(PASS, part->views - v);
    for (int64_t n = 0; n < tile.count; n++) {
      views[n] = f->seen[part->view + v + n];
      views[n].samples = kvox_ct_fdk_samples(f, part, v + n);
    }
    kvox_oblique_kernels_of(f->context->cpu_level)->backproject(&tile);
  }
}

static kvox_status backproject_tile(void *data, int64_t index, int32_t worker) {
  const tile_job *job = data;
  const kvox_ct_fdk *f = job->fdk;
  const scratch s = take_scratch(f, kvox_ct_fdk_scratch(f, job->workspace_block, worker));
  place p = place_tile(job, index, &s);
  kvox_cone_view views[PASS];
  if (job->part->view > 0) {
    load_tile(job, &p, &s);
  } else {
    memset(s.voxels, 0, (size_t)(p.tile.width * p.tile.height * p.tile.blocks * KVOX_CONE_BLOCK) * sizeof(float));
  }
  p.tile.views = views;
  if (f->seen != NULL) {
    backproject_views(f, job->part, &p.tile);
  }
  for (int64_t v = 0; f->seen == NULL && v < job->part->views; v += PASS) {
    p.tile.count = kvox_min_i64(PASS, job->part->views - v);
    for (int64_t n = 0; n < p.tile.count; n++) {
      views[n] = f->views[job->part->view + v + n];
      views[n].samples = kvox_ct_fdk_samples(f, job->part, v + n);
    }
    f->kernels->backproject(&p.tile);
  }
  store_tile(job, &p, &s);
  return KVOX_OK;
}

kvox_status kvox_ct_fdk_backproject(const kvox_ct_fdk *fdk, const kvox_ct_fdk_part *part, kvox_workspace *workspace,
                                    const kvox_array *volume) {
  if (fdk->thin) {
    return kvox_ct_fdk_backproject_thin(fdk, part, workspace, volume);
  }
  tile_job job = {.fdk = fdk, .part = part, .workspace_block = workspace->block, .volume = volume};
  job.across = kvox_divide_up(fdk->size[0], KVOX_FDK_TILE);
  job.chunks = kvox_divide_up(part->blocks, fdk->chunk);
  const int64_t tiles = job.across * kvox_divide_up(fdk->size[1], KVOX_FDK_TILE) * job.chunks;
  const int64_t work = kvox_work(kvox_work(fdk->size[0], fdk->size[1]), kvox_work(part->views, part->blocks * 16));
  kvox_threads threads = fdk->context->threads;
  threads.limit = fdk->workers;
  return kvox_parallel(&threads, tiles, work, backproject_tile, &job, &workspace->progress);
}
