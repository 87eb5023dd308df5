/* Rows to blocks: corrected, weighted by redundancy and the cosine of the ray's angle, filtered, turned over. */
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/size.h"
#include "ct/fdk.h"

/* Rows that are turned over together. */
enum { ROWS = KVOX_STACK };

/* Pairs of views that a piece of work filters with the same cosines. */
enum { PAIRS = 8 };
_Static_assert(ROWS == KVOX_CONE_BLOCK, "stored columns hold whole groups of rows");

static const double pi = 3.14159265358979323846;

typedef struct scratch {
  float *rows[2]; /* [ROWS][row_step] of two views */
  float *rays[2]; /* redundancy weights of both views */
  float *cosines; /* [ROWS][row_step]; of views given by themselves what their weighers need */
  float *spare;   /* a row */
  void *filter;
} scratch;

uint64_t kvox_ct_fdk_filter_scratch(const kvox_ct_fdk *fdk) {
  return (uint64_t)((3 * ROWS + 3) * fdk->row_step) * sizeof(float) + kvox_ct_filter_scratch(fdk->filter);
}

static scratch take_scratch(const kvox_ct_fdk *fdk, void *memory) {
  float *at = memory;
  const int64_t step = fdk->row_step;
  return (scratch){.rows = {at, at + ROWS * step},
                   .rays = {at + 2 * ROWS * step, at + (2 * ROWS + 1) * step},
                   .spare = at + (2 * ROWS + 2) * step,
                   .cosines = at + (2 * ROWS + 3) * step,
                   .filter = at + (3 * ROWS + 3) * step};
}

typedef struct filter_job {
  const kvox_ct_fdk *fdk;
  const kvox_ct_fdk_part *part;
  void *workspace_block;
  kvox_ct_rows rows;
  int64_t groups; /* of ROWS rows */
} filter_job;

void kvox_ct_fdk_rays(const kvox_ct_fdk *fdk, int64_t view, float *rays) {
  const double angle = fdk->geometry->angles_deg[view] * (pi / 180);
  for (int64_t u = 0; u < fdk->geometry->columns; u++) {
    rays[u] = (float)kvox_ct_redundancy_weight(&fdk->redundancy, angle, fdk->fan_rad[u]);
  }
}

int64_t kvox_ct_fdk_detector_row(const kvox_ct_fdk *fdk, int64_t row) {
  return kvox_min_i64(kvox_max_i64(row, 0), fdk->geometry->rows - 1);
}

/* SDD / sqrt(SDD^2 + u^2 + v^2) along a row, lengths in units of SDD. */
static void fill_cosines(const kvox_ct_geometry *g, int64_t row, float *cosines) {
  const double v = g->beam == KVOX_CT_CONE ? ((double)row - g->center_row_px) * g->row_pitch_mm : 0;
  const double height = v / g->source_to_detector_mm;
  const float pitch = (float)(g->column_pitch_mm / g->source_to_detector_mm), rest = (float)(1 + height * height);
  const float first = (float)(-g->center_column_px * g->column_pitch_mm / g->source_to_detector_mm);
  for (int32_t u = 0; u < (int32_t)g->columns; u++) { /* compilers have vectors of 32 bits */
    const float across = first + (float)u * pitch;
    cosines[u] = 1 / sqrtf(rest + across * across);
  }
}

/* `more`: further weights, or NULL. */
static kvox_status load_row(const filter_job *job, int64_t view, int64_t row, const float *weights, const float *more,
                            float *spare, float *samples) {
  const int64_t columns = job->fdk->geometry->columns, before = job->fdk->before;
  const kvox_filter_kernels *kernels = job->fdk->filter->kernels;
  float *measured = samples + before;
  KVOX_TRY(kvox_ct_rows_load(&job->rows, view, (kvox_ct_row_place){row, 0}, measured, spare));
  kernels->multiply(measured, weights, columns);
  if (more != NULL) {
    kernels->multiply(measured, more, columns);
  }
  memset(samples, 0, (size_t)before * sizeof *samples);
  memset(measured + columns, 0, (size_t)(job->fdk->columns - columns - before) * sizeof *samples);
  return KVOX_OK;
}

