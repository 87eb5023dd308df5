/* Arrays in buffers: described, checked, copied and mapped through a kind of buffer whose device is host memory; and
 * copies between arrays of the host. */
#include "core/buffer.h"

#include <stdlib.h>

#include "arranged.h"
#include "context/context.h"
#include "core/copy.h"
#include "core/volume.h"
#include "kvox/kvox.h"

/* ---- A device made of host memory ---- */

static int released, copies, maps;

static void pretend_release(kvox_buffer *buffer) {
  released++;
  free(buffer->memory);
}

static kvox_array on_host(const kvox_array *array) {
  kvox_array host = *array;
  if (array->buffer != NULL) {
    host.data = (char *)array->buffer->memory + (uintptr_t)array->data;
    host.buffer = NULL;
  }
  return host;
}

static kvox_status pretend_copy(const kvox_array *from, const kvox_array *to) {
  const kvox_array a = on_host(from), b = on_host(to);
  copies++;
  kvox_copy_elements(&a, &b);
  return KVOX_OK;
}

static kvox_status pretend_map(const kvox_array *array, int32_t access, kvox_array *host) {
  maps += access;
  host->data = on_host(array).data;
  return KVOX_OK;
}

static kvox_status pretend_unmap(const kvox_array *array, const kvox_array *host) {
  maps = 0;
  assert_ptr_equal(host->data, on_host(array).data);
  return KVOX_OK;
}

static const kvox_buffer_kind pretend = {
    .release = pretend_release, .copy = pretend_copy, .map = pretend_map, .unmap = pretend_unmap};

static char devices[2];

static kvox_buffer *buffer_on(kvox_context *context, void *device, uint64_t bytes) {
  kvox_buffer *buffer = NULL;
  void *memory = calloc(1, bytes);
  assert_non_null(memory);
  assert_ok(kvox_buffer_make(context->heap, &pretend, device, memory, bytes, &buffer));
  return buffer;
}

static kvox_array array_in(kvox_buffer *buffer, uint64_t offset, kvox_type type, int32_t rank, const int64_t *shape) {
  kvox_array array;
  assert_ok(kvox_array_init_buffer(&array, buffer, offset, type, rank, shape));
  return array;
}

/* ---- Descriptions and checks ---- */

static void describes(void **state) {
  kvox_buffer *buffer = buffer_on(*state, devices, 100);
  assert_int_equal(kvox_buffer_bytes(buffer), 100);
  assert_ptr_equal(kvox_buffer_handle(buffer), buffer->memory);
  const kvox_array array = array_in(buffer, 4, KVOX_F32, 2, (int64_t[]){4, 6});
  assert_int_equal((uintptr_t)array.data, 4);
  assert_int_equal(array.strides[0], 24);
  assert_ptr_equal(array.buffer, buffer);
  kvox_array made;
  memset(&made, 0x5a, sizeof made);
  const kvox_array before = made;
  assert_fails(KVOX_ERROR_SIZE, "leave the buffer of 100 bytes",
               kvox_array_init_buffer(&made, buffer, 8, KVOX_F32, 2, (int64_t[]){4, 6}));
  assert_fails(KVOX_ERROR_ARGUMENT, "offset 2 is no multiple of 4, the size of f32",
               kvox_array_init_buffer(&made, buffer, 2, KVOX_F32, 1, (int64_t[]){1}));
  assert_fails(KVOX_ERROR_SIZE, "lies beyond the buffer of 100 bytes",
               kvox_array_init_buffer(&made, buffer, UINT64_MAX - 3, KVOX_F32, 1, (int64_t[]){1}));
  assert_fails(KVOX_ERROR_SIZE, "2^63 - 1 bytes",
               kvox_array_init_buffer(&made, buffer, 0, KVOX_F32, 2, (int64_t[]){INT64_MAX / 4, 2}));
  assert_fails(KVOX_ERROR_SIZE, "leave the buffer",
               kvox_array_init_buffer(&made, buffer, 96, KVOX_U8, 1, (int64_t[]){INT64_MAX}));
  assert_fails(KVOX_ERROR_ARGUMENT, "shape[0] is 0",
               kvox_array_init_buffer(&made, buffer, 0, KVOX_F32, 1, (int64_t[]){0}));
  assert_fails(KVOX_ERROR_ARGUMENT, "buffer is NULL",
               kvox_array_init_buffer(&made, NULL, 0, KVOX_F32, 1, (int64_t[]){1}));
  assert_memory_equal(&made, &before, sizeof made);
  kvox_buffer_destroy(buffer);
  kvox_buffer_destroy(NULL);
  assert_int_equal(kvox_buffer_bytes(NULL), 0);
  assert_null(kvox_buffer_handle(NULL));
}

