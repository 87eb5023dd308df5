/* Streams of a parallel beam: every stack of slices has a ring of its own. */
#include "core/size.h"
#include "ct/stream.h"

static const kvox_ct_stream_cut *cut_of(const kvox_ct_fbp_plan *plan) { return &plan->cpu.tiles.stream; }

static uint64_t bytes_of(const kvox_ct_fbp_plan *plan) { return kvox_ct_tiles_workspace(&plan->cpu.tiles); }

static kvox_ct_stream_rows see_rows(const kvox_ct_fbp_plan *plan) {
  const kvox_ct_tiles *t = &plan->cpu.tiles;
  int64_t first = plan->geometry->rows, last = 0;
  for (int64_t k = 0; k < t->size[2]; k++) {
    first = kvox_min_i64(first, t->places[k].row);
    last = kvox_max_i64(last, t->places[k].row + (t->places[k].fraction != 0 ? 1 : 0));
  }
  return (kvox_ct_stream_rows){.row = first, .rows = last - first + 1, .columns = plan->geometry->columns};
}

/* Slices rise with the rows: the last that begins at `row` or before it tells. */
static bool sees_row(const kvox_ct_fbp_plan *plan, int64_t row) {
  const kvox_ct_tiles *t = &plan->cpu.tiles;
  int64_t low = 0, high = t->size[2];
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    *(t->places[middle].row <= row ? &low : &high) = middle;
  }
  const kvox_ct_row_place place = t->places[low];
  return place.row == row || (place.row == row - 1 && place.fraction != 0);
}

static kvox_ct_part part_of(const kvox_ct_stream *s, int64_t group, int64_t view, int64_t views) {
  const kvox_ct_tiles *t = &s->plan->cpu.tiles;
  kvox_ct_part part = kvox_ct_tiles_group(t, group);
  part.block = (float *)s->workspace->block + part.slice * s->cut->ring * t->width;
  part.view = view;
  part.views = views;
  part.places = s->cut->ring;
  part.place = view % part.places;
  return part;
}

typedef struct filter_job {
  const kvox_ct_stream *stream;
  const kvox_ct_rows *rows;
  int64_t view, views, pairs;
} filter_job;

static kvox_status filter_pair(void *data, int64_t index, int32_t worker) {
  const filter_job *job = data;
  const kvox_ct_part part = part_of(job->stream, index / job->pairs, job->view, job->views);
  void *scratch = kvox_ct_worker_scratch(&job->stream->plan->cpu.tiles, job->stream->workspace->block, worker);
  const int64_t first = 2 * (index % job->pairs), views = kvox_min_i64(2, job->views - first);
  return kvox_ct_fbp_cpu_filter_views(job->stream->plan, &part, job->rows, first, views, scratch);
}

static kvox_status filter(const kvox_ct_stream *s, int64_t view, int64_t views, const kvox_ct_rows *rows) {
  filter_job job = {.stream = s, .rows = rows, .view = view, .views = views, .pairs = kvox_divide_up(views, 2)};
  const kvox_ct_fbp_plan *plan = s->plan;
  kvox_threads threads = plan->context->threads;
  threads.limit = plan->cpu.tiles.workers;
  const int64_t work = kvox_ct_fbp_cpu_filter_work(plan, views, plan->size[2]);
  return kvox_parallel(&threads, job.pairs * kvox_ct_tiles_groups(&plan->cpu.tiles), work, filter_pair, &job,
                       &s->workspace->progress);
}

static kvox_status backproject(const kvox_ct_stream *s, int64_t view, int64_t views) {
  const kvox_ct_fbp_plan *plan = s->plan;
  kvox_progress *progress = &s->workspace->progress;
  const int64_t groups = kvox_ct_tiles_groups(&plan->cpu.tiles);
  const double begin = progress->begin, step = (progress->end - progress->begin) / (double)groups;
  for (int64_t group = 0; group < groups; group++) {
    const kvox_ct_part part = part_of(s, group, view, views);
    const double end = progress->end;
    progress->begin = begin + step * (double)group;
    progress->end = group + 1 < groups ? progress->begin + step : end;
    const kvox_status status = kvox_ct_tiles_backproject(&plan->cpu.tiles, &part, s->workspace->block,
                                                         &s->volume->array, plan->scale, plan->offset, progress);
    progress->end = end;
    KVOX_TRY(status);
  }
  return KVOX_OK;
}

const kvox_ct_stream_way kvox_ct_stream_parallel = {cut_of, bytes_of, see_rows, sees_row, filter, backproject};
