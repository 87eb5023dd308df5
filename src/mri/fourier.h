/* Stage "fourier": centred transforms, line by line, sixteen lines a block. */
#ifndef KVOX_MRI_FOURIER_STAGE_H
#define KVOX_MRI_FOURIER_STAGE_H

#include <stdbool.h>

#include "context/workspace.h"
#include "fft/fft.h"
#include "kvox/mri_fourier.h"

/* Lines that are transformed together: a line of the cache of neighbouring floats, two of samples. */
enum { KVOX_FOURIER_LINES = 16 };

/* Pixels of a shift beyond which its fraction has hardly a digit left. */
#define KVOX_MRI_MOST_SHIFT 1e15

/*
 * Factors a + i b of samples: pairs (a, a) and (-b, b), so that the product with z is same z + cross (z with real and
 * imaginary part exchanged). `cross` is NULL where all b are 0, `same` too where all factors are 1.
 */
typedef struct kvox_fourier_weights {
  const float *same, *cross;
} kvox_fourier_weights;

static inline kvox_fourier_weights kvox_fourier_weights_from(kvox_fourier_weights w, int64_t sample) {
  return (kvox_fourier_weights){w.same != NULL ? w.same + 2 * sample : NULL,
                                w.cross != NULL ? w.cross + 2 * sample : NULL};
}

/* What becomes of sums of squares: the first coil's do not look at what was there, of the last ones' roots are kept. */
enum { KVOX_FOURIER_FIRST = 1, KVOX_FOURIER_LAST = 2 };

/* The kernels of one instruction set. Samples are c64, steps are floats. False where a result is not finite. */
typedef struct kvox_fourier_kernels {
  /* out[n] = weights[n] in[n] */
  bool (*weigh)(int64_t count, const float *in, kvox_fourier_weights weights, float *out);
  /* out[column][row] = weights[row] in[row][column] */
  bool (*turn_rows)(int64_t rows, int64_t columns, const float *in, int64_t in_step, kvox_fourier_weights weights,
                    float *out, int64_t out_step);
  /* out[column][row] = weights[column] in[row][column]; past the caches, where `past` is true and `out` allows it. */
  bool (*turn_columns)(int64_t rows, int64_t columns, const float *in, int64_t in_step, kvox_fourier_weights weights,
                       bool past, float *out, int64_t out_step);
  /* sums[n] += |in[n]|^2, of floats */
  bool (*add_squares)(int64_t count, const float *in, int32_t which, float *sums);
  /* sums[column][row] += |in[row][column]|^2 */
  bool (*turn_squares)(int64_t rows, int64_t columns, const float *in, int64_t in_step, int32_t which, float *sums,
                       int64_t sums_step);
} kvox_fourier_kernels;

const kvox_fourier_kernels *kvox_fourier_kernels_of(int32_t cpu_level);

extern const kvox_fourier_kernels kvox_fourier_ref;
extern const kvox_fourier_kernels kvox_fourier_avx2;
extern const kvox_fourier_kernels kvox_fourier_avx512;
extern const kvox_fourier_kernels kvox_fourier_neon;

/*
 * The samples of a line that a transform sees. The centre of a transform lies at its index 0: those from `low` on go to
 * 0, 1, ..., the `low` ones before them to the transform's end. So neither side is shifted.
 */
typedef struct kvox_fourier_side {
  int64_t used, low;
  kvox_fourier_weights weights;
} kvox_fourier_side;

/* One axis of a direction. */
typedef struct kvox_fourier_leg {
  int32_t axis;
  int64_t size, pitch; /* of the transform; samples from line to line: no power of two, whose lines share few places of
                          a cache */
  kvox_fourier_side in, out;
  kvox_fft_plan *fft;
} kvox_fourier_leg;

/* The part of an array that a way reads or writes, x, y, z. */
typedef struct kvox_fourier_part {
  int64_t size[3], first[3], used[3];
} kvox_fourier_part;

/* To images along x, y, z; to k-space along z, y, x: what is cropped away is not computed on. */
typedef struct kvox_fourier_way {
  kvox_fourier_part in, out;
  bool z_first;
  int32_t plane_legs; /* of x and y, in their order */
  kvox_fourier_leg plane[2];
  bool has_z;
  kvox_fourier_leg z;
} kvox_fourier_way;

/* Memory in bytes: a worker's tile; lines between the two legs of a plane; all planes, before or after the leg along
 * z. 0: not needed. */
typedef struct kvox_fourier_needs {
  uint64_t tile, plane, volume;
} kvox_fourier_needs;

/* How an execution is shared: whole items (planes, or volumes where z is transformed) one to a worker, or each item
 * among all of them. */
