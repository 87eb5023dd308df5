#include <math.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/center.h"
#include "ct/consistency.h"

/* What rounding of floats leaves of a constant, as a part of its square. */
static const double nothing = 1e-10;

/* Simple operations a sample costs, for the choice of threads. */
enum { OPERATIONS = 16 };

typedef struct reader {
  kvox_ct_sinogram *sinogram;
  const kvox_ct_rows *rows;
  kvox_ct_rows_used used;
  float *scratch; /* two rows a worker */
} reader;

static kvox_ct_row_place place_of(const reader *r, int64_t index) {
  const int64_t all = r->rows->projections->shape[1];
  if (r->used.count == 1) {
    return kvox_ct_row_at(r->used.only, all);
  }
  return (kvox_ct_row_place){(2 * index + 1) * all / (2 * r->used.count), 0};
}

static void add_bins(const kvox_ct_sinogram *s, const float *row, double scale, float *bins) {
  for (int64_t k = 0; k < s->bins; k++) {
    double sum = 0;
    for (int64_t i = 0; i < s->bin_columns; i++) {
      sum += (double)row[k * s->bin_columns + i];
    }
    bins[k] += (float)(sum * scale / (double)s->bin_columns);
  }
}

static void add_moments(kvox_ct_sinogram *s, int64_t view, float *row) {
  const double axis = s->geometry->center_column_px;
  kvox_ct_center_level(s->columns, row);
  for (int64_t i = 0; i < s->columns; i++) {
    const double t = (double)i - axis, p = (double)row[i];
    s->mass[view] += p;
    s->moment[view] += p * t;
    s->second[view] += p * t * t;
  }
}

static kvox_status read_view(void *data, int64_t view, int32_t worker) {
  const reader *r = data;
  kvox_ct_sinogram *s = r->sinogram;
  float *row = r->scratch + 2 * worker * s->columns, *spare = row + s->columns;
  for (int64_t index = 0; index < r->used.count; index++) {
    KVOX_TRY(kvox_ct_rows_load(r->rows, view, place_of(r, index), row, spare));
    add_bins(s, row, 1 / (double)r->used.count, s->samples + view * s->bins);
    if (s->mass != NULL) {
      add_moments(s, view, row);
    }
  }
  return KVOX_OK;
}

/* ---- What the samples are like ---- */

static double second_difference(double before, double here, double after) {
  const double d = before - 2 * here + after;
  return d * d;
}

/* The mean squares of second differences, of each bin and of all. */
typedef struct roughness {
  double bins[KVOX_CT_MOST_BINS], mean;
} roughness;

static void take_mean(const kvox_ct_sinogram *s, int64_t count, roughness *r) {
  double sum = 0;
  for (int64_t k = 0; k < s->bins; k++) {
    r->bins[k] /= (double)count;
    sum += r->bins[k];
  }
  r->mean = sum / (double)s->bins;
}

static void along_columns(const kvox_ct_sinogram *s, roughness *r) {
  *r = (roughness){.mean = 0};
  for (int64_t view = 0; view < s->views; view++) {
    const float *row = s->samples + view * s->bins;
    for (int64_t k = 1; k + 1 < s->bins; k++) {
      r->bins[k] += second_difference((double)row[k - 1], (double)row[k], (double)row[k + 1]);
    }
  }
  r->bins[0] = r->bins[1];
  r->bins[s->bins - 1] = r->bins[s->bins - 2];
  take_mean(s, s->views, r);
}

/* From view to view, `step` at a time, in the order given (NULL: as they were measured). */
static void along_views(const kvox_ct_sinogram *s, const kvox_ct_center_view *order, int64_t step, roughness *r) {
  *r = (roughness){.mean = 0};
  for (int64_t v = step; v + step < s->views; v++) {
    const float *row[3];
    for (int i = 0; i < 3; i++) {
      const int64_t at = v + (i - 1) * step;
      row[i] = s->samples + (order != NULL ? order[at].view : at) * s->bins;
    }
    for (int64_t k = 0; k < s->bins; k++) {
      r->bins[k] += second_difference((double)row[0][k], (double)row[1][k], (double)row[2][k]);
    }
  }
  take_mean(s, s->views - 2 * step, r);
}

