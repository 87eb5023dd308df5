/* Kvox: computed tomography, from raw counts to volumes. Geometry follows docs/conventions.md. */
#ifndef KVOX_CT_H
#define KVOX_CT_H

#include <kvox/phantom.h>
#include <kvox/volume.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Projections are arrays [view, row, column] of u8, i8, u16, i16, u32, i32, f16, f32 or f64, any strides. The rotation
 * axis is +z; at angle b the detector's u is (cos b, sin b, 0) and v is (0, 0, 1), so that a parallel ray meets column
 * s = x cos b + y sin b. The axis projects to column (columns - 1) / 2 + column_offset_px, and z = 0 to row (rows - 1)
 * / 2 + row_offset_px.
 */

/* ---- Geometry: immutable, shared by any number of plans and threads ---- */

typedef struct kvox_ct_geometry kvox_ct_geometry;

/* How the rays of a view run. FAN: every row is a plane with a source of its own, row_pitch_mm from the next. */
enum { KVOX_CT_PARALLEL = 0, KVOX_CT_FAN = 1, KVOX_CT_CONE = 2 };

/* One view of any scanner. Fixed: this struct does not grow. */
typedef struct kvox_ct_view {
  double angle_deg;
  double source_mm[3];   /* the source (of a fan: at z = 0); a parallel beam: the unit vector along the rays instead */
  double detector_mm[3]; /* the middle of the detector */
  double column_step_mm[3]; /* from a column to the next: pitch times u */
  double row_step_mm[3];    /* from a row to the next: pitch times v */
} kvox_ct_view;

/* Prepare with kvox_ct_parallel_options_init. */
typedef struct kvox_ct_parallel_options {
  size_t struct_size;
  int64_t views, rows, columns;
  double column_pitch_mm; /* 0: not known; lengths are then in pixels, values in 1/pixel */
  double row_pitch_mm;    /* 0: as column_pitch_mm */
  double column_offset_px;
  double row_offset_px;
  const double *angles_deg; /* `views` angles, any order, copied; NULL: start + step * view */
  double angle_start_deg;
  double angle_step_deg;
} kvox_ct_parallel_options;

#define kvox_ct_parallel_options_init(options) \
  kvox_ct_parallel_options_init_sized((options), sizeof(kvox_ct_parallel_options))
KVOX_API void kvox_ct_parallel_options_init_sized(kvox_ct_parallel_options *options, size_t struct_size);

KVOX_API kvox_status kvox_ct_geometry_create_parallel(kvox_context *context, const kvox_ct_parallel_options *options,
                                                      kvox_ct_geometry **geometry);
/*
 * A source and a flat detector on a circle about the axis, for fan and cone. At angle b the source stands at
 * source_to_axis_mm (sin b, -cos b, 0), and the detector's plane, with the u and v above, passes (source_to_detector_mm
 * - source_to_axis_mm) (-sin b, cos b, 0). Prepare with kvox_ct_cone_options_init.
 */
typedef struct kvox_ct_cone_options {
  size_t struct_size;
  int64_t views, rows, columns;
  double source_to_axis_mm;     /* required */
  double source_to_detector_mm; /* required, greater than source_to_axis_mm */
  double column_pitch_mm;       /* on the detector; required */
  double row_pitch_mm;          /* cone: on the detector; fan: from a plane to the next; 0: as column_pitch_mm */
  double column_offset_px;
  double row_offset_px;
  const double *angles_deg; /* `views` angles, any order, copied; NULL: start + step * view */
  double angle_start_deg;
  double angle_step_deg;
} kvox_ct_cone_options;

#define kvox_ct_cone_options_init(options) kvox_ct_cone_options_init_sized((options), sizeof(kvox_ct_cone_options))
KVOX_API void kvox_ct_cone_options_init_sized(kvox_ct_cone_options *options, size_t struct_size);

KVOX_API kvox_status kvox_ct_geometry_create_cone(kvox_context *context, const kvox_ct_cone_options *options,
                                                  kvox_ct_geometry **geometry);

