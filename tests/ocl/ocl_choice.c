/* The rules by which a device is chosen, among devices that are made up. */
#include "ocl/device.h"
#include "test.h"

typedef struct fake {
  const char *name, *platform, *version, *profile;
  cl_device_type type;
  cl_ulong memory;
  cl_uint bits;
  bool shares, away, mute, big_endian, no_compiler;
} fake;

static cl_int give(const void *answer, size_t bytes, size_t room, void *value, size_t *size) {
  if (size != NULL) {
    *size = bytes;
  }
  if (value != NULL && room < bytes) {
    return CL_INVALID_VALUE;
  }
  if (value != NULL) {
    memcpy(value, answer, bytes);
  }
  return CL_SUCCESS;
}

static cl_int give_text(const char *text, size_t room, void *value, size_t *size) {
  return give(text, strlen(text) + 1, room, value, size);
}

static cl_int fake_info(cl_device_id device, cl_device_info what, size_t room, void *value, size_t *size) {
  const fake *f = (const fake *)(const void *)device;
  const cl_bool available = !f->away, compiler = !f->no_compiler, little = !f->big_endian, shares = f->shares;
  const cl_uint units = 4, bits = f->bits != 0 ? f->bits : 64;
  const size_t group = 256;
  const cl_ulong local = 65536, largest = f->memory / 4;
  if (f->mute) {
    return CL_DEVICE_NOT_AVAILABLE;
  }
  switch (what) {
    case CL_DEVICE_TYPE: return give(&f->type, sizeof f->type, room, value, size);
    case CL_DEVICE_NAME: return give_text(f->name, room, value, size);
    case CL_DEVICE_VERSION: return give_text(f->version != NULL ? f->version : "OpenCL 3.0 fake", room, value, size);
    case CL_DRIVER_VERSION: return give_text("1.0", room, value, size);
    case CL_DEVICE_PROFILE: return give_text(f->profile != NULL ? f->profile : "FULL_PROFILE", room, value, size);
    case CL_DEVICE_GLOBAL_MEM_SIZE: return give(&f->memory, sizeof f->memory, room, value, size);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE: return give(&largest, sizeof largest, room, value, size);
    case CL_DEVICE_LOCAL_MEM_SIZE: return give(&local, sizeof local, room, value, size);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE: return give(&group, sizeof group, room, value, size);
    case CL_DEVICE_MAX_COMPUTE_UNITS: return give(&units, sizeof units, room, value, size);
    case CL_DEVICE_ADDRESS_BITS: return give(&bits, sizeof bits, room, value, size);
    case CL_DEVICE_AVAILABLE: return give(&available, sizeof available, room, value, size);
    case CL_DEVICE_COMPILER_AVAILABLE: return give(&compiler, sizeof compiler, room, value, size);
    case CL_DEVICE_ENDIAN_LITTLE: return give(&little, sizeof little, room, value, size);
    case CL_DEVICE_HOST_UNIFIED_MEMORY: return give(&shares, sizeof shares, room, value, size);
    default: return CL_INVALID_VALUE;
  }
}

static cl_int fake_platform_info(cl_platform_id platform, cl_platform_info what, size_t room, void *value,
                                 size_t *size) {
  (void)what;
  return give_text((const char *)(const void *)platform, room, value, size);
}

typedef struct answer {
  kvox_status status;
  int32_t index;
  char reason[128];
} answer;

static answer choose(fake *devices, int32_t count, const char *wanted, bool gpu_alone) {
  const kvox_ocl_table table = {.GetDeviceInfo = fake_info, .GetPlatformInfo = fake_platform_info};
  kvox_ocl_list list = {.count = count};
  answer a = {.index = -7};
  for (int32_t i = 0; i < count; i++) {
    const char *platform = devices[i].platform != NULL ? devices[i].platform : "Fake";
    memcpy(&list.places[i].platform, &platform, sizeof platform);
    list.places[i].device = (cl_device_id)(void *)&devices[i];
  }
  a.status = kvox_ocl_choose(&table, &list, wanted, gpu_alone, &a.index, a.reason, sizeof a.reason);
  return a;
}

#define CHOOSES(number, why, ...)                                                                          \
  do {                                                                                                     \
    const answer a_ = choose(__VA_ARGS__);                                                                 \
    if (a_.status != KVOX_OK || a_.index != (number) || strcmp(a_.reason, why) != 0) {                     \
      fail_msg("status %d, device %d (%s; %s), must be %d (%s)", (int)a_.status, (int)a_.index, a_.reason, \
               kvox_last_error(), (int)(number), why);                                                     \
    }                                                                                                      \
  } while (0)

#define GPU CL_DEVICE_TYPE_GPU
#define CPU CL_DEVICE_TYPE_CPU
#define GIB(n) ((cl_ulong)(n) << 30)

