/*
 * The phase that makes the picture's entropy least (Atkinson et al. 1997; Clare 2003), then each coil's own. The
 * entropy is that of magnitudes over the root of all power, which no phase changes: columns can be taken one by one,
 * and each depends on the phase at its x alone. So the search over constants and slopes adds up entries of one table.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "mri/epi_image.h"

enum {
  ANGLES = 32,    /* of the table, over a turn */
  CONSTANTS = 32, /* over half a turn: the other half shows the ghost in the object's place */
  SLOPES = 48     /* to either side, up to 3 half turns from the middle to the edge: 3 samples between directions */
};
static const double half_turn = 3.141592653589793;
static const double finest_rad = 1e-4;
/* Which pixels hold a ghost alone, round by round: an error of the phase of 0.4 leaves a tenth of its power. What lies
 * dimly under a ghost turns its phase: the last round takes no more than a 14th of its amplitude. */
static const double alone[] = {0.1, 0.05, 0.02, 0.005};
enum { COIL_ROUNDS = sizeof alone / sizeof alone[0] };

typedef struct search {
  kvox_context *context;
  kvox_progress *progress;
  kvox_mri_epi_lines lines;
  kvox_mri_ghost *start; /* later: what is expected of each coil */
  kvox_mri_ghost *ghosts;
  unsigned char *blocks; /* for each worker */
  uint64_t block_bytes;
  kvox_mri_powers *powers; /* [x][plane][y], divided by their sum */
  double *table;           /* [x][angle] */
  double *costs;           /* [x] */
  kvox_mri_parity *sums;   /* [coil][x] */
  double power;            /* of all pixels, before they were divided */
  int round;
  double constant, slope; /* slope: radians from the middle to the edge */
} search;

static int64_t pixels_of_column(const search *s) { return s->lines.planes * s->lines.y; }

/* The entropy of a column whose reversed lines are turned back by theta. */
static double entropy(const search *s, int64_t x, double theta) {
  const kvox_mri_powers *p = s->powers + x * pixels_of_column(s);
  const double c = cos(theta), d = sin(theta);
  double sum = 0;
  for (int64_t i = 0; i < pixels_of_column(s); i++) {
    const double power = p[i].both + c * p[i].re + d * p[i].im;
    if (power > 0) {
      sum -= sqrt(power) * log(power);
    }
  }
  return 0.5 * sum;
}

static kvox_status fill_powers(void *data, int64_t x, int32_t worker) {
  const search *s = data;
  return kvox_mri_epi_powers(&s->lines, s->start, x, s->blocks + (uint64_t)worker * s->block_bytes,
                             s->powers + x * pixels_of_column(s));
}

static kvox_status fill_table(void *data, int64_t x, int32_t worker) {
  (void)worker;
  const search *s = data;
  for (int64_t a = 0; a < ANGLES; a++) {
    s->table[x * ANGLES + a] = entropy(s, x, 2 * half_turn * (double)a / ANGLES);
  }
  return KVOX_OK;
}

static double angle_at(const search *s, int64_t x, double constant, double slope) {
  return constant + slope * 2 * (double)(x - s->lines.x / 2) / (double)s->lines.x;
}

static kvox_status fill_cost(void *data, int64_t x, int32_t worker) {
  (void)worker;
  const search *s = data;
  s->costs[x] = entropy(s, x, angle_at(s, x, s->constant, s->slope));
  return KVOX_OK;
}

static kvox_status fill_sums(void *data, int64_t x, int32_t worker) {
  const search *s = data;
  kvox_mri_epi_parities(&s->lines, s->ghosts, x, s->power / (double)(s->lines.x * pixels_of_column(s)), alone[s->round],
                        s->blocks + (uint64_t)worker * s->block_bytes, s->sums);
  return KVOX_OK;
}

/* Operations of a loop over columns. */
static int64_t work_of(const search *s, int64_t operations) {
  return kvox_work(kvox_array_elements(s->lines.hybrid), operations);
}

static kvox_status each_column(search *s, int64_t operations, kvox_body body) {
  return kvox_parallel(&s->context->threads, s->lines.x, work_of(s, operations), body, s, s->progress);
}