/* The same with rows that do not diverge: row r is the plane z = (r - (rows - 1) / 2 - row_offset_px) row_pitch_mm. */
KVOX_API kvox_status kvox_ct_geometry_create_fan(kvox_context *context, const kvox_ct_cone_options *options,
                                                 kvox_ct_geometry **geometry);

/*
 * Any views, all PARALLEL or all CONE (`beam`), copied. Rays of a parallel view need not be unit vectors. `angle_deg`
 * is not read: a view's angle is that of its source (or ray) about the z axis, within half a turn of the view before.
 * Steps that span no plane, a source in the detector's plane or rays along it are KVOX_ERROR_ARGUMENT.
 */
KVOX_API kvox_status kvox_ct_geometry_create_views(kvox_context *context, int32_t beam, int64_t rows, int64_t columns,
                                                   const kvox_ct_view *views, int64_t count,
                                                   kvox_ct_geometry **geometry);

/*
 * Projection matrices, 3 x 4 in C order, one after the other: (x, y, z, 1) in mm to (w column, w row, w), of any scale
 * and sign; a third row of zeros but the last is a parallel view, and all must be alike. A matrix does not tell how far
 * the detector is, column_pitch_mm does. The world's origin is taken to be in front of the source.
 */
KVOX_API kvox_status kvox_ct_geometry_create_matrices(kvox_context *context, int64_t rows, int64_t columns,
                                                      double column_pitch_mm, const double *matrices, int64_t count,
                                                      kvox_ct_geometry **geometry);

/*
 * ASTRA's `cone_vec` (KVOX_CT_CONE) or `parallel3d_vec` (KVOX_CT_PARALLEL): 12 numbers a view: source (or ray,
 * which in ASTRA points to where the source would be), detector's middle, step to the next column, to the next row. Our
 * own projections [view, row, column] are ASTRA's [row, view, column] with the first two axes exchanged.
 */
KVOX_API kvox_status kvox_ct_geometry_from_astra(kvox_context *context, int32_t beam, int64_t rows, int64_t columns,
                                                 const double *vectors, int64_t count, kvox_ct_geometry **geometry);
KVOX_API kvox_status kvox_ct_geometry_to_astra(const kvox_ct_geometry *geometry, double *vectors);

KVOX_API void kvox_ct_geometry_destroy(kvox_ct_geometry *geometry);

/* KVOX_CT_PARALLEL, _FAN or _CONE. */
KVOX_API int32_t kvox_ct_geometry_beam(const kvox_ct_geometry *geometry);

/* Whether the views follow from their angles: 0 where each was given by itself. */
KVOX_API int32_t kvox_ct_geometry_is_circular(const kvox_ct_geometry *geometry);

/* From the source to the axis and to the detector's plane: both 0 for a parallel beam, means where views differ. */
KVOX_API kvox_status kvox_ct_geometry_distances(const kvox_ct_geometry *geometry, double *source_to_axis_mm,
                                                double *source_to_detector_mm);

/* Of columns and rows, on the detector: both 0 where not known, those of the first view where views differ. */
KVOX_API kvox_status kvox_ct_geometry_pitch(const kvox_ct_geometry *geometry, double pitch_mm[2]);

/*
 * The projection matrix of a view, 3 x 4 in C order: (x, y, z, 1) in mm to (w column, w row, w), w being the depth from
 * the source along the detector's normal in mm; 1 for a parallel beam. Rows of a fan are planes, which no matrix
 * projects to: like ASTRA's vectors, KVOX_ERROR_UNSUPPORTED, unless there is but one.
 */
KVOX_API kvox_status kvox_ct_geometry_matrix(const kvox_ct_geometry *geometry, int64_t view, double matrix[12]);

/* Shape of the projections: views, rows, columns. */
KVOX_API kvox_status kvox_ct_geometry_shape(const kvox_ct_geometry *geometry, int64_t shape[3]);
KVOX_API kvox_status kvox_ct_geometry_view(const kvox_ct_geometry *geometry, int64_t view, kvox_ct_view *description);

