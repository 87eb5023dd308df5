/* Views as they arrive: which are taken, and what is done with them when. */
#include "ct/stream.h"

#include <inttypes.h>
#include <string.h>

#include "core/array.h"
#include "core/size.h"
#include "core/volume.h"

enum { ABSENT = 0, WAITING = 1, FILTERED = 2 };

/* The part of the whole that is filtering; what it takes of the time is near this. */
static const double filter_share = 0.2;

kvox_status kvox_ct_stream_create(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace, kvox_volume *volume,
                                  kvox_ct_stream **stream) {
  KVOX_REQUIRE(plan);
  KVOX_REQUIRE(volume);
  KVOX_REQUIRE(stream);
  if (plan->stream_window == 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_ct_stream_create: the plan was made without kvox_ct_fbp_options.stream_window");
  }
  KVOX_TRY(kvox_ct_fbp_check_volume(plan, volume, 0));
  const int64_t views = plan->geometry->views;
  kvox_ct_stream *s = kvox_allocate_zeros(plan->context->heap, sizeof *s + (uint64_t)views);
  if (s == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  s->plan = kvox_ct_fbp_plan_hold(plan);
  s->way = plan->fdk != NULL ? &kvox_ct_stream_diverging : &kvox_ct_stream_parallel;
  s->cut = s->way->cut(plan);
  s->volume = volume;
  s->rows = s->way->rows(plan);
  kvox_status status = kvox_workspace_borrow(plan->context, workspace, &s->workspace);
  if (status == KVOX_OK) {
    status = kvox_workspace_begin(s->workspace, s->way->bytes(plan));
  }
  if (status != KVOX_OK) {
    kvox_ct_stream_destroy(s);
    return status;
  }
  *stream = s;
  return KVOX_OK;
}

static void give_back(kvox_ct_stream *s) {
  if (s->workspace != NULL) {
    kvox_workspace_give_back(s->workspace);
    s->workspace = NULL;
  }
}

void kvox_ct_stream_destroy(kvox_ct_stream *stream) {
  if (stream == NULL) {
    return;
  }
  kvox_context *context = kvox_context_hold(stream->plan->context);
  give_back(stream);
  kvox_ct_fbp_plan_destroy(stream->plan);
  kvox_release(context->heap, stream);
  kvox_context_destroy(context);
}

int64_t kvox_ct_stream_next(const kvox_ct_stream *stream) { return stream != NULL ? stream->next : -1; }

double kvox_ct_stream_seconds(const kvox_ct_stream *stream) { return stream != NULL ? stream->seconds : 0; }

/* ---- What was pushed, as it may be taken ---- */

/* [row, column] becomes one view. */
static kvox_status check_projections(const kvox_ct_stream *s, const kvox_array *given, kvox_array *projections) {
  const kvox_ct_geometry *g = s->plan->geometry;
  KVOX_TRY(kvox_array_check(given, "projections", KVOX_REAL_TYPES));
  *projections = *given;
  if (given->rank == 2) {
    projections->rank = 3;
    projections->shape[0] = 1;
    projections->strides[0] = 0;
    memcpy(projections->shape + 1, given->shape, 2 * sizeof *given->shape);
    memcpy(projections->strides + 1, given->strides, 2 * sizeof *given->strides);
  }
  const int64_t shape[3] = {projections->rank == 3 ? projections->shape[0] : 1, g->rows, g->columns};
  KVOX_TRY(kvox_array_check_shape(projections, "projections", KVOX_REAL_TYPES, 3, shape));
  return kvox_array_check_apart(projections, "projections", &s->volume->array, "volume");
}

static kvox_status check_views(const kvox_ct_stream *s, int64_t first, int64_t count) {
  const int64_t views = s->plan->geometry->views, window = s->cut->window;
  if (first < 0 || count > views || first > views - count) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_ct_stream_push: view %" PRId64 " does not exist, the scan has %" PRId64 " views",
                     first < 0 || first >= views ? first : views, views);
  }
  for (int64_t view = first; view < first + count; view++) {
    if (s->arrived[view] != ABSENT) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_ct_stream_push: view %" PRId64 " was pushed before", view);
    }
  }
  /* What begins with the first missing view never runs ahead of it. */
  if (first > s->next && first + count > s->next + window) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_ct_stream_push: view %" PRId64 " is too far ahead of view %" PRId64
                     ", the first that is missing: the plan's stream_window is %" PRId64,
                     kvox_max_i64(first, s->next + window), s->next, s->plan->stream_window);
  }
  return KVOX_OK;
}

