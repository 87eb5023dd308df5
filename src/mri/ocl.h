/* The stages on a device; see kernels/mri_*.cl. */
#ifndef KVOX_MRI_OCL_H
#define KVOX_MRI_OCL_H

#include "mri/compress.h"
#include "mri/mix.h"
#include "mri/pieces.h"
#include "mri/polar.h"
#include "mri/t2star.h"

/* Coils times a matrix, or one for each position x. One execution's. */
typedef struct kvox_mri_ocl_mix {
  int32_t inputs, outputs, lower;
  int64_t row; /* of the weights of positions; 0: one matrix */
  kvox_buffer *matrix;
  kvox_ocl_kernel *kernel;
} kvox_mri_ocl_mix;

/* kvox_mri_ocl_mix_drop also after a failure. */
kvox_status kvox_mri_ocl_mix_make(kvox_context *context, const kvox_mix *mix, kvox_mri_ocl_mix *stage);
kvox_status kvox_mri_ocl_mix_make_positions(kvox_context *context, const kvox_mri_compression *compression,
                                            kvox_mri_ocl_mix *stage);
void kvox_mri_ocl_mix_drop(kvox_mri_ocl_mix *stage);

/* Of a piece's samples `in` to `out`, both [coil, z, y, x]; in place where the matrix is zero above its diagonal. */
kvox_status kvox_mri_ocl_mix_run(kvox_mri_ocl_mix *stage, kvox_ocl_queue *queue, const kvox_array *in,
                                 const kvox_array *out, kvox_buffer *flags, int64_t flag);

/* `kernel` is "root_sum_of_squares" or "weigh" of program "mri_combine"; arrays are [coil, z, y, x]. */
kvox_status kvox_mri_ocl_squares_run(kvox_ocl_kernel *kernel, kvox_ocl_queue *queue, const kvox_array *images,
                                     const kvox_array *magnitude, kvox_buffer *flags, int64_t flag);
kvox_status kvox_mri_ocl_weigh_run(kvox_ocl_kernel *kernel, kvox_ocl_queue *queue, const kvox_array *images,
                                   const kvox_array *maps, const kvox_array *combined, kvox_buffer *flags,
                                   int64_t flag);

/* `kernel` is "magnitude" or "phase" of program "mri_maps"; arrays are [1, z, y, x]. */
kvox_status kvox_mri_ocl_polar_run(kvox_ocl_kernel *kernel, kvox_ocl_queue *queue, const kvox_array *images,
                                   const kvox_array *result, kvox_buffer *flags, int64_t flag);

/* Walsh's maps; `coils`, `lanes` and `radius` (x, y, z) are the caller's. */
enum { KVOX_MRI_OCL_WALSH_KERNELS = 6 };
typedef struct kvox_mri_ocl_walsh {
  int64_t coils, lanes, radius[3];
  kvox_ocl_kernel *kernels[KVOX_MRI_OCL_WALSH_KERNELS];
  kvox_buffer *columns, *sums;
  kvox_buffer *reference, *factor; /* [coil], and lower [coil][coil], NULL: 1; made when they are known */
} kvox_mri_ocl_walsh;

int64_t kvox_mri_ocl_walsh_lanes(const kvox_context *context);
/* What its buffers take of a sample, and for pieces of so many samples the stage; drop also after a failure. */
int64_t kvox_mri_ocl_walsh_bytes(int64_t coils, int64_t lanes, int64_t row);
kvox_status kvox_mri_ocl_walsh_make(kvox_context *context, int64_t samples, int64_t row, kvox_mri_ocl_walsh *stage);
void kvox_mri_ocl_walsh_drop(kvox_mri_ocl_walsh *stage);
/* Sums of z z^H of each row of [coil, z, y, x], read to `rows`; add_rows adds them to a packed matrix. */
kvox_status kvox_mri_ocl_walsh_survey(const kvox_mri_ocl_walsh *stage, kvox_ocl_queue *queue, const kvox_array *images,
                                      kvox_buffer *flags, int64_t flag, float *rows);
void kvox_mri_ocl_walsh_add_rows(const kvox_mri_ocl_walsh *stage, int64_t count, const float *rows, double *packed);
/* `images` are those of a piece and its halo, of which `lead` (z, y) lies before it; `maps` those of the piece. */
kvox_status kvox_mri_ocl_walsh_run(const kvox_mri_ocl_walsh *stage, kvox_ocl_queue *queue, const kvox_array *images,
                                   const int64_t lead[2], float scale, const kvox_array *maps);

