/* Memory on a device: transfers of any shape and strides against copies within the host's memory, byte by byte; maps, a
 * host's own memory, refusals. */
#include <dlfcn.h>

#include "arranged.h"
#include "context/context.h"
#include "core/copy.h"
#include "core/volume.h"
#include "device.h"
#include "ocl/table.h"

/* ---- Transfers ---- */

enum { ROOM = 1 << 16, SPACES = 3 };

/* A buffer with a picture of it in the host's memory, or the host's memory with a picture of its own. */
typedef struct space {
  kvox_buffer *buffer; /* NULL: the host's */
  char bytes[ROOM], model[ROOM];
} space;

static kvox_array in_buffer(const space *s, const kvox_array *model) {
  kvox_array array = *model;
  const ptrdiff_t offset = (char *)model->data - s->model;
  array.data = s->buffer != NULL ? (void *)(intptr_t)offset : (char *)(uintptr_t)s->bytes + offset;
  array.buffer = s->buffer;
  return array;
}

static void look(kvox_ocl_queue *queue, space *s, int round) {
  if (s->buffer != NULL) {
    assert_ok(kvox_ocl_read(queue, s->buffer, 0, s->bytes, ROOM));
  }
  if (memcmp(s->bytes, s->model, ROOM) != 0) {
    fail_msg("round %d: a copy left other bytes than the host's own copy", round);
  }
}

static void any_shape_arrives(void **state) {
  SKIP_WITHOUT(state);
  kvox_context *context = *state;
  static space spaces[SPACES];
  kvox_ocl_queue *queue = NULL;
  uint64_t seed = 4;
  assert_ok(kvox_ocl_queue_take(context->ocl, &queue));
  assert_ok(kvox_ocl_begin(queue));
  for (int s = 0; s < SPACES; s++) {
    for (int i = 0; i < ROOM; i++) {
      spaces[s].bytes[i] = spaces[s].model[i] = (char)random_bits(&seed);
    }
    if (s > 0) {
      assert_ok(kvox_ocl_buffer_create(context->ocl, ROOM, "space", &spaces[s].buffer));
      assert_ok(kvox_ocl_write(queue, spaces[s].buffer, 0, spaces[s].bytes, ROOM));
    }
  }
  for (int round = 0; round < 600; round++) {
    const int32_t rank = 1 + (int32_t)(random_bits(&seed) % 5);
    const kvox_type type = 1 + (kvox_type)(random_bits(&seed) % 10);
    int64_t shape[5];
    for (int32_t d = 0; d < rank; d++) {
      shape[d] = 1 + (int64_t)(random_bits(&seed) % (rank > 3 ? 4 : 9));
    }
    const int64_t a = (int64_t)(random_bits(&seed) % SPACES);
    const int64_t b =
        a == 0 ? 1 + (int64_t)(random_bits(&seed) % (SPACES - 1)) : (int64_t)(random_bits(&seed) % SPACES);
    /* The lower half is read, the upper one written, so that both may lie in one buffer. */
    const kvox_array from = arranged(&seed, spaces[a].model, ROOM / 2, type, rank, shape);
    const kvox_array to = arranged(&seed, spaces[b].model + ROOM / 2, ROOM / 2, type, rank, shape);
    kvox_copy_elements(&from, &to);
    const kvox_array device_from = in_buffer(&spaces[a], &from), device_to = in_buffer(&spaces[b], &to);
    if (round % 3 == 0) {
      assert_ok(kvox_array_copy(&device_from, &device_to));
    } else {
      const bool wait = round % 3 == 1;
      assert_ok(kvox_ocl_copy(queue, &device_from, &device_to, wait));
      if (!wait) {
        assert_ok(kvox_ocl_finish(queue));
      }
    }
    look(queue, &spaces[b], round);
    look(queue, &spaces[a], round);
  }
  kvox_ocl_queue_give_back(queue);
  for (int s = 1; s < SPACES; s++) {
    kvox_buffer_destroy(spaces[s].buffer);
  }
}