static void stays_within_its_buffer(void **state) {
  const uint32_t allowed = KVOX_ALL_TYPES | KVOX_ON_DEVICE_TOO;
  kvox_buffer *buffer = buffer_on(*state, devices, 64);
  kvox_array array = array_in(buffer, 0, KVOX_F32, 1, (int64_t[]){16});
  assert_ok(kvox_array_check(&array, "it", allowed));
  array.strides[0] = -4;
  assert_fails(KVOX_ERROR_SIZE, "it: from offset 0 its elements leave the buffer of 64 bytes",
               kvox_array_check(&array, "it", allowed));
  array.data = (void *)(uintptr_t)60;
  assert_ok(kvox_array_check(&array, "it", allowed));
  array.data = (void *)(uintptr_t)64;
  assert_int_equal(kvox_array_check(&array, "it", allowed), KVOX_ERROR_SIZE);
  array.data = (void *)(intptr_t)-4;
  array.strides[0] = 4;
  assert_int_equal(kvox_array_check(&array, "it", allowed), KVOX_ERROR_SIZE);
  array.data = (void *)(uintptr_t)INT64_MAX;
  assert_int_equal(kvox_array_check(&array, "it", allowed), KVOX_ERROR_SIZE);
  kvox_buffer_destroy(buffer);
}

static void tells_memory_apart(void **state) {
  float samples[8];
  kvox_buffer *one = buffer_on(*state, devices, 64), *other = buffer_on(*state, devices, 64);
  const kvox_array low = array_in(one, 0, KVOX_F32, 1, (int64_t[]){8});
  const kvox_array high = array_in(one, 32, KVOX_F32, 1, (int64_t[]){8});
  const kvox_array across = array_in(one, 28, KVOX_F32, 1, (int64_t[]){2});
  const kvox_array elsewhere = array_in(other, 0, KVOX_F32, 1, (int64_t[]){8});
  kvox_array host;
  assert_ok(kvox_array_init(&host, samples, KVOX_F32, 1, (int64_t[]){8}));
  assert_ok(kvox_array_check_apart(&low, "a", &high, "b"));
  assert_ok(kvox_array_check_apart(&low, "a", &elsewhere, "b"));
  assert_ok(kvox_array_check_apart(&low, "a", &host, "b"));
  assert_ok(kvox_array_check_apart(&host, "a", &low, "b"));
  assert_fails(KVOX_ERROR_ARGUMENT, "a and b overlap", kvox_array_check_apart(&low, "a", &across, "b"));
  assert_fails(KVOX_ERROR_ARGUMENT, "a and b overlap", kvox_array_check_apart(&across, "a", &high, "b"));
  /* A second buffer round a part of the same memory. */
  other->whole = one->whole;
  other->begin = 32;
  assert_ok(kvox_array_check_apart(&low, "a", &elsewhere, "b"));
  assert_fails(KVOX_ERROR_ARGUMENT, "a and b overlap", kvox_array_check_apart(&across, "a", &elsewhere, "b"));
  kvox_buffer_destroy(one);
  kvox_buffer_destroy(other);
}

/* ---- Everything that reads the host's memory refuses a device's ---- */

#define ON_DEVICE "lies on an OpenCL device; this call reads the host's memory; copy it with kvox_array_copy"
#define assert_refused(name, call) assert_fails(KVOX_ERROR_ARGUMENT, name ": " ON_DEVICE, call)

