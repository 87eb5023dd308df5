/* EPI on a device: regridding and ghosts, against the oracle. */
#include "kernel/check_ocl_volume.h"
#include "mri/epi_ocl.h"
#include "mri/mix.h"
#include "mri/product.h"

/* ---- Ramps ---- */

enum { MOST_SAMPLES = 90, MOST_SIZE = 300 };

/* A ramp with any matrix of its own, of one direction. */
static kvox_mri_ramp make_ramp(kvox_check *check, bool has_matrix) {
  kvox_mri_ramp ramp = {.context = check->context, .samples = kvox_check_integer(check, 1, MOST_SAMPLES)};
  ramp.size = has_matrix ? kvox_check_integer(check, 1, MOST_SIZE) : ramp.samples;
  const int64_t floats = kvox_divide_up(ramp.size, KVOX_MRI_TILE) * ramp.samples * KVOX_MRI_TILE_ROW;
  for (int i = 0; i < 2 && has_matrix; i++) {
    ramp.matrices[i] = kvox_check_floats(check, floats);
    for (int64_t n = 0; n < floats; n++) {
      ramp.matrices[i][n] = n % 2 == 0 ? (float)kvox_check_real(check, -1, 1) : 0;
    }
  }
  kvox_check_ok(check, kvox_mri_ramp_ocl_make(&ramp));
  return ramp;
}

/* Each line through the oracle, a tile of the grid at a time; without a matrix by its places. */
static void compare_lines(kvox_check *check, const kvox_mri_ramp *ramp, int32_t reversed, const volume *in,
                          const volume *out, int64_t spoilt_line) {
  static float tile[KVOX_MRI_TILE_ROW];
  for (int64_t line = 0; line < in->size[0] * in->size[1]; line++) {
    const float *from = in->values + 2 * line * ramp->samples;
    const kvox_mix mix = {.outputs = 1, .inputs = ramp->samples, .matrix = from};
    for (int64_t x = 0; x < ramp->size && line != spoilt_line; x++) {
      const int64_t turned = reversed ? ramp->size - 1 - x : x;
      if (ramp->matrices[0] != NULL && x % KVOX_MRI_TILE == 0) {
        const float *at = ramp->matrices[reversed] + x / KVOX_MRI_TILE * ramp->samples * KVOX_MRI_TILE_ROW;
        kvox_mix_ref.mix(&mix, KVOX_MRI_TILE, at, tile);
      }
      const float *want = ramp->matrices[0] != NULL ? tile + 2 * (x % KVOX_MRI_TILE) : from + 2 * turned;
      const float *got = sample_of(out, 0, line * ramp->size + x);
      for (int part = 0; part < 2; part++) { /* of samples and weights up to 1 */
        kvox_check_value(check, part == 0 ? "real part" : "imaginary part", line * ramp->size + x, got[part],
                         (double)want[part], 1e-6 * (double)ramp->samples);
      }
    }
  }
}

static void compare_regrid(kvox_check *check) {
  const bool has_matrix = kvox_check_chance(check, 0.8);
  const int32_t reversed = (int32_t)kvox_check_integer(check, 0, 1);
  kvox_mri_ramp ramp = make_ramp(check, has_matrix);
  kvox_ocl_kernel *kernel = NULL;
  const int64_t from[3] = {kvox_check_integer(check, 1, 3), kvox_check_integer(check, 1, 21), ramp.samples};
  const int64_t to[3] = {from[0], from[1], ramp.size};
  static const uint32_t ones[FLAGS] = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
  bed b = {.check = check, .queue = kvox_check_queue(check), .spoilt = -1};
  b.flags = kvox_check_upload(check, b.queue, ones, sizeof ones);
  if (kvox_check_chance(check, 0.4)) {
    b.spoilt = kvox_check_integer(check, 0, from[0] * from[1] * from[2] - 1);
  }
  kvox_check_shape(check, "%d x %d lines, %d samples to %d, spoilt %d%s", (int)from[0], (int)from[1], (int)from[2],
                   (int)to[2], (int)b.spoilt, reversed ? ", reversed" : "");
  volume v[2] = {random_volume(check, b.queue, 1, from), empty_volume(check, b.queue, KVOX_C64, 1, to)};
  spoil(&b, &v[0]);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_mri_ocl_epi_kernel(check->context, has_matrix ? "regrid" : "turn_lines", &kernel)) &&
      kvox_check_ok(
          check, kvox_mri_ocl_regrid_run(&ramp, reversed, kernel, b.queue, &v[0].array, &v[1].array, b.flags, FLAG))) {
    read_volume(check, b.queue, &v[1]);
    compare_lines(check, &ramp, reversed, &v[0], &v[1], b.spoilt >= 0 ? b.spoilt / ramp.samples : -1);
  }
  close_bed(&b, v, 2);
  kvox_ocl_kernel_destroy(kernel);
  kvox_mri_ramp_ocl_drop(&ramp);
}

/* ---- Ghosts ---- */

enum { MOST_COILS = 6 };

