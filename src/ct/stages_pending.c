/* Stands in for stages on a device that are being written; goes when they are there. */
#include "core/fail.h"
#include "ct/ocl.h"

#define PENDING __attribute__((weak))
#define FAIL kvox_fail(KVOX_ERROR_UNSUPPORTED, "this stage is not written yet")
PENDING kvox_status kvox_ct_ocl_correct_create(kvox_context *a, const kvox_ct_correction *b, kvox_ct_ocl_correct **c) {
  (void)a;
  (void)b;
  (void)c;
  return FAIL;
}
PENDING void kvox_ct_ocl_correct_destroy(kvox_ct_ocl_correct *a) { (void)a; }
PENDING uint64_t kvox_ct_ocl_correct_need(const kvox_ct_correction *a) {
  (void)a;
  return 0;
}
PENDING kvox_status kvox_ct_ocl_correct_run(kvox_ct_ocl_correct *a, kvox_ocl_queue *b, const kvox_array *c, int64_t d,
                                            kvox_buffer *e, kvox_buffer *f, int64_t g) {
  (void)a;
  (void)b;
  (void)c;
  (void)d;
  (void)e;
  (void)f;
  (void)g;
  return FAIL;
}
PENDING kvox_status kvox_ct_ocl_filter_create(kvox_context *a, const kvox_ct_geometry *b,
                                              const kvox_ct_filter_options *c, const kvox_ct_row_place *d, int64_t e,
                                              int64_t f, int64_t g, int32_t h, kvox_ct_ocl_filter **i) {
  (void)a;
  (void)b;
  (void)c;
  (void)d;
  (void)e;
  (void)f;
  (void)g;
  (void)h;
  (void)i;
  return FAIL;
}
PENDING void kvox_ct_ocl_filter_destroy(kvox_ct_ocl_filter *a) { (void)a; }
PENDING kvox_status kvox_ct_ocl_filter_need(kvox_context *a, const kvox_ct_geometry *b, int64_t c, int64_t d, int64_t e,
                                            uint64_t *f) {
  (void)a;
  (void)b;
  (void)c;
  (void)d;
  (void)e;
  *f = 0;
  return KVOX_OK;
}
PENDING int64_t kvox_ct_ocl_filter_length(const kvox_ct_ocl_filter *a) {
  (void)a;
  return 0;
}
PENDING kvox_status kvox_ct_ocl_filter_run(kvox_ct_ocl_filter *a, kvox_ocl_queue *b, const kvox_ct_ocl_cut *c,
                                           kvox_buffer *d, bool e, kvox_buffer *f) {
  (void)a;
  (void)b;
  (void)c;
  (void)d;
  (void)e;
  (void)f;
  return FAIL;
}
PENDING kvox_status kvox_ct_ocl_backproject_create(kvox_context *a, const kvox_ct_line *b, int64_t c, int64_t d,
                                                   const int64_t e[3], const int64_t f[3], int32_t g,
                                                   kvox_ct_ocl_backproject **h) {
  (void)a;
  (void)b;
  (void)c;
  (void)d;
  (void)e;
  (void)f;
  (void)g;
  (void)h;
  return FAIL;
}
PENDING void kvox_ct_ocl_backproject_destroy(kvox_ct_ocl_backproject *a) { (void)a; }
PENDING uint64_t kvox_ct_ocl_backproject_need(int64_t a) {
  (void)a;
  return 0;
}
PENDING kvox_status kvox_ct_ocl_backproject_run(kvox_ct_ocl_backproject *a, kvox_ocl_queue *b, const kvox_ct_ocl_cut *c,
                                                kvox_buffer *d, const kvox_array *e, float f, float g) {
  (void)a;
  (void)b;
  (void)c;
  (void)d;
  (void)e;
  (void)f;
  (void)g;
  return FAIL;
}
PENDING kvox_status kvox_ct_ocl_project_create(kvox_context *a, const kvox_ct_line *b, int64_t c, int64_t d,
                                               const int64_t e[3], const int64_t f[3], int32_t g,
                                               kvox_ct_ocl_project **h) {
  (void)a;
  (void)b;
  (void)c;
  (void)d;
  (void)e;
  (void)f;
  (void)g;
  (void)h;
  return FAIL;
}
PENDING void kvox_ct_ocl_project_destroy(kvox_ct_ocl_project *a) { (void)a; }
PENDING uint64_t kvox_ct_ocl_project_need(int64_t a, const int64_t b[3], int32_t c) {
  (void)a;
  (void)b;
  (void)c;
  return 0;
}
PENDING kvox_status kvox_ct_ocl_project_run(kvox_ct_ocl_project *a, kvox_ocl_queue *b, const kvox_ct_ocl_cut *c,
                                            const kvox_array *d, kvox_buffer *e) {
  (void)a;
  (void)b;
  (void)c;
  (void)d;
  (void)e;
  return FAIL;
}
