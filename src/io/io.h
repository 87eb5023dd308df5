/*
 * The inside of libkvox-io. One format, one table of functions (`kvox_io_format`); dispatch.c finds it by the
 * extension. A format with one image a file says in read_header what there is, judges it against the bytes the file
 * has, and in read_samples fills memory of exactly that size: image.c makes volumes, arrays and scans of any such
 * format.
 */
#ifndef KVOX_IO_INSIDE_H
#define KVOX_IO_INSIDE_H

#include <stdbool.h>

#include "io/file.h"
#include "kvox/extend.h"
#include "kvox/io.h"

#define KVOX_TRY(call)                    \
  do {                                    \
    const kvox_status kvox_try_ = (call); \
    if (kvox_try_ != KVOX_OK) {           \
      return kvox_try_;                   \
    }                                     \
  } while (0)

#define KVOX_TRY_CLEANUP(call) \
  do {                         \
    status = (call);           \
    if (status != KVOX_OK) {   \
      goto cleanup;            \
    }                          \
  } while (0)

#define KVOX_REQUIRE(pointer)                                                             \
  do {                                                                                    \
    if ((pointer) == NULL) {                                                              \
      return kvox_extend_fail(KVOX_ERROR_ARGUMENT, "%s: %s is NULL", __func__, #pointer); \
    }                                                                                     \
  } while (0)

/* Deflate makes at most 1032 bytes of one (zlib's technical notes): a file that claims more than that is not whole. */
enum { KVOX_IO_DEFLATE_MOST = 1032 };

struct kvox_io_array {
  kvox_context *context; /* held */
  kvox_array array;
  void *memory;
};

/* Arrays whose data are NULL are absent. */
struct kvox_io_scan {
  kvox_context *context; /* held */
  kvox_array projections, flat, dark;
  void *memory[3]; /* of projections, flat, dark */
  double *angles_deg;
  kvox_io_detector detector; /* of the header's frame; has_origin 0: it has none */
};

/* What a file's header says. */
typedef struct kvox_io_image {
  kvox_type type;
  int32_t rank;
  int64_t shape[KVOX_MAX_RANK]; /* slowest index first, whatever the order in the file */
  bool first_fastest;           /* the file has the first index fastest (Fortran order) */
  bool swap_bytes;              /* the file's byte order is not the machine's */
  int64_t bytes;                /* of all samples; kvox_io_image_measure sets it */
  bool has_frame;               /* the rest means something; else spacing 1, centred */
  kvox_grid grid;
  int32_t unit;
  char *provenance; /* from the context's allocator, or NULL */
  void *state;      /* the format's own */
} kvox_io_image;

/* What a format can be asked for. */
enum { KVOX_IO_VOLUME = 1, KVOX_IO_ARRAY = 2, KVOX_IO_SCAN = 4 };

typedef struct kvox_io_format {
  const char *extensions[3]; /* lower case, with the dot; NULL ends them */
  unsigned reads;            /* KVOX_IO_VOLUME | ...: what its images are read as */
  kvox_status (*read_header)(kvox_io_file *file, kvox_io_image *image);
  kvox_status (*read_samples)(kvox_io_file *file, kvox_io_image *image, void *samples);
  void (*end_read)(kvox_io_file *file, kvox_io_image *image); /* may be NULL; also after a failed read_header */
  /* For formats of more than one array a file; replaces the three above. */
  kvox_status (*read_scan)(kvox_io_file *file, kvox_io_scan *scan);
  /* NULL: cannot be written. */
  kvox_status (*write_volume)(kvox_context *context, const char *path, const kvox_volume *volume,
                              const kvox_io_write_options *options);
  kvox_status (*write_array)(kvox_context *context, const char *path, const kvox_array *array);
  kvox_status (*write_scan)(kvox_context *context, const char *path, const kvox_io_scan *scan);
} kvox_io_format;

extern const kvox_io_format kvox_io_npy_format, kvox_io_metaimage_format, kvox_io_png_format, kvox_io_dxchange_format,
    kvox_io_cfl_format;

/* cfl.c: type and shape from a .hdr. */
kvox_status kvox_io_cfl_header(kvox_io_file *header, kvox_io_image *image);

/* dispatch.c: whether the path ends so, in letters of either case (`extension` in lower case). */
bool kvox_io_has_extension(const char *path, const char *extension);

/* A sentence from below (no memory, an argument of the core) gets the name of the file that it was about. */
kvox_status kvox_io_named(const char *path, kvox_status status);

/* image.c: an open file to an object. */
kvox_status kvox_io_load_volume(const kvox_io_format *format, kvox_io_file *file, kvox_volume **volume);
kvox_status kvox_io_load_array(const kvox_io_format *format, kvox_io_file *file, kvox_io_array **array);
kvox_status kvox_io_load_scan(const kvox_io_format *format, kvox_io_file *file, kvox_io_scan **scan);

/* Sets image->bytes, and fails where the samples do not fit `available` bytes that may each become `most` bytes. */
kvox_status kvox_io_image_measure(const kvox_io_file *file, kvox_io_image *image, int64_t available, int64_t most);

/* Turns the bytes of each element of `size` bytes. */
void kvox_io_swap_bytes(void *samples, size_t size, int64_t bytes);

/* dxchange_write.c */
kvox_status kvox_io_dxchange_write(kvox_context *context, const char *path, const kvox_io_scan *scan);

/* ct_geometry.c, ct_geometry_write.c: the same for a geometry file. */
kvox_status kvox_io_load_ct_geometry(kvox_io_file *file, const double *center_px, kvox_ct_geometry **geometry);
kvox_status kvox_io_save_ct_geometry(kvox_context *context, const char *path, const kvox_ct_geometry *geometry);

/* rtk.c, rtk_write.c; and ct_matrices.c: .npy or text. The detector is whole. */
kvox_status kvox_io_load_rtk_geometry(kvox_io_file *file, const kvox_io_detector *detector,
                                      kvox_ct_geometry **geometry);
kvox_status kvox_io_save_rtk_geometry(kvox_context *context, const char *path, const kvox_ct_geometry *geometry);
kvox_status kvox_io_load_ct_matrices(kvox_io_file *file, bool npy, const kvox_io_detector *detector,
                                     kvox_ct_geometry **geometry);
kvox_status kvox_io_save_ct_matrices(kvox_context *context, const char *path, bool npy,
                                     const kvox_ct_geometry *geometry);

/* dispatch.c: whether the path ends in `extension`, in letters of either case; and a sentence with the file's name. */
bool kvox_io_has_extension(const char *path, const char *extension);
kvox_status kvox_io_named(const char *path, kvox_status status);

/* blocks.c: a caller's array is fit to be written: data, a type, sizes of at least 1. `name` opens the sentence. */
kvox_status kvox_io_check_array(const kvox_array *array, const char *name);

/*
 * Calls `take` with the samples of an array in C order, in blocks as long as lie dense in memory (others are gathered);
 * stops at the first failure.
 */
typedef kvox_status (*kvox_io_take)(void *user, const void *bytes, size_t count);
kvox_status kvox_io_blocks(const kvox_array *array, kvox_io_take take, void *user);

static inline bool kvox_io_big_endian(void) {
  const uint16_t one = 1;
  return *(const unsigned char *)&one == 0;
}

#endif
