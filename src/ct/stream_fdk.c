/* Streams of fan and cone. */
#include "core/size.h"
#include "ct/stream.h"

static const kvox_ct_stream_cut *cut_of(const kvox_ct_fbp_plan *plan) { return &plan->fdk->stream; }

static uint64_t bytes_of(const kvox_ct_fbp_plan *plan) { return kvox_ct_fdk_workspace(plan->fdk); }

static kvox_ct_stream_rows see_rows(const kvox_ct_fbp_plan *plan) {
  const kvox_ct_fdk *f = plan->fdk;
  const kvox_ct_fdk_part part = kvox_ct_fdk_slab(f, 0);
  kvox_ct_stream_rows r = {.columns = f->geometry->columns, .turned = f->turned != NULL};
  r.row = kvox_ct_fdk_detector_row(f, part.row);
  r.rows = kvox_ct_fdk_detector_row(f, part.row + part.rows - 1) - r.row + 1;
  return r;
}

static kvox_ct_fdk_part part_of(const kvox_ct_stream *s, int64_t view, int64_t views) {
  kvox_ct_fdk_part part = kvox_ct_fdk_slab(s->plan->fdk, 0);
  part.view = view;
  part.views = views;
  part.samples = s->workspace->block;
  part.places = s->cut->ring;
  part.place = view % part.places;
  return part;
}

static kvox_status filter(const kvox_ct_stream *s, int64_t view, int64_t views, const kvox_ct_rows *rows) {
  const kvox_ct_fdk_part part = part_of(s, view, views);
  return kvox_ct_fdk_filter(s->plan->fdk, &part, s->workspace, rows);
}

static kvox_status backproject(const kvox_ct_stream *s, int64_t view, int64_t views) {
  const kvox_ct_fdk_part part = part_of(s, view, views);
  return kvox_ct_fdk_backproject(s->plan->fdk, &part, s->workspace, &s->volume->array);
}

const kvox_ct_stream_way kvox_ct_stream_diverging = {cut_of, bytes_of, see_rows, NULL, filter, backproject};