/* ---- Blocks to the volume ---- */

/* How many views are back-projected next, of which all but few may be there: half of what is left at the most, so that
 * the last view finds only its partner waiting. */
static int64_t block_length(const kvox_ct_stream *s) {
  const int64_t left = s->plan->geometry->views - s->done;
  return left <= 2 ? left : kvox_min_i64(s->cut->block, kvox_round_up(kvox_divide_up(left, 2), 2));
}

static void progress_to(const kvox_ct_stream *s, int64_t filtered, int64_t done) {
  const double views = (double)s->plan->geometry->views;
  const bool all = done == s->plan->geometry->views;
  kvox_progress_next(&s->workspace->progress,
                     all ? 1 : (filter_share * (double)filtered + (1 - filter_share) * (double)done) / views);
}

/* Ahead of `next` views may be filtered that do not count yet. */
static kvox_status backproject_blocks(kvox_ct_stream *s) {
  const int64_t views = s->plan->geometry->views;
  while (s->next < views && s->arrived[s->next] != ABSENT) {
    s->next++;
  }
  for (int64_t length = block_length(s); length > 0 && s->done + length <= s->next; length = block_length(s)) {
    const double begin = kvox_now();
    progress_to(s, s->filtered, s->done + length);
    s->broken = s->way->backproject(s, s->done, length);
    KVOX_TRY(s->broken);
    s->done += length;
    kvox_workspace_add(s->workspace, "backproject", kvox_now() - begin);
  }
  return KVOX_OK;
}

/* ---- Views to the ring ---- */

static kvox_status filter(kvox_ct_stream *s, int64_t view, int64_t views, const kvox_ct_rows *rows) {
  const double begin = kvox_now();
  progress_to(s, s->filtered + views, s->done);
  const kvox_status status = s->way->filter(s, view, views, rows);
  kvox_workspace_add(s->workspace, "filter", kvox_now() - begin);
  if (status != KVOX_OK) {
    s->broken = status == KVOX_ERROR_DATA ? KVOX_OK : status;
    return status;
  }
  memset(s->arrived + view, FILTERED, (size_t)views);
  s->filtered += views;
  return backproject_blocks(s);
}

/* Line integrals of the rows that the volume sees; there is one more place than views can wait. */
static char *raw_view(const kvox_ct_stream *s, int64_t place) {
  return (char *)s->workspace->block + s->cut->ring_bytes + (uint64_t)place * s->cut->raw_bytes;
}

typedef struct take_job {
  const kvox_ct_stream *stream;
  const kvox_ct_rows *rows;
  int64_t view;
  float *raw;
} take_job;

static kvox_status take_row(void *data, int64_t index, int32_t worker) {
  const take_job *job = data;
  const kvox_ct_stream_rows *r = &job->stream->rows;
  const kvox_ct_row_place place = {.row = r->row + index};
  const kvox_ct_stream_way *way = job->stream->way;
  (void)worker;
  if (way->sees != NULL && !way->sees(job->stream->plan, place.row)) {
    return KVOX_OK;
  }
  return kvox_ct_rows_load(job->rows, job->view, place, job->raw + index * r->columns, NULL);
}

static kvox_status take(kvox_ct_stream *s, int64_t view, const kvox_ct_rows *rows, int64_t place) {
  const double begin = kvox_now();
  take_job job = {.stream = s, .rows = rows, .view = view, .raw = (float *)(void *)raw_view(s, place)};
  kvox_threads threads = s->plan->context->threads;
  if (rows->correction == NULL) {
    threads.limit = 1; /* to copy a view is quicker than to wake threads for it */
  }
  /* A logarithm and its surroundings. */
  const int64_t work = kvox_work(16 * s->rows.rows, s->rows.columns);
  const kvox_status status = kvox_parallel(&threads, s->rows.rows, work, take_row, &job, NULL);
  kvox_workspace_add(s->workspace, "take", kvox_now() - begin);
  return status;
}