/* The column where the axis projects, (columns - 1) / 2 + column_offset_px; of views given by themselves, where the
 * world's origin does in the mean. */
KVOX_API double kvox_ct_geometry_center_px(const kvox_ct_geometry *geometry);

/* The unit that attenuation comes out in: KVOX_UNIT_PER_MM, or KVOX_UNIT_PER_PIXEL where the pitch is not known. */
KVOX_API int32_t kvox_ct_geometry_unit(const kvox_ct_geometry *geometry);

/* The grid used where none is given: `columns` squared voxels of one pitch in a slice, one slice a row; of a diverging
 * beam the pitch at the axis, source_to_axis / source_to_detector of the detector's. */
KVOX_API kvox_status kvox_ct_geometry_default_grid(const kvox_ct_geometry *geometry, kvox_grid *grid);

/*
 * The angular weight of each view in radians: half the gap to its neighbours on the circle of 180 degrees (a parallel
 * beam) or 360 degrees (fan and cone), views that measure the same rays sharing theirs. They sum to pi or 2 pi for
 * every arc that covers the circle, any order, unequal steps and over-scans included. Where one gap is more than 3.5
 * times as wide as any other, the views at its edges stand for one mean step of it: the sum lacks the rest.
 */
KVOX_API kvox_status kvox_ct_geometry_weights(const kvox_ct_geometry *geometry, double *weights_rad);

/*
 * What this geometry can give, in words: field of view, coverage, what of `grid` (NULL: the default grid) it sees. The
 * text is written like kvox_context_describe does, with `length` (may be NULL) the whole length. Returns
 * KVOX_ERROR_GEOMETRY when analytic reconstruction onto the grid is not valid, with the reason as the error sentence.
 */
KVOX_API kvox_status kvox_ct_geometry_check(const kvox_ct_geometry *geometry, const kvox_grid *grid, char *text,
                                            size_t size, size_t *length);

/* ---- Simulation ---- */

/* Exact line integrals of a phantom through the middle of every pixel, into f32 or f64 [view, row, column]. Rays of fan
 * and cone begin at the source; what lies behind it is not seen. */
KVOX_API kvox_status kvox_ct_simulate(kvox_context *context, const kvox_ct_geometry *geometry,
                                      const kvox_phantom *phantom, const kvox_array *projections);

/*
 * Replaces line integrals by what a counting detector with `photons` (1 to 1e15) a pixel in air would see: n ~
 * Poisson(photons exp(-p)), then -log(max(n, 1) / photons). In place, f32 or f64, any rank. The noise of a sample
 * depends on `seed` and its index (in C order) alone, whatever the threads and strides. A line integral that is not
 * finite, or so negative that its mean exceeds 1e15, is KVOX_ERROR_DATA; then nothing was changed.
 */
KVOX_API kvox_status kvox_ct_add_noise(kvox_context *context, double photons, uint64_t seed,
                                       const kvox_array *projections);

/* ---- Correction of raw counts: offset, gain, bad pixels, -log ---- */

typedef struct kvox_ct_correction kvox_ct_correction;

typedef struct kvox_ct_correction_options {
  size_t struct_size;
  const kvox_array *dark;       /* [frame, row, column] or [row, column], averaged; NULL: zero */
  const kvox_array *flat;       /* the same, with the beam on; required */
  const kvox_array *bad_pixels; /* u8 [row, column], not zero: bad; NULL: found from flat <= dark alone */
  double least_counts;          /* counts above dark are clamped to this; 0: 1 */
} kvox_ct_correction_options;

#define kvox_ct_correction_options_init(options) \
  kvox_ct_correction_options_init_sized((options), sizeof(kvox_ct_correction_options))
KVOX_API void kvox_ct_correction_options_init_sized(kvox_ct_correction_options *options, size_t struct_size);

/*
 * Averages the frames and finds what each pixel needs; nothing of the arrays is kept. A pixel is bad where the mask
 * says so or its flat is not above its dark; it takes the straight line between its next good neighbours in the row
 * (after the log). A row without a good pixel is KVOX_ERROR_DATA.
 */
