/* Coils on a device: whitening, compression, combination, against the oracle's. */
#include <math.h>
#include <string.h>

#include "kernel/check_ocl_volume.h"
#include "mri/combine.h"
#include "mri/ocl.h"

/* As check_mix.c and check_combine.c have it: sums of 2 n products, each rounded once, of the range of the samples; and
 * a root and a division, which devices round freely (3 ulp). */
static const double share = 1e-5;

enum { MOST_COILS = 20 };

/* ---- Mixing ---- */

/* Every sample's coils through the oracle, which gets a tile of it alone. */
static void compare_mixed(bed *b, const volume *in, const volume *out, const kvox_mix *mix) {
  static float from[MOST_COILS * KVOX_MRI_TILE_ROW], to[MOST_COILS * KVOX_MRI_TILE_ROW];
  for (int64_t n = 0; n < in->count; n++) {
    memset(from, 0, sizeof from);
    for (int64_t i = 0; i < mix->inputs; i++) {
      memcpy(from + i * KVOX_MRI_TILE_ROW, in->values + 2 * (i * in->count + n), 2 * sizeof *from);
    }
    kvox_mix_ref.mix(mix, KVOX_MRI_STEP, from, to);
    for (int64_t o = 0; o < mix->outputs && n != b->spoilt; o++) {
      for (int part = 0; part < 2; part++) {
        kvox_check_value(b->check, part == 0 ? "real part" : "imaginary part", n, sample_of(out, o, n)[part],
                         to[o * KVOX_MRI_TILE_ROW + part], share * (double)mix->inputs);
      }
    }
  }
}

static void compare_mix(kvox_check *check) {
  const int64_t inputs = kvox_check_integer(check, 1, MOST_COILS);
  const bool lower = kvox_check_chance(check, 0.5);
  const int64_t outputs = lower ? inputs : kvox_check_integer(check, 1, inputs);
  float *matrix = kvox_check_floats(check, 2 * inputs * outputs);
  for (int64_t i = 0; i < 2 * inputs * outputs; i++) { /* what lies above the diagonal is not read */
    matrix[i] = lower && i / 2 % inputs > i / 2 / inputs ? NAN : (float)kvox_check_real(check, -1, 1);
  }
  const kvox_mix mix = {.outputs = outputs, .inputs = inputs, .lower = lower, .matrix = matrix};
  kvox_mri_ocl_mix stage = {0};
  bed b = open_bed(check, inputs);
  volume v[2] = {random_volume(check, b.queue, inputs, b.size),
                 empty_volume(check, b.queue, KVOX_C64, outputs, b.size)};
  spoil(&b, &v[0]);
  if (check->fault[0] == '\0' && kvox_check_ok(check, kvox_mri_ocl_mix_make(check->context, &mix, &stage)) &&
      kvox_check_ok(check, kvox_mri_ocl_mix_run(&stage, b.queue, &v[0].array, &v[1].array, b.flags, FLAG))) {
    read_volume(check, b.queue, &v[1]);
    compare_mixed(&b, &v[0], &v[1], &mix);
  }
  close_bed(&b, v, 2);
  kvox_mri_ocl_mix_drop(&stage);
}