/* More than one piece of staging memory, the last one not full. */
static void large_transposes_arrive(void **state) {
  SKIP_WITHOUT(state);
  enum { ROWS = 1201, COLUMNS = 1103 };
  kvox_buffer *buffer = NULL;
  float *samples = malloc(sizeof(float) * ROWS * COLUMNS), *back = calloc(ROWS * COLUMNS, sizeof *back);
  kvox_array host, device, turned, returned;
  assert_non_null(samples);
  assert_non_null(back);
  for (int i = 0; i < ROWS * COLUMNS; i++) {
    samples[i] = (float)i;
  }
  assert_ok(kvox_buffer_create(*state, sizeof(float) * ROWS * COLUMNS, &buffer));
  assert_ok(kvox_array_init(&host, samples, KVOX_F32, 2, (int64_t[]){ROWS, COLUMNS}));
  assert_ok(kvox_array_init(&returned, back, KVOX_F32, 2, (int64_t[]){ROWS, COLUMNS}));
  assert_ok(kvox_array_init_buffer(&device, buffer, 0, KVOX_F32, 2, (int64_t[]){COLUMNS, ROWS}));
  turned = device;
  turned.shape[0] = ROWS;
  turned.shape[1] = COLUMNS;
  turned.strides[0] = device.strides[1];
  turned.strides[1] = device.strides[0];
  assert_ok(kvox_array_copy(&host, &turned));
  assert_ok(kvox_array_copy(&turned, &returned));
  assert_memory_equal(back, samples, sizeof(float) * ROWS * COLUMNS);
  /* In the device's order, read without turning. */
  assert_ok(kvox_array_init(&returned, back, KVOX_F32, 2, (int64_t[]){COLUMNS, ROWS}));
  assert_ok(kvox_array_copy(&device, &returned));
  assert_true(back[1] == (float)COLUMNS && back[ROWS] == 1);
  free(samples);
  free(back);
  kvox_buffer_destroy(buffer);
}

static void new_memory_is_zero(void **state) {
  SKIP_WITHOUT(state);
  for (uint64_t bytes = 1; bytes < 70; bytes += 17) {
    kvox_buffer *buffer = NULL;
    char back[70];
    kvox_array device, host;
    memset(back, 0x5a, sizeof back);
    assert_ok(kvox_buffer_create(*state, bytes, &buffer));
    assert_int_equal(kvox_buffer_bytes(buffer), bytes);
    assert_ok(kvox_array_init_buffer(&device, buffer, 0, KVOX_U8, 1, (int64_t[]){(int64_t)bytes}));
    assert_ok(kvox_array_init(&host, back, KVOX_U8, 1, device.shape));
    assert_ok(kvox_array_copy(&device, &host));
    for (uint64_t i = 0; i < sizeof back; i++) {
      assert_int_equal(back[i], i < bytes ? 0 : 0x5a);
    }
    kvox_buffer_destroy(buffer);
  }
}

/* ---- Volumes ---- */

static void a_volume_outlives_all(void **state) {
  SKIP_WITHOUT(state);
  kvox_context *context = context_on_device(NULL);
  kvox_volume *volume = NULL;
  kvox_grid grid;
  kvox_array array, host;
  int16_t samples[24], back[24];
  assert_ok(kvox_grid_init(&grid, (int64_t[]){4, 3, 2}, (double[]){1, 1, 1}, NULL));
  assert_ok(kvox_volume_create_device(context, KVOX_I16, &grid, &volume));
  kvox_context_destroy(context);
  for (int16_t i = 0; i < 24; i++) {
    samples[i] = i;
  }
  assert_ok(kvox_volume_array(volume, &array));
  assert_non_null(array.buffer);
  assert_ok(kvox_array_init(&host, back, KVOX_I16, 3, (int64_t[]){2, 3, 4}));
  assert_ok(kvox_array_copy(&array, &host));
  for (int i = 0; i < 24; i++) {
    assert_int_equal(back[i], 0);
  }
  host.data = samples;
  assert_ok(kvox_array_copy(&host, &array));
  host.data = back;
  assert_ok(kvox_array_copy(&array, &host));
  assert_memory_equal(back, samples, sizeof back);
  assert_ok(kvox_volume_set_unit(volume, KVOX_UNIT_HU));
  kvox_volume_destroy(volume);
}