KVOX_API kvox_status kvox_ct_correction_create(kvox_context *context, const kvox_ct_correction_options *options,
                                               kvox_ct_correction **correction);
KVOX_API void kvox_ct_correction_destroy(kvox_ct_correction *correction);
KVOX_API int64_t kvox_ct_correction_bad_pixels(const kvox_ct_correction *correction);

/* Counts to line integrals, p = log((flat - dark) / max(count - dark, least)), into f32 of the same shape (in place
 * where the types are both f32). NaN or infinite counts are KVOX_ERROR_DATA with the first place they were met; what a
 * bad pixel counted is not looked at. Where the context has an OpenCL device it is done there, within the context's
 * memory limit, and either array may be on it (kvox/device.h). */
KVOX_API kvox_status kvox_ct_correct(kvox_context *context, const kvox_ct_correction *correction,
                                     const kvox_array *counts, const kvox_array *line_integrals);

/*
 * The column that the rotation axis projects to, found in the data: the shift that makes opposite views agree, over
 * frequencies and rows (all up to 32, else 32 of them) at once. With half a turn, the missing half is made of mirrored
 * views and the shift is the one that leaves least energy where the Fourier transform of a sinogram must be empty
 * (Edholm, Lewitt, Lindholm 1986; Vo et al. 2014). Needs equal steps, in any order, over at least 180 degrees less one
 * step; angles with unequal steps, or steps above 10 degrees that do not divide the half turn, are served by the
 * centers of mass (Azevedo et al. 1990) where the object lies inside the detector, else they are
 * KVOX_ERROR_UNSUPPORTED. Where it reaches beyond, a full turn is compared over what both views saw; half a turn then
 * tells the center to about a pixel, which is logged. `correction` NULL: line integrals. The offset in the geometry is
 * not used. No object, or noise alone, is KVOX_ERROR_DATA, an arc too short KVOX_ERROR_GEOMETRY. The same bits for any
 * number of threads. Memory: one row's transforms for each thread, within the context's limit (0: 64 MiB or the least
 * that works).
 */
KVOX_API kvox_status kvox_ct_find_center(kvox_context *context, const kvox_ct_geometry *geometry,
                                         const kvox_ct_correction *correction, const kvox_array *projections,
                                         double *center_px);

/* ---- Do the data fit the geometry? ---- */

/* What comes of the question: they do; they fit another geometry clearly better; they fit none that was tried; the data
 * do not depend on what could be wrong. */
enum { KVOX_CT_DATA_FIT = 0, KVOX_CT_DATA_FIT_ANOTHER = 1, KVOX_CT_DATA_FIT_NONE = 2, KVOX_CT_DATA_CANNOT_TELL = 3 };

/* A single change of the geometry, or of how the data lie in it. */
enum {
  KVOX_CT_AS_GIVEN = 0,
  KVOX_CT_DIRECTION = 1,       /* the angles run the other way */
  KVOX_CT_COLUMNS_FLIPPED = 2, /* about the detector's middle */
  KVOX_CT_ROWS_FLIPPED = 3,
  KVOX_CT_COLUMN_OFFSET = 4,   /* by so many columns more */
  KVOX_CT_SOURCE_DISTANCE = 5, /* source_to_detector_mm times a factor, or the column pitch divided by it */
  KVOX_CT_ANGLE_STEP = 6       /* all angles times a factor */
};

/* Prepare with kvox_ct_consistency_init. */
typedef struct kvox_ct_consistency {
  size_t struct_size;
  int32_t verdict;         /* KVOX_CT_DATA_FIT ... */
  int32_t change;          /* KVOX_CT_DATA_FIT_ANOTHER: what fits best */
  double amount;           /* its columns or factor */
  double better;           /* how many times better it fits; else 0 */
  double compared;         /* the part of the data, by variance, whose opposite rays were measured too */
  double misfit;           /* their differences as given, as a part of those of unrelated rays (root mean squares) */
  double center_misfit_px; /* parallel: how far the centers of mass are from a cos b + b sin b; -1: not judged */
  double beyond; /* the object reaches beyond the detector: the part of the data's root mean square that its edges
                    have; 0: it does not, or opposite rays see the rest */
} kvox_ct_consistency;

