/* kvox compare: how far a volume is from the truth. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "kvox/io.h"
#include "tool/progress.h"
#include "tool/report.h"
#include "tool/tool.h"

typedef struct compare_values {
  kvox_tool_common common;
  kvox_tool_numbers mask_radius, peak;
} compare_values;

#define AT(member) offsetof(compare_values, member)

static const kvox_tool_option compare_options[] = {
    {"mask-radius", 0, KVOX_TOOL_NUMBERS, "MM", "RMSE and PSNR within this distance of the z axis (everywhere)",
     AT(mask_radius), 1, KVOX_TOOL_POSITIVE},
    {"peak", 0, KVOX_TOOL_NUMBERS, "VALUE", "peak of PSNR and range of SSIM (largest minus least of the truth)",
     AT(peak), 1, KVOX_TOOL_POSITIVE},
    {NULL, 0, KVOX_TOOL_FLAG, NULL, NULL, 0, 0, 0},
};

typedef struct compare_job {
  kvox_tool *tool;
  const compare_values *values;
  kvox_volume *volumes[2]; /* the image, the truth */
  kvox_array arrays[2];
  uint8_t *inside;
  kvox_array mask;
} compare_job;

static int read_volumes(compare_job *job) {
  char *const *paths = job->values->common.operands;
  for (int i = 0; i < 2; i++) {
    kvox_status status = kvox_io_read_volume(job->tool->context, paths[i], &job->volumes[i]);
    if (status == KVOX_OK) {
      status = kvox_volume_array(job->volumes[i], &job->arrays[i]);
    }
    if (status != KVOX_OK) {
      return kvox_tool_check(job->tool, status, paths[i]);
    }
  }
  const int64_t *a = job->arrays[0].shape, *b = job->arrays[1].shape;
  if (a[0] != b[0] || a[1] != b[1] || a[2] != b[2]) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED,
                            "%s has %" PRId64 " x %" PRId64 " x %" PRId64 " voxels, %s has %" PRId64 " x %" PRId64
                            " x %" PRId64 "; give two volumes of one size",
                            paths[0], a[2], a[1], a[0], paths[1], b[2], b[1], b[0]);
  }
  return KVOX_TOOL_DONE;
}

/* Voxels whose centre, in the frame of the image, is within the radius of the z axis. */
static int make_mask(compare_job *job) {
  const int64_t *shape = job->arrays[0].shape;
  const double radius = job->values->mask_radius.values[0];
  double world[3];
  int64_t i = 0;
  job->inside = malloc((size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2]);
  if (job->inside == NULL) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED, "out of memory for the mask");
  }
  for (int64_t z = 0; z < shape[0]; z++) {
    for (int64_t y = 0; y < shape[1]; y++) {
      for (int64_t x = 0; x < shape[2]; x++) {
        const double index[3] = {(double)x, (double)y, (double)z};
        const kvox_status status = kvox_volume_index_to_world(job->volumes[0], index, world);
        if (status != KVOX_OK) {
          return kvox_tool_check(job->tool, status, "--mask-radius");
        }
        job->inside[i++] = hypot(world[0], world[1]) <= radius;
      }
    }
  }
  return kvox_tool_check(job->tool, kvox_array_init(&job->mask, job->inside, KVOX_U8, 3, shape), "--mask-radius");
}

/* One slice of a volume as a picture. */
static kvox_array slice_of(const kvox_array *volume, int64_t slice) {
  kvox_array picture = *volume;
  picture.data = (char *)volume->data + slice * volume->strides[0];
  picture.rank = 2;
  for (int i = 0; i < 2; i++) {
    picture.shape[i] = volume->shape[i + 1];
    picture.strides[i] = volume->strides[i + 1];
  }
  return picture;
}

/* Mean over the slices; slices smaller than the window of 11 x 11 have none. */
static kvox_status mean_ssim(const compare_job *job, double range, double *ssim) {
  const int64_t slices = job->arrays[0].shape[0];
  double sum = 0;
  for (int64_t k = 0; k < slices; k++) {
    const kvox_array image = slice_of(&job->arrays[0], k), truth = slice_of(&job->arrays[1], k);
    double one = 0;
    kvox_status status = kvox_quality_ssim(job->tool->context, &image, &truth, range, &one);
    status = status == KVOX_OK ? kvox_tool_progress_interrupted() : status;
    if (status != KVOX_OK) {
      return status;
    }
    sum += one;
  }
  *ssim = sum / (double)slices;
  return KVOX_OK;
}

static int measure(compare_job *job) {
  enum { SSIM_WINDOW = 11 };
  cJSON *report = job->tool->report;
  const kvox_array *image = &job->arrays[0], *truth = &job->arrays[1];
  const kvox_array *mask = job->inside != NULL ? &job->mask : NULL;
  double rmse = 0, psnr = 0, ssim = 0, peak = job->values->peak.values[0], center = 0;
  kvox_status status = KVOX_OK;
  if (job->values->peak.count == 0) {
    status = kvox_picture_auto_window(job->tool->context, truth, 0, 1, &center, &peak);
  }
  status = status == KVOX_OK ? kvox_quality_rmse(image, truth, mask, &rmse) : status;
  status = status == KVOX_OK ? kvox_quality_psnr(image, truth, mask, peak, &psnr) : status;
  const int fits = image->shape[1] >= SSIM_WINDOW && image->shape[2] >= SSIM_WINDOW;
  if (status == KVOX_OK && fits) {
    status = mean_ssim(job, peak, &ssim);
  }
  if (status != KVOX_OK) {
    return kvox_tool_check(job->tool, status, job->values->common.operands[0]);
  }
  cJSON_AddNumberToObject(report, "rmse", rmse);
  cJSON_AddNumberToObject(report, "psnr_db", psnr); /* null where the two are equal */
  if (fits) {
    cJSON_AddNumberToObject(report, "ssim", ssim);
  }
  cJSON_AddNumberToObject(report, "peak", peak);
  return KVOX_TOOL_DONE;
}

static int run(kvox_tool *tool, const void *given) {
  compare_job job = {.tool = tool, .values = given};
  kvox_tool_seconds seconds = {0};
  double begin = kvox_tool_now();
  int code = read_volumes(&job);
  seconds.read = kvox_tool_now() - begin;
  begin = kvox_tool_now();
  if (code == KVOX_TOOL_DONE && job.values->mask_radius.count > 0) {
    code = make_mask(&job);
  }
  if (code == KVOX_TOOL_DONE) {
    cJSON_AddStringToObject(tool->report, "image", job.values->common.operands[0]);
    cJSON_AddStringToObject(tool->report, "truth", job.values->common.operands[1]);
    code = measure(&job);
  }
  seconds.compute = kvox_tool_now() - begin;
  if (code == KVOX_TOOL_DONE) {
    kvox_tool_report_seconds(tool, &seconds, NULL);
  }
  free(job.inside);
  kvox_volume_destroy(job.volumes[0]);
  kvox_volume_destroy(job.volumes[1]);
  return code;
}

const kvox_tool_verb kvox_tool_compare = {
    .name = "compare",
    .operands = "IMAGE TRUTH [options]",
    .summary =
        "tells RMSE, PSNR and SSIM of a volume against the truth\n\n"
        "SSIM is the mean over the slices and takes no mask.",
    .least_operands = 2,
    .most_operands = 2,
    .options = compare_options,
    .values_size = sizeof(compare_values),
    .run = run,
};