static void auto_takes_the_gpu_with_most_memory_of_its_own(void **state) {
  (void)state;
  fake d[] = {{.name = "cpu", .type = CPU, .memory = GIB(512), .shares = true},
              {.name = "shared", .type = GPU, .memory = GIB(256), .shares = true},
              {.name = "small", .type = GPU, .memory = GIB(8)},
              {.name = "large", .type = GPU, .memory = GIB(80)},
              {.name = "dsp", .type = CL_DEVICE_TYPE_ACCELERATOR, .memory = GIB(300)},
              {.name = "twin", .type = GPU, .memory = GIB(80)}};
  CHOOSES(3, "of 4 GPUs the one with most memory of its own", d, 6, NULL, true);
  CHOOSES(3, "of 4 GPUs the one with most memory of its own", d, 6, "auto", false);
  CHOOSES(1, "the only GPU", d, 2, NULL, true);
  CHOOSES(0, "the only device", d, 1, NULL, false);
  CHOOSES(4, "the only accelerator", d, 6, "accelerator", false);
  CHOOSES(0, "the only CPU device", d, 6, "CPU", true);
  d[1].type = d[2].type = d[3].type = d[5].type = CL_DEVICE_TYPE_CUSTOM;
  CHOOSES(4, "the only accelerator", d, 6, NULL, false);
  d[4].type = CL_DEVICE_TYPE_CUSTOM;
  CHOOSES(0, "the only CPU device", d, 6, "", false);
}

static void auto_without_a_gpu_says_what_there_is(void **state) {
  (void)state;
  fake d[] = {{.name = "Slow One", .type = CPU, .memory = GIB(4)}};
  assert_fails(KVOX_ERROR_DEVICE, "no OpenCL GPU", choose(d, 1, NULL, true).status);
  assert_fails(KVOX_ERROR_DEVICE, "what there is: 0 \"Slow One\" (cpu)", choose(d, 1, "gpu", true).status);
}

static void a_name_or_a_number(void **state) {
  (void)state;
  fake d[] = {{.name = "Tesla A", .type = GPU, .memory = GIB(8), .platform = "NVIDIA CUDA"},
              {.name = "Tesla B", .type = GPU, .memory = GIB(8), .platform = "NVIDIA CUDA"},
              {.name = "Xeon", .type = CPU, .memory = GIB(8), .platform = "Tesla emulator"},
              {.name = "pthread", .type = CPU, .memory = GIB(8), .platform = "Portable Computing Language"}};
  CHOOSES(1, "its name has \"tesla b\"", d, 4, "tesla b", true);
  CHOOSES(2, "its name has \"XEON\"", d, 4, "XEON", false);
  CHOOSES(3, "its platform's name has \"portable\"", d, 4, "portable", false);
  CHOOSES(2, "its number is 2", d, 4, "2", true);
  CHOOSES(0, "its number is 0", d, 4, "000", true);
  assert_fails(KVOX_ERROR_ARGUMENT, "\"tesla\" was asked for, which fits several", choose(d, 4, "tesla", false).status);
  assert_fails(KVOX_ERROR_ARGUMENT, "1 \"Tesla B\" (gpu)", choose(d, 4, "nvidia", false).status);
  assert_fails(KVOX_ERROR_DEVICE, "\"radeon\" was asked for", choose(d, 4, "radeon", false).status);
  assert_fails(KVOX_ERROR_DEVICE, "3 \"pthread\" (cpu)", choose(d, 4, "radeon", false).status);
  assert_fails(KVOX_ERROR_DEVICE, "device 4 was asked for", choose(d, 4, "4", false).status);
  assert_fails(KVOX_ERROR_DEVICE, "was asked for", choose(d, 4, "99999999999999999999999999", false).status);
  assert_fails(KVOX_ERROR_DEVICE, "\"-1\" was asked for", choose(d, 4, "-1", false).status);
}

/* A device that cannot be used stands in nobody's way, and who names it is told why. */
static void unusable_devices(void **state) {
  (void)state;
  fake d[] = {{.name = "good", .type = GPU, .memory = GIB(1)}, {.name = "bad", .type = GPU, .memory = GIB(9)}};
  struct {
    fake device;
    const char *why;
  } bad[] = {{{.away = true}, "it is not available"},
             {{.no_compiler = true}, "it has no compiler"},
             {{.big_endian = true}, "it is big-endian"},
             {{.profile = "EMBEDDED_PROFILE"}, "it has the embedded profile alone"},
             {{.bits = 16}, "its addresses have neither 32 nor 64 bits"},
             {{.version = "OpenCL 1.1 old"}, "it has OpenCL 1.1 old, OpenCL 1.2 is the least"},
             {{.version = "OpenCL 1"}, "OpenCL 1.2 is the least"},
             {{.version = "something"}, "OpenCL 1.2 is the least"},
             {{.mute = true}, "clGetDeviceInfo failed with CL_DEVICE_NOT_AVAILABLE (-2)"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    d[1] = bad[i].device;
    d[1].name = "bad", d[1].type = GPU, d[1].memory = GIB(9);
    CHOOSES(0, "the only GPU", d, 2, NULL, true);
    assert_fails(KVOX_ERROR_DEVICE, bad[i].why, choose(d, 2, "1", true).status);
    assert_fails(KVOX_ERROR_DEVICE, bad[i].why, choose(&d[1], 1, NULL, true).status);
    assert_true(choose(&d[1], 1, NULL, true).reason[0] != '\0'); /* there was one, which is worth a warning */
  }
  d[1] = (fake){.name = " bad\t1 ", .type = GPU, .memory = GIB(9), .version = "OpenCL 10.0", .bits = 32};
  CHOOSES(1, "its name has \"bad 1\"", d, 2, "bad 1", true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(auto_takes_the_gpu_with_most_memory_of_its_own),
      cmocka_unit_test(auto_without_a_gpu_says_what_there_is),
      cmocka_unit_test(a_name_or_a_number),
      cmocka_unit_test(unusable_devices),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