/* ---- Maps ---- */

static void maps_show_and_take(void **state) {
  SKIP_WITHOUT(state);
  enum { COUNT = 3 * 5 * 8 };
  int32_t samples[COUNT], back[COUNT];
  kvox_buffer *buffer = NULL;
  kvox_array device, host, part, mapped;
  for (int32_t i = 0; i < COUNT; i++) {
    samples[i] = 1000 + i;
  }
  assert_ok(kvox_buffer_create(*state, sizeof samples + 12, &buffer));
  assert_ok(kvox_array_init_buffer(&device, buffer, 12, KVOX_I32, 3, (int64_t[]){3, 5, 8}));
  assert_ok(kvox_array_init(&host, samples, KVOX_I32, 3, device.shape));
  assert_ok(kvox_array_copy(&host, &device));
  assert_ok(kvox_array_region(&device, (int64_t[]){1, 2, 3}, (int64_t[]){2, 2, 4}, &part));
  part.data = (void *)((uintptr_t)part.data + 32); /* its rows the other way round */
  part.strides[1] = -32;
  assert_ok(kvox_array_map(&part, KVOX_MAP_READ | KVOX_MAP_WRITE, &mapped));
  assert_null(mapped.buffer);
  for (int64_t k = 0; k < 2; k++) {
    for (int64_t j = 0; j < 2; j++) {
      for (int64_t i = 0; i < 4; i++) {
        int32_t *element = kvox_array_at(&mapped, 3, (int64_t[]){k, j, i});
        int32_t *truth = &samples[(k + 1) * 40 + (3 - j) * 8 + i + 3];
        assert_int_equal(*element, *truth);
        *element = *truth = (int32_t)(-k - 10 * j - 100 * i);
      }
    }
  }
  assert_ok(kvox_array_unmap(&part, &mapped));
  host.data = back;
  assert_ok(kvox_array_copy(&device, &host));
  assert_memory_equal(back, samples, sizeof back);
  assert_ok(kvox_array_map(&device, KVOX_MAP_READ, &mapped));
  assert_memory_equal(mapped.data, samples, sizeof samples);
  assert_ok(kvox_array_unmap(&device, &mapped));
  kvox_buffer_destroy(buffer);
}

/* ---- A host's own memory ---- */

static cl_uint holders_of(const kvox_ocl_table *cl, cl_mem memory) {
  cl_uint count = 0;
  assert_int_equal(cl->GetMemObjectInfo(memory, CL_MEM_REFERENCE_COUNT, sizeof count, &count, NULL), CL_SUCCESS);
  return count;
}

/* The second half of a host's buffer, made by a call that Kvox itself has no use for; NULL where that is not to be had.
 */
static cl_mem second_half(cl_mem memory, size_t bytes) {
  __typeof__(&clCreateSubBuffer) create = NULL;
  void *library = dlopen("libOpenCL.so.1", RTLD_NOW);
  void *symbol = library != NULL ? dlsym(library, "clCreateSubBuffer") : NULL;
  const cl_buffer_region region = {.origin = bytes / 2, .size = bytes / 2};
  cl_int error = CL_SUCCESS;
  memcpy(&create, &symbol, sizeof symbol);
  cl_mem part =
      create != NULL ? create(memory, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &error) : NULL;
  if (library != NULL) {
    dlclose(library);
  }
  return part;
}

