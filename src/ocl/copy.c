/* Transfers: boxes at once where OpenCL's rectangles allow, row by row, or by way of a dense piece of host memory. */
#include "core/copy.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "ocl/queue.h"

enum {
  MOST_COMMANDS = 16,     /* of one copy that has short rows */
  LONG_ROW = 4096,        /* bytes, that are worth a command */
  SHORT_RUN = 128,        /* bytes: devices are slow with rectangles of such rows */
  STAGING_BYTES = 4 << 20 /* as much as keeps a bus busy */
};

/* What one command copies: `rows` of `slices` runs of bytes, that lie so far apart on either side. */
typedef struct box {
  size_t run, rows, slices;
  size_t from_row, from_slice, to_row, to_slice;
  int32_t outer; /* indices that are left to a loop */
} box;

/* OpenCL wants pitches that are positive, hold what they step over, and slices of whole rows. */
static bool is_pitch(int64_t stride, int64_t least, int64_t whole) { return stride >= least && stride % whole == 0; }

static box box_of(const kvox_array *from, const kvox_array *to) {
  const int64_t size = (int64_t)kvox_type_size(to->type);
  int32_t d = to->rank - 1;
  int64_t run = size;
  if (from->strides[d] == size && to->strides[d] == size) {
    run *= to->shape[d];
    d--;
  }
  box b = {.run = (size_t)run, .rows = 1, .slices = 1, .outer = d + 1};
  if (d < 0 || !is_pitch(from->strides[d], run, 1) || !is_pitch(to->strides[d], run, 1)) {
    return b;
  }
  const int64_t rows = to->shape[d], from_row = from->strides[d], to_row = to->strides[d];
  const bool one_memory = from->buffer != NULL && to->buffer != NULL && from->buffer->memory == to->buffer->memory;
  if (one_memory && from_row != to_row) {
    return b; /* OpenCL has one pitch for both there */
  }
  b.rows = (size_t)rows;
  b.from_row = (size_t)from_row;
  b.to_row = (size_t)to_row;
  b.outer = d--;
  if (d >= 0 && is_pitch(from->strides[d], rows * from_row, from_row) &&
      is_pitch(to->strides[d], rows * to_row, to_row) && !(one_memory && from->strides[d] != to->strides[d])) {
    b.slices = (size_t)to->shape[d];
    b.from_slice = (size_t)from->strides[d];
    b.to_slice = (size_t)to->strides[d];
    b.outer = d;
  }
  return b;
}

static int64_t commands_of(const kvox_array *array, const box *b) {
  int64_t count = 1;
  for (int32_t d = 0; d < b->outer; d++) {
    count *= array->shape[d];
  }
  return count;
}

/* Where the box number `index` of the loop begins. */
static void *place_of(const kvox_array *array, const box *b, int64_t index) {
  int64_t offset = 0;
  for (int32_t d = b->outer - 1; d >= 0; d--) {
    offset += index % array->shape[d] * array->strides[d];
    index /= array->shape[d];
  }
  return kvox_array_shifted(array, offset);
}

static kvox_status copy_run(kvox_ocl_queue *queue, const kvox_array *from, void *source, const kvox_array *to,
                            void *target, size_t bytes) {
  const kvox_ocl_table *cl = kvox_ocl_queue_device(queue)->cl;
  const size_t begin = (size_t)(uintptr_t)source, at = (size_t)(uintptr_t)target;
  kvox_ocl_command c;
  KVOX_TRY(kvox_ocl_command_begin(queue, &c));
  if (from->buffer == NULL) {
    return kvox_ocl_command_end(
        queue, &c, "clEnqueueWriteBuffer",
        cl->EnqueueWriteBuffer(c.queue, to->buffer->memory, CL_FALSE, at, bytes, source, KVOX_OCL_WAIT_LIST(&c)));
  }
  if (to->buffer == NULL) {
    return kvox_ocl_command_end(
        queue, &c, "clEnqueueReadBuffer",
        cl->EnqueueReadBuffer(c.queue, from->buffer->memory, CL_FALSE, begin, bytes, target, KVOX_OCL_WAIT_LIST(&c)));
  }
  return kvox_ocl_command_end(queue, &c, "clEnqueueCopyBuffer",
                              cl->EnqueueCopyBuffer(c.queue, from->buffer->memory, to->buffer->memory, begin, at, bytes,
                                                    KVOX_OCL_WAIT_LIST(&c)));
}

