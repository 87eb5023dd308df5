/* A small scan whose k-space is random: its readouts in any form, and the images they must become, by sums written out.
 */
#ifndef KVOX_TESTS_MRI_SCAN_H
#define KVOX_TESTS_MRI_SCAN_H

#include "mri/support.h"

enum { SCAN_MOST_SAMPLES = 64, SCAN_MOST_COILS = 8 };

typedef struct scan {
  kvox_mri_protocol protocol;
  int coils, frames, slices; /* frames: contrasts */
  int samples, center;       /* of a readout; `first` is where its first sample lies in k-space */
  int first;
  uint32_t flags; /* of every readout */
  int discard_before, discard_after;
  float complex *kspace; /* [frame][slice][coil][kz][ky][kx], zero where nothing is measured */
  float complex line[SCAN_MOST_COILS * SCAN_MOST_SAMPLES];
} scan;

static inline int64_t scan_volume(const scan *s) {
  const int64_t *e = s->protocol.encoded_size;
  return e[0] * e[1] * e[2];
}

/* All of k-space, one pixel a sample of 2 x 2 x 4 mm; members may be changed before scan_fill. */
static inline scan scan_of(int coils, int x, int y, int z) {
  scan s = {.coils = coils, .frames = 1, .slices = 1, .samples = x, .center = x / 2};
  kvox_mri_protocol *p = &s.protocol;
  const int64_t size[3] = {x, y, z};
  for (int a = 0; a < 3; a++) {
    p->encoded_size[a] = p->image_size[a] = size[a];
    p->encoded_mm[a] = p->image_mm[a] = (double)size[a] * (a == 2 ? 4 : 2);
  }
  p->limits[KVOX_MRI_STEP_1] = (kvox_mri_limits){0, y - 1, y / 2};
  p->limits[KVOX_MRI_STEP_2] = (kvox_mri_limits){0, z - 1, z / 2};
  p->coils = coils;
  return s;
}

/* The image covers the middle pixels x, y, z, each `share` of a sample's size. */
static inline void scan_image(scan *s, int axis, int64_t size, double share) {
  kvox_mri_protocol *p = &s->protocol;
  p->image_size[axis] = size;
  p->image_mm[axis] = p->encoded_mm[axis] / (double)p->encoded_size[axis] * share * (double)size;
}

/* Where a line lies in k-space: lines are counted from the first limit. */
static inline int64_t scan_place(const scan *s, int axis, int32_t counter) {
  return s->protocol.encoded_size[axis] / 2 + counter - s->protocol.limits[axis - 1].center;
}

static inline float complex *scan_row(const scan *s, int frame, int slice, int coil, int32_t z, int32_t y) {
  const int64_t *e = s->protocol.encoded_size;
  const int64_t volume = ((int64_t)frame * s->slices + slice) * s->coils + coil;
  return s->kspace + ((volume * e[2] + scan_place(s, 2, z)) * e[1] + scan_place(s, 1, y)) * e[0];
}

/* Random samples within the limits and the readouts. */
static inline void scan_fill(scan *s, uint64_t seed) {
  kvox_mri_protocol *p = &s->protocol;
  p->limits[KVOX_MRI_CONTRAST].last = s->frames - 1;
  p->limits[KVOX_MRI_SLICE].last = s->slices - 1;
  s->first = (int)p->encoded_size[0] / 2 - s->center;
  s->kspace = calloc((size_t)(s->frames * s->slices * s->coils * scan_volume(s)), sizeof *s->kspace);
  assert_non_null(s->kspace);
  for (int v = 0; v < s->frames * s->slices * s->coils; v++) {
    for (int32_t z = p->limits[1].first; z <= p->limits[1].last; z++) {
      for (int32_t y = p->limits[0].first; y <= p->limits[0].last; y++) {
        float complex *row = scan_row(s, 0, 0, v, z, y);
        for (int n = s->discard_before; n < s->samples - s->discard_after; n++) {
          row[s->first + n] = (float complex)random_normal(&seed);
        }
      }
    }
  }
}

static inline void scan_free(scan *s) { free(s->kspace); }

/* A readout of a line; its data are the scan's until the next one. What is to be discarded is NaN. */
static inline kvox_mri_readout scan_readout(scan *s, int frame, int slice, int32_t z, int32_t y) {
  const bool reversed = (s->flags & KVOX_MRI_REVERSE) != 0;
  kvox_mri_readout r = {.flags = s->flags,
                        .coils = s->coils,
                        .samples = s->samples,
                        .center_sample = s->center,
                        .discard_before = reversed ? s->discard_after : s->discard_before,
                        .discard_after = reversed ? s->discard_before : s->discard_after,
                        .data = (const float *)s->line,
                        .read_axis = {1, 0, 0},
                        .phase_axis = {0, 1, 0},
                        .slice_axis = {0, 0, 1}};
  r.counters[KVOX_MRI_STEP_1] = y;
  r.counters[KVOX_MRI_STEP_2] = z;
  r.counters[KVOX_MRI_SLICE] = slice;
  r.counters[KVOX_MRI_CONTRAST] = frame;
  for (int c = 0; c < s->coils; c++) {
    const float complex *row = scan_row(s, frame, slice, c, z, y);
    for (int n = 0; n < s->samples; n++) {
      const bool held = n >= s->discard_before && n < s->samples - s->discard_after;
      s->line[c * s->samples + (reversed ? s->samples - 1 - n : n)] = held ? row[s->first + n] : NAN;
    }
  }
  return r;
}

