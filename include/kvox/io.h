/* Kvox: files. A library of its own (libkvox-io); formats go by the extension of the path. */
#ifndef KVOX_IO_H
#define KVOX_IO_H

#include <kvox/ct.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A failure's sentence begins with the file's name. KVOX_ERROR_IO: the operating system refused; KVOX_ERROR_FORMAT: the
 * file is truncated, malformed or contradicts itself; KVOX_ERROR_UNSUPPORTED: well-formed, but not read here. Nothing
 * of a header is logged. All functions may be called from any number of threads at once. Files appear whole or not at
 * all: they are written beside their names and renamed. HDF5 files are read by this library's own code, which trusts
 * nothing in them; the HDF5 library only writes, under one process-wide lock, its error stack and printing left as
 * found.
 */

/*
 * Reads a volume: .npy (rank 2 or 3; no frame: spacing 1, centred), .mha, .mhd (raw or zlib-compressed data, local or
 * in a file beside it). The sizes a file claims are checked against the bytes it has before anything is allocated. The
 * volume is dense with i fastest, also where the file has another order.
 */
KVOX_API kvox_status kvox_io_read_volume(kvox_context *context, const char *path, kvox_volume **volume);

/* Prepare with kvox_io_write_options_init, which asks for the middle slice and zeroes the rest. */
typedef struct kvox_io_write_options {
  size_t struct_size;
  int32_t compress;        /* .mha, .mhd: 1 compresses with zlib */
  int32_t window_function; /* .png: KVOX_WINDOW_... */
  int32_t bits;            /* .png: 8 or 16; 0: 8 */
  double window_center;    /* .png */
  double window_width;     /* .png; 0: from the slice, 0.5 to 99.5 % of its samples */
  int64_t slice;           /* .png: which slice; negative: the middle one */
} kvox_io_write_options;

#define kvox_io_write_options_init(options) kvox_io_write_options_init_sized((options), sizeof(kvox_io_write_options))
KVOX_API void kvox_io_write_options_init_sized(kvox_io_write_options *options, size_t struct_size);

/*
 * Writes a volume as .npy, .mha, .mhd (with .raw or .zraw beside it), or one slice as .png: j = 0 is the top row, so
 * that anterior is up and the patient's right on the left. Unit and provenance travel in .mha and .mhd, in keys of our
 * own that other readers pass over. `options` may be NULL.
 */
KVOX_API kvox_status kvox_io_write_volume(kvox_context *context, const char *path, const kvox_volume *volume,
                                          const kvox_io_write_options *options);

/*
 * Arrays without a frame: .npy of any rank up to 8 (Fortran order shows as strides), .png (u8 or u16 [row, column], or
 * u8 [row, column, 3]), and BART's .cfl with .hdr beside it (c64; f32 is written as c64). BART's dimensions are turned
 * round, [.., coil, z, y, x], dense with x fastest, without the sizes of 1 that end BART's list; where more than 8 are
 * left, sizes of 1 beyond the coils are left out too. What is read holds its context; the view stays its own.
 */
typedef struct kvox_io_array kvox_io_array;
KVOX_API kvox_status kvox_io_read_array(kvox_context *context, const char *path, kvox_io_array **array);
KVOX_API void kvox_io_array_destroy(kvox_io_array *array);
KVOX_API const kvox_array *kvox_io_array_view(const kvox_io_array *array);
KVOX_API kvox_status kvox_io_write_array(kvox_context *context, const char *path, const kvox_array *array);

/*
 * A scan as it lies in a file: .npy and .mha ([view, row, column]; rank 2 is one row), or DXchange HDF5 (.h5, .hdf5):
 * exchange/data, and where they are there data_white, data_dark ([frame, row, column]) and theta (degrees, unless its
 * attribute `units` begins with "rad"). Of HDF5 are read: all storage with gzip, shuffle and fletcher32 but what only
 * the newest format has (extensible arrays, version-2 trees, dense groups), which `h5repack -f GZIP=1` rewrites; no
 * links, raw data or virtual datasets that lead to other files.
 */