/* The least of the sums of table entries, linear between angles. */
static void search_table(search *s) {
  double least = INFINITY;
  for (int64_t i = 0; i < CONSTANTS * (2 * SLOPES + 1); i++) {
    const double constant = half_turn * ((double)(i % CONSTANTS) / CONSTANTS - 0.5);
    const double slope = 3 * half_turn * ((double)(i / CONSTANTS) / SLOPES - 1);
    double sum = 0;
    for (int64_t x = 0; x < s->lines.x; x++) {
      const double at = angle_at(s, x, constant, slope) * (ANGLES / (2 * half_turn)), whole = floor(at);
      const int64_t a = (int64_t)whole & (ANGLES - 1);
      const double *t = s->table + x * ANGLES;
      sum += t[a] + (at - whole) * (t[(a + 1) & (ANGLES - 1)] - t[a]);
    }
    if (sum < least) {
      least = sum;
      s->constant = constant;
      s->slope = slope;
    }
  }
}

static kvox_status cost(search *s, double constant, double slope, double *sum) {
  const double kept[2] = {s->constant, s->slope};
  s->constant = constant;
  s->slope = slope;
  const kvox_status status = each_column(s, 1, fill_cost);
  *sum = 0;
  for (int64_t x = 0; x < s->lines.x; x++) {
    *sum += s->costs[x];
  }
  s->constant = kept[0];
  s->slope = kept[1];
  return status;
}

/* A pattern search from there (Hooke and Jeeves 1961). */
static kvox_status search_exactly(search *s) {
  double least = 0, step = half_turn / CONSTANTS;
  KVOX_TRY(cost(s, s->constant, s->slope, &least));
  while (step > finest_rad) {
    bool better = false;
    for (int way = 0; way < 4; way++) {
      const double by = way % 2 == 0 ? step : -step;
      const double constant = s->constant + (way < 2 ? by : 0), slope = s->slope + (way < 2 ? 0 : 2 * by);
      double sum = 0;
      KVOX_TRY(cost(s, constant, slope, &sum));
      if (sum < least) {
        least = sum;
        s->constant = constant;
        s->slope = slope;
        better = true;
      }
    }
    step *= better ? 1 : 0.5;
  }
  return KVOX_OK;
}

/* Powers in units of their sum; false where there are none. */
static bool normalise(search *s) {
  const int64_t count = s->lines.x * pixels_of_column(s);
  s->power = 0;
  for (int64_t i = 0; i < count; i++) {
    s->power += s->powers[i].both;
  }
  if (!(s->power > 0)) {
    return false;
  }
  for (int64_t i = 0; i < count; i++) {
    kvox_mri_powers *p = s->powers + i;
    *p = (kvox_mri_powers){p->both / s->power, p->re / s->power, p->im / s->power};
  }
  return true;
}

static kvox_status find(search *s) {
  const kvox_mri_epi_lines *l = &s->lines;
  kvox_progress_next(s->progress, 0.2);
  KVOX_TRY(each_column(s, 32, fill_powers));
  if (!normalise(s)) {
    return KVOX_OK;
  }
  kvox_progress_next(s->progress, 0.5);
  KVOX_TRY(each_column(s, ANGLES * 8, fill_table));
  search_table(s);
  s->progress->begin = s->progress->end; /* of a search of unknown length */
  KVOX_TRY(search_exactly(s));
  for (int64_t c = 0; c < l->coils; c++) {
    s->start[c].constant_rad += s->constant;
    s->start[c].linear_rad_per_px += s->slope * 2 / (double)l->x;
    s->ghosts[c] = s->start[c];
  }
  for (s->round = 0; s->round < COIL_ROUNDS; s->round++) {
    kvox_progress_next(s->progress, s->round == COIL_ROUNDS - 1 ? 1 : s->progress->end);
    KVOX_TRY(each_column(s, 32, fill_sums));
    kvox_mri_epi_refine(l->coils, l->x, s->sums, s->start, s->ghosts);
  }
  return KVOX_OK;
}