static kvox_status order_by_angle(const kvox_ct_sinogram *s, kvox_ct_center_view **order) {
  *order = kvox_allocate_array(s->context->heap, s->views, sizeof **order);
  for (int64_t v = 0; *order != NULL && v < s->views; v++) {
    (*order)[v] = (kvox_ct_center_view){s->geometry->angles_deg[v], v};
  }
  if (*order == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_ct_center_sort(*order, s->views);
  return KVOX_OK;
}

/* Two passes of (1 2 1) / 4 along the columns: what lies between samples is then read well. */
static void smooth(kvox_ct_sinogram *s) {
  for (int64_t view = 0; view < s->views; view++) {
    float *row = s->samples + view * s->bins;
    for (int pass = 0; pass < 2; pass++) {
      float before = row[0];
      for (int64_t k = 0; k < s->bins; k++) {
        const float here = row[k], after = k + 1 < s->bins ? row[k + 1] : here;
        row[k] = 0.25f * (before + 2 * here + after);
        before = here;
      }
    }
  }
}

/* It leaves this part of the variance of white noise: (1 + 16 + 36 + 16 + 1) / 256. */
static const double smooth_noise = 70.0 / 256;

/* Mean and variance; the mean square comes back. */
static double measure_variance(kvox_ct_sinogram *s) {
  const int64_t count = s->views * s->bins;
  double sum = 0, squares = 0, deviations = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += (double)s->samples[i];
    squares += (double)s->samples[i] * (double)s->samples[i];
  }
  s->mean = sum / (double)count;
  for (int64_t i = 0; i < count; i++) {
    const double d = (double)s->samples[i] - s->mean;
    deviations += d * d;
  }
  s->variance = deviations / (double)count;
  return squares / (double)count;
}

/* White noise has second differences of 6 variances. */
static void measure_noise(kvox_ct_sinogram *s, const kvox_ct_center_view *order) {
  roughness columns, by_angle, measured;
  double sum = 0;
  along_columns(s, &columns);
  along_views(s, order, 1, &by_angle);
  along_views(s, NULL, 1, &measured);
  for (int64_t k = 0; k < s->bins; k++) {
    s->noise[k] = fmin(columns.bins[k], fmin(by_angle.bins[k], measured.bins[k])) / 6;
    sum += s->noise[k];
    s->noise[k] *= smooth_noise;
  }
  s->noise_part = sum / (double)s->bins / s->variance;
}

/* Opposite views of a full turn see what a side of a detector beside the axis misses: its other side is an edge then.
 */
static void measure_edges(kvox_ct_sinogram *s, double mean_square) {
  const kvox_ct_geometry *g = s->geometry;
  const bool both = g->beam == KVOX_CT_PARALLEL || kvox_ct_geometry_arc_deg(g) < 360;
  const int64_t edge = kvox_max_i64(s->bins / 50, 1);
  const double views = (double)s->views, share = 1 / (double)edge;
  double left = 0, right = 0;
  for (int64_t v = 0; v < s->views; v++) {
    const float *row = s->samples + v * s->bins;
    double l = 0, r = 0;
    for (int64_t k = 0; k < edge; k++) {
      l += (double)row[k] * share;
      r += (double)row[s->bins - 1 - k] * share;
    }
    left += l * l / views;
    right += r * r / views;
  }
  for (int64_t k = 0; k < edge; k++) {
    left -= s->noise[k] * share * share / smooth_noise;
    right -= s->noise[s->bins - 1 - k] * share * share / smooth_noise;
  }
  s->edges = sqrt(fmax(both ? fmax(left, right) : fmin(left, right), 0) / mean_square);
}

/*
 * What reading between views errs by. Half a second difference is the error midway between the views before and after:
 * twice the steps. From two steps to one it falls as from four to two: to a sixteenth of the mean square where views
 * follow smoothly, not at all where they are too few for what is small and far from the axis.
 */