static kvox_status copy_rectangle(kvox_ocl_queue *queue, const kvox_array *from, void *source, const kvox_array *to,
                                  void *target, const box *b) {
  const kvox_ocl_table *cl = kvox_ocl_queue_device(queue)->cl;
  const size_t region[3] = {b->run, b->rows, b->slices}, zero[3] = {0, 0, 0};
  const size_t begin[3] = {(size_t)(uintptr_t)source, 0, 0}, at[3] = {(size_t)(uintptr_t)target, 0, 0};
  kvox_ocl_command c;
  KVOX_TRY(kvox_ocl_command_begin(queue, &c));
  if (from->buffer == NULL) {
    return kvox_ocl_command_end(
        queue, &c, "clEnqueueWriteBufferRect",
        cl->EnqueueWriteBufferRect(c.queue, to->buffer->memory, CL_FALSE, at, zero, region, b->to_row, b->to_slice,
                                   b->from_row, b->from_slice, source, KVOX_OCL_WAIT_LIST(&c)));
  }
  if (to->buffer == NULL) {
    return kvox_ocl_command_end(
        queue, &c, "clEnqueueReadBufferRect",
        cl->EnqueueReadBufferRect(c.queue, from->buffer->memory, CL_FALSE, begin, zero, region, b->from_row,
                                  b->from_slice, b->to_row, b->to_slice, target, KVOX_OCL_WAIT_LIST(&c)));
  }
  return kvox_ocl_command_end(
      queue, &c, "clEnqueueCopyBufferRect",
      cl->EnqueueCopyBufferRect(c.queue, from->buffer->memory, to->buffer->memory, begin, at, region, b->from_row,
                                b->from_slice, b->to_row, b->to_slice, KVOX_OCL_WAIT_LIST(&c)));
}

/* Arrays that kvox_copy_order has ordered. */
static kvox_status copy_boxes(kvox_ocl_queue *queue, const kvox_array *from, const kvox_array *to) {
  const box b = box_of(from, to);
  const int64_t commands = commands_of(to, &b);
  for (int64_t i = 0; i < commands; i++) {
    void *source = place_of(from, &b, i), *target = place_of(to, &b, i);
    KVOX_TRY(b.rows == 1 ? copy_run(queue, from, source, to, target, b.run)
                         : copy_rectangle(queue, from, source, to, target, &b));
  }
  return KVOX_OK;
}

/* `device` and `host` are in the order of the device's memory. */
static kvox_status copy_staged(kvox_ocl_queue *queue, const kvox_array *device, const kvox_array *host, bool upward,
                               void *staging) {
  const int64_t size = (int64_t)kvox_type_size(device->type);
  if (kvox_array_elements(device) > STAGING_BYTES / size) {
    int32_t d = 0;
    while (device->shape[d] == 1) {
      d++;
    }
    const int64_t half = device->shape[d] / 2;
    kvox_array low = *device, high = *device, host_low = *host, host_high = *host;
    low.shape[d] = host_low.shape[d] = half;
    high.shape[d] = host_high.shape[d] = device->shape[d] - half;
    high.data = kvox_array_shifted(device, half * device->strides[d]);
    host_high.data = kvox_array_shifted(host, half * host->strides[d]);
    KVOX_TRY(copy_staged(queue, &low, &host_low, upward, staging));
    return copy_staged(queue, &high, &host_high, upward, staging);
  }
  kvox_array dense, place = *device, staged;
  KVOX_TRY(kvox_array_init(&dense, staging, device->type, device->rank, device->shape));
  staged = dense;
  kvox_copy_order(&place, &staged);
  if (upward) {
    kvox_copy_elements(host, &dense);
    KVOX_TRY(copy_boxes(queue, &staged, &place));
    return kvox_ocl_wait(queue);
  }
  KVOX_TRY(copy_boxes(queue, &place, &staged));
  KVOX_TRY(kvox_ocl_wait(queue));
  kvox_copy_elements(&dense, host);
  return KVOX_OK;
}