/* One block of the workspace: what each worker has, then the rest, all of whole cache lines or doubles. */
static kvox_status share_out(search *s, const kvox_mri_ghost *start, kvox_workspace *workspace) {
  const kvox_mri_epi_lines *l = &s->lines;
  const uint64_t workers = (uint64_t)kvox_workers(&s->context->threads, l->x, work_of(s, ANGLES * 8));
  const uint64_t pixels = (uint64_t)(l->x * pixels_of_column(s)), columns = (uint64_t)l->x;
  const uint64_t sums = (uint64_t)l->coils * columns, coils = (uint64_t)l->coils;
  s->block_bytes = kvox_mri_epi_lines_bytes(l);
  KVOX_TRY(kvox_workspace_begin(workspace, workers * s->block_bytes + pixels * sizeof *s->powers +
                                               columns * (ANGLES + 1) * sizeof(double) + sums * sizeof *s->sums +
                                               coils * sizeof *start));
  s->blocks = workspace->block;
  s->powers = (kvox_mri_powers *)(void *)(s->blocks + workers * s->block_bytes);
  s->table = (double *)(void *)(s->powers + pixels);
  s->costs = s->table + columns * ANGLES;
  s->sums = (kvox_mri_parity *)(void *)(s->costs + columns);
  s->start = (kvox_mri_ghost *)(void *)(s->sums + sums);
  if (start != NULL) {
    memcpy(s->start, start, (size_t)coils * sizeof *start);
  } else {
    memset(s->start, 0, (size_t)coils * sizeof *start);
  }
  memcpy(s->ghosts, s->start, (size_t)coils * sizeof *start);
  return KVOX_OK;
}

static kvox_status check(const kvox_array *hybrid, const uint8_t *reversed, const kvox_mri_ghost *start) {
  KVOX_TRY(kvox_mri_check_coils(hybrid, "kvox_mri_ghost_from_image: hybrid"));
  for (int64_t c = 0; start != NULL && c < kvox_mri_coils_of(hybrid); c++) {
    if (!(isfinite(start[c].constant_rad) && isfinite(start[c].linear_rad_per_px) &&
          isfinite(start[c].log_gain_per_px))) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_ghost_from_image: start[%" PRId64 "] is not finite", c);
    }
  }
  return kvox_mri_epi_check_directions("kvox_mri_ghost_from_image", reversed, hybrid->shape[hybrid->rank - 2]);
}

kvox_status kvox_mri_ghost_from_image_planned(kvox_context *context, kvox_workspace *workspace,
                                              const kvox_fft_plan *fft, const kvox_array *hybrid,
                                              const uint8_t *reversed, const kvox_mri_ghost *start,
                                              kvox_mri_ghost *ghosts) {
  KVOX_TRY(check(hybrid, reversed, start));
  search s = {.context = context, .lines = {.hybrid = hybrid, .reversed = reversed, .fft = fft}, .ghosts = ghosts};
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  kvox_status status;
  kvox_mri_epi_lines_lay_out(&s.lines);
  KVOX_TRY_CLEANUP(share_out(&s, start, taken));
  s.progress = &taken->progress;
  const double begin = kvox_now();
  KVOX_TRY_CLEANUP(find(&s));
  kvox_workspace_add(taken, "ghost", kvox_now() - begin);
cleanup:
  kvox_workspace_give_up(workspace, taken);
  return status;
}

kvox_status kvox_mri_ghost_from_image(kvox_context *context, kvox_workspace *workspace, const kvox_array *hybrid,
                                      const uint8_t *reversed, const kvox_mri_ghost *start, kvox_mri_ghost *ghosts) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(reversed);
  KVOX_REQUIRE(ghosts);
  KVOX_TRY(check(hybrid, reversed, start));
  kvox_fft_plan *fft = NULL;
  KVOX_TRY(kvox_mri_epi_plan(context, hybrid->shape[hybrid->rank - 2], &fft));
  const kvox_status status =
      kvox_mri_ghost_from_image_planned(context, workspace, fft, hybrid, reversed, start, ghosts);
  kvox_fft_plan_destroy(fft);
  return status;
}
