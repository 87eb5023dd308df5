#include "ct/fdk_ocl.h"

#include "core/fail.h"

struct kvox_ct_ocl_fdk {
  const kvox_ct_slabs *slabs;
  kvox_ct_ocl_filter *filter;
  kvox_ct_ocl_weigh *weigh;             /* views that follow from their angles */
  kvox_ct_ocl_weigh_views *weigh_views; /* those given by themselves */
  kvox_ct_ocl_cone *cone;
};

/* What is filtered: rows of the detector, extended, at the pitch that they have at the axis. */
static kvox_ct_ocl_scan scan_of(const kvox_ct_fdk *fdk) {
  kvox_ct_ocl_scan scan = kvox_ct_ocl_scan_of(fdk->geometry);
  scan.before = fdk->before;
  scan.filtered = fdk->columns;
  scan.pitch_mm = kvox_ct_fdk_pitch_mm(fdk);
  return scan;
}

/* The rows that any block stores: from the first one on; those of a fan begin and end beside the detector. */
static int64_t first_row(const kvox_ct_fdk *fdk) { return fdk->geometry->beam == KVOX_CT_FAN ? -1 : 0; }
static int64_t row_count(const kvox_ct_fdk *fdk) { return fdk->geometry->rows - 2 * first_row(fdk); }

static kvox_status make_filter(kvox_ct_ocl_fdk *made, const kvox_ct_filter_options *options) {
  const kvox_ct_slabs *s = made->slabs;
  const kvox_ct_ocl_scan scan = scan_of(s->fdk);
  const int64_t rows = row_count(s->fdk);
  kvox_ct_row_place *places = kvox_allocate_array(s->context->heap, rows, sizeof *places);
  if (places == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t r = 0; r < rows; r++) {
    places[r] = (kvox_ct_row_place){.row = kvox_ct_fdk_detector_row(s->fdk, r + first_row(s->fdk))};
  }
  const kvox_status status = kvox_ct_ocl_filter_create(s->context, &scan, options, places, rows, s->chunk,
                                                       s->stored_rows, s->turned ? KVOX_CONE_BLOCK : 1, &made->filter);
  kvox_release(s->context->heap, places);
  return status;
}

static kvox_status make_stages(kvox_ct_ocl_fdk *made, const kvox_ct_filter_options *options) {
  const kvox_ct_slabs *s = made->slabs;
  const kvox_ct_fdk *fdk = s->fdk;
  KVOX_TRY(make_filter(made, options));
  if (fdk->seen != NULL) {
    KVOX_TRY(kvox_ct_ocl_weigh_views_create(s, &made->weigh_views));
    return kvox_ct_ocl_oblique_create(s->context, fdk->seen, s->views, fdk->columns, s->rows, s->begin, s->size,
                                      s->lanes, s->turned, &made->cone);
  }
  KVOX_TRY(kvox_ct_ocl_weigh_create(s->context, fdk, &made->weigh));
  return kvox_ct_ocl_cone_create(s->context, fdk->views, s->views, fdk->columns, fdk->geometry->beam == KVOX_CT_FAN,
                                 s->begin, s->size, s->lanes, s->turned, &made->cone);
}

kvox_status kvox_ct_ocl_fdk_create(const kvox_ct_slabs *slabs, const kvox_ct_filter_options *options,
                                   kvox_ct_ocl_fdk **stages) {
  kvox_ct_ocl_fdk *made = kvox_allocate_zeros(slabs->context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->slabs = slabs;
  const kvox_status status = make_stages(made, options);
  if (status != KVOX_OK) {
    kvox_ct_ocl_fdk_destroy(made);
    return status;
  }
  *stages = made;
  return KVOX_OK;
}

void kvox_ct_ocl_fdk_destroy(kvox_ct_ocl_fdk *stages) {
  if (stages != NULL) {
    kvox_ct_ocl_weigh_destroy(stages->weigh);
    kvox_ct_ocl_filter_destroy(stages->filter);
    kvox_ct_ocl_cone_destroy(stages->cone);
    kvox_ct_ocl_weigh_views_destroy(stages->weigh_views);
    kvox_release(stages->slabs->context->heap, stages);
  }
}

kvox_status kvox_ct_ocl_fdk_need(const kvox_ct_slabs *slabs, kvox_ct_need *need) {
  const kvox_ct_ocl_scan scan = scan_of(slabs->fdk);
  uint64_t filter = 0;
  KVOX_TRY(
      kvox_ct_ocl_filter_need(slabs->context, &scan, row_count(slabs->fdk), slabs->chunk, slabs->stored_rows, &filter));
  kvox_ct_need_buffer(need, filter);
  if (slabs->fdk->seen != NULL) {
    kvox_ct_ocl_weigh_views_need(slabs, need);
    kvox_ct_need_buffer(need, kvox_ct_ocl_oblique_need(slabs->views));
    return KVOX_OK;
  }
  kvox_ct_need_buffer(need, kvox_ct_ocl_weigh_need(slabs->fdk));
  kvox_ct_need_buffer(need, kvox_ct_ocl_cone_need(slabs->views));
  return KVOX_OK;
}

int64_t kvox_ct_ocl_fdk_length(const kvox_ct_ocl_fdk *stages) { return kvox_ct_ocl_filter_length(stages->filter); }

kvox_status kvox_ct_ocl_fdk_filter(kvox_ct_ocl_fdk *stages, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                   kvox_buffer *lines, kvox_buffer *block) {
  kvox_ct_ocl_cut stored = *cut; /* its slices are rows */
  int64_t row;
  kvox_ct_slabs_stored(stages->slabs, cut, &row, &stored.slices);
  stored.slice = row - first_row(stages->slabs->fdk);
  const kvox_ct_ocl_block to = kvox_ct_slabs_block(stages->slabs, stored.slices, block);
  KVOX_TRY(stages->weigh_views != NULL ? kvox_ct_ocl_weigh_views_run(stages->weigh_views, queue, cut, lines)
                                       : kvox_ct_ocl_weigh_run(stages->weigh, queue, cut, lines));
  return kvox_ct_ocl_filter_spread(stages->filter, queue, &stored, lines, &to);
}

kvox_status kvox_ct_ocl_fdk_backproject(kvox_ct_ocl_fdk *stages, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                        kvox_buffer *block, const kvox_array *slab, float scale, float offset) {
  int64_t row, rows;
  kvox_ct_slabs_stored(stages->slabs, cut, &row, &rows);
  const kvox_ct_ocl_block from = kvox_ct_slabs_block(stages->slabs, rows, block);
  return kvox_ct_ocl_cone_run(stages->cone, queue, cut, &from, row, rows, slab, scale, offset);
}