/* Whether dense memory in between gives the device longer rows or fewer commands. */
static bool wants_staging(const kvox_array *from, const kvox_array *to) {
  const box b = box_of(from, to);
  const int64_t commands = commands_of(to, &b);
  const bool scattered = b.run < SHORT_RUN && (b.rows > 1 || commands > 1);
  return (from->buffer == NULL || to->buffer == NULL) && (scattered || (commands > MOST_COMMANDS && b.run < LONG_ROW));
}

kvox_status kvox_ocl_copy(kvox_ocl_queue *queue, const kvox_array *from, const kvox_array *to, bool wait) {
  kvox_array source = *from, target = *to;
  kvox_array *device = to->buffer != NULL ? &target : &source, *host = to->buffer != NULL ? &source : &target;
  kvox_copy_order(device, host);
  if (!wants_staging(&source, &target)) {
    const kvox_status status = copy_boxes(queue, &source, &target);
    return wait ? kvox_ocl_wait(queue) : status;
  }
  kvox_heap *heap = kvox_ocl_queue_device(queue)->heap;
  const int64_t bytes = kvox_array_elements(to) * (int64_t)kvox_type_size(to->type);
  void *staging = kvox_allocate(heap, (uint64_t)kvox_min_i64(bytes, STAGING_BYTES));
  if (staging == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = copy_staged(queue, device, host, to->buffer != NULL, staging);
  if (status != KVOX_OK) {
    kvox_ocl_wait(queue); /* before the memory goes that a command may still use */
  }
  kvox_release(heap, staging);
  return status;
}

kvox_status kvox_ocl_copy_now(const kvox_array *from, const kvox_array *to) {
  kvox_ocl_queue *queue = NULL;
  KVOX_TRY(kvox_ocl_queue_take((from->buffer != NULL ? from : to)->buffer->device, &queue));
  kvox_status status = kvox_ocl_begin(queue);
  if (status == KVOX_OK) {
    status = kvox_ocl_copy(queue, from, to, true);
  }
  kvox_ocl_queue_give_back(queue);
  return status;
}

kvox_status kvox_ocl_write(kvox_ocl_queue *queue, kvox_buffer *buffer, uint64_t offset, const void *bytes,
                           uint64_t count) {
  const kvox_ocl_table *cl = kvox_ocl_queue_device(queue)->cl;
  kvox_ocl_command c;
  KVOX_TRY(kvox_ocl_command_begin(queue, &c));
  KVOX_TRY(kvox_ocl_command_end(queue, &c, "clEnqueueWriteBuffer",
                                cl->EnqueueWriteBuffer(c.queue, buffer->memory, CL_FALSE, (size_t)offset, (size_t)count,
                                                       bytes, KVOX_OCL_WAIT_LIST(&c))));
  return kvox_ocl_wait(queue);
}

kvox_status kvox_ocl_read(kvox_ocl_queue *queue, kvox_buffer *buffer, uint64_t offset, void *bytes, uint64_t count) {
  const kvox_ocl_table *cl = kvox_ocl_queue_device(queue)->cl;
  kvox_ocl_command c;
  KVOX_TRY(kvox_ocl_command_begin(queue, &c));
  KVOX_TRY(kvox_ocl_command_end(queue, &c, "clEnqueueReadBuffer",
                                cl->EnqueueReadBuffer(c.queue, buffer->memory, CL_FALSE, (size_t)offset, (size_t)count,
                                                      bytes, KVOX_OCL_WAIT_LIST(&c))));
  return kvox_ocl_wait(queue);
}

kvox_status kvox_ocl_fill(kvox_ocl_queue *queue, kvox_buffer *buffer, uint64_t offset, uint64_t count,
                          uint32_t pattern) {
  const kvox_ocl_table *cl = kvox_ocl_queue_device(queue)->cl;
  kvox_ocl_command c;
  KVOX_TRY(kvox_ocl_command_begin(queue, &c));
  return kvox_ocl_command_end(queue, &c, "clEnqueueFillBuffer",
                              cl->EnqueueFillBuffer(c.queue, buffer->memory, &pattern, sizeof pattern, (size_t)offset,
                                                    (size_t)count, KVOX_OCL_WAIT_LIST(&c)));
}