/* A view waits, or is filtered with the partner that does. */
static kvox_status push_one(kvox_ct_stream *s, int64_t view, const kvox_ct_rows *rows) {
  const int64_t partner = view % 2 == 0 ? view + 1 : view - 1, even = view - view % 2;
  const int64_t place = view / 2 % s->cut->waiting;
  if (partner < s->plan->geometry->views && s->arrived[partner] == ABSENT) {
    KVOX_TRY(take(s, view, rows, place));
    s->arrived[view] = WAITING;
    return backproject_blocks(s);
  }
  if (partner >= s->plan->geometry->views) {
    return filter(s, view, 1, rows);
  }
  KVOX_TRY(take(s, view, rows, s->cut->waiting));
  char *raw[2] = {raw_view(s, view == even ? s->cut->waiting : place),
                  raw_view(s, view == even ? place : s->cut->waiting)};
  const int64_t columns = s->rows.columns, step = (int64_t)sizeof(float);
  const kvox_array pair = {.data = raw[0],
                           .type = KVOX_F32,
                           .rank = 3,
                           .shape = {2, s->rows.rows, columns},
                           .strides = {raw[1] - raw[0], columns * step, step}};
  const kvox_ct_rows both = {
      .projections = &pair, .cpu_level = rows->cpu_level, .first_view = even, .first_row = s->rows.row};
  return filter(s, even, 2, &both);
}

/* How many views from `view` on, whole pairs of the `left` ones or the scan's last view, the ring has room for; 0 where
 * `view` goes alone. */
static int64_t run_length(const kvox_ct_stream *s, int64_t view, int64_t left) {
  if (view % 2 != 0) {
    return 0;
  }
  const int64_t ring = s->cut->ring, all = s->plan->geometry->views;
  int64_t views = left < 2 ? 0 : kvox_min_i64(left / 2 * 2, ring - view % ring);
  if (view == s->next) {
    views = kvox_min_i64(views, s->done + block_length(s) - view);
  }
  return views == 0 && view == all - 1 ? 1 : views;
}

static kvox_status push_views(kvox_ct_stream *s, int64_t first, int64_t count, const kvox_ct_rows *rows) {
  for (int64_t view = first, end = first + count; view < end;) {
    const int64_t run = run_length(s, view, end - view);
    kvox_status status = run > 0 ? filter(s, view, run, rows) : KVOX_ERROR_DATA;
    if (status == KVOX_ERROR_DATA) {
      /* One by one, so that all before the view at fault are taken. */
      for (int64_t one = view; one < view + kvox_max_i64(run, 1); one++) {
        KVOX_TRY(push_one(s, one, rows));
      }
      status = KVOX_OK;
    }
    KVOX_TRY(status);
    view += kvox_max_i64(run, 1);
  }
  return KVOX_OK;
}

kvox_status kvox_ct_stream_push(kvox_ct_stream *stream, int64_t first_view, const kvox_array *projections) {
  const double begin = kvox_now();
  kvox_array views;
  KVOX_REQUIRE(stream);
  if (stream->broken != KVOX_OK) {
    return kvox_fail(stream->broken, "kvox_ct_stream_push: an earlier push ended the stream; begin another");
  }
  if (stream->finished) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_ct_stream_push: the stream is finished; begin another");
  }
  KVOX_TRY(check_projections(stream, projections, &views));
  KVOX_TRY(check_views(stream, first_view, views.shape[0]));
  const kvox_ct_rows rows = {.projections = &views,
                             .correction = stream->plan->correction,
                             .cpu_level = stream->plan->context->cpu_level,
                             .turned = stream->rows.turned,
                             .first_view = first_view};
  KVOX_TRY(push_views(stream, first_view, views.shape[0], &rows));
  if (stream->done == stream->plan->geometry->views) {
    stream->seconds = kvox_now() - begin;
  }
  return KVOX_OK;
}

kvox_status kvox_ct_stream_finish(kvox_ct_stream *stream) {
  KVOX_REQUIRE(stream);
  if (stream->finished) {
    return KVOX_OK;
  }
  if (stream->broken != KVOX_OK) {
    return kvox_fail(stream->broken, "kvox_ct_stream_finish: an earlier push ended the stream; begin another");
  }
  const kvox_ct_fbp_plan *plan = stream->plan;
  if (stream->next < plan->geometry->views) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_ct_stream_finish: view %" PRId64 " is missing", stream->next);
  }
  KVOX_TRY(kvox_volume_describe(stream->volume, &plan->result, plan->unit, plan->provenance));
  stream->finished = true;
  give_back(stream);
  return KVOX_OK;
}