/* A group of filtered rows of a thin region into a view of the block; all zeros with the first group. */
static void put_rows(const filter_job *job, const float *rows, int64_t view, int64_t group) {
  const kvox_ct_fdk *fdk = job->fdk;
  const int64_t step = fdk->step, columns = fdk->columns, stored = job->part->rows;
  float *first = kvox_ct_fdk_samples(fdk, job->part, view);
  if (group == 0) {
    memset(first - step - KVOX_THIN_BEFORE, 0, (size_t)(KVOX_THIN_BEFORE + step) * sizeof *first);
    memset(first + stored * step, 0, (size_t)((KVOX_THIN_ZERO_ROWS - 1) * step + KVOX_THIN_BEHIND) * sizeof *first);
  }
  for (int64_t r = group * ROWS; r < kvox_min_i64(stored, (group + 1) * ROWS); r++, rows += fdk->row_step) {
    memcpy(first + r * step, rows, (size_t)columns * sizeof *first);
    memset(first + r * step + columns, 0, (size_t)(step - columns) * sizeof *first);
  }
}

/* A group of filtered rows into a view of the block, with zeros beside the first and last column, and before all. */
static void turn_over(const filter_job *job, const float *rows, int64_t view, int64_t group) {
  const kvox_ct_fdk *fdk = job->fdk;
  float *columns = kvox_ct_fdk_samples(fdk, job->part, view) + group * ROWS;
  if (group == 0) {
    memset(columns - fdk->step - KVOX_CONE_GAP, 0, KVOX_CONE_GAP * sizeof *columns);
  }
  memset(columns - fdk->step, 0, ROWS * sizeof *columns);
  fdk->filter->kernels->turn(rows, fdk->row_step, fdk->columns, columns, fdk->step);
  memset(columns + fdk->columns * fdk->step, 0, ROWS * sizeof *columns);
}

/* Redundancy does not depend on the view: cosines are times its weights. */
static bool rays_are_alike(const kvox_ct_fdk *fdk) { return fdk->seen == NULL && fdk->redundancy.full_turn; }

/* The last row of a fan stands for what lies beyond it. */
static bool row_is_there(const filter_job *job, int64_t at, int64_t r) {
  const kvox_ct_fdk *fdk = job->fdk;
  return r > 0 && kvox_ct_fdk_detector_row(fdk, at + r) == kvox_ct_fdk_detector_row(fdk, at + r - 1);
}

static void begin_weighers(const kvox_ct_fdk *fdk, int64_t view, int64_t count, const scratch *s,
                           kvox_ct_fdk_weigher weighers[2]) {
  for (int64_t n = 0; n < count; n++) {
    if (fdk->seen != NULL) {
      kvox_ct_fdk_weigher_begin(fdk, view + n, s->cosines + 2 * n * fdk->row_step, &weighers[n]);
    } else if (!rays_are_alike(fdk)) {
      kvox_ct_fdk_rays(fdk, view + n, s->rays[n]);
    }
  }
}

/* Rows loaded and weighted, of two views, that wait to be filtered together. */
typedef struct waiting {
  kvox_filter_pair pairs[KVOX_FILTER_PAIRS];
  int32_t count;
} waiting;

static void filter_waiting(const kvox_ct_fdk *fdk, const scratch *s, waiting *w) {
  if (w->count > 0) {
    kvox_ct_filter_pairs(fdk->filter, s->filter, w->pairs, w->count);
  }
  w->count = 0;
}

