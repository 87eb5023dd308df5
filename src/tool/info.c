/* kvox info: what this build and this machine have; or what a raw file holds. */
#include "tool/files.h"
#include "tool/mri_source.h"
#include "tool/report.h"
#include "tool/tool.h"

static const kvox_tool_option info_options[] = {{NULL, 0, KVOX_TOOL_FLAG, NULL, NULL, 0, 0, 0}};

static cJSON *describe(const kvox_device_info *info) {
  cJSON *object = cJSON_CreateObject();
  cJSON_AddNumberToObject(object, "index", info->index);
  cJSON_AddStringToObject(object, "name", info->name);
  cJSON_AddStringToObject(object, "type", kvox_device_type_name(info->type));
  cJSON_AddStringToObject(object, "platform", info->platform);
  cJSON_AddStringToObject(object, "version", info->version);
  cJSON_AddStringToObject(object, "driver", info->driver);
  cJSON_AddNumberToObject(object, "compute_units", info->compute_units);
  cJSON_AddNumberToObject(object, "memory_bytes", (double)info->memory_bytes);
  cJSON_AddNumberToObject(object, "largest_buffer_bytes", (double)info->largest_buffer_bytes);
  cJSON_AddNumberToObject(object, "local_memory_bytes", (double)info->local_memory_bytes);
  cJSON_AddNumberToObject(object, "largest_group", (double)info->largest_group);
  cJSON_AddBoolToObject(object, "shares_host_memory", info->shares_host_memory);
  cJSON_AddBoolToObject(object, "has_double", info->has_double);
  return object;
}

/* All OpenCL devices, and which of them the context took. */
static void report_devices(const kvox_tool *tool) {
  kvox_device_info used, info;
  kvox_device_info_init(&used);
  const int32_t chosen = kvox_context_device(tool->context, &used) == KVOX_OK ? used.index : -1;
  cJSON *context = kvox_tool_describe(tool);
  cJSON *list = cJSON_AddArrayToObject(tool->report, "devices");
  const int32_t count = kvox_device_count();
  if (count == 0) {
    cJSON_AddStringToObject(tool->report, "no_devices", kvox_last_error());
  }
  for (int32_t i = 0; i < count; i++) {
    kvox_device_info_init(&info);
    const int has_facts = kvox_device_get(i, &info) == KVOX_OK;
    info.index = i;
    cJSON *object = describe(&info);
    cJSON_AddBoolToObject(object, "chosen", i == chosen);
    if (i == chosen) {
      cJSON_AddItemToObject(object, "reason", cJSON_Duplicate(cJSON_GetObjectItem(context, "backend_reason"), 0));
    }
    if (!has_facts || info.unusable[0] != '\0') {
      cJSON_AddStringToObject(object, "unusable", has_facts ? info.unusable : kvox_last_error());
    }
    cJSON_AddItemToArray(list, object);
  }
  cJSON_Delete(context);
}

/* The rest of the report is what every verb says of its context. */
static int run(kvox_tool *tool, const void *values) {
  const kvox_tool_common *common = values;
  if (common->operand_count > 0) {
    return kvox_tool_mri_describe(tool, common->operands[0]);
  }
  kvox_tool_report_formats(tool->report);
  report_devices(tool);
  return KVOX_TOOL_DONE;
}

const kvox_tool_verb kvox_tool_info = {
    .name = "info",
    .operands = "[RAW] [options]",
    .summary =
        "tells version, CPU level, threads, backend, OpenCL devices, FFT library and formats\n\n"
        "Of RAW, k-space as kvox mri reads it, it tells the protocol and the uses of its readouts, but not whose it "
        "is.",
    .most_operands = 1,
    .options = info_options,
    .values_size = sizeof(kvox_tool_common),
    .run = run,
};
