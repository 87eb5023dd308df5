/* The parts of the JSON geometry reader: a table of members an object. */
#ifndef KVOX_IO_CT_GEOMETRY_H
#define KVOX_IO_CT_GEOMETRY_H

#include <cjson/cJSON.h>

#include "io/io.h"

/* Views, rows, columns: beyond any scanner, and small enough that no file can ask for much memory. */
enum { KVOX_IO_MOST_COUNT = 1 << 20 };

/* Of one object. */
enum { KVOX_IO_MOST_MEMBERS = 8 };

/* What was read, before it becomes options. */
typedef struct kvox_io_geometry_reader {
  const kvox_io_file *file;
  kvox_context *context;
  int32_t beam;                 /* KVOX_CT_PARALLEL, ... */
  kvox_ct_cone_options options; /* a parallel beam has no distances */
  double *angles_deg;           /* of a list; from the context's allocator */
  kvox_ct_view *described;      /* of "views", options.views of them; NULL: none. From the context's allocator */
  int64_t view;                 /* which one is being read */
} kvox_io_geometry_reader;

/* One member of an object: its name, whether it must be there, and what takes its value. */
typedef struct kvox_io_geometry_member {
  const char *name;
  bool required;
  kvox_status (*take)(kvox_io_geometry_reader *r, const char *path, const cJSON *value);
} kvox_io_geometry_member;

/* ct_geometry.c. "PATH must be MUST". */
kvox_status kvox_io_geometry_wrong(const kvox_io_geometry_reader *r, const char *path, const char *must);

/* Walks an object by its table; `path` is "" or "detector." and opens the names in sentences. */
kvox_status kvox_io_geometry_object(kvox_io_geometry_reader *r, const char *path, const cJSON *object,
                                    const kvox_io_geometry_member *members, int count);

kvox_status kvox_io_geometry_number(const kvox_io_geometry_reader *r, const char *path, const cJSON *value,
                                    double *number);

/* ct_geometry_views.c: the member "views", and what goes with it. */
kvox_status kvox_io_geometry_take_views(kvox_io_geometry_reader *r, const char *path, const cJSON *value);
kvox_status kvox_io_geometry_check_views(const kvox_io_geometry_reader *r, const cJSON *root);

#endif
