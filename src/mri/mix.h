/* Stage "mix": the coils of every sample times a matrix: whitening, compression. */
#ifndef KVOX_MRI_MIX_H
#define KVOX_MRI_MIX_H

#include <stdbool.h>

#include "context/workspace.h"
#include "mri/tiles.h"

typedef struct kvox_mix {
  int64_t outputs, inputs;
  bool lower;          /* the matrix is square, and zero above its diagonal: that is not read */
  const float *matrix; /* [output][input][real, imaginary] */
} kvox_mix;

/* The kernels of one instruction set. */
typedef struct kvox_mix_kernels {
  /* out[o] = sum over i of matrix[o][i] in[i], of `count` samples, a multiple of KVOX_MRI_STEP; rows are
   * KVOX_MRI_TILE_ROW floats apart. False where a result is not finite. Sums run in the order of inputs. */
  bool (*mix)(const kvox_mix *m, int64_t count, const float *in, float *out);
} kvox_mix_kernels;

const kvox_mix_kernels *kvox_mix_kernels_of(int32_t cpu_level);

extern const kvox_mix_kernels kvox_mix_ref;
extern const kvox_mix_kernels kvox_mix_avx2;
extern const kvox_mix_kernels kvox_mix_avx512;
extern const kvox_mix_kernels kvox_mix_neon;

/* Every sample of `in` [.., input, z, y, x] to `out` [.., output, z, y, x], which were checked; they may be the same
 * array where there are as many outputs as inputs. `stage` is a constant string. */
kvox_status kvox_mri_mix(kvox_context *context, const char *name, const char *stage, const kvox_mix *mix,
                         kvox_workspace *workspace, const kvox_array *in, const kvox_array *out);

/* The same of arrays of the host, by the CPU on a context of a device too: for what is too little to be sent there. It
 * works in the given workspace. */
kvox_status kvox_mri_mix_on_cpu(kvox_context *context, const char *name, const char *stage, const kvox_mix *mix,
                                kvox_workspace *workspace, const kvox_array *in, const kvox_array *out);

/* Reads tiles of all coils, mixed where there is a matrix; fails where a sample is not finite. */
typedef struct kvox_mri_loader {
  const char *name;
  const kvox_array *array;
  const kvox_mix *mix; /* of as many outputs as inputs; NULL: as they are */
  const kvox_mix_kernels *kernels;
  int64_t coils;
} kvox_mri_loader;

kvox_mri_loader kvox_mri_loader_of(const kvox_context *context, const char *name, const kvox_array *array,
                                   const kvox_mix *mix);
static inline int64_t kvox_mri_loader_floats(const kvox_mri_loader *loader) {
  return 2 * loader->coils * KVOX_MRI_TILE_ROW;
}
/* `scratch` has kvox_mri_loader_floats; `tile` points to the coils in it. */
kvox_status kvox_mri_load(const kvox_mri_loader *loader, const kvox_mri_tile *at, float *scratch, float **tile);

#endif