/* T2*: what kernels/mri_t2star.cl knows of a fit, and its times there. Arrays are [echo, z, y, x] and [1, z, y, x]; not
 * all results are NULL. */
typedef struct kvox_mri_ocl_decay {
  int64_t echoes;
  int32_t even, least_squares;
  float floor, least_rate, most_rate, first_time, span_ms, shortest_ms, longest_ms;
} kvox_mri_ocl_decay;
kvox_mri_ocl_decay kvox_mri_ocl_decay_of(const kvox_t2star_fit *fit, bool least_squares, double first_ms);
kvox_status kvox_mri_ocl_times(kvox_context *context, const kvox_t2star_fit *fit, kvox_buffer **buffer);
kvox_status kvox_mri_ocl_t2star_run(kvox_ocl_kernel *kernel, kvox_ocl_queue *queue, const kvox_mri_ocl_decay *decay,
                                    const kvox_buffer *times, const kvox_array *magnitudes,
                                    const kvox_array *const results[KVOX_T2STAR_RESULTS], kvox_buffer *flags,
                                    int64_t flag);

/* The main field: what the kernel "field_map" of program "mri_maps" takes. `scratch` has 2 x echoes floats a sample.
 * Images are [echo x coil, z, y, x], results [1, z, y, x]; `weight` may be NULL. */
typedef struct kvox_mri_ocl_field {
  int64_t echoes, coils;
  double shortest_ms, span_ms;
  kvox_ocl_kernel *kernel;
  kvox_buffer *times, *scratch;
} kvox_mri_ocl_field;
kvox_status kvox_mri_ocl_field_make(kvox_context *context, const double *times_ms, int64_t samples,
                                    kvox_mri_ocl_field *stage);
void kvox_mri_ocl_field_drop(kvox_mri_ocl_field *stage);
kvox_status kvox_mri_ocl_field_run(const kvox_mri_ocl_field *stage, kvox_ocl_queue *queue, const kvox_array *images,
                                   const kvox_array *field, const kvox_array *weight, kvox_buffer *flags, int64_t flag);

/* The whole calls, of arrays that were checked. After a failure `fall_back` says whether the CPU takes over. */
kvox_status kvox_mri_mix_on_device(kvox_context *context, const char *name, const char *stage, const kvox_mix *mix,
                                   kvox_workspace *workspace, const kvox_array *in, const kvox_array *out,
                                   bool *fall_back);
kvox_status kvox_mri_compress_positions_on_device(kvox_context *context, const kvox_mri_compression *compression,
                                                  kvox_workspace *workspace, const kvox_array *in,
                                                  const kvox_array *out, bool *fall_back);
kvox_status kvox_mri_root_sum_of_squares_on_device(kvox_context *context, kvox_workspace *workspace,
                                                   const kvox_array *images, const kvox_array *magnitude,
                                                   bool *fall_back);
/* `mix` NULL: images and maps as they are. */
kvox_status kvox_mri_combine_on_device(kvox_context *context, const kvox_mix *mix, kvox_workspace *workspace,
                                       const kvox_array *images, const kvox_array *maps, const kvox_array *combined,
                                       bool *fall_back);
kvox_status kvox_mri_walsh_on_device(kvox_context *context, const kvox_mri_noise *noise, const int64_t radius[3],
                                     kvox_workspace *workspace, const kvox_array *images, const kvox_array *maps,
                                     bool *fall_back);
kvox_status kvox_mri_t2star_on_device(kvox_context *context, const kvox_t2star_fit *fit, bool least_squares,
                                      double first_ms, kvox_workspace *workspace, const kvox_array *magnitudes,
                                      const kvox_array *const results[KVOX_T2STAR_RESULTS], bool *fall_back);
kvox_status kvox_mri_field_on_device(kvox_context *context, const double *times_ms, kvox_workspace *workspace,
                                     const kvox_array *images, const kvox_array *field, const kvox_array *weight,
                                     bool *fall_back);
/* `stage` is the kernel too. */
kvox_status kvox_mri_polar_on_device(kvox_context *context, const char *name, const char *stage,
                                     kvox_workspace *workspace, const kvox_array *images, const kvox_array *result,
                                     bool *fall_back);

#endif