typedef struct kvox_io_scan kvox_io_scan;
KVOX_API kvox_status kvox_io_read_scan(kvox_context *context, const char *path, kvox_io_scan **scan);
KVOX_API void kvox_io_scan_destroy(kvox_io_scan *scan);
KVOX_API const kvox_array *kvox_io_scan_projections(const kvox_io_scan *scan);
KVOX_API const kvox_array *kvox_io_scan_flat(const kvox_io_scan *scan);   /* [frame, row, column]; NULL: none */
KVOX_API const kvox_array *kvox_io_scan_dark(const kvox_io_scan *scan);   /* NULL: none */
KVOX_API const double *kvox_io_scan_angles_deg(const kvox_io_scan *scan); /* one a view; NULL: none */

/* Writes projections [view, row, column], with the rest where given (NULL: absent), as DXchange HDF5; or the
 * projections alone as .npy, where the rest must be NULL. */
KVOX_API kvox_status kvox_io_write_scan(kvox_context *context, const char *path, const kvox_array *projections,
                                        const kvox_array *flat, const kvox_array *dark, const double *angles_deg);

/*
 * Reads the geometry file of docs/ct.md (JSON: beam, detector, angles_deg or views). `center_px`, when not NULL,
 * replaces the column offset of the file. Members that the reader does not know are an error that names them. What is
 * written is read as the same geometry.
 */
KVOX_API kvox_status kvox_io_read_ct_geometry(kvox_context *context, const char *path, const double *center_px,
                                              kvox_ct_geometry **geometry);
KVOX_API kvox_status kvox_io_write_ct_geometry(kvox_context *context, const char *path,
                                               const kvox_ct_geometry *geometry);

/* What geometries in other formats leave to the projections. Prepare with kvox_io_detector_init. */
typedef struct kvox_io_detector {
  size_t struct_size;
  int64_t rows, columns;  /* required */
  double column_pitch_mm; /* required (but for matrices of a parallel beam) */
  double row_pitch_mm;    /* RTK's alone; 0: as column_pitch_mm */
  int32_t has_origin;     /* RTK's alone; 0: the image's middle is at its origin, (0, 0) mm */
  double origin_mm[2];    /* where pixel (0, 0) is, along columns and rows: the origin of RTK's projection images */
} kvox_io_detector;

#define kvox_io_detector_init(detector) kvox_io_detector_init_sized((detector), sizeof(kvox_io_detector))
KVOX_API void kvox_io_detector_init_sized(kvox_io_detector *detector, size_t struct_size);

/* What the file of a scan tells of its detector (.mha, .mhd: spacing and offset of the stack of images); 0: nothing.
 * `detector` is prepared. */
KVOX_API int32_t kvox_io_scan_detector(const kvox_io_scan *scan, kvox_io_detector *detector);

/*
 * RTK's XML (RTKThreeDCircularGeometry, versions 2 and 3). RTK turns about its y axis: its (x, y, z) is (x, -z, y)
 * here, GantryAngle is our angle, columns and rows are the same. One circle about the axis becomes a circular geometry,
 * others views given one by one. A file that contradicts itself is KVOX_ERROR_FORMAT; an arc detector, or a build
 * without expat, KVOX_ERROR_UNSUPPORTED. What is written is read with the same pitch and no origin; what RTK cannot say
 * (oblique pixels, parallel rays that meet the detector askew, several rows of a fan) is KVOX_ERROR_UNSUPPORTED.
 */
KVOX_API kvox_status kvox_io_read_rtk_geometry(kvox_context *context, const char *path,
                                               const kvox_io_detector *detector, kvox_ct_geometry **geometry);
KVOX_API kvox_status kvox_io_write_rtk_geometry(kvox_context *context, const char *path,
                                                const kvox_ct_geometry *geometry);

/*
 * Projection matrices as kvox_ct_geometry_create_matrices takes and kvox_ct_geometry_matrix gives them: .npy [view, 3,
 * 4] (f64, f32), or any other name: text, 12 numbers a view in any lines, '#' to the end of a line a comment.
 */
KVOX_API kvox_status kvox_io_read_ct_matrices(kvox_context *context, const char *path, const kvox_io_detector *detector,
                                              kvox_ct_geometry **geometry);
KVOX_API kvox_status kvox_io_write_ct_matrices(kvox_context *context, const char *path,
                                               const kvox_ct_geometry *geometry);

#ifdef __cplusplus
}
#endif

#endif