/* One group of rows of views `first` and, where the part has it, first + 1. */
static kvox_status filter_pair(const filter_job *job, int64_t first, int64_t group, int64_t rows, const scratch *s) {
  const kvox_ct_fdk *fdk = job->fdk;
  const kvox_ct_fdk_part *part = job->part;
  const int64_t count = first + 1 < part->views ? 2 : 1, step = fdk->row_step;
  const double *angular = fdk->geometry->weights_rad + part->view + first;
  const float weight_a = (float)angular[0], weight_b = count == 2 ? (float)angular[1] : 0;
  kvox_ct_fdk_weigher weighers[2];
  waiting w = {.count = 0};
  begin_weighers(fdk, part->view + first, count, s, weighers);
  for (int64_t r = 0; r < rows; r++) {
    float *samples[2] = {s->rows[0] + r * step, s->rows[1] + r * step};
    const int64_t row = kvox_ct_fdk_detector_row(fdk, part->row + group * ROWS + r);
    if (row_is_there(job, part->row + group * ROWS, r)) {
      filter_waiting(fdk, s, &w);
      for (int64_t n = 0; n < count; n++) {
        memcpy(samples[n], samples[n] - step, (size_t)fdk->columns * sizeof(float));
      }
      continue;
    }
    const float *cosines = fdk->seen == NULL ? s->cosines + r * step : NULL;
    for (int64_t n = 0; n < count; n++) {
      if (fdk->seen != NULL) {
        kvox_ct_fdk_weigh_row(&weighers[n], row, s->rays[n]);
      }
      const float *weights = rays_are_alike(fdk) ? cosines : s->rays[n];
      KVOX_TRY(load_row(job, part->view + first + n, row, weights, weights != cosines ? cosines : NULL, s->spare,
                        samples[n]));
    }
    for (int64_t n = 0; n < count && r + 1 < rows; n++) {
      kvox_ct_rows_expect(&job->rows, part->view + first + n, kvox_ct_fdk_detector_row(fdk, row + 1));
    }
    float *b = count == 2 ? samples[1] : NULL;
    w.pairs[w.count++] = (kvox_filter_pair){samples[0], b, weight_a, weight_b, samples[0], b};
    if (w.count == KVOX_FILTER_PAIRS) {
      filter_waiting(fdk, s, &w);
    }
  }
  filter_waiting(fdk, s, &w);
  for (int64_t n = 0; n < count; n++) {
    if (fdk->thin) {
      put_rows(job, s->rows[n], first + n, group);
      continue;
    }
    memset(s->rows[n] + rows * step, 0, (size_t)((ROWS - rows) * step) * sizeof(float));
    turn_over(job, s->rows[n], first + n, group);
  }
  return KVOX_OK;
}

static kvox_status filter_group(void *data, int64_t index, int32_t worker) {
  const filter_job *job = data;
  const kvox_ct_fdk *fdk = job->fdk;
  const kvox_ct_fdk_part *part = job->part;
  const int64_t begin = index / job->groups * (2 * PAIRS), group = index % job->groups;
  const int64_t end = kvox_min_i64(begin + 2 * PAIRS, part->views);
  const int64_t rows = kvox_max_i64(kvox_min_i64(part->rows - group * ROWS, ROWS), 0);
  const scratch s = take_scratch(fdk, kvox_ct_fdk_scratch(fdk, job->workspace_block, worker));
  if (rays_are_alike(fdk)) {
    kvox_ct_fdk_rays(fdk, part->view, s.rays[0]);
  }
  for (int64_t r = 0; fdk->seen == NULL && r < rows; r++) {
    float *cosines = s.cosines + r * fdk->row_step;
    fill_cosines(fdk->geometry, kvox_ct_fdk_detector_row(fdk, part->row + group * ROWS + r), cosines);
    if (rays_are_alike(fdk)) {
      fdk->filter->kernels->multiply(cosines, s.rays[0], fdk->geometry->columns);
    }
  }
  for (int64_t first = begin; first < end; first += 2) {
    KVOX_TRY(filter_pair(job, first, group, rows, &s));
  }
  return KVOX_OK;
}

kvox_status kvox_ct_fdk_filter(const kvox_ct_fdk *fdk, const kvox_ct_fdk_part *part, kvox_workspace *workspace,
                               const kvox_ct_rows *rows) {
  filter_job job = {.fdk = fdk, .part = part, .workspace_block = workspace->block, .rows = *rows};
  job.groups = fdk->thin ? kvox_divide_up(part->rows, ROWS) : fdk->step / ROWS;
  kvox_threads threads = fdk->context->threads;
  threads.limit = fdk->workers;
  /* A transform costs some fifty operations a sample. */
  const int64_t work = kvox_work(50 * part->views * part->rows, fdk->filter->length);
  return kvox_parallel(&threads, kvox_divide_up(part->views, 2 * PAIRS) * job.groups, work, filter_group, &job,
                       &workspace->progress);
}