#define kvox_ct_consistency_init(result) kvox_ct_consistency_init_sized((result), sizeof(kvox_ct_consistency))
KVOX_API void kvox_ct_consistency_init_sized(kvox_ct_consistency *result, size_t struct_size);

/*
 * Holds the data against the geometry, in words (`text`, `size` and `length` as of kvox_ct_geometry_check; written also
 * where it fails below), and in `result` (may be NULL): opposite rays, which must measure the same (of a cone those in
 * the plane of the source), and of a parallel beam the moments of its projections. Tried are: the angles in the other
 * direction, columns or rows flipped, another column offset, another distance of the detector, other steps of the
 * angles. What no data can tell, docs/ct.md lists. KVOX_ERROR_GEOMETRY where one of them fits clearly better (twice) or
 * the data fit badly, with the reason; KVOX_ERROR_DATA where there is no object, or noise alone. Where nothing can be
 * told, the words say so and it is KVOX_OK: views given by themselves, an arc without opposite rays, an object that
 * looks alike either way. That an object reaches beyond the detector is said of any views with columns across the axis,
 * and changes nothing of the verdict. `correction` NULL: line integrals. Reads up to 8 rows. The same bits for any
 * number of threads.
 */
KVOX_API kvox_status kvox_ct_data_check(kvox_context *context, const kvox_ct_geometry *geometry,
                                        const kvox_ct_correction *correction, const kvox_array *projections, char *text,
                                        size_t size, size_t *length, kvox_ct_consistency *result);

/* ---- Ramp filter ---- */

/* Windows on the ramp, stretched to cutoff * Nyquist, zero above; formulas in docs/ct.md. */
enum {
  KVOX_CT_RAMP = 0,
  KVOX_CT_SHEPP_LOGAN = 1,
  KVOX_CT_COSINE = 2,
  KVOX_CT_HAMMING = 3,
  KVOX_CT_HANN = 4,
  KVOX_CT_CUSTOM = 5 /* the caller's own: `response` */
};

/* "ramp", ... and back (a negative number for a name that is none). */
KVOX_API const char *kvox_ct_window_name(int32_t window);
KVOX_API int32_t kvox_ct_window_by_name(const char *name);

typedef struct kvox_ct_filter_options {
  size_t struct_size;
  int32_t window;         /* KVOX_CT_RAMP ... */
  double cutoff;          /* 0 < cutoff <= 1, a fraction of the detector's Nyquist frequency; 0: 1 */
  const double *response; /* CUSTOM: factors on the ramp at equal steps from 0 to cutoff * Nyquist, linear between */
  int64_t response_count; /* at least 2 */
  const kvox_ct_correction *correction; /* NULL: the projections are line integrals */
  uint64_t memory_limit;                /* bytes; 0: the context's */
} kvox_ct_filter_options;

#define kvox_ct_filter_options_init(options) \
  kvox_ct_filter_options_init_sized((options), sizeof(kvox_ct_filter_options))
KVOX_API void kvox_ct_filter_options_init_sized(kvox_ct_filter_options *options, size_t struct_size);

typedef struct kvox_ct_filter_plan kvox_ct_filter_plan;

/* Plans the convolution of every row with the band-limited ramp (Kak and Slaney 1988, eq. 3.61) times the window. The
 * correction lives on with the plan when it is destroyed first. On a device or the CPU as a plan of filtered
 * back-projection is. */
KVOX_API kvox_status kvox_ct_filter_plan_create(kvox_context *context, const kvox_ct_geometry *geometry,
                                                const kvox_ct_filter_options *options, kvox_ct_filter_plan **plan);
KVOX_API void kvox_ct_filter_plan_destroy(kvox_ct_filter_plan *plan);
KVOX_API kvox_status kvox_ct_filter_plan_memory(const kvox_ct_filter_plan *plan, kvox_memory_use *memory);