static void parts_of_one_memory_are_known(const kvox_ocl_table *cl, kvox_context *context, cl_context opencl) {
  enum { BYTES = 1 << 16 }; /* halves that begin where any device lets a part begin */
  cl_int error = CL_SUCCESS;
  kvox_buffer *whole = NULL, *part = NULL;
  kvox_array low, high, half, host;
  static char sent[BYTES / 2], back[BYTES / 2];
  cl_mem memory = cl->CreateBuffer(opencl, CL_MEM_READ_WRITE, BYTES, NULL, &error);
  assert_int_equal(error, CL_SUCCESS);
  cl_mem second = second_half(memory, BYTES);
  if (second == NULL) {
    printf("skipped: no part of a buffer to be had\n");
    cl->ReleaseMemObject(memory);
    return;
  }
  assert_ok(kvox_buffer_wrap(context, memory, &whole));
  assert_ok(kvox_buffer_wrap(context, second, &part));
  const int64_t count[1] = {BYTES / 2};
  assert_ok(kvox_array_init_buffer(&low, whole, 0, KVOX_U8, 1, count));
  assert_ok(kvox_array_init_buffer(&high, whole, BYTES / 2, KVOX_U8, 1, count));
  assert_ok(kvox_array_init_buffer(&half, part, 0, KVOX_U8, 1, count));
  assert_ok(kvox_array_check_apart(&low, "a", &half, "b"));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_array_copy(&high, &half));
  assert_ok(kvox_array_init(&host, sent, KVOX_U8, 1, count));
  memset(sent, 7, sizeof sent);
  assert_ok(kvox_array_copy(&host, &half));
  assert_ok(kvox_array_copy(&half, &low));
  host.data = back;
  assert_ok(kvox_array_copy(&low, &host));
  assert_memory_equal(back, sent, sizeof back);
  kvox_buffer_destroy(part);
  kvox_buffer_destroy(whole);
  cl->ReleaseMemObject(second);
  cl->ReleaseMemObject(memory);
}

static void wraps_a_hosts_memory(void **state) {
  SKIP_WITHOUT(state);
  const kvox_ocl *own = ((kvox_context *)*state)->ocl;
  const kvox_ocl_table *cl = own->cl;
  const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)own->platform, 0};
  cl_int error = CL_SUCCESS;
  cl_device_id device = own->device;
  cl_context opencl = cl->CreateContext(properties, 1, &device, NULL, NULL, &error);
  assert_int_equal(error, CL_SUCCESS);
  cl_command_queue queue = cl->CreateCommandQueue(opencl, device, 0, &error);
  assert_int_equal(error, CL_SUCCESS);
  uint32_t samples[16], back[16];
  for (uint32_t i = 0; i < 16; i++) {
    samples[i] = 7 * i;
  }
  cl_mem memory = cl->CreateBuffer(opencl, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof samples, samples, &error);
  assert_int_equal(error, CL_SUCCESS);
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.opencl_context = opencl;
  options.opencl_queue = queue;
  kvox_context *context = context_on_device(&options);
  kvox_buffer *buffer = NULL, *again = NULL, *stranger = NULL;
  assert_ok(kvox_buffer_wrap(context, memory, &buffer));
  assert_ok(kvox_buffer_wrap(context, memory, &again));
  assert_int_equal(holders_of(cl, memory), 3);
  assert_int_equal(kvox_buffer_bytes(buffer), sizeof samples);
  assert_ptr_equal(kvox_buffer_handle(buffer), memory);
  kvox_array array, same, host;
  assert_ok(kvox_array_init_buffer(&array, buffer, 0, KVOX_U32, 1, (int64_t[]){16}));
  assert_ok(kvox_array_init(&host, back, KVOX_U32, 1, (int64_t[]){16}));
  assert_ok(kvox_array_copy(&array, &host));
  assert_memory_equal(back, samples, sizeof samples);
  /* The same memory through another buffer is the same memory. */
  assert_ok(kvox_array_init_buffer(&same, again, 32, KVOX_U32, 1, (int64_t[]){8}));
  assert_int_equal(kvox_array_check_apart(&array, "a", &same, "b"), KVOX_ERROR_ARGUMENT);
  parts_of_one_memory_are_known(cl, context, opencl);
  assert_fails(KVOX_ERROR_ARGUMENT, "of another cl_context", kvox_buffer_wrap(*state, memory, &stranger));
  kvox_context_destroy(context);
  kvox_buffer_destroy(again);
  assert_int_equal(holders_of(cl, memory), 2);
  assert_ok(kvox_array_copy(&host, &array));
  kvox_buffer_destroy(buffer);
  assert_int_equal(holders_of(cl, memory), 1);
  cl->ReleaseMemObject(memory);
  cl->ReleaseCommandQueue(queue);
  cl->ReleaseContext(opencl);
}

