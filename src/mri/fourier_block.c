/* Blocks of lines between arrays and their transforms: windows, zeros, crops and centres in one pass. */
#include <string.h>

#include "core/size.h"
#include "mri/fourier.h"

enum { COMPLEX = 2 * sizeof(float) };

/* The two runs of a side, in the order of memory: samples from `low` on lie at the transform's begin, the others at its
 * end. */
typedef struct run {
  int64_t sample, place, count; /* `sample` of those used */
} run;

static void runs_of(const kvox_fourier_side *side, int64_t size, run runs[2]) {
  runs[0] = (run){0, size - side->low, side->low};
  runs[1] = (run){side->low, 0, side->used - side->low};
}

/* Rows that kernels can read as floats. */
static bool is_dense(const kvox_fourier_view *view, int32_t across) {
  const uint64_t odd = (uint64_t)(uintptr_t)view->data | (uint64_t)view->step[across];
  const int64_t element = view->squares ? (int64_t)sizeof(float) : COMPLEX;
  return view->step[0] == element && odd % sizeof(float) == 0;
}

void kvox_fourier_zero_gap(const kvox_fourier_leg *leg, int64_t lines, float *at) {
  const kvox_fourier_side *in = &leg->in;
  for (int64_t n = 0; n < lines && in->used < leg->size; n++) {
    memset(at + 2 * (n * leg->pitch + in->used - in->low), 0, (size_t)(leg->size - in->used) * COMPLEX);
  }
}

static void gather(const char *from, int64_t step, int64_t count, size_t size, char *to) {
  for (int64_t n = 0; n < count; n++) {
    memcpy(to + (size_t)n * size, from + n * step, size);
  }
}

static void scatter(const char *from, int64_t step, int64_t count, size_t size, char *to) {
  for (int64_t n = 0; n < count; n++) {
    memcpy(to + n * step, from + (size_t)n * size, size);
  }
}

static bool load_row(const kvox_fourier_kernels *kernels, const kvox_fourier_leg *leg, const kvox_fourier_view *view,
                     int64_t line, const kvox_fourier_tile *tile, float *before) {
  const char *row = view->data + line * view->step[1];
  if (!is_dense(view, 1)) {
    gather(row, view->step[0], leg->in.used, COMPLEX, (char *)tile->loose);
    row = (const char *)tile->loose;
  }
  run runs[2];
  runs_of(&leg->in, leg->size, runs);
  bool finite = true;
  for (int i = 0; i < 2; i++) {
    finite = kernels->weigh(runs[i].count, (const float *)(const void *)row + 2 * runs[i].sample,
                            kvox_fourier_weights_from(leg->in.weights, runs[i].sample), before + 2 * runs[i].place) &&
             finite;
  }
  return finite;
}

static bool load_columns(const kvox_fourier_kernels *kernels, const kvox_fourier_leg *leg,
                         const kvox_fourier_view *view, int64_t begin, int64_t count, const kvox_fourier_tile *tile,
                         float *before) {
  const int64_t along = view->step[leg->axis];
  const char *first = view->data + begin / KVOX_FOURIER_LINES * view->block;
  int64_t step = along / (int64_t)sizeof(float);
  if (!is_dense(view, leg->axis)) {
    for (int64_t n = 0; n < leg->in.used; n++) {
      gather(first + n * along, view->step[0], count, COMPLEX, (char *)(tile->loose + n * 2 * KVOX_FOURIER_LINES));
    }
    first = (const char *)tile->loose;
    step = 2 * KVOX_FOURIER_LINES;
  }
  run runs[2];
  runs_of(&leg->in, leg->size, runs);
  bool finite = true;
  for (int i = 0; i < 2; i++) {
    finite = kernels->turn_rows(runs[i].count, count, (const float *)(const void *)first + runs[i].sample * step, step,
                                kvox_fourier_weights_from(leg->in.weights, runs[i].sample), before + 2 * runs[i].place,
                                2 * leg->pitch) &&
             finite;
  }
  return finite;
}