static void measures_refuse(void **state) {
  double numbers[64];
  float samples[64] = {0};
  uint8_t levels[64];
  char hex[65];
  const double center[2] = {3.5, 3.5};
  kvox_buffer *buffer = buffer_on(*state, devices, 256);
  const kvox_array image = array_in(buffer, 0, KVOX_F32, 2, (int64_t[]){8, 8});
  const kvox_array mask = array_in(buffer, 0, KVOX_U8, 2, (int64_t[]){8, 8});
  kvox_array host, host_levels;
  assert_ok(kvox_array_init(&host, samples, KVOX_F32, 2, image.shape));
  assert_ok(kvox_array_init(&host_levels, levels, KVOX_U8, 2, image.shape));
  assert_refused("kvox_array_sha256", kvox_array_sha256(&image, hex));
  assert_refused("image", kvox_quality_rmse(&image, &host, NULL, numbers));
  assert_refused("truth", kvox_quality_rmse(&host, &image, NULL, numbers));
  assert_refused("mask", kvox_quality_rmse(&host, &host, &mask, numbers));
  assert_refused("image", kvox_quality_psnr(&image, &host, NULL, 1, numbers));
  assert_refused("image", kvox_quality_ssim(*state, &image, &host, 1, numbers));
  assert_refused("truth", kvox_quality_ssim(*state, &host, &image, 1, numbers));
  assert_refused("image", kvox_quality_statistics(&image, NULL, numbers, numbers + 1));
  assert_refused("mask", kvox_quality_statistics(&host, &mask, numbers, numbers + 1));
  assert_refused("kvox_quality_mtf_edge", kvox_quality_mtf_edge(*state, &image, center, 2, 1, numbers, 8));
  assert_refused("kvox_quality_mtf_wire", kvox_quality_mtf_wire(*state, &image, center, 3, numbers, 8));
  assert_refused("kvox_quality_nps", kvox_quality_nps(*state, &image, 4, numbers, 2));
  assert_refused("kvox_quality_uniformity", kvox_quality_uniformity(&image, center, 2, 2, numbers, numbers + 5));
  assert_refused("kvox_quality_region_error", kvox_quality_region_error(&image, center, 2, 0, numbers));
  assert_refused("image", kvox_picture_window(*state, &image, KVOX_WINDOW_LINEAR, 0, 2, &host_levels));
  assert_refused("levels", kvox_picture_window(*state, &host, KVOX_WINDOW_LINEAR, 0, 2, &mask));
  assert_refused("image", kvox_picture_auto_window(*state, &image, 0.1, 0.9, numbers, numbers + 1));
  kvox_buffer_destroy(buffer);
}

static kvox_ct_geometry *geometry_of(kvox_context *context) {
  kvox_ct_parallel_options options;
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_parallel_options_init(&options);
  options.views = 4;
  options.rows = 2;
  options.columns = 8;
  options.angle_step_deg = 45;
  assert_ok(kvox_ct_geometry_create_parallel(context, &options, &geometry));
  return geometry;
}

static void ct_refuses(void **state) {
  double center = 0;
  kvox_ct_geometry *geometry = geometry_of(*state);
  kvox_phantom *phantom = NULL;
  kvox_ct_correction_options options;
  kvox_ct_correction *correction = NULL;
  kvox_grid grid;
  kvox_volume *volume = NULL;
  kvox_buffer *buffer = buffer_on(*state, devices, 4 * 4 * 2 * 8);
  const kvox_array scan = array_in(buffer, 0, KVOX_F32, 3, (int64_t[]){4, 2, 8});
  const kvox_array frame = array_in(buffer, 0, KVOX_F32, 2, (int64_t[]){2, 8});
  const kvox_array bad = array_in(buffer, 0, KVOX_U8, 2, (int64_t[]){2, 8});
  float samples[64];
  kvox_array host, host_frame;
  for (int i = 0; i < 64; i++) {
    samples[i] = 1;
  }
  assert_ok(kvox_array_init(&host, samples, KVOX_F32, 3, scan.shape));
  assert_ok(kvox_array_init(&host_frame, samples, KVOX_F32, 2, frame.shape));
  assert_ok(kvox_phantom_create(*state, "shepp-logan", 2, 1, &phantom));
  assert_refused("projections", kvox_ct_simulate(*state, geometry, phantom, &scan));
  assert_refused("projections", kvox_ct_add_noise(*state, 100, 1, &scan));
  assert_refused("projections", kvox_ct_find_center(*state, geometry, NULL, &scan, &center));
  kvox_ct_correction_options_init(&options);
  options.flat = &frame;
  assert_refused("flat", kvox_ct_correction_create(*state, &options, &correction));
  options.flat = &host_frame;
  options.dark = &frame;
  assert_refused("dark", kvox_ct_correction_create(*state, &options, &correction));
  options.dark = NULL;
  options.bad_pixels = &bad;
  assert_refused("bad_pixels", kvox_ct_correction_create(*state, &options, &correction));
  assert_ok(kvox_grid_init(&grid, (int64_t[]){8, 2, 4}, (double[]){1, 1, 1}, NULL));
  assert_ok(kvox_volume_wrap(*state, &scan, &grid, &volume));
  assert_refused("volume", kvox_phantom_fill(phantom, 1, volume));
  kvox_volume_destroy(volume);
  kvox_buffer_destroy(buffer);
  kvox_phantom_destroy(phantom);
  kvox_ct_geometry_destroy(geometry);
}