/* ---- Refusals ---- */

static void what_cannot_be_is_refused(void **state) {
  SKIP_WITHOUT(state);
  kvox_context *context = *state, *other = context_on_device(NULL);
  const uint64_t largest = context->ocl->info.largest_buffer_bytes;
  kvox_buffer *buffer = NULL, *far = NULL;
  kvox_volume *volume = NULL;
  kvox_grid grid;
  kvox_array a, b, host;
  float samples[4] = {0};
  assert_fails(KVOX_ERROR_ARGUMENT, "kvox_buffer_create: a buffer of 0 bytes", kvox_buffer_create(context, 0, &buffer));
  assert_fails(KVOX_ERROR_DEVICE, "gives at once", kvox_buffer_create(context, largest + 1, &buffer));
  assert_fails(KVOX_ERROR_DEVICE, "gives at once", kvox_buffer_create(context, UINT64_MAX, &buffer));
  assert_fails(KVOX_ERROR_DEVICE, "filtered views: a buffer of",
               kvox_ocl_buffer_create(context->ocl, UINT64_MAX - 1, "filtered views", &buffer));
  assert_ok(kvox_grid_init(&grid, (int64_t[]){1 << 30, 1 << 20, 64}, (double[]){1, 1, 1}, NULL));
  assert_fails(KVOX_ERROR_DEVICE, "gives at once", kvox_volume_create_device(context, KVOX_F32, &grid, &volume));
  assert_ok(kvox_grid_init(&grid, (int64_t[]){1 << 30, 1 << 30, 2}, (double[]){1, 1, 1}, NULL));
  assert_fails(KVOX_ERROR_SIZE, "2^63 - 1 bytes", kvox_volume_create_device(context, KVOX_F32, &grid, &volume));
  assert_null(buffer);
  assert_null(volume);
  assert_ok(kvox_buffer_create(context, 16, &buffer));
  assert_ok(kvox_buffer_create(other, 16, &far));
  assert_ok(kvox_array_init_buffer(&a, buffer, 0, KVOX_F32, 1, (int64_t[]){4}));
  assert_ok(kvox_array_init_buffer(&b, far, 0, KVOX_F32, 1, (int64_t[]){4}));
  assert_ok(kvox_array_init(&host, samples, KVOX_F32, 1, (int64_t[]){4}));
  assert_fails(KVOX_ERROR_ARGUMENT, "devices of two contexts", kvox_array_copy(&a, &b));
  assert_ok(kvox_ocl_check_place(context->ocl, &a, "it"));
  assert_ok(kvox_ocl_check_place(context->ocl, &host, "it"));
  assert_ok(kvox_ocl_check_place(NULL, &host, "it"));
  assert_fails(KVOX_ERROR_ARGUMENT, "it: lies on the device of another context",
               kvox_ocl_check_place(context->ocl, &b, "it"));
  assert_fails(KVOX_ERROR_ARGUMENT, "it: lies on an OpenCL device", kvox_ocl_check_place(NULL, &a, "it"));
  kvox_context_destroy(other);
  kvox_buffer_destroy(buffer);
  kvox_buffer_destroy(far);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_shape_arrives),         cmocka_unit_test(large_transposes_arrive),
      cmocka_unit_test(new_memory_is_zero),        cmocka_unit_test(a_volume_outlives_all),
      cmocka_unit_test(maps_show_and_take),        cmocka_unit_test(wraps_a_hosts_memory),
      cmocka_unit_test(what_cannot_be_is_refused),
  };
  return cmocka_run_group_tests(tests, set_up_device, tear_down_device);
}
