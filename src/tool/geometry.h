/* Geometries and grids from options. */
#ifndef KVOX_TOOL_GEOMETRY_H
#define KVOX_TOOL_GEOMETRY_H

#include "kvox/io.h"
#include "tool/tool.h"

typedef struct kvox_tool_grid_values {
  kvox_tool_numbers size, spacing, origin, center;
} kvox_tool_grid_values;

/* The rows of a verb's table for a member of type kvox_tool_grid_values. */
#define KVOX_TOOL_GRID_OPTIONS(type, member)                                                                           \
  {"size",                                                                                                             \
   0,                                                                                                                  \
   KVOX_TOOL_NUMBERS,                                                                                                  \
   "N[,N,N]",                                                                                                          \
   "voxels in x,y,z; one number: x and y, a slice for each row",                                                       \
   offsetof(type, member.size),                                                                                        \
   3,                                                                                                                  \
   KVOX_TOOL_WHOLE | KVOX_TOOL_POSITIVE | KVOX_TOOL_OR_SINGLE},                                                        \
      {"spacing",                                                                                                      \
       0,                                                                                                              \
       KVOX_TOOL_NUMBERS,                                                                                              \
       "MM[,MM,MM]",                                                                                                   \
       "voxel spacing; one number: x and y (the pitch)",                                                               \
       offsetof(type, member.spacing),                                                                                 \
       3,                                                                                                              \
       KVOX_TOOL_POSITIVE | KVOX_TOOL_OR_SINGLE},                                                                      \
      {"origin", 0, KVOX_TOOL_NUMBERS, "X,Y,Z", "where voxel (0,0,0) is, in mm", offsetof(type, member.origin), 3, 0}, \
  {                                                                                                                    \
    "grid-center", 0, KVOX_TOOL_NUMBERS, "X,Y,Z", "where the middle of the grid is, in mm (the axis)",                 \
        offsetof(type, member.center), 3, 0                                                                            \
  }

/* Refuses options that contradict each other. */
int kvox_tool_check_grid(const kvox_tool *tool, const kvox_tool_grid_values *values);

/* The default grid of the geometry, changed by what was given. */
int kvox_tool_make_grid(const kvox_tool *tool, const kvox_ct_geometry *geometry, const kvox_tool_grid_values *values,
                        kvox_grid *grid);

/* Formats of a scanner, by the name: JSON says all, RTK's XML (.xml) and matrices (.npy, .txt) leave the detector to
 * options. */
enum { KVOX_TOOL_JSON_GEOMETRY, KVOX_TOOL_RTK_GEOMETRY, KVOX_TOOL_MATRICES };
int kvox_tool_geometry_format(const char *path);

/* `detector` is for those that do not say theirs; a pitch of 0 is refused. `center_px` NULL: as the file has it. */
int kvox_tool_read_geometry(const kvox_tool *tool, const char *path, const kvox_io_detector *detector,
                            const double *center_px, kvox_ct_geometry **geometry);
int kvox_tool_write_geometry(const kvox_tool *tool, const char *path, const kvox_ct_geometry *geometry);

/* Angles of `views` views. */
typedef struct kvox_tool_angles {
  double *list; /* NULL: start and step; freed by the caller */
  double start, step;
} kvox_tool_angles;

/* --angles: "START,STEP", a .npy file of one dimension, or a text file of numbers. */
int kvox_tool_read_angles(const kvox_tool *tool, const char *text, int64_t views, kvox_tool_angles *angles);

#endif