typedef struct kvox_fourier_share {
  bool items;
  int32_t workers;
  uint64_t bytes;
} kvox_fourier_share;

struct kvox_mri_fourier {
  kvox_context *context;
  kvox_mri_fourier_options options; /* complete: no size is 0 */
  uint64_t limit;                   /* 0: none */
  float *tables;
  uint64_t bytes;
  kvox_fourier_way to_image, to_kspace;
  struct kvox_fourier_device *device; /* NULL: on the CPU; see fourier_ocl.h */
};

/* Fills in what options leave out, or refuses them. */
kvox_status kvox_fourier_complete(kvox_mri_fourier_options *options);

/* Fills both ways of a plan with such options, without transforms where it is `on_device`; kvox_mri_fourier_destroy
 * takes back what a failure leaves. */
kvox_status kvox_fourier_prepare(kvox_mri_fourier *fourier, bool on_device);

/* The window's factor of a sample of k-space (0 to kspace_size - 1) along an axis: 0 where it is not used, 1 without.
 */
double kvox_fourier_window_at(const kvox_mri_fourier_options *options, int32_t axis_number, int64_t sample);

kvox_fourier_needs kvox_fourier_needs_of(const kvox_fourier_way *way);

/* KVOX_ERROR_MEMORY_LIMIT where the plan's limit is too low for any. */
kvox_status kvox_fourier_share_of(const kvox_mri_fourier *fourier, const kvox_fourier_way *way, const char *name,
                                  bool items, kvox_fourier_share *share);

/* The least limit that does, on the CPU. */
uint64_t kvox_fourier_least_bytes(const kvox_mri_fourier *fourier);

/*
 * Scratch of one worker: a block of lines, samples gathered from arrays whose rows are not dense, the transform's own.
 * Lines are transformed one after the other, each to the place of the one before it, so that a block of 256 samples
 * stays in the first-level cache: it is one line longer, and begins with the second before it is transformed.
 */
typedef struct kvox_fourier_tile {
  float *block, *loose;
  void *fft;
} kvox_fourier_tile;

kvox_fourier_tile kvox_fourier_tile_at(const kvox_fourier_way *way, void *memory);

/* Part of an array, [z, y, x]: steps of x, y, z in bytes. Sums of squares are floats, other elements c64. */
typedef struct kvox_fourier_view {
  char *data;
  int64_t step[3];
  int64_t block; /* from KVOX_FOURIER_LINES neighbours along x to the next ones */
  bool squares;
  bool past;     /* results go past the caches: they are more than those hold */
  int32_t which; /* KVOX_FOURIER_FIRST | KVOX_FOURIER_LAST, of squares */
} kvox_fourier_view;

/* Lines that are wanted next: they are asked for while others are transformed. `in` NULL: none are. */
typedef struct kvox_fourier_next {
  const kvox_fourier_view *in, *out;
  int64_t begin;
} kvox_fourier_next;

/* `count` lines (at most KVOX_FOURIER_LINES) from `begin` on along the leg's axis in the plane of `view`, transformed;
 * lines are counted along x, or along y where the leg is x itself. False where a sample is not finite. */
bool kvox_fourier_take(const kvox_fourier_kernels *kernels, const kvox_fourier_leg *leg, const kvox_fourier_view *view,
                       int64_t begin, int64_t count, const kvox_fourier_next *next, const kvox_fourier_tile *tile);
/* Zeros where the transform of `lines` lines has no samples. */
void kvox_fourier_zero_gap(const kvox_fourier_leg *leg, int64_t lines, float *at);
static inline float *kvox_fourier_before(const kvox_fourier_leg *leg, const kvox_fourier_tile *tile) {
  return tile->block + 2 * leg->pitch;
}
/* Lines that lie one each pitch, to the tile's block, in their order. */
void kvox_fourier_transform(const kvox_fourier_leg *leg, int64_t count, float *lines, const kvox_fourier_tile *tile);
bool kvox_fourier_store(const kvox_fourier_kernels *kernels, const kvox_fourier_leg *leg, const kvox_fourier_tile *tile,
                        int64_t begin, int64_t count, const kvox_fourier_view *view);
/* To lines of the next leg, one each `next->pitch`, where that leg's transform takes them from. */
void kvox_fourier_hand_on(const kvox_fourier_kernels *kernels, const kvox_fourier_leg *leg,
                          const kvox_fourier_tile *tile, int64_t begin, int64_t count, const kvox_fourier_leg *next,
                          float *lines);

/* Runs a way on checked arrays; `coils` > 0: root sum of squares over so many. */
kvox_status kvox_fourier_run(const kvox_mri_fourier *fourier, const kvox_fourier_way *way, const char *name,
                             kvox_workspace *workspace, const kvox_array *in, const kvox_array *out, int64_t coils);

#endif