/* Projections to filtered projections, f32 [view, row, column] in 1/mm (the sum over views of weight times value is the
 * picture), columns contiguous. Where the plan is on a device, either array may be on it. */
KVOX_API kvox_status kvox_ct_filter_execute(const kvox_ct_filter_plan *plan, kvox_workspace *workspace,
                                            const kvox_array *projections, const kvox_array *filtered);

/* ---- Filtered back-projection ---- */

typedef struct kvox_ct_fbp_options {
  size_t struct_size;
  const kvox_grid *grid;                /* upright; NULL: the default grid */
  int64_t region_begin[3];              /* a box of voxels of `grid`; its voxels have the same bits as in the whole */
  int64_t region_size[3];               /* all zero: the whole grid */
  const kvox_ct_filter_options *filter; /* NULL: the plain ramp, line integrals */
  int32_t hounsfield;                   /* 1: HU = 1000 (mu - mu_water) / (mu_water - mu_air) */
  int32_t allow_short_arc;              /* 1: reconstruct from what was measured although angles are missing */
  double mu_water_per_mm;
  double mu_air_per_mm;
  uint64_t memory_limit; /* bytes; 0: the context's, else 64 MiB (fan, cone 128; device: a part) or the least */
  int64_t stream_window; /* for kvox_ct_stream: how far views may come out of order; 1: not at all; 0: no stream */
} kvox_ct_fbp_options;

#define kvox_ct_fbp_options_init(options) kvox_ct_fbp_options_init_sized((options), sizeof(kvox_ct_fbp_options))
KVOX_API void kvox_ct_fbp_options_init_sized(kvox_ct_fbp_options *options, size_t struct_size);

typedef struct kvox_ct_fbp_plan kvox_ct_fbp_plan;

/*
 * Plans correction, filtering and back-projection of a parallel, fan or cone beam, also of views given one by one that
 * stay near a circle about z (a C-arm that sags: docs/ct.md tells how near; a sentence tells what is too far).
 * Fan and cone (Feldkamp, Davis, Kress 1984): a full turn, also with the detector to one side of the axis (Wang 2002;
 * what is measured twice is weighed by half but near the ends of the overlap), or an arc of at least 180 degrees and
 * the fan (Parker 1982; Silver 2000). Nothing of the options is kept but the correction, which lives on with the plan
 * when it is destroyed first (as the geometry does). Immutable: any number of threads may execute it, each with its
 * workspace.
 *
 * Where the context has an OpenCL device the plan is made there (of detectors on their side: on the CPU), with what
 * one execution takes of it (kvox_memory_use.device, which the limit bounds); each further one that runs at once takes
 * as much again, when it begins. Where that cannot be made, the plan is the CPU's instead, which is logged and told in
 * its provenance, or fails with KVOX_ERROR_DEVICE if the context forbids it. KVOX_ERROR_MEMORY_LIMIT names the least
 * limit that would do.
 */
KVOX_API kvox_status kvox_ct_fbp_plan_create(kvox_context *context, const kvox_ct_geometry *geometry,
                                             const kvox_ct_fbp_options *options, kvox_ct_fbp_plan **plan);
KVOX_API void kvox_ct_fbp_plan_destroy(kvox_ct_fbp_plan *plan);
KVOX_API kvox_status kvox_ct_fbp_plan_memory(const kvox_ct_fbp_plan *plan, kvox_memory_use *memory);

/* The frame of the result (of the region, where one was given). */
KVOX_API kvox_status kvox_ct_fbp_plan_grid(const kvox_ct_fbp_plan *plan, kvox_grid *grid);

/* How results of this plan come to be, as JSON; the text stays the plan's. */
KVOX_API const char *kvox_ct_fbp_plan_provenance(const kvox_ct_fbp_plan *plan);

