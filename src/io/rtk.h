/*
 * RTK's circular geometry: nine numbers a view that place source and detector about the isocentre, in a frame whose
 * rotation axis is y ("3D Circular Projection Geometry" of RTK's documentation). Ours is RTK's turned about x, so that
 * its y is our z: (x, y, z) of RTK is (x, -z, y) here, and angles stay what they are.
 */
#ifndef KVOX_IO_RTK_H
#define KVOX_IO_RTK_H

#include "io/io.h"

enum {
  KVOX_IO_RTK_SOURCE_TO_ISOCENTER,
  KVOX_IO_RTK_SOURCE_TO_DETECTOR, /* 0: parallel */
  KVOX_IO_RTK_GANTRY_DEG,
  KVOX_IO_RTK_PROJECTION_X,
  KVOX_IO_RTK_PROJECTION_Y,
  KVOX_IO_RTK_OUT_OF_PLANE_DEG,
  KVOX_IO_RTK_IN_PLANE_DEG,
  KVOX_IO_RTK_SOURCE_X,
  KVOX_IO_RTK_SOURCE_Y,
  KVOX_IO_RTK_PARAMETERS
};

typedef struct kvox_io_rtk_view {
  double of[KVOX_IO_RTK_PARAMETERS]; /* mm and degrees */
} kvox_io_rtk_view;

/* The elements' names, in that order. */
extern const char *const kvox_io_rtk_names[KVOX_IO_RTK_PARAMETERS];

/* rtk_read.c (rtk_absent.c where there is no expat): the views of a file, from the context's allocator. */
kvox_status kvox_io_rtk_parse(kvox_io_file *file, kvox_io_rtk_view **views, int64_t *count);

/* RTK's own 3 x 4 matrix: (x, y, z, 1) of RTK in mm to the detector in mm, as it stands in the file. */
void kvox_io_rtk_matrix(const kvox_io_rtk_view *view, double matrix[12]);

/* Rows of RTK's rotation: the directions of columns, rows and of the source, in RTK's frame. */
void kvox_io_rtk_rotation(const kvox_io_rtk_view *view, double rows[3][3]);

#endif
