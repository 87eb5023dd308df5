/*
 * The room in a build without OpenCL (KVOX_OPENCL=OFF): no device can be opened, so that nothing else of ocl/ocl.h is
 * ever reached; it is there to be linked with.
 */
#include "core/fail.h"
#include "ocl/ocl.h"

static kvox_status absent(void) {
  return kvox_fail(KVOX_ERROR_DEVICE, "no OpenCL: this build has none (KVOX_OPENCL=OFF)");
}

/* ---- What can be reached ---- */

int32_t kvox_device_count(void) {
  absent();
  return 0;
}

kvox_status kvox_device_get(int32_t index, kvox_device_info *info) {
  (void)index;
  KVOX_REQUIRE(info);
  return absent();
}

kvox_status kvox_ocl_open(kvox_heap *heap, const kvox_ocl_options *options, kvox_ocl **ocl, char *reason, size_t size) {
  (void)heap, (void)options, (void)ocl, (void)reason, (void)size;
  return absent();
}

void kvox_ocl_drop(kvox_ocl *ocl) { (void)ocl; }

kvox_status kvox_ocl_check_place(const kvox_ocl *ocl, const kvox_array *array, const char *name) {
  (void)ocl, (void)array, (void)name;
  return KVOX_OK; /* there is no memory but the host's */
}

void kvox_ocl_queue_give_back(kvox_ocl_queue *queue) { (void)queue; }

void kvox_ocl_program_drop(kvox_ocl_program *program) { (void)program; }

void kvox_ocl_kernel_destroy(kvox_ocl_kernel *kernel) { (void)kernel; }

/* ---- What needs a device ---- */

kvox_ocl *kvox_ocl_hold(kvox_ocl *ocl) { return ocl; }

const kvox_device_info *kvox_ocl_info(const kvox_ocl *ocl) {
  static const kvox_device_info none = {.struct_size = sizeof none};
  (void)ocl;
  return &none;
}

uint64_t kvox_ocl_usual_memory(const kvox_ocl *ocl) {
  (void)ocl;
  return 0;
}

kvox_status kvox_ocl_buffer_create(kvox_ocl *ocl, uint64_t bytes, const char *what, kvox_buffer **buffer) {
  (void)ocl, (void)bytes, (void)what, (void)buffer;
  return absent();
}

kvox_status kvox_ocl_buffer_wrap(kvox_ocl *ocl, void *cl_mem_handle, kvox_buffer **buffer) {
  (void)ocl, (void)cl_mem_handle, (void)buffer;
  return absent();
}

kvox_status kvox_ocl_queue_take(kvox_ocl *ocl, kvox_ocl_queue **queue) {
  (void)ocl, (void)queue;
  return absent();
}

kvox_status kvox_ocl_begin(kvox_ocl_queue *queue) {
  (void)queue;
  return absent();
}

void kvox_ocl_stage(kvox_ocl_queue *queue, const char *stage) { (void)queue, (void)stage; }

kvox_status kvox_ocl_mark(kvox_ocl_queue *queue) {
  (void)queue;
  return absent();
}

kvox_status kvox_ocl_finish(kvox_ocl_queue *queue) {
  (void)queue;
  return absent();
}

const char *kvox_ocl_stage_name(const kvox_ocl_queue *queue, int32_t index) {
  (void)queue, (void)index;
  return NULL;
}

double kvox_ocl_stage_seconds(const kvox_ocl_queue *queue, int32_t index) {
  (void)queue, (void)index;
  return 0;
}

kvox_status kvox_ocl_copy(kvox_ocl_queue *queue, const kvox_array *from, const kvox_array *to, bool wait) {
  (void)queue, (void)from, (void)to, (void)wait;
  return absent();
}

kvox_status kvox_ocl_write(kvox_ocl_queue *queue, kvox_buffer *buffer, uint64_t offset, const void *bytes,
                           uint64_t count) {
  (void)queue, (void)buffer, (void)offset, (void)bytes, (void)count;
  return absent();
}

kvox_status kvox_ocl_read(kvox_ocl_queue *queue, kvox_buffer *buffer, uint64_t offset, void *bytes, uint64_t count) {
  (void)queue, (void)buffer, (void)offset, (void)bytes, (void)count;
  return absent();
}

kvox_status kvox_ocl_fill(kvox_ocl_queue *queue, kvox_buffer *buffer, uint64_t offset, uint64_t count,
                          uint32_t pattern) {
  (void)queue, (void)buffer, (void)offset, (void)count, (void)pattern;
  return absent();
}

kvox_status kvox_ocl_program_get(kvox_ocl *ocl, const char *name, const char *options, kvox_ocl_program **program) {
  (void)ocl, (void)name, (void)options, (void)program;
  return absent();
}

kvox_status kvox_ocl_kernel_create(kvox_ocl_program *program, const char *name, kvox_ocl_kernel **kernel) {
  (void)program, (void)name, (void)kernel;
  return absent();
}

uint64_t kvox_ocl_kernel_largest_group(const kvox_ocl_kernel *kernel) {
  (void)kernel;
  return 0;
}

uint64_t kvox_ocl_kernel_group(const kvox_ocl_kernel *kernel, uint64_t wanted) {
  (void)kernel;
  return wanted;
}

kvox_status kvox_ocl_kernel_get(kvox_ocl *ocl, const char *program, const char *options, const char *name,
                                kvox_ocl_kernel **kernel) {
  (void)ocl, (void)program, (void)options, (void)name, (void)kernel;
  return absent();
}

kvox_status kvox_ocl_run(kvox_ocl_queue *queue, kvox_ocl_kernel *kernel, const kvox_ocl_range *range,
                         const kvox_ocl_argument *arguments, int32_t count) {
  (void)queue, (void)kernel, (void)range, (void)arguments, (void)count;
  return absent();
}
