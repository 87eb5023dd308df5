/* Maps of single voxels on a device: magnitude and phase against the oracle's. */
#include "kernel/check_ocl_volume.h"
#include "mri/ocl.h"
#include "mri/polar.h"

/* As check_polar.c has it; a device's root and division may be off by 3 ulp more each, and it may have no numbers below
 * the least normal one. */
static const double magnitude_ulps = 8, least_normal = 0x1p-126, phase_bound = 4e-7;

/* Parts of like size and parts far apart, on the axes and the diagonals too. */
static void fill_polar(kvox_check *check, int64_t count, float *z) {
  static const float special[] = {0.0f, -0.0f, 1.0f, -1.0f, 0x1.8p+126f};
  for (int64_t n = 0; n < count; n++) {
    const int exponent = (int)kvox_check_integer(check, -90, 120);
    for (int part = 0; part < 2; part++) {
      const int less = part == 0 || kvox_check_chance(check, 0.5) ? 0 : (int)kvox_check_integer(check, 0, 30);
      z[2 * n + part] = kvox_check_chance(check, 0.1) ? special[kvox_check_integer(check, 0, 4)]
                                                      : (float)ldexp(kvox_check_real(check, -1, 1), exponent - less);
    }
    z[2 * n + 1] = kvox_check_chance(check, 0.05) ? z[2 * n] : z[2 * n + 1];
  }
}

static void compare_polar(kvox_check *check, const char *name, bool is_phase) {
  kvox_ocl_kernel *kernel = NULL;
  bed b = open_bed(check, 1);
  const int64_t count = b.size[0] * b.size[1] * b.size[2];
  float *z = kvox_check_floats(check, 2 * count);
  fill_polar(check, count, z);
  volume v[2] = {volume_of(check, b.queue, KVOX_C64, 1, b.size, z), empty_volume(check, b.queue, KVOX_F32, 1, b.size)};
  spoil(&b, &v[0]);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ocl_kernel_get(check->context->ocl, "mri_maps", "", name, &kernel)) &&
      kvox_check_ok(check, kvox_mri_ocl_polar_run(kernel, b.queue, &v[0].array, &v[1].array, b.flags, FLAG))) {
    read_volume(check, b.queue, &v[1]);
    for (int64_t n = 0; n < count; n++) {
      float in[2 * KVOX_MRI_STEP] = {z[2 * n], z[2 * n + 1]}, want[KVOX_MRI_STEP];
      if (n == b.spoilt) {
        continue;
      }
      (is_phase ? kvox_polar_ref.phase : kvox_polar_ref.magnitude)(KVOX_MRI_STEP, in, want);
      const double bound = is_phase ? phase_bound : magnitude_ulps * kvox_check_ulp(*want) + least_normal;
      kvox_check_value(check, name, n, *sample_of(&v[1], 0, n), *want, bound);
    }
  }
  close_bed(&b, v, 2);
  kvox_ocl_kernel_destroy(kernel);
}

static void compare_magnitude(kvox_check *check) { compare_polar(check, "magnitude", false); }
static void compare_phase(kvox_check *check) { compare_polar(check, "phase", true); }

/* ---- Timing: an image of 1024 x 1024 ---- */

enum { SIDE = 1024, SAMPLES = SIDE * SIDE };

typedef struct bench {
  kvox_check *check;
  bool (*oracle)(int64_t count, const float *in, float *out);
  kvox_ocl_queue *queue;
  kvox_ocl_kernel *kernel;
  kvox_buffer *flags;
  kvox_array in, out;
  float *samples, row[KVOX_MRI_TILE];
} bench;

static void work_oracle(void *data) {
  bench *b = data;
  for (int64_t n = 0; n < SAMPLES; n += KVOX_MRI_TILE) {
    b->oracle(KVOX_MRI_TILE, b->samples + 2 * n, b->row);
  }
}

static void work_device(void *data) {
  bench *b = data;
  kvox_check_ok(b->check, kvox_mri_ocl_polar_run(b->kernel, b->queue, &b->in, &b->out, b->flags, 0));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static void bench_polar(kvox_check *check, const char *name,
                        bool (*oracle)(int64_t count, const float *in, float *out)) {
  static const int64_t size[3] = {1, SIDE, SIDE};
  const uint32_t ones = UINT32_MAX;
  bench b = {.check = check, .oracle = oracle, .samples = kvox_check_floats(check, 2 * SAMPLES)};
  check->bytes = 3 * sizeof(float);
  for (int64_t i = 0; i < 2 * SAMPLES; i++) {
    b.samples[i] = (float)kvox_check_real(check, -1, 1);
  }
  if (check->context == NULL) {
    kvox_check_time(check, work_oracle, &b, SAMPLES);
    return;
  }
  b.queue = kvox_check_queue(check);
  b.flags = kvox_check_upload(check, b.queue, &ones, sizeof ones);
  volume v[2] = {volume_of(check, b.queue, KVOX_C64, 1, size, b.samples),
                 volume_of(check, b.queue, KVOX_F32, 1, size, b.samples)};
  b.in = v[0].array;
  b.out = v[1].array;
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ocl_kernel_get(check->context->ocl, "mri_maps", "", name, &b.kernel))) {
    kvox_check_time(check, work_device, &b, SAMPLES);
  }
  kvox_ocl_kernel_destroy(b.kernel);
  kvox_buffer_destroy(v[0].array.buffer);
  kvox_buffer_destroy(v[1].array.buffer);
  kvox_buffer_destroy(b.flags);
  kvox_ocl_queue_give_back(b.queue);
}

static void bench_magnitude(kvox_check *check) { bench_polar(check, "magnitude", kvox_polar_ref.magnitude); }
static void bench_phase(kvox_check *check) { bench_polar(check, "phase", kvox_polar_ref.phase); }

const kvox_check_stage kvox_check_ocl_magnitude = {"maps.magnitude", "8 ulp", compare_magnitude, bench_magnitude};
const kvox_check_stage kvox_check_ocl_phase = {"maps.phase", "4e-7 rad", compare_phase, bench_phase};
