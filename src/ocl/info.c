/* Of every build, with OpenCL or without. */
#include "core/options.h"
#include "kvox/device.h"

void kvox_device_info_init_sized(kvox_device_info *info, size_t struct_size) { kvox_options_clear(info, struct_size); }

const char *kvox_device_type_name(int32_t type) {
  static const char *const names[] = {"gpu", "cpu", "accelerator"};
  return type >= KVOX_DEVICE_GPU && type <= KVOX_DEVICE_ACCELERATOR ? names[type - 1] : "other";
}
