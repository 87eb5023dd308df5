/* Blocks to voxels of a region of few slices; see thin.h. Tiles hold rows of pixels, as the volume does. */
#include <string.h>

#include "core/array.h"
#include "core/size.h"
#include "ct/fdk.h"
#include "ct/thin.h"

/* Views that pass over a tile at once, and the pixels of its height: samples and voxels stay in the nearest cache. */
enum { PASS = 8, HEIGHT = 32 };

typedef struct thin_job {
  const kvox_ct_fdk *fdk;
  const kvox_ct_fdk_part *part;
  void *workspace_block;
  const kvox_array *volume;
  int64_t across; /* tiles along x */
} thin_job;

uint64_t kvox_ct_fdk_thin_scratch(const kvox_ct_fdk *fdk) {
  return (uint64_t)(KVOX_THIN_WIDTH * HEIGHT * fdk->size[2]) * sizeof(float);
}

static float *volume_row(const thin_job *job, const kvox_thin_tile *tile, int64_t slice, int64_t y) {
  const int64_t *begin = job->fdk->begin;
  const int64_t index[3] = {slice, tile->y - begin[1] + y, tile->x - begin[0]};
  return kvox_array_at(job->volume, 3, index);
}

static void load_tile(const thin_job *job, const kvox_thin_tile *tile) {
  float *row = tile->voxels;
  for (int64_t k = 0; k < tile->slices; k++) {
    for (int64_t y = 0; y < tile->height; y++, row += KVOX_THIN_WIDTH) {
      memcpy(row, volume_row(job, tile, k, y), (size_t)tile->width * sizeof *row);
    }
  }
}

static void store_tile(const thin_job *job, const kvox_thin_tile *tile) {
  const kvox_ct_fdk *f = job->fdk;
  const bool last = job->part->view + job->part->views == f->geometry->views;
  const float scale = last ? f->scale : 1, offset = last ? f->offset : 0;
  const float *row = tile->voxels;
  for (int64_t k = 0; k < tile->slices; k++) {
    for (int64_t y = 0; y < tile->height; y++, row += KVOX_THIN_WIDTH) {
      float *to = volume_row(job, tile, k, y);
      for (int64_t x = 0; x < tile->width; x++) {
        to[x] = scale * row[x] + offset;
      }
    }
  }
}

static kvox_thin_tile place_tile(const thin_job *job, int64_t index, float *voxels) {
  const kvox_ct_fdk *f = job->fdk;
  const int64_t x = index % job->across * KVOX_THIN_WIDTH, y = index / job->across * HEIGHT;
  return (kvox_thin_tile){.columns = f->columns,
                          .fan = f->geometry->beam == KVOX_CT_FAN,
                          .row = job->part->row,
                          .rows = job->part->rows,
                          .step = f->step,
                          .x = f->begin[0] + x,
                          .y = f->begin[1] + y,
                          .width = kvox_min_i64(KVOX_THIN_WIDTH, f->size[0] - x),
                          .height = kvox_min_i64(HEIGHT, f->size[1] - y),
                          .slice = f->begin[2],
                          .slices = f->size[2],
                          .voxels = voxels};
}

static kvox_status backproject_tile(void *data, int64_t index, int32_t worker) {
  const thin_job *job = data;
  const kvox_ct_fdk *f = job->fdk;
  const kvox_ct_fdk_part *part = job->part;
  kvox_thin_tile tile = place_tile(job, index, kvox_ct_fdk_scratch(f, job->workspace_block, worker));
  kvox_cone_view views[PASS];
  memset(tile.voxels, 0, kvox_ct_fdk_thin_scratch(f));
  if (part->view > 0) {
    load_tile(job, &tile);
  }
  tile.views = views;
  for (int64_t v = 0; v < part->views; v += PASS) {
    tile.count = kvox_min_i64(PASS, part->views - v);
    for (int64_t n = 0; n < tile.count; n++) {
      views[n] = f->views[part->view + v + n];
      views[n].samples = kvox_ct_fdk_samples(f, part, v + n);
    }
    kvox_thin_kernels_of(f->context->cpu_level)->backproject(&tile);
  }
  store_tile(job, &tile);
  return KVOX_OK;
}

kvox_status kvox_ct_fdk_backproject_thin(const kvox_ct_fdk *fdk, const kvox_ct_fdk_part *part,
                                         kvox_workspace *workspace, const kvox_array *volume) {
  thin_job job = {.fdk = fdk, .part = part, .workspace_block = workspace->block, .volume = volume};
  job.across = kvox_divide_up(fdk->size[0], KVOX_THIN_WIDTH);
  const int64_t tiles = job.across * kvox_divide_up(fdk->size[1], HEIGHT);
  const int64_t work = kvox_work(kvox_work(fdk->size[0], fdk->size[1]), kvox_work(part->views, fdk->size[2]));
  kvox_threads threads = fdk->context->threads;
  threads.limit = fdk->workers;
  return kvox_parallel(&threads, tiles, work, backproject_tile, &job, &workspace->progress);
}