static void measure_blending(kvox_ct_sinogram *s, const kvox_ct_center_view *order) {
  const double least_fall = 1.0 / 16, of_noise = 1.5;
  roughness columns, two, four;
  double near = 0, far = 0;
  along_columns(s, &columns);
  along_views(s, order, 1, &two);
  along_views(s, order, 2, &four);
  for (int64_t k = 0; k < s->bins; k++) {
    two.bins[k] = fmax(0.25 * two.bins[k] - of_noise * s->noise[k], 0);
    near += two.bins[k];
    far += fmax(0.25 * four.bins[k] - of_noise * s->noise[k], 0);
  }
  const double fall = fmax(near < far ? near / far : 1, least_fall);
  for (int64_t k = 0; k < s->bins; k++) {
    /* Between columns, which are smooth, an eighth of the second difference at most. */
    s->blending[k] = columns.bins[k] / 64 + fall * two.bins[k];
  }
}

static kvox_status measure(kvox_ct_sinogram *s) {
  const double squares = measure_variance(s), rounding = nothing * squares;
  if (!(s->variance > rounding)) {
    return kvox_fail(KVOX_ERROR_DATA, "data check: the rows that are compared hold no object, all samples are alike");
  }
  kvox_ct_center_view *order = NULL;
  KVOX_TRY(order_by_angle(s, &order));
  measure_noise(s, order);
  measure_edges(s, squares);
  smooth(s);
  measure_variance(s);

  roughness by_angle, measured;
  along_views(s, order, 1, &by_angle);
  along_views(s, NULL, 1, &measured);
  s->disorder = sqrt(by_angle.mean / (s->variance + rounding));
  s->order_ratio = sqrt((by_angle.mean + rounding) / (measured.mean + rounding));
  measure_blending(s, by_angle.mean < measured.mean ? order : NULL);
  kvox_release(s->context->heap, order);
  return KVOX_OK;
}

kvox_status kvox_ct_sinogram_read(const kvox_ct_geometry *geometry, kvox_context *context, const kvox_ct_rows *rows,
                                  kvox_ct_rows_used used, kvox_ct_sinogram *sinogram) {
  const int64_t views = geometry->views, columns = geometry->columns;
  const int64_t bin_columns = kvox_divide_up(columns, KVOX_CT_MOST_BINS);
  kvox_ct_sinogram *s = sinogram;
  *s = (kvox_ct_sinogram){.geometry = geometry,
                          .context = context,
                          .views = views,
                          .columns = columns,
                          .bins = columns / bin_columns,
                          .bin_columns = bin_columns};
  const bool moments = geometry->beam == KVOX_CT_PARALLEL;
  const uint64_t bytes = (uint64_t)views * ((uint64_t)s->bins * sizeof(float) + (moments ? 3 * sizeof(double) : 0));
  if (context->memory_limit != 0 && bytes > context->memory_limit) {
    return kvox_fail_limit("data check", context->memory_limit, bytes);
  }
  const int64_t work = kvox_work(views * OPERATIONS, columns * used.count);
  const int64_t workers = kvox_workers(&context->threads, views, work);
  s->samples = kvox_allocate_zeros(context->heap, (uint64_t)(views * s->bins) * sizeof *s->samples);
  s->mass = moments ? kvox_allocate_zeros(context->heap, 3 * (uint64_t)views * sizeof(double)) : NULL;
  float *scratch = kvox_allocate_array(context->heap, workers * 2 * columns, sizeof *scratch);
  kvox_status status = KVOX_ERROR_MEMORY;
  if (s->samples != NULL && (!moments || s->mass != NULL) && scratch != NULL) {
    s->moment = moments ? s->mass + views : NULL;
    s->second = moments ? s->moment + views : NULL;
    reader r = {.sinogram = s, .rows = rows, .used = used, .scratch = scratch};
    status = kvox_parallel(&context->threads, views, work, read_view, &r, NULL);
  }
  kvox_release(context->heap, scratch);
  return status == KVOX_OK ? measure(s) : status;
}

void kvox_ct_sinogram_release(kvox_ct_sinogram *sinogram) {
  if (sinogram->context != NULL) {
    kvox_release(sinogram->context->heap, sinogram->samples);
    kvox_release(sinogram->context->heap, sinogram->mass);
  }
}