static inline void scan_push(scan *s, kvox_mri_recon *recon, int frame, int slice, int32_t z, int32_t y) {
  const kvox_mri_readout r = scan_readout(s, frame, slice, z, y);
  assert_ok(kvox_mri_recon_push(recon, &r));
}

static inline void scan_push_all(scan *s, kvox_mri_recon *recon) {
  const kvox_mri_limits *l = s->protocol.limits;
  for (int f = 0; f < s->frames; f++) {
    for (int n = 0; n < s->slices; n++) {
      for (int32_t z = l[1].first; z <= l[1].last; z++) {
        for (int32_t y = l[0].first; y <= l[0].last; y++) {
          scan_push(s, recon, f, n, z, y);
        }
      }
    }
  }
}

/* Sums along one axis, the others as they are: exp(2 pi i k (x + shift) / transform) / sqrt(k-space's size). */
static inline double complex *scan_transform(const double complex *in, const int64_t in_size[3], int axis,
                                             int64_t transform, int64_t image, double shift) {
  const int64_t n = in_size[axis], inner = axis == 0 ? 1 : axis == 1 ? in_size[0] : in_size[0] * in_size[1];
  const int64_t outer = in_size[0] * in_size[1] * in_size[2] / (n * inner);
  double complex *out = calloc((size_t)(outer * image * inner), sizeof *out);
  assert_non_null(out);
  for (int64_t x = 0; x < image; x++) {
    for (int64_t s = 0; s < n; s++) {
      const int64_t k = s - n / 2;
      if (k < -(transform / 2) || k >= transform - transform / 2) {
        continue;
      }
      const double complex w =
          cexp(2 * pi * I * (double)k * ((double)(x - image / 2) + shift) / (double)transform) / sqrt((double)n);
      for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < inner; i++) {
          out[(o * image + x) * inner + i] += w * in[(o * n + s) * inner + i];
        }
      }
    }
  }
  return out;
}

/* The image of one coil of a frame's slice: what protocol and options say it must be. */
static inline double complex *scan_truth(const scan *s, const kvox_mri_recon_options *o, int frame, int slice, int coil,
                                         int64_t size[3]) {
  const kvox_mri_protocol *p = &s->protocol;
  const int64_t count = scan_volume(s);
  const float complex *from = s->kspace + (((int64_t)frame * s->slices + slice) * s->coils + coil) * count;
  double complex *image = calloc((size_t)count, sizeof *image);
  assert_non_null(image);
  for (int64_t i = 0; i < count; i++) {
    image[i] = (double complex)from[i];
  }
  memcpy(size, p->encoded_size, 3 * sizeof *size);
  for (int a = 0; a < 3; a++) {
    const int64_t wanted = o->image_size[a] > 0 ? o->image_size[a] : p->image_size[a];
    const int64_t transform = llround(p->encoded_mm[a] / p->image_mm[a] * (double)wanted);
    const int64_t kept = a == 0 && o->oversampled != 0 ? transform : wanted;
    double complex *next = scan_transform(image, size, a, transform, kept, o->shift_px[a]);
    free(image);
    image = next;
    size[a] = kept;
  }
  return image;
}

/* `images` [frame][coil][z][y][x] are the scan's separate coils, slice `order[i]` at i (NULL: by numbers). */
static inline void scan_compare(const scan *s, const kvox_mri_recon_options *o, const int *order,
                                const float complex *images, double tolerance) {
  for (int f = 0; f < s->frames; f++) {
    for (int n = 0; n < s->slices; n++) {
      for (int c = 0; c < s->coils; c++) {
        int64_t size[3];
        double complex *truth = scan_truth(s, o, f, order != NULL ? order[n] : n, c, size);
        const int64_t count = size[0] * size[1] * size[2];
        const float complex *is = images + (((int64_t)f * s->coils + c) * s->slices + n) * count;
        for (int64_t i = 0; i < count; i++) {
          assert_close(cabs((double complex)is[i] - truth[i]), 0, tolerance);
        }
        free(truth);
      }
    }
  }
}

static inline kvox_mri_recon *recon_of(kvox_context *context, const scan *s, const kvox_mri_recon_options *o) {
  kvox_mri_recon *recon = NULL;
  assert_ok(kvox_mri_recon_create(context, &s->protocol, o, &recon));
  return recon;
}

static inline kvox_mri_recon_options separate_coils(void) {
  kvox_mri_recon_options o;
  kvox_mri_recon_options_init(&o);
  o.combine = KVOX_MRI_SEPARATE;
  return o;
}

/* The images as they are now, in memory of the caller's to free. */
static inline void *recon_images(kvox_mri_recon *recon, kvox_type type, int64_t *count) {
  int64_t shape[5];
  kvox_array images;
  assert_ok(kvox_mri_recon_shape(recon, shape));
  const int64_t all = shape[0] * shape[1] * shape[2] * shape[3] * shape[4];
  void *data = malloc((size_t)all * kvox_type_size(type));
  assert_non_null(data);
  memset(data, 0x7f, (size_t)all * kvox_type_size(type));
  assert_ok(kvox_array_init(&images, data, type, 5, shape));
  assert_ok(kvox_mri_recon_image(recon, NULL, &images));
  if (count != NULL) {
    *count = all;
  }
  return data;
}

#endif