void kvox_fourier_transform(const kvox_fourier_leg *leg, int64_t count, float *lines, const kvox_fourier_tile *tile) {
  for (int64_t n = 0; n < count; n++) {
    kvox_fft_execute(leg->fft, lines + 2 * n * leg->pitch, tile->block + 2 * n * leg->pitch, tile->fft);
  }
}

/* Part `n` of KVOX_FOURIER_LINES of the lines from `begin` on, which lie too far apart for a processor to guess.
 * Inlined: gcc takes a function that does nothing but ask for one without effect, and leaves its calls out. */
__attribute__((always_inline)) static inline void ask_for(const kvox_fourier_view *view, int32_t axis, int64_t used,
                                                          int64_t begin, int64_t n) {
  const int64_t element = view->squares ? (int64_t)sizeof(float) : COMPLEX;
  const bool rows = axis == 0;
  const int64_t from = rows ? n : used * n / KVOX_FOURIER_LINES;
  const int64_t to = rows ? n + 1 : used * (n + 1) / KVOX_FOURIER_LINES;
  const int64_t bytes = rows ? used * element : KVOX_FOURIER_LINES * element;
  const char *at = view->data + (rows ? begin * view->step[1] : begin / KVOX_FOURIER_LINES * view->block);
  for (int64_t k = from; k < to && view->step[0] == element; k++) {
    for (int64_t b = 0; b < bytes; b += KVOX_ALIGNMENT) {
      __builtin_prefetch(at + k * view->step[rows ? 1 : axis] + b, 0, 2);
    }
  }
}

bool kvox_fourier_take(const kvox_fourier_kernels *kernels, const kvox_fourier_leg *leg, const kvox_fourier_view *view,
                       int64_t begin, int64_t count, const kvox_fourier_next *next, const kvox_fourier_tile *tile) {
  float *before = tile->block + 2 * leg->pitch;
  kvox_fourier_zero_gap(leg, count, before);
  bool finite = leg->axis == 0 || load_columns(kernels, leg, view, begin, count, tile, before);
  for (int64_t n = 0; n < count && finite; n++) {
    float *line = before + 2 * n * leg->pitch;
    /* A row is transformed while it is in the first-level cache. */
    finite = leg->axis != 0 || load_row(kernels, leg, view, begin + n, tile, line);
    if (next->in != NULL) {
      ask_for(next->in, leg->axis, leg->in.used, next->begin, n);
    }
    if (next->out != NULL) {
      ask_for(next->out, leg->axis, leg->out.used, next->begin, n);
    }
    kvox_fft_execute(leg->fft, line, tile->block + 2 * n * leg->pitch, tile->fft);
  }
  return finite;
}

static bool store_rows(const kvox_fourier_kernels *kernels, const kvox_fourier_leg *leg, const kvox_fourier_tile *tile,
                       int64_t begin, int64_t count, const kvox_fourier_view *view) {
  const bool dense = is_dense(view, 1);
  const size_t size = view->squares ? sizeof(float) : COMPLEX;
  const int64_t floats = (int64_t)(size / sizeof(float));
  run runs[2];
  runs_of(&leg->out, leg->size, runs);
  bool finite = true;
  for (int64_t n = 0; n < count; n++) {
    char *row = view->data + (begin + n) * view->step[1];
    float *to = dense ? (float *)(void *)row : tile->loose;
    if (!dense && view->squares && (view->which & KVOX_FOURIER_FIRST) == 0) {
      gather(row, view->step[0], leg->out.used, size, (char *)to);
    }
    for (int i = 0; i < 2; i++) {
      const float *from = tile->block + 2 * (n * leg->pitch + runs[i].place);
      float *part = to + floats * runs[i].sample;
      finite = (view->squares ? kernels->add_squares(runs[i].count, from, view->which, part)
                              : kernels->weigh(runs[i].count, from,
                                               kvox_fourier_weights_from(leg->out.weights, runs[i].sample), part)) &&
               finite;
    }
    if (!dense) {
      scatter((const char *)to, view->step[0], leg->out.used, size, row);
    }
  }
  return finite;
}

