/* From options to legs: tables of weights, plans of transforms. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "core/turn.h"
#include "mri/fourier.h"

static const double pi = 3.14159265358979323846;

/* What an axis is cut to between k-space and image. */
typedef struct axis {
  bool transformed;
  int64_t kspace, transform, image;
  int64_t first, used, low; /* of k-space */
  kvox_fourier_weights weights, conjugate;
} axis;

static double or_default(double given, double usual) { return given != 0 ? given : usual; }

static double window_at(const kvox_mri_fourier_options *o, int32_t kind, double t) {
  switch (kind) {
    case KVOX_MRI_HANN: return 0.5 * (1 + cos(pi * t));
    case KVOX_MRI_HAMMING: return 0.54 + 0.46 * cos(pi * t);
    case KVOX_MRI_TUKEY: {
      const double flank = or_default(o->window_parameter[0], 0.5);
      return t <= 1 - flank ? 1 : 0.5 * (1 + cos(pi * (t - 1 + flank) / flank));
    }
    case KVOX_MRI_FERMI: {
      const double radius = or_default(o->window_parameter[0], 0.9), width = or_default(o->window_parameter[1], 0.05);
      return 1 / (1 + exp((t - radius) / width));
    }
    default: return 1;
  }
}

/* An axis' samples in a row: a a ... of all, -b b ... of all, b -b ... of all. */
enum { TABLES = 3 };

static void fill_weights(const kvox_mri_fourier_options *o, int32_t d, double scale, float *table, axis *a) {
  float *same = table, *cross = table + 2 * a->used, *back = table + 4 * a->used;
  for (int64_t n = 0; n < a->used; n++) {
    const double k = (double)(n - a->low);
    const double size = scale * window_at(o, o->window[d], fabs(k) / (0.5 * (double)a->used));
    double turn[2];
    kvox_turn(k * o->shift_px[d] / (double)a->transform, turn);
    same[2 * n] = same[2 * n + 1] = (float)(size * turn[0]);
    back[2 * n] = cross[2 * n + 1] = (float)(size * turn[1]);
    cross[2 * n] = back[2 * n + 1] = -cross[2 * n + 1];
  }
  const bool real = o->shift_px[d] == 0;
  if (!real || scale != 1 || o->window[d] != KVOX_MRI_NO_WINDOW) {
    a->weights = (kvox_fourier_weights){same, real ? NULL : cross};
    a->conjugate = (kvox_fourier_weights){same, real ? NULL : back};
  }
}

static void cut_axis(const kvox_mri_fourier_options *o, int32_t d, axis *a) {
  a->transformed = (o->axes >> d & 1) != 0;
  a->kspace = o->kspace_size[d];
  a->transform = o->transform_size[d];
  a->image = o->image_size[d];
  a->used = kvox_min_i64(a->kspace, a->transform);
  a->low = a->used / 2;
  a->first = a->kspace / 2 - a->low;
}

double kvox_fourier_window_at(const kvox_mri_fourier_options *options, int32_t axis_number, int64_t sample) {
  axis a = {.transformed = false};
  cut_axis(options, axis_number, &a);
  const int64_t n = sample - a.first;
  if (!a.transformed) {
    return 1;
  }
  return n >= 0 && n < a.used
             ? window_at(options, options->window[axis_number], fabs((double)(n - a.low)) / (0.5 * (double)a.used))
             : 0;
}

static kvox_status make_leg(const kvox_mri_fourier *f, int32_t d, const axis *a, bool to_image, bool on_device,
                            kvox_fourier_leg *leg) {
  /* A transform's line and one line of the cache more. */
  enum { LINE = KVOX_ALIGNMENT / (2 * sizeof(float)) };
  const kvox_fourier_side kspace = {a->used, a->low, to_image ? a->weights : a->conjugate};
  const kvox_fourier_side image = {a->image, a->image / 2, {NULL, NULL}};
  *leg = (kvox_fourier_leg){.axis = d,
                            .size = a->transform,
                            .pitch = kvox_round_up(a->transform, LINE) + LINE,
                            .in = to_image ? kspace : image,
                            .out = to_image ? image : kspace};
  if (on_device) {
    return KVOX_OK;
  }
  const kvox_fft_layout layout = {
      .kind = to_image ? KVOX_FFT_BACKWARD : KVOX_FFT_FORWARD, .rank = 1, .sizes = {a->transform}, .batch = 1};
  return kvox_fft_plan_create(f->context->heap, &layout, f->context->fft_effort, &leg->fft);
}

static kvox_status make_way(kvox_mri_fourier *f, const axis axes[3], bool to_image, bool on_device,
                            kvox_fourier_way *way) {
  way->z_first = !to_image;
  for (int32_t d = 0; d < 3; d++) {
    const axis *a = &axes[d];
    kvox_fourier_part *kspace = to_image ? &way->in : &way->out, *image = to_image ? &way->out : &way->in;
    kspace->size[d] = a->kspace;
    kspace->first[d] = a->first;
    kspace->used[d] = a->used;
    image->size[d] = image->used[d] = a->image;
  }
  for (int32_t i = 0; i < 2; i++) {
    const int32_t d = to_image ? i : 1 - i;
    if (axes[d].transformed) {
      KVOX_TRY(make_leg(f, d, &axes[d], to_image, on_device, &way->plane[way->plane_legs]));
      f->bytes += on_device ? 0 : kvox_fft_plan_bytes(way->plane[way->plane_legs].fft);
      way->plane_legs++;
    }
  }
  if (axes[2].transformed) {
    KVOX_TRY(make_leg(f, 2, &axes[2], to_image, on_device, &way->z));
    f->bytes += on_device ? 0 : kvox_fft_plan_bytes(way->z.fft);
    way->has_z = true;
  }
  return KVOX_OK;
}

kvox_status kvox_fourier_prepare(kvox_mri_fourier *f, bool on_device) {
  axis axes[3] = {{0}};
  int64_t samples = 0;
  double scale = 1;
  for (int32_t d = 0; d < 3; d++) {
    cut_axis(&f->options, d, &axes[d]);
    samples += axes[d].transformed ? axes[d].used : 0;
    scale *= axes[d].transformed ? sqrt((double)axes[d].kspace) : 1;
  }
  const uint64_t bytes = (uint64_t)(2 * TABLES * samples) * sizeof *f->tables;
  f->tables = kvox_allocate(f->context->heap, bytes);
  if (f->tables == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  f->bytes = sizeof *f + bytes;
  float *table = f->tables;
  /* The first axis scales for all. */
  for (int32_t d = 0; d < 3; d++) {
    if (axes[d].transformed) {
      fill_weights(&f->options, d, 1 / scale, table, &axes[d]);
      table += 2 * TABLES * axes[d].used;
      scale = 1;
    }
  }
  KVOX_TRY(make_way(f, axes, true, on_device, &f->to_image));
  return make_way(f, axes, false, on_device, &f->to_kspace);
}