/*
 * Reconstructs into `volume` (f32, of the plan's size, its voxels contiguous along i), and sets its frame, unit and
 * provenance. The volume may not overlap the projections. The same bits for any number of threads and any memory limit.
 * A plan on a device takes projections and volumes of the host and of that device (kvox/device.h), the latter in place,
 * with the same bits for both; one on the CPU those of the host. On a device the stages of the workspace are "upload",
 * "correct", "filter", "backproject" and "download", in seconds of the device.
 */
KVOX_API kvox_status kvox_ct_fbp_execute(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace,
                                         const kvox_array *projections, kvox_volume *volume);

/* ---- Views as they arrive ---- */

/*
 * A scan that is reconstructed while it runs: views are pushed one by one or in blocks, filtered and back-projected as
 * soon as they can be, and little is left to do after the last one. The result is kvox_ct_fbp_execute's, bit for bit,
 * whatever the order and the blocks.
 *
 * The plan is made with kvox_ct_fbp_options.stream_window = w: while view n is the first that is missing, views n ... n
 * + w - 1 are taken (a w of all views: any order; 2 or a little more where two channels take turns). Such a plan is
 * made on the CPU; where the context has an OpenCL device that is logged, or fails with KVOX_ERROR_UNSUPPORTED if the
 * context forbids it. Its kvox_memory_use.workspace is what a stream takes, within the memory limit: w filtered views
 * and those that are back-projected together, up to 64, and half as many as w that wait for the neighbour that they are
 * filtered with. The more fit, the fewer times the volume is read and written.
 */
typedef struct kvox_ct_stream kvox_ct_stream;

/*
 * Begins a scan. `volume`, as for kvox_ct_fbp_execute and in the host's memory, stays the caller's, who neither writes
 * nor destroys it until the stream is finished or destroyed. Till then its voxels hold the sum over the views that were
 * back-projected so far, not in HU (none yet: what they held), and its frame, unit and provenance what they were.
 *
 * `workspace` (NULL: one of its own) is the stream's until then too: other calls refuse it, and where it is destroyed
 * before, that is done at the end. All memory is taken here, none with a workspace that has served this plan but for
 * some bytes and one a view. The progress function of the workspace is told of the whole scan during each push; the
 * stages are "take" (views that wait), "filter" and "backproject", of all pushes. The plan lives on with the stream.
 * One thread at a time may use a stream.
 */
KVOX_API kvox_status kvox_ct_stream_create(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace, kvox_volume *volume,
                                           kvox_ct_stream **stream);

/*
 * Takes views first_view, first_view + 1, ...: projections [view, row, column], or [row, column] for one, of any real
 * type and strides, in the host's memory, raw counts where the plan has a correction; read before the call returns. A
 * push that completes a block of views back-projects it, in the calling thread and the context's others; blocks get
 * smaller towards the end of the scan, so that the last push has one or two views to do.
 *
 * Nothing is taken, and the stream goes on, where a shape is wrong (KVOX_ERROR_SIZE), a view does not exist, is too far
 * ahead of the first missing one or was pushed before (KVOX_ERROR_ARGUMENT). Where a sample is NaN or infinite
 * (KVOX_ERROR_DATA), its view and those behind it in the same call are not taken, those before it are, and it may be
 * pushed again. As with kvox_ct_fbp_execute, rows that the volume does not see are not looked at. Cancelled, the stream
 * can only be destroyed, and the volume holds no meaning.
 */
KVOX_API kvox_status kvox_ct_stream_push(kvox_ct_stream *stream, int64_t first_view, const kvox_array *projections);

/* The first view that is missing; the number of views when all are there. -1: `stream` is NULL. */
KVOX_API int64_t kvox_ct_stream_next(const kvox_ct_stream *stream);

/*
 * Sets the volume's frame, unit and provenance: it is the result then, and it and the workspace are the caller's alone.
 * KVOX_ERROR_ARGUMENT, with the first view that is missing, where views are; the stream goes on. Again: KVOX_OK.
 */
KVOX_API kvox_status kvox_ct_stream_finish(kvox_ct_stream *stream);

/* The time from the last view to the volume: seconds that the push took which brought the last view that was missing.
 * 0 before. */