/* ---- Holds ---- */

static void volumes_hold_their_buffer(void **state) {
  const int64_t shape[3] = {2, 3, 4};
  kvox_grid grid;
  kvox_volume *one = NULL, *two = NULL;
  kvox_buffer *buffer = buffer_on(*state, devices, 96);
  const kvox_array array = array_in(buffer, 0, KVOX_F32, 3, shape);
  assert_ok(kvox_grid_init(&grid, (int64_t[]){4, 3, 2}, (double[]){1, 1, 1}, NULL));
  assert_ok(kvox_volume_wrap(*state, &array, &grid, &one));
  assert_ok(kvox_volume_wrap(*state, &array, &grid, &two));
  released = 0;
  kvox_buffer_destroy(buffer);
  kvox_volume_destroy(one);
  assert_int_equal(released, 0);
  kvox_array of_volume;
  assert_ok(kvox_volume_array(two, &of_volume));
  assert_memory_equal(&of_volume, &array, sizeof array);
  /* Frame, unit and provenance are the host's whatever the samples are. */
  assert_ok(kvox_volume_describe(two, &grid, KVOX_UNIT_HU, "{}"));
  assert_int_equal(kvox_volume_unit(two), KVOX_UNIT_HU);
  kvox_volume_destroy(two);
  assert_int_equal(released, 1);
}

static void a_refused_wrap_holds_nothing(void **state) {
  kvox_grid grid;
  kvox_volume *volume = NULL;
  kvox_buffer *buffer = buffer_on(*state, devices, 96);
  const kvox_array array = array_in(buffer, 0, KVOX_F32, 3, (int64_t[]){2, 3, 4});
  assert_ok(kvox_grid_init(&grid, (int64_t[]){4, 3, 3}, (double[]){1, 1, 1}, NULL));
  assert_int_equal(kvox_volume_wrap(*state, &array, &grid, &volume), KVOX_ERROR_SIZE);
  released = 0;
  kvox_buffer_destroy(buffer);
  assert_int_equal(released, 1);
}