static bool store_columns(const kvox_fourier_kernels *kernels, const kvox_fourier_leg *leg,
                          const kvox_fourier_tile *tile, int64_t begin, int64_t count, const kvox_fourier_view *view) {
  const bool dense = is_dense(view, leg->axis);
  const size_t size = view->squares ? sizeof(float) : COMPLEX;
  const int64_t along = view->step[leg->axis], row = KVOX_FOURIER_LINES * (int64_t)size;
  char *first = view->data + begin / KVOX_FOURIER_LINES * view->block;
  float *to = dense ? (float *)(void *)first : tile->loose;
  const int64_t step = (dense ? along : row) / (int64_t)sizeof(float);
  if (!dense && view->squares && (view->which & KVOX_FOURIER_FIRST) == 0) {
    for (int64_t n = 0; n < leg->out.used; n++) {
      gather(first + n * along, view->step[0], count, size, (char *)to + n * row);
    }
  }
  run runs[2];
  runs_of(&leg->out, leg->size, runs);
  bool finite = true;
  for (int i = 0; i < 2; i++) {
    const float *from = tile->block + 2 * runs[i].place;
    float *part = to + runs[i].sample * step;
    const kvox_fourier_weights weights = kvox_fourier_weights_from(leg->out.weights, runs[i].sample);
    finite = (view->squares ? kernels->turn_squares(count, runs[i].count, from, 2 * leg->pitch, view->which, part, step)
                            : kernels->turn_columns(count, runs[i].count, from, 2 * leg->pitch, weights, view->past,
                                                    part, step)) &&
             finite;
  }
  for (int64_t n = 0; n < leg->out.used && !dense; n++) {
    scatter((const char *)to + n * row, view->step[0], count, size, first + n * along);
  }
  return finite;
}

bool kvox_fourier_store(const kvox_fourier_kernels *kernels, const kvox_fourier_leg *leg, const kvox_fourier_tile *tile,
                        int64_t begin, int64_t count, const kvox_fourier_view *view) {
  return (leg->axis == 0 ? store_rows : store_columns)(kernels, leg, tile, begin, count, view);
}

void kvox_fourier_hand_on(const kvox_fourier_kernels *kernels, const kvox_fourier_leg *leg,
                          const kvox_fourier_tile *tile, int64_t begin, int64_t count, const kvox_fourier_leg *next,
                          float *lines) {
  run from[2], to[2];
  runs_of(&leg->out, leg->size, from);
  runs_of(&next->in, next->size, to);
  for (int i = 0; i < 2; i++) {
    /* Of the block's lines those that belong to this run of the next leg's samples. */
    const int64_t low = kvox_max_i64(begin, to[i].sample);
    const int64_t rows = kvox_min_i64(begin + count, to[i].sample + to[i].count) - low;
    for (int k = 0; k < 2 && rows > 0; k++) {
      const float *in = tile->block + 2 * ((low - begin) * leg->pitch + from[k].place);
      float *out = lines + 2 * (from[k].sample * next->pitch + to[i].place + low - to[i].sample);
      /* k-space has the weights, images have none: only one of the two sides does. */
      if (leg->out.weights.same != NULL) {
        kernels->turn_columns(rows, from[k].count, in, 2 * leg->pitch,
                              kvox_fourier_weights_from(leg->out.weights, from[k].sample), false, out, 2 * next->pitch);
      } else {
        kernels->turn_rows(rows, from[k].count, in, 2 * leg->pitch, kvox_fourier_weights_from(next->in.weights, low),
                           out, 2 * next->pitch);
      }
    }
  }
}