static void compare_ghost(kvox_check *check) {
  const int64_t coils = kvox_check_integer(check, 1, MOST_COILS);
  bed b = open_bed(check, coils);
  /* The piece begins at any line of those that there are, with several slices at the first. */
  const int64_t first = b.size[0] == 1 ? kvox_check_integer(check, 0, 3) : 0;
  const int64_t lines = b.size[1] + first, nx = b.size[2];
  float *factors = kvox_check_floats(check, 2 * 2 * coils * nx);
  uint8_t *reversed = kvox_check_memory(check, (size_t)lines);
  for (int64_t i = 0; i < 2 * 2 * coils * nx; i++) {
    factors[i] = (float)kvox_check_real(check, -1, 1);
  }
  for (int64_t y = 0; y < lines; y++) {
    reversed[y] = kvox_check_chance(check, 0.5);
  }
  kvox_mri_ocl_ghost ghost = {0};
  volume v[2] = {random_volume(check, b.queue, coils, b.size), empty_volume(check, b.queue, KVOX_C64, coils, b.size)};
  spoil(&b, &v[0]);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_mri_ocl_ghost_make(check->context, coils, nx, factors, lines, reversed, &ghost)) &&
      kvox_check_ok(check, kvox_mri_ocl_ghost_run(&ghost, b.queue, &v[0].array, &v[1].array, first, b.flags, FLAG))) {
    read_volume(check, b.queue, &v[1]);
    for (int64_t n = 0; n < coils * v[0].count; n++) {
      const int64_t c = n / v[0].count, at = n % v[0].count, y = first + at / nx % b.size[1];
      float want[2];
      kvox_product_ref.multiply(1, factors + 2 * ((2 * c + reversed[y]) * nx + at % nx), v[0].values + 2 * n, want);
      for (int part = 0; part < 2 && at != b.spoilt; part++) {
        kvox_check_value(check, part == 0 ? "real part" : "imaginary part", n, sample_of(&v[1], c, at)[part],
                         (double)want[part], 3 * 0x1p-23);
      }
    }
  }
  close_bed(&b, v, 2);
  kvox_mri_ocl_ghost_drop(&ghost);
}

/* ---- Timing: 128 readouts of 256 samples to 128 ---- */

enum { BENCH_LINES = 128, BENCH_SAMPLES = 256, BENCH_SIZE = 128 };

typedef struct bench {
  kvox_check *check;
  kvox_mri_ramp ramp;
  kvox_ocl_queue *queue;
  kvox_ocl_kernel *kernel;
  kvox_buffer *flags;
  volume volumes[2];
  float *lines, *tile;
} bench;

static void work_oracle(void *data) {
  const bench *b = data;
  for (int64_t l = 0; l < BENCH_LINES; l++) {
    const kvox_mix mix = {.outputs = 1, .inputs = BENCH_SAMPLES, .matrix = b->lines + 2 * l * BENCH_SAMPLES};
    (void)kvox_mix_ref.mix(&mix, BENCH_SIZE, b->ramp.matrices[0], b->tile);
  }
}

static void work_device(void *data) {
  bench *b = data;
  kvox_check_ok(b->check, kvox_mri_ocl_regrid_run(&b->ramp, 0, b->kernel, b->queue, &b->volumes[0].array,
                                                  &b->volumes[1].array, b->flags, 0));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

/* An element: a sample of the grid. */
static void bench_regrid(kvox_check *check) {
  static const int64_t from[3] = {1, BENCH_LINES, BENCH_SAMPLES}, to[3] = {1, BENCH_LINES, BENCH_SIZE};
  const uint32_t ones = UINT32_MAX;
  bench b = {.check = check,
             .ramp = {.context = check->context, .samples = BENCH_SAMPLES, .size = BENCH_SIZE},
             .lines = kvox_check_floats(check, 2 * BENCH_LINES * BENCH_SAMPLES),
             .tile = kvox_check_floats(check, KVOX_MRI_TILE_ROW)};
  for (int i = 0; i < 2; i++) {
    b.ramp.matrices[i] = kvox_check_floats(check, BENCH_SAMPLES * KVOX_MRI_TILE_ROW);
    memset(b.ramp.matrices[i], 0, BENCH_SAMPLES * KVOX_MRI_TILE_ROW * sizeof(float));
  }
  memset(b.lines, 0, 2 * BENCH_LINES * BENCH_SAMPLES * sizeof *b.lines);
  if (check->context == NULL) {
    kvox_check_time(check, work_oracle, &b, (int64_t)BENCH_LINES * BENCH_SIZE);
    return;
  }
  b.queue = kvox_check_queue(check);
  b.flags = kvox_check_upload(check, b.queue, &ones, sizeof ones);
  b.volumes[0] = random_volume(check, b.queue, 1, from);
  b.volumes[1] = empty_volume(check, b.queue, KVOX_C64, 1, to);
  if (check->fault[0] == '\0' && kvox_check_ok(check, kvox_mri_ramp_ocl_make(&b.ramp)) &&
      kvox_check_ok(check, kvox_mri_ocl_epi_kernel(check->context, "regrid", &b.kernel))) {
    kvox_check_time(check, work_device, &b, (int64_t)BENCH_LINES * BENCH_SIZE);
  }
  kvox_ocl_kernel_destroy(b.kernel);
  kvox_mri_ramp_ocl_drop(&b.ramp);
  for (int i = 0; i < 2; i++) {
    kvox_buffer_destroy(b.volumes[i].array.buffer);
  }
  kvox_buffer_destroy(b.flags);
  kvox_ocl_queue_give_back(b.queue);
}

const kvox_check_stage kvox_check_ocl_regrid = {"epi.regrid", "1e-6 a term", compare_regrid, bench_regrid};
const kvox_check_stage kvox_check_ocl_ghost = {"epi.ghost", "three roundings", compare_ghost, NULL};