KVOX_API double kvox_ct_stream_seconds(const kvox_ct_stream *stream);

/* At any time; NULL is fine. Of an unfinished stream the volume stays as it is. */
KVOX_API void kvox_ct_stream_destroy(kvox_ct_stream *stream);

/* ---- The matched pair of projector and back-projector ---- */

typedef struct kvox_ct_operator kvox_ct_operator;

/* How A is computed. AUTO: pixel-driven for a parallel beam whose views follow from their angles, Joseph for others. */
enum { KVOX_CT_OPERATOR_AUTO = 0, KVOX_CT_OPERATOR_PIXEL_DRIVEN = 1, KVOX_CT_OPERATOR_JOSEPH = 2 };

/* Prepare with kvox_ct_operator_options_init. */
typedef struct kvox_ct_operator_options {
  size_t struct_size;
  const kvox_grid *grid; /* upright; NULL: the default grid */
  uint64_t memory_limit; /* as for kvox_ct_fbp_options */
  int32_t method;        /* KVOX_CT_OPERATOR_AUTO ... */
} kvox_ct_operator_options;

#define kvox_ct_operator_options_init(options) \
  kvox_ct_operator_options_init_sized((options), sizeof(kvox_ct_operator_options))
KVOX_API void kvox_ct_operator_options_init_sized(kvox_ct_operator_options *options, size_t struct_size);

/*
 * A: volumes on the grid to projections, and its exact adjoint; A of a value in 1/mm is a line integral. `options` may
 * be NULL; nothing of them is kept. Immutable: any number of threads may execute it, each with its workspace.
 * KVOX_ERROR_MEMORY_LIMIT names the least limit.
 *
 * Pixel-driven, with linear interpolation, for a parallel beam whose views follow from their angles: each voxel gives
 * its value times (voxel volume / pixel area) to the two columns that its centre falls between, and likewise to two
 * rows where its slice lies between them. The sum over a projection times the pixel's area is the sum over the volume
 * times the voxel's volume. One slice on one row is a plane, whose thickness has no say. KVOX_ERROR_GEOMETRY where
 * slices lie beside the rows. On a device or the CPU as a plan of filtered back-projection is.
 *
 * Joseph's (IEEE Trans. Med. Imaging 1, 1982), for any geometry: the ray through the middle of every pixel takes, at
 * each plane of voxels' middles along the axis that it runs along most, the bilinear interpolation in the plane, times
 * its length from plane to plane. Voxels outside the grid are zero; what no ray meets stays zero in the adjoint, and
 * voxels finer than rays are met unevenly. The grid, upright, and one voxel around it lie in front of every source, and
 * some ray meets it: KVOX_ERROR_GEOMETRY otherwise. On a device, which then holds the whole volume and, of a few views
 * at once, 48 bytes a ray (a limit too small for one view is KVOX_ERROR_MEMORY_LIMIT), or the CPU.
 */
KVOX_API kvox_status kvox_ct_operator_create(kvox_context *context, const kvox_ct_geometry *geometry,
                                             const kvox_ct_operator_options *options, kvox_ct_operator **operation);
KVOX_API void kvox_ct_operator_destroy(kvox_ct_operator *operation);
KVOX_API kvox_status kvox_ct_operator_memory(const kvox_ct_operator *operation, kvox_memory_use *memory);

/* The volumes' frame. */
KVOX_API kvox_status kvox_ct_operator_grid(const kvox_ct_operator *operation, kvox_grid *grid);

/* projections = A volume, both f32, the last index contiguous; where the operator is on a device, either may be on that
 * device, and is used in place. */
KVOX_API kvox_status kvox_ct_project(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                     const kvox_volume *volume, const kvox_array *projections);

/* volume = A^T projections; arrays as above. A sample that is not finite is KVOX_ERROR_DATA. */
KVOX_API kvox_status kvox_ct_backproject(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                         const kvox_array *projections, kvox_volume *volume);

#ifdef __cplusplus
}
#endif

#endif
