/* Arrays [.., coil, z, y, x] over a device, piece by piece: boxes of samples with all their coils. */
#ifndef KVOX_MRI_PIECES_H
#define KVOX_MRI_PIECES_H

#include "context/pool.h"
#include "core/array.h"
#include "core/size.h"
#include "mri/tiles.h"

enum { KVOX_MRI_MOST_SIDES = 4 };

/* One array of a stage, on the host or the device. */
typedef struct kvox_mri_side {
  const char *name; /* opens sentences about its samples */
  const kvox_array *array;
  int64_t coils;  /* 0: the array is [.., z, y, x] */
  int64_t groups; /* of coils, the axis before theirs: a piece has one after the other; 0: there is no such axis */
  bool is_result;
  bool for_all; /* one volume, for all of the others' */
} kvox_mri_side;

/* A piece: its samples on the device, [coil, z, y, x]; of sides that are given, with what there is of the halo. */
typedef struct kvox_mri_piece {
  int64_t volume, z, y; /* where it begins */
  int64_t size[3];      /* z, y, x */
  int64_t lead[2];      /* slices and rows of the halo before it */
  int64_t with_halo[3]; /* z, y, x */
  kvox_array sides[KVOX_MRI_MOST_SIDES];
  int64_t flag; /* which one tells of samples that are not finite */
} kvox_mri_piece;

/* Enqueues the stage's kernels on one piece. */
typedef kvox_status (*kvox_mri_piece_function)(void *stage, kvox_ocl_queue *queue, const kvox_mri_piece *piece);

/* The failure of one sample of the first side, whose coils lie KVOX_MRI_TILE_ROW floats apart. */
typedef kvox_status (*kvox_mri_piece_failure)(const void *stage, const kvox_mri_tile *at, const float *coils);

/* One execution. The first members are the caller's. The first side is given; the others have its volumes and, but for
 * the length of their rows, its size. */
typedef struct kvox_mri_pieces {
  kvox_context *context;
  const char *name;       /* of the call */
  const char *stage_name; /* of what is computed: a constant string */
  kvox_mri_side sides[KVOX_MRI_MOST_SIDES];
  int32_t side_count;
  const char *overflow; /* the sentence where samples and their squares are finite, and what came of them is not; NULL:
                           the largest sample is named */
  kvox_mri_piece_failure fail;        /* NULL: the sentence of coils */
  int64_t own_bytes;                  /* of a sample, in buffers of the stage's own */
  int64_t own_halo_bytes;             /* of a sample of the piece or its halo */
  int64_t halo[2];                    /* slices and rows about a piece that it wants of what is given */
  kvox_mri_piece_function survey;     /* a pass before, in which no result is written; NULL: none */
  kvox_status (*settle)(void *stage); /* what follows from it */
  kvox_mri_piece_function function;
  void *stage;

  int64_t volumes, size[3]; /* z, y, x */
  int64_t z, y;             /* of a piece */
  bool surveyed;
  bool began; /* the device was given work: there is no way back */
  kvox_buffer *staging[KVOX_MRI_MOST_SIDES];
  kvox_buffer *flags;
  uint32_t *found;
  kvox_progress *progress;
} kvox_mri_pieces;

/* Chooses pieces and makes the buffers; kvox_mri_pieces_drop also after a failure. */
kvox_status kvox_mri_pieces_make(kvox_mri_pieces *p);
void kvox_mri_pieces_drop(kvox_mri_pieces *p);

/* Samples of the largest piece. */
static inline int64_t kvox_mri_pieces_samples(const kvox_mri_pieces *p) {
  return kvox_work(kvox_work(p->z, p->y), p->size[2]);
}

/* Of the largest one with its halo. */
int64_t kvox_mri_pieces_with_halo(const kvox_mri_pieces *p);

/* All pieces: brought to the device, computed, brought back. KVOX_ERROR_DATA where a flag was set. */
kvox_status kvox_mri_pieces_run(kvox_mri_pieces *p, kvox_workspace *workspace);

/* Whether the CPU does what could not be begun on the device; see kvox_context_falls_back. */
bool kvox_mri_pieces_fall_back(const kvox_mri_pieces *p, kvox_status status, const kvox_sentence *before);

/* ---- For kernels: see kernels/common.cl ---- */

typedef struct kvox_mri_ocl_samples {
  int64_t begin, coil, z, y, x; /* in elements */
} kvox_mri_ocl_samples;

typedef struct kvox_mri_ocl_box {
  int64_t x, y, z;
} kvox_mri_ocl_box;

kvox_mri_ocl_samples kvox_mri_ocl_samples_of(const kvox_array *array);

/* On the device, its elements at whole elements from the buffer's begin. */
bool kvox_mri_ocl_reaches(const kvox_array *array);

/* How arrays lie, and their size; axes that are one run in all of them are made one. */
typedef struct kvox_mri_ocl_layout {
  kvox_mri_ocl_box box;
  kvox_mri_ocl_samples sides[KVOX_MRI_MOST_SIDES];
} kvox_mri_ocl_layout;

/* Of arrays [coil, z, y, x] of one size but for coils. `keep_x`: the last axis is not made one with others. */
kvox_mri_ocl_layout kvox_mri_ocl_lay_out(const kvox_array *const *arrays, int32_t count, bool keep_x);

/* A work-item for each sample. */
kvox_ocl_range kvox_mri_ocl_range(const kvox_mri_ocl_box *box, const kvox_ocl_kernel *kernel);

/* A dense array [coils, z, y, x] of c64 in a buffer. */
kvox_array kvox_mri_ocl_dense(kvox_buffer *buffer, kvox_type type, int64_t coils, const int64_t size[3]);

#endif
