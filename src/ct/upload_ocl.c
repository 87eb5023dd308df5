#include "ct/upload.h"

#include "core/array.h"
#include "core/fail.h"

kvox_status kvox_ct_upload_create(const kvox_ct_slabs *slabs, const kvox_ct_correction *correction,
                                  kvox_ct_upload *upload) {
  kvox_ocl *ocl = slabs->context->ocl;
  const uint64_t flags = kvox_ct_slabs_flags_bytes(slabs);
  *upload = (kvox_ct_upload){.slabs = slabs};
  upload->found = kvox_allocate(slabs->context->heap, flags);
  if (upload->found == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY(kvox_ct_ocl_correct_create(slabs->context, correction, &upload->correct));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, kvox_ct_slabs_staging_bytes(slabs), "projections", &upload->staging));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, kvox_ct_slabs_lines_bytes(slabs), "line integrals", &upload->lines));
  return kvox_ocl_buffer_create(ocl, flags, "flags", &upload->flags);
}

void kvox_ct_upload_drop(kvox_ct_upload *upload) {
  kvox_ct_ocl_correct_destroy(upload->correct);
  kvox_buffer_destroy(upload->staging);
  kvox_buffer_destroy(upload->lines);
  kvox_buffer_destroy(upload->flags);
  kvox_release(upload->slabs->context->heap, upload->found);
}

void kvox_ct_upload_need(const kvox_ct_slabs *slabs, const kvox_ct_correction *correction, kvox_ct_need *need) {
  kvox_ct_need_buffer(need, kvox_ct_ocl_correct_need(correction));
  kvox_ct_need_buffer(need, kvox_ct_slabs_staging_bytes(slabs));
  kvox_ct_need_buffer(need, kvox_ct_slabs_lines_bytes(slabs));
  kvox_ct_need_buffer(need, kvox_ct_slabs_flags_bytes(slabs));
}

kvox_status kvox_ct_upload_begin(kvox_ct_upload *upload, kvox_ocl_queue *queue) {
  return kvox_ocl_fill(queue, upload->flags, 0, kvox_ct_slabs_flags_bytes(upload->slabs), UINT32_MAX);
}

/* How many rows from `row` on are neighbours on the detector. */
static int64_t neighbours(const kvox_ct_slabs *slabs, int64_t row, int64_t end) {
  int64_t count = 1;
  while (row + count < end && slabs->detector_rows[row + count] == slabs->detector_rows[row] + count) {
    count++;
  }
  return count;
}

static kvox_status rows_of(const kvox_ct_slabs *slabs, const kvox_ct_ocl_cut *cut, const kvox_array *projections,
                           int64_t row, int64_t rows, kvox_array *part) {
  const int64_t begin[3] = {cut->view, slabs->detector_rows[row], 0}, size[3] = {cut->views, rows, slabs->columns};
  return kvox_array_region(projections, begin, size, part);
}

/* The cut's rows side by side: where they lie, or copied. */
static kvox_status gather(kvox_ct_upload *upload, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                          const kvox_array *projections, kvox_array *samples) {
  const kvox_ct_slabs *slabs = upload->slabs;
  const int64_t end = cut->row + cut->rows;
  if (projections->buffer != NULL && neighbours(slabs, cut->row, end) == cut->rows) {
    return rows_of(slabs, cut, projections, cut->row, cut->rows, samples);
  }
  *samples = kvox_ct_slabs_array(upload->staging, projections->type, cut->views, cut->rows, slabs->columns);
  kvox_ocl_stage(queue, "upload");
  for (int64_t row = cut->row, rows; row < end; row += rows) {
    kvox_array from, to;
    rows = neighbours(slabs, row, end);
    const int64_t begin[3] = {0, row - cut->row, 0}, size[3] = {cut->views, rows, slabs->columns};
    KVOX_TRY(rows_of(slabs, cut, projections, row, rows, &from));
    KVOX_TRY(kvox_array_region(samples, begin, size, &to));
    KVOX_TRY(kvox_ocl_copy(queue, &from, &to, false));
  }
  return KVOX_OK;
}

kvox_status kvox_ct_upload_run(kvox_ct_upload *upload, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                               const kvox_array *projections, int64_t flag) {
  kvox_array samples;
  KVOX_TRY(gather(upload, queue, cut, projections, &samples));
  kvox_ocl_stage(queue, "correct");
  return kvox_ct_ocl_correct_run(upload->correct, queue, &samples, cut->row, upload->lines, upload->flags, flag);
}

kvox_status kvox_ct_upload_check(kvox_ct_upload *upload, kvox_ocl_queue *queue, kvox_type type) {
  const kvox_ct_slabs *slabs = upload->slabs;
  const int64_t chunk = kvox_ct_slabs_chunk(slabs, type), columns = slabs->columns;
  int64_t flag = 0;
  KVOX_TRY(kvox_ocl_read(queue, upload->flags, 0, upload->found, kvox_ct_slabs_flags_bytes(slabs)));
  for (int64_t slab = 0; slab < kvox_ct_slabs_count(slabs); slab++) {
    for (int64_t block = 0; block < kvox_ct_slabs_blocks(slabs); block++) {
      const kvox_ct_ocl_cut whole = kvox_ct_slabs_cut(slabs, slab, block);
      for (int64_t view = 0; view < whole.views; view += chunk, flag++) {
        const int64_t at = upload->found[flag];
        if (at != UINT32_MAX) {
          const int64_t row = whole.row + at / columns % whole.rows;
          return kvox_ct_not_finite_at("projections", whole.view + view + at / (columns * whole.rows),
                                       slabs->detector_rows[row], at % columns);
        }
      }
    }
  }
  return KVOX_OK;
}