/* A matrix for each position. */
static void compare_positions(kvox_check *check) {
  const int64_t inputs = kvox_check_integer(check, 1, MOST_COILS), outputs = kvox_check_integer(check, 1, inputs);
  bed b = open_bed(check, inputs);
  kvox_mri_compression c = {.coils = inputs, .virtual_coils = outputs, .positions = b.size[2]};
  const int64_t row = kvox_mri_compression_row(&c), floats = inputs * outputs * row;
  c.weights = kvox_check_floats(check, floats);
  for (int64_t i = 0; i < floats; i++) {
    c.weights[i] = (float)kvox_check_real(check, -1, 1);
  }
  kvox_mri_ocl_mix stage = {0};
  volume v[2] = {random_volume(check, b.queue, inputs, b.size),
                 empty_volume(check, b.queue, KVOX_C64, outputs, b.size)};
  spoil(&b, &v[0]);
  if (check->fault[0] == '\0' && kvox_check_ok(check, kvox_mri_ocl_mix_make_positions(check->context, &c, &stage)) &&
      kvox_check_ok(check, kvox_mri_ocl_mix_run(&stage, b.queue, &v[0].array, &v[1].array, b.flags, FLAG))) {
    read_volume(check, b.queue, &v[1]);
    for (int64_t n = 0; n < v[0].count; n++) {
      for (int64_t o = 0; o < outputs && n != b.spoilt; o++) {
        double re = 0, im = 0;
        for (int64_t i = 0; i < inputs; i++) {
          const float *w = c.weights + (o * inputs + i) * row + 2 * (n % b.size[2]);
          const float *z = v[0].values + 2 * (i * v[0].count + n);
          re += (double)w[0] * z[0] + (double)w[1] * z[1];
          im += (double)w[0] * z[1] - (double)w[1] * z[0];
        }
        kvox_check_value(check, "real part", n, sample_of(&v[1], o, n)[0], re, share * (double)inputs);
        kvox_check_value(check, "imaginary part", n, sample_of(&v[1], o, n)[1], im, share * (double)inputs);
      }
    }
  }
  close_bed(&b, v, 2);
  kvox_mri_ocl_mix_drop(&stage);
}

/* ---- Combining ---- */

static void compare_squares(kvox_check *check) {
  const int64_t coils = kvox_check_integer(check, 1, MOST_COILS);
  kvox_ocl_kernel *kernel = NULL;
  bed b = open_bed(check, coils);
  volume v[2] = {random_volume(check, b.queue, coils, b.size), empty_volume(check, b.queue, KVOX_F32, 1, b.size)};
  spoil(&b, &v[0]);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check,
                    kvox_ocl_kernel_get(check->context->ocl, "mri_combine", "", "root_sum_of_squares", &kernel)) &&
      kvox_check_ok(check, kvox_mri_ocl_squares_run(kernel, b.queue, &v[0].array, &v[1].array, b.flags, FLAG))) {
    read_volume(check, b.queue, &v[1]);
    for (int64_t n = 0; n < v[0].count; n++) {
      double sum = 0;
      for (int64_t c = 0; c < coils; c++) {
        const float *z = v[0].values + 2 * (c * v[0].count + n);
        sum += (double)z[0] * z[0] + (double)z[1] * z[1];
      }
      if (n != b.spoilt) {
        kvox_check_value(check, "root", n, *sample_of(&v[1], 0, n), sqrt(sum), share * sqrt((double)coils));
      }
    }
  }
  close_bed(&b, v, 2);
  kvox_ocl_kernel_destroy(kernel);
}

static void compare_weigh(kvox_check *check) {
  const int64_t coils = kvox_check_integer(check, 1, MOST_COILS);
  kvox_ocl_kernel *kernel = NULL;
  bed b = open_bed(check, coils);
  volume v[3] = {random_volume(check, b.queue, coils, b.size), random_volume(check, b.queue, coils, b.size),
                 empty_volume(check, b.queue, KVOX_C64, 1, b.size)};
  spoil(&b, &v[kvox_check_integer(check, 0, 1)]);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ocl_kernel_get(check->context->ocl, "mri_combine", "", "weigh", &kernel)) &&
      kvox_check_ok(check,
                    kvox_mri_ocl_weigh_run(kernel, b.queue, &v[0].array, &v[1].array, &v[2].array, b.flags, FLAG))) {
    read_volume(check, b.queue, &v[2]);
    for (int64_t n = 0; n < v[0].count; n++) {
      double re = 0, im = 0, norm = 0;
      for (int64_t c = 0; c < coils; c++) {
        const float *z = v[0].values + 2 * (c * v[0].count + n), *w = v[1].values + 2 * (c * v[0].count + n);
        re += (double)w[0] * z[0] + (double)w[1] * z[1];
        im += (double)w[0] * z[1] - (double)w[1] * z[0];
        norm += (double)w[0] * w[0] + (double)w[1] * w[1];
      }
      if (n != b.spoilt) {
        const double bound = share * (double)coils / norm; /* of sums up to 2 coils */
        kvox_check_value(check, "real part", n, sample_of(&v[2], 0, n)[0], re / norm, bound * fmax(1, 1 / norm));
        kvox_check_value(check, "imaginary part", n, sample_of(&v[2], 0, n)[1], im / norm, bound * fmax(1, 1 / norm));
      }
    }
  }
  close_bed(&b, v, 3);
  kvox_ocl_kernel_destroy(kernel);
}