static void a_context_without_device_says_so(void **state) {
  kvox_buffer *buffer = NULL;
  kvox_volume *volume = NULL;
  kvox_grid grid;
  kvox_context_options options;
  kvox_context *context = NULL;
  (void)state;
  kvox_context_options_init(&options);
  options.backend = KVOX_BACKEND_CPU;
  assert_ok(kvox_context_create(&options, &context));
  assert_ok(kvox_grid_init(&grid, (int64_t[]){4, 3, 3}, (double[]){1, 1, 1}, NULL));
  assert_fails(KVOX_ERROR_DEVICE, "the context computes on the CPU (asked for)",
               kvox_buffer_create(context, 16, &buffer));
  assert_fails(KVOX_ERROR_DEVICE, "the context computes on the CPU", kvox_buffer_wrap(context, &grid, &buffer));
  assert_fails(KVOX_ERROR_DEVICE, "the context computes on the CPU",
               kvox_volume_create_device(context, KVOX_F32, &grid, &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_buffer_create(NULL, 16, &buffer));
  kvox_context_destroy(context);
}

/* ---- Regions ---- */

static void regions_are_boxes(void **state) {
  float samples[2 * 5 * 7];
  kvox_buffer *buffer = buffer_on(*state, devices, sizeof samples);
  for (int i = 0; i < 70; i++) {
    samples[i] = (float)i;
  }
  kvox_array array, part;
  assert_ok(kvox_array_init(&array, samples, KVOX_F32, 3, (int64_t[]){2, 5, 7}));
  array.data = samples + 34; /* rows from the last to the first */
  array.strides[1] = -28;
  array.data = (float *)array.data - 6;
  const int64_t begin[3] = {1, 2, 3}, size[3] = {1, 2, 4};
  assert_ok(kvox_array_region(&array, begin, size, &part));
  assert_ptr_equal(part.data, samples + 28 + 35 - 14 + 3);
  assert_memory_equal(part.strides, array.strides, sizeof part.strides);
  assert_memory_equal(part.shape, size, sizeof size);
  const kvox_array device = array_in(buffer, 0, KVOX_F32, 3, (int64_t[]){2, 5, 7});
  assert_ok(kvox_array_region(&device, begin, size, &part));
  assert_int_equal((uintptr_t)part.data, 4 * (35 + 14 + 3));
  assert_ptr_equal(part.buffer, buffer);
  const kvox_array before = part;
  assert_fails(KVOX_ERROR_ARGUMENT, "4 elements from 2 on are not within the 5 of index 1",
               kvox_array_region(&device, begin, (int64_t[]){1, 4, 4}, &part));
  assert_fails(KVOX_ERROR_ARGUMENT, "of index 2",
               kvox_array_region(&device, (int64_t[]){0, 0, -1}, (int64_t[]){1, 1, 1}, &part));
  assert_fails(KVOX_ERROR_ARGUMENT, "of index 0", kvox_array_region(&device, begin, (int64_t[]){0, 2, 4}, &part));
  assert_fails(KVOX_ERROR_ARGUMENT, "of index 0",
               kvox_array_region(&device, (int64_t[]){INT64_MAX, 0, 0}, (int64_t[]){INT64_MAX, 1, 1}, &part));
  assert_memory_equal(&part, &before, sizeof part);
  assert_int_equal(kvox_array_region(&device, NULL, size, &part), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_array_region(NULL, begin, size, &part), KVOX_ERROR_ARGUMENT);
  kvox_buffer_destroy(buffer);
}

/* ---- Copies ---- */

/* Every element arrives, and no byte beside them changes: copied back over a saved picture of the memory. */
static void copies_any_strides(void **state) {
  enum { ROOM = 1 << 16 };
  static char from_memory[ROOM], to_memory[ROOM], saved[ROOM];
  uint64_t seed = 20;
  (void)state;
  for (int round = 0; round < 400; round++) {
    const int32_t rank = 1 + (int32_t)(random_bits(&seed) % 4);
    const kvox_type type = 1 + (kvox_type)(random_bits(&seed) % 10);
    int64_t shape[4];
    for (int32_t d = 0; d < rank; d++) {
      shape[d] = 1 + (int64_t)(random_bits(&seed) % 6);
    }
    for (int i = 0; i < ROOM; i++) {
      from_memory[i] = (char)random_bits(&seed);
      saved[i] = to_memory[i] = (char)(i * 7);
    }
    const kvox_array from = arranged(&seed, from_memory, ROOM, type, rank, shape);
    const kvox_array to = arranged(&seed, to_memory, ROOM, type, rank, shape);
    assert_ok(kvox_array_copy(&from, &to));
    assert_same_elements(&from, &to);
    kvox_array old = to;
    old.data = saved + ((char *)to.data - to_memory);
    assert_ok(kvox_array_copy(&old, &to));
    assert_memory_equal(to_memory, saved, ROOM);
  }
}

static void copies_repetitions(void **state) {
  const int16_t row[3] = {1, 2, 3};
  int16_t all[4][3] = {{0}};
  (void)state;
  const kvox_array from = {
      .data = (void *)(uintptr_t)row, .type = KVOX_I16, .rank = 2, .shape = {4, 3}, .strides = {0, 2}};
  kvox_array to;
  assert_ok(kvox_array_init(&to, all, KVOX_I16, 2, from.shape));
  assert_ok(kvox_array_copy(&from, &to));
  assert_same_elements(&from, &to);
  assert_fails(KVOX_ERROR_ARGUMENT, "to: elements share memory", kvox_array_copy(&to, &from));
}

static void copies_and_maps_go_to_the_device(void **state) {
  float samples[12], back[12] = {0};
  const int64_t shape[2] = {3, 4};
  kvox_buffer *buffer = buffer_on(*state, devices, 96), *other = buffer_on(*state, devices + 1, 96);
  for (int i = 0; i < 12; i++) {
    samples[i] = (float)i;
  }
  kvox_array host, returned, mapped;
  assert_ok(kvox_array_init(&host, samples, KVOX_F32, 2, shape));
  assert_ok(kvox_array_init(&returned, back, KVOX_F32, 2, shape));
  const kvox_array low = array_in(buffer, 0, KVOX_F32, 2, shape), high = array_in(buffer, 48, KVOX_F32, 2, shape);
  const kvox_array far = array_in(other, 0, KVOX_F32, 2, shape);
  copies = 0;
  assert_ok(kvox_array_copy(&host, &low));
  assert_ok(kvox_array_copy(&low, &high));
  assert_ok(kvox_array_copy(&high, &returned));
  assert_int_equal(copies, 3);
  assert_memory_equal(back, samples, sizeof back);
  assert_fails(KVOX_ERROR_ARGUMENT, "devices of two contexts", kvox_array_copy(&low, &far));
  maps = 0;
  assert_ok(kvox_array_map(&high, KVOX_MAP_READ | KVOX_MAP_WRITE, &mapped));
  assert_int_equal(maps, 3);
  assert_null(mapped.buffer);
  assert_memory_equal(mapped.data, samples, sizeof samples);
  assert_fails(KVOX_ERROR_ARGUMENT, "host: its data is NULL", kvox_array_unmap(&high, &(kvox_array){.rank = 2}));
  assert_ok(kvox_array_unmap(&high, &mapped));
  assert_int_equal(maps, 0);
  assert_ok(kvox_array_map(&host, KVOX_MAP_READ, &mapped));
  assert_memory_equal(&mapped, &host, sizeof host);
  assert_ok(kvox_array_unmap(&host, &mapped));
  assert_fails(KVOX_ERROR_ARGUMENT, "access is 0", kvox_array_map(&high, 0, &mapped));
  assert_fails(KVOX_ERROR_ARGUMENT, "access is 4", kvox_array_map(&high, 4, &mapped));
  kvox_buffer_destroy(buffer);
  kvox_buffer_destroy(other);
}

static void wrong_copies_are_refused(void **state) {
  float samples[24] = {0};
  double wide[12] = {0};
  (void)state;
  kvox_array a, b, c;
  assert_ok(kvox_array_init(&a, samples, KVOX_F32, 2, (int64_t[]){3, 4}));
  assert_ok(kvox_array_init(&b, samples + 6, KVOX_F32, 2, (int64_t[]){3, 4}));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_array_copy(&a, &b));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_array_copy(&a, &a));
  assert_ok(kvox_array_init(&c, wide, KVOX_F64, 2, (int64_t[]){3, 4}));
  assert_fails(KVOX_ERROR_ARGUMENT, "from holds f32, to f64", kvox_array_copy(&a, &c));
  assert_ok(kvox_array_init(&c, wide, KVOX_F32, 2, (int64_t[]){4, 3}));
  assert_fails(KVOX_ERROR_SIZE, "to: its shape is 4 x 3, must be 3 x 4", kvox_array_copy(&a, &c));
  assert_int_equal(kvox_array_copy(NULL, &c), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_array_copy(&c, NULL), KVOX_ERROR_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(describes),
      cmocka_unit_test(stays_within_its_buffer),
      cmocka_unit_test(tells_memory_apart),
      cmocka_unit_test(measures_refuse),
      cmocka_unit_test(ct_refuses),
      cmocka_unit_test(volumes_hold_their_buffer),
      cmocka_unit_test(a_refused_wrap_holds_nothing),
      cmocka_unit_test(a_context_without_device_says_so),
      cmocka_unit_test(regions_are_boxes),
      cmocka_unit_test(copies_any_strides),
      cmocka_unit_test(copies_repetitions),
      cmocka_unit_test(copies_and_maps_go_to_the_device),
      cmocka_unit_test(wrong_copies_are_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