/* ---- Timing: 32 coils, whitened, in place ---- */

enum { BENCH_COILS = 32, BENCH_SAMPLES = 256 * 256 };

typedef struct bench {
  kvox_check *check;
  const kvox_mix *mix;
  kvox_mri_ocl_mix stage;
  kvox_ocl_queue *queue;
  kvox_buffer *flags;
  kvox_array samples;
  float *in, *out;
} bench;

static void work_oracle(void *data) {
  const bench *b = data;
  for (int64_t n = 0; n < BENCH_SAMPLES; n += KVOX_MRI_TILE) {
    (void)kvox_mix_ref.mix(b->mix, KVOX_MRI_TILE, b->in, b->out);
  }
}

static void work_device(void *data) {
  bench *b = data;
  kvox_check_ok(b->check, kvox_mri_ocl_mix_run(&b->stage, b->queue, &b->samples, &b->samples, b->flags, 0));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static void bench_mix(kvox_check *check) {
  static const int64_t size[3] = {1, 256, 256};
  const uint32_t ones = UINT32_MAX;
  float *matrix = kvox_check_floats(check, 2 * BENCH_COILS * BENCH_COILS);
  memset(matrix, 0, 2 * BENCH_COILS * BENCH_COILS * sizeof *matrix);
  const kvox_mix mix = {.outputs = BENCH_COILS, .inputs = BENCH_COILS, .lower = true, .matrix = matrix};
  bench b = {.check = check, .mix = &mix};
  check->bytes = 2 * 2 * BENCH_COILS * sizeof(float);
  if (check->context == NULL) {
    b.in = kvox_check_floats(check, BENCH_COILS * KVOX_MRI_TILE_ROW);
    b.out = kvox_check_floats(check, BENCH_COILS * KVOX_MRI_TILE_ROW);
    memset(b.in, 0, BENCH_COILS * KVOX_MRI_TILE_ROW * sizeof *b.in);
    kvox_check_time(check, work_oracle, &b, BENCH_SAMPLES);
    return;
  }
  b.queue = kvox_check_queue(check);
  b.flags = kvox_check_upload(check, b.queue, &ones, sizeof ones);
  volume v = random_volume(check, b.queue, BENCH_COILS, size);
  b.samples = v.array;
  if (check->fault[0] == '\0' && kvox_check_ok(check, kvox_mri_ocl_mix_make(check->context, &mix, &b.stage))) {
    kvox_check_time(check, work_device, &b, BENCH_SAMPLES);
  }
  kvox_mri_ocl_mix_drop(&b.stage);
  kvox_buffer_destroy(v.array.buffer);
  kvox_buffer_destroy(b.flags);
  kvox_ocl_queue_give_back(b.queue);
}

const kvox_check_stage kvox_check_ocl_mix = {"coils.mix", "1e-5 of the range", compare_mix, bench_mix};
const kvox_check_stage kvox_check_ocl_positions = {"coils.positions", "1e-5 of the range", compare_positions, NULL};
const kvox_check_stage kvox_check_ocl_squares = {"coils.squares", "1e-5 of the range", compare_squares, NULL};
const kvox_check_stage kvox_check_ocl_weigh = {"coils.weigh", "1e-5 of the range", compare_weigh, NULL};
